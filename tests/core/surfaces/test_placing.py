"""Which surface a subject is shown on, and why. Answers by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.datasets.subject import load_subject
from core.surfaces.paint import VoxelMap
from core.surfaces.placing import VOXEL_ATLAS, place_nowhere, place_voxels
from core.surfaces.store import save_surface
from tests.helpers.cortex import make_atlas, make_cortex, make_table

SURFACE = make_cortex()
TABLE = make_table(SURFACE)


def test_a_shipped_subject_lies_on_the_template_with_its_atlas() -> None:
    subject = load_subject("simulated")
    placed = place_voxels(subject.voxels, subject.surface)
    assert (placed.surface.name, placed.note) == ("fsaverage5", "")
    assert placed.voxels is subject.voxels
    assert placed.atlas is not None and "FFA" in placed.atlas.names


def test_an_imported_surface_is_shown_with_its_own_atlas() -> None:
    save_surface(replace(SURFACE, name="sub-01"), [make_atlas(SURFACE)])
    placed = place_voxels(TABLE, "sub-01")
    assert placed.surface.n_vertices == (162, 642) and placed.note == ""
    assert placed.atlas is not None and placed.atlas.name == "made-up"


def test_without_an_atlas_the_outlines_are_those_of_the_voxels() -> None:
    save_surface(replace(SURFACE, name="sub-01"))
    atlas = place_voxels(TABLE, "sub-01").atlas
    assert atlas is not None and atlas.name == VOXEL_ATLAS
    shown = VoxelMap(TABLE, *SURFACE.n_vertices)
    for side in (0, 1):
        for vertex in range(0, SURFACE.n_vertices[side], 5):
            voxel = shown.voxel_at(side, vertex)
            assert atlas.roi_of(side, vertex) == ("" if voxel is None else TABLE.roi[voxel])


def test_voxels_of_a_surface_that_is_not_here_are_not_drawn_and_the_note_says_how_to_get_it() -> None:
    placed = place_voxels(TABLE, "sub-09")
    assert placed.surface.name == "fsaverage5" and placed.voxels.n_voxels == TABLE.n_voxels
    assert "main.py surfaces add FOLDER --name sub-09" in placed.note
    shown = VoxelMap(placed.voxels, *placed.surface.n_vertices)
    assert all(shown.vertex_of(voxel) is None for voxel in range(5))
    assert np.isnan(shown.paint(np.ones(TABLE.n_voxels))[0]).all()
    assert placed.voxels.roi == TABLE.roi
    assert "no surface" in place_voxels(TABLE, "").note


def test_voxels_that_do_not_fit_their_surface_are_not_drawn_and_the_note_has_the_counts() -> None:
    save_surface(replace(SURFACE, name="sub-01", left=SURFACE.right, right=SURFACE.left))
    note = place_voxels(TABLE, "sub-01").note
    assert "do not fit the surface sub-01" in note and "0 to 161 on the right surface" in note


def test_nowhere_is_the_bare_template() -> None:
    placed = place_nowhere(TABLE)
    assert placed.atlas is None and not len(placed.voxels.paint)
