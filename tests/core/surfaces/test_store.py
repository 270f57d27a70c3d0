"""Keeping surfaces: what is loaded is what was saved, names are checked, damage is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.errors import BadInputError, StorageError
from core.paths import data_folder
from core.surfaces.atlas import Atlas
from core.surfaces.mesh import CorticalSurface
from core.surfaces.store import has_surface, list_surfaces, load_atlases, load_surface, remove_surface, save_surface
from tests.helpers.cortex import make_atlas, make_cortex


def named(name: str) -> CorticalSurface:
    shift = np.eye(4)
    shift[:3, 3] = (1.5, -2, 3)
    return replace(make_cortex(), name=name, source="a formula", notes=("No sulc.",), to_scanner=shift)


def without_flat(surface: CorticalSurface) -> CorticalSurface:
    none = np.empty((0, 3), dtype=np.int32)
    halves = []
    for side in (0, 1):
        half = surface.side(side)
        kept = {name: points for name, points in half.geometries.items() if name != "flat"}
        halves.append(replace(half, geometries=kept, flat_faces=none))
    return replace(surface, left=halves[0], right=halves[1])


def test_a_surface_comes_back_as_it_was_saved() -> None:
    surface = named("sub-01")
    save_surface(surface, [make_atlas(surface)])
    back = load_surface("sub-01")
    assert (back.name, back.source, back.notes) == ("sub-01", "a formula", ("No sulc.",))
    np.testing.assert_array_equal(back.to_scanner, surface.to_scanner)
    for side in (0, 1):
        for name in surface.geometries:
            np.testing.assert_array_equal(back.side(side).geometries[name], surface.side(side).geometries[name])
        for part in ("faces", "flat_faces", "curvature", "sulc"):
            np.testing.assert_array_equal(getattr(back.side(side), part), getattr(surface.side(side), part))
    [atlas] = load_atlases("sub-01")
    expected = make_atlas(surface)
    assert (atlas.name, atlas.names) == (expected.name, expected.names)
    np.testing.assert_array_equal(atlas.labels(0), expected.labels(0))
    np.testing.assert_array_equal(atlas.labels(1), expected.labels(1))


def test_the_list_begins_with_the_template_and_tells_what_each_has() -> None:
    save_surface(without_flat(named("sub-02")))
    save_surface(named("sub-01"), [make_atlas(make_cortex())])
    infos = list_surfaces()
    assert [(info.name, info.is_shipped) for info in infos] == [
        ("fsaverage5", True),
        ("sub-01", False),
        ("sub-02", False),
    ]
    assert infos[0].n_vertices == (10_242, 10_242) and infos[0].geometries == make_cortex().geometries
    assert infos[1].n_vertices == (162, 642) and infos[1].atlases == ("made-up",)
    assert infos[2].geometries == ("pial", "white", "inflated", "sphere") and infos[2].notes == ("No sulc.",)


def test_a_missing_geometry_says_why_and_what_to_do() -> None:
    surface = without_flat(named("sub-02"))
    assert surface.reason_without("pial") == ""
    assert surface.reason_without("flat") == (
        "sub-02 has no flat geometry. Import it again with lh.NAME.flat.patch.3d and rh.NAME.flat.patch.3d."
    )
    half = replace(surface, right=named("x").right)
    assert "no flat geometry of the left hemisphere" in half.reason_without("flat")


def test_a_surface_replaced_on_disk_is_read_anew() -> None:
    save_surface(named("again"))
    assert "flat" in load_surface("again").geometries
    save_surface(without_flat(named("again")), replace=True)
    assert "flat" not in load_surface("again").geometries


def test_a_taken_name_is_refused_and_the_old_surface_stays() -> None:
    save_surface(named("mine"))
    with pytest.raises(BadInputError, match=r"a new surface name, got 'mine'.*surfaces remove mine"):
        save_surface(without_flat(named("mine")))
    assert "flat" in load_surface("mine").geometries


@pytest.mark.parametrize("name", ["", "../up", "a b", "-x", "fsaverage5", "x" * 65])
def test_names_that_are_no_names_are_refused(name: str) -> None:
    with pytest.raises(BadInputError, match="`name` must be"):
        save_surface(named(name))


def test_an_unknown_surface_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(BadInputError, match=r"got 'sub-01'.*surfaces add FOLDER --name sub-01"):
        load_surface("sub-01")
    save_surface(named("sub-01"))
    with pytest.raises(BadInputError, match="Did you mean 'sub-01'"):
        load_surface("sub-0l")


def test_removing_leaves_nothing_and_spares_the_template() -> None:
    save_surface(named("gone"))
    remove_surface("gone")
    assert not has_surface("gone")
    with pytest.raises(BadInputError, match="one you imported, got 'fsaverage5'"):
        remove_surface("fsaverage5")


def test_an_atlas_of_another_surface_is_refused_with_the_counts() -> None:
    short = make_atlas(make_cortex())
    swapped = Atlas("swapped", "", short.names, short.labels_right, short.labels_left)
    with pytest.raises(BadInputError, match=r"labels of 162 left and 642 right vertices, got \(642, 162\)"):
        save_surface(named("mine"), [swapped])
    assert not has_surface("mine")


def test_damaged_files_are_named(tmp_path) -> None:
    path = save_surface(named("cut"))
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(StorageError, match=r"cut\.npz is truncated or no \.npz file.*Import the surface again"):
        load_surface("cut")
    np.savez(data_folder() / "surfaces" / "other.npz", header=np.array('{"format": "something"}'))
    with pytest.raises(StorageError, match="other.npz is not a surface: its format is 'something'"):
        load_surface("other")
