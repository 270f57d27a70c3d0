from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from PySide6.QtCore import QObject, QTimer
from pytestqt.qtbot import QtBot

from app.base.turns import Turns


def steps(name: str, told: list[str]) -> Iterator[None]:
    for number in range(3):
        told.append(f"{name}{number}")
        yield


def test_other_events_come_between_the_steps(qtbot: QtBot) -> None:
    owner, told = QObject(), list[str]()
    turns, other = Turns(owner), QTimer(owner, interval=0)
    other.timeout.connect(lambda: told.append("other"))
    other.start()
    turns.begin(steps("a", told))
    assert told == []
    qtbot.waitUntil(lambda: not turns.isActive())
    other.stop()
    places = [told.index(name) for name in ("a0", "a1", "a2")]
    assert all("other" in told[first:last] for first, last in pairwise(places))


def test_newer_steps_take_the_place_of_what_is_left(qtbot: QtBot) -> None:
    owner, told = QObject(), list[str]()
    turns = Turns(owner)
    turns.begin(steps("a", told))
    turns.timeout.emit()
    turns.begin(steps("b", told))
    qtbot.waitUntil(lambda: not turns.isActive())
    assert told == ["a0", "b0", "b1", "b2"]


def test_the_rest_can_be_taken_at_once(qtbot: QtBot) -> None:
    owner, told = QObject(), list[str]()
    turns = Turns(owner)
    turns.begin(steps("a", told))
    turns.finish()
    assert told == ["a0", "a1", "a2"] and not turns.isActive()
    turns.finish()
    assert told == ["a0", "a1", "a2"]
