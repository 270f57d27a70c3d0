"""How soon a job has stopped once it is told to: each kind, on the program's own lane, told at a random moment.

Run: python -m tests.benchmarks.bench_cancel [--turns N]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from core.paths import HOME_VARIABLE

MEDIAN_BUDGET = 0.2
"""Seconds, for every kind."""

NETWORK, LAYER = "mobilenet_v2", "features.18"
LATEST = 1.0
"""Seconds after a job has begun, at which it is told to stop at the latest."""


def list_jobs(folder: Path) -> dict[str, Callable[[Callable[[], bool]], Iterator[object]]]:
    """Every kind of long work as the lane takes it."""
    from core.attacks.config import AttackConfig
    from core.datasets.import_options import ImportOptions
    from core.datasets.importer import iter_import
    from core.datasets.kinds import plan_import
    from core.datasets.photos import load_stimulus
    from core.datasets.subject import load_subject
    from core.encoders.fit_request import FitRequest
    from core.engine import Engine
    from core.probes.probe import ProbeConfig
    from core.probes.target import target_roi
    from core.sweeps.choose import choose_encoders, choose_images, choose_targets
    from core.sweeps.config import Question, SweepConfig
    from tests.benchmarks.bench_window_stalls import write_recording

    engine, subject = Engine(spare_cores=1), load_subject("simulated")
    photo, ffa = load_stimulus("cat_chelsea"), target_roi(subject.voxels, "FFA")
    names = choose_encoders(["simulated"], [NETWORK])
    targets = choose_targets(names, rois=["FFA", "PPA"], voxels=[], gate=0.1, seed=0)
    images = choose_images(subject, ("test:8",), seed=0)
    config = ProbeConfig("simulated", NETWORK, LAYER, ffa, attack=AttackConfig(n_steps=500))
    sweep = SweepConfig(Question.FRAGILITY, names, images, targets, n_steps=200)
    source, options = folder / "many", ImportOptions("many")
    write_recording(source, 2000)
    plan = plan_import("generic", source / "many.toml", options)
    engine.predict("simulated", NETWORK, LAYER, photo)  # what is loaded once is no part of it
    return {
        "probe": lambda stop: engine.iter_probe(config, photo, should_stop=stop),
        "sensitivity": lambda stop: engine.iter_gradient_atlas("simulated", NETWORK, LAYER, photo, should_stop=stop),
        "analysis": lambda stop: engine.iter_sweep(sweep, folder / "sweep", resume=True, should_stop=stop),
        "fit": lambda stop: engine.iter_fit(FitRequest("simulated", NETWORK, (LAYER,)), should_stop=stop),
        "import": lambda _stop: iter_import(plan, options),
    }


def main(arguments: list[str] | None = None) -> bool:
    """Print the waits; whether the median of every kind keeps the budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args(arguments)
    from PySide6.QtCore import QCoreApplication

    from app.base.jobs import Idle, JobLane
    from tests.benchmarks.window_tasks import rest, wait_until

    application = QCoreApplication([])
    draw, kept = np.random.default_rng(0), []

    def forget(_result: object) -> None:
        pass

    with tempfile.TemporaryDirectory(prefix="probescope-bench-") as home:
        os.environ[HOME_VARIABLE] = home
        lane = JobLane()
        for kind, make in list_jobs(Path(home)).items():
            waits: list[float] = []
            for moment in draw.uniform(0.05, LATEST, options.turns).tolist():
                job = lane.submit(kind, make, on_done=forget, title=kind, background=True)
                rest(round(1e3 * moment))
                start = time.perf_counter()
                lane.stop(job)
                wait_until(lambda: isinstance(lane.state, Idle))
                waits.append(time.perf_counter() - start)
            middle = float(np.median(waits))
            kept.append(middle <= MEDIAN_BUDGET)
            print(f"  {kind:12s} median {1e3 * middle:5.0f} ms, largest {1e3 * max(waits):5.0f} ms", flush=True)
        lane.shutdown()
    application.shutdown()
    print(f"budget: median {1e3 * MEDIAN_BUDGET:.0f} ms")
    return all(kept)


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
