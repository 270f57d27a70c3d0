"""Population on target: against numpy, a known displacement, and noise that must not count as displacement."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from core.experiments.measured.compare import Comparison
from core.experiments.measured.compare_config import CompareConfig
from core.experiments.measured.compare_report import write_comparison
from core.experiments.measured.compare_tables import describe_judgement
from core.experiments.measured.measured import MatchOptions, match_trials
from core.experiments.measured.planned import plan_set
from core.experiments.measured.population import score_population, split_displacement
from core.experiments.measured.trial import ReadOptions, Trials
from core.experiments.measured.trials import open_measured
from core.stimuli.manifest import read_manifest
from tests.helpers.measured_sets import SIGMA, compare_measured, write_rows, write_set

WISHED = np.asarray([0.6, 0.0, 0.8])
"""Over voxels 3, 4 and 5 of the helper's ROI."""
ACROSS = np.asarray([0.8, 0.0, -0.6])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = write_set(tmp_path_factory.mktemp("sets") / "set", n_images=12, directions=("raise",))
    rows = [
        dataclasses.replace(row, target="pattern", target_kind="pattern", weights=tuple(WISHED))
        for row in read_manifest(made).rows
    ]
    return write_rows(made, rows)


def measure(folder: Path, out: Path, *, along: float, across: float, noise: float, repeats: int) -> Comparison:
    """Voxels that move so far for each unit predicted, on natural images that vary with SD 1 along the pattern."""
    draw = np.random.default_rng(0)
    rows = read_manifest(folder).rows
    natural = dict(zip(dict.fromkeys(row.source_image for row in rows), draw.normal(size=(12, 3)), strict=True))
    lines = ["stimulus,v3,v4,v5"]
    for row in rows:
        size = row.shift / SIGMA
        true = natural[row.source_image] + size * (along * WISHED + across * ACROSS)
        for _ in range(repeats):
            lines.append(",".join([row.id, *map(str, true + noise * draw.normal(size=3))]))
    (out / "m.csv").write_text("\n".join(lines) + "\n")
    measured = open_measured(folder, [out / "m.csv"], ReadOptions(), MatchOptions())
    return compare_measured(measured, CompareConfig(n_bootstrap=200))


def test_without_noise_both_displacements_are_exact(folder: Path, tmp_path: Path) -> None:
    comparison = measure(folder, tmp_path, along=1.0, across=0.5, noise=0.0, repeats=2)
    (found,) = comparison.population
    sizes = np.asarray([probe.perturbed.row.shift_sd for probe in comparison.shifts.probes])
    rows = read_manifest(folder).rows
    natural = np.random.default_rng(0).normal(size=(12, 3)) @ WISHED
    sd = natural.std(ddof=1)
    assert found.along.value == pytest.approx(sizes.mean() / sd)
    assert found.orthogonal.value == pytest.approx(0.5 * np.sqrt((sizes**2).mean()) / sd)
    assert found.predicted_along == pytest.approx(sizes.mean())
    assert np.isnan(found.predicted_orthogonal)  # the set does not hold its probes
    assert (found.n_probes, found.n_images, found.n_voxels) == (12, 12, 3)
    assert len(rows) == 36


def test_noise_is_no_displacement_across(folder: Path, tmp_path: Path) -> None:
    """Plain norms of the means would give about sqrt(2 x 2 / 20) = 0.45 SD, and never an interval that holds 0."""
    (found,) = measure(folder, tmp_path, along=1.0, across=0.0, noise=1.0, repeats=20).population
    assert found.orthogonal.value < 0.4
    assert found.orthogonal.low == 0
    assert found.along.low > 1


def test_the_split_is_unbiased() -> None:
    draw = np.random.default_rng(1)
    true = 2 * WISHED + 0.5 * ACROSS
    first, second = (true + draw.normal(size=(20_000, 3)) for _ in range(2))
    along, across = split_displacement(first, second, WISHED)
    assert along.mean() == pytest.approx(2.0, abs=0.02)
    assert across.mean() == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("across", [0.0, 0.5])
def test_intervals_across_hold_the_truth(across: float, folder: Path, tmp_path: Path) -> None:
    """In most of 40 experiments of 12 images, also where noise makes the estimate 0: its interval is no point then."""
    rows = read_manifest(folder).rows
    plan, draw, hits = plan_set(read_manifest(folder)), np.random.default_rng(3), 0
    sizes = np.asarray([row.shift / SIGMA for row in rows])
    true = np.repeat(draw.normal(size=(12, 3)), 3, axis=0) + sizes[:, np.newaxis] * (WISHED + across * ACROSS)
    for seed in range(40):
        values = np.concatenate([true + 0.5 * draw.normal(size=true.shape) for _ in range(4)])
        trials = Trials(tuple(row.id for row in rows) * 4, ("",) * 144, ("v3", "v4", "v5"), values, 0, ())
        measured = match_trials(plan, trials, MatchOptions())
        ((found,), _) = score_population(measured, CompareConfig(n_bootstrap=200, seed=seed))
        sd = (true[::3] @ WISHED).std(ddof=1)
        expected = across * np.sqrt(np.mean([row.shift_sd**2 for row in rows if row.role == "raise"])) / sd
        hits += found.orthogonal.low <= expected <= found.orthogonal.high
    assert hits >= 34


def test_it_is_told_drawn_and_tabulated(folder: Path, tmp_path: Path) -> None:
    comparison = measure(folder, tmp_path, along=1.0, across=0.5, noise=0.1, repeats=2)
    assert any("the population moved" in line and "SD across it" in line for line in describe_judgement(comparison))
    written = write_comparison(comparison, tmp_path / "out").parent
    assert (written / "figures" / "population.png").is_file()
    assert (written / "tables" / "population.csv").is_file()


def test_single_trials_and_missing_voxels_leave_it_unknown(folder: Path, tmp_path: Path) -> None:
    """Each original is shown in one pair only, so nothing is measured twice."""
    comparison = measure(folder, tmp_path, along=1.0, across=0.0, noise=0.1, repeats=1)
    assert comparison.population == ()
    assert "Displacement on pattern is unknown" in " ".join(comparison.warnings)
    table = (tmp_path / "m.csv").read_text().splitlines()
    (tmp_path / "one.csv").write_text(
        "\n".join(",".join(line.split(",")[:2]) for line in table).replace("v3", "pattern")
    )
    measured = open_measured(folder, [tmp_path / "one.csv"], ReadOptions(), MatchOptions())
    comparison = compare_measured(measured, CompareConfig(n_bootstrap=100))
    assert comparison.population == () and len(comparison.rows) > 0
