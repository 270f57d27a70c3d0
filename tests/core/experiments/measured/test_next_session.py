"""The plan of the next session, on measured responses whose truth is made here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.attacks.config import AttackConfig
from core.attacks.mask import parse_mask
from core.commands.cli import run_command_line
from core.datasets.subject import load_subject
from core.errors import BadInputError
from core.experiments.measured.compare import Comparison, iter_compare
from core.experiments.measured.compare_config import CompareConfig
from core.experiments.measured.detect import ShiftPower
from core.experiments.measured.measured import MatchOptions
from core.experiments.measured.next_session import plan_next, read_settings
from core.experiments.measured.planned import plan_set
from core.experiments.measured.practise import SimulateOptions, simulate_responses
from core.experiments.measured.trial import ReadOptions
from core.experiments.measured.trials import open_measured
from core.probes.probe import ProbeConfig
from core.probes.target import target_roi
from core.progress import run_to_end
from core.stimuli.manifest import read_manifest
from core.stimuli.plan import list_recipes, parse_budget, read_plan, resolve_plan
from tests.helpers.measured_sets import OTHER, OWN, write_levels, write_rivals, write_set

N_IMAGES, N_REPEATS = 16, 6


def compare(folder: Path, table: Path, **options: object) -> Comparison:
    simulate_responses(plan_set(read_manifest(folder)), table, SimulateOptions(n_repeats=N_REPEATS, **options))  # type: ignore[arg-type]
    measured = open_measured(folder, [table], ReadOptions(), MatchOptions())
    return run_to_end(iter_compare(measured, CompareConfig(n_bootstrap=100)))


@pytest.fixture(scope="module")
def rivals(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    place = tmp_path_factory.mktemp("next")
    return compare(write_rivals(place / "set", n_images=N_IMAGES, agreeing=False), place / "m.csv", noise=1.0)


def remeasure(comparison: Comparison, *, strong: set[str], seed: int, noise: float = 1.0) -> Comparison:
    """Responses made anew: images that are strong move as OWN predicts (in SDs), the others do not move at all."""
    stream = np.random.default_rng(seed)
    measured = comparison.measured
    (target, repeats), *_ = measured.repeats.items()
    means = np.zeros(len(repeats))
    for probe in comparison.shifts.probes:
        row = probe.perturbed
        means[measured.picture_of[row.id]] = row.shifts[OWN][1] if row.row.source_image in strong else 0.0
    drawn = means[:, None] + noise * stream.standard_normal((len(repeats), N_REPEATS))
    noises = np.full(len(comparison.shifts.probes), noise)
    changed = replace(measured, repeats={target: drawn})
    return replace(comparison, measured=changed, shifts=replace(comparison.shifts, noise=noises))


def test_images_that_separate_are_kept_and_told_by_the_other_half(rivals: Comparison) -> None:
    strong = {f"image_{number}" for number in range(0, N_IMAGES, 2)}
    found = plan_next(remeasure(rivals, strong=strong, seed=1, noise=0.5))
    assert found.pair == (OTHER, OWN)
    assert set(found.kept) == strong
    assert set(found.dropped) == {f"image_{number}" for number in range(N_IMAGES)} - strong
    needed = ShiftPower(1.0, n_images=8).repeats_needed(np.array([found.of_better.value]))[0]
    assert found.n_repeats == needed
    assert f"Show each stimulus {int(needed)} times" in found.describe()


def test_what_is_told_of_the_images_kept_is_not_inflated_by_choosing_them(rivals: Comparison) -> None:
    """Where nothing moves, the mean over experiments is 0 and 95 % intervals hold it about as often as they say."""
    found = [plan_next(remeasure(rivals, strong=set(), seed=seed)) for seed in range(200)]
    values = np.array([one.of_better.value for one in found])
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(len(values))
    held = np.mean([one.of_better.low <= 0 <= one.of_better.high for one in found])
    assert held > 0.9
    assert np.mean([bool(one.dropped) for one in found]) < 0.06  # 2.5 % by chance
    assert np.mean([np.isinf(one.n_repeats) for one in found]) > 0.9


def test_images_that_are_not_confirmed_all_stay(rivals: Comparison) -> None:
    nothing = next(
        one
        for seed in range(20)
        if (one := plan_next(remeasure(rivals, strong=set(), seed=seed))).of_better.low <= 0 and np.isinf(one.n_repeats)
    )
    assert (len(nothing.kept), nothing.dropped) == (N_IMAGES, ())
    assert "all images stay" in nothing.describe() and "not known" in nothing.describe()


def test_the_repeats_told_do_reach_the_power(rivals: Comparison) -> None:
    """Sessions simulated with the kept images and the repeats told: at least 8 of 10 end in a significant sign test."""
    strong = {f"image_{number}" for number in range(0, N_IMAGES, 2)}
    found = plan_next(remeasure(rivals, strong=strong, seed=2, noise=1.0))
    stream, size = np.random.default_rng(3), found.of_better.value
    shifts = size + np.sqrt(2 / found.n_repeats) * stream.standard_normal((4000, len(found.kept)))
    agree = (shifts > 0).sum(axis=1)
    assert (agree >= ShiftPower(1.0, n_images=len(found.kept)).least_agreeing).mean() >= 0.78


def test_the_plan_makes_the_same_probes_of_the_images_kept(rivals: Comparison, tmp_path: Path) -> None:
    found = plan_next(remeasure(rivals, strong={f"image_{n}" for n in range(8)}, seed=4, noise=0.3))
    found.write(tmp_path / "next.toml")
    options = read_plan(tmp_path / "next.toml")
    assert (tmp_path / "next.toml").read_text().startswith(f"# To tell {OTHER} from {OWN}.")
    assert options["images"] == list(found.kept)
    assert options["rois"] == ["FFA"] and options["voxels"] == []
    assert options["controversial"] == [OWN.replace(" ", ":"), OTHER.replace(" ", ":")]
    assert [parse_budget(text).epsilon for text in options["budgets"]] == [3.0]
    assert options["transfer"] == ["resnet18:layer3"]
    found.write(tmp_path / "next.json")
    assert json.loads((tmp_path / "next.json").read_text()) == options


def test_an_ordinary_set_takes_the_encoders_that_differ_most(tmp_path: Path) -> None:
    comparison = compare(write_set(tmp_path / "set", n_images=12), tmp_path / "m.csv", noise=0.5)
    found = plan_next(comparison)
    assert set(found.pair) == {OWN, OTHER}
    assert found.options["networks"] == [OWN.replace(" ", ":")]
    assert found.options["directions"] == ["raise", "lower"]
    assert found.options["transfer"] == [OTHER.replace(" ", ":")]


def test_too_little_and_level_sets_are_refused(tmp_path: Path) -> None:
    few = compare(write_set(tmp_path / "few", n_images=11), tmp_path / "few.csv", noise=0.5)
    with pytest.raises(BadInputError, match="at least 12 images of which each stimulus was shown twice, got 11"):
        plan_next(few)
    levels = compare(write_levels(tmp_path / "levels"), tmp_path / "levels.csv", noise=0.5)
    with pytest.raises(BadInputError, match="without levels"):
        plan_next(levels)
    once = replace(
        few, measured=replace(few.measured, repeats={name: one[:, :1] for name, one in few.measured.repeats.items()})
    )
    with pytest.raises(BadInputError, match="got 0"):
        plan_next(once)


def test_the_command_writes_the_plan_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_rivals(tmp_path / "set", n_images=N_IMAGES, agreeing=False)
    table = tmp_path / "m.csv"
    simulate_responses(plan_set(read_manifest(folder)), table, SimulateOptions(n_repeats=4, noise=0.5))
    words = ["compare", str(folder), str(table), "--bootstrap", "100", "--next-plan", str(tmp_path / "next.toml")]
    run = {"open_window": lambda *_: 7, "run_demonstration": lambda *_: 8}
    assert run_command_line(words, **run) == 0  # type: ignore[arg-type]
    told = capsys.readouterr().out
    assert "judged by the even ones" in told and str(tmp_path / "next.toml") in told
    assert read_plan(tmp_path / "next.toml")["name"] == "set_next"
    assert run_command_line(words, **run) == 2  # type: ignore[arg-type]
    assert "Nothing is overwritten" in capsys.readouterr().err


def test_a_set_made_by_a_plan_gives_a_plan_of_the_same_probes(tmp_path: Path) -> None:
    """Masks, steps and seeds of the probes stand in it; what a plan cannot say is refused."""
    subject = load_subject("simulated")
    config = ProbeConfig(
        "simulated", "mobilenet_v2", "features.18", target_roi(subject.voxels, "FFA"),
        attack=AttackConfig(n_steps=7, seed=3, mask=parse_mask("box:0.1,0.2,0.6,0.7", edge=0.05)),
    )  # fmt: skip
    told = read_settings(config)
    plan = resolve_plan({"rois": ["FFA"], "images": ["cat_chelsea"], "networks": ["mobilenet_v2:features.18"]} | told)
    (recipe,) = list_recipes(plan)
    assert (recipe.config.attack.n_steps, recipe.config.attack.seed) == (7, 3)
    assert recipe.config.attack.mask == config.attack.mask
    with pytest.raises(BadInputError, match="of plain targets of one encoder"):
        read_settings(replace(config, ensemble=("alexnet",)))
