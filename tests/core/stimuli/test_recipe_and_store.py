"""A recipe survives JSON; a stored probe is found by it, and only where it can be used."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from core.errors import BadInputError
from core.headers import unstructure
from core.probes.probe import Probe
from core.stimuli import set_work
from core.stimuli.make import iter_probes
from core.stimuli.recipe import Recipe, find_licence, name_source, recipe_of, unpack_recipe
from core.stimuli.store import ProbeStore
from core.sweeps.work import Made
from core.sweeps.workers import iter_cells
from tests.helpers.probes import make_probe

PROBE = make_probe(44, 16)


def test_a_recipe_is_the_same_after_json() -> None:
    recipe = recipe_of(PROBE, "cat_chelsea")
    again = unpack_recipe(json.loads(json.dumps(unstructure(recipe))))
    assert again == recipe
    assert again.digest == recipe.digest


def test_the_digest_knows_what_is_shown_not_where_it_lies() -> None:
    recipe = recipe_of(PROBE, "cat_chelsea")
    assert dataclasses.replace(recipe, image="/elsewhere/cat.png", image_id="cat").digest == recipe.digest
    assert dataclasses.replace(recipe, image_sha256="f" * 64).digest != recipe.digest
    assert dataclasses.replace(recipe, encoder_sha256="f" * 64).digest != recipe.digest


def test_half_a_recipe_is_told() -> None:
    with pytest.raises(BadInputError, match="not the recipe of a probe: it lacks `encoder_sha256`"):
        unpack_recipe(
            {key: value for key, value in unstructure(recipe_of(PROBE, "cat")).items() if "encoder" not in key}
        )


def test_files_are_named_from_everywhere_and_ids_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.png").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    assert name_source("mine.png") == str(tmp_path / "mine.png")
    assert name_source("cat_chelsea") == "cat_chelsea"
    assert name_source("s01:0007") == "s01:0007"


def test_licences_of_shipped_images_are_known_and_others_not() -> None:
    assert find_licence("cat_chelsea") != ""
    assert find_licence("/mine.png") == ""


@pytest.fixture
def stored(tmp_path: Path) -> tuple[ProbeStore, Recipe]:
    store, recipe = ProbeStore(tmp_path), recipe_of(PROBE, "cat")
    store.save(recipe, PROBE)
    return store, recipe


def test_a_stored_probe_has_what_was_delivered_and_no_history(stored: tuple[ProbeStore, Recipe]) -> None:
    store, recipe = stored
    found = store.load(recipe)
    assert found is not None
    np.testing.assert_array_equal(found.perturbed_pixels, PROBE.perturbed_pixels)
    np.testing.assert_array_equal(found.perturbed, PROBE.perturbed)
    assert (found.config, found.history.n_steps) == (PROBE.config, 0)


def test_a_probe_of_other_versions_is_not_used_again(stored: tuple[ProbeStore, Recipe]) -> None:
    store, recipe = stored
    same = PROBE.versions | {"device": PROBE.device}
    assert store.load(recipe, circumstances=same) is not None
    assert store.load(recipe, circumstances=same | {"torch": "1"}) is None


def test_a_damaged_probe_counts_as_missing(stored: tuple[ProbeStore, Recipe]) -> None:
    store, recipe = stored
    (store.folder / f"{recipe.digest}.safetensors").write_bytes(b"half")
    assert store.load(recipe) is None
    assert store.load(dataclasses.replace(recipe, image_sha256="f" * 64)) is None


def test_two_sets_at_once_share_the_probes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is made once, whoever makes it; what the other is at is waited for; one given up is taken over."""
    recipes = [dataclasses.replace(recipe_of(PROBE, "cat"), image_sha256=f"{number}" * 64) for number in range(5)]
    made: Counter[str] = Counter()

    def make_one(_source: object, recipe: Recipe, *_: object) -> Iterator[tuple[float, Probe | None]]:
        made[recipe.image_sha256[0]] += 1
        yield 0.5, None
        yield 1.0, PROBE

    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("core.stimuli.make._iter_probe", make_one)
    here = PROBE.versions | {"device": PROBE.device}
    monkeypatch.setattr("core.stimuli.make.describe_circumstances", lambda _device: here)
    facts: dict[str, Any] = {"network_sha256": {}}
    runner = dataclasses.replace(set_work.SET_RUNNER, note_facts=lambda _: facts)
    monkeypatch.setattr(set_work, "SET_RUNNER", runner)
    source, own = cast(Any, SimpleNamespace(device="cpu")), ProbeStore(tmp_path / "own")

    def run(some: list[Recipe], pause: Callable[[float], object] = lambda _: None) -> Iterator[Any]:
        store = set_work.begin_set(some, own)
        place = Made("here", "cpu", {})
        return iter_cells(
            store, partial(runner.prepare, source, store), place=place, seconds_of=lambda _: 1.0, pause=pause
        )

    first, third = run(recipes), run(recipes[:0:-1])
    assert [next(first).part, next(first).part.share] == [None, 0.5]
    assert [next(third).part, next(third).part.share] == [None, 0.5]
    assert made == {"0": 1, "4": 1}
    waits = []

    def pause(_seconds: float) -> None:
        waits.append(1)
        next(first, None)
        if len(waits) == 2:
            third.close()  # type: ignore[attr-defined]

    records = list(run([*recipes, recipes[0]], pause))
    assert made == {"0": 1, "1": 1, "2": 1, "3": 1, "4": 2}, "the one given up is made again"
    assert records[-1].total == 5
    assert any("waiting" in one.what for one in records)
    list(first)
    assert sum(made.values()) == 6
    assert list((tmp_path / "own" / "claims").iterdir()) == []
    assert all(own.load(recipe) is not None for recipe in recipes)


def test_stopping_one_set_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path))
    facts: dict[str, Any] = {"network_sha256": {}}
    monkeypatch.setattr(set_work, "SET_RUNNER", dataclasses.replace(set_work.SET_RUNNER, note_facts=lambda _: facts))
    recipes = [dataclasses.replace(recipe_of(PROBE, "cat"), image_sha256=f"{number}" * 64) for number in range(2)]
    one, two = (set_work.begin_set([recipe], ProbeStore(tmp_path / "own")).claims() for recipe in recipes)
    one.stop()
    assert one.is_stopped and not two.is_stopped and one.folder == two.folder
    one.go_on()
    assert not one.is_stopped


def test_the_probes_of_a_restored_tray_are_not_made_again(
    stored: tuple[ProbeStore, Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, recipe = stored
    made: list[Recipe] = []
    monkeypatch.setattr("core.stimuli.make._iter_probe", lambda _source, one, *_: iter([made.append(one)]))
    here = PROBE.versions | {"device": PROBE.device}
    monkeypatch.setattr("core.stimuli.make.describe_circumstances", lambda _device: here)
    restored = unpack_recipe(json.loads(json.dumps(recipe.packed)))
    behind_an_analysis = dataclasses.replace(restored, analysed_sd=1.0)
    source = cast(Any, SimpleNamespace(device="cpu"))
    assert not list(iter_probes(source, [restored, behind_an_analysis], store=store)) and not made
