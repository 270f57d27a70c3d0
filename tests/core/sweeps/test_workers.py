"""Several processes on one folder: every cell exactly one valid file, whoever dies, stops, fails or comes too late."""

from __future__ import annotations

import errno
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from multiprocessing import connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.claims import LEASE_SECONDS
from core.errors import BadInputError, Cancelled, StorageError
from core.sweeps.cells import CellStore, ChangedInputError, load_store
from core.sweeps.workers import Started, iter_cells, iter_processes
from tests.helpers import simulated_cells
from tests.helpers.simulated_cells import SIMULATED, SimulatedCell, begin, expected, run


def check_whole(folder: Path) -> CellStore[Any, Any]:
    """Every cell has its numbers, bit for bit, and nothing else is left."""
    store = load_store(SIMULATED, folder)
    for cell in store.cells():
        assert np.array_equal(store.load(cell)["value"], expected(cell, store.config))
    assert {path.name for path in (folder / "cells").iterdir()} == {f"{cell.key}.npz" for cell in store.cells()}
    assert list((folder / "claims").iterdir()) == []
    return store


def computed(folder: Path) -> Counter[int]:
    return Counter(map(int, (folder / "computed").read_text().split()))


def last(records: Any) -> Any:
    *_, end = records
    return end


def test_one_process_computes_each_cell_once_in_order(tmp_path: Path) -> None:
    records = list(run(begin(tmp_path, n_cells=6, n_groups=2)))
    assert [one.what for one in records] == [*(f"number {number}" for number in range(6)), "done"]
    assert [one.done for one in records] == list(range(7))
    assert computed(tmp_path) == Counter(range(6))
    assert {one.attempt for one in map(check_whole(tmp_path).made, load_store(SIMULATED, tmp_path).cells())} == {1}


def test_two_people_on_one_folder_share_its_cells(tmp_path: Path) -> None:
    store = begin(tmp_path, n_cells=12, n_groups=3)
    first = run(store, pause=lambda _: None)
    taken = [next(first).what]
    second = run(begin(tmp_path, n_cells=12, n_groups=3), pause=lambda _: None)
    taken.append(next(second).what)
    assert taken == ["number 0", "number 4"], "the second begins with another network"
    for _ in range(4):
        next(first)
        next(second)
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        next(first, None)
        next(second, None)

    end = last(run(store, pause=pause))
    assert (end.result, end.done) == (store, 12)
    assert waited, "it waits for cells that others are at"
    assert set(computed(tmp_path).values()) == {1}
    check_whole(tmp_path)


def test_a_cell_waits_for_its_input_on_disk(tmp_path: Path) -> None:
    store = begin(tmp_path, n_cells=6, first_score=3)
    first = run(store)
    next(first)
    second = run(store, pause=lambda _: next(first, None))
    seen = [one.what for one in second]
    assert seen.index("number 4") < seen.index("waiting for cells that others compute")
    assert "number 3" not in seen or seen.index("number 3") > seen.index("waiting for cells that others compute")
    list(first)
    check_whole(tmp_path)


def test_an_exception_is_kept_beside_the_cell_and_the_others_go_on(tmp_path: Path) -> None:
    store = begin(tmp_path, n_cells=8, first_score=4, failing=(1,))
    with pytest.raises(BadInputError, match=r"1 of 8 cells .* failed, 1 more is missing. .* number 1: number 1 is odd"):
        list(run(store))
    assert computed(tmp_path)[1] == 1, "never tried again"
    with pytest.raises(BadInputError, match="1 of 8 cells"):
        list(run(store))
    assert computed(tmp_path)[1] == 1
    note = json.loads((tmp_path / "cells" / "cell-000001.error.json").read_text())
    assert note["reason"] == "number 1 is odd. Choose another."
    assert (note["attempt"], note["device"]) == (1, "cpu")
    assert "raise BadInputError" in note["traceback"]
    assert not store.is_done(SimulatedCell(5)), "its input failed"
    with pytest.raises(BadInputError, match="1 of 8 cells"):
        load_store(SIMULATED, tmp_path)


def test_what_failed_is_tried_again_when_somebody_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInputError, match="failed"):
        list(run(begin(tmp_path, n_cells=3, failing=(1,))))
    monkeypatch.setattr(simulated_cells, "prepare", lambda *_: lambda cell: {"value": simulated_cells.value(cell)})
    assert last(run(begin(tmp_path, n_cells=3, failing=(1,)))).done == 3
    check_whole(tmp_path)


def test_a_defect_is_told_with_its_kind(tmp_path: Path) -> None:
    store = begin(tmp_path, n_cells=2)

    def compute(_cell: Any) -> Any:
        raise ZeroDivisionError("division by\nzero")

    options: dict[str, Any] = {"place": simulated_cells.HERE, "seconds_of": lambda _: 1.0}
    with pytest.raises(BadInputError, match="2 of 2 cells .* ZeroDivisionError: division by zero"):
        list(iter_cells(store, lambda _: compute, **options))


