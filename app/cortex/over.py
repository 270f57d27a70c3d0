"""A second map over the first: which one, whether as opacity or as contours, and from what value on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton

from app.widgets.basics import make_tool_button, set_icon
from core.types import FloatArray

if TYPE_CHECKING:
    from core.figures.probe_maps import ProbeMap  # with networks and encoders

MODES = (("opacity", "As the opacity of the first map (2-D colours)"), ("contours", "As contours over the first map"))
LEVELS = (("0.25", "From 25 % of its range"), ("0.5", "From 50 % of its range"), ("0.75", "From 75 % of its range"))
TIP = "Second map over the first: as its opacity (2-D colours) or as contours"


@dataclass(frozen=True, slots=True, eq=False)
class Over:
    """A second map.

    Parameters
    ----------
    made : Its values (n_voxels,), NaN where unknown: neither opaque nor inside a contour.
    title : Short.
    limit : Of its range.
    mode : "opacity" or "contours".
    level : Share of the limit from which it is fully opaque, or contoured.
    """

    made: ProbeMap
    values: FloatArray
    title: str
    limit: float
    mode: str
    level: float

    def share(self) -> FloatArray:
        """How near each voxel (n_voxels,) is to the level, float32 in [0, 1]."""
        size = np.nan_to_num(np.abs(self.values) if self.made.diverging else self.values)
        return np.clip(size / (self.level * self.limit), 0, 1).astype(np.float32)

    def describe(self) -> str:
        """What it adds to the caption of the first map."""
        full = f"{self.level * self.limit:.2g}"
        return f" × {self.title} to {full}" if self.mode == "opacity" else f" · contour {self.title} ≥ {full}"


def make_over(made: ProbeMap | None, title: str, mode: str, level: float) -> Over | None:
    """The second map of some values, with a short title; None for none."""
    if made is None or made.values is None:
        return None
    limit = made.find_limit() or 1.0
    return Over(made, made.values, title or made.title, limit, mode, level)


class OverMenu:
    """The button that chooses a second map and its menu; `value` is ("", ...) for none."""

    def __init__(self, maps: Sequence[tuple[str, str]], changed: Callable[[], object]) -> None:
        self.button = make_tool_button(tip=TIP, name="Second map")
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu, self._groups, self._changed = QMenu(self.button), list[QActionGroup](), changed
        for choices in ((("", "No second map"), *maps), MODES, LEVELS):
            group = QActionGroup(self._menu)
            for value, title in choices:
                action = group.addAction(self._menu.addAction(title))
                action.setData(value)
                action.setCheckable(True)
            self._menu.addSeparator()
            self._groups.append(group)
            group.triggered.connect(self._tell)
        self.button.setMenu(self._menu)
        self.set_value("", "opacity", "0.5")

    def value(self) -> tuple[str, str, str]:
        """Map, mode and level."""
        name, mode, level = (str(group.checkedAction().data()) for group in self._groups)
        return name, mode, level

    def title(self) -> str:
        """What the map is called."""
        return self._groups[0].checkedAction().text()

    def set_value(self, *values: str) -> None:
        """Choose without telling; what is not on offer stays as it is."""
        for group, value in zip(self._groups, values, strict=False):
            for action in group.actions():
                if action.data() == value:
                    action.setChecked(True)
        set_icon(self.button, "layout", "accent" if self.value()[0] else "muted")

    def _tell(self, _action: object) -> None:
        self.set_value()
        self._changed()
