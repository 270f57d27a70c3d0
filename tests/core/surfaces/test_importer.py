"""Importing whole surfaces. Answers: the surface the files were written from, one sentence for each bad input."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace

import nibabel
import nibabel.freesurfer
import numpy as np
import pytest
from nibabel.gifti import GiftiCoordSystem, GiftiDataArray, GiftiImage

from core.errors import BadInputError
from core.surfaces.atlas import load_atlas
from core.surfaces.curvature import mean_curvature
from core.surfaces.find_files import find_surface_files
from core.surfaces.gifti import read_gifti_surface
from core.surfaces.importer import read_surface
from core.surfaces.mapping import middle_of_sheet
from core.surfaces.project import project_volume
from core.surfaces.store import load_surface
from tests.helpers.cortex import make_half, make_icosphere
from tests.helpers.surface_files import (
    CRAS,
    FOLDED,
    SURFACE,
    write_gifti,
    write_gifti_labels,
    write_label,
    write_patch,
    write_shape,
    write_subject,
)

OTHER = replace(SURFACE, left=make_half(1, side=0))


@pytest.fixture
def subject(tmp_path):
    return write_subject(tmp_path / "sub-01")


def assert_same_folds(surface) -> None:
    for side in (0, 1):
        expected, half = SURFACE.side(side), surface.side(side)
        for name in FOLDED:
            np.testing.assert_allclose(half.geometries[name], expected.geometries[name], atol=1e-4)
        np.testing.assert_array_equal(half.faces, expected.faces)


def flat_distances(half) -> np.ndarray:
    used = np.unique(half.flat_faces)
    points = half.geometries["flat"][used].astype(float)
    return np.linalg.norm(points[:, None] - points[None], axis=2)


def signed_area(half) -> float:
    a, b, c = (half.geometries["flat"][half.flat_faces[:, i]].astype(float) for i in range(3))
    return float(np.cross(b - a, c - a)[:, 2].sum())


def test_a_freesurfer_folder_is_read_whole(subject) -> None:
    imported = read_surface([subject], name="sub-01")
    surface = imported.surface
    assert surface.name == "sub-01" and surface.n_vertices == (162, 642)
    assert surface.geometries == SURFACE.geometries and surface.notes == ()
    assert_same_folds(surface)
    np.testing.assert_allclose(surface.to_scanner[:3, 3], CRAS)
    np.testing.assert_allclose(surface.right.curvature, SURFACE.right.curvature)
    np.testing.assert_allclose(surface.right.sulc, SURFACE.right.sulc)
    labels, aparc = imported.atlases
    assert (labels.name, labels.names) == ("labels", ("V1",))
    assert (aparc.name, aparc.names) == ("aparc", ("pericalcarine", "fusiform"))
    sphere = SURFACE.left.geometries["sphere"]
    np.testing.assert_array_equal(aparc.labels(0) == 1, sphere[:, 1] < -30)
    np.testing.assert_array_equal(labels.labels(0) == 1, sphere[:, 1] < -30)


@pytest.mark.parametrize(("turn", "mirror"), [(0.0, False), (1.3, False), (-2.0, True)])
def test_a_patch_lies_upright_unmirrored_and_unstretched_however_it_was_turned(subject, turn, mirror) -> None:
    half = SURFACE.left
    write_patch(subject / "surf" / "lh.full.flat.patch.3d", half, turn=turn, mirror=mirror)
    flat = read_surface([subject], name="x").surface.left
    np.testing.assert_allclose(flat_distances(flat), flat_distances(half), atol=1e-3)
    assert signed_area(flat) > 0
    used = np.unique(flat.flat_faces)
    inflated = flat.geometries["inflated"][used]
    assert np.corrcoef(flat.geometries["flat"][used, 1], inflated[:, 2])[0, 1] > 0.9
    assert np.corrcoef(flat.geometries["flat"][used, 0], -inflated[:, 1])[0, 1] > 0.9
    assert (flat.geometries["flat"][:, 2] == 0).all()


def test_vertices_cut_away_lie_at_their_nearest_neighbour(subject) -> None:
    half = read_surface([subject], name="x").surface.right
    used = np.unique(half.flat_faces)
    sphere = half.geometries["sphere"]
    for vertex in np.setdiff1d(np.arange(half.n_vertices), used)[::20]:
        apart = np.linalg.norm(sphere[used] - sphere[vertex], axis=1)
        nearest = used[apart < apart.min() + 1e-3]  # two may be as near
        assert (half.geometries["flat"][nearest] == half.geometries["flat"][vertex]).all(axis=1).any()


def test_what_is_missing_is_named_and_the_rest_is_used(subject) -> None:
    for name in ("full.flat.patch.3d", "sphere", "sulc", "curv"):
        for code in ("lh", "rh"):
            (subject / "surf" / f"{code}.{name}").unlink()
    (subject / "surf" / "rh.white").unlink()
    shutil.rmtree(subject / "label")
    imported = read_surface([subject], name="x")
    assert imported.surface.geometries == ("pial", "inflated") and imported.atlases == ()
    text = " ".join(imported.surface.notes)
    for part in (
        "No flat file was found: the flat view cannot be shown.",
        "No sphere file was found",
        "No sulc file was found",
        "No white file of the right hemisphere was found",
        "No curvature file was found: it was computed from the white surface.",
    ):
        assert part in text
    computed = mean_curvature(SURFACE.left.geometries["white"], SURFACE.left.faces)
    np.testing.assert_allclose(imported.surface.left.curvature, computed, atol=1e-4)


def test_a_patch_of_a_small_region_is_told(subject) -> None:
    half = SURFACE.right
    small = half.flat_faces[half.geometries["flat"][half.flat_faces, :2].max(axis=(1, 2)) < 0]
    write_patch(subject / "surf" / "rh.full.flat.patch.3d", replace(half, flat_faces=small))
    notes = read_surface([subject], name="x").surface.notes
    assert any(note.startswith("The flat map of the right hemisphere holds") for note in notes)


def test_computed_curvature_of_a_sphere_is_minus_one_over_its_radius() -> None:
    points, faces = make_icosphere(4)
    np.testing.assert_allclose(mean_curvature(25 * points, faces), -1 / 25, rtol=0.02)
    inward = np.ascontiguousarray(faces[:, ::-1])
    np.testing.assert_allclose(mean_curvature(25 * points, inward), 1 / 25, rtol=0.02)


GIFTI_NAMES = {
    "freesurfer": "{lh}.{kind}.surf.gii",
    "fmriprep": "sub-01_hemi-{L}_{kind}.surf.gii",
    "hcp": "100307.{L}.{kind}.32k_fs_LR.surf.gii",
    "nilearn": "{kind}_{left}.gii.gz",
}


@pytest.mark.parametrize("style", GIFTI_NAMES)
def test_gifti_files_are_known_by_the_names_labs_give_them(tmp_path, style) -> None:
    for side, words in ((0, {"lh": "lh", "L": "L", "left": "left"}), (1, {"lh": "rh", "L": "R", "left": "right"})):
        half = SURFACE.side(side)
        for kind in SURFACE.geometries:
            write_gifti(tmp_path / GIFTI_NAMES[style].format(kind=kind, **words), half, kind)
        shape = GIFTI_NAMES[style].replace(".surf", ".shape")
        write_shape(tmp_path / shape.format(kind="curv", **words), half.curvature)
        write_shape(tmp_path / shape.format(kind="sulc", **words), half.sulc)
        write_shape(tmp_path / shape.format(kind="thickness", **words), half.sulc)
    surface = read_surface([tmp_path], name="x").surface
    assert surface.geometries == SURFACE.geometries and surface.notes == ()
    assert_same_folds(surface)
    np.testing.assert_array_equal(surface.right.flat_faces, SURFACE.right.flat_faces)
    used = np.unique(surface.right.flat_faces)
    np.testing.assert_allclose(
        surface.right.geometries["flat"][used], SURFACE.right.geometries["flat"][used], atol=1e-4
    )


def test_of_two_spaces_in_one_folder_the_richer_is_read(tmp_path) -> None:
    for side, letter in ((0, "L"), (1, "R")):
        half = SURFACE.side(side)
        for kind in ("pial", "white", "inflated"):
            write_gifti(tmp_path / f"sub-01_hemi-{letter}_{kind}.surf.gii", half, kind)
        write_gifti(
            tmp_path / f"sub-01_hemi-{letter}_space-fsLR_den-91k_pial.surf.gii", make_half(1, side=side), "pial"
        )
    assert read_surface([tmp_path], name="x").surface.n_vertices == (162, 642)


def volume_meta() -> dict[str, str]:
    """The volume geometry of a conformed volume as FreeSurfer writes it into GIFTI files."""
    meta = {f"VolGeom{key}": value for key, value in (("Width", "256"), ("Height", "256"), ("Depth", "256"))}
    meta |= {f"VolGeom{axis}size": "1.0" for axis in "XYZ"}
    axes = {"X": (-1, 0, 0), "Y": (0, 0, -1), "Z": (0, 1, 0), "C": CRAS}
    return meta | {f"VolGeom{key}_{r}": str(v) for key, row in axes.items() for r, v in zip("RAS", row, strict=True)}


SHIFTED = np.eye(4)
SHIFTED[:3, 3] = CRAS
CONVENTIONS = {
    "tkRAS with its volume": (False, (0, 0), np.eye(4), volume_meta()),
    "scanner, as --to-scanner leaves it": (True, (1, 1), np.eye(4), volume_meta()),
    "scanner, no volume": (True, (1, 1), np.eye(4), {}),
    "a matrix to the scanner": (False, (0, 1), SHIFTED, {}),
    "matrix and volume": (False, (0, 1), SHIFTED, volume_meta()),
    "a matrix to Talairach": (False, (0, 3), 2 * np.eye(4), volume_meta()),
    "Workbench": (True, (3, 3), np.eye(4), volume_meta()),
    "volume of zeros": (True, (0, 0), np.eye(4), volume_meta() | {f"VolGeomC_{axis}": "0" for axis in "RAS"}),
}


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_convention_of_gifti_ends_at_the_same_place_in_the_scanner(tmp_path, convention) -> None:
    in_scanner, (data_space, space), matrix, meta = CONVENTIONS[convention]
    for (side, code), kind in itertools.product(((0, "lh"), (1, "rh")), ("white", "pial")):
        half = SURFACE.side(side)
        points = half.geometries[kind] + np.array(CRAS if in_scanner else (0, 0, 0), np.float32)
        path = tmp_path / f"{code}.{kind}.surf.gii"
        write_gifti(path, replace(half, geometries={kind: points}), kind, meta=meta)
        image = nibabel.load(path)
        image.darrays[0].coordsys = GiftiCoordSystem(data_space, space, matrix)
        nibabel.save(image, path)
    surface = read_surface([tmp_path], name="x").surface
    for side in (0, 1):
        half = SURFACE.side(side)
        expected = (half.geometries["white"] + half.geometries["pial"]) / 2 + np.array(CRAS)
        np.testing.assert_allclose(middle_of_sheet(surface, side), expected, atol=1e-4)


def test_sheets_and_sides_of_different_conventions_come_into_one_place(subject) -> None:
    """White and right pial of FreeSurfer, left pial as GIFTI in the scanner, right white with a matrix."""
    (subject / "surf" / "lh.pial").unlink()
    points = SURFACE.left.geometries["pial"] + np.array(CRAS, np.float32)
    left = replace(SURFACE.left, geometries={"pial": points})
    write_gifti(subject / "surf" / "lh.pial.surf.gii", left, "pial")
    image = nibabel.load(subject / "surf" / "lh.pial.surf.gii")
    image.darrays[0].coordsys = GiftiCoordSystem(1, 1, np.eye(4))
    nibabel.save(image, subject / "surf" / "lh.pial.surf.gii")
    (subject / "surf" / "rh.white").unlink()
    right = replace(SURFACE.right, geometries={"white": SURFACE.right.geometries["white"] + np.float32(4)})
    write_gifti(subject / "surf" / "rh.white.surf.gii", right, "white")
    image = nibabel.load(subject / "surf" / "rh.white.surf.gii")
    back = SHIFTED.copy()
    back[:3, 3] -= 4
    image.darrays[0].coordsys = GiftiCoordSystem(0, 1, back)
    nibabel.save(image, subject / "surf" / "rh.white.surf.gii")
    surface = read_surface([subject], name="x").surface
    for side in (0, 1):
        for kind in ("white", "pial"):
            expected = SURFACE.side(side).geometries[kind] + np.array(CRAS)
            found = surface.side(side).geometries[kind] + surface.to_scanner[:3, 3]
            np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.fixture
def templateflow(tmp_path):
    """A template in two densities without white and pial, and an atlas of each."""
    for density, other in (("32k", False), ("164k", True)):
        for side, letter in ((0, "L"), (1, "R")):
            half = make_half(3 - side if other else 2 + side, side=side)
            for kind in ("midthickness", "inflated", "sphere", "veryinflated"):
                name = "white" if kind == "midthickness" else kind.removeprefix("very")
                write_gifti(tmp_path / f"tpl-fsLR_den-{density}_hemi-{letter}_{kind}.surf.gii", half, name)
            path = tmp_path / f"tpl-fsLR_den-{density}_hemi-{letter}_atlas-Demo_dseg.label.gii"
            write_gifti_labels(path, np.arange(half.n_vertices) % 2, {0: "???", 1: "V1"})
    return tmp_path


def test_of_two_densities_one_is_read_and_the_other_named(templateflow) -> None:
    imported = read_surface([templateflow], name="x")
    assert imported.surface.n_vertices == (162, 642)
    assert [atlas.name for atlas in imported.atlases] == ["tpl_fsLR_den_32k_atlas_Demo_dseg"]
    assert "Surfaces of 164k lie there too and were left out: import their files alone." in imported.surface.notes
    fine = read_surface(sorted(templateflow.glob("*164k*")), name="x")
    assert fine.surface.n_vertices == (642, 162) and not any("left out" in note for note in fine.surface.notes)


def test_midthickness_is_where_voxels_are_placed_and_volumes_are_read(templateflow) -> None:
    surface = read_surface(sorted(templateflow.glob("*32k*")), name="x").surface
    assert surface.geometries == ("midthickness", "inflated", "sphere")
    assert not any("white" in note or "looked up" in note for note in surface.notes)
    affine = np.array([[2.0, 0, 0, -90], [0, 2, 0, -110], [0, 0, 2, -70], [0, 0, 0, 1]])
    place = np.indices((100, 100, 90))[1] * 2.0 - 110
    nibabel.save(nibabel.Nifti1Image(place.astype(np.float32), affine), templateflow / "y.nii")
    for side, values in enumerate(project_volume(templateflow / "y.nii", surface)):
        points = SURFACE.side(side).geometries["white"]
        np.testing.assert_allclose(middle_of_sheet(surface, side), points, atol=1e-4)
        np.testing.assert_allclose(values, points[:, 1], atol=1e-3)


def test_label_gifti_becomes_an_atlas_with_both_sides_pooled(subject) -> None:
    for side, code in ((0, "lh"), (1, "rh")):
        labels = np.where(SURFACE.side(side).geometries["sphere"][:, 1] < -30, 17, 0)
        prefix = "LR"[side]
        names = {0: "???", 17: f"{prefix}_V1_ROI", 40: f"{prefix}_absent"}
        write_gifti_labels(subject / "label" / f"{code}.mine.label.gii", labels, names)
    atlas = read_surface([subject], name="x", atlas="mine").atlases[0]
    assert (atlas.name, atlas.names) == ("mine", ("V1",))
    np.testing.assert_array_equal(atlas.labels(1) == 1, SURFACE.right.geometries["sphere"][:, 1] < -30)


def test_where_labels_overlap_the_higher_value_wins(subject) -> None:
    write_label(subject / "label" / "lh.MT_exvivo.label", np.array([3, 4, 5]), value=0.5)
    write_label(subject / "label" / "lh.V1_exvivo.label", np.array([4, 5, 6]), value=0.4)
    write_label(subject / "label" / "lh.V2_exvivo.label", np.array([7, 8]), value=0.4)
    write_label(subject / "label" / "lh.V2_exvivo.thresh.label", np.array([8]), value=0.4)
    write_label(subject / "label" / "lh.cortex.label", np.arange(162), value=9.0)
    atlas = next(a for a in read_surface([subject], name="x").atlases if a.name == "labels")
    found = {name: atlas.vertices_in(0, name).tolist() for name in atlas.names}
    assert found == {"MT": [3, 4, 5], "V1": [6], "V2": [8]}


def test_the_real_fsaverage5_comes_back_equal_from_files_and_gets_the_visual_rois(tmp_path) -> None:
    template = load_surface("fsaverage5")
    for side, code in ((0, "lh"), (1, "rh")):
        for kind in ("white", "sphere"):
            half = template.side(side)
            nibabel.freesurfer.write_geometry(tmp_path / f"{code}.{kind}", half.geometries[kind], half.faces)
    imported = read_surface([tmp_path], name="copy")
    np.testing.assert_array_equal(imported.surface.right.geometries["white"], template.right.geometries["white"])
    expected = load_atlas()
    assert imported.atlases[0].names == expected.names
    np.testing.assert_array_equal(imported.atlases[0].labels_right, expected.labels_right)


def test_one_hemisphere_alone_is_refused(subject) -> None:
    for path in (subject / "surf").glob("rh.*"):
        path.unlink()
    with pytest.raises(BadInputError, match=r"No file of the right hemisphere was found.*both hemispheres are needed"):
        read_surface([subject], name="x")


def test_nothing_to_read_is_refused(tmp_path) -> None:
    with pytest.raises(BadInputError, match="No surface was found"):
        find_surface_files([tmp_path])
    with pytest.raises(BadInputError, match="a file that exists"):
        find_surface_files([tmp_path / "absent"])
    with pytest.raises(BadInputError, match="a folder or surface files"):
        find_surface_files([])


def test_swapped_hemispheres_are_refused_with_where_they_lie(subject) -> None:
    for before, after in (("lh.", "xx."), ("rh.", "lh."), ("xx.", "rh.")):
        for path in list((subject / "surf").glob(f"{before}*")):
            path.rename(path.with_name(path.name.replace(before, after)))
    shutil.rmtree(subject / "label")
    with pytest.raises(BadInputError, match=r"hemispheres are swapped: lh\.white lies at x = \+\d+ mm"):
        read_surface([subject], name="x")


def test_files_of_two_surfaces_are_refused_with_their_counts(subject) -> None:
    half = OTHER.left
    nibabel.freesurfer.write_geometry(subject / "surf" / "lh.inflated", half.geometries["inflated"], half.faces)
    with pytest.raises(BadInputError, match=r"lh\.inflated has 42 vertices and lh\.white has 162"):
        read_surface([subject], name="x")
    turned = SURFACE.left.faces[::-1].copy()
    nibabel.freesurfer.write_geometry(subject / "surf" / "lh.inflated", SURFACE.left.geometries["inflated"], turned)
    with pytest.raises(BadInputError, match=r"lh\.inflated and lh\.white have different triangles"):
        read_surface([subject], name="x")


def test_curvature_of_another_surface_is_refused(subject) -> None:
    nibabel.freesurfer.write_morph_data(subject / "surf" / "lh.curv", SURFACE.right.curvature)
    with pytest.raises(BadInputError, match=r"lh\.curv has 642 numbers and the surface has 162 vertices"):
        read_surface([subject], name="x")


def test_a_patch_of_another_surface_is_refused(subject) -> None:
    write_patch(subject / "surf" / "lh.full.flat.patch.3d", SURFACE.right)
    with pytest.raises(BadInputError, match=r"lh\.full\.flat.* is a patch of another surface: it names vertex"):
        read_surface([subject], name="x")
    fewer = replace(
        SURFACE.right,
        geometries={
            "flat": np.random.default_rng(0).permutation(SURFACE.right.geometries["flat"]),
            "pial": SURFACE.right.geometries["pial"],
        },
    )
    write_patch(subject / "surf" / "lh.full.flat.patch.3d", SURFACE.left)
    write_patch(subject / "surf" / "rh.full.flat.patch.3d", fewer)
    with pytest.raises(BadInputError, match=r"rh\.full.*of another surface: its edges are \d+ times as long"):
        read_surface([subject], name="x")


def test_a_patch_that_was_cut_and_not_flattened_is_refused(subject) -> None:
    half = SURFACE.left
    lifted = half.geometries["flat"] + np.arange(162)[:, None] * np.array([0, 0, 1], dtype=np.float32)
    path = subject / "surf" / "lh.full.flat.patch.3d"
    write_patch(path, half)
    rows = np.frombuffer(path.read_bytes()[8:], [("v", ">i4"), ("p", ">f4", 3)]).copy()
    rows["p"] = lifted[np.abs(rows["v"]) - 1]
    path.write_bytes(path.read_bytes()[:8] + rows.tobytes())
    with pytest.raises(BadInputError, match="cut but not flattened"):
        read_surface([subject], name="x")


def left_out(subject, match: str) -> list[str]:
    """The atlases that are kept beside one that is left out and named."""
    imported = read_surface([subject], name="x")
    assert any(re.search(match, note) for note in imported.surface.notes), imported.surface.notes
    return [atlas.name for atlas in imported.atlases]


def test_an_annotation_of_another_space_is_left_out_with_the_counts(subject) -> None:
    shutil.copy(subject / "label" / "rh.aparc.annot", subject / "label" / "lh.aparc.annot")
    told = r"aparc was left out: lh\.aparc\.annot labels 642 vertices and the surface has 162.*another"
    assert left_out(subject, told) == ["labels"]
    with pytest.raises(BadInputError, match=r"lh\.aparc\.annot labels 642 vertices"):
        read_surface([subject], name="x", atlas="aparc")


def test_a_label_of_another_surface_is_left_out(subject) -> None:
    write_label(subject / "label" / "lh.V1_exvivo.label", np.array([5, 400]), value=1.0)
    told = r"A label was left out: lh\.V1_exvivo\.label names vertex 400 and the surface has 162"
    assert left_out(subject, told) == ["labels", "aparc"]


@pytest.mark.parametrize("name", ["lh.aparc.annot", "lh.V1_exvivo.label"])
def test_truncated_atlases_are_left_out_and_named(subject, name) -> None:
    path = subject / "label" / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "labels" in left_out(subject, rf"left out: {name} is .*truncated")


def test_a_truncated_surface_is_refused_by_name(subject) -> None:
    path = subject / "surf" / "lh.white"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(BadInputError, match=r"lh\.white is .*truncated"):
        read_surface([subject], name="x")


def test_a_little_endian_annotation_is_left_out(subject) -> None:
    path = subject / "label" / "lh.aparc.annot"
    words = np.frombuffer(path.read_bytes()[: 4 + 8 * 162], ">i4").astype("<i4").tobytes()
    path.write_bytes(words + path.read_bytes()[4 + 8 * 162 :])
    assert left_out(subject, r"lh\.aparc\.annot is truncated, or not as .* \(big-endian\)") == ["labels"]


def test_the_vertices_of_an_annotation_may_stand_in_any_order(subject) -> None:
    path, n_vertices = subject / "label" / "lh.aparc.annot", 162
    (before,) = [atlas for atlas in read_surface([subject], name="x").atlases if atlas.name == "aparc"]
    content = path.read_bytes()
    rows = np.frombuffer(content, ">i4", 2 * n_vertices, 4).reshape(-1, 2).copy()
    turned = rows[np.random.default_rng(0).permutation(n_vertices)]
    path.write_bytes(content[:4] + turned.tobytes() + content[4 + rows.nbytes :])
    (after,) = [atlas for atlas in read_surface([subject], name="x").atlases if atlas.name == "aparc"]
    assert len(np.unique(before.labels_left)) > 1
    np.testing.assert_array_equal(after.labels_left, before.labels_left)
    turned[0, 0] = turned[1, 0]
    path.write_bytes(content[:4] + turned.tobytes() + content[4 + rows.nbytes :])
    assert left_out(subject, r"lh\.aparc\.annot is damaged: it names a vertex twice") == ["labels"]


def write_colours(
    path, colours: list[tuple[int, int, int]], listed: dict[str, tuple[int, int, int]], places: Sequence[int] = ()
) -> None:
    """An annotation by hand, new format: a colour for each vertex, and a table, its regions' places in it 0 and on."""
    places = places or range(len(listed))
    packed = np.array([red + 256 * green + 65536 * blue for red, green, blue in colours])
    data = np.array([len(packed)], ">i4").tobytes()
    data += np.stack([np.arange(len(packed)), packed], axis=1).astype(">i4").tobytes()
    data += (
        np.array([1, -2, max(places) + 1, 5], ">i4").tobytes() + b"made\0" + np.array([len(listed)], ">i4").tobytes()
    )
    for number, (name, colour) in zip(places, listed.items(), strict=True):
        data += np.array([number, len(name) + 1], ">i4").tobytes() + name.encode() + b"\0"
        data += np.array([*colour, 0], ">i4").tobytes()
    path.write_bytes(data)


