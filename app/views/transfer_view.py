"""The transfer matrix, source by recipient; a click on a cell shows its images and where it moves the ROIs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QLabel, QWidget

from app.theme import Theme
from app.views.answer_view import AnswerView, ThemedPlot, amplify, colour_of, picture_of
from app.views.plotting import solid
from app.widgets.basics import make_button, make_column, make_heading, make_label, make_row
from core.datasets.subject import load_subject
from core.sweeps.variants import VARIANTS
from core.types import FloatArray

if TYPE_CHECKING:
    from app.sweep_job import Finished

THUMB = 150
STRONG = 0.55
LABEL_WIDTH = 132


class TransferView(AnswerView):
    """Matrix at the left, the chosen cell at the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.matrix = ThemedPlot("recipient", "source")
        self.matrix.legend.hide()
        self.matrix.setAspectLocked(True)
        self.matrix.getPlotItem().getAxis("left").setGrid(False)
        self.matrix.getPlotItem().getAxis("left").setWidth(LABEL_WIDTH)
        self.image = pg.ImageItem(autoDownsample=False)
        self.rois = ThemedPlot("", "shift (voxel SD)")
        self.title = make_label("", "strong", wraps=True)
        self.numbers = make_label("", "muted", wraps=True)
        self.pictures = tuple(QLabel() for _ in range(3))
        self.captions = tuple(make_label(text, "faint") for text in ("clean", "perturbed", "change"))
        self.open = make_button("Open probe in Explore", "primary", tip="Make this source's probe in Explore")
        self.open.clicked.connect(self._ask)
        self._finished: Finished | None = None
        self._cell = (0, 0)
        self._theme: Theme | None = None
        self._lay_out()
        self.matrix.scene().sigMouseClicked.connect(self._click)

    def show_answer(self, finished: Finished) -> None:
        """Draw a `Transfer` and its first cell off the diagonal."""
        self._finished = finished
        self._draw_matrix()
        self.show_cell(0, min(1, len(finished.sweep.labels) - 1))

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self._theme = theme
        self.matrix.set_theme(theme)
        self.rois.set_theme(theme)
        if self._finished is not None:  # the zero line is drawn in the theme's ink
            self._draw_rois(*self._cell)

    def show_cell(self, source: int, recipient: int) -> None:
        """Show what the source's perturbations do to the recipient: numbers, images, ROIs."""
        if self._finished is None:
            return
        self._cell = (source, recipient)
        answer: Any = self._finished.answer
        table, labels = answer.tables[0], answer.labels
        own = " (its own weights: 1 by definition)" if source == recipient else ""
        self.title.setText(f"{labels[source]} → {labels[recipient]}{own}")
        ratio = f"T {table.ratio[source, recipient]:.2f}"
        interval = f"[{table.low[source, recipient]:.2f}, {table.high[source, recipient]:.2f}]"
        rows = [f"{name} {table.raw[number, source, recipient]:+.2f}" for number, name in enumerate(VARIANTS)]
        self.numbers.setText(f"{ratio} {interval}. Shift in SD at equal norm: {', '.join(rows)}.")
        self._show_pictures(source)
        self._draw_rois(source, recipient)

    def _lay_out(self) -> None:
        shown = make_row(*(make_column(c, p, gap=2) for c, p in zip(self.captions, self.pictures, strict=True)), -1)
        right = make_column(
            make_heading("Chosen cell"), self.title, self.numbers, shown, self.rois, make_row(self.open, -1)
        )
        right.setStretch(4, 1)
        row = make_row(self.matrix, right, gap=16)
        row.setStretch(0, 5)
        row.setStretch(1, 4)
        self.setLayout(row)

    def _draw_matrix(self) -> None:
        if self._finished is None:
            return
        answer: Any = self._finished.answer
        ratio, labels = answer.tables[0].ratio, answer.labels
        self.matrix.clear()
        self.image.setImage(np.nan_to_num(ratio), levels=(-1, 1))
        self.image.setColorMap(pg.ColorMap([0, 0.5, 1], ["#2f6db5", "#e9e9ec", "#c9492c"]))
        self.image.setRect(-0.5, -0.5, len(labels), len(labels))
        self.matrix.addItem(self.image)
        for source, recipient in np.ndindex(*ratio.shape):
            ink = "#ffffff" if abs(ratio[source, recipient]) > STRONG else "#22252a"
            text = pg.TextItem(f"{ratio[source, recipient]:.2f}", color=ink, anchor=(0.5, 0.5))
            text.setPos(recipient, source)
            self.matrix.addItem(text)
        names = [label.replace(" ", "\n", 1) for label in labels]
        self.matrix.name_ticks(names)
        self.matrix.getPlotItem().getAxis("left").setTicks([list(enumerate(names))])
        self.matrix.getPlotItem().getViewBox().invertY(True)
        self.matrix.setRange(xRange=(-0.5, len(labels) - 0.5), yRange=(-0.5, len(labels) - 0.5), padding=0.02)

    def _show_pictures(self, source: int) -> None:
        if self._finished is None:
            return
        stored = self._finished.sweep.climb(source, 0)
        perturbed = stored["montage"][-1]
        change = np.transpose(stored["delta"][0], (1, 2, 0)).astype(np.float64) * 255
        clean = np.clip(np.rint(perturbed - change), 0, 255).astype(np.uint8)
        amplified, factor = amplify(change)
        for label, levels in zip(self.pictures, (clean, perturbed, amplified), strict=True):
            label.setPixmap(picture_of(levels, THUMB))
        self.captions[2].setText(f"change × {factor:.0f}")

    def _draw_rois(self, source: int, recipient: int) -> None:
        if self._finished is None:
            return
        sweep = self._finished.sweep
        names = load_subject(sweep.config.encoders[recipient].subject).voxels.roi_names
        shifts: FloatArray = sweep.score(source, 0)[f"roi_{recipient}"].mean(axis=0)
        self.rois.clear()
        self.rois.legend.hide()
        self.rois.addItem(
            pg.BarGraphItem(
                x=np.arange(len(names)), height=shifts, width=0.7, brush=colour_of(recipient), pen=pg.mkPen(None)
            )
        )
        ink = self._theme.muted if self._theme is not None else colour_of(0)
        self.rois.addItem(pg.InfiniteLine(0, angle=0, pen=solid(ink, 1)))
        self.rois.name_ticks(list(names))
        self.rois.getPlotItem().autoRange(padding=0.06)

    @Slot(object)
    def _click(self, event: Any) -> None:
        if self._finished is None or event.button() != Qt.MouseButton.LeftButton:
            return
        place = self.matrix.getPlotItem().getViewBox().mapSceneToView(event.scenePos())
        source, recipient, n_encoders = round(place.y()), round(place.x()), len(self._finished.sweep.labels)
        if 0 <= source < n_encoders and 0 <= recipient < n_encoders:
            self.show_cell(source, recipient)

    @Slot()
    def _ask(self) -> None:
        self.probe_requested.emit(self._cell[0], 0, 0)
