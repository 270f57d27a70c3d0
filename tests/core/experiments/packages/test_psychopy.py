"""The PsychoPy package: read by PsychoPy's own importer, and its script run with all of PsychoPy but the screen."""

from __future__ import annotations

import csv
import dataclasses
import json
import keyword
from pathlib import Path

import pytest

from core.experiments.packages.orders import CatchKind, OrderConfig
from core.experiments.packages.package import PackageKind
from core.experiments.packages.plan import PackagePlan, make_plan
from core.experiments.packages.presentation import CONDITION_COLUMNS
from core.experiments.packages.template import Template
from core.experiments.packages.timing import Screen, Timing
from core.stimuli.manifest import StimulusSet, read_manifest, write_csv
from tests.helpers.packages import write_package
from tests.helpers.readers import needs_psychopy, run_with_readers
from tests.helpers.stimulus_sets import write_set

QUICK = Timing(stimulus_seconds=0.06, gap_seconds=0.06, lead_in_seconds=0.1, lead_out_seconds=0.1)
DRY_RUN = Path(__file__).parents[3] / "helpers" / "psychopy_dry_run.py"


def quick_plan(folder: Path, catch_kind: CatchKind = CatchKind.DOT) -> PackagePlan:
    found = read_manifest(write_set(folder / "a_set", n_images=5, side=36, picture=24))
    order = OrderConfig(runs=1, spacing=4, catch_per_run=3, blanks_per_run=2, catch_kind=catch_kind, participants=2)
    return make_plan(found, Template(QUICK, order, Screen(width_cm=60, distance_cm=57)))


def run_python(home: Path, *words: str | Path) -> str:
    done = run_with_readers(home, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_psychopy
def test_psychopys_own_importer_reads_the_conditions_as_they_were_planned(tmp_path: Path) -> None:
    plan = quick_plan(tmp_path)
    package = write_package(plan, PackageKind.PSYCHOPY, tmp_path / "package")
    code = (
        "import json, sys; from psychopy.data import importConditions\n"
        "rows, names = importConditions(sys.argv[1], returnFieldNames=True)\n"
        "print(json.dumps([list(names), rows], default=lambda value: value.item()))"
    )
    answer = run_python(tmp_path, "-c", code, package / "conditions" / "sub-02_run-01.csv")
    names, rows = json.loads(answer.splitlines()[-1])
    planned = list(plan.timed(plan.participants[1][0]))
    assert tuple(names) == CONDITION_COLUMNS and len(rows) == 20
    for row, trial in zip(rows, planned, strict=True):
        assert row["onset"] == pytest.approx(trial.onset) and row["duration"] == pytest.approx(trial.duration)
        assert row["role"] == trial.trial_type and row["is_catch"] == (trial.kind == "catch")
        assert row["image_file"] == (trial.row.file if trial.row else None)
        assert row["width_ratio"] == (1.5 if trial.row else None)


HOSTILE = ("[__import__('os').system('touch PWNED')]", "=cmd|' /C calc'!A0", "[12]", "@SUM(1,1)", "a\tb\nc")


def hostile_package(folder: Path, kind: PackageKind) -> Path:
    """A package of a set whose images have names that readers of tables would run."""
    path = write_set(folder / "a_set", n_images=len(HOSTILE), side=36, picture=24)
    names = dict(zip((f"image{number}" for number in range(len(HOSTILE))), HOSTILE, strict=True))
    header = read_manifest(path).header
    rows = tuple(dataclasses.replace(row, source_image=names[row.source_image]) for row in header.stimuli)
    write_csv(path / "manifest.csv", rows)
    template = Template(QUICK, OrderConfig(runs=1, spacing=4, catch_per_run=0), Screen(width_cm=60, distance_cm=57))
    plan = make_plan(StimulusSet(path, dataclasses.replace(header, stimuli=rows)), template)
    return write_package(plan, kind, folder / kind)


@needs_psychopy
def test_no_name_of_an_image_runs_as_a_program(tmp_path: Path) -> None:
    package = hostile_package(tmp_path, PackageKind.PSYCHOPY)
    conditions = package / "conditions" / "sub-01_run-01.csv"
    code = (
        "import json, sys; from psychopy.data import importConditions\n"
        "print(json.dumps([row['source_image'] for row in importConditions(sys.argv[1])]))"
    )
    found = set(json.loads(run_python(tmp_path, "-c", code, conditions).splitlines()[-1]))
    assert found - {None} == {*(f"'{name}" for name in HOSTILE[:4]), "a b c"}
    run_python(tmp_path, DRY_RUN, package / "run_experiment.py", "--participant", "1", "--run", "1", "--windowed")
    assert not list(tmp_path.rglob("PWNED"))


@pytest.mark.parametrize("kind", list(PackageKind))
def test_no_cell_of_a_package_is_a_formula_or_a_list(tmp_path: Path, kind: PackageKind) -> None:
    package = hostile_package(tmp_path, kind)
    for path in (*package.rglob("*.csv"), *package.rglob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ",") for cell in row]
        assert "a b c" in cells or path.name == "participants.tsv", path
        assert not [cell for cell in cells if cell.lstrip()[:1] in tuple("=@[({") and cell.strip()], path


