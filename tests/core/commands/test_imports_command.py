"""The `import` and `subjects` commands. Answers: a small recording written by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.commands.cli import run_command_line
from core.datasets.description import TEMPLATE
from core.datasets.image_store import find_stimulus
from core.datasets.subject import user_subjects_folder
from core.encoders import library
from core.encoders.config import EncoderConfig
from core.errors import StorageError
from tests.helpers.recording_files import write_csv, write_picture


def call(*arguments: object) -> int:
    words = [str(argument) for argument in arguments]
    return run_command_line(words, open_window=lambda _device: 9, run_demonstration=lambda _out, _device: 9)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for number in range(10):
        write_picture(tmp_path / "images" / f"p{number}.png", number)
    np.save(tmp_path / "responses.npy", np.random.default_rng(0).standard_normal((10, 3)))
    write_csv(tmp_path / "images.csv", [{"image": f"p{number}.png", "test": int(number > 7)} for number in range(10)])
    write_csv(tmp_path / "voxels.csv", [{"roi": "FFA", "vertex": number} for number in range(3)])
    assert call("import", "template", tmp_path / "subject.toml") == 0
    return tmp_path


def test_a_recording_goes_in_is_listed_and_goes_out(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert call("import", "inspect", source, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["n_images"], found["n_voxels"], found["n_held_out"]) == ("generic", 10, 3, 2)
    assert call("import", "auto", source, "--subject", "s1", "--title", "Ours", "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["n_held_out"], summary["rois"], summary["repeats"]) == (2, {"FFA": 3}, {"1": 10})
    assert call("list", "subjects", "--json") == 0
    rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["s1"]["title"] == "Ours (measured)" and rows["s1"]["kind"] == "measured"
    assert call("list", "images", "--subject", "s1", "--json") == 0
    images = json.loads(capsys.readouterr().out)
    assert images[9] == {"id": "s1:p9", "category": "", "trials": 1, "held_out": True} and len(images) == 10
    assert call("list", "rois", "--subject", "s1", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["noise_ceiling_median"] is None
    assert call("subjects", "summary", "s1") == 0
    assert "10, each shown once" in capsys.readouterr().out
    assert call("subjects", "remove", "s1") == 0
    assert call("subjects", "summary", "s1") == 2


def test_the_template_is_printed_or_written_once(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert call("import", "template") == 0
    assert capsys.readouterr().out == TEMPLATE
    assert call("import", "template", source / "subject.toml") == 2
    assert "nothing is overwritten" in capsys.readouterr().err


def test_what_is_missing_is_asked_for(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("import", "auto") == 2
    assert call("import", "auto", source) == 2
    assert "--subject ID" in capsys.readouterr().err
    assert call("import", "nds", source, "--subject", "x") == 2
    assert "Did you mean 'nsd'" in capsys.readouterr().err


def test_a_damaged_subject_does_not_hide_the_others(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("import", "generic", source, "--subject", "s1") == 0
    (user_subjects_folder() / "s1" / "voxels.npz").write_bytes(b"cut")
    capsys.readouterr()
    assert call("list", "subjects", "--json") == 0
    rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    assert (
        "voxels.npz is truncated or no .npz file: it does not begin as numpy's files do" in rows["s1"]["note"]
        and rows["kay2017"]["n_voxels"] == 2
    )
    assert call("subjects", "remove", "s1") == 0


def test_encoders_of_an_earlier_subject_are_not_taken_over(
    source: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "list_encoders", lambda: (EncoderConfig("s1", "alexnet", "features.11"),))
    assert call("import", "auto", source, "--subject", "s1") == 2
    assert "1 encoders of an earlier subject s1 are still there (alexnet features.11)" in capsys.readouterr().err
    assert call("import", "auto", source, "--subject", "s2") == 0


def test_images_that_moved_are_found_again(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("import", "auto", source, "--subject", "s1") == 0
    (source / "images").rename(source / "moved")
    with pytest.raises(StorageError, match="subjects relink ID PATH"):
        find_stimulus("s1:p3", 40)
    assert call("subjects", "relink", "s1", source) == 2
    assert "without p0.png and 9 more" in capsys.readouterr().err
    assert call("subjects", "relink", "s1", source / "moved") == 0
    assert find_stimulus("s1:p3", 40).source.endswith("moved/p3.png")
    assert call("subjects", "relink", "kay2017", source / "moved") == 2
    assert call("subjects", "relink", "s1") == 2


def test_inspect_tells_people_in_words_what_is_there(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert call("import", "inspect", source) == 0
    text = capsys.readouterr().out
    told = {line[:17].strip(): line[17:].strip() for line in text.splitlines()}
    assert told["Images"] == "10 in 10 trials"
    assert told["Voxels"].startswith("3 on ")
    assert told["ROIs"] == "FFA 3"
    assert told["Held out"].startswith("2 (")
    assert "_" not in "".join(told) and "n images" not in text and "True" not in text