def test_vertices_whose_colour_is_listed_nowhere_have_no_region(subject) -> None:
    for path in (subject / "label").iterdir():
        path.unlink()
    red, green, low, high = (200, 0, 10), (0, 200, 10), (1, 1, 1), (250, 250, 250)
    none = (0, 0, 0)
    colours = [(red, green, low, high, none, (0, 100, 10))[vertex % 6] for vertex in range(162)]
    listed = {"unknown": (25, 5, 25), "V1": red, "V2": green, "black": none}
    write_colours(subject / "label" / "lh.mine.annot", colours, listed)
    imported = read_surface([subject], name="x")
    told = "lh.mine.annot gives black the colour of vertices without a region, 0: it has none."
    assert told in imported.surface.notes
    [atlas] = imported.atlases
    assert atlas.names == ("V1", "V2")
    assert [atlas.roi_of(0, vertex) for vertex in range(6)] == ["V1", "V2", "", "", "", ""]


def test_regions_of_one_colour_are_named_together(subject) -> None:
    for path in (subject / "label").iterdir():
        path.unlink()
    red, green = (200, 0, 10), (0, 200, 10)
    listed = {"V1": red, "FFA": red, "V2": green, "unused": (9, 9, 9), "never": (9, 9, 9)}
    write_colours(subject / "label" / "lh.mine.annot", [red, green] * 81, listed)
    imported = read_surface([subject], name="x")
    assert imported.atlases[0].names == ("V1 or FFA", "V2") or imported.atlases[0].names == ("V2", "V1 or FFA")
    assert len(imported.atlases[0].vertices_in(0, "V1 or FFA")) == 81
    told = "lh.mine.annot gives V1 and FFA one colour, so they cannot be told apart."
    assert [note for note in imported.surface.notes if "colour" in note] == [told]


