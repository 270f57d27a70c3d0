"""What the perturbations of each encoder look like and which ROIs they move, target by target. Never computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtWidgets import QComboBox, QGridLayout, QLabel, QScrollArea, QWidget

from app.theme import Theme
from app.views.answer_view import AnswerView, ThemedPlot, colour_of, picture_of
from app.views.plotting import solid
from app.widgets.basics import make_button, make_column, make_label, make_row
from core.types import FloatArray

if TYPE_CHECKING:
    from app.sweep_job import Finished

THUMB = 112
HEAT = np.asarray([[0, 0, 4], [81, 18, 124], [183, 55, 121], [252, 137, 97], [252, 253, 191]], dtype=np.float64)
"""Dark to bright, five stops."""


class MeaningView(AnswerView):
    """Pictures above, encoders down and budgets across; ROI shifts and spectra below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.target = QComboBox()
        self.target.setAccessibleName("Target")
        self.target.currentIndexChanged.connect(self._draw)
        self.open = make_button("Open probe in Explore", tip="Make the first encoder's probe of this target in Explore")
        self.open.clicked.connect(self._ask)
        self.rois = ThemedPlot("", "shift (voxel SD)")
        self.spectrum = ThemedPlot("cycles per image, log10", "share of power")
        self.spectrum.legend.hide()
        self.rois.legend.setOffset((8, 4))
        self._grid = QGridLayout()
        self._grid.setSpacing(6)
        holder = QWidget()
        holder.setLayout(make_column(make_row(self._grid, -1), -1))
        scroll = QScrollArea()
        scroll.setWidget(holder)
        scroll.setWidgetResizable(True)
        scroll.setAccessibleName("Images along the direction")
        plots = make_row(self.rois, self.spectrum)
        top = make_row(make_label("Target", "muted"), self.target, self.open, -1)
        column = make_column(top, scroll, plots)
        column.setStretch(1, 3)
        column.setStretch(2, 2)
        self.setLayout(column)
        self._finished: Finished | None = None

    def show_answer(self, finished: Finished) -> None:
        """Draw a `Meaning`."""
        self._finished = finished
        with QSignalBlocker(self.target):
            self.target.clear()
            self.target.addItems([target.label for target in finished.sweep.config.targets])
        self._draw(0)

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self.rois.set_theme(theme)
        self.spectrum.set_theme(theme)

    @Slot(int)
    def _draw(self, target: int) -> None:
        if self._finished is None or target < 0:
            return
        answer: Any = self._finished.answer
        n_targets = len(answer.rows) // len(answer.labels)
        rows = answer.rows[target::n_targets]
        self._fill_grid(rows)
        self.rois.clear()
        self.spectrum.clear()
        for index, row in enumerate(rows):
            pen, shifts = solid(colour_of(index)), row.roi_shift[index]
            self.rois.plot(
                np.arange(len(shifts)),
                shifts,
                pen=pen,
                symbol="o",
                symbolSize=6,
                symbolBrush=colour_of(index),
                symbolPen=None,
                name=row.encoder,
            )
            self.spectrum.plot(np.log10(row.spectrum.cycles[1:]), row.spectrum.share[1:], pen=pen)
        self.rois.name_ticks(list(rows[0].roi_names[0]))
        for plot in (self.rois, self.spectrum):
            plot.getPlotItem().autoRange(padding=0.06)

    def _fill_grid(self, rows: Any) -> None:
        while self._grid.count():
            item = self._grid.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.deleteLater()
        ladder = self._finished.sweep.config.ladder if self._finished is not None else ()
        heads = [*(f"epsilon {epsilon:.3g}" for epsilon in ladder), "where it lies"]
        for column, head in enumerate(heads, start=1):
            self._grid.addWidget(make_label(head, "faint"), 0, column)
        for line, row in enumerate(rows, start=1):
            z = row.selectivity[line - 1]
            name = row.encoder.replace(" ", "\n", 1)
            text = f"{name}\nselectivity z {z:.1f}\neccentricity {row.place.eccentricity:.2f}"
            self._grid.addWidget(make_label(text, "muted"), line, 0)
            for column, levels in enumerate([*row.montage, colour_energy(row.place.energy)], start=1):
                label = QLabel()
                label.setPixmap(picture_of(levels, THUMB))
                self._grid.addWidget(label, line, column)

    @Slot()
    def _ask(self) -> None:
        self.probe_requested.emit(0, max(0, self.target.currentIndex()), 0)


def colour_energy(energy: FloatArray) -> Any:
    """An energy map (height, width) as colours (height, width, 3) uint8, the square root to show the weak parts."""
    root = np.sqrt(energy / max(float(energy.max()), 1e-12))
    stops = np.linspace(0, 1, len(HEAT))
    return np.stack([np.interp(root, stops, HEAT[:, channel]) for channel in range(3)], axis=-1).astype(np.uint8)
