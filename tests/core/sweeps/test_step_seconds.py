"""The measured pace of a network: timed once, remembered, measured again where the note is broken."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import Cancelled
from core.networks.network import Network
from core.paths import cache_folder
from core.sweeps.step_seconds import describe_needs, measure_step_seconds, read_step_seconds, time_step
from tests.helpers.tiny_encoders import make_linear_encoder

LAYER = ("alexnet", "features.4")


class Source(SimpleNamespace):
    device = "cpu"
    opened = 0

    def open_network(self, network: str, layer: str) -> Network:
        self.opened += 1
        return make_linear_encoder().network


def test_a_pace_is_measured_once_and_remembered() -> None:
    source: Any = Source()
    assert read_step_seconds([LAYER], "cpu") == {}
    first = measure_step_seconds(source, [LAYER, LAYER])
    assert first[LAYER] > 0
    assert measure_step_seconds(source, [LAYER]) == first == read_step_seconds([LAYER], "cpu")
    assert source.opened == 1
    assert read_step_seconds([LAYER], "cuda") == {}


def test_a_pace_is_that_of_a_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes do not depend on them; seconds do, and N processes have an N-th of the cores each."""
    monkeypatch.setattr("torch.get_num_threads", lambda: 8)
    step = measure_step_seconds(Source(), [LAYER])[LAYER]
    told = describe_needs(3600.0, [LAYER], "cpu", n_workers=2)
    assert told.startswith("8 CPU core hours (each on 8) in all, 30 min with 2 workers.")
    assert f"alexnet features.4 {1000 * step:.1f} ms" in told
    monkeypatch.setattr("torch.get_num_threads", lambda: 4)
    assert read_step_seconds([LAYER], "cpu") == {}
    one_gpu = describe_needs(3600.0, [LAYER], "cuda", n_workers=2)
    assert one_gpu.startswith("1 GPU hours in all, 60 min with 2 workers.")


@pytest.mark.parametrize("text", ["", "[1]", '{"a": "b"}'])
def test_a_broken_note_is_measured_again(text: str) -> None:
    cache_folder().mkdir(parents=True, exist_ok=True)
    (cache_folder() / "paces.json").write_text(text, encoding="utf-8")
    assert measure_step_seconds(Source(), [LAYER])[LAYER] > 0


def test_timing_stops_when_asked() -> None:
    with pytest.raises(Cancelled):
        time_step(make_linear_encoder().network, lambda: True)
