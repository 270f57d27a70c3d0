"""Sets of voxels the user keeps: they are ROIs everywhere, come back after a restart, and go to files and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from core.commands.cli import run_command_line
from core.commands.probe_options import TargetOptions, resolve_target
from core.datasets.subject import load_subject
from core.datasets.voxel_sets import keep_set, load_sets, read_set, remove_set, rename_set, write_set
from core.errors import BadInputError, StorageError
from core.paths import data_folder
from core.probes.target import TargetKind, list_rois, target_contrast, target_roi
from core.surfaces.store import load_surface

SUBJECT = "simulated"
MINE = (5, 1200, 7, 900)


@pytest.fixture
def table():
    return load_subject(SUBJECT).voxels


def test_a_kept_set_is_an_roi_of_the_subject(table) -> None:
    keep_set(SUBJECT, "my patch", MINE, table)
    assert load_sets(SUBJECT, table) == (("my patch", (5, 7, 900, 1200)),)
    voxels = load_subject(SUBJECT).voxels
    target = target_roi(voxels, "my patch")
    assert (target.kind, target.label, target.voxels) == (TargetKind.ROI, "ROI my patch (4 voxels)", (5, 7, 900, 1200))
    assert target.weights == (0.25,) * 4
    left = tuple(voxel for voxel in sorted(MINE) if table.hemisphere[voxel] == 0)
    right = tuple(voxel for voxel in sorted(MINE) if table.hemisphere[voxel] == 1)
    for side, members in (("left", left), ("right", right)):
        if members:
            assert target_roi(voxels, f"{side} my patch").voxels == members
    assert "my patch" in list_rois(voxels)
    assert target_contrast(voxels, target_roi(voxels, "FFA"), "my patch", weight=1).name == "FFA − 1 × my patch"


def test_it_is_renamed_in_its_place_and_removed(table) -> None:
    for name in ("one", "two"):
        keep_set(SUBJECT, name, (3,), table)
    rename_set(SUBJECT, "one", "first", load_subject(SUBJECT).voxels)
    assert [name for name, _ in load_sets(SUBJECT, table)] == ["first", "two"]
    remove_set(SUBJECT, "first", table)
    assert [name for name, _ in load_sets(SUBJECT, table)] == ["two"]
    with pytest.raises(BadInputError, match="first"):
        remove_set(SUBJECT, "first", table)
    with pytest.raises(BadInputError, match="first"):
        target_roi(load_subject(SUBJECT).voxels, "first")


@pytest.mark.parametrize("name", ["FFA", "ffa", "12", "", " a", "a,b", "V1:3", "left FFA", "mine rh"])
def test_names_that_mean_something_else_are_refused(table, name) -> None:
    with pytest.raises(BadInputError, match="Name|name"):
        keep_set(SUBJECT, name, (1,), table)
    assert load_sets(SUBJECT, table) == ()


@pytest.mark.parametrize("voxels", [(), (-1,), (10**6,)])
def test_voxels_that_do_not_exist_are_refused(table, voxels) -> None:
    with pytest.raises(BadInputError, match="of voxels from 0 to"):
        keep_set(SUBJECT, "mine", voxels, table)


def test_sets_of_voxels_that_were_imported_anew_are_not_taken_for_those_of_now(table) -> None:
    keep_set(SUBJECT, "mine", MINE, table)
    others = replace(table, noise_ceiling=table.noise_ceiling[::-1].copy())
    assert load_sets(SUBJECT, others) == ()
    moved = replace(table, vertex=table.vertex[::-1].copy())  # the same voxels on another surface
    assert dict(load_sets(SUBJECT, moved)) == {"mine": (5, 7, 900, 1200)}


def test_a_damaged_file_says_so(table) -> None:
    keep_set(SUBJECT, "mine", (1,), table)
    path = data_folder() / "voxel_sets" / f"{SUBJECT}.json"
    path.write_text(path.read_text().replace("[\n   1", '[\n   "one"', 1))
    with pytest.raises(StorageError, match="voxel_sets"):
        load_subject(SUBJECT)
    path.write_text(json.dumps({"sets": {}}))
    with pytest.raises(StorageError, match="voxel_sets"):
        load_sets(SUBJECT, table)


class TestFiles:
    """Tables and labels, read by numpy and nibabel."""

    def test_a_table_names_each_voxel_and_its_place(self, table, tmp_path: Path) -> None:
        surface = load_surface("fsaverage5")
        (path,) = write_set(tmp_path / "mine.csv", sorted(MINE), table, surface)
        rows = np.genfromtxt(path, delimiter=",", names=True, dtype=None, encoding="utf-8")
        assert rows["voxel"].tolist() == sorted(MINE)
        assert rows["vertex"].tolist() == table.vertex[sorted(MINE)].tolist()
        assert rows["hemisphere"].tolist() == [("left", "right")[table.hemisphere[voxel]] for voxel in sorted(MINE)]
        assert read_set(path, table, surface) == tuple(sorted(MINE))

    def test_labels_hold_the_vertices_of_their_hemisphere(self, table, tmp_path: Path) -> None:
        surface = load_surface("fsaverage5")
        voxels = target_roi(table, "FFA").voxels
        files = write_set(tmp_path / "lh.face.label", voxels, table, surface)
        assert [path.name for path in files] == ["lh.face.label", "rh.face.label"]
        back: set[int] = set()
        for side, path in enumerate(files):
            expected = table.paint[(table.paint[:, 0] == side) & np.isin(table.paint[:, 2], voxels), 1]
            assert sorted(nibabel.freesurfer.read_label(path).tolist()) == sorted(expected.tolist())
            back |= set(read_set(path, table, surface))
        assert back == set(voxels)

    def test_a_gifti_label_and_a_plain_list_are_read(self, table, tmp_path: Path) -> None:
        surface = load_surface("fsaverage5")
        inside = np.zeros(10242, np.int32)
        here = np.flatnonzero(table.hemisphere == 1)[:3]
        inside[table.vertex[here]] = 1
        array = nibabel.gifti.GiftiDataArray(inside, intent="NIFTI_INTENT_LABEL", datatype="NIFTI_TYPE_INT32")
        image = nibabel.gifti.GiftiImage(darrays=[array])
        label = nibabel.gifti.GiftiLabel(key=1)
        label.label = "face"
        image.labeltable.labels.append(label)
        nibabel.save(image, tmp_path / "rh.face.label.gii")
        assert read_set(tmp_path / "rh.face.label.gii", table, surface) == tuple(here.tolist())
        (tmp_path / "list.txt").write_text("12\n3\n\n12\n")
        assert read_set(tmp_path / "list.txt", table, surface) == (3, 12)

    @pytest.mark.parametrize(
        ("name", "text", "said"),
        [
            ("a.csv", "voxel\n99999\n", "of voxels from 0 to 1843"),
            ("a.csv", "voxel\n", "no voxel"),
            ("a.txt", "1\ntwo\n", "list of voxels"),
            ("face.label", "#\n0\n", "begins with lh. or rh."),
            ("a.mat", "", "ends in .csv"),
        ],
    )
    def test_what_cannot_be_a_set_is_refused(self, table, tmp_path: Path, name: str, text: str, said: str) -> None:
        (tmp_path / name).write_text(text)
        with pytest.raises(BadInputError, match=said):
            read_set(tmp_path / name, table, load_surface("fsaverage5"))

    def test_only_tables_and_labels_are_written(self, table, tmp_path: Path) -> None:
        with pytest.raises(BadInputError, match=r"\.csv or \.label"):
            write_set(tmp_path / "a.gii", (1,), table, load_surface("fsaverage5"))


def test_a_table_of_some_voxels_keeps_no_sets(table) -> None:
    with_set = replace(table, sets=(("mine", (1, 2)),))
    assert with_set.keep(np.arange(table.n_voxels) > 3).sets == ()


def test_the_command_line_lists_it_and_aims_at_it(table, capsys) -> None:
    keep_set(SUBJECT, "my patch", MINE, table)
    assert not run_command_line(
        ["list", "rois", "--subject", SUBJECT, "--json"], open_window=print, run_demonstration=print
    )
    row = next(row for row in json.loads(capsys.readouterr().out) if row["roi"] == "my patch")
    left = sum(int(table.hemisphere[voxel] == 0) for voxel in MINE)
    assert (row["n_voxels"], row["n_left"], row["n_right"], row["first_voxel"]) == (4, left, 4 - left, 5)
    options = TargetOptions(roi="my patch")
    assert resolve_target(options, load_subject(SUBJECT).voxels).voxels == (5, 7, 900, 1200)
