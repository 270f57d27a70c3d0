"""Encoders in the window: card, import, export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from app.base.jobs import ShouldStop
from app.encoders.card_window import CardWindow
from app.encoders.import_dialog import ImportEncoderDialog
from app.explore.explore import Explore
from app.widgets.ask_path import ask_path
from app.widgets.basics import bring
from app.widgets.desk import Desk, Drop, Feature, Paths, does
from app.widgets.job_line import Reading
from core.encoders.card_table import roi_table, voxel_table
from core.encoders.library import adopt_encoder, cards_of, export_encoder, is_library_file, name_encoder
from core.errors import ProbeError
from core.files import replace_file
from core.probes.target import TargetKind

if TYPE_CHECKING:
    from app.base.catalogue import Catalogue
    from core.encoders.card import EncoderCard
    from core.encoders.importers.bind import ImportProgress, ImportRequest
    from core.encoders.importers.readout import Readout
    from core.networks.spec import NetworkSpec

FIGURE_FILTER = "PNG (*.png);;SVG (*.svg);;PDF (*.pdf)"
CSV_FILTER = "CSV (*.csv)"
EXPORT_FILTER = "Probescope folder (*);;NumPy arrays (*.npz)"
SCORE_MAP = "r"
READ, KEEP = "read encoder", "import encoder"
STOPPED = "Stopped; nothing was saved."


class Encoders(Feature):
    """Holds the card's window and follows the encoder in use while it is open."""

    def __init__(self, desk: Desk, explore: Explore) -> None:
        super().__init__(desk)
        self._explore = explore
        self.card_window: CardWindow | None = None
        self.import_dialog: ImportEncoderDialog | None = None
        state = self._session.state
        state.card_changed.connect(self._follow_card)
        state.target_changed.connect(self._follow_target)
        explore.card_wanted.connect(self.show_card)

    def drops(self) -> Sequence[Drop]:
        """Files of encoders."""
        return (Drop("encoders", "Import {name} as an encoder", _is_encoder, self.import_files, takes_many=True),)

    @does("encoder_card")
    def show_card(self) -> None:
        """Open the card's window."""
        if self.card_window is None:
            self.card_window = self._make_card_window()
        bring(self.card_window)
        self._follow_card()
        self._follow_target()

    @does("import_encoder")
    def show_import(self) -> None:
        """Open the assistant that takes in encoders."""
        self._open_import()

    def import_files(self, files: Sequence[Path]) -> None:
        """Open the assistant on some files, as if they had been chosen in it."""
        self._open_import().choose_files(files)

    @does("export_encoder")
    def export_encoder(self) -> None:
        """Ask where, and write the encoder in use there."""
        card = self._session.state.card
        if card is None:
            return
        name = name_encoder(card.config)
        start = Path(self._session.settings.text("export_folder") or Path.home()) / name
        chosen, pattern = QFileDialog.getSaveFileName(self._desk.parent, "Export encoder", str(start), EXPORT_FILTER)
        if chosen:
            form = "npz" if pattern.startswith("NumPy") or chosen.endswith(".npz") else "probescope"
            self._session.controller.write("Exporting the encoder…", partial(_export, name, Path(chosen), form))

    def _open_import(self) -> ImportEncoderDialog:
        if self.import_dialog is not None:
            self.import_dialog.close()
        catalogue = self._session.catalogue
        made = ImportEncoderDialog(catalogue.subjects, catalogue.networks, self._desk.parent)
        made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        made.read_requested.connect(self._read)
        made.import_requested.connect(self._import)
        made.finished.connect(self._drop_import)
        self.import_dialog = made
        made.open()
        return made

    def _read(self, files: tuple[Path, ...], member: str) -> None:
        dialog, catalogue, lane = self.import_dialog, self._session.catalogue, self._session.lane
        if dialog is None:
            return
        if len(files) == 1 and is_library_file(files[0]):
            adopt = partial(_adopt, files[0], replace=dialog.replaces.isChecked())
            dialog.work.run(lane, KEEP, adopt, title="Reading the encoder…", on_done=self._take_import, stopped=STOPPED)
            return
        lane.submit(
            READ,
            lambda _stop: _look_into(files, member, catalogue),
            on_done=self._take_found,
            refuse=self._refuse_file,
            title=f"Reading {files[0].name}…",
        )

    def _import(self, request: ImportRequest) -> None:
        dialog = self.import_dialog
        if dialog is None or dialog.readout is None:
            return
        readout, files, engine = dialog.readout, dialog.files, self._session.engine

        def make(_stop: ShouldStop) -> Iterator[ImportProgress]:
            from core.encoders.importers.open import hash_files

            return engine.iter_import(readout, request, files=hash_files(files))

        dialog.work.run(
            self._session.lane,
            KEEP,
            make,
            title="Importing the encoder…",
            on_done=self._take_import_end,
            read=_read_progress,
            stopped=STOPPED,
        )

    def _take_found(self, found: tuple[Readout, dict[str, int], NetworkSpec | None]) -> None:
        if self.import_dialog is not None:
            self.import_dialog.show_found(*found)

    def _refuse_file(self, text: str) -> None:
        if self.import_dialog is not None:
            self.import_dialog.show_problem(text)

    def _take_import_end(self, record: ImportProgress) -> None:
        if record.result is not None:
            self._take_import(record.result)

    def _take_import(self, card: EncoderCard) -> None:
        """Add the new encoder and open it."""
        if self.import_dialog is not None:
            self.import_dialog.accept()
        controller, config = self._session.controller, card.config
        controller.reread_catalogue()
        self._session.state.encoder = (config.network, config.layer)
        controller.open_subject(config.subject)
        controller.noted.emit(f"Imported {name_encoder(config)}")

    def _drop_import(self) -> None:
        """The dialog was closed: what it was about to read or take in is not wanted any more."""
        dialog, self.import_dialog = self.import_dialog, None
        self._session.lane.drop(READ)
        if dialog is not None:
            dialog.work.drop()

    def _make_card_window(self) -> CardWindow:
        made = CardWindow(self._desk.parent)
        made.voxel_picked.connect(self._session.controller.pick_voxel)
        made.compare_requested.connect(self._compare)
        made.map_button.clicked.connect(self._show_map)
        made.figure_button.clicked.connect(self._save_figure)
        made.table.save_rois.clicked.connect(partial(self._save_table, "roi"))
        made.table.save_voxels.clicked.connect(partial(self._save_table, "voxel"))
        return made

    def _follow_card(self) -> None:
        shown, state, catalogue = self.card_window, self._session.state, self._session.catalogue
        if shown is None or not shown.isVisible():
            return
        subject, card = state.subject, state.card
        spec = catalogue.spec_of(state.network)
        order = spec.layers if spec is not None else ()
        own = (state.network, state.layer)
        fitted = catalogue.encoders_of(subject.id) if subject is not None else ()
        others = [config for config in fitted if (config.network, config.layer) != own]
        shown.show_card(card, subject, order=order, others=others)
        if card is not None:
            self._request_layers(card)

    def _request_layers(self, card: EncoderCard) -> None:
        config = card.config
        self._session.lane.submit(
            "cards",
            lambda _stop: cards_of(config.subject, config.network),
            on_done=partial(self._take_layers, card),
            title="Reading the cards of the other layers…",
        )

    def _take_layers(self, card: EncoderCard, cards: tuple[EncoderCard, ...]) -> None:
        if self.card_window is not None and self.card_window.card is card:
            self.card_window.show_layers(cards)

    def _follow_target(self) -> None:
        target = self._session.state.target
        if self.card_window is not None:
            single = target is not None and target.kind is TargetKind.VOXEL
            self.card_window.mark(target.voxels[0] if single and target is not None else None)

    def _compare(self, network: str, layer: str) -> None:
        subject = self._session.state.subject
        if subject is None or self.card_window is None:
            return
        with self._session.problems.shown():
            self.card_window.show_other(self._session.engine.encoder_card(subject.id, network, layer))

    def _show_map(self) -> None:
        self._explore.show_map(SCORE_MAP)
        self._desk.parent.activateWindow()

    def _save_figure(self) -> None:
        shown = self.card_window
        if shown is not None:
            path = ask_path(
                self._desk.parent, "Save the figure", "encoder-card.png", FIGURE_FILTER, settings=self._session.settings
            )
            if path is not None:
                save = partial(shown.current_figure().save_picture, path)
                self._session.controller.write("Saving the figure…", save)

    def _save_table(self, kind: str, *_clicked: bool) -> None:
        card, subject = self._session.state.card, self._session.state.subject
        if card is None or subject is None:
            return
        name, settings = f"encoder-card-by-{kind}.csv", self._session.settings
        if path := ask_path(self._desk.parent, "Save the table", name, CSV_FILTER, settings=settings):
            make = roi_table if kind == "roi" else voxel_table
            write = self._session.controller.write
            write("Saving the table…", lambda: _write_text(path, make(card, subject.voxels)))


