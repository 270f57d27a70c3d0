"""The written comparison: all in one folder, a page that needs nothing else, the numbers of the comparison."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInputError
from core.experiments.measured.compare import CompareConfig, Comparison
from core.experiments.measured.compare_report import write_comparison
from core.experiments.measured.compare_tables import describe_comparison, pack_comparison, tabulate_comparison
from core.experiments.measured.measured import MatchOptions
from core.experiments.measured.planned import plan_set
from core.experiments.measured.practise import SimulateOptions, simulate_responses
from core.experiments.measured.trial import ReadOptions
from core.experiments.measured.trials import open_measured
from core.stimuli.manifest import read_manifest
from tests.helpers.measured_sets import compare_measured, write_set


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    where = tmp_path_factory.mktemp("report")
    folder = write_set(where / "set", n_images=5, rois=("FFA", "PPA"), directions=("raise",))
    table = simulate_responses(plan_set(read_manifest(folder)), where / "s.csv", SimulateOptions(n_repeats=1))
    measured = open_measured(folder, [table], ReadOptions(), MatchOptions(unit="% signal change"))
    return compare_measured(measured, CompareConfig(n_bootstrap=200))


@pytest.fixture(scope="module")
def written(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_comparison(comparison, tmp_path_factory.mktemp("report") / "out").parent


def test_the_page_needs_nothing_else_and_calls_the_data_simulated(written: Path) -> None:
    page = (written / "report.html").read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href)=[\"'](?!#|data:)", page)
    assert page.count("<svg") == 2
    assert "Simulated responses" in page
    assert "SIMULATED" in page
    assert "% signal change" in page


def test_the_files_are_all_there(written: Path) -> None:
    names = {str(path.relative_to(written)) for path in written.rglob("*.*") if path.suffix != ".parquet"}
    tables = {f"tables/{name}.csv" for name in ("networks", "cuts", "probes")}
    figures = {f"figures/{name}.{kind}" for name in ("scatter", "effects") for kind in ("svg", "png")}
    assert names == {"report.html", "comparison.json"} | tables | figures


def test_the_tables_hold_the_numbers(written: Path, comparison: Comparison) -> None:
    with (written / "tables" / "probes.csv").open(encoding="utf-8", newline="") as file:
        probes = list(csv.DictReader(file))
    assert [row["perturbed"] for row in probes] == [probe.perturbed.id for probe in comparison.shifts.probes]
    shifts = np.asarray([float(row["contrast (% signal change)"]) for row in probes])
    assert shifts == pytest.approx(comparison.shifts.measured[2])
    with (written / "tables" / "networks.csv").open(encoding="utf-8", newline="") as file:
        networks = list(csv.DictReader(file))
    assert float(networks[0]["dz"]) == pytest.approx(comparison.rows[0].dz.value)
    for table in tabulate_comparison(comparison):
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_the_json_is_strict_and_unknown_is_null(written: Path, comparison: Comparison) -> None:
    packed = json.loads((written / "comparison.json").read_text(), parse_constant=lambda word: pytest.fail(word))
    assert packed["simulated"] is True
    assert packed["rows"][0]["ceiling"] is None  # one trial a stimulus
    assert packed["rows"][0]["dz"]["value"] == pytest.approx(comparison.rows[0].dz.value)
    assert packed == json.loads(json.dumps(pack_comparison(comparison)))


def test_the_answer_starts_with_what_it_is_of(comparison: Comparison) -> None:
    lines = describe_comparison(comparison)
    assert lines[0].startswith("Simulated")
    assert "10 probes moved as predicted by mobilenet_v2 features.18" in lines[1]


def test_a_folder_that_holds_something_is_left_alone(comparison: Comparison, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(BadInputError, match=r"mine\.txt"):
        write_comparison(comparison, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
