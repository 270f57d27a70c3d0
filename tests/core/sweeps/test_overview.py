"""What a folder says of its cells and workers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.sweeps.overview import Overseer, WorkerState
from core.sweeps.work import Failure, Runner
from tests.helpers import simulated_cells
from tests.helpers.simulated_cells import HERE, SimulatedCell, begin

ANY = ("any", "layer")
RUNNER = Runner(
    lambda _: {}, lambda *_: lambda _cell: {}, lambda _, cell, seconds: 7 + 10 * seconds[ANY], lambda _: (ANY,)
)


def test_cells_and_workers_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated_cells, "RUNNER", RUNNER)
    store = begin(tmp_path, n_cells=6)
    node = replace(HERE, host="node7", device="cuda", seconds=2.0, process=5, memory=7)
    for number in (0, 1):
        store.save(SimulatedCell(number), {"value": np.zeros(1)}, replace(node, memory=7 + number))
    claims = store.claims()
    assert claims.take("cell-000002") is not None
    store.fail("cell-000003", Failure("number 3", "It is odd.", "node8", attempt=2))
    overseer = Overseer(store, counts_steps=True)
    seen = overseer.look()
    assert seen.describe() == "6 cells, 2 done, 1 running, 1 failed, 3 to do or running."
    (running,), (failed,) = seen.running, seen.failed
    holder = claims.holders()["cell-000002"][0]
    assert running == {"cell": "cell-000002", "what": "number 2", "host": holder.host, "process": holder.pid} | {
        "for": "0 s",
        "attempt": 1,
    }
    assert (failed["what"], failed["attempts"], failed["reason"]) == ("number 3", 2, "It is odd.")
    assert WorkerState("node7", 5, "cuda", "", 2, 4.0, 20.0, 8) in seen.workers
    assert [one.steps_per_second for one in seen.workers if one.host == "node7"] == [5.0]
    assert [one.cell for one in seen.workers if one.host != "node7"] == ["number 2"]
    claims.stop()
    assert overseer.look().is_stopped
    overseer.retry()
    again = overseer.look()
    assert not again.failed and not again.is_stopped


def test_a_stop_is_heard_at_the_next_beat(tmp_path: Path) -> None:
    seconds = iter(range(0, 1000, 15))
    claims = begin(tmp_path, n_cells=1).claims()
    claims.clock = lambda: float(next(seconds))
    ask = claims.watch(lambda: False)
    assert not ask()
    claims.stop()
    assert any(ask() for _ in range(3))
    claims.go_on()
    claims.go_on()
    assert not any(ask() for _ in range(3))
