"""What it costs to share a folder of cells: overhead a cell, one worker against two, joblib, 100,000 cells, a kill.

Cells sleep, so that the machine's own work is that of claiming, writing and listing alone. Budgets of milliseconds are
of processor time, since other work on the machine lengthens the time on the wall many times.

Run: python -m tests.benchmarks.bench_cells [--seconds 0.05] [--cells 100] [--large 100000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from core.array_cache import save_arrays
from core.sweeps.cells import CellStore, load_store
from core.sweeps.workers import Tally, iter_processes
from tests.benchmarks.interleave import Clock, cpu_seconds, wall_seconds
from tests.helpers import simulated_cells
from tests.helpers.simulated_cells import SIMULATED, SimulatedCell, begin, run, value

MOST_OVERHEAD_MS, LEAST_SPEED_UP = 10.0, 1.8
N_LAST = 200
"""Cells that are left to do in the large folder."""


def timed(work: Callable[[], object], clock: Clock = wall_seconds) -> float:
    """Seconds by a clock."""
    start = clock()
    work()
    return clock() - start


def save_plainly(folder: Path, number: int, seconds: float) -> None:
    """The same cell without claims, flushes and renames."""
    time.sleep(seconds)
    np.savez(folder / f"{number}.npz", value=value(SimulatedCell(number)))


def run_processes(folder: Path, n_workers: int, **options: Any) -> float:
    """Seconds of the second half of the cells, when every worker has started."""
    store = begin(folder, **options)
    records = iter_processes(
        store, lambda: simulated_cells.start(folder), n_workers=n_workers, seconds_of=lambda _: 1.0
    )
    for _ in records:
        pass
    load_store(SIMULATED, folder)
    times = sorted(path.stat().st_mtime for path in (folder / "cells").iterdir())
    return times[-1] - times[len(times) // 2]


def bench_two(folder: Path, n_cells: int, seconds: float) -> bool:
    """One worker, two workers, joblib's two; overhead a cell."""
    one, two = (run_processes(folder / str(n), n, n_cells=n_cells, seconds=seconds) for n in (1, 2))
    plain = folder / "joblib"
    plain.mkdir()
    parallel = joblib.Parallel(n_jobs=2, batch_size=1)
    parallel(joblib.delayed(save_plainly)(plain, number, 0.0) for number in range(4))  # starts the processes
    jobs = [joblib.delayed(save_plainly)(plain, number, seconds) for number in range(n_cells)]
    theirs = timed(lambda: parallel(jobs))
    print(f"1 -> 2 workers: {one / two:.2f} times as fast (budget {LEAST_SPEED_UP})")
    print(f"two workers over two of joblib's, which flush and claim nothing: {2 * two / theirs:.3f}")
    return one / two >= LEAST_SPEED_UP


def bench_overhead(store: CellStore[Any, Any], plain: Path, what: str) -> bool:
    """What cells that take no time cost, each beside a plain write of the same arrays, flushed and renamed."""
    claimed, written, cpu = [], [], 0.0
    work = run(store)
    next(work)
    for cell in store.missing():
        before = cpu_seconds()
        claimed.append(timed(lambda: next(work)))
        cpu += cpu_seconds() - before
        arrays = {"value": value(cell)}
        written.append(timed(lambda path=plain / f"{cell.key}.npz", arrays=arrays: save_arrays(path, arrays)))
    each, floor, spent = 1000 * np.median(claimed), 1000 * np.median(written), 1000 * cpu / len(claimed)
    print(
        f"{what}: {each:.1f} ms a cell, {each / floor:.2f} times a plain write; processor {spent:.2f} ms "
        f"(budget {MOST_OVERHEAD_MS:.0f})"
    )
    return spent < MOST_OVERHEAD_MS


def bench_large(folder: Path, n_cells: int) -> bool:
    """List and resume a folder of many cells, of which the last are to do."""
    store = begin(folder, n_cells=n_cells, n_groups=20)
    (folder / "cells").mkdir()
    for cell in store.cells()[:-N_LAST]:
        (folder / "cells" / f"{cell.key}.npz").touch()
    listing = timed(store.find_ended, cpu_seconds)
    resuming = timed(lambda: Tally(store, lambda _: 1.0), cpu_seconds)
    claims = store.claims()
    keys = [f"more-{number}" for number in range(1000)]

    def claim_all() -> None:
        for key in keys:
            claim = claims.take(key)
            assert claim is not None
            claim.give_back()

    claiming = timed(claim_all, cpu_seconds)
    print(
        f"{n_cells:,} cells, processor time: listing {listing:.2f} s, resuming {resuming:.2f} s, claiming and giving "
        f"back {claiming:.2f} ms"
    )
    return bench_overhead(store, folder / "plain", f"the last {N_LAST} of {n_cells:,} cells")


def bench_kill(folder: Path, n_cells: int, seconds: float) -> bool:
    """Two workers, one of which is killed at a cell: the other takes it up, and a new process takes its place."""
    whole = run_processes(folder / "whole", 2, n_cells=n_cells, seconds=seconds)
    killed = run_processes(folder / "killed", 2, n_cells=n_cells, seconds=seconds, unlucky=(3 * n_cells // 4,))
    print(f"one of two workers killed: every cell done, {killed / whole:.2f} times the time")
    return True


def main() -> int:
    """Print the figures; 1 if one is over its budget."""
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=0.05)
    options.add_argument("--cells", type=int, default=100)
    options.add_argument("--large", type=int, default=100_000)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        held = [
            bench_overhead(begin(folder / "few", n_cells=N_LAST), folder / "plain", "overhead"),
            bench_two(folder, asked.cells, asked.seconds),
            bench_large(folder / "large", asked.large),
            bench_kill(folder, asked.cells, asked.seconds),
        ]
    return 0 if all(held) else 1


if __name__ == "__main__":
    raise SystemExit(main())
