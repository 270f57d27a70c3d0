"""Sets of stimuli from the command line on the shipped data: planned, made, resumed, checked, rebuilt bit for bit."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import main
from core.headers import hash_table
from core.stimuli.manifest import HEADER, read_manifest

TypeIn = Callable[..., tuple[int, str, str]]


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> TypeIn:
    """Run a command line inside this process: (exit code, stdout, stderr)."""

    def type_command(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["main.py", *map(str, words)])
        try:
            code = main.main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        told = capsys.readouterr()
        return code, told.out, told.err

    return type_command


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image of the user, wide, so that it is cropped."""
    folder = tmp_path_factory.mktemp("photos")
    levels = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    Image.fromarray(levels).resize((600, 400), Image.Resampling.BICUBIC).save(folder / "mine.png")
    return folder / "mine.png"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, photo: Path, home: Path) -> Path:
    """A set of two items, by a plan file and options over it."""
    folder = tmp_path_factory.mktemp("sets")
    plan = folder / "plan.toml"
    plan.write_text(
        f'name = "Two"\nnetworks = ["mobilenet_v2_robust"]\nimages = ["{photo}", "cat_chelsea"]\nrois = ["FFA"]\n'
        'directions = ["raise"]\nsteps = 9\ntransfer = ["alexnet"]\npicture_px = 300\nwidth_px = 320\n'
        'height_px = 310\nmatching = "luminance"\ncontrols = ["random", "other_image"]\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROBESCOPE_HOME", str(home))
        words = [
            "main.py",
            "stimuli",
            "make",
            str(plan),
            "--steps",
            "2",
            "--out",
            str(folder / "set"),
            "--device",
            "cpu",
        ]
        patch.setattr(sys, "argv", words)
        assert main.main() == 0
    return folder / "set"


def test_the_set_is_whole_and_says_what_was_asked(made: Path, photo: Path, type_in: TypeIn) -> None:
    found = read_manifest(made)
    assert (found.name, len(found.pairs), len(found.rows)) == ("Two", 2, 8)
    assert {row.n_steps for row in found.rows} == {2}, "the option overrides the file"
    assert {row.source_key for row in found.rows} == {"cat_chelsea", str(photo)}
    assert {(row.width_px, row.height_px, row.picture_px) for row in found.rows} == {(320, 310, 300)}
    raised = [row for row in found.rows if row.role == "raise"]
    assert all(row.shift > 0 and "alexnet features.11" in row.transfer for row in raised)
    assert {row.licence for row in found.rows if row.source_key == str(photo)} == {""}
    code, out, _ = type_in("stimuli", "check", made)
    assert code == 0
    assert "Every file is as it was written." in out


def test_a_set_is_rebuilt_bit_for_bit_from_its_manifest_alone(made: Path, tmp_path: Path, type_in: TypeIn) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(made / "manifest.json", alone)
    code, out, err = type_in("rebuild", alone / "manifest.json", "--out", tmp_path / "again", "--device", "cpu")
    assert (code, out) == (0, "Rebuilt bit for bit: 8 stimuli and their manifest.\n"), err
    files = sorted(path.relative_to(made) for path in made.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*.*"))
    assert all((made / file).read_bytes() == (tmp_path / "again" / file).read_bytes() for file in files)


def test_an_image_that_moved_is_found_by_its_pixels_or_asked_for(
    made: Path, photo: Path, tmp_path: Path, type_in: TypeIn
) -> None:
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.move(photo, moved / "renamed.png")
    try:
        code, _, err = type_in("rebuild", made / "manifest.json", "--device", "cpu")
        assert code == 2
        assert "The image mine of the manifest was not found" in err and "--images FOLDER" in err
        code, out, err = type_in("rebuild", made / "manifest.json", "--device", "cpu", "--images", moved)
        assert (code, out) == (0, "Rebuilt bit for bit: 8 stimuli and their manifest.\n"), err
    finally:
        shutil.move(moved / "renamed.png", photo)


def test_a_manifest_edited_by_hand_is_refused(made: Path, tmp_path: Path, type_in: TypeIn) -> None:
    text = (made / "manifest.json").read_text()
    (tmp_path / "manifest.json").write_text(text.replace('"seed": 0', '"seed": 1'))
    code, _, err = type_in("rebuild", tmp_path / "manifest.json", "--device", "cpu")
    assert code == 2
    assert "was edited after writing: its hash differs" in err


def test_a_rebuilt_set_that_differs_names_files_and_versions(made: Path, tmp_path: Path, type_in: TypeIn) -> None:
    """A manifest of another machine, honest with itself: one file it names has other bytes here."""
    header = json.loads((made / "manifest.json").read_text())
    header["stimuli"][1]["file_sha256"] = "0" * 64
    for record in (*(entry["made_with"] for entry in header["recipes"]), header["written_with"]):
        record["torch"] = "1.0"
    header["manifest_sha256"] = hash_table(header, HEADER.hash_key)
    (tmp_path / "manifest.json").write_text(json.dumps(header))
    code, out, _ = type_in("rebuild", tmp_path / "manifest.json", "--device", "cpu")
    assert code == 1
    assert header["stimuli"][1]["file"] in out
    assert " instead of 1.0" in out
    assert header["stimuli"][0]["file"] not in out


def test_another_encoder_is_refused_by_its_hash(made: Path, tmp_path: Path, type_in: TypeIn) -> None:
    header = json.loads((made / "manifest.json").read_text())
    header["recipes"][0]["encoder_sha256"] = "0" * 64
    header["manifest_sha256"] = hash_table(header, HEADER.hash_key)
    (tmp_path / "manifest.json").write_text(json.dumps(header))
    code, _, err = type_in("rebuild", tmp_path / "manifest.json", "--device", "cpu")
    assert code == 2
    assert "is not the one that was probed (000000000000)" in err


def test_finished_probes_are_not_made_again(
    made: Path, home: Path, tmp_path: Path, type_in: TypeIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same plan into another folder runs no attack: the engine's attack is taken away."""
    import core.probes.run

    monkeypatch.setenv("PROBESCOPE_HOME", str(home))
    monkeypatch.setattr(core.probes.run, "iter_epsilon_grid", lambda *_args, **_more: pytest.fail("an attack ran"))
    plan = made.parent / "plan.toml"
    code, out, err = type_in(
        "stimuli", "make", plan, "--steps", 2, "--out", tmp_path / "set", "--device", "cpu", "--json"
    )
    assert code == 0, err
    assert json.loads(out)["n_stimuli"] == 8
    assert (tmp_path / "set" / "manifest.json").read_bytes() == (made / "manifest.json").read_bytes()


def test_a_dry_run_tells_the_cost_and_makes_nothing(tmp_path: Path, type_in: TypeIn) -> None:
    code, out, _ = type_in("stimuli", "make", "--rois", "FFA", "PPA", "--dry-run", "--out", tmp_path / "set")
    assert code == 0
    assert out.startswith("4 images x 2 targets x 1 direction x 1 budget x 1 encoder = 8 probes, 32 files, about ")
    assert list(tmp_path.iterdir()) == []


def test_a_plan_is_written_with_everything_named(tmp_path: Path, type_in: TypeIn) -> None:
    code, _, err = type_in(
        "stimuli", "plan", "--voxels", "FFA:2", "--images", "test:2", "--out", tmp_path / "plan.json"
    )
    assert code == 0, err
    written = json.loads((tmp_path / "plan.json").read_text())
    assert len(written["voxels"]) == len(written["images"]) == 2
    assert all(voxel.isdecimal() for voxel in written["voxels"])
    code, out, _ = type_in("stimuli", "make", tmp_path / "plan.json", "--dry-run")
    assert code == 0 and "= 4 probes" in out
    code, _, err = type_in("stimuli", "plan", "--rois", "FFA", "--out", tmp_path / "plan.json")
    assert code == 2 and "nothing is overwritten" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("make", "--rois", "FFA"), "`out` must be a new or an empty folder"),
        (("make", "nowhere.toml", "--out", "x"), "nowhere.toml cannot be read"),
        (("make", "--rois", "FFA", "--out", "{full}"), "nothing is overwritten"),
        (
            ("make", "--rois", "FFA", "--picture-px", "500", "--width-px", "400", "--out", "x"),
            "at least the picture's 500",
        ),
        (("check", "{full}"), "There is no stimulus set at"),
    ],
)
def test_bad_input_is_one_clear_line(words: tuple[str, ...], told: str, tmp_path: Path, type_in: TypeIn) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    code, _, err = type_in("stimuli", *(word.format(full=tmp_path / "full") for word in words))
    assert code == 2
    assert told in err and err.count("\n") == 1
