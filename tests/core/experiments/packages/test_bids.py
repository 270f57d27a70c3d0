"""The BIDS package: read by the official validator, and its events compared with the plan."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.experiments.measured.trial_tables import read_ids
from core.experiments.packages.orders import CatchKind, OrderConfig, TrialKind
from core.experiments.packages.package import PackageKind
from core.experiments.packages.plan import PackagePlan, make_plan
from core.experiments.packages.template import Template
from core.stimuli.manifest import read_manifest
from tests.helpers.packages import write_package
from tests.helpers.stimulus_sets import write_set

VALIDATOR = Path(sys.executable).with_name("bids-validator-deno")
EXPECTED_WARNINGS = {"TOO_FEW_AUTHORS", "NO_AUTHORS", "JSON_KEY_RECOMMENDED"}
"""Authors, licence, source data and HED version are the laboratory's to state."""


@pytest.fixture
def plan(tmp_path: Path) -> PackagePlan:
    found = read_manifest(write_set(tmp_path / "a_set", n_images=7))
    order = OrderConfig(runs=2, repeats=2, blanks_per_run=2, participants=2, catch_kind=CatchKind.REPEAT)
    return make_plan(found, Template(order=order))


def validate(folder: Path, home: Path) -> dict[str, list[str]]:
    """The codes the official validator finds, by severity."""
    done = subprocess.run(
        [VALIDATOR, folder, "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"DENO_DIR": str(home / "deno"), "DENO_NO_UPDATE_CHECK": "1"},
    )
    found = json.loads(done.stdout)
    codes: dict[str, list[str]] = {"error": [], "warning": []}
    for issue in found["issues"]["issues"]:
        codes[issue["severity"]].append(issue["code"])
    assert found["summary"]["tasks"] == ["probe"] and (done.returncode == 0) == (not codes["error"])
    return codes


def test_the_official_validator_finds_no_error(plan: PackagePlan, tmp_path: Path) -> None:
    codes = validate(write_package(plan, PackageKind.BIDS, tmp_path / "package"), tmp_path)
    assert codes["error"] == [] and set(codes["warning"]) <= EXPECTED_WARNINGS


def test_the_official_validator_would_find_a_missing_picture(plan: PackagePlan, tmp_path: Path) -> None:
    package = write_package(plan, PackageKind.BIDS, tmp_path / "package")
    next((package / "stimuli").iterdir()).unlink()
    assert validate(package, tmp_path)["error"]


def test_events_are_the_planned_trials_of_every_run_and_participant(plan: PackagePlan, tmp_path: Path) -> None:
    package = write_package(plan, PackageKind.BIDS, tmp_path / "package")
    found = sorted(package.glob("sub-*/func/*_events.tsv"))
    assert [path.name for path in found] == [
        f"sub-{participant:02d}_task-probe_run-{run:02d}_events.tsv" for participant in (1, 2) for run in (1, 2)
    ]
    runs = [run for runs in plan.participants for run in runs]
    for path, run in zip(found, runs, strict=True):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        for row, trial in zip(rows, plan.timed(run), strict=True):
            assert float(row["onset"]) == trial.onset and float(row["duration"]) == trial.duration
            assert row["trial_type"] == trial.trial_type
            assert row["stimulus_id"] == (trial.row.id if trial.row else "n/a")
            assert row["stim_file"] == "n/a" or (package / "stimuli" / row["stim_file"]).is_file()


def test_the_sidecar_explains_every_column_and_level_and_the_screen(plan: PackagePlan, tmp_path: Path) -> None:
    package = write_package(plan, PackageKind.BIDS, tmp_path / "package")
    sidecar = json.loads((package / "task-probe_events.json").read_text(encoding="utf-8"))
    events = next(package.glob("sub-*/func/*_events.tsv"))
    with events.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert set(rows[0]) <= set(sidecar)
    assert {row["trial_type"] for row in rows} == set(sidecar["trial_type"]["Levels"])
    shown = sidecar["StimulusPresentation"]
    assert shown["ScreenDistance"] == 1.0 and shown["ScreenSize"] == [0.6, 0.3375]
    assert "twice in a row" in sidecar["Instructions"]


def test_the_comparison_with_measured_betas_takes_the_events_as_they_are(plan: PackagePlan, tmp_path: Path) -> None:
    package = write_package(plan, PackageKind.BIDS, tmp_path / "package")
    run = plan.participants[1][0]
    known = frozenset(row.id for row in plan.stimuli.rows)
    ids, _ = read_ids(package / "sub-02" / "func" / "sub-02_task-probe_run-01_events.tsv", known=known)
    assert ids == [trial.row.id if trial.kind is TrialKind.STIMULUS and trial.row else "" for trial in run]
