"""The spill-over table against means worked by hand and by brute force."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from core.probes.spill_over import RoiPool, tabulate_probe, tabulate_shift
from core.probes.target import target_voxel
from core.types import VoxelTable
from tests.helpers.probes import make_probe, make_table


def small_table() -> VoxelTable:
    """Five voxels: A on both sides, B twice, one outside every ROI."""
    side = np.asarray([0, 1, 0, 0, 1], dtype=np.int8)
    vertex = np.arange(5, dtype=np.int32)
    paint = np.stack([side, vertex, vertex], axis=1).astype(np.int32)
    return VoxelTable(side, vertex, ("A", "A", "B", "B", ""), np.ones(5, dtype=np.float32), paint)


SHIFT = np.asarray([1.0, 3.0, -1.0, 1.0, 50.0])
SD = np.asarray([0.5, 1.0, 1.0, 2.0, 1.0])


def test_rows_are_hemisphere_pooled_means() -> None:
    found = tabulate_shift(SHIFT, RoiPool(small_table()), reference_sd=SD, target=np.asarray([1.0, 0, 0, 0, 0]))
    a, b = found.rows
    assert (a.roi, a.n_voxels, a.shift, a.shift_sd, a.absolute_shift) == ("A", 2, 2.0, 2.5, 2.0)
    assert (b.roi, b.n_voxels, b.shift, b.shift_sd, b.absolute_shift) == ("B", 2, 0.0, -0.25, 1.0)
    assert a.is_target and not b.is_target and found.target_roi == "A"


def test_a_control_that_was_not_run_is_nan() -> None:
    found = tabulate_shift(SHIFT, RoiPool(small_table()), reference_sd=SD, target=np.eye(5)[0])
    assert math.isnan(found.rows[0].control_shift) and math.isnan(found.rows[0].control_shift_sd)


def test_a_voxel_that_never_varies_adds_no_sds() -> None:
    found = tabulate_shift(SHIFT, RoiPool(small_table()), reference_sd=0 * SD, target=np.eye(5)[0])
    assert [row.shift_sd for row in found.rows] == [0.0, 0.0]


def test_a_target_outside_every_roi_has_no_row_and_no_selectivity() -> None:
    found = tabulate_shift(SHIFT, RoiPool(small_table()), reference_sd=SD, target=np.eye(5)[4])
    assert found.target_roi is None and math.isnan(found.selectivity)


def test_selectivity_needs_two_other_rois() -> None:
    found = tabulate_shift(SHIFT, RoiPool(small_table()), reference_sd=SD, target=np.eye(5)[0])
    assert math.isnan(found.selectivity)


def test_probe_table_agrees_with_brute_force() -> None:
    table, probe = make_table(), make_probe()
    (found,) = tabulate_probe(probe, table).values()
    for row in found.rows:
        voxels = [index for index, name in enumerate(table.roi) if name == row.roi]
        moved = [(probe.perturbed[v] - probe.clean[v]) / probe.reference_sd[v] for v in voxels]
        silent = [probe.control[v] - probe.clean[v] for v in voxels]
        assert row.n_voxels == len(voxels)
        assert row.shift_sd == pytest.approx(np.mean(moved), rel=1e-4, abs=1e-6)
        assert row.control_shift == pytest.approx(np.mean(silent), rel=1e-4, abs=1e-6)
    others = [row.shift_sd for row in found.rows if row.roi != "FFA"]
    aim = next(row.shift_sd for row in found.rows if row.roi == "FFA")
    assert found.target_roi == "FFA"
    assert found.selectivity == pytest.approx((aim - np.mean(others)) / np.std(others, ddof=1))


def test_a_voxel_target_marks_its_roi() -> None:
    table = make_table()
    voxel = int(table.voxels_in("PPA")[0])
    probe = make_probe()
    probe = replace(probe, config=replace(probe.config, target=target_voxel(table, voxel)))
    assert tabulate_probe(probe, table)["mobilenet_v2"].target_roi == "PPA"


def test_shifting_all_alike_leaves_selectivity_undefined() -> None:
    table = make_table(110)
    ones = np.ones(110)
    found = tabulate_shift(ones, RoiPool(table), reference_sd=ones, target=np.eye(110)[0])
    assert math.isnan(found.selectivity)
