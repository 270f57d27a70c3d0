"""Long work that ends is told of once, with how it went; short, cancelled and unwanted notices are not."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from PySide6.QtCore import QObject, Signal
from pytestqt.qtbot import QtBot

from app.base.jobs import DEFECT, Completed, Failed, Job, JobLane, Outcome, Stopped
from app.shell.banner import Notices
from app.widgets.desk import Tone
from core.errors import StorageError
from core.words import write_duration
from tests.helpers.desks import make_desk
from tests.helpers.gated_work import GatedWork


class Lane(QObject):
    ended = Signal(object, object)


@dataclass
class FakeSettings:
    wish: str = "always"

    def whole(self, _key: str) -> int:
        return 20

    def text(self, _key: str) -> str:
        return self.wish


class Watched:
    def __init__(self, qtbot: QtBot) -> None:
        self.lane, self.settings = Lane(), FakeSettings()
        self.said: list[tuple[str, Tone]] = []
        desk = make_desk(qtbot, SimpleNamespace(lane=self.lane, settings=self.settings), said=self.said)
        self.notices = Notices(desk)

    def end(self, title: str, outcome: Outcome, *, after: float) -> None:
        job = Job("fit", title, make=int, on_begun=int, on_progress=int, on_done=int, on_failed=int, on_stopped=int)
        job.began = time.monotonic() - after
        self.lane.ended.emit(job, outcome)


@pytest.fixture
def watched(qtbot: QtBot) -> Watched:
    return Watched(qtbot)


def test_long_work_is_told_of_with_its_duration(watched: Watched) -> None:
    watched.end("Fitting encoders…", Completed(None), after=185)
    assert watched.notices.told == ["Fitting encoders: done after 3 min 5 s"]
    assert watched.said == [(watched.notices.told[0], "info")]


def test_short_work_is_not(watched: Watched) -> None:
    watched.end("Probing…", Completed(None), after=19)
    assert watched.notices.told == []


def test_stopped_work_is_not(watched: Watched) -> None:
    watched.end("Fitting…", Stopped(), after=100)
    assert watched.notices.told == []


def test_a_failure_is_told_with_its_own_sentence_and_the_banner_keeps_it(watched: Watched) -> None:
    watched.end("Fitting…", Failed(StorageError("The disk is full."), ""), after=60)
    watched.end("Transfer…", Completed(None), after=60)
    watched.end("Study…", Failed(ZeroDivisionError("division by zero"), ""), after=60)
    assert watched.notices.told == ["Fitting: The disk is full.", "Transfer: done after 1 min", f"Study: {DEFECT}"]
    assert watched.said == [("Transfer: done after 1 min", "info")]


def test_a_failure_is_told_of_the_work_that_failed_and_of_no_other(watched: Watched) -> None:
    watched.end("Probing…", Failed(StorageError("The disk is full."), ""), after=30)
    watched.end("Fitting…", Completed(None), after=90)
    assert watched.notices.told == ["Probing: The disk is full.", "Fitting: done after 1 min 30 s"]


def test_a_probe_that_passes_a_long_job_does_not_end_it(qtbot: QtBot, lane: JobLane) -> None:
    said: list[tuple[str, Tone]] = []
    notices = Notices(make_desk(qtbot, SimpleNamespace(lane=lane, settings=FakeSettings()), said=said))
    fit, probe, ended = GatedWork(), GatedWork(), list[str]()
    lane.ended.connect(lambda job, _outcome: ended.append(job.kind))
    fitting = lane.submit("fit", fit.make, on_done=int, title="Fitting…", background=True)
    qtbot.waitUntil(lambda: fit.begun == 1)
    fitting.began -= 60
    probing = lane.submit("probe", probe.make, on_done=int, title="Probing…")
    fit.send(1)
    qtbot.waitUntil(lambda: probe.begun == 1)
    probe.finish(2)
    qtbot.waitUntil(lambda: ended == ["probe"])
    assert notices.told == [] and said == []
    assert probing.began - fitting.began >= 60
    fit.finish(3)
    qtbot.waitUntil(lambda: ended == ["probe", "fit"])
    assert notices.told == ["Fitting: done after 1 min"]
    assert said == [("Fitting: done after 1 min", "info")]


@pytest.mark.parametrize(("wish", "count"), [("never", 0), ("away", 1), ("always", 1)])
def test_the_setting_decides(watched: Watched, wish: str, count: int) -> None:
    watched.settings.wish = wish
    watched.end("Fitting…", Completed(None), after=60)  # the window was never shown, so another is in front
    assert len(watched.notices.told) == count


@pytest.mark.parametrize(
    ("seconds", "text"), [(47.6, "48 s"), (60, "1 min"), (185, "3 min 5 s"), (7800, "2 h 10 min"), (7200, "2 h")]
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert write_duration(seconds) == text
