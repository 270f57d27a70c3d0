from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from app.base.jobs import Cancelling, Completed, Failed, Idle, JobLane, Preparing, Running, WhenBusy
from core.errors import BadInputError, Cancelled


@pytest.fixture
def lane(qtbot: QtBot) -> Iterator[JobLane]:
    made = JobLane()
    yield made
    made.shutdown()


def count_slowly(stop: Callable[[], bool], n: int = 200, pause: float = 0.01) -> Iterator[int]:
    for number in range(n):
        until = time.monotonic() + pause
        while time.monotonic() < until:
            if stop():
                raise Cancelled
            time.sleep(0.001)
        yield number


def test_an_answer_comes_back_on_the_gui_thread(lane: JobLane, qtbot: QtBot) -> None:
    seen: list[tuple[Any, bool]] = []
    lane.submit("a", lambda _stop: 42, on_done=lambda answer: seen.append((answer, QThread.isMainThread())))
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == [(42, True)]


def test_work_runs_on_another_thread(lane: JobLane, qtbot: QtBot) -> None:
    seen: list[int] = []
    lane.submit("a", lambda _stop: threading.get_ident(), on_done=seen.append)
    qtbot.waitUntil(lambda: bool(seen))
    assert seen[0] != threading.get_ident()


def test_the_last_record_is_the_answer_and_progress_is_thinned(lane: JobLane, qtbot: QtBot) -> None:
    progress: list[int] = []
    done: list[int] = []
    lane.submit("a", lambda stop: count_slowly(stop, 40), on_progress=progress.append, on_done=done.append)
    qtbot.waitUntil(lambda: bool(done))
    assert done == [39]
    assert progress[0] == 0
    assert 3 <= len(progress) <= 12, "40 records in 0.4 s at 15 Hz"


def test_states_follow_the_diagram(lane: JobLane, qtbot: QtBot) -> None:
    states: list[type] = []
    lane.state_changed.connect(lambda state: states.append(type(state)))
    done: list[int] = []
    lane.submit("a", lambda stop: count_slowly(stop, 3), on_done=done.append)
    qtbot.waitUntil(lambda: isinstance(lane.state, Idle))
    assert states == [Preparing, Running, Idle]


def test_cancel_stops_at_the_step_under_way_and_says_so(lane: JobLane, qtbot: QtBot) -> None:
    stopped: list[str] = []
    made: list[int] = []

    def count_aloud(stop: Callable[[], bool]) -> Iterator[int]:
        for number in count_slowly(stop):
            made.append(number)
            yield number

    lane.submit(
        "a",
        count_aloud,
        on_done=lambda _answer: pytest.fail("a stopped job has no answer"),
        on_stopped=lambda: stopped.append("a"),
    )
    qtbot.waitUntil(lambda: bool(made))
    lane.cancel()
    n_made = len(made)
    assert isinstance(lane.state, Cancelling)
    qtbot.waitUntil(lambda: bool(stopped))
    assert len(made) - n_made <= 1, "steps, not seconds: the machine may be busy"
    assert isinstance(lane.state, Idle)


def test_only_the_newest_of_a_kind_waits(lane: JobLane, qtbot: QtBot) -> None:
    ran: list[int] = []

    def work(number: int) -> Callable[[Callable[[], bool]], int]:
        def make(_stop: Callable[[], bool]) -> int:
            time.sleep(0.05)
            ran.append(number)
            return number

        return make

    done: list[int] = []
    for number in range(20):
        lane.submit("preview", work(number), on_done=done.append, when_busy=WhenBusy.LATEST)
    qtbot.waitUntil(lambda: 19 in done)
    assert ran == [0, 19]
    assert done == [0, 19]


