"""Matching places of the hemispheres against sulcal depth, which the search never sees; coordinates by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.errors import BadInputError
from core.surfaces.anatomy import find_homologue, locate_vertex
from core.surfaces.atlas import load_atlas
from core.surfaces.mesh import CorticalSurface
from core.surfaces.store import load_fsaverage5
from tests.helpers.cortex import make_cortex


@pytest.mark.parametrize("side", [0, 1])
def test_matching_places_have_the_same_folds_and_lie_mirrored(side) -> None:
    surface = load_fsaverage5()
    match = np.array([find_homologue(surface, side, vertex) for vertex in range(10_242)])
    own, other = surface.side(side), surface.side(1 - side)
    assert np.corrcoef(own.sulc, other.sulc[match])[0, 1] > 0.95
    assert np.corrcoef(own.sulc, other.sulc)[0, 1] < 0.5, "the same number is another place"
    away = own.geometries["white"] * [-1, 1, 1] - other.geometries["white"][match]
    assert np.percentile(np.linalg.norm(away, axis=1), 99) < 6


def test_early_visual_areas_match_their_own() -> None:
    surface, atlas = load_fsaverage5(), load_atlas()
    for roi in ("V1", "V2", "hV4"):
        here, there = (atlas.vertices_in(side, roi) for side in (0, 1))
        match = [find_homologue(surface, 0, int(vertex)) for vertex in here]
        sphere = surface.right.geometries["sphere"]
        assert np.linalg.norm(sphere[match].mean(axis=0) - sphere[there].mean(axis=0)) < 8


def test_hemispheres_that_are_not_known_to_match_are_refused() -> None:
    with pytest.raises(BadInputError, match=r"got 'made-up'\. Which places of the hemispheres of made-up match"):
        find_homologue(make_cortex(), 0, 3)


def test_coordinates_name_their_space() -> None:
    template = load_fsaverage5()
    x, y, z = template.left.geometries["white"][77]
    assert locate_vertex(template, 0, 77, geometry="inflated") == f"MNI305 {x:.1f}, {y:.1f}, {z:.1f} mm".replace(
        "-", "−"
    )
    x, y, z = template.right.geometries["pial"][5]
    assert locate_vertex(template, 1, 5, geometry="pial").endswith(f"{x:.1f}, {y:.1f}, {z:.1f} mm".replace("-", "−"))
    own = make_cortex()
    assert locate_vertex(own, 0, 7).startswith("made-up (own space) ")
    halves = [replace(half, geometries={"inflated": half.geometries["inflated"]}) for half in (own.left, own.right)]
    bare = CorticalSurface("bare", *(replace(half, flat_faces=half.flat_faces[:0]) for half in halves))
    assert locate_vertex(bare, 0, 7) == ""


def test_a_person_on_the_vertices_of_fsaverage_is_not_in_its_space() -> None:
    template = load_fsaverage5()
    halves = [
        replace(half, geometries=half.geometries | {"white": half.geometries["white"] * np.float32(0.9)})
        for half in (template.left, template.right)
    ]
    person = CorticalSurface("sub-01", *halves)
    assert locate_vertex(person, 0, 7).startswith("sub-01 (own space) ")
    with pytest.raises(BadInputError, match="sub-01"):
        find_homologue(person, 0, 7)
