"""`main.py surfaces`: what is kept, listed, refused and written."""

from __future__ import annotations

import inspect
import json
import re

import nibabel
import nilearn.datasets
import numpy as np
import pytest

from core.commands.cli import run_command_line
from core.errors import StorageError
from core.surfaces.importer import fetch_fsaverage
from core.surfaces.mapping import middle_of_sheet
from core.surfaces.store import has_surface, load_atlases, load_surface
from tests.helpers.surface_files import SURFACE, write_subject


def run(*words: object) -> int:
    return run_command_line(
        ["surfaces", *map(str, words)], open_window=lambda _device: 1, run_demonstration=lambda _out, _device: 1
    )


@pytest.fixture
def subject(tmp_path):
    return write_subject(tmp_path / "sub-01")


def test_add_list_check_and_remove(subject, capsys) -> None:
    assert run("add", subject) == 0
    told = capsys.readouterr().out
    for part in ("Added sub-01", "162 vertices left, 642 right", "geometries: pial, white, inflated, sphere, flat"):
        assert part in told
    assert load_surface("sub-01").n_vertices == (162, 642)
    assert run("list", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == ["fsaverage5", "sub-01"]
    assert rows[1]["n_vertices"] == [162, 642] and rows[1]["atlases"] == ["labels", "aparc"]
    assert run("list") == 0
    assert "sub-01" in capsys.readouterr().out
    assert run("check", "sub-01") == 0
    assert re.search(r"atlases: labels \(\d+ ROIs\), aparc \(\d+ ROIs\)", capsys.readouterr().out)
    assert run("remove", "sub-01") == 0
    assert not has_surface("sub-01")


def test_checking_files_keeps_nothing(subject, capsys) -> None:
    assert run("check", subject) == 0
    assert "162 vertices left" in capsys.readouterr().out
    assert not has_surface("sub-01") and not has_surface("checked")


def test_the_chosen_atlas_comes_first(subject, capsys) -> None:
    assert run("add", subject, "--name", "me", "--atlas", "aparc") == 0
    assert [atlas.name for atlas in load_atlases("me")] == ["aparc", "labels"]


def test_another_atlas_can_be_made_the_default(subject, capsys) -> None:
    assert run("add", subject, "--name", "me") == 0
    assert run("outline", "me", "--atlas", "aparc") == 0
    assert [atlas.name for atlas in load_atlases("me")] == ["aparc", "labels"]
    assert run("outline", "me", "--atlas", "wang") == 2
    assert "`atlas` must be one of aparc, labels, got 'wang'" in capsys.readouterr().err
    assert run("outline", "fsaverage5", "--atlas", "x") == 2


def test_labels_from_elsewhere_are_taken_along_with_a_folder(subject, tmp_path) -> None:
    for code in ("lh", "rh"):
        (subject / "label" / f"{code}.aparc.annot").rename(tmp_path / f"{code}.mine.annot")
    assert run("add", subject, tmp_path / "lh.mine.annot", tmp_path / "rh.mine.annot", "--name", "me") == 0
    assert [atlas.name for atlas in load_atlases("me")] == ["labels", "mine"]


def test_a_taken_name_is_refused_before_anything_is_read(subject, capsys) -> None:
    assert run("add", subject) == 0
    (subject / "surf" / "lh.white").write_bytes(b"broken")
    assert run("add", subject) == 2
    assert "a new surface name, got 'sub-01'" in capsys.readouterr().err
    assert run("add", subject, "--replace") == 2
    assert "lh.white is no FreeSurfer surface" in capsys.readouterr().err
    assert load_surface("sub-01").n_vertices == (162, 642)


def test_a_subject_that_does_not_fit_is_refused_with_the_counts(subject, capsys) -> None:
    assert run("add", subject) == 0
    assert run("use", "sub-01", "--subject", "simulated") == 2
    assert "has 162 left and 642 right vertices and the recording needs 10,242 left" in capsys.readouterr().err
    assert run("use", "fsaverage5", "--subject", "simulated") == 0
    assert run("check", "fsaverage5", "--subject", "simulated") == 0
    assert "The voxels of simulated fit." in capsys.readouterr().out


def test_a_volume_is_checked_and_projected(subject, tmp_path, capsys) -> None:
    assert run("add", subject) == 0
    affine = np.array([[2.0, 0, 0, -90], [0, 2, 0, -110], [0, 0, 2, -70], [0, 0, 0, 1]])
    nibabel.save(nibabel.Nifti1Image(np.full((100, 100, 90), 3, np.float32), affine), tmp_path / "three.nii.gz")
    assert run("check", "sub-01", "--volume", tmp_path / "three.nii.gz") == 0
    assert "of 900,000 voxels that are not 0 lie within 4 mm" in capsys.readouterr().out
    assert run("project", "sub-01", "--volume", tmp_path / "three.nii.gz", "--out", tmp_path / "out.npz") == 0
    with np.load(tmp_path / "out.npz") as written:
        assert written["left"].shape == (162,) and written["right"].shape == (642,)
        np.testing.assert_allclose(written["left"], 3)
    surface = load_surface("sub-01")
    shift = middle_of_sheet(surface, 0) - (SURFACE.left.geometries["pial"] + SURFACE.left.geometries["white"]) / 2
    assert np.abs(shift - surface.to_scanner[:3, 3]).max() < 1e-3


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["nothing"], "`ACTION` must be one of add"),
        (["add"], "`add` must be followed by PATH, got ''"),
        (["remove"], "`remove` must be followed by NAME, got ''"),
        (["list", "me"], "`list` must be followed by nothing, got 'me'"),
        (
            ["remove", "me", "--atlas", "x"],
            "`atlas` must be left out with remove, got 'x'. It is an option of add, outline",
        ),
        (["remove", "fsaverage5"], "one you imported"),
        (["use", "fsaverage5"], "the id of a subject"),
        (["fetch", "fsaverage9"], "Did you mean 'fsaverage"),
        (["project", "fsaverage5"], "needs --volume FILE and --out"),
    ],
)
def test_bad_words_are_refused_in_one_line(words, match, capsys) -> None:
    assert run(*words) == 2
    assert match in capsys.readouterr().err


