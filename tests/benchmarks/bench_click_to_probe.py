"""What a user waits for: from a click to the first perturbed image, to the whole probe, and for a dragged epsilon.

Run: python -m tests.benchmarks.bench_click_to_probe [--network ID] [--layer NAME] [--turns N] [--threads N]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from core.attacks.config import AttackConfig
from core.datasets.photos import list_images, load_stimulus
from core.datasets.subject import load_subject
from core.engine import Engine
from core.probes.probe import Probe, ProbeConfig
from core.probes.target import target_voxel

FIRST_BUDGET, WHOLE_BUDGET, DRAG_BUDGET = 1.0, 5.0, 0.1
"""Seconds, on two cores, for the embedded default."""


def time_probe(engine: Engine, config: ProbeConfig, photo: str) -> tuple[float, float, Probe]:
    """Seconds to the first perturbed image, seconds to the end, and the probe."""
    stimulus = load_stimulus(photo)
    start, first, record = time.perf_counter(), 0.0, None
    for record in engine.iter_probe(config, stimulus):
        if record.stage == "attack" and not first:
            first = time.perf_counter() - start
    assert record is not None and record.result is not None
    return first, time.perf_counter() - start, record.result


def time_one(work: Callable[[], object]) -> float:
    """Seconds on the wall."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def describe(what: str, seconds: list[float], budget: float) -> bool:
    """Print median and largest; whether the median keeps the budget."""
    middle = float(np.median(seconds))
    print(f"  {what:32s} {1e3 * middle:6.0f} ms (largest {1e3 * max(seconds):.0f}), budget {1e3 * budget:.0f}")
    return middle <= budget


def main(arguments: list[str] | None = None) -> bool:
    """Print the waits; whether all are within their budgets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="mobilenet_v2")
    parser.add_argument("--layer", default="features.18")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args(arguments)
    engine = Engine(device=options.device)
    engine.open_encoder("simulated", options.network, options.layer)
    if options.threads:
        import torch

        torch.set_num_threads(options.threads)
    table = load_subject("simulated").voxels
    attack = AttackConfig()
    photos = [image.id for image in list_images() if image.curated]
    firsts, wholes, drags = [], [], []
    for turn in range(options.turns):
        voxel = turn * 97 % table.n_voxels
        config = ProbeConfig("simulated", options.network, options.layer, target_voxel(table, voxel), attack=attack)
        first, whole, probe = time_probe(engine, config, photos[turn % len(photos)])
        firsts.append(first)
        wholes.append(whole)
        drags += [time_one(lambda e=e, p=probe: engine.preview(p, e)) for e in np.linspace(0.2, 2.9, 6).tolist()]
    print(f"{options.network} {options.layer}, {engine.device}, {attack.describe()}, {options.turns} probes")
    kept = [
        describe("click to first perturbed image", firsts, FIRST_BUDGET),
        describe("click to complete probe", wholes, WHOLE_BUDGET),
        describe("epsilon drag to scored image", drags, DRAG_BUDGET),
    ]
    return all(kept)


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
