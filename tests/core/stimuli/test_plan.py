"""A plan is resolved from words, told in one line, and survives being written down."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from core.errors import BadInputError
from core.stimuli.plan import Budget, list_recipes, pack_plan, parse_budget, resolve_plan
from core.types import Direction, NormName

OPTIONS: dict[str, Any] = {
    "name": "two ways",
    "networks": ["mobilenet_v2_robust", "alexnet"],
    "images": ["cat_chelsea", "face_054"],
    "rois": ["FFA"],
    "voxels": ["5"],
    "directions": ["raise", "lower"],
    "budgets": ["l2:1", "linf:8/255"],
    "steps": 3,
    "controls": ["random", "contrast_blend"],
    "transfer": ["mobilenet_v2"],
    "picture_px": 448,
    "degrees": 8.4,
    "matching": "luminance",
    "luminance": 0.2,
}


def test_every_combination_is_one_recipe() -> None:
    plan = resolve_plan(OPTIONS)
    recipes = list_recipes(plan)
    assert len(recipes) == plan.n_items == 2 * 2 * 2 * 2 * 2
    assert len({recipe.digest for recipe in recipes}) == len(recipes)
    made = {
        (r.image, r.config.network, r.config.target.voxels == (5,), r.config.direction, r.config.attack.norm)
        for r in recipes
    }
    wanted = itertools.product(
        OPTIONS["images"], ("mobilenet_v2_robust", "alexnet"), (True, False), Direction, (NormName.L2, NormName.LINF)
    )
    assert made == set(wanted)
    assert all(recipe.config.ladder == (recipe.config.attack.epsilon,) for recipe in recipes)


def test_one_line_tells_what_it_holds() -> None:
    told = resolve_plan(OPTIONS).describe()
    assert told.startswith(
        "2 images x 2 targets x 2 directions x 2 budgets x 2 encoders = 32 probes, 128 files, about "
    )


def test_a_plan_written_down_leads_to_itself() -> None:
    plan = resolve_plan(OPTIONS | {"images": ["test:3"], "voxels": ["FFA:2"], "budgets": ["l2:0.123456789"]})
    again = resolve_plan(json.loads(json.dumps(pack_plan(plan))))
    assert again == plan
    assert list_recipes(again) == list_recipes(plan)


def test_what_is_left_out_has_a_default() -> None:
    plan = resolve_plan({"rois": ["PPA"]})
    assert (plan.n_items, plan.budgets, plan.directions) == (4, (Budget(NormName.L2, 3.0),), (Direction.RAISE,))
    assert [kind.value for kind in plan.delivery.controls] == ["random", "sign_flip"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"roi": ["FFA"]}, "`plan` must be of known settings, got 'roi'. Did you mean 'rois'?"),
        ({"rois": ["FFB"]}, "Did you mean 'FFA'?"),
        ({"rois": [], "voxels": []}, "`targets` must be at least one"),
        ({"directions": ["up"]}, "`direction` must be one of raise, lower"),
        ({"budgets": ["linf:8"]}, "Did you mean 8/255?"),
        ({"budgets": ["l2:0"]}, "`budget` must be above 0"),
        ({"budgets": ["l2:1", "l2:1"]}, "`budgets` must be at least one, each named once"),
        ({"controls": ["noise"]}, "`controls` must be of random, sign_flip"),
        ({"controls": []}, "A probe is read against a control of equal norm"),
        ({"images": ["no_such_image"]}, "no_such_image"),
        ({"enlarging": "sharp"}, "`enlarging` must be one of smooth, exact"),
        ({"name": " "}, "`name` must be 1 to 200 characters"),
    ],
)
def test_a_bad_option_is_refused_before_anything_runs(change: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInputError) as refused:
        list_recipes(resolve_plan(OPTIONS | change))
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("3", Budget(NormName.L2, 3.0)),
        ("L2: 0.5", Budget(NormName.L2, 0.5)),
        ("linf:8/255", Budget(NormName.LINF, 8 / 255)),
    ],
)
def test_budgets_are_read_as_people_write_them(text: str, budget: Budget) -> None:
    assert parse_budget(text) == budget
    assert parse_budget(budget.label) == budget


@pytest.mark.parametrize("name", ["networks", "images", "rois", "controls", "background", "transfer"])
@pytest.mark.parametrize("value", [None, {"a": 1}])
def test_a_list_that_is_none_is_refused(name: str, value: object) -> None:
    with pytest.raises(BadInputError):
        resolve_plan(OPTIONS | {name: value})