@pytest.mark.parametrize("places", [(2, 0, 1), (3, 1, 40)], ids=["another order", "places left free"])
def test_regions_keep_their_colours_wherever_they_stand_in_the_table(subject, places) -> None:
    for path in (subject / "label").iterdir():
        path.unlink()
    red, green, blue = (200, 0, 10), (0, 200, 10), (10, 0, 200)
    listed = {"V1": red, "V2": green, "FFA": blue}
    write_colours(subject / "label" / "lh.mine.annot", [red, green, blue] * 54, listed, places)
    [atlas] = read_surface([subject], name="x").atlases
    assert [atlas.roi_of(0, vertex) for vertex in range(3)] == ["V1", "V2", "FFA"]


def test_a_colour_table_of_an_unknown_version_is_left_out(subject) -> None:
    path = subject / "label" / "lh.mine.annot"
    write_colours(path, [(200, 0, 10)] * 162, {"V1": (200, 0, 10)})
    path.write_bytes(path.read_bytes().replace(np.array([-2], ">i4").tobytes(), np.array([-3], ">i4").tobytes()))
    assert left_out(subject, r"lh\.mine\.annot .*colour table is of version 3") == ["labels", "aparc"]


def test_an_annotation_without_a_table_is_left_out(subject) -> None:
    data = np.array([162], ">i4").tobytes() + np.zeros((162, 2), ">i4").tobytes()
    (subject / "label" / "lh.bare.annot").write_bytes(data)
    assert left_out(subject, r"atlas bare was left out: lh\.bare\.annot .*table") == ["labels", "aparc"]


