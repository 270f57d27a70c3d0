"""tkRAS to scanner RAS. Answers: nibabel's own affines of an MGH volume, and a shift for conformed volumes."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from core.errors import BadInputError
from core.surfaces.freesurfer import GEOMETRY, surface_to_scanner


def geometry_of(image: nibabel.MGHImage) -> dict[str, np.ndarray]:
    header = image.header
    values = (image.shape[:3], header["delta"], *header["Mdc"], header["Pxyz_c"])
    return {name: np.asarray(value, dtype=float) for name, value in zip(GEOMETRY, values, strict=True)}


def oblique_image() -> nibabel.MGHImage:
    rng = np.random.default_rng(4)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = turn * [0.9, 1.1, 1.3]
    affine[:3, 3] = (-80, 40, 13)
    return nibabel.MGHImage(np.zeros((90, 80, 70), dtype=np.uint8), affine)


def test_the_affines_are_nibabels() -> None:
    image = oblique_image()
    geometry = geometry_of(image)
    expected = image.header.get_vox2ras() @ np.linalg.inv(image.header.get_vox2ras_tkr())
    np.testing.assert_allclose(surface_to_scanner(geometry), expected, atol=1e-4)


def test_a_conformed_volume_is_shifted_by_its_centre() -> None:
    across, down, through = np.array([-1.0, 0, 0]), np.array([0.0, 0, -1]), np.array([0.0, 1, 0])
    centre = np.array([2.0, -3, 5])
    values = (np.full(3, 256.0), np.ones(3), across, down, through, centre)
    moved = surface_to_scanner(dict(zip(GEOMETRY, values, strict=True)))
    np.testing.assert_allclose(moved[:3, :3], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(moved[:3, 3], centre)


def test_impossible_geometries_are_refused() -> None:
    ones = np.ones(3)
    with pytest.raises(BadInputError, match="six triples"):
        surface_to_scanner(dict.fromkeys(GEOMETRY, ones) | {"voxelsize": 0 * ones})