def test_columns_are_legal_names_of_python() -> None:
    assert all(name.isidentifier() and not keyword.iskeyword(name) for name in CONDITION_COLUMNS)
    assert len(set(CONDITION_COLUMNS)) == len(CONDITION_COLUMNS)


@needs_psychopy
@pytest.mark.parametrize("catch_kind", list(CatchKind))
def test_the_script_shows_the_run_as_planned_and_writes_what_was_pressed(tmp_path: Path, catch_kind: CatchKind) -> None:
    plan = quick_plan(tmp_path, catch_kind)
    package = write_package(plan, PackageKind.PSYCHOPY, tmp_path / "package")
    script = package / "run_experiment.py"
    answer = json.loads(
        run_python(tmp_path, DRY_RUN, script, "--participant", "1", "--run", "1", "--windowed").splitlines()[-1]
    )
    planned = list(plan.timed(plan.participants[0][0]))
    instructions, fixation, *flips = answer["flips"]
    assert "The run starts with the scanner." in instructions["shown"][0] and fixation["shown"] == ["+"]
    for trial, on, off in zip(planned, flips[::2], flips[1::2], strict=True):
        expected = [Path(trial.row.file).name, "+"] if trial.row else ["dot"] if trial.kind == "catch" else ["+"]
        assert on["shown"] == expected and off["shown"] == ["+"]
        assert on["time"] - fixation["time"] > trial.onset - 0.01
    # 8.4 deg at 57 cm are 8.3716 cm, at 32 px a cm 267.89 px; a file of 36 px around a picture of 24 is 1.5 times that.
    assert all(size == [402, 402] for size in answer["sizes"].values())
    with (package / "data" / "sub-01_task-probe_run-01.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["stimulus_id"] for row in rows] == [trial.row.id if trial.row else "" for trial in planned]
    assert [row["response"] for row in rows] == ["1" if trial.kind == "catch" else "" for trial in planned]
    assert {row["correct"] for row in rows} == {"1"}
    assert all(float(row["rt"]) >= 0 for row in rows if row["rt"])


@needs_psychopy
def test_a_run_done_again_overwrites_nothing_and_an_unknown_run_is_refused(tmp_path: Path) -> None:
    package = write_package(quick_plan(tmp_path), PackageKind.PSYCHOPY, tmp_path / "package")
    (package / "data").mkdir()
    first = package / "data" / "sub-01_task-probe_run-01.csv"
    first.write_text("measured\n", encoding="utf-8")
    run_python(tmp_path, DRY_RUN, package / "run_experiment.py", "--participant", "1", "--run", "1")
    assert first.read_text(encoding="utf-8") == "measured\n"
    assert (package / "data" / "sub-01_task-probe_run-01_again-2.csv").stat().st_size > 100
    done = run_with_readers(tmp_path, DRY_RUN, package / "run_experiment.py", "--participant", "1", "--run", "9")
    assert "There is no run 9: this package has 1 to 1." in done.stderr
