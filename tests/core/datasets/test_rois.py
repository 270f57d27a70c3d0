"""ROIs of voxels from an atlas. Answers by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.datasets.surface_choice import fill_rois
from tests.helpers.cortex import make_atlas, make_cortex, make_table

SURFACE = make_cortex()
ATLAS = make_atlas(SURFACE)


def test_each_voxel_takes_the_roi_at_its_vertex_and_side() -> None:
    table = make_table(SURFACE)
    bare = replace(table, roi=("",) * table.n_voxels)
    assert fill_rois(bare, ATLAS).roi == table.roi


def test_voxels_without_a_place_have_no_roi() -> None:
    table = make_table(SURFACE)
    vertex = table.vertex.copy()
    vertex[3:9] = -1
    filled = fill_rois(replace(table, vertex=vertex, roi=("",) * table.n_voxels), ATLAS)
    assert filled.roi[3:9] == ("",) * 6
    assert filled.roi[9:] == table.roi[9:]


def test_a_recording_with_rois_keeps_them() -> None:
    table = make_table(SURFACE)
    mine = replace(table, roi=("FFA-1", *("",) * (table.n_voxels - 1)))
    assert fill_rois(mine, ATLAS) is mine
    assert np.asarray(mine.roi)[0] == "FFA-1"
