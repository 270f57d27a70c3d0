"""The cortex: a subject's voxels on a surface, coloured by a map, picked by a click."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QColor, QCursor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget

from app.cortex.brush import Brush
from app.cortex.canvas import CortexCanvas
from app.cortex.colour import CortexStyle
from app.cortex.colour_bar import WIDTH, ColourBar, bar_height, draw_colour_bar
from app.cortex.cursor import CortexCursor
from app.cortex.layout import PREFERRED, Geometry, Hemispheres, NamedView
from app.cortex.morph import MorphPath, MorphSlider, follow_path
from app.cortex.over import make_over
from app.cortex.painter import GREYS_DARK, GREYS_LIGHT, CortexPainter
from app.cortex.picking import SEPARATOR, HoverInfo, Pick
from app.cortex.scene import background_of
from app.look.theme import Theme, follow_theme, theme_in_use
from app.widgets.basics import make_column, make_row
from core.checks import check_choice, check_count
from core.surfaces.anatomy import locate_vertex
from core.surfaces.atlas import Atlas
from core.surfaces.colormap import ColourRange
from core.surfaces.mesh import GEOMETRIES, CorticalSurface
from core.surfaces.placing import Placed
from core.types import BoolArray, Hemisphere, VoxelTable

if TYPE_CHECKING:
    from core.figures.probe_maps import ProbeMap  # with networks and encoders

REREAD_MS = 60
"""After the last change of map or shape, until the place under the pointer is read again."""

ADVICE = "Click where the cortex is coloured."
EDGE = 12
"""Pixels from the colour bar to the edge of a picture."""


class CortexView(QWidget):
    """Shows maps on the cortex.

    Signals
    -------
    voxel_picked(int)
        A click hit a voxel.
    voxel_hovered(HoverInfo or None)
        The pointer is over a vertex, or has left the surface.
    set_drawn(tuple of int)
        A brush stroke ended; all voxels of the set, ascending.
    scale_changed()
        What the colour bar shows changed: colour map, limit, threshold, title or unit.
    layout_changed()
        Surface, geometry, hemispheres or the named view changed.
    refused(str)
        Why what was asked for cannot be shown.
    """

    voxel_picked = Signal(int)
    voxel_hovered = Signal(object)
    set_drawn = Signal(tuple)
    scale_changed = Signal()
    layout_changed = Signal()
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.canvas = CortexCanvas(self)
        self.painter = CortexPainter()
        """What is shown, voxel by voxel."""

        self.brush = Brush(self.canvas, lambda: self.painter.voxels)
        self.voxel_cursor = CortexCursor(self.canvas, self.painter, describe=self._describe, parent=self)
        self.geometry_name: Geometry = "inflated"
        self._folded: Geometry = "inflated"
        self.hemispheres: Hemispheres = "both"
        self.named_view: NamedView = "visual"
        self._path: MorphPath | None = None
        self.morph_slider = MorphSlider()
        self.colour_bar = ColourBar()
        self._read: Callable[[], HoverInfo | None] | None = None
        """Reads the place under the pointer or the keys, if they are on the cortex."""

        self._reread = QTimer(self, singleShot=True, interval=REREAD_MS)
        self._build()
        self._connect()
        follow_theme(self.set_theme)

    @property
    def surface(self) -> CorticalSurface | None:
        """The surface shown."""
        return self.painter.surface

    def set_surface(self, surface: CorticalSurface) -> None:
        """Show a surface; voxels and atlas must follow. A geometry it lacks gives way to the nearest it has."""
        self.painter.surface = surface
        self._settle_geometry(surface)
        self.painter.atlas, self.painter.voxels, self.painter.values = None, None, None
        self.canvas.change(atlas=None, marked=None, emphasised=None, framed=None)
        self._recolour()
        self.arrange()

    def show_placed(self, placed: Placed) -> None:
        """Show voxels on their surface, without a map yet; a surface on screen stays as it is."""
        if placed.surface is not self.surface:
            self.set_surface(placed.surface)
        self.set_atlas(placed.atlas)
        self.set_voxels(placed.voxels)

    def set_voxels(self, table: VoxelTable) -> None:
        """Take a subject's voxels; the map and the selection are cleared."""
        self.painter.set_voxels(table)
        self.brush.drawn = set()
        self.select_voxel(None)
        self._frame()
        self._recolour()

    def set_atlas(self, atlas: Atlas | None) -> None:
        """Outline and name the ROIs of an atlas, or none."""
        self.painter.atlas = atlas
        self.canvas.change(atlas=atlas)
        self._frame()
        self._recolour()

    def set_map(self, made: ProbeMap, chosen: ColourRange | None = None) -> None:
        """Show a map in the range that was chosen, else in its own; a bare cortex where it has no values."""
        self.painter.set_map(made, chosen)
        self._recolour()

    def set_over(self, made: ProbeMap | None, title: str = "", *, mode: str = "opacity", level: float = 0.5) -> None:
        """Show a second map over the first; see `Over`. None for none."""
        self.painter.over = over = make_over(made, title, mode, level)
        inside = np.flatnonzero(over.share() >= 1).tolist() if over is not None and mode == "contours" else ()
        self.canvas.change(contours=self.painter.set_labels(inside))
        self._recolour()

    def show_regions(self, shown: bool) -> None:
        """Colour the ROIs of the atlas instead of the values, until the next values or `show_regions(False)`."""
        self.painter.shows_regions = shown
        self._recolour()

    def set_dimmed(self, mask: BoolArray | None) -> None:
        """Hold back poor voxels, (n_voxels,) bool."""
        self.painter.set_dimmed(mask)
        self._recolour()

    def set_threshold(self, threshold: float) -> None:
        """Make values nearer to zero than this transparent, in the map's unit."""
        self.painter.set_threshold(threshold)
        self._recolour()

    def set_colormap(self, name: str) -> None:
        """Use a colour map of core.surfaces.colormap for all maps of its kind."""
        self.painter.set_colormap(name)
        self._recolour()

    def set_style(self, style: CortexStyle) -> None:
        """Draw and frame everything so from now on."""
        self.painter.style = style
        self.canvas.change(style=style)
        self._frame()
        self._recolour()

    def set_geometry(self, geometry: Geometry) -> None:
        """Show the pial, white, inflated, sphere or flat geometry."""
        check_choice("geometry", geometry, GEOMETRIES)
        if not self._can_show(geometry):
            return
        self._take_geometry(geometry)
        self.arrange()

    def set_morph(self, position: float) -> None:
        """Show a place on the way from folded (0) over inflated to flat; see `MorphPath`."""
        self._path = path = self._find_path()
        if path is None or not 0 <= position <= path.length:
            return
        self._take_geometry(path.nearest(position))
        self.canvas.morph(path, position)
        self._reread.start()
        self.layout_changed.emit()
        self.morph_slider.set_position(position)

    def emphasise_roi(self, roi: str) -> None:
        """Outline one ROI above all others; "" or an unknown one none."""
        self.canvas.change(emphasised=self.painter.roi_labels(roi))

    def set_hemispheres(self, hemispheres: Hemispheres) -> None:
        """Show both hemispheres or one."""
        check_choice("hemispheres", hemispheres, ("both", "left", "right"))
        self.hemispheres = hemispheres
        self.arrange()

    def set_named_view(self, view: NamedView) -> None:
        """Look from a named side; "flat" shows the flat maps, any other leaves them."""
        if view == "flat":
            if not self._can_show("flat"):
                return
            self.geometry_name = "flat"
        elif self.geometry_name == "flat":
            self.geometry_name = self._folded
        self.named_view = view
        self.arrange()

    def select_voxel(self, voxel: int | None) -> None:
        """Mark a voxel; the marker follows it through every geometry."""
        place = None if voxel is None else self.painter.place_of(voxel)
        self.voxel_cursor.voxel = voxel
        self.canvas.change(marked=place)

    def go_to(self, voxel: int) -> None:
        """Bring a voxel into sight, turned to where it faces the viewer, with the keys on it."""
        place = self.painter.place_of(voxel)
        if place is None:
            return
        if place[0] not in self.canvas.scene.sides:
            self.set_hemispheres("both")
        self.canvas.face(place)
        self.voxel_cursor.go(voxel)

    def show_set(self, voxels: Sequence[int]) -> None:
        """Outline a set of voxels in the accent colour; an empty one outlines none."""
        self.brush.drawn = set(voxels)
        self.canvas.change(drawn=self.painter.set_labels(sorted(voxels)))

    def prepare_picture(self, scale: int = 2, *, transparent: bool = False) -> Callable[[], QImage]:
        """What draws the cortex as it is now with its names and colour bar, `scale` times as large as on screen.

        It waits for the drawing, and may be called in any thread.
        """
        check_count("scale", scale)
        canvas, reading, theme = self.canvas, self.colour_bar.reading, self.canvas.scene.theme
        font, width, height = canvas.font(), canvas.width(), canvas.height()
        draw = canvas.order(ratio=scale, transparent=transparent)
        strip = 0 if reading is None else bar_height(reading) + EDGE

        def make() -> QImage:
            image = QImage(width * scale, (height + strip) * scale, QImage.Format.Format_ARGB32_Premultiplied)
            image.fill(Qt.GlobalColor.transparent if transparent else QColor(theme.window))
            image.setDevicePixelRatio(scale)
            cortex = draw().image
            painter = QPainter(image)
            painter.setFont(font)
            painter.drawImage(QRectF(0, 0, width, height), cortex)
            if reading is not None:
                area = QRectF(width - WIDTH - EDGE, height, WIDTH, strip - EDGE)
                draw_colour_bar(painter, reading, area=area, theme=theme)
            painter.end()
            return image

        return make

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self.painter.greys = GREYS_DARK if theme.is_dark else GREYS_LIGHT
        self._recolour()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Close the graphics first."""
        self._reread.stop()
        self.canvas.close_canvas()
        super().closeEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Fill the strip under the canvas with the canvas's lower colour, so that both are one."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(background_of(theme_in_use())[1]))
        painter.end()

    def _build(self) -> None:
        strip = make_row(-1, self.morph_slider, self.colour_bar, margin=(14, 2, 14, 0))
        self.setLayout(make_column(self.canvas, strip, gap=0, stretch=0))

    def _connect(self) -> None:
        self.morph_slider.moved.connect(self.set_morph)
        given = self.canvas.input
        given.clicked.connect(self._click)
        given.hovered.connect(lambda at: self._follow(partial(self._read_at, QPointF(self.canvas.mapToGlobal(at)))))
        given.left.connect(partial(self._follow, None))
        self._reread.timeout.connect(self._tell_again)
        for changed in (self.canvas.posed, self.canvas.drawn):
            changed.connect(self._reread.start)
        self.brush.painted.connect(self.show_set)
        self.brush.ended.connect(self.set_drawn)
        self.voxel_cursor.moved.connect(lambda pick: self._follow(partial(self._describe, pick)))
        self.voxel_cursor.chosen.connect(self._pick)

    def _can_show(self, geometry: Geometry) -> bool:
        reason = "" if self.surface is None else self.surface.reason_without(geometry)
        if reason:
            self.refused.emit(reason)
            self.layout_changed.emit()  # a chooser goes back to what is shown
        return not reason

    def _settle_geometry(self, surface: CorticalSurface) -> None:
        first = next(name for name in PREFERRED if name in surface.geometries)
        self._folded = self._folded if self._folded in surface.geometries else first
        if self.geometry_name not in surface.geometries:
            self._take_geometry(self._folded)

    def _take_geometry(self, geometry: Geometry) -> None:
        self.geometry_name = geometry
        if geometry != "flat":
            self._folded = geometry
            self.named_view = "visual" if self.named_view == "flat" else self.named_view

    def arrange(self) -> None:
        """Look from the named view again, all voxels or all of the cortex in sight."""
        if self.surface is not None:
            shown, view = self.hemispheres, self.named_view
            self.canvas.arrange(self.surface, self.geometry_name, hemispheres=shown, view=view)
        self._follow_geometry()
        self.layout_changed.emit()

    def _frame(self) -> None:
        self.canvas.set_frame(self.painter.vertices_with_data() if self.painter.style.framed else None)

    def _follow_geometry(self) -> None:
        self._path = path = self._find_path()
        self.morph_slider.set_stops(() if path is None else path.stops)
        if path is not None:
            self.morph_slider.set_position(path.position_of(self.geometry_name))

    def _find_path(self) -> MorphPath | None:
        shown, view = self.hemispheres, self.named_view
        return follow_path(self._path, self.surface, geometry=self.geometry_name, hemispheres=shown, view=view)

    def _recolour(self) -> None:
        if self.painter.surface is None:
            return
        self.canvas.change(colours=copy(self.painter).colours)  # arrays are replaced, never written to
        self._reread.start()
        reading = self.painter.scale
        if reading != self.colour_bar.reading:
            self.colour_bar.show_reading(reading)
            self.scale_changed.emit()

    def _describe(self, pick: Pick) -> HoverInfo:
        voxel = self.painter.voxel_at(pick.side, pick.vertex)
        side = (Hemisphere.LEFT, Hemisphere.RIGHT)[pick.side]
        roi = self.painter.roi_at(pick.side, pick.vertex)
        unit = "" if self.painter.scale is None else self.painter.scale.unit
        surface, shown = self.painter.surface, self.geometry_name
        place = "" if surface is None else locate_vertex(surface, pick.side, pick.vertex, geometry=shown)
        over = self.painter.over
        if over is not None and voxel is not None:
            place = f"{over.title} {over.values[voxel]:.3g} {over.made.unit}{SEPARATOR}{place}"
        return HoverInfo(side, pick.vertex, voxel, roi, self.painter.value_of(voxel), unit, place)

    def _pick(self, pick: Pick) -> None:
        if (voxel := self.painter.voxel_at(pick.side, pick.vertex)) is not None:
            self.select_voxel(voxel)
            self.voxel_picked.emit(voxel)
        else:
            self.refused.emit(f"{self._describe(pick).describe()}. {ADVICE}")

    def _click(self, position: QPointF) -> None:
        if (pick := self.canvas.pick_at(position)) is not None:
            self._pick(pick)

    def _read_at(self, place: QPointF) -> HoverInfo | None:
        """What lies at a place of the screen, where the pointer stays while the view moves under it."""
        position = self.canvas.mapFromGlobal(place)
        pick = self.canvas.pick_at(position) if self.canvas.rect().contains(position.toPoint()) else None
        return None if pick is None else self._describe(pick)

    def _follow(self, read: Callable[[], HoverInfo | None] | None) -> None:
        self._read = read
        self.voxel_hovered.emit(None if read is None else read())

    def _tell_again(self) -> None:
        """What was read may have changed: another map, probe, unit, shape or camera, or the view lies elsewhere."""
        if self._read is not None:
            self.voxel_hovered.emit(self._read())
        elif QApplication.widgetAt(at := QCursor.pos()) is self.canvas:
            self._follow(partial(self._read_at, QPointF(at)))
