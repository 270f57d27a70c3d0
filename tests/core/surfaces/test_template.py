"""The shipped template and atlas. Answers: FreeSurfer's counts, Euler's formula and anatomy in MNI-like coordinates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from simulated_voxels import load_retinotopy

from core.containers import load_arrays
from core.errors import BadInputError, StorageError
from core.surfaces.atlas import Atlas, load_atlas
from core.surfaces.mesh import CorticalSurface
from core.surfaces.store import load_fsaverage5

N_VERTICES = 10_242
SPHERE_RADIUS = 100.0
UPPER_BANK = 8.0
"""Height in mm above which left V1 is the upper bank of the calcarine sulcus."""


@pytest.fixture(scope="module")
def surface() -> CorticalSurface:
    return load_fsaverage5()


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return load_atlas()


@pytest.mark.parametrize("side", [0, 1])
def test_each_hemisphere_is_a_closed_sphere(surface: CorticalSurface, side: int) -> None:
    hemisphere = surface.side(side)
    faces = hemisphere.faces
    edges = np.unique(np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1), axis=0)
    assert hemisphere.n_vertices == N_VERTICES
    assert hemisphere.n_vertices - len(edges) + len(faces) == 2
    radius = np.linalg.norm(hemisphere.geometries["sphere"], axis=1)
    np.testing.assert_allclose(radius, SPHERE_RADIUS, rtol=1e-4)


def test_hemispheres_lie_on_their_sides_and_differ(surface: CorticalSurface) -> None:
    assert surface.left.geometries["pial"][:, 0].mean() < -20
    assert surface.right.geometries["pial"][:, 0].mean() > 20
    assert (len(surface.left.flat_faces), len(surface.right.flat_faces)) == (18_654, 18_790)


@pytest.mark.parametrize("side", [0, 1])
def test_faces_look_outward_and_flat_is_a_sheet(surface: CorticalSurface, side: int) -> None:
    hemisphere = surface.side(side)
    corners = hemisphere.geometries["sphere"][hemisphere.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((normals * corners.mean(axis=1)).sum(axis=1) > 0).all()
    assert (hemisphere.geometries["flat"][:, 2] == 0).all()
    assert set(hemisphere.geometries) == {"pial", "white", "inflated", "sphere", "flat"}


def centre(surface: CorticalSurface, atlas: Atlas, roi: str, *, side: int) -> np.ndarray:
    return surface.side(side).geometries["pial"][atlas.vertices_in(side, roi)].mean(axis=0)


@pytest.mark.parametrize("side", [0, 1])
def test_rois_lie_where_anatomy_puts_them(surface: CorticalSurface, atlas: Atlas, side: int) -> None:
    place = {roi: centre(surface, atlas, roi, side=side) for roi in ("V1", "FFA", "EBA", "PPA", "RSC", "OPA")}
    distance = {roi: abs(point[0]) for roi, point in place.items()}
    assert distance["V1"] < 15 and place["V1"][1] < -75, "calcarine: medial and posterior"
    assert place["FFA"][2] < -10 and 30 < distance["FFA"] < 48, "ventral, on the fusiform gyrus"
    assert place["PPA"][2] < 0 and distance["PPA"] < distance["FFA"], "ventral, medial of FFA"
    assert distance["EBA"] > 40 and place["EBA"][2] > place["FFA"][2], "lateral, above FFA"
    assert distance["RSC"] < 22 and place["RSC"][1] > place["V1"][1], "medial, in front of V1"
    assert place["OPA"][2] > 15, "dorsal"
    assert (np.sign([point[0] for point in place.values()]) == (-1, 1)[side]).all()


def test_the_word_area_is_left_only(atlas: Atlas) -> None:
    assert len(atlas.vertices_in(0, "VWFA")) > 20
    assert len(atlas.vertices_in(1, "VWFA")) == 0


def test_roi_of_agrees_with_the_lists(atlas: Atlas) -> None:
    for side in (0, 1):
        for roi in atlas.names:
            assert all(atlas.roi_of(side, int(vertex)) == roi for vertex in atlas.vertices_in(side, roi)[:5])
        assert atlas.roi_of(side, int(np.flatnonzero(atlas.labels(side) == 0)[0])) == ""
    with pytest.raises(BadInputError, match="Did you mean 'FFA'"):
        atlas.vertices_in(0, "ffa")


def test_hemispheres_see_the_opposite_field(surface: CorticalSurface, atlas: Atlas) -> None:
    fields = load_retinotopy()
    for side, sign in ((0, 1), (1, -1)):
        centres = np.array([fields.centre(side, int(vertex)) for vertex in atlas.vertices_in(side, "V1")])
        assert (centres[:, 0] * sign > -1e-3).all()
    height = surface.left.geometries["pial"][:, 2]
    dorsal = [fields.centre(0, int(v))[1] for v in atlas.vertices_in(0, "V1") if height[v] > UPPER_BANK]
    assert np.mean(dorsal) < 0, "the upper bank of the calcarine sees the lower field"


def test_missing_and_damaged_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"absent\.npz cannot be read: No such file.*Install the program again"):
        load_arrays(tmp_path / "absent.npz")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(StorageError, match=r"cut\.npz is truncated or no \.npz file"):
        load_arrays(tmp_path / "cut.npz")
    np.savez(tmp_path / "code.npz", code=np.array([object()], dtype=object))
    with pytest.raises(StorageError, match="code.npz holds objects besides numbers"):
        load_arrays(tmp_path / "code.npz")
