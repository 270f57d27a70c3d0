"""Whether the memory of the window stays flat: probes, previews, other networks and images, figures and an analysis.

Each cycle does what a user does in some minutes. Printed is the resident memory after every cycle; judged is how much
the last quarter holds more than the second one: the first fills the caches, each up to its limit. That of the probes
kept for undo is lowered, so that a few cycles reach it.

Run: python -m tests.benchmarks.bench_memory [--minutes M] [--cycles N]
"""

from __future__ import annotations

import argparse
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
FIGURE_EVERY, ANALYSIS_EVERY = 2, 4
N_STEPS, N_ENCODERS = 10, 4


def resident_bytes() -> int:
    """Memory this process holds now (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run_cycles(folder: Path, minutes: float, most: int) -> Iterator[int]:
    """Open the window and give the resident memory after each cycle."""
    with opened(folder) as bench:
        bench.session.state.attack = replace(bench.session.state.attack, n_steps=N_STEPS)
        bench.window.explore.undo.probes.most_bytes = PROBE_BYTES
        deadline = time.perf_counter() + 60 * minutes
        for cycle in range(most):
            work(bench, cycle)
            gc.collect()
            yield resident_bytes()
            if time.perf_counter() > deadline:
                return


def work(bench: Bench, cycle: int) -> None:
    """One cycle."""
    session = bench.session
    state, controller = session.state, session.controller
    encoders = session.catalogue.encoders_of(state.subject.id)[:N_ENCODERS]
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
    if not cycle % ANALYSIS_EVERY:
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
    page.form.n_steps.set_value(3)
    page.form.seed.set_value(seed)
    page.form.take_edit()
    page.start()
    wait_until(lambda: not page.work.busy)
    window.tabs.open("explore")


def main(arguments: list[str] | None = None) -> bool:
    """Print the curve; whether it is flat after the warm-up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--cycles", type=int, default=1000, help="at most")
    options = parser.parse_args(arguments)
    held: list[int] = []
    with tempfile.TemporaryDirectory(prefix="probescope-bench-") as home:
        os.environ[HOME_VARIABLE] = home
        start = time.perf_counter()
        for held_now in run_cycles(Path(home), options.minutes, options.cycles):
            held.append(held_now)
            print(f"  cycle {len(held):4d} {time.perf_counter() - start:6.0f} s {held_now / 1e6:7.0f} MB", flush=True)
    quarters = [float(np.median(part)) for part in np.array_split(np.asarray(held), 4)]
    growth = quarters[3] / quarters[1] - 1
    print(f"quarters: {', '.join(f'{one / 1e6:.0f}' for one in quarters)} MB; growth {growth:+.1%}, budget 5 %")
    return growth < GROWTH_BUDGET


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
