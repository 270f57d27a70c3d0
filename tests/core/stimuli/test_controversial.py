"""Plans of controversial probes: three of each image and target, and sets that say what both encoders do."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.encoders.card import EncoderCard
from core.encoders.files import load_card
from core.engine import Engine
from core.errors import BadInputError
from core.probes.against import Against
from core.stimuli.make import find_donor, iter_make
from core.stimuli.manifest import read_manifest
from core.stimuli.plan import list_recipes, pack_plan, resolve_plan
from core.stimuli.rebuild import compare_sets, iter_rebuild
from core.stimuli.store import ProbeStore
from core.sweeps import choose
from core.sweeps.choose import check_against
from core.types import Direction

A, B = ("mobilenet_v2", "features.18"), ("alexnet", "features.11")
OPTIONS: dict[str, Any] = {
    "controversial": ["mobilenet_v2,alexnet"],
    "images": ["cat_chelsea", "face_054"],
    "rois": ["FFA", "PPA"],
    "budgets": ["l2:1", "linf:4/255"],
    "steps": 1,
    "controls": ["random"],
}


def test_each_image_target_and_budget_has_three_probes() -> None:
    plan = resolve_plan(OPTIONS)
    recipes = list_recipes(plan)
    assert len(recipes) == plan.n_items == 2 * 2 * 2 * 3 == len({one.digest for one in recipes})
    wanted = {(Direction.RAISE, False), (Direction.LOWER, False), (Direction.RAISE, True)}
    groups: dict[Any, set[Any]] = {}
    for recipe in recipes:
        config, against = recipe.config, recipe.config.against
        assert against is not None
        assert (config.network, config.layer, against.network, against.layer) == (*A, *B)
        assert recipe.ensemble_sha256 == (load_card("simulated", *B).sha256,)
        key = (recipe.image, config.target.roi, config.attack.norm)
        groups.setdefault(key, set()).add((config.direction, against.agrees))
    assert list(groups.values()) == [wanted] * 8
    assert plan.describe().startswith(
        "2 images x 2 targets x 2 budgets x 3 probes of mobilenet_v2 features.18 and alexnet features.11 "
        "(A up, B down; A down, B up; both up) = 24 probes, 72 files, about "
    )


def test_a_plan_written_down_leads_to_itself() -> None:
    plan = resolve_plan(OPTIONS | {"decided": 0.5, "sharpness": 8.0})
    again = resolve_plan(json.loads(json.dumps(pack_plan(plan))))
    assert again == plan
    assert list_recipes(again) == list_recipes(plan)
    assert {recipe.config.against for recipe in list_recipes(plan)} == {
        Against(*B, agrees, sharpness=8.0, decided_sd=0.5) for agrees in (False, True)
    }


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"controversial": ["alexnet"]}, "`controversial` must be two different encoders"),
        ({"controversial": ["alexnet,alexnet"]}, "`controversial` must be two different encoders"),
        ({"controversial": ["alexnet", "mobilenet_v2", "alexnet_robust"]}, "must be two different encoders"),
        ({"controversial": ["alexnet,alexnett"]}, "Did you mean 'alexnet'"),
        ({"controversial": ["mobilenet_v2,alexnet:"]}, "`network` must be NET or NET:LAYER, got 'alexnet:'"),
        ({"networks": ["alexnet"]}, "`networks` must be left out with controversial"),
        ({"directions": ["raise"]}, "`directions` must be left out with controversial"),
        ({"sharpness": 0.0}, "`sharpness` must be"),
        ({"decided": -1.0}, "`decided` must be"),
        ({"controversial": [], "decided": 1.0}, "`decided` must be used with controversial"),
        ({"voxels": ["99999"]}, "voxel"),
    ],
)
def test_what_cannot_be_planned_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInputError, match=told):
        list_recipes(resolve_plan(OPTIONS | change))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"reference_sd": np.full(1844, np.nan)}, "alexnet features.11 does not know the SD of ROI FFA"),
        ({"reference_sd": np.zeros(1844)}, "is predicted by alexnet features.11 as a constant"),
        ({"r": np.full(30, 0.5), "cv_r": np.full(30, 0.5)}, "must be one of the 30 that alexnet features.11 predicts"),
    ],
)
def test_a_second_encoder_that_has_no_unit_or_voxel_is_refused(
    change: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = list_recipes(resolve_plan(OPTIONS))[0].config

    def load(*name: str) -> EncoderCard:
        card = load_card(*name)
        return dataclasses.replace(card, **change) if name[1] == "alexnet" else card

    monkeypatch.setattr(choose, "load_card", load)
    with pytest.raises(BadInputError, match=told):
        check_against(config)


def test_an_encoder_that_predicts_the_target_poorly_is_named() -> None:
    config = list_recipes(resolve_plan(OPTIONS))[0].config
    assert check_against(config, gate=0.0) == ()
    told = check_against(config, gate=1.0)
    assert [one.split(" predicts ROI FFA")[0] for one in told] == [" ".join(A), " ".join(B)]
    card = load_card("simulated", *B)
    r = float(np.median(card.cv_r[list(config.target.voxels)]))
    assert f"poorly (r {r:.2f}, below 1)" in told[1]


def test_a_set_says_what_both_do_and_is_rebuilt_bit_for_bit(tmp_path: Path) -> None:
    plan = resolve_plan(OPTIONS | {"images": ["cat_chelsea"], "rois": ["FFA"], "budgets": ["l2:3"], "decided": 9.0})
    engine, recipes = Engine(device="cpu"), list_recipes(plan)
    store = ProbeStore(tmp_path / "probes")
    *_, last = iter_make(engine, recipes, plan.delivery, tmp_path / "set", store=store)
    made = read_manifest(tmp_path / "set")
    label = " ".join(B)
    rows = [row for row in made.rows if row.role in ("raise", "lower")]
    assert [(row.direction, row.against, row.against_direction) for row in rows] == [
        ("raise", label, "lower"),
        ("lower", label, "raise"),
        ("raise", label, "raise"),
    ]
    assert {row.role for row in made.rows} == {"original", "raise", "lower", "control_random"}
    encoder = engine.open_encoder("simulated", *B)
    from core.images.read import read_image
    from core.probes.respond import respond

    for original, row in zip([row for row in made.rows if row.role == "original"], rows, strict=True):
        pixels = np.stack([read_image(made.path(one), size=224).pixels for one in (original, row)])
        values = respond(encoder, pixels).astype(np.float64) @ recipes[0].config.target.vector(encoder.n_voxels)
        sd = encoder.target_sd(recipes[0].config.target.vector(encoder.n_voxels))
        assert row.transfer[label].shift_sd == pytest.approx((values[1] - values[0]) / sd, abs=1e-4)
        assert any(text.startswith("Undecided: the smaller shift") for text in row.warnings), "9 SD are out of reach"
    assert rows[0].transfer[label].shift < 0 < rows[0].shift and rows[1].shift < 0 < rows[1].transfer[label].shift
    *_, _ = iter_rebuild(engine, made, tmp_path / "again")
    assert compare_sets(made, read_manifest(tmp_path / "again")).identical
    assert last.result is not None


def test_the_perturbation_of_another_image_is_one_of_the_same_kind() -> None:
    recipes = list_recipes(resolve_plan(OPTIONS))
    for number, recipe in enumerate(recipes):
        donor = find_donor(recipes, number)
        assert donor is not None
        mine, other = recipe.config, recipes[donor].config
        same = [
            (one.target, one.direction, one.attack.norm, one.against and one.against.agrees) for one in (mine, other)
        ]
        assert same[0] == same[1] and recipes[donor].image != recipe.image
