"""How many threads torch is given beside a window: attack steps a second and stalls of the event loop, together.

The default (`core.device.set_threads` with a spare core) is the number with the most steps among those whose stalls
keep the budget; ties go to fewer threads.

Run: python -m tests.benchmarks.bench_threads [--most N] [--turns N]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.paths import HOME_VARIABLE
from tests.benchmarks.bench_window_stalls import Bench, opened
from tests.benchmarks.window_tasks import rest

N_STEPS = 20


def time_attack(bench: Bench, threads: int, number: int) -> tuple[float, float, float]:
    """Steps a second of one probe with so many threads, p99 of its stalls, and the same without waits for a core."""
    import torch

    torch.set_num_threads(threads)
    rest(300)
    bench.watch.take()
    start = time.perf_counter()
    bench.target(number)
    seconds, beats = time.perf_counter() - start, bench.watch.take()
    return N_STEPS / seconds, beats.p99(), beats.p99(own=True)


def main(arguments: list[str] | None = None) -> bool:
    """Print the table; there is no budget."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=os.cpu_count() or 1, help="threads")
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args(arguments)
    counts = range(1, options.most + 1)
    found: dict[int, list[tuple[float, float, float]]] = {count: [] for count in counts}
    with tempfile.TemporaryDirectory(prefix="probescope-bench-") as home:
        os.environ[HOME_VARIABLE] = home
        with opened(Path(home)) as bench:
            bench.session.state.attack = replace(bench.session.state.attack, n_steps=N_STEPS)
            bench.target()
            for turn in range(options.turns):
                for count in counts:
                    found[count].append(time_attack(bench, count, 1 + turn * len(counts) + count))
    print("threads  steps/s  stall p99 (ms)  without waits for a core")
    for count, rows in found.items():
        steps, late, own = np.median(rows, axis=0)
        print(f"{count:7d} {steps:8.1f} {1e3 * late:15.1f} {1e3 * own:25.1f}")
    return True


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
