"""`probe --trade-off` with a made-up engine: folder, table, JSON, refusals before any work."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.commands.cli import run_command_line
from core.datasets.subject import load_subject
from core.engine import Engine
from core.images.stimulus import Stimulus
from core.probes.files import load_probe
from core.probes.probe import ProbeConfig, ProbeProgress
from tests.helpers.probes import iter_progress, make_probe

asked: list[ProbeConfig] = []


def iter_probe(
    _engine: Engine, config: ProbeConfig, stimulus: Stimulus, should_stop: Callable[[], bool]
) -> Iterator[ProbeProgress]:
    asked.append(config)
    made = make_probe(size=224, table=load_subject("simulated").voxels, photo=stimulus.levels)
    by = 1 + (0.0 if config.objective.is_linear else config.objective.weight)
    perturbed = (made.clean + made.shift / by).astype(np.float32)
    yield from iter_progress(replace(made, config=config, perturbed=perturbed))


@pytest.fixture(autouse=True)
def _made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked.clear()
    monkeypatch.setattr(Engine, "iter_probe", iter_probe)


def run(*words: object) -> int:
    def never(*_: object) -> int:
        raise AssertionError("opened the window")

    head = ("probe", "--roi", "FFA", "--image", "cat_chelsea", "--steps", "8")
    return run_command_line([str(word) for word in (*head, *words)], open_window=never, run_demonstration=never)


def test_folder_holds_table_figure_and_probes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "front"
    assert run("--trade-off", "0,3", "--out", out, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["folder"] == str(out)
    assert [row["weight"] for row in told["points"]] == [0.0, 3.0]
    assert [row["on the front"] for row in told["points"]] == [True, True]
    rows = list(csv.DictReader((out / "trade_off.csv").read_text(encoding="utf-8").splitlines()))
    voxels = load_subject("simulated").voxels
    others = np.asarray(voxels.roi) != "FFA"
    for row, name in zip(rows, ("weight_0", "weight_3"), strict=True):
        probe = load_probe(out / f"{name}.json")
        moved = (probe.perturbed.astype(np.float64) - probe.clean) / probe.reference_sd
        spill = float(row["spill-over: mean |shift| of all other voxels (SD)"])
        assert spill == pytest.approx(np.abs(moved[others]).mean(), rel=1e-4)
    assert (out / "trade_off.svg").is_file() and (out / "trade_off.png").is_file()


def test_bad_penalties_are_refused_before_any_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--trade-off", "3,1", "--out", tmp_path / "front") == 2
    assert "`trade-off` must be two or more weights, ascending, got '3,1'" in capsys.readouterr().err
    assert run("--trade-off", "0,1", "--degrees", "8", "--out", tmp_path / "front") == 2
    assert "`degrees` must be left out with trade-off" in capsys.readouterr().err
    assert not asked
