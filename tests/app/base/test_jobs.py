from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from app.base.jobs import DEFECT, STOPPED, Completed, Failed, Idle, JobLane, Running, WhenBusy
from core.errors import BadInputError, Cancelled
from tests.helpers.gated_work import GatedWork


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
    assert states == [Running, Idle]


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
    assert isinstance(lane.state, Running) and lane.state.stops
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


def queue_up(lane: JobLane, kind: str, work: GatedWork, told: list[str], name: str, **options: Any) -> Any:
    return lane.submit(
        kind,
        work.make,
        on_done=lambda _answer: told.append(f"{name} done"),
        on_failed=lambda failed: told.append(f"{name} failed: {failed.error}"),
        on_stopped=lambda: told.append(f"{name} stopped"),
        title=name,
        **options,
    )


def test_what_leaves_something_behind_queues_and_each_tells_its_end(lane: JobLane, qtbot: QtBot) -> None:
    told: list[str] = []
    works = [GatedWork() for _ in range(3)]
    for number, work in enumerate(works):
        queue_up(lane, "write", work, told, f"save {number}", when_busy=WhenBusy.QUEUE)
    assert lane.at_stake() == ("save 0", "save 1", "save 2"), "those that wait are at stake, too"
    works[0].finish()
    works[1].send(BadInputError("The disk is full."))
    works[2].finish()
    qtbot.waitUntil(lambda: isinstance(lane.state, Idle))
    assert told == ["save 0 done", "save 1 failed: The disk is full.", "save 2 done"]
    assert lane.at_stake() == ()


def test_cancel_stops_the_foreground_and_keeps_what_is_to_be_written(lane: JobLane, qtbot: QtBot) -> None:
    told: list[str] = []
    probe, save, sweep, image = (GatedWork() for _ in range(4))
    queue_up(lane, "probe", probe, told, "probe")
    queue_up(lane, "write", save, told, "save", when_busy=WhenBusy.QUEUE)
    queue_up(lane, "sweep", sweep, told, "sweep", when_busy=WhenBusy.QUEUE, background=True)
    queue_up(lane, "image", image, told, "image")
    qtbot.waitUntil(lambda: probe.begun == 1)
    lane.cancel()
    assert told == ["image stopped"], "at once: its turn had not come"
    qtbot.waitUntil(lambda: save.begun == 1)
    lane.cancel()
    save.finish()
    qtbot.waitUntil(lambda: sweep.begun == 1)
    sweep.finish()
    qtbot.waitUntil(lambda: isinstance(lane.state, Idle))
    assert told == ["image stopped", "probe stopped", "save done", "sweep done"] and image.begun == 0


def test_cancel_stops_a_background_job_only_where_it_alone_is_at_work(lane: JobLane, qtbot: QtBot) -> None:
    told: list[str] = []
    sweep, probe, fit = (GatedWork() for _ in range(3))
    queue_up(lane, "sweep", sweep, told, "sweep", when_busy=WhenBusy.QUEUE, background=True)
    queue_up(lane, "fit", fit, told, "fit", when_busy=WhenBusy.QUEUE, background=True)
    qtbot.waitUntil(lambda: sweep.begun == 1)
    queue_up(lane, "probe", probe, told, "probe")
    sweep.send(1)  # lets the probe pass
    qtbot.waitUntil(lambda: not isinstance(lane.state, Idle) and lane.state.kind == "probe")
    lane.cancel()
    lane.cancel()
    qtbot.waitUntil(lambda: told == ["probe stopped"])
    lane.cancel()
    qtbot.waitUntil(lambda: fit.begun == 1)
    assert told == ["probe stopped", "sweep stopped"]
    fit.finish()
    qtbot.waitUntil(lambda: told[-1] == "fit done")


def test_a_job_on_offer_to_a_background_job_is_stopped_at_once(lane: JobLane, qtbot: QtBot) -> None:
    told: list[str] = []
    sweep, probe = GatedWork(), GatedWork()
    queue_up(lane, "sweep", sweep, told, "sweep", background=True)
    qtbot.waitUntil(lambda: sweep.begun == 1)
    queue_up(lane, "probe", probe, told, "probe")
    lane.cancel()
    assert told == ["probe stopped"]
    sweep.finish()
    qtbot.waitUntil(lambda: isinstance(lane.state, Idle))
    assert told == ["probe stopped", "sweep done"] and probe.begun == 0


def test_background_jobs_wait_behind_short_ones(lane: JobLane, qtbot: QtBot) -> None:
    told: list[str] = []
    first, sweep, save = (GatedWork() for _ in range(3))
    queue_up(lane, "probe", first, told, "probe")
    queue_up(lane, "sweep", sweep, told, "sweep", background=True)
    queue_up(lane, "write", save, told, "save", when_busy=WhenBusy.QUEUE)
    for work in (first, sweep, save):
        work.finish()
    qtbot.waitUntil(lambda: isinstance(lane.state, Idle))
    assert told == ["probe done", "save done", "sweep done"]


def test_one_sentence_where_no_answer_comes(lane: JobLane, qtbot: QtBot) -> None:
    refused: list[str] = []
    reported: list[Failed] = []
    lane.failed.connect(reported.append)
    known, defect, waiting = (GatedWork() for _ in range(3))
    for kind, work in (("a", known), ("b", defect), ("c", waiting)):
        lane.submit(kind, work.make, on_done=lambda _: None, refuse=refused.append)
    known.send(BadInputError("`n` must be 1, got 2."))
    defect.send(ZeroDivisionError("division by zero"))
    qtbot.waitUntil(lambda: len(refused) == 2)
    lane.cancel()
    qtbot.waitUntil(lambda: len(refused) == 3)
    assert refused == ["`n` must be 1, got 2.", DEFECT, STOPPED]
    assert [str(failed.error) for failed in reported] == ["division by zero"]


def test_a_failure_without_a_listener_is_told_by_the_lane(lane: JobLane, qtbot: QtBot) -> None:
    reported: list[Failed] = []
    lane.failed.connect(reported.append)
    work = GatedWork()
    lane.submit("a", work.make, on_done=lambda _: None)
    work.send(BadInputError("`n` must be 1, got 2."))
    qtbot.waitUntil(lambda: [str(failed.error) for failed in reported] == ["`n` must be 1, got 2."])
