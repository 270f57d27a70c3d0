"""The choice of a layer for each ROI: by hand, without the held-out images, and with everything saved that it found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.encoders.card import LayerScore
from core.encoders.config import EncoderConfig
from core.encoders.files import load_card, user_encoders_folder, usual_layer
from core.encoders.fit import FitPlaces, FitSource
from core.encoders.fit_request import (
    LayerChoice,
    SearchProgress,
    check_layers,
    choose_layers,
    iter_layer_search,
    score_layers,
)
from core.errors import BadInputError
from tests.helpers.tiny_encoders import make_card, make_spec
from tests.helpers.voxels import make_voxels


class FirstLayer:
    """The tiny network under the name of an earlier layer, whose features are other ones."""

    def __init__(self, tiny: Any) -> None:
        self._tiny = tiny
        self.layer = "first"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tiny, name)

    def __call__(self, pixels: Any) -> Any:
        return self._tiny(pixels.flip(-1).pow(3))


@pytest.fixture
def configs(config: EncoderConfig) -> list[EncoderConfig]:
    return [replace(config, layer="first"), config]


def search(configs: list[EncoderConfig], tiny: Any, source: FitSource, folder: Path) -> list[SearchProgress]:
    networks = {"first": FirstLayer(tiny), "second": tiny}
    places = FitPlaces(encoders=folder, cache=folder / "cache")
    return list(iter_layer_search(configs, networks.__getitem__, source=source, places=places))


def choice_of(records: list[SearchProgress]) -> LayerChoice:
    assert records[-1].choice is not None and all(record.choice is None for record in records[:-1])
    return records[-1].choice


def test_the_best_point_of_each_curve_wins_and_ties_go_to_the_earlier_layer() -> None:
    cards = []
    for layer, values in (
        ("early", [0.6, 0.2, 0.1, 0.1, 0.3, 0.5, 0.0]),
        ("late", [0.1, 0.2, 0.4, 0.5, 0.6, 0.3, 0.0]),
    ):
        config = EncoderConfig("s", "n", layer)
        cards.append(replace(make_card(7), config=config, cv_r=np.array(values, dtype=np.float32)))
    curve = score_layers(cards, make_voxels())
    assert [(one.layer, one.roi, round(one.cv_r_median, 6)) for one in curve] == [
        ("early", "(all)", 0.2),
        ("early", "V1", 0.5),
        ("early", "FFA", 0.1),
        ("late", "(all)", 0.3),
        ("late", "V1", 0.2),
        ("late", "FFA", 0.5),
    ]
    assert {roi: one.layer for roi, one in choose_layers(curve).items()} == {
        "(all)": "late",
        "V1": "early",
        "FFA": "late",
    }
    tied = [LayerScore("early", "V1", 0.2), LayerScore("late", "V1", 0.2)]
    assert choose_layers(tied)["V1"].layer == "early"


def test_what_it_found_is_saved(configs: list[EncoderConfig], tiny: Any, source: FitSource, tmp_path: Path) -> None:
    records = search(configs, tiny, source, tmp_path)
    choice = choice_of(records)
    assert {(record.layer, record.number, record.n_layers) for record in records} == {("first", 1, 2), ("second", 2, 2)}
    table = json.loads(choice.table.read_text())
    assert (table["subject"], table["network"], len(table["curve"])) == ("someone", "tiny", 6)
    for best in table["best"]:
        card = load_card("someone", "tiny", best["layer"], folders=(tmp_path,))
        assert card.layer_curve == choice.curve and (tmp_path / best["file"]).is_file()
        rows = source.subject.voxels.voxels_in(best["roi"]) if best["roi"] != "(all)" else np.arange(7)
        assert best["cv_r_median"] == pytest.approx(float(np.median(card.cv_r[rows])))
        assert best["cv_r_median"] == max(one.cv_r_median for one in choice.curve if one.roi == best["roi"])
    assert {best["layer"] for best in table["best"]} == {path.stem.split("-")[-1] for path in choice.files}
    assert not list((tmp_path / "cache" / "fits").glob("*"))


def test_images_are_read_once_for_all_layers(
    configs: list[EncoderConfig], tiny: Any, source: FitSource, tmp_path: Path
) -> None:
    read: list[str] = []

    def load(name: str) -> Any:
        read.append(name)
        return source.load(name)

    search(configs, tiny, replace(source, load=load), tmp_path)
    first = len(read)
    search(configs, tiny, replace(source, load=load), tmp_path)
    assert (first, len(read)) == (120, 180)  # uncached: once a layer; cached: once


def test_held_out_images_take_no_part_in_the_choice(
    configs: list[EncoderConfig], tiny: Any, source: FitSource, tmp_path: Path
) -> None:
    responses = source.responses.copy()
    test = source.subject.test
    responses[test] = np.random.default_rng(0).permutation(responses[test]) * -3
    first = choice_of(search(configs, tiny, source, tmp_path / "one"))
    other = choice_of(search(configs, tiny, replace(source, responses=responses), tmp_path / "two"))
    assert first.curve == other.curve and first.best == other.best
    assert not np.array_equal(first.cards[0].r, other.cards[0].r)


def test_one_layer_or_another_subject_is_refused(config: EncoderConfig) -> None:
    with pytest.raises(BadInputError, match="`layers` must be two different layers or more"):
        check_layers([config, config])
    with pytest.raises(BadInputError, match="`layers` must be of one subject and network"):
        check_layers([config, replace(config, layer="first", subject="other")])


def test_an_interrupted_search_keeps_the_layers_it_finished(
    configs: list[EncoderConfig], tiny: Any, source: FitSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = {"first": FirstLayer(tiny), "second": tiny}
    places = FitPlaces(encoders=tmp_path, cache=tmp_path / "cache")
    running = iter_layer_search(configs, networks.__getitem__, source=source, places=places)
    while next(running).number == 1:
        pass
    running.close()
    solved = SimpleNamespace(count=0)

    def count(*args: Any, **more: Any) -> Any:
        solved.count += 1
        return solve_batch(*args, **more)

    from core.encoders.solve import solve_batch

    monkeypatch.setattr("core.encoders.solve.solve_batch", count)
    choice_of(list(iter_layer_search(configs, networks.__getitem__, source=source, places=places)))
    assert solved.count == 1  # the second layer's only batch


def test_what_is_probed_without_naming_a_layer_is_what_the_search_chose(
    configs: list[EncoderConfig], tiny: Any, source: FitSource
) -> None:
    folder = user_encoders_folder()
    spec = make_spec(12)
    subject = source.subject.id
    assert usual_layer(subject, spec) == spec.default_layer
    choice = choice_of(search(configs, tiny, source, folder))
    assert {one.roi for one in choice.best} == {"(all)", "V1", "FFA"}
    for one in choice.best:
        assert usual_layer(subject, spec, roi=one.roi) == one.layer
    overall = next(one for one in choice.best if one.roi == "(all)")
    assert usual_layer(subject, spec) == usual_layer(subject, spec, roi="PPA") == overall.layer
    assert usual_layer("someone-else", spec) == spec.default_layer
    for path in choice.files:
        path.unlink()
    assert usual_layer(subject, spec) == spec.default_layer  # its encoder is gone
