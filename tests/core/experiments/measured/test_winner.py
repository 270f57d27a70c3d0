"""Which of two encoders is right: against scipy, against known truths, and how often it errs."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from core.errors import BadInputError
from core.experiments.measured.compare import Comparison
from core.experiments.measured.compare_config import CompareConfig
from core.experiments.measured.compare_tables import describe_winner
from core.experiments.measured.measured import MatchOptions
from core.experiments.measured.planned import plan_set
from core.experiments.measured.practise import NO_TRUTH, SimulateOptions, simulate_responses
from core.experiments.measured.trial import ReadOptions
from core.experiments.measured.trials import open_measured
from core.experiments.measured.winner import Verdict, Winner, judge_pair, settle
from core.stimuli.manifest import read_manifest
from tests.helpers.measured_sets import OTHER, OWN, THIRD, compare_measured, write_rivals, write_rows

FAST = CompareConfig(n_bootstrap=300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rivals(tmp_path_factory.mktemp("sets") / "set", n_images=20)


def compare(folder: Path, table: Path, config: CompareConfig = FAST) -> Comparison:
    return compare_measured(open_measured(folder, [table], ReadOptions(), MatchOptions()), config)


def simulate(folder: Path, out: Path, config: CompareConfig = FAST, **options: object) -> Comparison:
    table = simulate_responses(plan_set(read_manifest(folder)), out / "s.csv", SimulateOptions(**options))  # type: ignore[arg-type]
    return compare(folder, table, config)


@pytest.mark.parametrize("truth", [OWN, OTHER])
def test_the_encoder_that_holds_the_truth_wins(truth: str, folder: Path, tmp_path: Path) -> None:
    comparison = simulate(folder, tmp_path, truth=truth, n_repeats=4)
    (winner,) = comparison.winners
    assert winner.name == truth
    assert "is the sign" not in " ".join(comparison.warnings)
    assert {winner.first, winner.second} == {OWN, OTHER}
    assert (winner.n_probes, winner.n_images, winner.n_agreeing) == (40, 20, 20)
    assert describe_winner(winner, FAST).startswith(f"{truth} wins: 20 of 20 images moved as {truth} predicts")


def test_every_number_is_that_of_scipy(folder: Path, tmp_path: Path) -> None:
    """Recomputed from shifts and manifest alone."""
    comparison = simulate(folder, tmp_path, truth=OWN, noise=4.0, n_repeats=2)
    (winner,) = comparison.winners
    rows = [probe.perturbed.row for probe in comparison.shifts.probes]
    keep = [number for number, row in enumerate(rows) if row.direction != row.against_direction]
    y = comparison.shifts.measured[0][keep]
    own = np.asarray([rows[number].shift_sd for number in keep])
    other = np.asarray([rows[number].transfer[OTHER].shift_sd for number in keep])
    assert winner.r_second.value == pytest.approx(stats.pearsonr(own, y).statistic)
    assert winner.r_first.value == pytest.approx(stats.pearsonr(other, y).statistic)
    assert winner.difference.value == pytest.approx(winner.r_first.value - winner.r_second.value)
    images = np.asarray([rows[number].source_image for number in keep])
    sums = np.asarray([(np.sign(other) * y)[images == image].sum() for image in np.unique(images)])
    assert (winner.n_first, winner.n_signed) == ((sums > 0).sum(), 20)
    assert winner.p_sign == pytest.approx(stats.binomtest(winner.n_first, 20).pvalue)


def test_neither_is_right_where_nothing_moves_and_the_measurement_is_good(tmp_path: Path) -> None:
    folder = write_rivals(tmp_path / "set", n_images=40)
    (winner,) = simulate(folder, tmp_path, truth=NO_TRUTH, n_repeats=8, noise=0.5).winners
    assert winner.verdict is Verdict.NEITHER
    assert max(winner.most) < 0.25
    text = describe_winner(winner, FAST)
    assert text.startswith(f"Neither {OTHER} nor {OWN} is right: each SD they predict moves the target by at most")


def test_neither_is_right_where_a_third_encoder_is(tmp_path: Path) -> None:
    """Reliable shifts that neither explains; the share is that of r's upper end over the noise ceiling."""
    folder = write_rivals(tmp_path / "set", n_images=60)
    comparison = simulate(folder, tmp_path, truth=THIRD, n_repeats=8, noise=0.5)
    (winner,) = comparison.winners
    assert winner.verdict is Verdict.NEITHER
    keep = [one.perturbed.row.direction != one.perturbed.row.against_direction for one in comparison.shifts.probes]
    y, error = comparison.shifts.measured[0][keep], comparison.shifts.error[0][keep]
    ceiling = 1 - np.mean(error**2) / y.var(ddof=1)
    expected = [max(r.high, 0) ** 2 / ceiling for r in (winner.r_first, winner.r_second)]
    assert winner.explained == pytest.approx(expected)
    assert max(winner.explained) < 0.25 < max(winner.most)
    assert "explain at most" in describe_winner(winner, FAST)


