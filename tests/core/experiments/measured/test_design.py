"""Power of a design: against closed forms, and against `compare` itself on written and read files."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from core.commands.cli import BAD_INPUT, DONE, run_command_line
from core.errors import BadInputError, Cancelled
from core.experiments.measured.compare_config import CompareConfig
from core.experiments.measured.design import Design, DesignConfig, Group, Question, group_plan, iter_design, simulate
from core.experiments.measured.design_report import describe_design, plot_design
from core.experiments.measured.measured import MatchOptions
from core.experiments.measured.planned import Measure, MeasuredPlan, plan_set
from core.experiments.measured.practise import SimulateOptions, simulate_responses
from core.experiments.measured.trial import ReadOptions
from core.experiments.measured.trials import open_measured
from core.progress import run_to_end
from core.stimuli.manifest import read_manifest
from tests.helpers.measured_sets import OTHER, OWN, compare_measured, write_levels, write_rivals, write_set


def plan_of(folder: Path) -> MeasuredPlan:
    return plan_set(read_manifest(folder))


def test_noise_is_that_of_the_noise_ceiling() -> None:
    """NC = ncsnr^2 / (ncsnr^2 + 1 / k): inverted, and put in again."""
    for ceiling, averaged in ((0.3, 1), (0.45, 3), (1.0, 1)):
        noise = DesignConfig(noise_ceiling=ceiling, averaged=averaged).noise
        assert 1 / (1 + noise**2 / averaged) == pytest.approx(ceiling)
    assert DesignConfig(ncsnr=0.5).noise == pytest.approx(2.0)


def equal(n_images: int, size: float = 2.0) -> Group:
    """One probe of each image, every shift `size` SD."""
    unknown = np.full(n_images, np.nan)
    return Group(np.arange(n_images), np.full(n_images, size), np.full(n_images, -size), unknown, unknown, 2)


def test_power_of_the_sign_test_is_that_of_the_binomial() -> None:
    config = DesignConfig(ncsnr=0.4, n_simulations=1000)
    cell = simulate(Question.SHIFT, [equal(20)], config, slope=0.5, n_images=20, n_repeats=2)
    p = stats.norm.cdf(0.5 * 2 / (config.noise * np.sqrt(2 / 2)))
    least = next(k for k in range(10, 21) if stats.binomtest(k, 20).pvalue < 0.05)
    assert cell.power == pytest.approx(stats.binom.sf(least - 1, 20, p), abs=3.5 * cell.error)
    assert cell.error == pytest.approx(np.sqrt(cell.power * (1 - cell.power) / 1000))
    assert (cell.n_probes, cell.n_trials) == (20, 80)


def test_without_any_effect_a_design_decides_in_at_most_five_percent(tmp_path: Path) -> None:
    for folder in (write_rivals(tmp_path / "rivals", n_images=12), write_levels(tmp_path / "levels", n_seeds=8)):
        for question, groups in group_plan(plan_of(folder)).items():
            if question is not Question.SHIFT:
                config = DesignConfig(ncsnr=0.5, n_simulations=300)
                cell = simulate(question, groups, config, slope=1e-9, n_images=12, n_repeats=2)
                assert cell.power <= 0.05, question


@pytest.mark.parametrize("kind", Question)
def test_power_is_how_often_compare_decides(kind: Question, tmp_path: Path) -> None:
    """40 experiments written to files and read by `compare`, against the simulation's share."""
    write = {Question.SHIFT: write_set, Question.CONTROL: write_levels, Question.WINNER: write_rivals}[kind]
    more = {
        Question.SHIFT: {"n_images": 12, "directions": ("raise",)},
        Question.CONTROL: {"n_seeds": 4, "sources": (OWN,)},
    }
    gain, noise = {Question.SHIFT: (0.2, 1.0), Question.CONTROL: (0.25, 2.0), Question.WINNER: (0.3, 1.0)}[kind]
    config, decided, n_images = CompareConfig(n_bootstrap=100), 0, 0
    for seed in range(40):
        folder = write(tmp_path / f"{seed}", seed=seed, **({"n_images": 12} if kind is Question.WINNER else more[kind]))
        options = SimulateOptions(truth=OWN, gain=gain, noise=noise, n_repeats=2, seed=seed)
        table = simulate_responses(plan_of(folder), tmp_path / f"{seed}.csv", options)
        comparison = compare_measured(open_measured(folder, [table], ReadOptions(), MatchOptions()), config)
        if kind is Question.SHIFT:
            row = comparison.select(measure=Measure.SHIFT)[0]
            decided += row.p_sign < 0.05 and 2 * row.n_agree > row.n_signed
        elif kind is Question.CONTROL:
            decided += comparison.control[0].r.low > 0
        else:
            decided += comparison.winners[0].name == OWN
        n_images = 4 if kind is Question.CONTROL else 12
    groups = [group for seed in range(20) for group in group_plan(plan_of(tmp_path / f"{seed}"))[kind][-1:]]
    design = DesignConfig(ncsnr=1 / noise, n_simulations=600)
    cell = simulate(kind, groups, design, slope=gain, n_images=n_images, n_repeats=2)
    error = np.sqrt(max(cell.power * (1 - cell.power), 0.05) * (1 / 40 + 1 / 600))
    assert cell.power == pytest.approx(decided / 40, abs=2.8 * error)
    assert 0.1 < cell.power < 0.95  # else nothing was compared


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Design:
    folder = write_rivals(tmp_path_factory.mktemp("sets") / "set", n_images=10)
    config = DesignConfig(noise_ceiling=0.3, repeats=(1, 4), probes=(20, 40), n_simulations=100)
    return run_to_end(iter_design("set", group_plan(plan_of(folder)), config))


