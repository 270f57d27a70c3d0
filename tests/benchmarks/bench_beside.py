"""What the window costs a probe: the whole of it beside the window that shows it, over the engine alone, in pairs.

Alone, the same probe runs in a thread of its own in the same process, and the window waits for it without drawing.
Judged is the clock; "thread" is the processor time of the thread that attacks, which other work lengthens least.

Run: python -m tests.benchmarks.bench_beside [--turns N]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.paths import HOME_VARIABLE
from tests.benchmarks.bench_window_stalls import Bench, opened

BUDGET = 1.25
N_STEPS = 15
"""Fixed, and enough that what the window does once a probe weighs little, as in a default one of some hundred."""


def time_alone(bench: Bench) -> tuple[float, float]:
    """Seconds of the clock and of the thread for the probe on screen, made again with nothing beside it."""
    from app.base.jobs import step_back

    engine, state = bench.session.engine, bench.session.state
    taken: list[float] = []

    def work() -> None:
        step_back()
        for _ in engine.iter_probe(state.probe.config, state.stimulus):
            pass
        taken.append(time.thread_time())

    start, thread = time.perf_counter(), threading.Thread(target=work)
    thread.start()
    thread.join()
    return time.perf_counter() - start, taken[0]


def time_beside(bench: Bench, number: int) -> tuple[float, float]:
    """The same from asking for a probe until the window has it."""
    lane, taken = bench.session.lane, []

    def timed(make: Callable[..., object]) -> Callable[..., object]:
        def follow(stop: Callable[[], bool]) -> object:
            start = time.thread_time()
            yield from make(stop)
            taken.append(time.thread_time() - start)

        return follow

    submit = lane.submit
    lane.submit = lambda kind, make, **rest: submit(kind, timed(make) if kind == "probe" else make, **rest)
    start = time.perf_counter()
    bench.target(number)
    lane.submit = submit
    return time.perf_counter() - start, sum(taken)


def main(arguments: list[str] | None = None) -> bool:
    """Print the ratios; whether the median by the clock keeps the budget."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=6)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="probescope-bench-") as home:
        os.environ[HOME_VARIABLE] = home
        with opened(Path(home)) as bench:
            bench.watch.stop()  # which looks at every thread a hundred times a second
            bench.session.state.attack = replace(bench.session.state.attack, n_steps=N_STEPS)
            bench.target()
            pairs = [(time_beside(bench, turn + 1), time_alone(bench)) for turn in range(options.turns)]
    beside, alone = np.asarray(pairs).transpose(1, 0, 2)  # (n_turns, 2) each
    low, middle, high = np.percentile(beside / alone, [25, 50, 75], axis=0)
    print(f"alone {np.median(alone[:, 0]):.2f} s, in the window {np.median(beside[:, 0]):.2f} s")
    for column, what in enumerate(("clock", "thread")):
        print(f"{what:7s} {middle[column]:.2f} ({low[column]:.2f} to {high[column]:.2f})")
    print(f"budget: {BUDGET} by the clock")
    return bool(middle[0] <= BUDGET)


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
