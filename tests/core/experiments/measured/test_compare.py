"""A comparison against simulated measurements whose truth is known, and against arithmetic done by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from core.errors import BadInputError, Cancelled
from core.experiments.measured.compare import (
    OWN,
    Cluster,
    CompareConfig,
    Comparison,
    Cut,
    Row,
    iter_compare,
    predict_shifts,
)
from core.experiments.measured.measured import MatchOptions
from core.experiments.measured.planned import Measure, Scale, plan_set
from core.experiments.measured.practise import NO_TRUTH, SimulateOptions, simulate_responses
from core.experiments.measured.trial import ReadOptions
from core.experiments.measured.trials import open_measured
from core.stimuli.manifest import read_manifest
from tests.helpers.measured_sets import OTHER, SIGMA, compare_measured, write_set
from tests.helpers.measured_sets import OWN as MADE_ON

FAST = CompareConfig(n_bootstrap=300)


def compare(folder: Path, table: Path, config: CompareConfig = FAST, **matching: object) -> Comparison:
    measured = open_measured(folder, [table], ReadOptions(), MatchOptions(**matching))  # type: ignore[arg-type]
    return compare_measured(measured, config)


def simulate(folder: Path, name: str = "simulated.csv", **options: object) -> Path:
    plan = plan_set(read_manifest(folder))
    return simulate_responses(plan, folder.parent / name, SimulateOptions(**options))  # type: ignore[arg-type]


def row_of(comparison: Comparison, network: str, measure: Measure, cut: Cut = Cut.ALL, value: str = "all") -> Row:
    return next(
        row
        for row in comparison.rows
        if (row.network, row.measure, row.cut, row.value) == (network, measure, cut, value)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("sets") / "set", n_images=8, rois=("FFA", "PPA"), epsilons=(1.0, 3.0))


def test_without_noise_the_gain_is_found_exactly(folder: Path, tmp_path: Path) -> None:
    comparison = compare(folder, simulate(folder, f"{tmp_path.name}.csv", noise=0.0, gain=2.0, n_repeats=2))
    for measure in Measure:
        row = row_of(comparison, MADE_ON, measure)
        assert (row.slope.value, row.r.value, row.intercept) == pytest.approx((2.0, 1.0, 0.0), abs=1e-9)
    shift = row_of(comparison, MADE_ON, Measure.SHIFT)
    assert (shift.n_agree, shift.n_signed) == (64, 64)
    assert shift.p_sign == pytest.approx(2 * 0.5**64)
    predicted = np.abs(predict_shifts(comparison.shifts, MADE_ON)[0])
    assert shift.dz.value == pytest.approx(predicted.mean() / predicted.std(ddof=1))
    assert shift.ceiling == pytest.approx(1.0)


def test_a_target_that_moves_the_other_way_is_told(folder: Path, tmp_path: Path) -> None:
    comparison = compare(folder, simulate(folder, f"{tmp_path.name}.csv", noise=0.1, gain=-1.0))
    row = row_of(comparison, MADE_ON, Measure.SHIFT)
    assert (row.n_agree, row.n_signed) == (0, 64)
    assert row.shift.high < 0
    assert row.slope.value == pytest.approx(-1.0, abs=0.05)


def test_the_network_that_holds_the_truth_wins(folder: Path, tmp_path: Path) -> None:
    comparison = compare(folder, simulate(folder, f"{tmp_path.name}.csv", noise=0.2, truth=OTHER))
    right, wrong = (row_of(comparison, name, Measure.CONTRAST) for name in (OTHER, MADE_ON))
    assert right.r.value > 0.9 > abs(wrong.r.value) + 0.4
    assert right.p_holm < 0.001 < wrong.p_holm


def test_every_shift_is_a_difference_of_means_of_the_file(folder: Path, tmp_path: Path) -> None:
    """Recomputed here from the CSV alone."""
    table = simulate(folder, f"{tmp_path.name}.csv", noise=1.0, n_repeats=3)
    lines = [line.split(",") for line in table.read_text().splitlines()]
    column = {"FFA": lines[0].index("FFA"), "PPA": lines[0].index("PPA")}
    comparison = compare(folder, table)
    hashes = {row.id: row.file_sha256 for row in read_manifest(folder).rows}

    def mean_of(stimulus: str, roi: str) -> float:
        same = {name for name, sha256 in hashes.items() if sha256 == hashes[stimulus]}
        return float(np.mean([float(line[column[roi]]) for line in lines[1:] if line[0] in same and line[column[roi]]]))

    for number, probe in enumerate(comparison.shifts.probes):
        roi = probe.perturbed.target.roi
        stimuli = (probe.original, probe.perturbed, probe.controls["control_random"])
        original, perturbed, control = (mean_of(one.id, roi) for one in stimuli)
        expected = perturbed - original, control - original, perturbed - control
        assert comparison.shifts.measured[:, number] == pytest.approx(expected)


def test_statistics_of_a_row_are_those_of_scipy(folder: Path, tmp_path: Path) -> None:
    comparison = compare(folder, simulate(folder, f"{tmp_path.name}.csv", noise=2.0))
    row = row_of(comparison, MADE_ON, Measure.CONTRAST)
    x, y = predict_shifts(comparison.shifts, MADE_ON)[2], comparison.shifts.measured[2]
    signed = np.sign(x) * y
    assert row.slope.value == pytest.approx(stats.linregress(x, y).slope)
    assert row.r.value == pytest.approx(stats.pearsonr(x, y).statistic)
    assert row.dz.value == pytest.approx(stats.ttest_1samp(signed, 0).statistic / np.sqrt(len(x)))
    assert row.p_sign == pytest.approx(stats.binomtest(int((signed > 0).sum()), len(x)).pvalue)


def test_a_control_is_asked_whether_it_moves_as_its_perturbed_twin_should(folder: Path, tmp_path: Path) -> None:
    comparison = compare(folder, simulate(folder, f"{tmp_path.name}.csv", noise=2.0))
    row = row_of(comparison, MADE_ON, Measure.CONTROL)
    twin, control = np.sign(predict_shifts(comparison.shifts, MADE_ON)[0]), comparison.shifts.measured[1]
    assert row.n_agree == int((twin * control > 0).sum())
    assert row.shift.value == pytest.approx(float(np.mean(twin * control)))


def test_noise_error_and_ceiling_are_those_simulated(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", n_images=60, directions=("raise", "lower"))
    comparison = compare(folder, simulate(folder, noise=1.5, n_repeats=4))
    sd = 1.5 * SIGMA
    assert comparison.shifts.noise == pytest.approx(sd, rel=0.06)
    # Originals of both directions are one picture, so they have eight repeats.
    for place, variance in enumerate((1 / 4 + 1 / 8, 1 / 4 + 1 / 8, 1 / 4 + 1 / 4)):
        assert comparison.shifts.error[place] == pytest.approx(comparison.shifts.noise * np.sqrt(variance))
    row = row_of(comparison, MADE_ON, Measure.SHIFT)
    true = predict_shifts(comparison.shifts, MADE_ON)[0].var(ddof=1)
    assert row.ceiling == pytest.approx(true / (true + sd**2 * 0.375), abs=0.06)
    assert row.in_noise.value == pytest.approx(row.shift.value / sd, rel=0.06)
    assert row.r2_ceiling == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_intervals_over_repeats_cover_the_true_shift(noise: float, tmp_path: Path) -> None:
    """The same 10 probes measured 40 times: truth lies in about 95% of the intervals (binomial SE 3.4%)."""
    folder = write_set(tmp_path / "set", n_images=10, directions=("raise",))
    hits = {"shift_repeats": 0, "slope_repeats": 0}
    for seed in range(40):
        comparison = compare(folder, simulate(folder, f"{seed}.csv", noise=noise, seed=seed, n_repeats=3))
        row = row_of(comparison, MADE_ON, Measure.SHIFT)
        truth = float(np.abs(predict_shifts(comparison.shifts, MADE_ON)[0]).mean())
        for name, true in (("shift_repeats", truth), ("slope_repeats", 1.0)):
            hits[name] += getattr(row, name).low <= true <= getattr(row, name).high
    assert all(0.85 <= count / 40 <= 1.0 for count in hits.values()), hits


def test_noise_alone_is_seldom_called_a_finding(tmp_path: Path) -> None:
    """Sign tests of 40 simulated experiments without any effect: at 5% about 2 are significant, 7 hardly ever."""
    folder = write_set(tmp_path / "set", n_images=20, directions=("raise",))
    small = 0
    for seed in range(40):
        table = simulate(folder, f"{seed}.csv", truth=NO_TRUTH, seed=seed, n_repeats=1)
        row = row_of(compare(folder, table, CompareConfig(n_bootstrap=100)), MADE_ON, Measure.SHIFT)
        small += row.p_sign < 0.05
    assert small <= 6


def test_cuts_hold_their_own_probes(folder: Path, tmp_path: Path) -> None:
    comparison = compare(folder, simulate(folder, f"{tmp_path.name}.csv"))
    cuts = {(row.cut, row.value): row.n_probes for row in comparison.rows}
    assert cuts == {
        (Cut.ALL, "all"): 64,
        (Cut.ROI, "FFA"): 32,
        (Cut.ROI, "PPA"): 32,
        (Cut.DIRECTION, "raise"): 32,
        (Cut.DIRECTION, "lower"): 32,
        (Cut.BUDGET, "l2 1"): 32,
        (Cut.BUDGET, "l2 3"): 32,
    }


def test_holm_corrects_over_networks(folder: Path, tmp_path: Path) -> None:
    comparison = compare(folder, simulate(folder, f"{tmp_path.name}.csv"))
    first, second = sorted(comparison.select(measure=Measure.SHIFT), key=lambda row: row.p_sign)
    assert first.p_holm == pytest.approx(min(1, 2 * first.p_sign))
    assert second.p_holm == pytest.approx(max(min(1, 2 * first.p_sign), second.p_sign))


def test_one_source_network_needs_no_row_of_its_own_prediction(folder: Path, tmp_path: Path) -> None:
    assert OWN not in compare(folder, simulate(folder, f"{tmp_path.name}.csv")).networks


def test_probes_of_two_networks_are_joined_by_their_own_predictions(tmp_path: Path) -> None:
    """Each probe moves as its own network said; each network's rows by source show where it was right."""
    folder = write_set(tmp_path / "set", n_images=8, sources=(MADE_ON, OTHER))
    comparison = compare(folder, simulate(folder, noise=0.0, n_repeats=1))
    own = row_of(comparison, OWN, Measure.SHIFT)
    assert (own.n_probes, own.n_agree) == (32, 32)
    assert (own.slope.value, own.p_holm) == pytest.approx((1.0, own.p_sign))
    for network, other in ((MADE_ON, OTHER), (OTHER, MADE_ON)):
        assert row_of(comparison, network, Measure.SHIFT, Cut.SOURCE, network).r.value == pytest.approx(1.0)
        assert abs(row_of(comparison, network, Measure.SHIFT, Cut.SOURCE, other).r.value) < 0.9
        assert row_of(comparison, network, Measure.SHIFT).n_probes == 32