def test_more_repeats_images_and_slope_decide_more(design: Design) -> None:
    cells = {(one.question, one.slope, one.n_images, one.n_repeats): one for one in design.cells}
    assert {one.question for one in design.cells} == {Question.WINNER}  # agreeing probes decide nothing
    for (question, slope, n_images, n_repeats), one in cells.items():
        for other in ((slope, n_images, 4), (slope, 20, n_repeats), (1.0, n_images, n_repeats)):
            if (better := cells.get((question, *other))) is not None:
                assert better.power >= one.power - 0.15
    winner = design.smallest(Question.WINNER, 1.0)
    assert winner is not None and winner.power >= 0.8
    enough = [
        one.n_trials for one in design.cells if (one.question, one.slope) == (Question.WINNER, 1.0) and one.power >= 0.8
    ]
    assert winner.n_trials == min(enough)
    # Nine stimuli of each image: three pairs of original, perturbed and control.
    assert winner.n_trials == winner.n_images * 9 * winner.n_repeats


def test_its_intervals_cover(design: Design) -> None:
    share, count = design.coverage
    assert count == 1200
    assert 0.93 <= share <= 0.975


def test_an_unknown_slope_is_said_and_plots_hold_every_cell(design: Design) -> None:
    lines = list(describe_design(design))
    assert "no held-out slope was given: 1 is the best case" in lines[0]
    assert "intervals held the simulated truth" in lines[-1]
    plots = plot_design(design)
    assert len(plots) == 3
    assert sum(len(one.y) for plot in plots for one in plot.series) == len(design.cells)


def test_it_stops_when_asked(tmp_path: Path) -> None:
    groups = group_plan(plan_of(write_set(tmp_path / "set")))
    with pytest.raises(Cancelled):
        list(iter_design("set", groups, DesignConfig(ncsnr=1.0), should_stop=lambda: True))


