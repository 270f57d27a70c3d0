"""Encoders in the window: card, import, export."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QFileDialog

from app.encoders.card_window import CardWindow
from app.encoders.import_dialog import ImportEncoderDialog
from app.encoders.whole_dialog import WholeEncoderDialog
from app.explore.explore import Explore
from app.widgets.basics import bring
from app.widgets.desk import Desk, Drop, Feature, Paths, does
from core.encoders.card import EncoderCard
from core.encoders.library import export_encoder

EXPORT_FILTER = "Probescope folder (*);;NumPy arrays (*.npz)"
SCORE_MAP = "r"


class Encoders(Feature):
    """Holds the card's window and the assistant of imports."""

    def __init__(self, desk: Desk, explore: Explore) -> None:
        super().__init__(desk)
        self._explore = explore
        self.card_window: CardWindow | None = None
        self.import_dialog: ImportEncoderDialog | None = None
        explore.controls.encoder.card_button.clicked.connect(self.show_card)

    def drops(self) -> Sequence[Drop]:
        """Files of encoders."""
        return (Drop("encoders", "Import {name} as an encoder", _is_encoder, self.show_import, takes_many=True),)

    @does("encoder_card")
    def show_card(self) -> None:
        """Open the card's window."""
        if self.card_window is None:
            self.card_window = CardWindow(self._session, self._show_map, self._desk.parent)
        bring(self.card_window)
        self.card_window.follow()

    @does("import_encoder")
    def show_import(self, files: Paths = ()) -> None:
        """Open the assistant that takes in encoders, on some files as if they had been chosen in it."""
        if self.import_dialog is not None:
            self.import_dialog.close()
        self.import_dialog = made = ImportEncoderDialog(self._session, self._use, self._desk.parent)
        made.finished.connect(self._forget_import)
        made.open()
        if files:
            made.choose_files(files)

    @does("add_whole_encoder")
    def show_whole(self) -> None:
        """Open the form for a whole encoder."""
        WholeEncoderDialog(self._session, self._use, self._desk.parent).open()

    @does("export_encoder")
    def export_encoder(self) -> None:
        """Ask where, and write the encoder in use there."""
        card = self._session.state.card
        if card is None:
            return
        name = card.config.name
        start = Path(self._session.settings.text("export_folder") or Path.home()) / name
        chosen, pattern = QFileDialog.getSaveFileName(self._desk.parent, "Export encoder", str(start), EXPORT_FILTER)
        if chosen:
            form = "npz" if pattern.startswith("NumPy") or chosen.endswith(".npz") else "probescope"
            self._session.controller.write("Exporting the encoder…", partial(_export, name, Path(chosen), form))

    def _use(self, card: EncoderCard) -> None:
        controller, config = self._session.controller, card.config
        controller.reread_catalogue()
        self._session.state.encoder = (config.network, config.layer)
        controller.open_subject(config.subject)
        controller.noted.emit(f"Imported {config.name}")

    def _forget_import(self) -> None:
        self.import_dialog = None

    def _show_map(self) -> None:
        self._explore.cortex.set_map(SCORE_MAP)
        self._desk.parent.activateWindow()


def _is_encoder(paths: Paths) -> bool:
    from core.encoders.importers.open import looks_like_encoder

    return looks_like_encoder(paths[0])


def _export(name: str, path: Path, form: str) -> str:
    files = export_encoder(name, path, form=form)
    return f"Exported {len(files)} files to {path}" if len(files) > 1 else f"Exported the encoder to {files[0]}"