def test_predictions_in_sds_change_the_slope_by_the_sd(folder: Path, tmp_path: Path) -> None:
    table = simulate(folder, f"{tmp_path.name}.csv")
    plain, scaled = (compare(folder, table, CompareConfig(n_bootstrap=100, scale=scale)) for scale in Scale)
    slopes = [row_of(one, MADE_ON, Measure.SHIFT).slope.value for one in (plain, scaled)]
    assert slopes[1] == pytest.approx(slopes[0] * SIGMA)


def test_images_taken_together_are_counted_as_images(folder: Path, tmp_path: Path) -> None:
    table = simulate(folder, f"{tmp_path.name}.csv")
    apart, together = (compare(folder, table, CompareConfig(n_bootstrap=300, cluster=one)) for one in Cluster)
    assert "independent" in " ".join(apart.warnings)
    assert "independent" not in " ".join(together.warnings)
    row = row_of(together, MADE_ON, Measure.SHIFT)
    assert (row.n_probes, row.n_images, row.n_signed) == (64, 8, 8)


def test_single_trials_have_no_noise_but_still_a_sign_test(folder: Path, tmp_path: Path) -> None:
    picked = write_set(tmp_path / "set", n_images=7, directions=("raise",))
    comparison = compare(picked, simulate(picked, n_repeats=1, noise=0.5))
    row = row_of(comparison, MADE_ON, Measure.SHIFT)
    assert np.isfinite(row.p_sign)
    assert np.isnan([row.ceiling, row.in_noise.value, row.shift_repeats.low]).all()
    assert "measured twice" in " ".join(comparison.warnings)


