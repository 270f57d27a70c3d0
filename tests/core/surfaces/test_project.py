"""Volumes on a surface. Answers: a volume whose value is its own coordinate, so that every vertex must find its own."""

from __future__ import annotations

from dataclasses import replace

import nibabel
import numpy as np
import pytest

from core.errors import BadInputError
from core.surfaces.mapping import middle_of_sheet
from core.surfaces.project import project_volume
from tests.helpers.cortex import make_cortex

SHIFT = np.eye(4)
SHIFT[:3, 3] = (4.0, -18, 22)
SURFACE = replace(make_cortex(), name="sub-01", to_scanner=SHIFT)
AFFINE = np.array([[2.0, 0, 0, -90], [0, 2, 0, -110], [0, 0, 2, -70], [0, 0, 0, 1]])


def coordinate_volume(axis: int) -> nibabel.Nifti1Image:
    indices = np.stack(np.meshgrid(np.arange(100), np.arange(100), np.arange(90), indexing="ij"), axis=-1)
    return nibabel.Nifti1Image((indices * 2.0 + AFFINE[:3, 3])[..., axis].astype(np.float32), AFFINE)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_vertex_finds_the_value_at_its_own_place_in_the_scanner(tmp_path, axis) -> None:
    nibabel.save(coordinate_volume(axis), tmp_path / "x.nii.gz")
    pair = project_volume(tmp_path / "x.nii.gz", SURFACE)
    for side in (0, 1):
        np.testing.assert_allclose(pair[side], middle_of_sheet(SURFACE, side)[:, axis], atol=1e-3)


def test_volumes_that_cannot_be_are_refused(tmp_path) -> None:
    away = AFFINE.copy()
    away[:3, 3] = 900
    nibabel.save(nibabel.Nifti1Image(np.ones((5, 5, 5), np.float32), away), tmp_path / "far.nii")
    with pytest.raises(BadInputError, match=r"far\.nii does not reach the surface sub-01"):
        project_volume(tmp_path / "far.nii", SURFACE)
    nibabel.save(nibabel.Nifti1Image(np.ones((5, 5, 5, 2), np.float32), AFFINE), tmp_path / "four.nii")
    with pytest.raises(BadInputError, match="must have 3 dimensions, it has 4"):
        project_volume(tmp_path / "four.nii", SURFACE)
    (tmp_path / "no.nii").write_bytes(b"nothing")
    with pytest.raises(BadInputError, match=r"no\.nii is truncated or no NIfTI"):
        project_volume(tmp_path / "no.nii", SURFACE)
    bare = replace(SURFACE.left, geometries={"inflated": SURFACE.left.geometries["inflated"]})
    with pytest.raises(BadInputError, match="has no white geometry"):
        project_volume(tmp_path / "far.nii", replace(SURFACE, left=bare))
