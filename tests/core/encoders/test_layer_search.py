"""The choice of a layer for each ROI: by hand, without the held-out images, and with everything saved that it found."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.cluster.run import iter_search
from core.encoders.card import LayerScore
from core.encoders.config import EncoderConfig
from core.encoders.files import load_card, usual_layer
from core.encoders.fit import FitPlaces, FitSource
from core.encoders.fit_request import (
    FitOptions,
    FitRequest,
    LayerChoice,
    SearchProgress,
    choose_layers,
    iter_layer,
    score_layers,
)
from core.errors import BadInputError
from core.sweeps import search
from core.sweeps.work import Made
from core.sweeps.workers import iter_cells
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


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: FitSource) -> None:
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path / "home"))
    facts: dict[str, Any] = {"network_sha256": {}, "subject_sha256": {}}
    monkeypatch.setattr(search, "SEARCH_RUNNER", replace(search.SEARCH_RUNNER, note_facts=lambda _: facts))
    monkeypatch.setattr(search, "load_subject", lambda _: source.subject)


@pytest.fixture
def request_(config: EncoderConfig, tmp_path: Path) -> FitRequest:
    names = {one.name for one in fields(FitOptions)}
    shared = {one.name: getattr(config, one.name) for one in fields(EncoderConfig) if one.name in names}
    options = FitOptions(**shared, out=tmp_path / "kept")
    return FitRequest(config.subject, config.network, ("first", "second"), options)


def iter_layers(request: FitRequest, tiny: Any, source: FitSource, patch: pytest.MonkeyPatch) -> Generator[Any]:
    patch.setattr(search, "open_sources", lambda *_, **__: [source])
    networks = {"first": FirstLayer(tiny), "second": tiny}
    opens: Any = SimpleNamespace(open_network=lambda _network, layer: networks[layer])

    def run(store: Any) -> Any:
        prepare = partial(search.SEARCH_RUNNER.prepare, opens, store)
        yield from iter_cells(store, prepare, place=Made("here", "cpu", {}), seconds_of=lambda _: 1.0)

    yield from iter_search(request, run)


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


def test_what_it_found_is_saved(
    request_: FitRequest, tiny: Any, source: FitSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = list(iter_layers(request_, tiny, source, monkeypatch))
    choice = choice_of(records)
    tmp_path /= "kept"
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
    cache = tmp_path.parent / "home" / "cache"
    assert list((cache / "searches").iterdir()) == [] == list((cache / "fits").glob("*")), "the others are forgotten"
    assert {record.fit.stage for record in records} >= {"features", "readout", "done"}, "each layer tells how far it is"


def test_each_layer_is_fitted_as_if_it_were_alone(
    request_: FitRequest, tiny: Any, source: FitSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = choice_of(list(iter_layers(request_, tiny, source, monkeypatch)))
    assert {path.parent for path in choice.files} == {tmp_path / "kept"}
    for network in (FirstLayer(tiny), tiny):
        places = FitPlaces(encoders=tmp_path / "alone")
        *_, last = iter_layer(request_, network, [source], places=places)  # type: ignore[arg-type]
        assert last.result is not None and last.path is not None
        scores = {one.roi: one.cv_r_median for one in choice.curve if one.layer == network.layer}
        assert scores["(all)"] == pytest.approx(float(np.median(last.result.cv_r)))
        for card, file in zip(choice.cards, choice.files, strict=True):
            if card.config.layer == network.layer:
                assert (
                    file.with_suffix(".safetensors").read_bytes() == last.path.with_suffix(".safetensors").read_bytes()
                )


def test_images_are_read_once_for_all_layers(
    request_: FitRequest, tiny: Any, source: FitSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def load(name: str) -> Any:
        read.append(name)
        return source.load(name)

    list(iter_layers(request_, tiny, replace(source, load=load), monkeypatch))
    first = len(read)
    list(iter_layers(request_, tiny, replace(source, load=load), monkeypatch))
    assert (first, len(read)) == (120, 180)  # uncached: once a layer; cached: once


def test_held_out_images_take_no_part_in_the_choice(
    request_: FitRequest, tiny: Any, source: FitSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    responses = source.responses.copy()
    test = source.subject.test
    responses[test] = np.random.default_rng(0).permutation(responses[test]) * -3
    first = choice_of(list(iter_layers(request_, tiny, source, monkeypatch)))
    other = choice_of(list(iter_layers(request_, tiny, replace(source, responses=responses), monkeypatch)))
    assert first.curve == other.curve and first.best == other.best
    assert not np.array_equal(first.cards[0].r, other.cards[0].r)


@pytest.mark.parametrize("layers", [("first",), ("first", "first"), ("first", "second", "first"), ()])
def test_less_than_two_different_layers_are_refused(request_: FitRequest, layers: tuple[str, ...]) -> None:
    with pytest.raises(BadInputError, match="`layers` must be two different layers or more"):
        search.begin_search(replace(request_, layers=layers))


def test_an_interrupted_search_keeps_the_layers_it_finished(
    request_: FitRequest, tiny: Any, source: FitSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = iter_layers(request_, tiny, source, monkeypatch)
    while next(running).number == 1:
        pass
    running.close()
    solved = SimpleNamespace(count=0)

    def count(*args: Any, **more: Any) -> Any:
        solved.count += 1
        return solve_batch(*args, **more)

    from core.encoders.solve import solve_batch

    monkeypatch.setattr("core.encoders.solve.solve_batch", count)
    choice_of(list(iter_layers(request_, tiny, source, monkeypatch)))
    assert solved.count == 1  # the second layer's only batch


def test_what_is_probed_without_naming_a_layer_is_what_the_search_chose(
    request_: FitRequest, tiny: Any, source: FitSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_ = replace(request_, options=replace(request_.options, out=None))
    spec = make_spec(12)
    subject = source.subject.id
    assert usual_layer(subject, spec) == spec.default_layer
    choice = choice_of(list(iter_layers(request_, tiny, source, monkeypatch)))
    assert {one.roi for one in choice.best} == {"(all)", "V1", "FFA"}
    for one in choice.best:
        assert usual_layer(subject, spec, roi=one.roi) == one.layer
    overall = next(one for one in choice.best if one.roi == "(all)")
    assert usual_layer(subject, spec) == usual_layer(subject, spec, roi="PPA") == overall.layer
    assert usual_layer("someone-else", spec) == spec.default_layer
    for path in choice.files:
        path.unlink()
    assert usual_layer(subject, spec) == spec.default_layer  # its encoder is gone