def test_a_probe_without_its_original_or_control_is_left_out_and_told(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", n_images=8, directions=("raise",))
    table = simulate(folder)
    kept = [
        line
        for line in table.read_text().splitlines()
        if not line.startswith(
            ("image_0-raise-FFA-l2-3-mobilenet_v2_original", "image_1-raise-FFA-l2-3-mobilenet_v2_control")
        )
    ]
    table.write_text("\n".join(kept) + "\n")
    comparison = compare(folder, table)
    assert [row_of(comparison, MADE_ON, measure).n_probes for measure in Measure] == [7, 6, 7]
    assert "1 of 8 probes have no measured shift" in comparison.warnings[0]
    assert "1 of 8 probes have no measured control" in comparison.warnings[1]


@pytest.mark.parametrize(
    ("n_images", "cluster", "n_clues"), [(5, Cluster.PROBE, 2), (8, Cluster.PROBE, 1), (10, Cluster.IMAGE, 0)]
)
def test_too_few_are_warned_about(n_images: int, cluster: Cluster, n_clues: int, tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", n_images=n_images, directions=("raise",))
    config = CompareConfig(n_bootstrap=100, cluster=cluster)
    said = " ".join(compare(folder, simulate(folder), config).warnings)
    assert ("it takes 6" in said) + ("are rough" in said) == n_clues


def test_an_unknown_control_is_refused_with_the_nearest(folder: Path, tmp_path: Path) -> None:
    table = simulate(folder, f"{tmp_path.name}.csv")
    with pytest.raises(BadInputError, match="Did you mean 'control_random'"):
        compare(folder, table, CompareConfig(control="control_rndom"))


def test_the_same_seed_gives_the_same_answer(folder: Path, tmp_path: Path) -> None:
    table = simulate(folder, f"{tmp_path.name}.csv")
    assert str(compare(folder, table).rows) == str(compare(folder, table).rows)


def test_it_stops_when_asked(folder: Path, tmp_path: Path) -> None:
    measured = open_measured(folder, [simulate(folder, f"{tmp_path.name}.csv")], ReadOptions(), MatchOptions())
    with pytest.raises(Cancelled):
        list(iter_compare(measured, FAST, should_stop=lambda: True))


@pytest.mark.parametrize(("changes", "clue"), [({"n_bootstrap": 5}, "bootstrap"), ({"confidence": 1.0}, "confidence")])
def test_impossible_settings_are_refused(changes: dict, clue: str) -> None:
    with pytest.raises(BadInputError, match=clue):
        CompareConfig(**changes)