@pytest.mark.parametrize(("truth", "noise"), [(THIRD, 8.0), (NO_TRUTH, 8.0)])
def test_no_evidence_is_no_evidence_against_both(truth: str, noise: float, folder: Path, tmp_path: Path) -> None:
    (winner,) = simulate(folder, tmp_path, truth=truth, noise=noise, n_repeats=2).winners
    assert winner.verdict is Verdict.UNDECIDED


def test_single_trials_never_show_that_neither_is_right(folder: Path, tmp_path: Path) -> None:
    simulate(folder, tmp_path, truth=NO_TRUTH, noise=0.01, n_repeats=1)
    single = compare(folder, once(tmp_path / "s.csv", tmp_path / "once.csv"))
    (winner,) = single.winners
    assert np.isnan([*winner.most, *winner.explained]).all()
    assert "shown at least twice" in describe_winner(winner, FAST)


def once(table: Path, out: Path) -> Path:
    """Each original only with the first of its pairs."""
    lines = table.read_text().splitlines()
    out.write_text(
        "\n".join(line for line in lines if "original" not in line or "raise-FFA-l2-3-mobilenet_v2-lower" in line)
    )
    return out


def draw(rng: np.random.Generator, n: int, *, gain: float, third: float, noise: float) -> tuple[np.ndarray, ...]:
    """Mirrored probes of n images: what a third encoder moves up in the one it moves down in the other."""
    signs, images = np.tile([1.0, -1.0], n), np.repeat(np.arange(n), 2)
    first, second = signs * rng.uniform(1, 3, 2 * n), -signs * rng.uniform(1, 3, 2 * n)
    shared = rng.normal(0, noise / np.sqrt(2), n)[images]
    y = gain * first + third * signs * rng.normal(0, 2, n)[images] + rng.normal(0, noise, 2 * n) - shared
    return first, second, y, images


def judge(drawn: tuple[np.ndarray, ...], seed: int, **more: float) -> Winner:
    config = CompareConfig(n_bootstrap=200, seed=seed)
    return settle([judge_pair(*drawn, config, **more)], config)[0]


@pytest.mark.parametrize(("third", "noise"), [(0.0, 1.0), (1.0, 0.3)], ids=["nothing moves", "a third encoder"])
def test_a_wrong_encoder_seldom_wins(third: float, noise: float) -> None:
    """400 experiments in which neither is right: at most 5 % may have a winner (binomial SE 1.1 %)."""
    rng = np.random.default_rng(3)
    found = Counter(judge(draw(rng, 12, gain=0.0, third=third, noise=noise), seed).verdict for seed in range(400))
    assert found[Verdict.FIRST] + found[Verdict.SECOND] <= 0.05 * 400


@pytest.mark.parametrize("third", [0.0, 0.5])
def test_a_right_encoder_is_seldom_called_wrong(third: float) -> None:
    """The first is right with the least slope, 0.25: neither "the second wins" nor "neither" in more than 5 %."""
    rng = np.random.default_rng(4)
    found = Counter(judge(draw(rng, 20, gain=0.25, third=third, noise=0.5), seed).verdict for seed in range(300))
    assert found[Verdict.SECOND] + found[Verdict.NEITHER] <= 0.05 * 300, found


