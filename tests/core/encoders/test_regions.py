"""Which cells a region of the visual field keeps, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.encoders.config import EncoderConfig, RoiRegion
from core.encoders.scored import choose_columns, group_voxels, pooled_grid
from core.errors import BadInputError
from tests.helpers.voxels import make_voxels


def cells(region: RoiRegion, rows: int, columns: int) -> np.ndarray:
    kept = np.zeros(2 * rows * columns, dtype=int)
    kept[choose_columns(region, (2, rows, columns))] = 1
    first, second = kept.reshape(2, rows, columns)
    assert (first == second).all()  # every channel alike
    return first


def test_up_is_the_top_row_and_right_the_last_column() -> None:
    upper_right = RoiRegion("V1", 0, 0, 1, 1)
    assert cells(upper_right, 2, 4).tolist() == [[0, 0, 1, 1], [0, 0, 0, 0]]
    fovea = RoiRegion("V1", -0.4, -0.4, 0.4, 0.4)
    assert cells(fovea, 4, 4).tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    assert cells(RoiRegion("V1", -1, -1, 1, 1), 3, 3).all()


def test_a_region_between_the_centres_or_without_a_map_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"hold the centre of a cell of the 2 x 2 grid.*Use a finer pooling"):
        choose_columns(RoiRegion("V1", -0.2, -0.2, 0.2, 0.2), (3, 2, 2))
    with pytest.raises(BadInputError, match="`regions` must be empty without a feature map, got 'V1'"):
        choose_columns(RoiRegion("V1", -1, -1, 1, 1), (30, 1, 1))


def test_every_voxel_is_in_one_group() -> None:
    config = EncoderConfig("s", "n", "l", regions=(RoiRegion("V1", -1, 0, 1, 1), RoiRegion("FFA", -1, -1, 1, 1)))
    groups = group_voxels(config, make_voxels(), (2, 4, 4))
    assert [group.voxels.tolist() for group in groups] == [[0, 1, 5], [2, 3, 4], [6]]
    assert groups[2].columns is None
    twice = replace(config, regions=(config.regions[0], config.regions[0]))
    with pytest.raises(BadInputError, match="`regions` must be one for each ROI"):
        group_voxels(twice, make_voxels(), (2, 4, 4))
    with pytest.raises(BadInputError, match="must be one of V1, FFA, got 'V2'. Did you mean 'V1'"):
        group_voxels(replace(config, regions=(RoiRegion("V2", -1, -1, 1, 1),)), make_voxels(), (2, 4, 4))


def test_the_grid_is_that_after_pooling() -> None:
    assert pooled_grid((8, 14, 12), 0) == (8, 14, 12)
    assert pooled_grid((8, 14, 12), 7) == (8, 7, 7)
    assert pooled_grid((512,), 3) == (512, 1, 1)