def test_a_broken_gpu_ends_the_process_not_the_cells(tmp_path: Path) -> None:
    """Every further cell would fail in that process: it counts as a death, and another process tries the cell."""
    store = begin(tmp_path, n_cells=2)

    def compute(_cell: Any) -> Any:
        raise RuntimeError("CUDA error: device-side assert triggered")

    options: dict[str, Any] = {"place": simulated_cells.HERE, "seconds_of": lambda _: 1.0}
    with pytest.raises(RuntimeError, match="device-side"):
        list(iter_cells(store, lambda _: compute, **options))
    assert store.find_ended() == (set(), set())
    assert store.claims().keys() == {"cell-000000"}


def test_a_gpu_that_is_taken_ends_the_worker_in_one_sentence_not_the_cells(tmp_path: Path) -> None:
    store = begin(tmp_path, n_cells=2)

    def compute(_cell: Any) -> Any:
        raise RuntimeError("CUDA error: all CUDA-capable devices are busy or unavailable\nCUDA kernel errors might be")

    options: dict[str, Any] = {"place": simulated_cells.HERE, "seconds_of": lambda _: 1.0}
    with pytest.raises(BadInputError, match=r"^The GPU is taken by another program\. Choose another .*, or wait\.$"):
        list(iter_cells(store, lambda _: compute, **options))
    assert store.find_ended() == (set(), set())
    assert store.claims().keys() == set()


def test_what_was_replaced_meanwhile_ends_the_worker_not_the_cells(tmp_path: Path) -> None:
    store = begin(tmp_path, n_cells=2)

    def compute(_cell: Any) -> Any:
        raise ChangedInputError("`out` must be the folder of the same sweep; on node7 image cat differs.")

    options: dict[str, Any] = {"place": simulated_cells.HERE, "seconds_of": lambda _: 1.0}
    with pytest.raises(ChangedInputError, match="image cat differs"):
        list(iter_cells(store, lambda _: compute, **options))
    assert store.find_ended() == (set(), set())
    assert store.claims().keys() == set()