def test_an_encoder_that_explains_a_quarter_is_seldom_called_wrong() -> None:
    """Just as much as "neither" denies: said in at most 5 % of 300 experiments, though a third encoder moves more."""
    rng, found = np.random.default_rng(8), Counter[Verdict]()
    for seed in range(300):
        drawn = draw(rng, 40, gain=0.5547, third=1.0, noise=0.5)
        found[judge(drawn, seed, ceiling=1 - 1.5 * 0.25 / drawn[2].var()).verdict] += 1
    assert found[Verdict.NEITHER] + found[Verdict.SECOND] <= 0.05 * 300, found


@pytest.mark.parametrize(("gain", "third", "noise"), [(1.0, 0.0, 1.0), (0.3, 0.0, 1.0), (0.0, 1.0, 0.3)])
def test_the_interval_of_the_difference_holds_the_truth(gain: float, third: float, noise: float) -> None:
    """In 95 % of 400 experiments of 20 images (binomial SE 1.1 %); the truth from a hundred thousand."""
    rng = np.random.default_rng(5)
    many = draw(rng, 100_000, gain=gain, third=third, noise=noise)
    truth = float(np.subtract(*(np.corrcoef(one, many[2])[0, 1] for one in many[:2])))
    hits = 0
    for seed in range(400):
        interval = judge(draw(rng, 20, gain=gain, third=third, noise=noise), seed).difference
        hits += interval.low <= truth <= interval.high
    assert 0.925 <= hits / 400 <= 0.975


def test_holm_is_over_the_pairs() -> None:
    rng = np.random.default_rng(6)
    found = [judge_pair(*draw(rng, 12, gain=gain, third=0.0, noise=1.0), FAST) for gain in (0.4, 0.2, 0.0)]
    corrected = settle(found, FAST)
    p = [one.p_sign for one in found]
    order = np.argsort(p)
    expected = np.minimum(1, np.maximum.accumulate(np.sort(p) * [3, 2, 1]))
    assert [corrected[place].p_holm for place in order] == pytest.approx(list(expected))


def test_a_target_that_the_second_cannot_predict_is_told(folder: Path, tmp_path: Path) -> None:
    found = read_manifest(folder)
    rows = [dataclasses.replace(row, transfer={}) for row in found.rows]
    comparison = simulate(rewrite(folder, tmp_path, rows), tmp_path)
    assert comparison.winners == ()
    assert "40 of 40 controversial probes of alexnet features.7 and mobilenet_v2 features.18 were left out" in " ".join(
        comparison.warnings
    )


def test_probes_that_all_go_one_way_are_warned_about(folder: Path, tmp_path: Path) -> None:
    rows = [row for row in read_manifest(folder).rows if row.direction == "raise"]
    comparison = simulate(rewrite(folder, tmp_path, rows), tmp_path)
    assert "go one way" in " ".join(comparison.warnings)


def test_encoders_of_different_subjects_are_refused(folder: Path, tmp_path: Path) -> None:
    rows = [
        dataclasses.replace(row, subject="subj02") if row.direction == "lower" else row
        for row in read_manifest(folder).rows
    ]
    with pytest.raises(BadInputError, match=r"of one subject, got 'simulated, subj02'"):
        simulate(rewrite(folder, tmp_path, rows), tmp_path)


def rewrite(folder: Path, out: Path, rows: list) -> Path:
    """The same pictures under another manifest."""
    made = out / "again"
    (made / "stimuli").mkdir(parents=True)
    for row in rows:
        (made / row.file).write_bytes((folder / row.file).read_bytes())
    return write_rows(made, rows)


def test_few_images_cannot_decide_and_say_so(tmp_path: Path) -> None:
    folder = write_rivals(tmp_path / "set", n_images=5)
    (winner,) = simulate(folder, tmp_path, noise=0.1).winners
    assert winner.verdict is Verdict.UNDECIDED
    assert "it takes 6" in describe_winner(winner, FAST)


