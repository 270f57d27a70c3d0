"""Where voxels are drawn. Answers: the vertices they are, the parcels of the atlas, a surface made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from core.datasets.voxel_places import FSAVERAGE, place_fsaverage, place_rois, place_vertices, place_volume
from core.errors import BadInputError
from core.surfaces.mesh import CorticalSurface, HemisphereSurface
from core.surfaces.store import load_atlases, save_surface

FACES = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]], dtype=np.int32)
CORNERS = np.array([[0, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 10]], dtype=np.float32)
EMPTY = np.empty((0, 3), dtype=np.int32)


def make_participant(name: str) -> CorticalSurface:
    """Two tetrahedra, the left one 60 mm to the left."""
    flat = np.zeros(4, dtype=np.float32)
    left, right = (
        HemisphereSurface({"white": points, "inflated": points}, FACES, EMPTY, flat, flat)
        for points in (CORNERS - [60, 0, 0], CORNERS)
    )
    return CorticalSurface(name, left=left, right=right)


def test_a_vertex_both_surfaces_have_shows_its_own_voxel() -> None:
    near = place_fsaverage(np.array([0]), np.array([50_000])).vertex[0]
    places = place_fsaverage(np.array([0, 0, 1]), np.array([near, 50_000, near]))
    assert places.surface == "fsaverage5" and places.vertex.tolist() == [near, near, near]
    assert sorted(places.paint.tolist()) == [[0, near, 0], [1, near, 2]]
    assert "import the surface fsaverage" in places.remark
    with pytest.raises(BadInputError, match="fsaverage or fsaverage5, got 'fsaverage6'"):
        place_fsaverage(np.array([0]), np.array([1]), surface="fsaverage6")


def test_a_vertex_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadInputError, match="a vertex of fsaverage5, 0 to 10,241, got 10242"):
        place_vertices(np.array([1]), np.array([10_242]), surface="fsaverage5")
    assert FSAVERAGE == "fsaverage"


@pytest.mark.parametrize("template", ["fsaverage5", "fsaverage"])
def test_vertices_that_lie_together_counted_from_1_are_asked_about(template: str) -> None:
    """The first vertices of fsaverage are those of fsaverage5."""
    for atlas in load_atlases("fsaverage5"):
        for side in (0, 1):
            for roi in ("V1", "FFA", "PPA"):
                vertex = atlas.vertices_in(side, roi)
                hemisphere = np.full(len(vertex), side)
                assert "from 1" not in place_fsaverage(hemisphere, vertex, template=template).remark
                assert "from 1" in place_fsaverage(hemisphere, vertex + 1, template=template).remark


def test_scattered_vertices_are_not_asked_about() -> None:
    vertex = np.random.default_rng(0).choice(np.arange(1, 10_242), 300, replace=False)
    assert place_vertices(np.zeros(300, dtype=int), vertex, surface="fsaverage5").remark == ""


def test_voxels_of_a_volume_go_to_a_persons_own_surface() -> None:
    save_surface(make_participant("p1"))
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    indices = np.array([[0, 0, 0], [5, 0, 0], [-30, 5, 0], [20, 20, 20]])
    places = place_volume(indices, affine, surface="p1")
    assert places.hemisphere.tolist()[:3] == [1, 1, 0] and places.vertex.tolist() == [0, 1, 2, -1]
    assert places.remark == "1 voxels lie too far from p1 to be drawn."
    unplaced = place_volume(indices, affine)
    assert unplaced.surface == "" and unplaced.hemisphere.tolist() == [0, 1, 0, 1] and not len(unplaced.paint)


def test_an_roi_lies_where_its_parcel_is_larger() -> None:
    places = place_rois(("FFA", "Nowhere"))
    assert places.hemisphere[0] == 1 and places.vertex[1] == -1
    assert (places.paint[:, 2] == 0).all() and set(places.paint[:, 0].tolist()) == {0, 1}
