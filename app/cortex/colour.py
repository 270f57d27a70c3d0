"""Composes what a cortical surface shows into one colour per vertex: curvature below, maps above.

Layers are blended on the CPU, so that each hemisphere stays one opaque actor (stacked translucent actors halve the
frame rate and sort wrongly).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from core.figures.colour_key import ColourKey
from core.types import BoolArray, ByteArray, FloatArray, IntArray

CURVATURE_EDGE = 0.02
"""Half the width, in 1/mm, of the soft step between gyrus and sulcus."""

OPACITY = 0.94
"""Of a map over the curvature: the folds shimmer through without changing the colour that is read."""

FADE = 0.2
"""Share of a diverging map's limit within which its colours fade into the curvature."""

DIM_OPACITY = 0.38
DIM_GREY = 0.72
"""A dimmed vertex keeps this much less of its colour and cover."""

LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class CortexStyle:
    """How the user wants the cortex drawn, whatever it shows.

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


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Colours (n, 3) float32 in [0, 255] with their cover (n,) float32 in [0, 1]."""

    rgb: FloatArray
    opacity: FloatArray


def shade_curvature(curvature: FloatArray, *, gyrus: int, sulcus: int) -> FloatArray:
    """The underlay (n, 3) float32: gyri in one grey, sulci (positive curvature) in another, with a soft edge."""
    depth = np.clip((np.asarray(curvature) + CURVATURE_EDGE) / (2 * CURVATURE_EDGE), 0, 1)
    smooth = depth * depth * (3 - 2 * depth)
    grey = gyrus + (sulcus - gyrus) * smooth
    return np.repeat(grey[:, None], 3, axis=1).astype(np.float32)


def colour_values(values: FloatArray, key: ColourKey, *, dimmed: BoolArray, opacity: float = OPACITY) -> Layer:
    """The layer of a map: values (n,) with NaN where nothing is known, and the vertices to hold back (n,)."""
    rgb = key.colormap.look_up(key.position(values)).astype(np.float32)
    return dim(Layer(rgb, np.float32(opacity) * key.cover(values)), dimmed)


def colour_regions(labels: IntArray, colours: ByteArray, *, dimmed: BoolArray) -> Layer:
    """The layer of regions: label i (n,) takes colours[i - 1], label 0 nothing."""
    rgb = np.vstack([np.zeros((1, 3), np.uint8), colours])[labels].astype(np.float32)
    return dim(Layer(rgb, np.where(labels > 0, np.float32(OPACITY), np.float32(0))), dimmed)


def dim(layer: Layer, dimmed: BoolArray) -> Layer:
    """The layer with the dimmed vertices (n,) greyed and thinned; the others are left exactly as they are."""
    if not dimmed.any():
        return layer
    grey = (layer.rgb @ LUMA)[:, None]
    held_back = DIM_GREY * grey + (1 - DIM_GREY) * layer.rgb
    thinned = layer.opacity * np.float32(DIM_OPACITY)
    return Layer(np.where(dimmed[:, None], held_back, layer.rgb), np.where(dimmed, thinned, layer.opacity))


def blend_table(key: ColourKey) -> FloatArray:
    """Colours evenly spaced in value, with their cover, as they are and dimmed: (2, n, 4) float32, red, green, blue."""
    values = np.linspace(key.lowest, key.limit, len(key.colormap.table))
    table = key.colormap.look_up(key.position(values)).astype(np.float32)
    plain = Layer(table, np.full(len(table), OPACITY, dtype=np.float32))
    layers = (plain, dim(plain, np.ones(len(table), dtype=bool)))
    return np.stack([np.column_stack([one.rgb, one.opacity]) for one in layers])


def compose(underlay: FloatArray, layers: Iterable[Layer]) -> ByteArray:
    """One RGBA colour per vertex, (n, 4) uint8, the later layers above."""
    rgb = underlay
    for layer in layers:
        cover = layer.opacity[:, None]
        rgb = rgb + cover * (layer.rgb - rgb)
    rgba = np.full((len(rgb), 4), 255, dtype=np.uint8)
    rgba[:, :3] = np.round(rgb).astype(np.uint8)
    return rgba
