"""What the window does with encoders: card, import, export. Never runs one and never decides what is selected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog

from app.dialogs.card_window import CardWindow
from app.jobs import Failed
from core.encoders.card_table import roi_table, voxel_table
from core.encoders.library import cards_of
from core.errors import ProbeError
from core.files import replace_file
from core.probes.target import TargetKind

if TYPE_CHECKING:
    from app.main_window import MainWindow
    from app.theme import Theme
    from core.encoders.card import EncoderCard

FIGURE_FILTER = "PNG (*.png);;SVG (*.svg)"
CSV_FILTER = "CSV (*.csv)"
SCORE_MAP = "r"


class EncoderTools(QObject):
    """Holds the card's window and follows the encoder in use while it is open."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session
        self.card_window: CardWindow | None = None
        state = self._session.state
        state.card_changed.connect(self._follow_card)
        state.target_changed.connect(self._follow_target)
        window.controls.encoder.card_requested.connect(self.show_card)

    def table(self) -> Mapping[str, Callable[[], object]]:
        """The handlers of the commands about encoders."""
        return {"encoder_card": self.show_card}

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        if self.card_window is not None:
            self.card_window.set_theme(theme)

    @Slot()
    def show_card(self) -> None:
        """Open the card's window."""
        if self.card_window is None:
            self.card_window = self._make_card_window()
        self.card_window.show()
        self.card_window.raise_()
        self._follow_card()
        self._follow_target()

    def _make_card_window(self) -> CardWindow:
        made = CardWindow(self._window)
        made.set_theme(self._window.theme)
        made.voxel_picked.connect(self._session.controller.pick_voxel)
        made.compare_requested.connect(self._compare)
        made.map_requested.connect(self._show_map)
        made.figure_requested.connect(self._save_figure)
        made.table_requested.connect(self._save_table)
        return made

    @Slot()
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
            on_failed=self._fail,
            title="Reading the cards of the other layers…",
        )

    def _take_layers(self, card: EncoderCard, cards: tuple[EncoderCard, ...]) -> None:
        if self.card_window is not None and self.card_window.card is card:
            self.card_window.show_layers(cards)

    @Slot()
    def _follow_target(self) -> None:
        target = self._session.state.target
        if self.card_window is not None:
            single = target is not None and target.kind is TargetKind.VOXEL
            self.card_window.mark(target.voxels[0] if single and target is not None else None)

    @Slot(str, str)
    def _compare(self, network: str, layer: str) -> None:
        subject = self._session.state.subject
        if subject is None or self.card_window is None:
            return
        try:
            self.card_window.show_other(self._session.engine.encoder_card(subject.id, network, layer))
        except ProbeError as error:
            self._session.problems.show(error)

    @Slot()
    def _show_map(self) -> None:
        self._window.cortex.set_map(SCORE_MAP)
        self._window.activateWindow()

    @Slot()
    def _save_figure(self) -> None:
        shown = self.card_window
        if shown is not None:
            path = self._ask_path("Save the figure", "encoder-card.png", FIGURE_FILTER)
            if path is not None:
                self._try(partial(shown.current_figure().save_picture, path))

    @Slot(str)
    def _save_table(self, kind: str) -> None:
        card, subject = self._session.state.card, self._session.state.subject
        if card is None or subject is None:
            return
        path = self._ask_path("Save the table", f"encoder-card-by-{kind}.csv", CSV_FILTER)
        if path is not None:
            text = roi_table(card, subject.voxels) if kind == "roi" else voxel_table(card, subject.voxels)
            self._try(partial(_write_text, path, text))

    def _fail(self, failed: Failed) -> None:
        self._session.problems.show_failed(failed)

    def _try(self, save: Callable[[], str]) -> None:
        try:
            self._session.controller.noted.emit(save())
        except ProbeError as error:
            self._session.problems.show(error)

    def _ask_path(self, title: str, name: str, pattern: str) -> Path | None:
        kept = self._session.settings.text("export_folder")
        folder = Path(kept) if kept else Path.home()
        chosen, _ = QFileDialog.getSaveFileName(self._window, title, str(folder / name), pattern)
        return Path(chosen) if chosen else None


def _write_text(path: Path, text: str) -> str:
    replace_file(path, lambda partial_path: partial_path.write_text(text, encoding="utf-8"))
    return f"Saved the table to {path}"
