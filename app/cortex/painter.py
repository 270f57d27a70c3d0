"""What the cortex shows as colours: underlay, current map, dimmed voxels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from app.cortex.colour import FADE, CortexStyle, Layer, colour_regions, colour_values, compose, shade_curvature
from app.cortex.over import Over
from core.checks import refusal
from core.figures.colour_key import ColourKey
from core.surfaces.atlas import Atlas
from core.surfaces.colormap import (
    DEFAULT_DIVERGING,
    DEFAULT_SEQUENTIAL,
    ColormapKind,
    ColourRange,
    distinct_colours,
    find_colormap,
)
from core.surfaces.mesh import SIDE_NAMES, CorticalSurface
from core.surfaces.paint import NO_PLACE, NO_VOXEL, VoxelMap
from core.types import BoolArray, ByteArray, FloatArray, IntArray, VoxelTable, split_side

if TYPE_CHECKING:
    from core.figures.probe_maps import ProbeMap  # with networks and encoders

GREYS_DARK = (172, 118)
"""Gyrus and sulcus of the dark theme."""

GREYS_LIGHT = (214, 172)


class CortexPainter:
    """Holds one surface, its voxels and the current map, and composes the colours of both sides."""

    def __init__(self) -> None:
        self.surface: CorticalSurface | None = None
        self.atlas: Atlas | None = None
        self.voxels: VoxelMap | None = None
        self.values: FloatArray | None = None
        self.shows_regions = False
        self.greys = GREYS_DARK
        self.style = CortexStyle()
        self.colormaps = {True: DEFAULT_DIVERGING, False: DEFAULT_SEQUENTIAL}
        self._key = ColourKey(find_colormap(DEFAULT_DIVERGING), "", "", 1.0)
        self.threshold = 0.0
        self._dimmed: BoolArray | None = None
        self.over: Over | None = None
        self._underlays: dict[int, tuple[tuple[tuple[int, int], int], FloatArray]] = {}

    @property
    def scale(self) -> ColourKey | None:
        """How the current map's values become colours, or None where no values are shown."""
        if self.values is None or self.shows_regions:
            return None
        key = replace(self._key, fade=FADE if self.style.fades and self._key.chosen is None else 0.0)
        over = self.over
        return key if over is None else replace(key, note=over.describe(), is_2d=over.mode == "opacity")

    def set_voxels(self, table: VoxelTable) -> None:
        """Take another subject's voxels; forget the old map, gate and set."""
        if self.surface is None:
            raise refusal("surface", allowed="set before the voxels", got=None)
        self.voxels = VoxelMap(table, *self.surface.n_vertices)
        self.values, self._dimmed, self.over = None, None, None

    def set_map(self, made: ProbeMap, chosen: ColourRange | None = None) -> None:
        """Show a map in the range that was chosen, else in its own; a bare cortex where it has no values."""
        if made.values is not None:
            self._check_length("values", made.values)
            limit = (made.find_limit() or 1.0) if chosen is None else chosen.fmax
            key = replace(self._key, colormap=find_colormap(self.colormaps[made.diverging]), limit=limit)
            self._key = replace(key, title=made.title, unit=made.unit, chosen=chosen)
        self.values = made.values
        self.shows_regions = False
        self._hide()

    def set_colormap(self, name: str) -> None:
        """Use a colour map for all values of its kind."""
        colormap = find_colormap(name)
        diverging = colormap.kind is ColormapKind.DIVERGING
        self.colormaps[diverging] = name
        if diverging == self._key.is_diverging:
            self._key = replace(self._key, colormap=colormap)

    def set_threshold(self, threshold: float) -> None:
        """Make values nearer to zero than this transparent, and those below the beginning of a chosen range."""
        self.threshold = float(threshold)
        self._hide()

    def _hide(self) -> None:
        chosen, values = self._key.chosen, self.values
        key = replace(self._key, threshold=max(self.threshold, 0.0 if chosen is None else chosen.fmin))
        self._key = key if values is None else replace(key, clipped=key.count_clipped(values))

    def set_dimmed(self, mask: BoolArray | None) -> None:
        """Hold back poor voxels (n_voxels,)."""
        if mask is not None:
            self._check_length("mask", mask)
        self._dimmed = mask

    def colours(self) -> tuple[ByteArray, ByteArray]:
        """One RGBA colour for each vertex of the left and right side, (n, 4) uint8."""
        left, right = (compose(self.underlay(side), self._layers(side)) for side in (0, 1))
        return left, right

    def voxel_at(self, side: int, vertex: int) -> int | None:
        """The voxel at a vertex, or None."""
        return None if self.voxels is None else self.voxels.voxel_at(side, vertex)

    def place_of(self, voxel: int) -> tuple[int, int] | None:
        """The (side, vertex) of a voxel, None if it has no place. Raises BadInputError if there is no such voxel."""
        n_voxels = 0 if self.voxels is None else self.voxels.table.n_voxels
        if self.voxels is None or not 0 <= voxel < n_voxels:
            raise refusal("voxel", allowed=f"a voxel from 0 to {n_voxels - 1}", got=voxel)
        return self.voxels.vertex_of(voxel)

    def value_of(self, voxel: int | None) -> float | None:
        """The current map's value of a voxel, or None."""
        if voxel is None or self.values is None or self.shows_regions:
            return None
        return float(self.values[voxel])

    def find_peak(self, among: IntArray) -> int | None:
        """Of some voxels (k,) that are drawn and not dimmed the one of the largest value shown, either sign of a
        diverging map; None if there is none.
        """
        if self.values is None or self.voxels is None or (key := self.scale) is None:
            return None
        free = self.voxels.table.vertex[among] != NO_PLACE
        free &= key.is_shown(self.values[among])
        if self._dimmed is not None:
            free &= ~self._dimmed[among]
        if not free.any():
            return None
        values = self.values[among[free]]
        return int(among[free][np.argmax(np.abs(values) if key.is_diverging else values)])

    def roi_at(self, side: int, vertex: int) -> str:
        """The voxel's ROI, else the atlas's, else ""."""
        voxel = self.voxel_at(side, vertex)
        if voxel is not None and self.voxels is not None and self.voxels.table.roi[voxel]:
            return self.voxels.table.roi[voxel]
        return "" if self.atlas is None else self.atlas.roi_of(side, vertex)

    def roi_labels(self, roi: str) -> tuple[IntArray, IntArray] | None:
        """1 at the vertices of an ROI on both sides, (n,) each: the atlas's, else those its voxels are painted on."""
        known = () if self.voxels is None else self.voxels.table.roi_names
        listed = () if self.atlas is None else self.atlas.names
        hemisphere, name = ("", roi) if roi in (*known, *listed) else split_side(roi)
        sides = [side for side in (0, 1) if hemisphere in ("", SIDE_NAMES[side])]
        if self.atlas is not None and name in listed:
            masks = [self.atlas.labels(side) == listed.index(name) + 1 for side in (0, 1)]
        elif self.voxels is not None and name in known:
            members = np.zeros(self.voxels.table.n_voxels, dtype=bool)
            members[self.voxels.table.voxels_in(name)] = True
            masks = [self._mask(members, side) for side in (0, 1)]
        else:
            return None
        return self._as_labels([mask & (side in sides) for side, mask in enumerate(masks)])

    def set_labels(self, voxels: Sequence[int]) -> tuple[IntArray, IntArray] | None:
        """1 at the vertices of a set of voxels on both sides, (n,) each; None for an empty one."""
        if self.voxels is None or not voxels:
            return None
        members = np.zeros(self.voxels.table.n_voxels, dtype=bool)
        members[list(voxels)] = True
        return self._as_labels([self._mask(members, side) for side in (0, 1)])

    @staticmethod
    def _as_labels(masks: Sequence[BoolArray]) -> tuple[IntArray, IntArray]:
        left, right = (mask.astype(np.int16) for mask in masks)
        return left, right

    def vertices_with_data(self) -> tuple[BoolArray, BoolArray] | None:
        """The vertices (n,) of both sides that show a voxel, else those in an ROI of the atlas; None for neither."""
        if self.voxels is not None and len(self.voxels.table.paint):
            left, right = (self.voxels.voxels(side) != NO_VOXEL for side in (0, 1))
        elif self.atlas is not None:
            left, right = (self.atlas.labels(side) > 0 for side in (0, 1))
        else:
            return None
        return left, right

    def underlay(self, side: int) -> FloatArray:
        """The folds of a side, below every map, (n, 3) in [0, 255]."""
        if self.surface is None:
            return np.zeros((0, 3), dtype=np.float32)
        curvature = self.surface.side(side).curvature
        if side not in self._underlays or self._underlays[side][0] != (self.greys, id(curvature)):
            underlay = shade_curvature(curvature, gyrus=self.greys[0], sulcus=self.greys[1])
            self._underlays[side] = ((self.greys, id(curvature)), underlay)
        return self._underlays[side][1]

    def _layers(self, side: int) -> list[Layer]:
        layers = []
        if self.shows_regions and self.atlas is not None:
            colours = distinct_colours(max(1, len(self.atlas.names)))
            layers.append(colour_regions(self.atlas.labels(side), colours, dimmed=self._mask(self._dimmed, side)))
        elif self.values is not None and self.voxels is not None and (key := self.scale) is not None:
            values, dimmed = self.voxels.paint(self.values)[side], self._mask(self._dimmed, side)
            layer = colour_values(values, key, dimmed=dimmed, opacity=self.style.opacity)
            if key.is_2d and self.over is not None:
                layer = replace(
                    layer, opacity=layer.opacity * np.nan_to_num(self.voxels.paint(self.over.share())[side])
                )
            layers.append(layer)
        return layers

    def _mask(self, mask: BoolArray | None, side: int) -> BoolArray:
        """A mask of voxels (n_voxels,) as one of vertices (n,)."""
        if self.surface is None or self.voxels is None or mask is None:
            return np.zeros(0 if self.surface is None else self.surface.n_vertices[side], dtype=bool)
        shown = self.voxels.voxels(side)
        return np.append(mask, False)[shown]

    def _check_length(self, name: str, given: FloatArray | BoolArray) -> None:
        n_voxels = 0 if self.voxels is None else self.voxels.table.n_voxels
        if given.shape != (n_voxels,):
            raise refusal(name, allowed=f"{n_voxels} numbers, one a voxel", got=given.shape)
