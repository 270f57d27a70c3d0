"""Templates are read back once filled in; simulated responses never pass for measured ones."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInputError
from core.experiments.measured.measured import MatchOptions
from core.experiments.measured.planned import MeasuredPlan, plan_set
from core.experiments.measured.practise import SimulateOptions, name_targets, simulate_responses, write_template
from core.experiments.measured.trial import ReadOptions
from core.experiments.measured.trials import open_measured
from core.probes.target import Target, TargetKind
from core.stimuli.manifest import read_manifest
from tests.helpers.measured_sets import OTHER, SIGMA, write_set


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("sets") / "set", n_images=30, rois=("FFA", "PPA"))


@pytest.fixture(scope="module")
def plan(folder: Path) -> MeasuredPlan:
    return plan_set(read_manifest(folder))


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_template_has_every_stimulus_and_target_and_is_read_once_filled(
    folder: Path, plan: MeasuredPlan, tmp_path: Path
) -> None:
    path = write_template(plan, tmp_path / "t.csv", n_repeats=2)
    rows = read(path)
    assert [row["stimulus"] for row in rows[::2]] == [stimulus.id for stimulus in plan.stimuli]
    assert list(rows[0]) == ["stimulus", "session", "repeat", "FFA", "PPA"]
    with pytest.raises(BadInputError, match="a column of numbers"):
        open_measured(folder, [path], ReadOptions(), MatchOptions())
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | {"FFA": "1", "PPA": "2", "session": "a"} for row in rows)
    measured = open_measured(folder, [path], ReadOptions(), MatchOptions())
    assert measured.findings.missing == ()
    assert not measured.findings.is_simulated
    assert [np.nanmax(values) for values in measured.repeats.values()] == [1.0, 2.0]


def test_nothing_is_overwritten(plan: MeasuredPlan, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("mine")
    for write in (write_template, lambda a, b: simulate_responses(a, b, SimulateOptions())):
        with pytest.raises(BadInputError, match="a new file"):
            write(plan, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "mine"


def test_simulated_responses_say_so_in_every_line_and_when_read(
    folder: Path, plan: MeasuredPlan, tmp_path: Path
) -> None:
    path = simulate_responses(plan, tmp_path / "s.csv", SimulateOptions(n_sessions=3))
    rows = read(path)
    assert {row["simulated"] for row in rows} == {"simulated"}
    assert {row["session"] for row in rows} == {"session 1", "session 2", "session 3"}
    assert open_measured(folder, [path], ReadOptions(), MatchOptions()).findings.is_simulated


def test_simulated_responses_are_the_formula(plan: MeasuredPlan, tmp_path: Path) -> None:
    options = SimulateOptions(truth=OTHER, gain=0.5, noise=2.0, n_repeats=4)
    rows = read(simulate_responses(plan, tmp_path / "s.csv", options))
    planned = {stimulus.id: stimulus for stimulus in plan.stimuli}
    noise = []
    for row in rows:
        stimulus = planned[row["stimulus"]]
        noise.append(float(row[stimulus.target.roi]) - stimulus.row.clean - 0.5 * stimulus.shifts[OTHER][0])
    assert np.std(noise) == pytest.approx(2.0 * SIGMA, rel=0.05)
    assert np.mean(noise) == pytest.approx(0.0, abs=4 * np.std(noise) / np.sqrt(len(noise)))


def test_targets_are_named_as_they_are_found_again() -> None:
    voxel = Target(TargetKind.VOXEL, "voxel 12 (left V1)", (12,), (1.0,))
    odd = Target(TargetKind.SET, "set of 2 voxels", (1, 2), (0.5, 0.5))

    class _Plan:
        targets = (voxel, odd)

    assert list(name_targets(_Plan()).values()) == ["voxel 12", "set of 2 voxels"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "clue"), [({"noise": -1.0}, "noise"), ({"gain": float("nan")}, "gain"), ({"n_repeats": 0}, "repeats")]
)
def test_impossible_simulations_are_refused(options: dict, clue: str) -> None:
    with pytest.raises(BadInputError, match=clue):
        SimulateOptions(**options)


def test_an_unknown_truth_is_refused(plan: MeasuredPlan, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"alexnet features\.7"):
        simulate_responses(plan, tmp_path / "s.csv", SimulateOptions(truth="alexnet features.8"))
    assert not (tmp_path / "s.csv").exists()
