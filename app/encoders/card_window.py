"""The encoder card: what the open encoder is and how well it predicts, beside the main window.

left: facts | right: scores, comparison with another encoder, table
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QTabWidget, QWidget

from app.base.services import Services
from app.base.turns import Turns
from app.encoders.card_data import ALL, choose_voxels, describe_difference, offered_scores, roi_groups
from app.encoders.card_figure import Figure, plot_card, plot_pair
from app.encoders.card_table_view import CardTableView
from app.widgets.ask_path import ask_path
from app.widgets.basics import allow, make_badge, make_button, make_column, make_heading, make_label, make_row, set_look
from app.widgets.copy_work import make_copy_button
from app.widgets.editors import ChoiceBox
from app.widgets.plain_table import FactTable
from app.widgets.plot_view import PlotView
from core.commands.works import CommandWork
from core.datasets.subject import Subject
from core.encoders.card import EncoderCard
from core.encoders.card_table import FORMULAS, roi_table, summarise_card, voxel_table
from core.encoders.config import EncoderConfig
from core.encoders.library import cards_of
from core.errors import BadInputError
from core.figures.probe_words import describe_subject
from core.files import replace_file
from core.probes.target import TargetKind
from core.words import format_number

FIRST_SIZE = (1160, 760)
FACTS_WIDTH = 300
FIGURE_FILTER = "PNG (*.png);;SVG (*.svg);;PDF (*.pdf)"
CSV_FILTER = "CSV (*.csv)"
FIGURE_TIP = "Save the plots on screen as PNG or SVG"
FACT_TIPS = {
    "SDs over": FORMULAS["reference_sd"],
    "Readout": FORMULAS["alpha"],
    "Encoder SHA-256": "First digits of the hash of the encoder's file",
    "Network SHA-256": "First digits of the hash of the network's weights it reads",
}


class CardWindow(QDialog):
    """A window of its own that follows the encoder in use while it is open; `show_map` puts its r on the cortex."""

    def __init__(self, services: Services, show_map: Callable[[], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self.setWindowTitle("Encoder card")
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        self.resize(*FIRST_SIZE)
        self.card: EncoderCard | None = None
        self._subject: Subject | None = None
        self._cards: tuple[EncoderCard, ...] = ()
        self._order: tuple[str, ...] = ()
        self._other: EncoderCard | None = None
        self.figure, self.compare = Figure("Scores of the encoder"), Figure("Two encoders, voxel by voxel")
        self.table, self.turns = CardTableView(), Turns(self)
        self._lay_out(show_map)
        self._connect()

    def follow(self) -> None:
        """Show the encoder in use, while it is open, and once their cards are read the other layers of its network."""
        if not self.isVisible():
            return
        state, catalogue = self._services.state, self._services.catalogue
        subject, card, spec = state.subject, state.card, catalogue.spec_of(state.network)
        fitted = catalogue.encoders_of(subject.id) if subject is not None else ()
        others = [config for config in fitted if (config.network, config.layer) != state.encoder]
        self.show_card(card, subject, order=spec.layers if spec is not None else (), others=others)
        self._mark_target()
        if card is not None:
            self._services.lane.submit(
                "cards",
                lambda _stop: cards_of(card.config.subject, card.config.network),
                on_done=partial(self.take_layers, card),
                title="Reading the cards of the other layers…",
            )

    def show_card(
        self,
        card: EncoderCard | None,
        subject: Subject | None,
        *,
        order: tuple[str, ...],
        others: Sequence[EncoderConfig],
    ) -> None:
        """Show the card of the encoder in use; `others` can be compared with it."""
        self.card, self._subject, self._order = card, subject, order
        whose = "" if card is None or subject is None else f"{describe_subject(subject.id)}. {card.config.describe()}"
        self.figure.caption = self.compare.caption = whose
        self._cards, self._other = (), None
        names = [ALL] if subject is None else [ALL, *roi_groups(subject.voxels)]
        self.roi_box.set_choices([(name, name) for name in names], self.roi_box.value())
        offered = offered_scores(card) if card is not None else ()
        self.score_box.set_choices([(one, one.title, one.formula) for one in offered], self.score_box.value())
        self.score_box.setEnabled(bool(offered))
        encoders = [(config.network, config.layer) for config in others]
        self.other_box.set_choices([(None, "Choose an encoder"), *((name, " · ".join(name)) for name in encoders)])
        self.other_box.setEnabled(bool(encoders))
        if not encoders:
            self.other_box.setToolTip("There is no other encoder of this subject")
        self._write_facts()
        self._redraw()
        if card is not None and subject is not None and card.n_voxels == subject.voxels.n_voxels:
            make = partial(roi_table, card, subject.voxels)
            take = partial(self._take_table, card)
            self._services.files.submit("card table", lambda _stop: make(), on_done=take, title="Summing up by ROI…")

    def mark(self, voxel: int | None) -> None:
        """Ring the target's voxel."""
        for plot in (*self.figure.plots, *self.compare.plots):
            plot.mark(voxel)

    def current_figure(self) -> Figure:
        """The figure on screen: the scores, or the comparison."""
        return self.compare if self.tabs.currentWidget() is self._compare_page else self.figure

    def describe_voxel(self, voxel: int) -> str:
        """A voxel and its scores, as the pointer shows them."""
        card, subject = self.card, self._subject
        if card is None or subject is None:
            return ""
        roi = subject.voxels.roi[voxel]
        lines = [f"Voxel {voxel:,}{f' · {roi}' if roi else ''}: click to make it the target"]
        numbers = {"r": card.r, "r²": card.r2, "noise ceiling": card.noise_ceiling, "alpha": card.alpha}
        if self._other is not None and self.tabs.currentWidget() is self._compare_page:
            numbers["r of the other"] = self._other.r
        if card.r_low is not None and card.r_high is not None and np.isfinite(card.r_low[voxel]):
            low, high = format_number(float(card.r_low[voxel])), format_number(float(card.r_high[voxel]))
            lines.append(f"r between {low} and {high} ({card.confidence:.0%})")
        known = {name: float(values[voxel]) for name, values in numbers.items() if np.isfinite(values[voxel])}
        lines.append(" · ".join(f"{name} {value:.3g}" for name, value in known.items()))
        return "\n".join(lines)

    def _lay_out(self, show_map: Callable[[], None]) -> None:
        self.roi_box, self.score_box = ChoiceBox("ROI drawn in front"), ChoiceBox("Score of the histograms")
        self.other_box = ChoiceBox("Encoder of the same subject to compare with, voxel by voxel")
        for box in (self.roi_box, self.score_box, self.other_box):
            box.setMinimumWidth(150)
        map_tip = "Colour the cortex by the encoder's held-out r"
        self.map_button = make_button("Show scores on the cortex", do=show_map, tip=map_tip)
        self.figure_button = make_button("Save figure…", do=self._save_figure, tip=FIGURE_TIP)
        self.problem = make_label("", "field-error")
        self.copy = make_copy_button(self._find_export, self.problem, "Copy export as")
        self.tabs = QTabWidget()
        self.tabs.setAccessibleName("Views of the scores")
        self._compare_note = make_label("", "muted", wraps=True)
        self._compare_page = QWidget()
        row = make_row(make_label("Compare with", "muted"), self.other_box, -1)
        self._compare_page.setLayout(make_column(row, self.compare, self._compare_note, gap=6, margin=6))
        self.tabs.addTab(self.figure, "Scores")
        self.tabs.addTab(self._compare_page, "Compare")
        self.tabs.addTab(self.table, "Table")
        top = make_row(
            make_label("Score", "muted"), self.score_box, 12, make_label("In front", "muted"), self.roi_box, -1
        )
        bottom = make_row(self.map_button, self.copy, self.problem, -1, self.figure_button)
        work = make_column(top, self.tabs, bottom, gap=8, stretch=1)
        self.setLayout(make_row(self._make_facts(), work, gap=16, margin=16, stretch=1))

    def _make_facts(self) -> QWidget:
        self._title = make_label("", "title", wraps=True)
        self._kind = make_badge()
        self._origin = make_badge()
        self.facts = FactTable()
        self.facts.setAccessibleName("Facts about the encoder")
        panel = QWidget()
        panel.setFixedWidth(FACTS_WIDTH)
        head = (self._title, make_row(self._kind, self._origin, -1), make_heading("Encoder"))
        panel.setLayout(make_column(*head, self.facts, gap=10, stretch=3))
        return panel

    def _connect(self) -> None:
        self.roi_box.activated.connect(self._redraw)
        self.score_box.activated.connect(self._redraw)
        self.other_box.activated.connect(self._choose_other)
        for figure in (self.figure, self.compare):
            figure.made.connect(self._take_plot)
        self.tabs.currentChanged.connect(self._show_what_can_be_saved)
        self.table.save_rois.clicked.connect(partial(self._save_table, "roi"))
        self.table.save_voxels.clicked.connect(partial(self._save_table, "voxel"))
        self._services.state.card_changed.connect(self.follow)
        self._services.state.target_changed.connect(self._mark_target)

    def _find_export(self) -> CommandWork:
        if self.card is None:
            raise BadInputError("There is no encoder to export: choose one in Explore.")
        name = self.card.config.name
        return CommandWork("encoders export", {"encoder": name, "out": Path(name), "format": "probescope"})

    def _write_facts(self) -> None:
        card, subject = self.card, self._subject
        if card is None or subject is None:
            self._title.setText("No encoder")
            self.facts.set_rows(())
            return
        self._title.setText(f"{card.config.network}\n{card.config.layer}")
        self._kind.setText(subject.kind)
        set_look(self._kind, "badge", "warning" if subject.kind == "simulated" else "accent")
        self._origin.setText("fitted here" if card.provenance is None else "imported")
        facts = summarise_card(card, subject_title=subject.title, subject_kind=subject.kind)
        self.facts.set_rows(list(facts.items()), FACT_TIPS)

    def _redraw(self) -> None:
        card, subject = self.card, self._subject
        if card is None or subject is None or card.n_voxels != subject.voxels.n_voxels:
            return
        roi, other, voxels = str(self.roi_box.value() or ALL), self._other, subject.voxels
        note = "Choose an encoder to compare with: each point will be a voxel."
        if other is not None:
            chosen = choose_voxels(voxels, roi)
            note = describe_difference(card.r[chosen], other.r[chosen])
        self._compare_note.setText(note)
        score, cards, order = self.score_box.value(), self._cards, self._order
        plots = plot_card(card, voxels, score=score, roi=roi, cards=cards, order=order)
        pair = self.compare.iter_draw([plot_pair(card, other, voxels, roi=roi)])
        self.turns.begin(chain(self.figure.iter_draw(plots), pair))

    def _take_plot(self, plot: PlotView) -> None:
        plot.describe = self.describe_voxel
        plot.picked.connect(self._services.controller.pick_voxel)
        self._mark_target()

    def _choose_other(self, _index: int) -> None:
        if (key := self.other_box.value()) is not None and self._subject is not None:
            with self._services.problems.shown():
                self._other = self._services.engine.encoder_card(self._subject.id, *key)
                self._redraw()

    def _show_what_can_be_saved(self, _index: int) -> None:
        is_table = self.tabs.currentWidget() is self.table
        allow(self.figure_button, "The table has its own buttons" if is_table else "", FIGURE_TIP)

    def take_layers(self, card: EncoderCard | None, cards: tuple[EncoderCard, ...]) -> None:
        """Show the cards of the network's layers on the curve of a card, if it is still shown."""
        if self.card is card:
            self._cards = cards
            self._redraw()

    def _take_table(self, card: EncoderCard, by_roi: str) -> None:
        if self.card is card:
            self.table.show_card(card, by_roi)

    def _mark_target(self) -> None:
        target = self._services.state.target
        self.mark(target.voxels[0] if target is not None and target.kind is TargetKind.VOXEL else None)

    def _save_figure(self) -> None:
        name, settings = "encoder-card.png", self._services.settings
        if path := ask_path(self, "Save the figure", name, FIGURE_FILTER, settings=settings):
            self.turns.finish()
            save = partial(self.current_figure().save_picture, path)
            self._services.controller.write("Saving the figure…", save)

    def _save_table(self, kind: str, *_clicked: bool) -> None:
        card, subject = self.card, self._subject
        if card is None or subject is None:
            return
        name, settings = f"encoder-card-by-{kind}.csv", self._services.settings
        if path := ask_path(self, "Save the table", name, CSV_FILTER, settings=settings):
            make = roi_table if kind == "roi" else voxel_table
            self._services.controller.write("Saving the table…", lambda: _write_text(path, make(card, subject.voxels)))


def _write_text(path: Path, text: str) -> str:
    replace_file(path, lambda partial_path: partial_path.write_text(text, encoding="utf-8"))
    return f"Saved the table to {path}"
