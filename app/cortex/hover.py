"""What lies under the pointer, as a record and as words. Never picks."""

from __future__ import annotations

from dataclasses import dataclass

from app.look.numbers import digits_for, format_signed
from core.types import Hemisphere

SEPARATOR = "  ·  "


@dataclass(frozen=True, slots=True)
class HoverInfo:
    """One vertex and what is shown there.

    Parameters
    ----------
    side : Hemisphere
    vertex : int
    voxel : int or None
        None where no voxel is drawn.
    roi : str
        "" for none.
    value : float or None
        The current map's value; None without a map or a voxel.
    unit : str
        Of the value.
    """

    side: Hemisphere
    vertex: int
    voxel: int | None
    roi: str
    value: float | None
    unit: str = ""

    def describe(self) -> str:
        """One line: place, vertex, voxel, value with its unit."""
        place = f"{self.side.value.capitalize()} {self.roi}".strip()
        parts = [place, f"vertex {self.vertex}", "no voxel" if self.voxel is None else f"voxel {self.voxel}"]
        if self.value is not None:
            digits = max(2, digits_for(abs(self.value)) - 1) if self.value else 2
            parts.append(f"{format_signed(self.value, digits)} {self.unit}".strip())
        return SEPARATOR.join(parts)
