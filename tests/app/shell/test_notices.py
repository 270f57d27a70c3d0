"""Long work that ends is told of once, with how it went; short, cancelled and unwanted notices are not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.base.jobs import Cancelling, Idle, Preparing, Running
from app.shell.main_window import MainWindow
from app.shell.notices import Notices, write_duration


class Lane(QWidget):
    state_changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.busy: set[str] = set()

    def is_busy(self, kind: str) -> bool:
        return kind in self.busy


class Troubles(QWidget):
    message = Signal(str, str)


@dataclass
class FakeSettings:
    wish: str = "always"

    def whole(self, _key: str) -> int:
        return 20

    def text(self, _key: str) -> str:
        return self.wish


@dataclass
class FakeSession:
    lane: Lane = field(default_factory=Lane)
    problems: Troubles = field(default_factory=Troubles)
    settings: FakeSettings = field(default_factory=FakeSettings)


@dataclass
class Notes:
    shown: list[str] = field(default_factory=list)

    def show_note(self, text: str) -> None:
        self.shown.append(text)


class Window(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.session = FakeSession()
        self.handlers = Notes()


class Watched:
    def __init__(self, qtbot: QtBot) -> None:
        self.window = Window()
        qtbot.addWidget(self.window)
        self.now = 0.0
        self.notices = Notices(cast(MainWindow, self.window), clock=lambda: self.now)

    def run(self, kind: str, title: str) -> None:
        self.window.session.lane.busy.add(kind)
        self.window.session.lane.state_changed.emit(Preparing(kind, title))

    def end(self, kind: str, *, after: float) -> None:
        self.now += after
        self.window.session.lane.busy.discard(kind)
        self.window.session.lane.state_changed.emit(Idle())


@pytest.fixture
def watched(qtbot: QtBot) -> Watched:
    return Watched(qtbot)


def test_long_work_is_told_of_with_its_duration(watched: Watched) -> None:
    watched.run("fit", "Fitting encoders…")
    watched.end("fit", after=185)
    assert watched.notices.told == ["Fitting encoders: done after 3 min 5 s"]
    assert watched.window.handlers.shown == watched.notices.told


def test_short_work_is_not(watched: Watched) -> None:
    watched.run("probe", "Starting the probe…")
    watched.end("probe", after=20)
    assert watched.notices.told == []


def test_cancelled_work_is_not(watched: Watched) -> None:
    watched.run("fit", "Fitting…")
    watched.now = 100
    watched.window.session.lane.state_changed.emit(Cancelling("fit", "Fitting…"))
    watched.end("fit", after=1)
    assert watched.notices.told == []


def test_a_failure_is_told_with_its_sentence_and_the_banner_keeps_it(watched: Watched) -> None:
    watched.run("fit", "Fitting…")
    watched.window.session.problems.message.emit("The disk is full.", "error")
    watched.end("fit", after=60)
    assert watched.notices.told == ["Fitting: The disk is full."]
    assert watched.window.handlers.shown == []


def test_a_probe_that_passes_a_long_job_does_not_end_it(watched: Watched) -> None:
    watched.run("sweep", "Transfer…")
    watched.now = 30
    watched.run("probe", "Starting the probe…")
    watched.window.session.lane.busy.discard("probe")
    watched.window.session.lane.state_changed.emit(Running("sweep", "Transfer…"))
    assert watched.notices.told == []
    watched.end("sweep", after=30)
    assert watched.notices.told == ["Transfer: done after 1 min"]


@pytest.mark.parametrize(("wish", "count"), [("never", 0), ("away", 1), ("always", 1)])
def test_the_setting_decides(watched: Watched, wish: str, count: int) -> None:
    watched.window.session.settings.wish = wish
    watched.run("fit", "Fitting…")
    watched.end("fit", after=60)  # the window was never shown, so another is in front
    assert len(watched.notices.told) == count


@pytest.mark.parametrize(
    ("seconds", "text"), [(47.6, "48 s"), (60, "1 min"), (185, "3 min 5 s"), (7800, "2 h 10 min"), (7200, "2 h")]
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert write_duration(seconds) == text
