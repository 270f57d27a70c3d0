"""How the user wants the cortex drawn, whatever it shows: lines, cover, what the views are framed on."""

from __future__ import annotations

from dataclasses import dataclass

from app.cortex.colour import OPACITY

FADE = 0.2
"""Share of a diverging map's limit within which its colours fade into the curvature."""


@dataclass(frozen=True, slots=True)
class CortexStyle:
    """What the settings say of the cortex.

    Parameters
    ----------
    line_width : Of ROI outlines, in pixels of the interface.
    line_ink : Their colour "#rrggbb"; "" for white on dark and black on light.
    opacity : Of maps, in [0, 1].
    fades : Diverging maps are see-through near zero.
    framed : Views bring the voxels into sight, not the whole brain.
    """

    line_width: float = 1.7
    line_ink: str = ""
    opacity: float = OPACITY
    fades: bool = True
    framed: bool = True
