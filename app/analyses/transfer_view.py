"""The transfer matrix of any norm and attack; a click on a cell shows what lies behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from app.analyses.answer_view import AnswerView
from app.analyses.transfer_cell import CellPanel
from app.analyses.transfer_matrix import Matrix, TransferMatrix
from app.look.theme import Theme
from app.widgets.basics import make_column, make_label, make_row
from app.widgets.themed_plot import make_choice
from core.sweeps.cell_view import CellChoice, find_source

if TYPE_CHECKING:
    from app.analyses.sweep_job import Finished

RATIO, RAW = "Transfer T", "Shift (SD)"
COPY = "own re-fitted copy"


class TransferView(AnswerView):
    """Matrix at the left, the chosen cell at the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.case, self.roi = make_choice("Norm and attack"), make_choice("Targets")
        self.what = make_choice("What the matrix shows")
        self.matrix = TransferMatrix()
        self.note = make_label("", "muted", wraps=True)
        self.panel = CellPanel()
        self._finished: Finished | None = None
        self._cell = (0, 0)
        left = make_column(make_row(self.case, self.roi, self.what), self.matrix, self.note)
        left.setStretch(1, 1)
        row = make_row(left, self.panel, gap=16)
        row.setStretch(0, 5)
        row.setStretch(1, 4)
        self.setLayout(row)
        for box in (self.case, self.roi, self.what):
            box.currentIndexChanged.connect(self._draw)
        self.matrix.picked.connect(self._pick)
        self.panel.choice_changed.connect(self._show_cell)
        self.panel.opened.connect(self._ask)

    def show_answer(self, finished: Finished) -> None:
        """Draw a `Transfer` and its first cell off the diagonal."""
        self._finished = finished
        answer: Any = finished.answer
        alignments = [f"Alignment of {one.label}" for one in answer.alignments]
        self.case.set_choices(enumerate(case.label for case in answer.cases))
        self.roi.set_choices(enumerate(f"targets: {table.roi}" for table in answer.tables))
        self.what.set_choices(enumerate([RATIO, RAW, *alignments]))
        self.panel.offer(finished.sweep)
        self.show_cell(0, min(1, len(finished.sweep.labels) - 1))

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self.matrix.set_theme(theme)
        self.panel.set_theme(theme)

    def show_cell(self, source: int, recipient: int) -> None:
        """Choose a cell, counted as the encoders and sources are."""
        self._cell = (source, recipient)
        self._draw()

    @Slot()
    def _draw(self, *_: Any) -> None:
        if self._finished is None:
            return
        case = self._case()
        source = min(self._cell[0], len(case.tables[0].sources) - 1)
        self._cell = (source, self._cell[1])
        shown = self.what.currentIndex()
        matrix = self._make_matrix() if shown < 2 else self._make_alignment(shown - 2)
        place = (self._rows().index(source), list(case.order).index(self._cell[1]))
        if shown >= 2:
            place = (min(place[0], len(case.order) - 1), place[1])
        self.matrix.show_matrix(matrix, place)
        self._show_cell()

    def _case(self) -> Any:
        answer: Any = self._finished.answer if self._finished is not None else None
        return answer.cases[max(0, self.case.currentIndex())]

    def _rows(self) -> list[int]:
        """The sources in the order of the clusters, untrained networks last."""
        case = self._case()
        return [*case.order, *range(len(case.order), len(case.tables[0].sources))]

    def _make_matrix(self) -> Matrix:
        case, order, rows = self._case(), list(self._case().order), self._rows()
        table = case.tables[max(0, self.roi.currentIndex())]
        is_ratio = self.what.currentIndex() == 0
        values = (table.ratio if is_ratio else table.raw[0])[np.ix_(rows, order)]
        columns = self._names(order)
        copies = np.full((len(rows), 1), np.nan)
        copies[: len(order), 0] = [table.copies[one].value for one in order]
        if is_ratio and np.isfinite(copies).any():
            values, columns = np.hstack([values, copies]), [*columns, COPY]
        ensemble = table.sources[0] not in self._labels()
        own = "the encoder left out" if ensemble else "own weights, 1 by definition"
        tree = "" if ensemble else " Tree: average linkage on 1 − mean T."
        self.note.setText(f"Dotted: {own}.{tree} Click a cell for its details.")
        reach = 1.0 if is_ratio else max(float(np.nanmax(np.abs(values))), 1e-6)
        framed = [(place, place) for place in range(len(order))]
        names = self._names(rows) if not ensemble else [table.sources[one] for one in rows]
        linkage = None if ensemble else case.tree
        return Matrix(values, names, columns, low=-reach, high=reach, framed=framed, tree=linkage)

    def _make_alignment(self, number: int) -> Matrix:
        answer: Any = self._finished.answer if self._finished is not None else None
        one, order = answer.alignments[number], list(self._case().order)
        names = self._names(order)
        self.note.setText(
            f"Mean cos² of the principal angles of subspaces of k = {one.n_axes} axes; random ones align at "
            f"k / D = {one.chance:.1e}."
        )
        return Matrix(one.matrix[np.ix_(order, order)], names, names, low=0.0, high=1.0)

    def _names(self, sources: list[int]) -> list[str]:
        """Names of sources, robustified networks marked where their name does not say it."""
        answer: Any = self._finished.answer if self._finished is not None else None
        marked = []
        for one in sources:
            name = answer.tables[0].sources[one]
            is_robust = one < len(answer.robust) and answer.robust[one] and "robust" not in name
            marked.append(f"{name} (robust)" if is_robust else name)
        return marked

    def _labels(self) -> tuple[str, ...]:
        return self._finished.sweep.labels if self._finished is not None else ()

    def _choice(self) -> CellChoice:
        n_attacks = len(self._finished.sweep.config.attacks) if self._finished is not None else 1
        norm, attack = divmod(max(0, self.case.currentIndex()), n_attacks)
        target, image = max(0, self.panel.target.currentIndex()), self.panel.image.currentIndex() - 1
        return CellChoice(*self._cell, target=target, image=image, norm=norm, attack=attack)

    @Slot()
    def _show_cell(self) -> None:
        if self._finished is None:
            return
        source, recipient = self._cell
        table = self._case().tables[max(0, self.roi.currentIndex())]
        labels = self._labels()
        own = " (its own weights: 1 by definition)" if table.sources[source] == labels[recipient] else ""
        title = f"{table.sources[source]} → {labels[recipient]}{own}"
        interval = f"[{table.low[source, recipient]:.2f}, {table.high[source, recipient]:.2f}]"
        summary = f"T {table.ratio[source, recipient]:.2f} {interval}."
        if own and np.isfinite(table.copies[source].value):
            summary += f" To its re-fitted copy: T {table.copies[source].describe('.2f')}."
        self.panel.show_cell(self._finished.sweep, self._choice(), title, summary)

    @Slot(int, int)
    def _pick(self, row: int, column: int) -> None:
        order = list(self._case().order)
        source = self._rows()[row]
        self.show_cell(source, order[column] if column < len(order) else source)

    @Slot()
    def _ask(self) -> None:
        if self._finished is not None:
            encoder, _ = find_source(self._finished.sweep, self._cell[0])
            self.probe_requested.emit(encoder, max(0, self.panel.target.currentIndex()), self._shown_image())

    def _shown_image(self) -> int:
        return max(0, self.panel.image.currentIndex() - 1)
