"""Showing a subject on a surface of the user's choice: only where the vertices fit, and the counts told otherwise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.datasets.subject import load_as_recorded, load_subject
from core.datasets.surface_choice import check_fit, choose_surface, chosen_surface, place_on_surface, shown_surface
from core.errors import BadInputError, StorageError
from core.paths import data_folder
from core.surfaces.icosphere import fsaverage_sphere, nearest_on_fsaverage5
from core.surfaces.mesh import CorticalSurface, HemisphereSurface
from core.surfaces.paint import VoxelMap
from core.surfaces.store import load_surface, remove_surface, save_surface
from tests.helpers.cortex import make_atlas, make_cortex, make_table

SURFACE = make_cortex()
TABLE = make_table(SURFACE)
FINE = 40_962


def make_fsaverage6() -> CorticalSurface:
    sphere = fsaverage_sphere(FINE)
    half = HemisphereSurface(
        {"sphere": sphere.points.astype(np.float32)},
        sphere.faces.astype(np.int32),
        np.empty((0, 3), dtype=np.int32),
        np.zeros(FINE, dtype=np.float32),
        np.zeros(FINE, dtype=np.float32),
    )
    return CorticalSurface("fsaverage6", half, half)


def test_a_surface_with_the_same_counts_can_be_chosen_and_taken_back() -> None:
    save_surface(replace(SURFACE, name="own"))
    save_surface(replace(SURFACE, name="nicer"))
    choose_surface("sub", TABLE, own="own", surface=load_surface("nicer"))
    assert chosen_surface("sub") == "nicer"
    assert shown_surface("sub", own="own") == "nicer"
    assert place_on_surface(TABLE, own="own", name="nicer") is TABLE
    choose_surface("sub", TABLE, own="own", surface=load_surface("own"))
    assert chosen_surface("sub") == ""
    assert shown_surface("sub", own="own") == "own"


def test_another_count_is_refused_with_both_counts_and_a_swap_is_seen() -> None:
    save_surface(replace(SURFACE, name="own"))
    save_surface(replace(SURFACE, name="swapped", left=SURFACE.right, right=SURFACE.left))
    with pytest.raises(BadInputError, match=r"has 642 left and 162 right.*needs 162 left and 642 right.*look swapped"):
        choose_surface("sub", TABLE, own="own", surface=load_surface("swapped"))
    with pytest.raises(BadInputError, match=r"has 10,242 left and 10,242 right.*Choose the surface the recording"):
        choose_surface("sub", TABLE, own="own", surface=load_surface("fsaverage5"))
    assert chosen_surface("sub") == ""


def test_where_the_own_surface_is_not_here_the_voxels_decide() -> None:
    check_fit(TABLE, own="gone", surface=load_surface("fsaverage5"))
    save_surface(replace(SURFACE, name="swapped", left=SURFACE.right, right=SURFACE.left))
    with pytest.raises(BadInputError, match=r"needs at least 162 left and at least 642 right vertices?|needs at least"):
        check_fit(TABLE, own="gone", surface=load_surface("swapped"))


def test_a_choice_whose_surface_was_removed_is_passed_over() -> None:
    save_surface(replace(SURFACE, name="own"))
    save_surface(replace(SURFACE, name="nicer"))
    choose_surface("sub", TABLE, own="own", surface=load_surface("nicer"))
    remove_surface("nicer")
    assert shown_surface("sub", own="own") == "own"


def test_a_recording_without_rois_takes_those_of_its_surface() -> None:
    save_surface(replace(SURFACE, name="own"), [make_atlas(SURFACE)])
    bare = replace(TABLE, roi=("",) * TABLE.n_voxels)
    assert place_on_surface(bare, own="own", name="own").roi == TABLE.roi


def test_a_shipped_subject_can_be_shown_on_a_finer_fsaverage() -> None:
    save_surface(make_fsaverage6())
    recorded = load_as_recorded("simulated")
    assert load_subject("simulated") is recorded
    choose_surface("simulated", recorded.voxels, own=recorded.surface, surface=load_surface("fsaverage6"))
    subject = load_subject("simulated")
    assert subject.surface == "fsaverage6" and load_as_recorded("simulated") is recorded
    coarse = VoxelMap(recorded.voxels, *load_surface("fsaverage5").n_vertices)
    fine = VoxelMap(subject.voxels, FINE, FINE)
    nearest = nearest_on_fsaverage5(FINE)
    for side in (0, 1):
        np.testing.assert_array_equal(fine.voxels(side), coarse.voxels(side)[nearest])


def test_a_damaged_list_of_choices_is_named() -> None:
    path = data_folder() / "surfaces" / "uses.json"
    path.parent.mkdir(parents=True)
    path.write_text("[1, 2", encoding="utf-8")
    with pytest.raises(StorageError, match=r"uses\.json is not the list of chosen surfaces, or is cut short"):
        load_subject("simulated")
