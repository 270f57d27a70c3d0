"""The fields of how a cortex is shown in a movie or figure. Edits `CortexStyle`; never draws."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.cortex.panel import MAPS as MAP_NAMES
from app.widgets.form import Choice, Flag, Form, Gate
from core.figures.movie_config import HEMISPHERES, MAPS, SIDES_SEEN, CortexStyle, Motion
from core.surfaces.mesh import GEOMETRIES

TITLES = dict(MAP_NAMES) | {"control": "Shift, random control"}
MOTIONS = ((Motion.TURN, "Turn once around"), (Motion.UNFOLD, "Unfold to the flat map and back"))


def _list(names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(name, name.capitalize()) for name in names]


class StyleForm(Form):
    """Map, surface, hemispheres, view, motion; `changed` after any of them."""

    map = Choice("Map", choices=[(name, TITLES[name]) for name in MAPS])
    motion = Choice("Motion", choices=MOTIONS)
    surface = Choice("Surface", choices=_list(GEOMETRIES))
    hemispheres = Choice("Hemispheres", choices=_list(HEMISPHERES))
    view = Choice("View", choices=_list(SIDES_SEEN))
    gate_r = Gate("Dim, r below", "Voxels whose encoder predicts held-out images worse than this are dimmed", least=-1)
    outlines, labels = Flag("Outlines"), Flag("Names")

    def __init__(self, *, with_motion: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        moves = ("motion",) if with_motion else ()
        rois = ("ROIs", "outlines", "labels", -1)
        self.setLayout(self.make_rows("map", *moves, "surface", "hemispheres", "view", "gate_r", rois))
        self.set_value(CortexStyle())

    def value(self) -> CortexStyle:
        """The options chosen."""
        return self.make_config(CortexStyle, geometry=self.surface.value())

    def set_value(self, style: CortexStyle) -> None:
        """Show options; emits no signal."""
        self.show_config(style)
        self.surface.set_value(style.geometry)
