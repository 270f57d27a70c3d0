"""Cells computed by a scheduler of dask: whatever dies, every cell is there once, with the bits of one process."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.claims import LEASE_SECONDS
from core.cluster import client
from core.cluster.client import Needs, SchedulerFile, SchedulerGoneError, check_needs, iter_cluster, read_scheduler
from core.errors import BadInputError, Cancelled
from core.sweeps.cells import CellStore, load_store
from tests.helpers import simulated_cells
from tests.helpers.dask_cluster import Scheduler, started
from tests.helpers.simulated_cells import SIMULATED, SimulatedCell, begin, expected

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")


@pytest.fixture(scope="module")
def scheduler() -> Iterator[Scheduler]:
    with started() as made:
        yield made


def run(store: CellStore[Any, Any], scheduler: Scheduler, **changed: Any) -> Iterator[Any]:
    options: dict[str, Any] = {"device": "cpu", "needs": Needs(), "seconds_of": lambda _: 1.0} | changed
    yield from iter_cluster(store, simulated_cells.run_there, scheduler.address, **options)


def check_whole(folder: Path) -> None:
    store = load_store(SIMULATED, folder)
    for cell in store.cells():
        assert np.array_equal(store.load(cell)["value"], expected(cell, store.config))
    assert {path.name for path in (folder / "cells").iterdir()} == {f"{cell.key}.npz" for cell in store.cells()}


def computed(folder: Path) -> Counter[int]:
    return Counter(map(int, (folder / "computed").read_text().split()))


def test_every_cell_has_the_bits_of_one_process(tmp_path: Path, scheduler: Scheduler) -> None:
    store = begin(tmp_path, n_cells=12, first_score=6)
    *_, last = run(store, scheduler)
    assert (last.done, last.result) == (12, store)
    assert computed(tmp_path) == Counter(range(12))
    assert {store.made(cell).process for cell in store.cells()}.isdisjoint({0, os.getpid()})
    check_whole(tmp_path)


def test_an_exception_is_not_tried_again(tmp_path: Path, scheduler: Scheduler) -> None:
    store = begin(tmp_path, n_cells=6, first_score=3, failing=(1,))
    with pytest.raises(BadInputError, match=r"1 of 6 cells .* failed, 1 more is missing. .* number 1 is odd"):
        list(run(store, scheduler))
    assert computed(tmp_path) == Counter([0, 1, 2, 3, 5])


def test_a_worker_that_dies_is_replaced_and_a_cell_that_always_kills_fails(
    tmp_path: Path, scheduler: Scheduler
) -> None:
    store = begin(tmp_path, n_cells=8, unlucky=(2,), deadly=(5,))
    with pytest.raises(BadInputError, match=r"1 of 8 cells .* number 5: The process that computed it died 3 times"):
        list(run(store, scheduler))
    assert computed(tmp_path) == Counter(dict.fromkeys(range(8), 1) | {2: 2, 5: 3})
    assert [store.made(cell).attempt for cell in store.cells() if cell.number != 5] == [1, 1, 2, 1, 1, 1, 1]


def test_who_watches_may_leave_and_come_back(tmp_path: Path, scheduler: Scheduler) -> None:
    store = begin(tmp_path, n_cells=10, seconds=0.05)
    with pytest.raises(Cancelled):
        list(run(store, scheduler, should_stop=lambda: True))
    while store.missing():  # the scheduler goes on with nobody there
        time.sleep(0.02)
    assert list(run(store, scheduler))[-1].done == 10
    assert computed(tmp_path) == Counter(range(10))
    check_whole(tmp_path)


def test_what_is_asked_to_stop_gives_its_cells_back(
    tmp_path: Path, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = begin(tmp_path, n_cells=6)
    store.claims().stop()
    with pytest.raises(BadInputError, match=r"was stopped. --resume goes on"):
        list(run(store, scheduler))
    assert store.find_ended() == (set(), set())
    assert list(run(begin(tmp_path, n_cells=6), scheduler))[-1].done == 6


def test_while_another_is_at_a_cell_the_workers_do_others(tmp_path: Path, scheduler: Scheduler) -> None:
    store = begin(tmp_path, n_cells=6)
    claims = store.claims()
    assert claims.take("cell-000000") is not None
    path = claims.path("cell-000000", 1)
    path.write_text(json.dumps({"host": "node7", "pid": 1, "space": "", "since": 0.0}))
    for record in run(store, scheduler):
        if record.done == 5 and path.exists():  # the other falls silent
            os.utime(path, (time.time() - LEASE_SECONDS - 60,) * 2)
    assert store.made(SimulatedCell(0)).attempt == 2
    check_whole(tmp_path)


def test_workers_that_cannot_begin_say_why_and_where(
    tmp_path: Path, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SETTLE_SECONDS", 0.5)
    store = begin(tmp_path, n_cells=3)
    (tmp_path / SIMULATED.file).unlink()  # as where the folder is not shared
    with pytest.raises(BadInputError, match=rf"^On {os.uname().nodename}: `folder` must be of a simulation"):
        list(run(store, scheduler))
    assert store.find_ended() == (set(), set())


def test_a_gpu_that_nobody_has_is_refused_before_anything_is_submitted(tmp_path: Path, scheduler: Scheduler) -> None:
    store = begin(tmp_path, n_cells=3)
    with pytest.raises(
        BadInputError, match=r"auto or cpu, as none of the workers of tcp://127.0.0.1:\d+ has a GPU, got 'cuda'"
    ):
        list(run(store, scheduler, needs=Needs(gpu=True)))
    with pytest.raises(BadInputError, match=r"A worker needs about 9999.0 GB"):
        list(run(store, scheduler, needs=Needs(memory=9_999_000_000_000)))
    assert not (tmp_path / "computed").exists()


def test_what_workers_to_come_have_counts() -> None:
    check_needs(Needs(True, 10**9), {}, SchedulerFile("tls://a:1", gpu=True, memory=2 * 10**9))
    check_needs(Needs(True, 10**9), {"a": {"resources": {"GPU": 1.0}, "memory_limit": 0}}, SchedulerFile("tls://a:1"))
    with pytest.raises(BadInputError, match="has a GPU"):
        check_needs(Needs(True), {}, SchedulerFile("tls://a:1", gpu=False))
    with pytest.raises(SchedulerGoneError, match="has no worker"):
        check_needs(Needs(), {}, SchedulerFile("tls://a:1"))


def test_a_scheduler_that_is_killed_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "GONE_SECONDS", 0.5)
    store = begin(tmp_path, n_cells=12, seconds=0.2)
    gone = pytest.raises(SchedulerGoneError, match=r"is gone. Nothing is lost: go on here")
    with started(n_workers=1) as scheduler, gone:
        for record in run(store, scheduler):
            if record.done >= 2:
                scheduler.process.kill()
    assert 2 <= len(store.find_ended()[0]) < 12
    assert list(simulated_cells.run(store))[-1].done == 12
    assert set(computed(tmp_path)) == set(range(12))
    check_whole(tmp_path)


@pytest.mark.parametrize("address", ["tcp://10.0.0.7:8786", "tcp://lab-server:8786", "tcp://[2001:db8::1]:1", "tcp://"])
def test_a_scheduler_on_the_network_without_tls_is_refused(address: str, tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    file.write_text(json.dumps({"type": "Scheduler", "id": "x", "address": address, "workers": {}}))
    for target in (address, str(file)):
        with pytest.raises(BadInputError, match="`engine` must be a scheduler with TLS, or on this computer"):
            read_scheduler(target)


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:1", "tcp://localhost:1", "tcp://[::1]:1", "tls://lab-server:8786"]
)
def test_others_are_taken(address: str) -> None:
    assert read_scheduler(address) == (SchedulerFile(address), None)


@pytest.mark.parametrize(
    ("text", "said"), [("{}", "address"), ("[]", "place of a table"), ("", "cut short"), ('{"address": 3}', "address")]
)
def test_a_file_that_is_none_is_one_sentence(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    file.write_text(text)
    with pytest.raises(BadInputError, match=said):
        read_scheduler(str(file))


def test_a_scheduler_that_is_not_there_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.5)
    store = begin(tmp_path, n_cells=3)
    nobody: Any = type("Nobody", (), {"address": "tcp://127.0.0.1:9"})
    with pytest.raises(SchedulerGoneError, match=r"No scheduler answers at tcp://127.0.0.1:9 \(.*go on here"):
        list(run(store, nobody))


def test_other_versions_are_told(tmp_path: Path, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = client._name_versions
    names = iter(["Python 3.12 and distributed 2024.1"])
    monkeypatch.setattr(client, "_name_versions", lambda told: next(names, plain(told)))
    with pytest.raises(BadInputError, match=r"has Python 3.12 and distributed 2024.1, this computer Python 3"):
        list(run(begin(tmp_path, n_cells=1), scheduler))
