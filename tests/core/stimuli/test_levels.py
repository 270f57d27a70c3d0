"""Levels in words and in a plan, what a set tells of them, and what cannot be asked."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.encoders.card import EncoderData, Provenance
from core.encoders.files import find_encoder, list_encoders, load_encoder_data, save_encoder, seal, user_encoders_folder
from core.errors import BadInputError
from core.stimuli.level_strip import read_set_levels, read_strips
from core.stimuli.levels import LevelReading, describe_readings, parse_levels
from core.stimuli.manifest import ManifestRow, read_manifest
from core.stimuli.names import name_pairs
from core.stimuli.plan import Budget, list_recipes, pack_plan, read_plan, resolve_plan, write_plan
from core.types import Direction, NormName
from tests.helpers.stimulus_sets import make_row, write_set

BASE: dict[str, Any] = {"rois": ["FFA"], "levels": "-1:1:3", "seeds": 2, "networks": ["mobilenet_v2_robust"]}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("-3:3:11", tuple(round(-3 + 0.6 * step, 9) for step in range(11))),
        (("-3:3:3",), (-3.0, 0.0, 3.0)),
        (["-2,0", "2.5"], (-2.0, 0.0, 2.5)),
        ([-2, 0.5], (-2.0, 0.5)),
        ("0:1e-3:2", (0.0, 0.001)),
        (" -1 : 1 : 2 ", (-1.0, 1.0)),
        (("-2,", "0,", "2"), (-2.0, 0.0, 2.0)),
        ("\N{MINUS SIGN}2:2:3", (-2.0, 0.0, 2.0)),
        ("-1:1:4", (-1.0, -0.333333, 0.333333, 1.0)),
        ("0", (0.0,)),
        (0, (0.0,)),
        ([1.5], (1.5,)),
        ("1", (1.0,)),
        ([-2.5], (-2.5,)),
    ],
)
def test_levels_are_read(given: Any, wanted: tuple[float, ...]) -> None:
    assert parse_levels(given) == wanted


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("high", "must be numbers of SDs, got 'high'"),
        ("-3:3", "must be numbers"),
        ("-3:3:2.5", "must be numbers"),
        ([True, 2], "must be numbers"),
        (None, "must be numbers"),
        ([[1], [2]], "must be numbers"),
        ("2:2:1", "must be 2 to 101 of them"),
        ([], "must be 1 to 101"),
        ("-3:3:0", "must be 2 to 101"),
        ("-3:3:-4", "must be 2 to 101"),
        ("-3:3:102", "must be 2 to 101"),
        ("nan,2", "must be finite"),
        ("-inf:3:4", "must be finite"),
        ("0:1e4:2", "of at most 1000 SD"),
        ("2,1", "must be ascending"),
        ("1,1", "must be ascending"),
        ("1.00000001,1.00000002", "each named once"),
        ("1,,2", "must be numbers"),
        ("1_0", "must be numbers"),
        ("0,1_0", "must be numbers"),
        ("0:1_0:3", "must be numbers"),
        ("0:1:1_0", "must be numbers"),
        ("3:-3:11", "must be ascending"),
    ],
)
def test_what_are_no_levels_is_told_with_an_example(given: Any, told: str) -> None:
    with pytest.raises(BadInputError, match=told) as caught:
        parse_levels(given)
    assert "-3:3:11" in str(caught.value)


def test_a_level_set_is_seeds_times_levels_within_one_budget() -> None:
    plan = resolve_plan(BASE)
    assert plan.describe().startswith(
        "2 seeds x 1 target x 3 levels (-1 to +1 SD) x 1 encoder = 6 probes, each within l2:10, 24 files, about "
    )
    recipes = list_recipes(plan)
    assert [recipe.config.level for recipe in recipes] == [-1.0, 0.0, 1.0] * 2
    assert {recipe.config.attack.epsilon for recipe in recipes} == {10.0}
    first, second = plan.images
    names = name_pairs([recipe.config for recipe in recipes], [recipe.image_id for recipe in recipes])
    assert names == tuple(f"{seed}-FFA-level{level}" for seed in (first, second) for level in ("-1", "+0", "+1"))
    assert len({recipe.digest for recipe in recipes}) == 6


def test_one_level_is_a_set() -> None:
    plan = resolve_plan(BASE | {"levels": "0"})
    assert plan.describe().startswith("2 seeds x 1 target x 1 level (+0 SD) x 1 encoder = 2 probes")
    assert [recipe.config.level for recipe in list_recipes(plan)] == [0.0, 0.0]
    assert resolve_plan(json.loads(json.dumps(pack_plan(plan)))) == plan


@pytest.mark.parametrize("ending", ["toml", "json", "TOML"])
def test_a_plan_is_written_as_its_ending_says(tmp_path: Path, ending: str) -> None:
    plan, file = (
        resolve_plan(BASE | {"name": 'é "quoted" \\ name', "budgets": "l2:0.00001"}),
        tmp_path / f"plan.{ending}",
    )
    write_plan(plan, file)
    text = file.read_text(encoding="utf-8")
    packed = json.loads(text) if ending == "json" else tomllib.loads(text)
    assert packed == json.loads(json.dumps(pack_plan(plan)))
    assert resolve_plan(read_plan(file)) == plan


def test_a_level_set_written_down_leads_to_itself() -> None:
    plan = resolve_plan(BASE | {"networks": ["mobilenet_v2_robust", "alexnet"], "budgets": ["linf:8/255"]})
    packed = json.loads(json.dumps(pack_plan(plan)))
    assert resolve_plan(packed) == plan
    assert packed["levels"] == [-1.0, 0.0, 1.0] and "directions" not in packed
    assert {network for network, _ in plan.delivery.transfer} == {"mobilenet_v2_robust", "alexnet"}, (
        "each scores the rest"
    )


def test_what_is_left_out_of_a_level_set_has_a_default() -> None:
    plan = resolve_plan({"rois": ["FFA"], "levels": "-3:3:11"})
    assert (len(plan.images), len(plan.levels), plan.budgets) == (10, 11, (Budget(NormName.L2, 10.0),))
    named = resolve_plan({"rois": ["FFA"], "levels": [-1, 1], "images": ["cat_chelsea"]})
    assert named.images == ("cat_chelsea",)
    assert resolve_plan({"rois": ["FFA"]}).levels == (), "other plans have none"
    assert list_recipes(named)[0].config.direction is Direction.RAISE, "until the search decides it"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"seeds": 0}, "`seeds` must be a whole number of at least 1 and at most 298, got 0"),
        ({"seeds": 299}, "simulated holds out 298 images"),
        ({"seeds": 1.5}, "whole number"),
        ({"directions": ["raise"]}, "`directions` must be left out beside levels"),
        ({"budgets": ["l2:3", "linf:8/255"]}, "`budgets` must be one beside levels"),
        ({"images": ["test:2"]}, "`seeds` must be left out beside images"),
        ({"gate": 0.99}, "below the gate 0.99"),
        ({"levels": "a"}, "numbers of SDs"),
    ],
)
def test_what_a_level_set_cannot_be_is_told(change: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInputError) as caught:
        resolve_plan(BASE | change)
    assert told in str(caught.value)


@pytest.mark.parametrize("role", ["networks", "transfer"])
def test_encoders_of_two_subjects_are_told(role: str) -> None:
    other = next(one for one in list_encoders() if one.subject == "kay2017")
    words = ["mobilenet_v2_robust", f"kay2017/{other.network}:{other.layer}"]
    with pytest.raises(BadInputError, match=r"`networks` must be of one subject .* got \['kay2017', 'simulated'\]"):
        resolve_plan(BASE | {role: words})


def test_seeds_without_levels_are_told() -> None:
    with pytest.raises(BadInputError, match="`seeds` must be left out without levels, got 3"):
        resolve_plan({"rois": ["FFA"], "seeds": 3})


def _install(**changes: Any) -> None:
    """A copy of a shipped encoder in the user's folder, with another card."""
    data = load_encoder_data(find_encoder("simulated", "alexnet", "features.4"))
    changed: EncoderData = seal(dataclasses.replace(data, card=dataclasses.replace(data.card, **changes)))
    save_encoder(changed, user_encoders_folder())


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path))


