"""Power of the sign test on one shift, against experiments simulated with numpy and against `design`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from core.commands.cli import run_command_line
from core.datasets.import_stats import find_ncsnr, noise_ceiling
from core.errors import BadInputError
from core.experiments.measured.design import DesignConfig, Group, Question, simulate
from core.experiments.measured.detect import ShiftPower, find_spans
from core.probes.files import save_probe
from tests.helpers.probes import make_probe


def simulate_power(shift: float, wanted: ShiftPower, *, n: int = 20_000, seed: int = 0) -> float:
    """Experiments of single trials, each judged by scipy's exact test."""
    stream = np.random.default_rng(seed)
    shape = (n, wanted.n_images, wanted.n_repeats)
    noise = 1 / wanted.ncsnr
    perturbed = wanted.slope * shift + noise * stream.standard_normal(shape).mean(axis=2)
    original = noise * stream.standard_normal(shape).mean(axis=2)
    agree = (perturbed > original).sum(axis=1)
    p = np.array([stats.binomtest(k, wanted.n_images).pvalue for k in range(wanted.n_images + 1)])
    return float(((p[agree] < 1 - wanted.confidence) & (2 * agree > wanted.n_images)).mean())


@pytest.mark.parametrize(
    ("shift", "wanted"),
    [
        (0.5, ShiftPower(0.4, n_repeats=4, n_images=12)),
        (1.5, ShiftPower(0.3, n_repeats=2, n_images=20, slope=0.6)),
        (-0.8, ShiftPower(0.5, n_repeats=3, n_images=7)),
        (0.0, ShiftPower(0.5, n_repeats=3, n_images=15)),
    ],
)
def test_power_is_that_of_simulated_experiments(shift: float, wanted: ShiftPower) -> None:
    found = float(wanted.power(np.array([shift]))[0])
    assert found == pytest.approx(simulate_power(abs(shift), wanted), abs=0.012)


def test_power_is_that_of_design() -> None:
    """The functions behind “How many repeats?”, on a set of probes that are all alike."""
    n = 12
    alike, none = np.full(n, 1.1), np.full(n, np.nan)
    group = Group(np.arange(n), alike, alike, none, none, 2.0)
    cell = simulate(
        Question.SHIFT, [group], DesignConfig(ncsnr=0.4, n_simulations=300), slope=1.0, n_images=n, n_repeats=3
    )
    drawn = ShiftPower(0.4, n_repeats=3, n_images=n).power(np.array([1.1]))[0]
    assert drawn == pytest.approx(cell.power, abs=4 * max(cell.error, 0.01))


@pytest.mark.parametrize("n_images", [6, 7, 12, 31])
def test_the_repeats_needed_are_the_fewest_with_a_power_of_80_percent(n_images: int) -> None:
    for shift in (0.2, 0.7, 2.0):
        needed = int(ShiftPower(0.4, n_images=n_images).repeats_needed(np.array([shift]))[0])
        powers = [
            ShiftPower(0.4, n_repeats=one, n_images=n_images).power(np.array([shift]))[0]
            for one in (max(1, needed - 1), needed)
        ]
        assert powers[1] >= 0.8 - 1e-9 and (needed == 1 or powers[0] < 0.8)


def test_the_least_shift_has_just_the_wanted_power() -> None:
    wanted = ShiftPower(0.33, n_repeats=5, n_images=14, slope=0.7)
    assert wanted.power(np.array([wanted.least_shift]))[0] == pytest.approx(0.8)


@pytest.mark.parametrize(("n_images", "least"), [(5, 6), (6, 6), (8, 8), (9, 8), (20, 15)])
def test_as_many_images_must_agree_as_the_exact_test_takes(n_images: int, least: int) -> None:
    assert ShiftPower(1.0, n_images=n_images).least_agreeing == least
    if least <= n_images:
        assert stats.binomtest(least, n_images).pvalue < 0.05 <= stats.binomtest(least - 1, n_images).pvalue


def test_too_few_images_and_no_shift_are_never_enough() -> None:
    assert np.isinf(ShiftPower(1.0, n_images=5).repeats_needed(np.array([3.0]))[0])
    assert ShiftPower(1.0, n_images=5).power(np.array([3.0]))[0] == 0
    assert np.isinf(ShiftPower(1.0).repeats_needed(np.array([0.0]))[0])
    assert np.isnan(ShiftPower(1.0).power(np.array([np.nan]))[0])


@pytest.mark.parametrize("wrong", [{"ncsnr": 0.0}, {"ncsnr": -1.0}, {"n_repeats": 0}, {"slope": 0.0}])
def test_what_is_no_experiment_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInputError, match=str(next(iter(wrong.values())))[:2]):
        ShiftPower(**{"ncsnr": 0.4} | wrong)  # type: ignore[arg-type]


def test_spans_end_where_the_line_crosses() -> None:
    x = np.array([0.0, 1.0, 2.0, 4.0])
    assert find_spans(x, np.array([0.0, 1.0, 0.0, 4.0]), 0.5) == [(0.5, 1.5), (2.25, 4.0)]
    assert find_spans(x, np.array([0.0, 0.1, 0.2, 0.3]), 0.5) == []
    assert find_spans(x, np.array([1.0, 1.0, 1.0, 1.0]), 0.5) == [(0.0, 4.0)]
    assert find_spans(x, np.array([0.0, 1.0, 2.0, 3.0]), np.inf) == []


def test_the_signal_to_noise_ratio_is_the_reverse_of_the_noise_ceiling() -> None:
    n_trials = np.array([3, 1, 2, 8])
    ncsnr = np.array([0.2, 0.9])
    ceiling = noise_ceiling(ncsnr, n_trials, scored=np.ones(4, dtype=bool))
    assert find_ncsnr(ceiling, n_trials) == pytest.approx(ncsnr, rel=1e-6)


def test_the_command_tells_the_repeats_of_every_budget(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    probe = make_probe(size=32)
    path = save_probe(probe, tmp_path / "probe")
    words = ["design", str(path), "--ncsnr", "0.4", "--images", "5,12", "--repeats", "3", "--json"]
    assert run_command_line(words, open_window=lambda *_: 7, run_demonstration=lambda *_: 8) == 0
    rows = json.loads(capsys.readouterr().out)["budgets"]
    assert [row["repeats_needed"] for row in rows[:5]] == [None] * 5  # of 5 images none are enough
    wanted = ShiftPower(0.4, n_repeats=3, n_images=12)
    shifts = probe.curve.shift / probe.target_sd
    assert [row["repeats_needed"] for row in rows[5:]] == wanted.repeats_needed(shifts).tolist()
    assert [row["power_with_3_repeats"] for row in rows[5:]] == pytest.approx(wanted.power(shifts))
    assert [row["epsilon"] for row in rows[5:]] == pytest.approx(probe.curve.epsilon)