def test_a_fetched_fsaverage_is_read_from_what_nilearn_gives(monkeypatch) -> None:
    asked, shipped = [], nilearn.datasets.fetch_surf_fsaverage("fsaverage5")  # with nilearn: no download

    def fetch(*, mesh: str, data_dir: str):
        asked.append((mesh, data_dir))
        return shipped

    monkeypatch.setattr(nilearn.datasets, "fetch_surf_fsaverage", fetch)
    imported = fetch_fsaverage("fsaverage")
    assert asked[0][0] == "fsaverage" and "downloads" in asked[0][1]
    template = load_surface("fsaverage5")
    for name in template.geometries:
        np.testing.assert_array_equal(imported.surface.right.geometries[name], template.right.geometries[name])


def test_a_failed_download_is_told(monkeypatch) -> None:
    def fetch(**_options: str):
        raise ConnectionError("no network")

    monkeypatch.setattr(nilearn.datasets, "fetch_surf_fsaverage", fetch)
    with pytest.raises(StorageError, match=r"fsaverage6 cannot be downloaded \(ConnectionError\)\. Check"):
        fetch_fsaverage("fsaverage6")


def test_a_file_that_is_no_surface_is_told_so_before_its_name_is_judged(tmp_path, capsys) -> None:
    (tmp_path / "mine.toml").write_text("title = 1")
    assert run("add", tmp_path / "mine.toml") == 2
    told = capsys.readouterr().err
    assert "No surface was found" in told or "no surface" in told.lower()
    assert "Try sub-01" not in told


def test_nothing_is_fetched_where_downloads_are_forbidden(monkeypatch) -> None:
    monkeypatch.setenv("PROBESCOPE_OFFLINE", "1")
    monkeypatch.setattr(nilearn.datasets, "fetch_surf_fsaverage", lambda **_options: pytest.fail("it was fetched"))
    with pytest.raises(StorageError, match="PROBESCOPE_OFFLINE is set"):
        fetch_fsaverage("fsaverage")


def test_a_failed_fetch_is_one_sentence_without_the_librarys_chatter(monkeypatch, capsys) -> None:
    signature = inspect.signature(nilearn.datasets.fetch_surf_fsaverage)

    def fetch(**options: str):
        signature.bind(**options)  # a TypeError if the library knows no such option
        print("[fetch] Downloading")
        raise ConnectionError

    monkeypatch.setattr(nilearn.datasets, "fetch_surf_fsaverage", fetch)
    monkeypatch.delenv("PROBESCOPE_OFFLINE", raising=False)
    assert run("fetch", "fsaverage") == 2
    out, err = capsys.readouterr()
    assert out == "" and "cannot be downloaded (ConnectionError)" in err