def test_damaged_gifti_is_refused_by_name(tmp_path) -> None:
    for side, code in ((0, "lh"), (1, "rh")):
        write_gifti(tmp_path / f"{code}.pial.surf.gii", SURFACE.side(side), "pial")
    path = tmp_path / "lh.pial.surf.gii"
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(BadInputError, match=r"lh\.pial\.surf\.gii is truncated or no GIFTI"):
        read_surface([tmp_path], name="x")
    write_shape(path, SURFACE.left.sulc)
    with pytest.raises(BadInputError, match=r"lh\.pial\.surf\.gii holds no points and triangles"):
        read_surface([tmp_path], name="x")


def test_an_atlas_that_was_not_found_is_refused_with_those_that_were(subject) -> None:
    with pytest.raises(BadInputError, match=r"those found \(labels, aparc\), got 'wang'"):
        read_surface([subject], name="x", atlas="wang")


@pytest.mark.parametrize("n_vertices", [3, 4, 5, 6])
def test_gifti_of_plain_text_is_read_whatever_its_length(tmp_path, n_vertices) -> None:
    points = np.arange(3 * n_vertices, dtype=np.float32).reshape(-1, 3)
    faces = np.array([[0, 1, 2]], dtype=np.int32)
    arrays = [
        GiftiDataArray(points, "NIFTI_INTENT_POINTSET", encoding="GIFTI_ENCODING_ASCII"),
        GiftiDataArray(faces, "NIFTI_INTENT_TRIANGLE", encoding="GIFTI_ENCODING_ASCII"),
    ]
    nibabel.save(GiftiImage(darrays=arrays), tmp_path / "lh.pial.surf.gii")
    found = read_gifti_surface(tmp_path / "lh.pial.surf.gii")
    np.testing.assert_array_equal(found.points, points)
    np.testing.assert_array_equal(found.faces, faces)


def test_of_several_maps_of_labels_the_first_is_used_and_told(subject) -> None:
    for side, code in ((0, "lh"), (1, "rh")):
        path = subject / "label" / f"{code}.mine.label.gii"
        labels = np.arange(SURFACE.side(side).n_vertices) % 2
        write_gifti_labels(path, labels, {0: "???", 1: "V1", 2: "FFA"})
        image = nibabel.load(path)
        image.add_gifti_data_array(GiftiDataArray((labels * 2).astype(np.int32), "NIFTI_INTENT_LABEL"))
        nibabel.save(image, path)
    found = read_surface([subject], name="x", atlas="mine")
    assert found.atlases[0].names == ("V1",)
    assert "rh.mine.label.gii holds 2 maps of labels; the first is used." in found.surface.notes
