"""The analysis commands: cost first, one line for bad input, resuming, JSON."""

from __future__ import annotations

import json
import platform
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from core.cluster.kinds import NOTE
from core.commands.cells import read_duration
from core.commands.cli import run_command_line
from core.sweeps.cells import load_store
from core.sweeps.plan import SWEEP

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
    assert not (tmp_path / "out" / NOTE).exists(), "what was answered is not offered as left unfinished"
    assert call(f"fragility {SMALL} {LESS} --json", *out) == 2
    capsys.readouterr()
    assert call(f"fragility {SMALL} {LESS} --json --resume", *out) == 0
    second = capsys.readouterr()
    assert json.loads(second.out) == first
    assert "0/4" not in second.err
    assert first["question"] == "fragility"
    assert [row["encoder"] for row in first["summary"][:2]] == ["alexnet features.4", "alexnet features.7"]


def test_a_worker_and_two_processes_give_the_bits_of_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = f"fragility {SMALL} {LESS} --json"
    for name, more in (("one", ""), ("begun", "--begin"), ("two", "--engine local:2")):
        monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path / f"home of {name}"))  # nothing comes from the cache
        assert call(f"{words} {more}", "--out", str(tmp_path / name)) == 0
    capsys.readouterr()
    begun = str(tmp_path / "begun")
    assert call("cells --json", begun) == 0
    assert json.loads(capsys.readouterr().out) == {"cells": 4, "done": 0, "running": [], "failed": []}
    assert call("worker", begun) == 0
    assert call("cells", begun) == 0
    assert "4 cells, 4 done, 0 running, 0 failed" in capsys.readouterr().out
    stores = {name: load_store(SWEEP, tmp_path / name) for name in ("one", "begun", "two")}
    for cell in stores["one"].cells():
        wanted = stores["one"].load(cell)
        for name in ("begun", "two"):
            found = stores[name].load(cell)
            assert found.keys() == wanted.keys()
            assert all(np.array_equal(found[key], wanted[key], equal_nan=True) for key in wanted), (name, cell.key)
    made = [store.made(cell) for store in stores.values() for cell in store.cells()]
    assert {(one.host, one.attempt) for one in made} == {(platform.node(), 1)}
    assert {one.device.split()[0] for one in made} == {"cpu"}
    assert all(one.seconds > 0 for one in made)


def test_failed_cells_are_listed_and_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = str(tmp_path / "out")

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("core.sweeps.attack_curve.run_curve", fail)
        assert call(f"fragility {SMALL} {LESS} --seed 5", "--out", out) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith(
        f"Error: 2 of 4 cells of the sweep in {out} failed. The first is attack on alexnet features.4"
    )
    assert "It does not fit into memory." in said
    assert call("cells --failed", out) == 0
    listed = capsys.readouterr().out
    assert "4 cells, 2 done, 0 running, 2 failed" in listed
    assert listed.count("It does not fit into memory") == 2
    assert call("worker", out) == 2, "a worker does not try them again"
    capsys.readouterr()
    assert call("cells --retry", out) == 0
    assert "2 cells are tried again" in capsys.readouterr().out
    assert call("worker", out) == 0
    assert call(f"fragility {SMALL} {LESS} --seed 5 --resume --json", "--out", out) == 0


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("worker nowhere", "`folder` must be one that is there"),
        ("cells nowhere", "`folder` must be one that is there"),
        ("cells .", "`folder` must be of an analysis, study, search or set"),
        ("cells .", "`main.py study` makes"),
        ("worker nowhere --lifetime soon", "`lifetime` must be a number above 0 with s, m, h or d, as 55m, got 'soon'"),
        ("worker nowhere --lifetime 0m", "`lifetime` must be a number"),
        (f"fragility {SMALL} --out nowhere --engine local:0", "`engine` must be here, local:N"),
        (f"fragility {SMALL} --out nowhere --engine local:{'9' * 5000}", "; at most the "),
        (f"fragility {SMALL} --out nowhere --engine slurm", "`engine` must be here, local:N"),
    ],
)
def test_what_no_worker_can_do_is_one_line(words: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(words) == 2
    said = capsys.readouterr().err
    assert said.startswith("Error:") and said.count("\n") == 1
    assert text in said


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("55m", 3300), ("55", 3300), ("1.5h", 5400), ("2d", 172800)]
)
def test_durations(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


def test_a_worker_ends_with_its_lifetime_and_gives_its_cell_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    assert call(f"fragility {SMALL} {LESS} --begin", "--out", out) == 0
    assert call("worker --lifetime 0.000001s", out) == 0
    assert "The lifetime of 0.000001s is over." in capsys.readouterr().err
    assert list((tmp_path / "out" / "claims").iterdir()) == []


def test_the_cost_says_what_it_rests_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(f"transfer {SMALL} --cost --device cpu --engine local:2", "--out", str(tmp_path / "out")) == 0
    said = capsys.readouterr().out
    assert "CPU core hours" in said and "with 2 workers" in said
    assert "Memory a worker: about 0." in said
    assert re.search(
        r"Measured on this computer \(cpu\), a step of one image: alexnet features.4 [\d.]+ ms, alexnet", said
    )
    assert "MobileNetV2" not in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", ["/nope/scheduler.json", "slurm:/nope.toml", "ssh:/nope.toml"])
def test_a_place_whose_file_is_missing_is_told_before_a_folder_is_begun(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(f"fragility {SMALL} {LESS} --engine {place}", "--out", str(tmp_path / "out")) == 2
    assert f"{place.partition(':')[2] or place} cannot be read" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out").exists()
