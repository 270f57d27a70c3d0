"""What a table of voxels says of ROIs and sides, against one voxel at a time."""

from __future__ import annotations

import numpy as np

from core.types import VoxelTable


def test_rois_and_sides_are_those_of_every_voxel_alone() -> None:
    generator = np.random.default_rng(0)
    n_voxels, names = 200, ("", "V1", "FFA", "PPA")
    hemisphere = generator.integers(-1, 2, n_voxels).astype(np.int8)
    roi = tuple(names[number] for number in generator.integers(0, 4, n_voxels))
    rows = [(side, at, at) for at in range(n_voxels) for side in generator.permutation(2)[: generator.integers(0, 3)]]
    nothing = np.zeros(n_voxels, dtype=np.float32)
    table = VoxelTable(hemisphere, np.arange(n_voxels, dtype=np.int32), roi, nothing, np.asarray(rows, dtype=np.int32))
    seen: list[str] = []
    for voxel, name in enumerate(roi):
        painted = {side for side, _, at in rows if at == voxel}
        side = "" if painted == {0, 1} else {0: "left", 1: "right", -1: ""}[int(hemisphere[voxel])]
        assert table.side_of(voxel) == table.sides[voxel] == side
        seen += [name] if name and name not in seen else []
    assert table.roi_names == tuple(seen)
    for name in names[1:]:
        assert table.voxels_in(name).tolist() == [voxel for voxel in range(n_voxels) if roi[voxel] == name]
    assert table.voxels_in("EBA").tolist() == []
    table.voxels_in("V1")[:] = -1
    assert (table.voxels_in("V1") >= 0).all(), "what is changed outside stays outside"