@pytest.mark.usefixtures("own_home")
@pytest.mark.parametrize("place", ["networks", "transfer"])
def test_an_encoder_without_a_mean_is_refused_with_the_cure(place: str) -> None:
    _install(provenance=Provenance("arrays", "", "", ()))
    asked = BASE | {place: [*BASE["networks"], "alexnet:features.4"]}
    with pytest.raises(BadInputError, match="main.py encoders reference simulated-alexnet-features.4"):
        resolve_plan(asked)
    n_voxels = load_encoder_data(find_encoder("simulated", "alexnet", "features.4")).card.n_voxels
    _install(provenance=Provenance("arrays", "", "", ()), reference_mean=np.zeros(n_voxels, np.float32))
    assert resolve_plan(asked).levels


def reading(level: float, saved: float, *, size: float, norm: NormName = NormName.L2) -> LevelReading:
    before = level if abs(saved - level) < 0.2 else saved
    return LevelReading("tiny layer3 · ROI FFA", "cat", level, saved, before, size, norm)


def test_readings_are_told_a_line_a_level() -> None:
    told = describe_readings([reading(1, 1.01, size=2.0), reading(1, 0.9, size=3.0), reading(-1, -0.4, size=10.0)])
    assert len(told) == 3 and "tiny layer3 · ROI FFA" in told[0]
    assert told[1] == "  -1 SD: 0 of 1 reached, -0.40 SD at best, 0 hold in 8 bits"
    assert told[2] == "  +1 SD: 2 of 2 reached, L2 2.5 (2 to 3), 1 hold in 8 bits"


def test_linf_sizes_are_told_in_grey_levels() -> None:
    told = describe_readings([reading(1, 1, size=float(np.float32(size / 255)), norm=NormName.LINF) for size in (2, 4)])
    assert told[1] == "  +1 SD: 2 of 2 reached, Linf 3/255 (2/255 to 4/255), 2 hold in 8 bits"


def row(level: float, reached: float, before: float | None) -> tuple[ManifestRow, ManifestRow]:
    first, second = (make_row("cat", f"FFA{level}", role) for role in ("original", "raise"))
    changes: dict[str, Any] = {"level": level, "epsilon": 3.0, "level_before_saving": before}
    return (
        dataclasses.replace(first, level_reached=0.0, **changes),
        dataclasses.replace(second, level_reached=reached, **changes),
    )


def test_a_level_is_reached_where_the_pixels_were_before_saving() -> None:
    rows = [*row(1, 0.9, 1.0), *row(2, 1.98, None), *row(3, 2.5, 2.6), *row(4, 3.99, 3.9)]
    found = read_set_levels(rows)
    assert [(one.wanted, one.reached, one.survives) for one in found] == [
        (1, True, False),
        (2, True, True),
        (3, False, False),
        (4, False, True),
    ]


def test_a_set_without_levels_has_no_strip(tmp_path: Path) -> None:
    found = read_manifest(write_set(tmp_path / "plain"))
    assert read_set_levels(found.rows) == ()
    with pytest.raises(BadInputError, match="is no level set: `stimuli plan --levels` plans one"):
        read_strips(found)
