"""What it costs to share a folder of cells: overhead a cell, one worker against two, joblib, 100,000 cells, a kill.

Cells sleep, so that the machine's own work is that of claiming, writing and listing alone.

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

from core.sweeps.cells import load_store
from core.sweeps.workers import Tally, iter_processes
from tests.helpers import simulated_cells
from tests.helpers.simulated_cells import SIMULATED, SimulatedCell, begin, run, value

MOST_OVERHEAD_MS, LEAST_SPEED_UP = 10.0, 1.8
N_LAST = 200
"""Cells that are left to do in the large folder."""


def timed(work: Callable[[], object]) -> float:
    """Seconds on the wall."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def save_plainly(folder: Path, number: int, seconds: float) -> None:
    """The same cell without claims, flushes and renames."""
    time.sleep(seconds)
    np.savez(folder / f"{number}.npz", value=value(SimulatedCell(number)))


def run_processes(folder: Path, n_workers: int, **options: Any) -> float:
    """Seconds from the first finished cell to the last, so that starting Python is not counted."""
    store = begin(folder, **options)
    records = iter_processes(
        store, lambda: simulated_cells.start(folder), n_workers=n_workers, seconds_of=lambda _: 1.0
    )
    for _ in records:
        pass
    load_store(SIMULATED, folder)
    times = sorted(path.stat().st_mtime for path in (folder / "cells").iterdir())
    return times[-1] - times[0]


def bench_two(folder: Path, n_cells: int, seconds: float) -> bool:
    """One worker, two workers, joblib's two; overhead a cell."""
    one, two = (run_processes(folder / str(n), n, n_cells=n_cells, seconds=seconds) for n in (1, 2))
    plain = folder / "joblib"
    plain.mkdir()
    parallel = joblib.Parallel(n_jobs=2, batch_size=1)
    parallel(joblib.delayed(save_plainly)(plain, number, 0.0) for number in range(4))  # starts the processes
    jobs = [joblib.delayed(save_plainly)(plain, number, seconds) for number in range(n_cells)]
    theirs = timed(lambda: parallel(jobs))
    overhead = 1000 * (one / (n_cells - 1) - seconds)
    print(f"1 -> 2 workers: {one / two:.2f} times as fast (budget {LEAST_SPEED_UP})")
    print(f"overhead a cell: {overhead:.1f} ms (budget {MOST_OVERHEAD_MS:.0f})")
    print(f"two workers over two of joblib's, which flush and claim nothing: {two / theirs:.3f}")
    return one / two >= LEAST_SPEED_UP and overhead < MOST_OVERHEAD_MS


def bench_large(folder: Path, n_cells: int) -> bool:
    """List and resume a folder of many cells, of which the last are to do."""
    store = begin(folder, n_cells=n_cells, n_groups=20)
    (folder / "cells").mkdir()
    for cell in store.cells()[:-N_LAST]:
        (folder / "cells" / f"{cell.key}.npz").touch()
    listing = timed(store.find_ended)
    resuming = timed(lambda: Tally(store, lambda _: 1.0))
    each = 1000 * timed(lambda: list(run(store))) / N_LAST
    claims = store.claims()
    keys = [f"more-{number}" for number in range(1000)]

    def claim_all() -> None:
        for key in keys:
            with claims.hold(key):
                pass

    claiming = timed(claim_all)
    print(
        f"{n_cells:,} cells: listing {listing:.2f} s, resuming {resuming:.2f} s, claiming and giving back "
        f"{claiming:.2f} ms, all in all {each:.1f} ms for each of the last {N_LAST} (budget {MOST_OVERHEAD_MS:.0f})"
    )
    return each < MOST_OVERHEAD_MS


def bench_kill(folder: Path, n_cells: int, seconds: float) -> bool:
    """Two workers, one of which is killed at a cell: the other takes it up, and a new process takes its place."""
    whole = run_processes(folder / "whole", 2, n_cells=n_cells, seconds=seconds)
    killed = run_processes(folder / "killed", 2, n_cells=n_cells, seconds=seconds, unlucky=(n_cells // 4,))
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
            bench_two(folder, asked.cells, asked.seconds),
            bench_large(folder / "large", asked.large),
            bench_kill(folder, asked.cells, asked.seconds),
        ]
    return 0 if all(held) else 1


if __name__ == "__main__":
    raise SystemExit(main())
