"""The foot of a page: it shows its own job alone, tells each end, and can be used again after all of them."""

from __future__ import annotations

from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.base.jobs import DEFECT, Failed, Idle, JobLane
from app.widgets.job_line import STARTING, WAITING, JobLine, Reading
from core.errors import BadInputError
from tests.helpers.gated_work import GatedWork


@pytest.fixture
def line(qtbot: QtBot) -> JobLine:
    made = JobLine()
    qtbot.addWidget(made)
    made.show()
    return made


def run(line: JobLine, lane: JobLane, work: GatedWork) -> list[Any]:
    done: list[Any] = []

    def take(answer: Any) -> None:
        assert not line.busy
        done.append(answer)
        line.say("Done.", share=1.0)

    read = lambda record: Reading(record / 10, f"{record} of 10", 42.0)  # noqa: E731
    line.run(lane, "fit", work.make, title="Fitting…", on_done=take, read=read, stopped="Stopped here.")
    return done


def wait_idle(lane: JobLane, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: isinstance(lane.state, Idle))


def test_progress_with_the_time_left_and_the_answer(line: JobLine, lane: JobLane, qtbot: QtBot) -> None:
    work = GatedWork()
    done = run(line, lane, work)
    assert line.busy
    qtbot.waitUntil(lambda: line.note.text() == STARTING)
    work.send(3)
    qtbot.waitUntil(lambda: line.note.text() == "3 of 10, 42 s left")
    assert line.bar.share == pytest.approx(0.3)
    work.finish(10)
    qtbot.waitUntil(lambda: bool(done))
    assert (done, line.note.text(), line.bar.share) == ([10], "Done.", 1.0)


def test_what_is_stopped_while_it_waits_says_so_at_once(line: JobLine, lane: JobLane, qtbot: QtBot) -> None:
    other, work = GatedWork(), GatedWork()
    lane.submit("fit", other.make, on_done=lambda _: None, background=True)
    done = run(line, lane, work)
    assert line.note.text() == WAITING
    line.cancel()
    assert not line.busy and line.note.text() == "Stopped here." and work.begun == 0
    other.finish()
    wait_idle(lane, qtbot)
    again = run(line, lane, work)
    work.finish(7)
    qtbot.waitUntil(lambda: again == [7])
    assert done == []


def test_stopping_the_running_one(line: JobLine, lane: JobLane, qtbot: QtBot) -> None:
    run(line, lane, GatedWork())
    qtbot.waitUntil(lambda: line.note.text() == STARTING)
    line.cancel()
    assert line.busy and line.note.text() == "Stopping…"
    qtbot.waitUntil(lambda: line.note.text() == "Stopped here.")
    assert not line.busy


@pytest.mark.parametrize("visible", [True, False])
def test_a_refusal_is_told_once_where_it_is_read(line: JobLine, lane: JobLane, qtbot: QtBot, visible: bool) -> None:
    told: list[Failed] = []
    lane.failed.connect(told.append)
    line.setVisible(visible)
    work = GatedWork()
    run(line, lane, work)
    work.send(BadInputError("`folds` must be at least 2, got 1."))
    qtbot.waitUntil(lambda: not line.busy)
    assert line.error.text() == "`folds` must be at least 2, got 1." and line.note.text() == ""
    assert len(told) == (0 if visible else 1)


def test_a_defect_is_reported_and_the_line_points_there(line: JobLine, lane: JobLane, qtbot: QtBot) -> None:
    told: list[Failed] = []
    lane.failed.connect(told.append)
    work = GatedWork()
    run(line, lane, work)
    work.send(ZeroDivisionError("division by zero"))
    qtbot.waitUntil(lambda: not line.busy)
    assert line.error.text() == DEFECT
    assert [type(failed.error) for failed in told] == [ZeroDivisionError]


def test_a_dropped_job_says_nothing(line: JobLine, lane: JobLane, qtbot: QtBot) -> None:
    done = run(line, lane, GatedWork())
    line.drop()
    assert not line.busy and line.note.text() == ""
    wait_idle(lane, qtbot)
    assert done == [] and line.note.text() == ""


def test_a_line_that_was_deleted_does_not_hold_the_answer_back(lane: JobLane, qtbot: QtBot) -> None:
    line, work, done = JobLine(), GatedWork(), []
    line.run(lane, "import", work.make, title="", on_done=done.append)
    line.deleteLater()
    qtbot.waitUntil(lambda: work.begun == 1)
    work.finish("kept")
    qtbot.waitUntil(lambda: done == ["kept"])