def test_a_full_disk_ends_the_work_and_leaves_it_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, plain, calls = begin(tmp_path, n_cells=5), np.savez, []

    def write(*args: Any, **named: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        plain(*args, **named)

    with monkeypatch.context() as patch:
        patch.setattr("numpy.savez", write)
        with pytest.raises(StorageError, match="No space is left"):
            list(run(store))
    assert len(store.missing()) == 3
    assert store.find_ended()[1] == set(), "no fault of the cell"
    assert store.claims().keys() == set()
    assert [one.done for one in run(store)] == [2, 3, 4, 5]
    check_whole(tmp_path)


def test_stopping_within_a_cell_gives_it_back(tmp_path: Path) -> None:
    store = begin(tmp_path, n_cells=3, endless=(1,))
    asked = iter([False] * 5)
    with pytest.raises(Cancelled):
        list(run(store, should_stop=lambda: next(asked, True)))
    assert store.claims().keys() == set()
    assert len(store.missing()) == 2
    stopped = run(store)
    next(stopped)
    stopped.close()
    assert store.claims().keys() == set(), "also when nobody asks for more"


def test_a_claim_of_a_computer_that_fell_silent_is_taken_over(tmp_path: Path) -> None:
    store = begin(tmp_path, n_cells=3)
    claims = store.claims()
    assert claims.take("cell-000001") is not None
    path = claims.path("cell-000001", 1)
    path.write_text(json.dumps({"host": "node7", "pid": 1, "space": "", "since": 0.0}))
    waited = []

    def pause(_seconds: float) -> None:
        waited.append(1)
        if len(waited) == 3:  # the lease is over
            os.utime(path, (time.time() - LEASE_SECONDS - 60,) * 2)

    list(run(store, pause=pause))
    assert len(waited) >= 3
    assert check_whole(tmp_path).made(SimulatedCell(1)).attempt == 2


def test_who_was_thought_dead_and_comes_late_replaces_nothing(tmp_path: Path) -> None:
    store = begin(tmp_path, n_cells=1)
    slow = run(store, place=simulated_cells.HERE)
    next(slow)
    path = store.claims().path("cell-000000", 1)
    path.write_text(json.dumps({"host": "node7", "pid": 1, "space": "", "since": 0.0}))
    os.utime(path, (time.time() - LEASE_SECONDS - 60,) * 2)
    list(run(store))
    before = (tmp_path / "cells" / "cell-000000.npz").read_bytes()
    list(slow)
    assert (tmp_path / "cells" / "cell-000000.npz").read_bytes() == before
    assert computed(tmp_path) == Counter({0: 2})
    check_whole(tmp_path)


def test_n_processes_fill_a_folder_and_a_death_is_tried_again(tmp_path: Path) -> None:
    store = begin(tmp_path, n_cells=20, n_groups=4, first_score=15, unlucky=(7,))
    records = list(
        iter_processes(store, lambda: simulated_cells.start(tmp_path), n_workers=2, seconds_of=lambda _: 1.0)
    )
    assert records[-1].result is store
    assert records[-1].done == 20
    store = check_whole(tmp_path)
    assert [store.made(cell).attempt for cell in store.cells()] == [1 + (cell.number == 7) for cell in store.cells()]


def test_a_cell_that_kills_its_process_is_given_up_after_three_and_the_others_go_on(tmp_path: Path) -> None:
    store = begin(tmp_path, n_cells=10, deadly=(4,))
    work = iter_processes(store, lambda: simulated_cells.start(tmp_path), n_workers=2, seconds_of=lambda _: 1.0)
    with pytest.raises(BadInputError, match=r"1 of 10 cells .* number 4: The process that computed it died 3 times"):
        list(work)
    assert computed(tmp_path) == Counter(dict.fromkeys(range(10), 1) | {4: 3})
    assert len(store.missing()) == 1
    assert list((tmp_path / "claims").iterdir()) == []
    assert store.failure("cell-000004").attempt == 3


def test_stopping_n_processes_gives_back_what_they_hold(tmp_path: Path) -> None:
    store = begin(tmp_path, n_cells=4, endless=(0, 1, 2, 3))
    claims = store.claims()
    work = iter_processes(
        store,
        lambda: simulated_cells.start(tmp_path),
        n_workers=2,
        seconds_of=lambda _: 1.0,
        should_stop=lambda: len(claims.keys()) == 2,
    )
    with pytest.raises(Cancelled):
        list(work)
    assert claims.keys() == set()
    assert len(store.missing()) == 4


def test_processes_that_cannot_begin_say_why(tmp_path: Path) -> None:
    store = begin(tmp_path / "one", n_cells=4)
    work = iter_processes(
        store, lambda: simulated_cells.start(tmp_path / "none"), n_workers=2, seconds_of=lambda _: 1.0
    )
    with pytest.raises(BadInputError, match="`folder` must be of a simulation"):
        list(work)


class Dying:
    """A process that is gone, whose exit code is known only after one has waited for it."""

    exitcode: int | None = None
    pid = 4711

    def __init__(self) -> None:
        self.sentinel, end = os.pipe()
        os.close(end)

    def join(self, _seconds: float = 0.0) -> None:
        self.exitcode = 0


def test_a_process_that_takes_long_to_end_is_waited_for(tmp_path: Path) -> None:
    process, (told, telling) = Dying(), connection.Pipe(duplex=False)
    telling.close()
    store = begin(tmp_path, n_cells=1)
    started: Any = Started(process, told)  # type: ignore[arg-type]
    work = iter_processes(store, lambda: started, n_workers=1, seconds_of=lambda _: 1.0)
    assert "at work" in next(work).what
    with pytest.raises(BadInputError, match="lacks 1 cells"):
        next(work)
    os.close(process.sentinel)


def test_whoever_is_killed_whenever_every_cell_has_one_valid_file(tmp_path: Path) -> None:
    """Processes kill themselves before a random file operation: while they claim, compute, write or clean up."""
    store, draw = begin(tmp_path, n_cells=60, n_groups=6, first_score=40), random.Random(0)
    running = [simulated_cells.start(tmp_path, draw.randrange(40, 160)) for _ in range(3)]
    killed = 0
    while running:
        connection.wait([one.process.sentinel for one in running])
        for one in [one for one in running if one.process.exitcode is not None]:
            running.remove(one)
            if one.process.exitcode:
                assert one.process.exitcode == -9
                killed += 1
                running.append(simulated_cells.start(tmp_path, draw.randrange(40, 160) if killed < 6 else 0))
    assert killed >= 4
    begin(tmp_path, n_cells=60, n_groups=6, first_score=40)  # what three deaths hit is tried again
    list(run(store))
    for path in (tmp_path / "cells").glob(".*"):  # of the killed; the next writer of a new process removes them
        assert path.name.endswith(".part")
        path.unlink()
    check_whole(tmp_path)


def test_a_worker_told_to_end_by_its_scheduler_gives_its_cell_back(tmp_path: Path) -> None:
    """SIGTERM, as the program's own command line takes it."""
    store = begin(tmp_path, n_cells=2, endless=(0,))
    script = (
        "import main; main._end_on_signals()\n"
        "from tests.helpers import simulated_cells as s\n"
        "from pathlib import Path\n"
        f"list(s.run(s.join_store(s.SIMULATED, Path({str(tmp_path)!r}))))\n"
    )
    running = subprocess.Popen([sys.executable, "-c", script])
    while not (tmp_path / "computed").exists():
        assert running.poll() is None
    running.terminate()
    assert running.wait() == 128 + 15
    assert store.claims().keys() == set()
    assert len(store.missing()) == 2