def test_responses_that_never_vary_decide_nothing(folder: Path, tmp_path: Path) -> None:
    lines = [f"{row.id},1" for row in read_manifest(folder).rows]
    (tmp_path / "m.csv").write_text("\n".join(["stimulus,FFA", *lines, *lines]) + "\n")
    (winner,) = compare(folder, tmp_path / "m.csv").winners
    assert (winner.verdict, winner.n_signed) == (Verdict.UNDECIDED, 0)
    assert "repeats tell apart" in describe_winner(winner, FAST)


@pytest.mark.parametrize("constant", [0.1, 0.3, 1 / 3])
def test_rounding_of_a_constant_shows_nothing(constant: float, folder: Path, tmp_path: Path) -> None:
    lines = [f"{row.id},{constant!r}" for row in read_manifest(folder).rows]
    (tmp_path / "m.csv").write_text("\n".join(["stimulus,FFA", *lines, *lines, *lines]) + "\n")
    (winner,) = compare(folder, tmp_path / "m.csv").winners
    assert winner.verdict is Verdict.UNDECIDED


def test_the_units_of_two_targets_do_not_matter(tmp_path: Path) -> None:
    folder = write_rivals(tmp_path / "set", n_images=12, rois=("FFA", "PPA"))
    options = SimulateOptions(truth=OWN, n_repeats=2, noise=3.0)
    table = pd.read_csv(simulate_responses(plan_set(read_manifest(folder)), tmp_path / "s.csv", options))
    found = []
    for changed in (
        table,
        table.assign(PPA=1e6 * table.PPA),
        table.assign(FFA=1e-6 * table.FFA + 3, PPA=7 - -table.PPA),
    ):
        changed.to_csv(tmp_path / "c.csv", index=False)
        (winner,) = compare(folder, tmp_path / "c.csv").winners
        found.append(
            [winner.n_first, winner.p_sign, winner.difference.low, winner.slope_first.value, *winner.explained]
        )
    np.testing.assert_allclose(found[1:], [found[0]] * 2, rtol=1e-5)


def test_the_order_of_lines_and_of_names_does_not_matter(folder: Path, tmp_path: Path) -> None:
    """Reversed manifest and table: the same numbers; encoders whose names sort the other way: mirrored ones."""
    comparison = simulate(folder, tmp_path, truth=OWN, n_repeats=2, noise=3.0)
    (winner,) = comparison.winners
    rows = read_manifest(folder).rows
    (again,) = compare(rewrite(folder, tmp_path / "r", list(rows[::-1])), tmp_path / "s.csv").winners
    assert dataclasses.astuple(again.difference) == pytest.approx(dataclasses.astuple(winner.difference))
    name = "zebra features.7"
    renamed = [
        dataclasses.replace(
            row,
            against=row.against.replace(OTHER, name),
            transfer={key.replace(OTHER, name): one for key, one in row.transfer.items()},
        )
        for row in rows
    ]
    (mirrored,) = compare(rewrite(folder, tmp_path / "z", renamed), tmp_path / "s.csv").winners
    assert (mirrored.first, mirrored.second) == (OWN, name)
    assert (mirrored.n_first, mirrored.p_sign) == (winner.n_signed - winner.n_first, winner.p_sign)
    assert mirrored.difference.low == pytest.approx(-winner.difference.high)
    assert mirrored.r_first == winner.r_second


def test_agreeing_probes_that_move_against_both_are_told(folder: Path, tmp_path: Path) -> None:
    comparison = simulate(folder, tmp_path, truth=OWN, gain=-1.0, n_repeats=4)
    assert "Only 0 of 20 probes moved as" in " ".join(comparison.warnings)


def test_a_set_of_agreeing_probes_only_says_what_is_missing(folder: Path, tmp_path: Path) -> None:
    rows = [row for row in read_manifest(folder).rows if row.direction == row.against_direction]
    comparison = simulate(rewrite(folder, tmp_path, rows), tmp_path)
    assert comparison.winners == ()
    told = [line for line in comparison.warnings if "only agreeing probes" in line]
    assert len(told) == 1 and f"{OTHER} and {OWN}" in told[0] and "takes controversial ones" in told[0]