def test_a_replaced_job_never_answers(lane: JobLane, qtbot: QtBot) -> None:
    done: list[str] = []
    progress: list[str] = []

    def first(stop: Callable[[], bool]) -> Iterator[str]:
        for number in count_slowly(stop):
            yield f"old {number}"

    told_stop = lambda: done.append("old stop")  # noqa: E731
    lane.submit("probe", first, on_progress=progress.append, on_done=done.append, on_stopped=told_stop)
    qtbot.waitUntil(lambda: bool(progress))
    seen = len(progress)
    lane.submit("probe", lambda _stop: "new", on_done=done.append)
    qtbot.waitUntil(lambda: bool(done))
    qtbot.waitUntil(lambda: isinstance(lane.state, Idle))
    assert done == ["new"]
    assert len(progress) == seen


def test_a_failure_is_told_with_its_report_and_the_lane_goes_on(lane: JobLane, qtbot: QtBot) -> None:
    failures: list[Failed] = []

    def refuse(_stop: Callable[[], bool]) -> None:
        raise BadInputError("`steps` must be 1, got 0.")

    lane.submit("a", refuse, on_done=lambda _answer: pytest.fail("no answer"), on_failed=failures.append)
    done: list[int] = []
    lane.submit("b", lambda _stop: 1, on_done=done.append)
    qtbot.waitUntil(lambda: bool(done))
    assert isinstance(failures[0].error, BadInputError)
    assert "in refuse" in failures[0].report


def test_a_generator_is_closed_however_it_ends(lane: JobLane, qtbot: QtBot) -> None:
    closed: list[str] = []

    def work(stop: Callable[[], bool]) -> Iterator[int]:
        try:
            while True:
                time.sleep(0.002)
                yield 1
        finally:
            closed.append("closed")

    progress: list[int] = []
    lane.submit("a", work, on_progress=progress.append, on_done=lambda _answer: None)
    qtbot.waitUntil(lambda: bool(progress))
    lane.cancel()
    qtbot.waitUntil(lambda: isinstance(lane.state, Idle))
    assert closed == ["closed"]


def test_shutdown_while_running_ends_the_thread(qtbot: QtBot) -> None:
    lane = JobLane()
    progress: list[int] = []
    lane.submit("a", count_slowly, on_progress=progress.append, on_done=lambda _answer: None)
    qtbot.waitUntil(lambda: bool(progress))
    thread = lane._thread
    lane.shutdown()
    assert thread.isFinished()
    lane.submit("b", lambda _stop: 1, on_done=lambda _answer: pytest.fail("the lane is closed"))


def test_outcomes_are_values() -> None:
    assert Completed(3) == Completed(3)


def test_a_background_job_lets_a_click_pass_and_goes_on(lane: JobLane, qtbot: QtBot) -> None:
    order: list[str] = []
    kinds: list[str] = []
    lane.state_changed.connect(lambda state: kinds.append(getattr(state, "kind", "idle")))
    progress: list[int] = []
    lane.submit(
        "sweep",
        lambda stop: count_slowly(stop, 60),
        on_progress=progress.append,
        on_done=lambda _answer: order.append("sweep"),
        background=True,
    )
    qtbot.waitUntil(lambda: bool(progress))
    for number in range(2):
        lane.submit("probe", lambda stop: count_slowly(stop, 3), on_done=lambda _answer: order.append("probe"))
        qtbot.waitUntil(lambda wanted=number + 1: order.count("probe") == wanted)
    qtbot.waitUntil(lambda: isinstance(lane.state, Idle))
    assert order == ["probe", "probe", "sweep"]
    assert [kind for kind, before in zip(kinds, ["", *kinds], strict=False) if kind != before] == [
        *("sweep", "probe") * 2,
        "sweep",
        "idle",
    ]


def test_a_foreground_job_is_never_preempted(lane: JobLane, qtbot: QtBot) -> None:
    order: list[str] = []
    progress: list[int] = []
    lane.submit(
        "probe", lambda stop: count_slowly(stop, 20), on_progress=progress.append, on_done=lambda _: order.append("a")
    )
    qtbot.waitUntil(lambda: bool(progress))
    lane.submit("preview", lambda _stop: 1, on_done=lambda _: order.append("b"))
    qtbot.waitUntil(lambda: len(order) == 2)
    assert order == ["a", "b"]


