"""The probes behind an analysis: those it attacked, each with the shift of its own cell, compared once made again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.attacks.config import AttackMethod
from core.probes.against import Against
from core.stimuli.analysed import list_analysis_recipes
from core.stimuli.probe_warnings import WarningCode, evaluate_remaking
from core.stimuli.recipe import recipe_of, unpack_recipe
from core.sweeps.config import EncoderName, Question, SweepConfig, TargetName
from core.sweeps.plan import PAIR, Cell
from core.types import Direction, NormName
from tests.helpers.probes import make_probe
from tests.helpers.sweeps import make_up_sweep

IMAGES = ("cat_chelsea", "face_054")
TARGETS = (TargetName(-1, "FFA"), TargetName(5, ""))
LAYERS = ("features.4", "features.7", "features.11")
NAMES = tuple(EncoderName("simulated", "alexnet", layer) for layer in LAYERS)


def test_every_probe_of_an_analysis_has_the_shift_of_its_own_cell() -> None:
    ways, norms = (Direction.RAISE, Direction.LOWER), (NormName.L2, NormName.LINF)
    sweep = make_up_sweep(
        SweepConfig(Question.FRAGILITY, NAMES[:2], IMAGES, TARGETS, ways, norms, ladder=(0.5, 1.0), n_steps=2)
    )
    recipes = list_analysis_recipes(sweep)
    assert len({recipe.digest for recipe in recipes}) == len(recipes) == 2 * 2 * 2 * 2 * 2
    assert {recipe.config.attack.n_steps for recipe in recipes} == {2}
    labels = [f"{name.label}" for name in TARGETS]
    for one in recipes:
        asked = one.config
        assert asked.ladder[-1] == asked.attack.epsilon and len(asked.ladder) == 2
        target = next(number for number, label in enumerate(labels) if asked.target.label.startswith(label))
        where = LAYERS.index(asked.layer), target, ways.index(asked.direction), norms.index(asked.attack.norm)
        shift = sweep.shift[(*where, IMAGES.index(one.image_id), 1)]
        assert one.analysed_sd == pytest.approx(shift / sweep.sd[where])


def test_the_probes_behind_disagreement_are_three_of_every_pair_image_and_target() -> None:
    config = SweepConfig(Question.DISAGREEMENT, NAMES, IMAGES, TARGETS[:1], ladder=(1.0, 3.0), decided_sd=0.5)
    sweep = make_up_sweep(config)
    recipes = list_analysis_recipes(sweep)
    assert len(recipes) == 3 * 2 * 3
    seconds = [one.config.against for one in recipes]
    assert all(isinstance(one, Against) and one.decided_sd == 0.5 for one in seconds)
    for one in recipes:
        second = one.config.against
        assert second is not None
        first, other = LAYERS.index(one.config.layer), LAYERS.index(second.layer)
        if one.config.direction is Direction.LOWER or second.agrees:
            assert one.analysed_sd is None, "the analysis made none such"
        else:
            cell = sweep.store.load(Cell(PAIR, first, 0, 0, 0, other=other))
            assert one.analysed_sd == cell["shift"][0, IMAGES.index(one.image_id), 1]
    assert sum(one.analysed_sd is not None for one in recipes) == 3 * 2


def test_they_are_made_under_the_attack_of_the_analysis() -> None:
    config = SweepConfig(Question.MEANING, NAMES[:1], IMAGES, TARGETS[:1], attacks=("square",), n_queries=40)  # type: ignore[arg-type]
    asked = [one.config.attack for one in list_analysis_recipes(make_up_sweep(config))]
    assert [(attack.method, attack.n_queries) for attack in asked] == [(AttackMethod.SQUARE, 40)] * 2


def test_the_number_of_the_analysis_is_kept_but_names_no_other_probe() -> None:
    plain = recipe_of(make_probe(44, 16), "cat")
    analysed = replace(plain, analysed_sd=1.25)
    assert analysed.digest == plain.digest, "the same finished probe is used"
    assert unpack_recipe(analysed.packed) == analysed
    assert "analysed_sd" not in plain.packed, "sets of earlier versions are made again bit for bit"


def test_a_probe_that_moves_its_target_otherwise_than_in_its_analysis_says_both_numbers() -> None:
    probe = make_probe(44, 16)
    now = float(probe.target_vector @ (probe.perturbed - probe.clean)) / probe.target_sd
    assert not evaluate_remaking(probe, None) and not evaluate_remaking(probe, now + 0.01)
    (found,) = evaluate_remaking(probe, now + 0.5)
    assert found.code is WarningCode.REMADE and not found.is_remark
    assert found.text == f"Made again it moves the target by {now:+.2f} SD; in the analysis it was {now + 0.5:+.2f} SD."
