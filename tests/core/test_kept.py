"""What is kept in memory: found again, bounded in bytes, and what was used longest ago goes first."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import core.engine
from core.engine import Engine
from core.kept import Kept
from tests.helpers.tiny_encoders import make_conv_encoder


@pytest.mark.parametrize("room", [1, 2, 3])
def test_no_more_bytes_are_held_than_allowed_and_the_unused_go_first(room: int) -> None:
    kept: Kept[int, np.ndarray] = Kept(room * 80, measure=lambda array: array.nbytes)
    for number in range(5):
        kept.put(number, np.zeros(10))
        kept.get(0)
        assert kept.n_bytes <= room * 80
    expected = {1: {4}, 2: {0, 4}, 3: {0, 3, 4}}[room]
    assert {number for number in range(5) if kept.get(number) is not None} == expected


def test_one_that_is_larger_than_the_limit_is_kept_alone() -> None:
    kept: Kept[str, str] = Kept(3, measure=len)
    kept.put("a", "aa")
    kept.put("b", "bbbbbb")
    assert (kept.get("a"), kept.get("b"), kept.n_bytes) == (None, "bbbbbb", 6)
    kept.put("b", "b")
    assert kept.n_bytes == 1


def test_what_is_kept_is_not_made_again_and_what_is_dropped_is() -> None:
    kept: Kept[str, str] = Kept(100, measure=len)
    made: list[str] = []

    def make() -> str:
        made.append("x")
        return "value"

    assert [kept.find("key", make) for _ in range(3)] == ["value"] * 3
    assert len(made) == 1
    kept.drop(lambda key: key == "key")
    assert kept.n_bytes == 0
    kept.find("key", make)
    assert len(made) == 2


def test_threads_that_keep_at_once_leave_a_right_sum() -> None:
    kept: Kept[int, bytes] = Kept(50, measure=len)

    def work(first: int) -> None:
        for number in range(200):
            kept.put(first + number % 7, bytes(5))
            kept.get(number % 11)

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 3, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = [value for number in range(20) if (value := kept.get(number)) is not None]
    assert kept.n_bytes == sum(map(len, held)) <= 50


def test_an_engine_lets_go_of_the_networks_and_encoders_used_longest_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """By their real bytes: two of the tiny ones fit, the third makes the first go."""
    encoder = make_conv_encoder()
    size = sum(one.element_size() * one.numel() for one in (*encoder.parameters(), *encoder.buffers()))
    monkeypatch.setattr(core.engine, "ENCODER_BYTES", 2 * size)
    opened: list[tuple[str, ...]] = []

    def load(*key: str, network_module: object) -> object:
        opened.append(key)
        return make_conv_encoder()

    monkeypatch.setattr("core.encoders.files.load_encoder", load)
    engine = Engine(device="cpu")
    monkeypatch.setattr(engine, "open_network", lambda *_: None)
    for layer in ("a", "b", "a", "c", "a", "b"):
        engine.open_encoder("subject", "network", layer)
    assert [key[2] for key in opened] == ["a", "b", "c", "b"]
