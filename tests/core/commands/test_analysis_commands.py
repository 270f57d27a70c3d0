"""The analysis commands: cost first, one line for bad input, resuming, JSON."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.commands.cli import run_command_line

SMALL = "--encoders alexnet:features.4,alexnet:features.7 --rois FFA --images test:2 --epsilons 0.5,1 --steps 1"
LESS = "--test-images 8 --bootstrap 20"


def call(words: str, *more: str) -> int:
    idle = cast(Any, SimpleNamespace())
    return run_command_line([*words.split(), *more], open_window=idle, run_demonstration=idle)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("transfer --encoders alexnet --rois FFA", "`encoders` must be at least 2"),
        ("fragility --encoders alexnet --rois FFA --images cat_chelsea", "at least 2 images"),
        ("fragility --encoders alexnet --rois FFA --epsilons 1,0.5", "ascending order"),
        ("fragility --encoders alexnet --rois FFA --epsilons 0,1", "ascending order"),
        ("fragility --encoders alexnet", "given by --rois or --voxels"),
        ("fragility --encoders , --rois FFA", "Name it as NET or NET:LAYER"),
        ("fragility --encoders alexnet --rois FFA --epsilons nan", "got nan"),
        ("fragility --encoders alexnet --rois FFA --norm linf --epsilons 8", "Did you mean 8/255?"),
        ("fragility --encoders alexnet --rois FFA --gate nan", "`gate` must be an r from -1 to 1, got nan"),
        ("fragility --encoders alexnet --rois FFA --images cat_chelsea,nowhere.png", "nowhere.png"),
        ("fragility --encoders alexnet --voxels 99999", "a voxel from 0 to 1843"),
        ("fragility --encoders alexnet --voxels FFA:9999", "as many as every encoder predicts"),
        ("fragility --encoders alexnet --rois FFA --attack square,pgd", "Only transfer compares attacks"),
        ("discriminability --encoders alexnet,mobilenet_v2 --rois FFA --norm both", "`norms` must be one"),
        ("meaning --encoders simulated/alexnet,kay2017/alexnet --voxels FFA:2", "Name ROI means instead"),
        ("transfer --encoders simulated/alexnet,kay2017/alexnet --rois V1", "`roi` must be one of FFA, VWFA"),
        ("fragility --encoders alexnet --rois FFAA", "Did you mean 'FFA'"),
        ("fragility --encoders alexnett --rois FFA", "Did you mean 'alexnet'"),
        ("fragility --encoders alexnet --voxels 3 --gate 1", "below the gate 1"),
        ("meaning --encoders simulated/alexnet,kay2017/alexnet --voxels 3", "of one subject"),
    ],
)
def test_bad_input_is_one_line_before_any_work(
    words: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(words, "--out", str(tmp_path / "out")) == 2
    said = capsys.readouterr().err
    assert said.startswith("Error:")
    assert said.count("\n") == 1
    assert text in said
    assert not (tmp_path / "out").exists()


def test_a_network_is_searched_without_gradients_by_squares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"fragility {SMALL} {LESS} --attack square --queries 4 --json"
    assert call(words, "--out", str(tmp_path / "out")) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert (found["settings"]["attacks"], found["settings"]["n_queries"]) == (["square"], 4)
    assert "4 cells, 0 attack steps" in said.err
    assert "4 queries each" in said.err


def test_the_cost_is_told_without_any_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(f"fragility {SMALL} --cost", "--out", str(tmp_path / "out")) == 0
    assert "4 cells, 8 attack steps" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_finished_analysis_is_resumed_at_once_to_the_same_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ("--out", str(tmp_path / "out"))
    assert call(f"fragility {SMALL} {LESS} --json", *out) == 0
    first = json.loads(capsys.readouterr().out)
    assert call(f"fragility {SMALL} {LESS} --json", *out) == 2
    capsys.readouterr()
    assert call(f"fragility {SMALL} {LESS} --json --resume", *out) == 0
    second = capsys.readouterr()
    assert json.loads(second.out) == first
    assert "0/4" not in second.err
    assert first["question"] == "fragility"
    assert [row["encoder"] for row in first["summary"][:2]] == ["alexnet features.4", "alexnet features.7"]