def _is_encoder(paths: Paths) -> bool:
    from core.encoders.importers.open import looks_like_encoder

    return looks_like_encoder(paths[0])


def _read_progress(record: ImportProgress) -> Reading:
    agrees = f"Agrees with its source to {record.difference:.0e}. " if record.difference else ""
    return Reading(record.share, f"{agrees}Predicting the reference responses…")


def _adopt(file: Path, _stop: ShouldStop, *, replace: bool) -> EncoderCard:
    return adopt_encoder(file, replace=replace)[0]


def _look_into(
    files: tuple[Path, ...], member: str, catalogue: Catalogue
) -> tuple[Readout, dict[str, int], NetworkSpec | None]:
    """What the files hold, how many voxels every subject has, and the network the files name, if it is known."""
    from core.encoders.importers.open import read_readout
    from core.networks.catalog import find_network

    readout = read_readout(files, member=member)
    counts = {info.id: catalogue.load_subject(info.id).voxels.n_voxels for info in catalogue.subjects}
    try:
        return readout, counts, find_network(readout.network) if readout.network else None
    except ProbeError:
        return readout, counts, None


def _export(name: str, path: Path, form: str) -> str:
    files = export_encoder(name, path, form=form)
    return f"Exported {len(files)} files to {path}" if len(files) > 1 else f"Exported the encoder to {files[0]}"


def _write_text(path: Path, text: str) -> str:
    replace_file(path, lambda partial_path: partial_path.write_text(text, encoding="utf-8"))
    return f"Saved the table to {path}"
