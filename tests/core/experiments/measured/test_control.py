"""The control score of level sets: against numpy and scipy, known truths, and the coverage of its intervals."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from core.experiments.measured.compare import Comparison, Cut
from core.experiments.measured.compare_config import CompareConfig
from core.experiments.measured.compare_report import write_comparison
from core.experiments.measured.compare_tables import describe_judgement
from core.experiments.measured.control import correlate_halves, score_levels
from core.experiments.measured.measured import MatchOptions
from core.experiments.measured.planned import plan_set
from core.experiments.measured.practise import NO_TRUTH, SimulateOptions, simulate_responses
from core.experiments.measured.trial import ReadOptions
from core.experiments.measured.trials import open_measured
from core.stimuli.manifest import read_manifest
from tests.helpers.measured_sets import OTHER, OWN, SIGMA, compare_measured, write_levels

FAST = CompareConfig(n_bootstrap=300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_levels(tmp_path_factory.mktemp("sets") / "set", rois=("FFA", "PPA"))


def simulate(folder: Path, out: Path, **options: object) -> Comparison:
    table = simulate_responses(plan_set(read_manifest(folder)), out / "s.csv", SimulateOptions(**options))  # type: ignore[arg-type]
    return compare_measured(open_measured(folder, [table], ReadOptions(), MatchOptions()), FAST)


def test_every_number_is_that_of_scipy(folder: Path, tmp_path: Path) -> None:
    """From the measured means and the manifest alone."""
    comparison = simulate(folder, tmp_path, truth=OWN, noise=2.0, n_repeats=3)
    assert [(one.network, one.target[:7]) for one in comparison.control] == [
        (network, roi) for roi in ("ROI FFA", "ROI PPA") for network in (OWN, OTHER)
    ]
    measured = comparison.measured
    for score in comparison.control:
        probes = [
            one
            for one in measured.plan.probes
            if (one.perturbed.network, one.perturbed.target.label) == (score.network, score.target)
        ]
        repeats = measured.repeats[probes[0].perturbed.target]
        means = np.asarray([row[np.isfinite(row)].mean() if np.isfinite(row).any() else np.nan for row in repeats])
        level = np.asarray([one.perturbed.row.level for one in probes])
        y = np.asarray([means[measured.picture_of[one.perturbed.id]] for one in probes])
        fitted = stats.linregress(level, y)
        natural = means[sorted({measured.picture_of[one.original.id] for one in probes})]
        assert (score.r.value, score.slope.value) == pytest.approx((fitted.rvalue, fitted.slope))
        reach = (y[level == 3].mean() - y[level == -3].mean()) / natural.std(ddof=1)
        assert score.reach.value == pytest.approx(reach)
        assert (score.n_stimuli, score.n_levels, score.n_seeds, score.n_unreached) == (50, 5, 10, 0)


def test_the_true_encoder_controls_better(folder: Path, tmp_path: Path) -> None:
    comparison = simulate(folder, tmp_path, truth=OWN, noise=1.0, n_repeats=4)
    (difference,) = comparison.control_differences
    assert (difference.better, difference.n_targets, difference.n_seeds) == (OWN, 2, 10)
    scores = {(one.network, one.target[4:7]): one for one in comparison.control}
    expected = np.mean([scores[OWN, roi].r.value - scores[OTHER, roi].r.value for roi in ("FFA", "PPA")])
    assert difference.r.value == pytest.approx(expected)
    assert any(line.startswith(f"{OWN} controls better than {OTHER}") for line in describe_judgement(comparison))


def test_without_a_truth_no_encoder_controls_better(folder: Path, tmp_path: Path) -> None:
    comparison = simulate(folder, tmp_path, truth=NO_TRUTH, n_repeats=4)
    assert comparison.control_differences[0].better == ""
    assert all(abs(one.slope.value) < 0.1 * SIGMA for one in comparison.control)


def test_the_true_encoder_reaches_the_ceiling_and_no_more(tmp_path: Path) -> None:
    folder = write_levels(tmp_path / "set", n_seeds=40, sources=(OWN,))
    (score,) = simulate(folder, tmp_path, truth=OWN, noise=3.0, n_repeats=6).control
    assert score.halves < score.r.value
    assert score.r.value == pytest.approx(score.reachable, abs=0.04)
    assert score.slope.value == pytest.approx(SIGMA, abs=0.05)


def test_halves_are_correlated_as_numpy_does() -> None:
    repeats = np.random.default_rng(0).normal(size=(30, 4)) + np.linspace(-2, 2, 30)[:, np.newaxis]
    repeats[3, 2:], repeats[4, 1:] = np.nan, np.nan
    kept = np.delete(repeats, 4, axis=0)
    first, second = (np.nanmean(kept[:, start::2], axis=1) for start in (0, 1))
    assert correlate_halves(repeats) == pytest.approx(np.corrcoef(first, second)[0, 1])
    assert np.isnan(correlate_halves(repeats[:, :1]))
    assert np.isnan(correlate_halves(np.ones((5, 4))))


@pytest.mark.parametrize(
    ("slope", "noise", "seed_sd", "n_seeds"), [(1.0, 0.5, 0.5, 10), (0.5, 1.0, 1.0, 10), (0.2, 1.0, 0.3, 5)]
)
def test_intervals_of_slope_and_r_hold_the_truth(slope: float, noise: float, seed_sd: float, n_seeds: int) -> None:
    """In 95 % of 500 experiments with seeds that differ in offset and slope (binomial SE 1.0 %)."""
    rng, level = np.random.default_rng(1), np.linspace(-3, 3, 7)

    def draw(count: int) -> tuple[np.ndarray, ...]:
        slopes, offsets = slope + 0.1 * rng.normal(size=count), seed_sd * rng.normal(size=count)
        y = slopes[:, np.newaxis] * level + offsets[:, np.newaxis] + noise * rng.normal(size=(count, 7))
        return np.tile(level, count), y.ravel(), np.repeat(np.arange(count), 7), np.repeat(offsets, 7)

    many, hits = draw(50_000), np.zeros(2)
    truths = stats.pearsonr(many[0], many[1]).statistic, slope
    for seed in range(500):
        found = score_levels(*draw(n_seeds), CompareConfig(n_bootstrap=200, seed=seed))[:2]
        hits += [one.low <= truth <= one.high for one, truth in zip(found, truths, strict=True)]
    assert 0.90 <= hits[0] / 500 <= 0.98
    assert 0.925 <= hits[1] / 500 <= 0.975


@pytest.mark.parametrize(
    ("options", "clue"),
    [
        ({"n_seeds": 1}, "has 1 seed image(s): it takes 3 for an interval"),
        ({"levels": (-2.0, 2.0)}, "has 2 level(s)"),
        ({"levels": (-2.0, 0.0, 2.0)}, "has no ceiling: fewer than 3 of its stimuli were measured twice"),
    ],
)
def test_what_is_too_little_is_told(options: dict, clue: str, tmp_path: Path) -> None:
    folder = write_levels(tmp_path / "set", sources=(OWN,), **({"n_seeds": 4} | options))
    comparison = simulate(folder, tmp_path, n_repeats=1)
    assert clue in " ".join(comparison.warnings)
    assert comparison.control_differences == ()
    assert np.isfinite(comparison.control[0].r.value)


def test_constants_and_what_was_not_measured_give_no_number(tmp_path: Path) -> None:
    folder = write_levels(tmp_path / "set", n_seeds=4, sources=(OWN,), rois=("FFA", "PPA"))
    table = tmp_path / "m.csv"
    rows = read_manifest(folder).rows
    table.write_text(
        "stimulus,FFA,PPA\n" + "".join(f"{row.id},{'1' if 'FFA' in row.target else ''},\n" for row in rows)
    )
    with_numbers = table.read_text().splitlines()
    with_numbers.append(f"{rows[0].id},1,0.5")  # a single number, so that the column is one of numbers
    table.write_text("\n".join(with_numbers) + "\n")
    comparison = compare_measured(open_measured(folder, [table], ReadOptions(), MatchOptions()), FAST)
    (score,) = comparison.control
    assert np.isnan([score.r.value, score.slope.value if score.slope.value else np.nan, score.reach.value]).all()
    assert (
        "20 of 20 stimuli of the level set of mobilenet_v2 features.18, ROI PPA (2 voxels) were not measured."
        in comparison.warnings
    )


def judge_table(folder: Path, table: pd.DataFrame, out: Path) -> Comparison:
    table.to_csv(out / "changed.csv", index=False)
    return compare_measured(open_measured(folder, [out / "changed.csv"], ReadOptions(), MatchOptions()), FAST)


@pytest.fixture(scope="module")
def responses(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    options = SimulateOptions(truth=OWN, noise=2.0, n_repeats=2)
    return pd.read_csv(
        simulate_responses(plan_set(read_manifest(folder)), tmp_path_factory.mktemp("t") / "s.csv", options)
    )


@pytest.mark.parametrize(("scale", "offset"), [(1e-6, 0.0), (1e6, 0.0), (1.0, 1e4), (1e-6, 1.0)])
def test_nothing_but_slopes_depends_on_the_unit(
    scale: float, offset: float, folder: Path, responses: pd.DataFrame, tmp_path: Path
) -> None:
    own = judge_table(folder, responses, tmp_path)
    changed = responses.assign(**{roi: responses[roi] * scale + offset for roi in ("FFA", "PPA")})
    for one, other in zip(own.control, judge_table(folder, changed, tmp_path).control, strict=True):
        for name, unit in (("r", 1), ("reach", 1), ("slope", scale)):
            expected = dataclasses.astuple(getattr(one, name))
            assert dataclasses.astuple(getattr(other, name)) == pytest.approx(np.multiply(expected, unit), rel=1e-4)
        assert other.halves == pytest.approx(one.halves, rel=1e-6)


@pytest.mark.parametrize("constant", [0.1, 0.3, 1 / 3, 1e-6 / 3])
def test_rounding_of_a_constant_is_no_spread(
    constant: float, folder: Path, responses: pd.DataFrame, tmp_path: Path
) -> None:
    """Neither of all responses nor of the natural images, whose SD the range is counted in."""
    for score in judge_table(folder, responses.assign(FFA=constant), tmp_path).control[:2]:
        assert np.isnan([score.r.value, score.reach.value, score.halves]).all()
        assert (score.slope.value, score.slope.low) == (0, 0)
    clean = responses.stimulus.str.endswith("original")
    comparison = judge_table(folder, responses.assign(FFA=responses.FFA.where(~clean, constant)), tmp_path)
    assert np.isnan(comparison.control[0].reach.value) and np.isfinite(comparison.control[0].r.value)
    assert "has no range reached" in " ".join(comparison.warnings)


def test_two_encoders_are_compared_on_the_stimuli_both_have(
    folder: Path, responses: pd.DataFrame, tmp_path: Path
) -> None:
    """One without its highest levels is not to lose r for it, nor one target that is missing the other."""
    name = responses.stimulus.str
    lost = name.contains("level3") & name.contains("mobilenet") | name.contains("PPA") & name.contains("alexnet")
    comparison = judge_table(folder, responses[~lost], tmp_path)
    (found,) = comparison.control_differences
    assert (found.n_targets, found.n_seeds) == (1, 10)
    kept = responses[~name.contains("level3") & name.contains("level") & name.contains("FFA")]
    kept = kept[~kept.stimulus.str.endswith("original")].groupby("stimulus").FFA.mean()
    level = kept.index.str.extract(r"level(-?[0-9.]+)")[0].astype(float).to_numpy()
    own = kept.index.str.contains("mobilenet")
    r = [stats.pearsonr(level[one], kept.to_numpy()[one]).statistic for one in (own, ~own)]
    assert found.r.value == pytest.approx(r[0] - r[1])
    assert "10 of 50 stimuli of the level set of mobilenet_v2 features.18, ROI FFA (3 voxels) were not" in " ".join(
        comparison.warnings
    )
    few = responses[~(name.contains("level1.5|level3|level0") & name.contains("mobilenet"))]
    comparison = judge_table(folder, few, tmp_path)
    assert comparison.control_differences == () and "are not compared in control" in " ".join(comparison.warnings)


def test_responses_that_fall_as_levels_rise_are_told(folder: Path, responses: pd.DataFrame, tmp_path: Path) -> None:
    comparison = judge_table(folder, responses.assign(FFA=-responses.FFA), tmp_path)
    assert sum("fall as levels rise" in line for line in comparison.warnings) == 2  # both encoders of one target


def test_of_two_encoders_that_responses_fall_with_neither_controls(
    folder: Path, responses: pd.DataFrame, tmp_path: Path
) -> None:
    """Whichever r is the higher one."""
    comparison = judge_table(folder, responses.assign(FFA=-responses.FFA, PPA=-responses.PPA), tmp_path)
    (found,) = comparison.control_differences
    scores = [one.r.value for one in comparison.control if one.network == OWN]
    assert found.r_first == pytest.approx(np.mean(scores)) and max(found.r_first, found.r_second) < 0
    assert found.r.high < 0 and found.better == ""
    told = " ".join(describe_judgement(comparison))
    assert f"Neither {OWN} nor {OTHER} controls the response (r -" in told and "controls better" not in told


def test_intervals_of_the_range_are_as_wide_as_they_should_be() -> None:
    """Resamples that divide by the SD of few seeds do not widen them: 95 % of 300, and narrower than 3 ranges."""
    rng, level, hits, widths = np.random.default_rng(2), np.linspace(-3, 3, 5), 0, []
    for seed in range(300):
        natural = rng.normal(size=6)
        y = (level + 0.7 * rng.normal(size=(6, 5))).ravel()
        seeds = np.repeat(np.arange(6), 5)
        reach = score_levels(np.tile(level, 6), y, seeds, natural[seeds], CompareConfig(n_bootstrap=200, seed=seed))[2]
        hits += reach.low <= 6 <= reach.high
        widths.append(reach.high - reach.low)
    assert 0.93 <= hits / 300 <= 0.99
    assert np.median(widths) < 18


def test_levels_that_were_not_reached_are_counted(folder: Path, tmp_path: Path) -> None:
    comparison = simulate(folder, tmp_path)
    plan = comparison.measured.plan
    short = [
        dataclasses.replace(
            one,
            perturbed=dataclasses.replace(one.perturbed, row=dataclasses.replace(one.perturbed.row, level_reached=2.5)),
        )
        if one.perturbed.row.level == 3
        else one
        for one in plan.probes
    ]
    measured = dataclasses.replace(comparison.measured, plan=dataclasses.replace(plan, probes=tuple(short)))
    again = compare_measured(measured, FAST)
    assert [one.n_unreached for one in again.control] == [10] * 4
    assert "10 stimuli do not reach their wanted level" in " ".join(again.warnings)


def test_the_report_holds_it_all(folder: Path, tmp_path: Path) -> None:
    comparison = simulate(folder, tmp_path, truth=OWN)
    written = write_comparison(comparison, tmp_path / "out").parent
    packed = json.loads((written / "comparison.json").read_text(), parse_constant=lambda word: pytest.fail(word))
    assert packed["control"][0]["slope"]["value"] == pytest.approx(comparison.control[0].slope.value)
    assert packed["control_differences"][0]["first"] == OWN
    assert packed["winners"] == []
    assert any("controls better" in line for line in packed["judgement"])
    page = (written / "report.html").read_text(encoding="utf-8")
    assert "Control, by encoder and target" in page and "controls better" in page and page.count("<svg") == 3
    assert {path.stem for path in (written / "tables").glob("control*.csv")} == {"control", "control_differences"}
    assert (written / "figures" / "control.png").is_file()


def test_budgets_of_a_level_set_are_no_groups(folder: Path, tmp_path: Path) -> None:
    """Each of its probes has a budget of its own."""
    comparison = simulate(folder, tmp_path)
    assert {row.cut for row in comparison.rows} >= {Cut.SOURCE, Cut.DIRECTION}
    plan = comparison.measured.plan
    own = [
        dataclasses.replace(
            one,
            perturbed=dataclasses.replace(
                one.perturbed, row=dataclasses.replace(one.perturbed.row, epsilon=1.0 + number)
            ),
        )
        for number, one in enumerate(plan.probes)
    ]
    measured = dataclasses.replace(comparison.measured, plan=dataclasses.replace(plan, probes=tuple(own)))
    assert Cut.BUDGET not in {row.cut for row in compare_measured(measured, FAST).rows}
