"""What lies behind a field of a transfer matrix: numbers, images, cortical maps, ROI shifts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from app.look.plotting import solid
from app.look.theme import Theme
from app.widgets.basics import make_button, make_column, make_heading, make_label, make_row, make_scroll
from app.widgets.themed_plot import ThemedPlot, amplify, colour_of, make_choice, picture_of, picture_with_alpha
from core.datasets.subject import load_subject
from core.surfaces.picture import SMALL_TILE, can_draw, draw_map
from core.sweeps.cell_view import CellChoice, CellView, ShiftMap, read_cell
from core.sweeps.gather import Sweep
from core.sweeps.plan import VARIANTS
from core.types import FloatArray

THUMB = 112
ROI_HEIGHT = 150


class CellPanel(QWidget):
    """Shows one cell; `choice_changed` says that another target or image is wished, `opened` that its probe is."""

    choice_changed = Signal()
    opened = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = make_label("", "strong", wraps=True)
        self.numbers = make_label("", "muted", wraps=True)
        self.target, self.image = make_choice("Target of the cell"), make_choice("Image of the cell")
        self.pictures = tuple(QLabel() for _ in range(3))
        self.captions = tuple(make_label(text, "faint") for text in ("clean", "perturbed", "change"))
        self.maps = tuple(QLabel() for _ in range(2))
        self.map_captions = tuple(make_label("", "faint", wraps=True) for _ in range(2))
        self.range = make_label("", "muted", wraps=True)
        self.rois = ThemedPlot("", "shift (voxel SD)")
        self.rois.legend.hide()
        self.rois.setMinimumHeight(ROI_HEIGHT)
        self.open = make_button("Open probe in Explore", "primary", tip="Open this source's probe in Explore")
        self._theme: Theme | None = None
        self._drawn: tuple[Sweep, CellChoice] | None = None
        self._lay_out()
        self.open.clicked.connect(self.opened)
        for box in (self.target, self.image):
            box.currentIndexChanged.connect(self._tell)

    def offer(self, sweep: Sweep) -> None:
        """List the targets and images of an answer."""
        self.target.set_choices(enumerate(target.label for target in sweep.config.targets))
        self.image.set_choices(enumerate(["all images", *sweep.config.images]))

    def show_cell(self, sweep: Sweep, choice: CellChoice, title: str, summary: str) -> None:
        """Show a cell; `summary` is what the matrix says of all targets and images."""
        self._drawn = (sweep, choice)
        view = read_cell(sweep, choice)
        self.title.setText(title)
        shifts = [f"{name} {value:+.2f}" for name, value in zip(VARIANTS, view.shift, strict=True)]
        self.numbers.setText(f"{summary} Here, in SD at equal norm: {', '.join(shifts)}.")
        self._show_images(view)
        self._show_maps(view)
        self._draw_rois(sweep, choice)

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self._theme = theme
        self.rois.set_theme(theme)
        if self._drawn is not None:
            self._draw_rois(*self._drawn)

    def _lay_out(self) -> None:
        pictures = make_row(*(make_column(c, p, gap=2) for c, p in zip(self.captions, self.pictures, strict=True)), -1)
        maps = QGridLayout()
        maps.setHorizontalSpacing(8)
        for place, (caption, picture) in enumerate(zip(self.map_captions, self.maps, strict=True)):
            picture.setMinimumWidth(3 * SMALL_TILE)
            maps.addWidget(caption, 0, place)
            maps.addWidget(picture, 1, place)
        choices = make_row(self.target, self.image)
        column = make_column(
            make_heading("Chosen cell"),
            self.title,
            choices,
            self.numbers,
            pictures,
            make_heading("Shift of every voxel"),
            make_row(maps, -1),
            self.range,
            make_heading("Shift of every ROI of the recipient"),
            self.rois,
            make_row(self.open, -1),
            margin=2,
        )
        column.setStretch(9, 1)
        self.setLayout(make_column(make_scroll(column)))

    def _show_images(self, view: CellView) -> None:
        amplified, factor = amplify(view.change)
        for label, levels in zip(self.pictures, (view.clean, view.perturbed, amplified), strict=True):
            label.setPixmap(picture_of(levels, THUMB))
        self.captions[2].setText(f"change × {factor:.0f}")

    def _show_maps(self, view: CellView) -> None:
        for place, (caption, picture) in enumerate(zip(self.map_captions, self.maps, strict=True)):
            shown = place < len(view.maps)
            caption.setVisible(shown)
            picture.setVisible(shown)
            if shown:
                one = view.maps[place]
                caption.setText(f"in {one.label}")
                _paint(picture, one, view.limit)
        self.range.setText(f"Blue −{view.limit:.2g} to red {view.limit:.2g} voxel SD, the same for both maps.")

    def _draw_rois(self, sweep: Sweep, choice: CellChoice) -> None:
        names = load_subject(sweep.config.encoders[choice.recipient].subject).voxels.roi_names
        shifts = read_rois(sweep, choice)
        self.rois.clear()
        bars = pg.BarGraphItem(
            x=np.arange(len(names)), height=shifts, width=0.7, brush=colour_of(choice.recipient), pen=pg.mkPen(None)
        )
        self.rois.addItem(bars)
        ink = self._theme.muted if self._theme is not None else colour_of(0)
        self.rois.addItem(pg.InfiniteLine(0, angle=0, pen=solid(ink, 1)))
        self.rois.name_ticks(list(names))
        self.rois.getPlotItem().autoRange(padding=0.06)

    @Slot()
    def _tell(self, *_: Any) -> None:
        self.choice_changed.emit()


def read_rois(sweep: Sweep, choice: CellChoice) -> FloatArray:
    """The recipient's ROI shifts of a cell, (n_rois,)."""
    from core.sweeps.cell_view import find_source

    encoder, copy = find_source(sweep, choice.source)
    stored = sweep.score(encoder, choice.target, 0, choice.norm, choice.attack, copy)[f"roi_{choice.recipient}"]
    return np.asarray(stored.mean(axis=0) if choice.image < 0 else stored[choice.image])


def _paint(picture: QLabel, one: ShiftMap, limit: float) -> None:
    subject = load_subject(one.subject)
    if not can_draw(subject.surface):
        picture.setText(f"The surface {subject.surface} is missing.")
        return
    picture.setPixmap(
        picture_with_alpha(draw_map(subject.surface, subject.voxels, one.values, limit=limit, tile=SMALL_TILE))
    )