def test_cancelling_the_preempting_job_leaves_the_background_one(lane: JobLane, qtbot: QtBot) -> None:
    events: list[str] = []
    sweep: list[int] = []
    probe: list[int] = []
    lane.submit(
        "sweep",
        lambda stop: count_slowly(stop, 30),
        on_progress=sweep.append,
        on_done=lambda _: events.append("sweep done"),
        background=True,
    )
    qtbot.waitUntil(lambda: bool(sweep))
    lane.submit(
        "probe",
        count_slowly,
        on_progress=probe.append,
        on_done=lambda _: events.append("probe done"),
        on_stopped=lambda: events.append("probe stopped"),
    )
    qtbot.waitUntil(lambda: bool(probe))
    assert lane.is_busy("sweep")
    lane.cancel()
    qtbot.waitUntil(lambda: isinstance(lane.state, Idle))
    assert events == ["probe stopped", "sweep done"]


def test_a_preempted_job_can_be_dropped(lane: JobLane, qtbot: QtBot) -> None:
    events: list[str] = []
    sweep: list[int] = []
    probe: list[int] = []
    lane.submit(
        "sweep", count_slowly, on_progress=sweep.append, on_done=lambda _: events.append("sweep done"), background=True
    )
    qtbot.waitUntil(lambda: bool(sweep))
    lane.submit(
        "probe",
        lambda stop: count_slowly(stop, 20),
        on_progress=probe.append,
        on_done=lambda _: events.append("probe done"),
    )
    qtbot.waitUntil(lambda: bool(probe))
    lane.drop("sweep")
    assert not lane.is_busy("sweep")
    assert lane.is_busy("probe")
    qtbot.waitUntil(lambda: isinstance(lane.state, Idle))
    assert events == ["probe done"]


def test_what_a_background_job_never_came_to_let_pass_runs_after_it(lane: JobLane, qtbot: QtBot) -> None:
    order: list[str] = []
    begun = threading.Event()

    def stubborn(_stop: Callable[[], bool]) -> str:
        begun.set()
        time.sleep(0.05)
        return "import"

    lane.submit("import", stubborn, on_done=order.append, background=True)
    assert begun.wait(5)
    lane.submit("probe", lambda _stop: "probe", on_done=order.append)
    qtbot.waitUntil(lambda: isinstance(lane.state, Idle))
    assert order == ["import", "probe"]


def test_shutdown_while_one_preempts_another_ends_the_thread(qtbot: QtBot) -> None:
    lane = JobLane()
    sweep: list[int] = []
    probe: list[int] = []
    lane.submit("sweep", count_slowly, on_progress=sweep.append, on_done=lambda _: None, background=True)
    qtbot.waitUntil(lambda: bool(sweep))
    lane.submit("probe", count_slowly, on_progress=probe.append, on_done=lambda _: None)
    qtbot.waitUntil(lambda: bool(probe))
    thread = lane._thread
    lane.shutdown()
    assert thread.isFinished()


def test_stopping_one_job_tells_it_and_leaves_the_other(lane: JobLane, qtbot: QtBot) -> None:
    events: list[str] = []
    sweep: list[int] = []
    probe: list[int] = []
    asked = lane.submit(
        "sweep",
        count_slowly,
        on_progress=sweep.append,
        on_done=lambda _: events.append("sweep done"),
        on_stopped=lambda: events.append("sweep stopped"),
        background=True,
    )
    qtbot.waitUntil(lambda: bool(sweep))
    lane.submit(
        "probe",
        lambda stop: count_slowly(stop, 20),
        on_progress=probe.append,
        on_done=lambda _: events.append("probe done"),
    )
    qtbot.waitUntil(lambda: bool(probe))
    lane.stop(asked)
    qtbot.waitUntil(lambda: isinstance(lane.state, Idle))
    assert events == ["probe done", "sweep stopped"]
