"""What an attack step costs over its floor: the forward and backward passes of the same cut network and nothing else.

Run: python -m tests.benchmarks.bench_step_over_floor [--network ID] [--layer NAME] [--turns N] [--device D]
     [--batch N]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch

from core.attacks.config import AttackConfig
from core.attacks.objective import LinearObjective, pull_to_features
from core.attacks.pgd import iter_pgd
from core.datasets.photos import list_images, load_stimulus
from core.device import exact_arithmetic
from core.encoders.encoder import Encoder
from core.engine import Engine
from core.images.stimulus import Stimulus
from core.probes.probe import ProbeConfig
from core.probes.respond import to_tensor
from core.probes.run import iter_probe
from core.probes.target import Target, TargetKind
from core.types import NormName
from tests.benchmarks.interleave import cpu_seconds, set_one_thread, time_interleaved, wall_seconds

BUDGET, GPU_BUDGET = 1.05, 2.0
N_STEPS = 10
EPSILON = {NormName.L2: 3.0, NormName.LINF: 8 / 255}


def attack_bare(encoder: Encoder, pixels: torch.Tensor, cotangent: torch.Tensor, n_steps: int) -> None:
    """The floor: n_steps forward and backward passes to the pixels and one last forward, weights frozen."""
    for _ in range(n_steps):
        leaf = pixels.detach().requires_grad_(True)
        features = encoder.network(leaf)
        (gradient,) = torch.autograd.grad(features, leaf, grad_outputs=cotangent.expand_as(features))
    with torch.no_grad():
        encoder.network(pixels)
    gradient.sum().item()


def exhaust(encoder: Encoder, pixels: torch.Tensor, direction: np.ndarray, config: AttackConfig) -> None:
    """The attack itself, waiting for its answer."""
    *_, last = iter_pgd(LinearObjective(encoder, direction, 1), pixels, config, keys=("image",) * len(pixels))
    last.best.values.sum().item()


def probe_once(encoder: Encoder, stimulus: Stimulus, config: ProbeConfig) -> None:
    """The attack inside a probe, with cancelling, progress records and history; controls and judgement left out."""
    for record in iter_probe(encoder, stimulus, config, should_stop=lambda: False):
        if record.stage == "controls":
            break


def make_tasks(encoder: Encoder, stimulus: Stimulus, n_images: int) -> dict[str, Callable[[], object]]:
    """The floor and everything that is compared with it."""
    direction = np.zeros(encoder.n_voxels, dtype=np.float32)
    direction[:20] = 1 / 20
    pixels = to_tensor(encoder, np.repeat(stimulus.pixels[np.newaxis], n_images, axis=0))
    cotangent = pull_to_features(encoder, encoder.project(direction)[0])
    tasks: dict[str, Callable[[], object]] = {"floor": lambda: attack_bare(encoder, pixels, cotangent, N_STEPS)}
    for norm, epsilon in EPSILON.items():
        for quantise in (False, True):
            config = AttackConfig(norm=norm, epsilon=epsilon, n_steps=N_STEPS, quantise=quantise)
            name = f"PGD {norm}{' 8-bit' if quantise else ''}"
            tasks[name] = lambda config=config: exhaust(encoder, pixels, direction, config)
    target = Target(TargetKind.SET, "set", tuple(range(20)), (0.05,) * 20)
    fitted = encoder.card.config
    one_budget = ProbeConfig(
        fitted.subject, fitted.network, fitted.layer, target, attack=AttackConfig(n_steps=N_STEPS), ladder=(3.0,)
    )
    return tasks | {"probe l2, one budget": lambda: probe_once(encoder, stimulus, one_budget)}


def main(arguments: list[str] | None = None) -> bool:
    """Print the ratios; whether PGD keeps the budget, rounding to 8 bits included."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="mobilenet_v2")
    parser.add_argument("--layer", default="features.18")
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=1, help="images at once; on a GPU as many as fill it")
    options = parser.parse_args(arguments)
    engine = Engine(device=options.device)
    encoder = engine.open_encoder("simulated", options.network, options.layer)
    set_one_thread()
    photo = next(image.id for image in list_images() if image.curated)
    stimulus = load_stimulus(photo, encoder.network.input_size)
    clock = cpu_seconds if engine.device == "cpu" else wall_seconds
    with exact_arithmetic():
        timing = time_interleaved(make_tasks(encoder, stimulus, options.batch), options.turns, clock=clock)
    print(
        f"{options.network} {options.layer}, {engine.device}: {N_STEPS} bare steps {timing.median_ms('floor'):.0f} ms"
    )
    for name in list(timing.seconds)[1:]:
        print(f"  {name:20s} over the floor: {timing.ratio(name, 'floor')}")
    attacks = [timing.quartiles(name, "floor")[1] for name in timing.seconds if name.startswith("PGD")]
    budget = BUDGET if engine.device == "cpu" else GPU_BUDGET
    print(f"budget of PGD: {budget}")
    return max(attacks) <= budget


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
