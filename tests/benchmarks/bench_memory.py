"""Whether the memory of the window stays flat: probes, previews, other networks and images, figures and an analysis.

Each cycle does what a user does in some minutes; every fourth does the same work, so that cycles are compared with the
fourth before them. Told is the resident memory, and what of it is held once the allocator gave back what is free: which
hundreds of megabytes of free memory it keeps depends on the work just done. Judged is how much more the last four
cycles hold than the second four: the first fill the caches. That of the probes kept for undo is lowered, so that a few
cycles reach it.

Run: python -m tests.benchmarks.bench_memory [--cycles N]
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from core.paths import HOME_VARIABLE
from tests.benchmarks.bench_window_stalls import Bench, answered, opened
from tests.benchmarks.window_tasks import wait_until

GROWTH_BUDGET = 0.05
PROBE_BYTES = 50_000_000
PERIOD, FIGURE_EVERY = 4, 2
N_STEPS = 2


def resident_bytes() -> int:
    """Memory this process holds now (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def trim() -> None:
    """Have the allocator give back what is free, where it can (glibc)."""
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is not None:
        give_back(0)


def run_cycles(folder: Path, n_cycles: int) -> Iterator[tuple[int, int]]:
    """Open the window and give the resident memory after each cycle, and what of it is held."""
    with opened(folder) as bench:
        bench.session.state.attack = replace(bench.session.state.attack, n_steps=N_STEPS)
        bench.window.explore.undo.probes.most_bytes = PROBE_BYTES
        for cycle in range(n_cycles):
            work(bench, cycle)
            bench.watch.take()
            gc.collect()
            resident = resident_bytes()
            trim()
            yield resident, resident_bytes()


def work(bench: Bench, cycle: int) -> None:
    """One cycle."""
    session = bench.session
    state, controller = session.state, session.controller
    encoders = session.catalogue.encoders_of(state.subject.id)[:PERIOD]
    one = encoders[cycle % len(encoders)]
    controller.open_encoder(one.network, one.layer)
    controller.open_image(session.catalogue.images[cycle % len(session.catalogue.images)].id)
    bench.idle()
    controller.pick_voxel(cycle * 97 % state.subject.voxels.n_voxels)
    bench.idle()
    for epsilon in (0.5, 1.0, 2.0):
        controller.drag_epsilon(epsilon)
        bench.idle()
    if not cycle % FIGURE_EVERY:
        save_figure(bench)
        bench.idle()
    if not cycle % PERIOD:
        analyse(bench.window, seed=cycle)
        bench.idle()


def save_figure(bench: Bench) -> None:
    """The page of the probe, with its cortex."""
    from core.figures.figure_config import FigureConfig, FigureKind

    feature = bench.window.features.figures
    feature.show_figure(FigureKind.PROBE)
    with answered("app.figures.feature", bench.folder / "page.png"):
        feature._save_figure(FigureConfig(FigureKind.PROBE), "png")


def analyse(window: Any, *, seed: int) -> None:
    """A small analysis that was not made before."""
    window.tabs.open("fragility")
    page = window.tabs.page("fragility")
    page.form.encoders.set_value(page.form.encoders.value()[:1])
    page.form.images.set_value("test:2")
    page.form.n_steps.set_value(1)
    page.form.seed.set_value(seed)
    page.form.take_edit()
    page.start()
    wait_until(lambda: not page.work.busy)
    window.tabs.open("explore")


def main(arguments: list[str] | None = None) -> bool:
    """Print the curve; whether it is flat after the warm-up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=40)
    n_cycles = parser.parse_args(arguments).cycles
    held: list[int] = []
    with tempfile.TemporaryDirectory(prefix="probescope-bench-") as home:
        os.environ[HOME_VARIABLE] = home
        start = time.perf_counter()
        for resident, held_now in run_cycles(Path(home), n_cycles):
            held.append(held_now)
            spent = time.perf_counter() - start
            print(
                f"  cycle {len(held):3d} {spent:5.0f} s {resident / 1e6:6.0f} MB, held {held_now / 1e6:.0f}", flush=True
            )
    first, last = np.asarray(held[PERIOD : 2 * PERIOD]), np.asarray(held[-PERIOD:])
    growth = last / first - 1
    told = f"{np.median(growth):+.1%} ({growth.min():+.1%} to {growth.max():+.1%})"
    print(f"held by cycles {n_cycles - PERIOD + 1} to {n_cycles} over 5 to 8: {told}, budget {GROWTH_BUDGET:.0%}")
    return bool(np.median(growth) < GROWTH_BUDGET)


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