@pytest.mark.parametrize(
    ("changes", "clue"),
    [
        ({}, "`noise_ceiling` must be given, or else ncsnr"),
        ({"noise_ceiling": 0.3, "ncsnr": 1.0}, "and not both"),
        ({"noise_ceiling": 45.0}, "Did you mean 45%?"),
        ({"noise_ceiling": -0.1}, "in [0, 1]"),
        ({"noise_ceiling": float("nan")}, "in [0, 1]"),
        ({"ncsnr": -1.0}, "above 0"),
        ({"ncsnr": 1.0, "slope": -1.0}, "`slope`"),
        ({"ncsnr": 1.0, "repeats": (0,)}, "`repeats`"),
        ({"ncsnr": 1.0, "repeats": ()}, "at least one number"),
        ({"ncsnr": 1.0, "images": (2,)}, "at least 3"),
        ({"ncsnr": 1.0, "n_simulations": 3}, "at least 20"),
    ],
)
def test_impossible_settings_are_refused(changes: dict, clue: str) -> None:
    with pytest.raises(BadInputError) as refused:
        DesignConfig(**changes)
    assert clue in str(refused.value)


def test_sets_that_cannot_be_judged_are_refused(tmp_path: Path) -> None:
    rivals = plan_of(write_rivals(tmp_path / "rivals", n_images=4))
    lacking = tuple(
        dataclasses.replace(one, perturbed=dataclasses.replace(one.perturbed, shifts={OWN: one.perturbed.shifts[OWN]}))
        for one in rivals.probes
    )
    with pytest.raises(BadInputError, match=f"predicted in SDs by {OWN} and {OTHER}"):
        group_plan(dataclasses.replace(rivals, probes=lacking))
    with pytest.raises(BadInputError, match="at least 3 images, got 1"):
        group_plan(plan_of(write_levels(tmp_path / "one", n_seeds=1)))
    with pytest.raises(BadInputError, match="at least 3 levels, got 2"):
        group_plan(plan_of(write_levels(tmp_path / "two", levels=(-1.0, 1.0))))


def test_as_it_is_typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def type_in(*words: object) -> tuple[int, str, str]:
        given = [str(word) for word in words]
        code = run_command_line(given, open_window=lambda *_: 1, run_demonstration=lambda *_: 1)
        told = capsys.readouterr()
        return code, told.out, told.err

    folder = write_set(tmp_path / "set", n_images=5)
    common = ("design", folder, "--repeats", "2,4", "--images", "5", "--simulations", 20)
    code, out, _ = type_in(*common, "--noise-ceiling", "45%", "--out", tmp_path / "out")
    assert code == DONE and "does the target move as predicted" in out.lower()
    assert {one.name for one in (tmp_path / "out").iterdir()} == {"design.json", "tables", "figures"}
    code, out, _ = type_in(*common, "--noise-ceiling", "0.45", "--json")
    packed = json.loads(out)
    assert len(packed["cells"]) == 6
    assert packed["noise_sd"] == pytest.approx(np.sqrt(0.55 / 0.45))
    for words, clue in (
        (("--noise-ceiling", "45"), "Did you mean 45%?"),
        (("--noise-ceiling", "much"), "as 0.3 or 30%"),
        (("--noise-ceiling", "3_0%"), "as 0.3 or 30%"),
        (("--noise-ceiling", "0.3", "--probes", "1_0"), "`probes` must be a whole number, got '1_0'"),
        (("--ncsnr", "1_0"), "must be a number"),
        ((), "or else ncsnr"),
    ):
        code, out, err = type_in(*common, *words)
        assert (code, out) == (BAD_INPUT, "") and clue in err and len(err.strip().splitlines()) == 1


def test_a_measurement_without_noise_always_decides() -> None:
    for question in (Question.SHIFT, Question.WINNER):
        group = equal(8)
        if question is Question.WINNER:  # mirrored, so that the predictions vary
            both = np.tile([1.0, -1.0], 8) * np.linspace(1, 2, 16)
            unknown = np.full(16, np.nan)
            rival = np.tile([-1.0, 1.0], 8) * np.linspace(2, 1, 16)
            group = Group(np.repeat(np.arange(8), 2), both, rival, unknown, unknown, 6)
        config = DesignConfig(noise_ceiling=1.0, n_simulations=20)
        cell = simulate(question, [group], config, slope=1.0, n_images=8, n_repeats=1)
        assert (cell.power, cell.error) == (1.0, 0.0)
        assert cell.n_held == cell.n_intervals
