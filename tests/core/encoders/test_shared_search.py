"""A search whose layers are fitted in cells chooses, and keeps, what one process does, byte for byte."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.cluster.run import iter_search
from core.encoders.config import EncoderConfig
from core.encoders.fit import FitSource
from core.encoders.fit_request import FitOptions, FitRequest
from core.sweeps import search
from core.sweeps.cells import Made
from core.sweeps.search import SEARCH_RUNNER
from core.sweeps.workers import iter_cells
from tests.core.encoders.test_layer_search import FirstLayer, choice_of
from tests.core.encoders.test_layer_search import search as search_here


def test_layers_fitted_in_cells_are_chosen_as_ever(
    config: EncoderConfig, tiny: Any, source: FitSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(search, "note_facts", lambda _: {"network_sha256": {}, "subject_sha256": {}})
    monkeypatch.setattr(search, "open_source", lambda *_, **__: source)
    monkeypatch.setattr(search, "load_subject", lambda _: source.subject)
    names = {one.name for one in fields(FitOptions)}
    shared = {one.name: getattr(config, one.name) for one in fields(EncoderConfig) if one.name in names}
    options = FitOptions(**shared, out=tmp_path / "cells")
    request = FitRequest(config.subject, config.network, ("first", "second"), options)
    networks = {"first": FirstLayer(tiny), "second": tiny}
    opens: Any = SimpleNamespace(open_network=lambda _network, layer: networks[layer])

    def run(store: Any) -> Any:
        prepare = lambda stop: SEARCH_RUNNER.prepare(opens, store, stop)  # noqa: E731
        yield from iter_cells(store, prepare, place=Made("here", "cpu", {}), seconds_of=lambda _: 1.0)

    *_, last = iter_search(request, run)
    configs = [replace(config, layer="first"), config]
    expected = choice_of(search_here(configs, tiny, source, tmp_path / "whole"))
    assert last.choice is not None
    assert (last.choice.best, last.choice.curve) == (expected.best, expected.curve)
    for mine, theirs in zip(last.choice.files, expected.files, strict=True):
        assert mine.parent == tmp_path / "cells"
        assert mine.read_bytes() == theirs.read_bytes()
        assert mine.with_suffix(".json").read_bytes() == theirs.with_suffix(".json").read_bytes()
    assert list((tmp_path / "home" / "cache" / "searches").iterdir()) == [], "what was not chosen is forgotten"
