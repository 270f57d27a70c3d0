"""The default attack beside the best known one: 300 falling steps from three starts, on every shipped network.

The best known attack is written out here: the same gradients and the exact projection, the step falling as half a
cosine from 0.5 to 0.005 epsilon, from the clean image and two random points of the ball; or what the default itself
found, where that is more. Told are the share of its gain that the default reaches, the default's gradients and what it
says of its own convergence.

Run: python -m tests.benchmarks.bench_converged [--networks ID ...] [--targets NAME ...] [--budgets 3,8/255 ...]
     [--image ID] [--out FILE.jsonl]     (with --out, a second call does only what is missing)
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from core.attacks.ball import Ball
from core.attacks.config import AttackConfig, parse_epsilon
from core.attacks.norms import NORMS
from core.attacks.objective import Objective
from core.attacks.objective_config import ObjectiveConfig, ObjectiveKind
from core.datasets.image_store import find_stimulus
from core.datasets.subject import load_subject
from core.device import exact_arithmetic
from core.encoders.encoder import Encoder
from core.engine import Engine
from core.networks.catalog import find_network, list_networks
from core.probes.objectives import build_own, build_together
from core.probes.probe import ProbeConfig
from core.probes.respond import to_tensor
from core.probes.run import iter_probe
from core.probes.target import Target, target_contrast, target_pattern, target_roi, target_voxel
from core.progress import never_stop
from core.seeds import make_stream
from core.types import NormName, VoxelTable

N_STEPS, N_STARTS = 300, 3
BUDGETS = ("0.5", "1", "3", "10", "1/255", "4/255", "8/255")
LEAST_SHARE = 0.95


def best_known(objective: Objective, pixels: torch.Tensor, norm: NormName, epsilon: float) -> float:
    """The largest objective that falling steps find from any start."""
    rule, stream = NORMS[norm], make_stream(0, "best known")
    starts = [torch.zeros_like(pixels)]
    starts += [torch.from_numpy(stream.standard_normal(pixels.shape)).to(pixels) for _ in range(N_STARTS - 1)]
    ball, best = Ball(rule, pixels, torch.full((1,), epsilon)), -np.inf
    for number, start in enumerate(starts):
        delta = ball.project(0.5 * epsilon * rule.steepest(start)) if number else start
        for step in range(N_STEPS + 1):
            scores, gradient = objective.value_and_gradient(pixels + delta)
            best = max(best, float(scores.values))
            share = 0.005 + 0.495 * (1 + np.cos(np.pi * step / N_STEPS)) / 2
            delta = ball.project(delta + share * epsilon * rule.steepest(gradient))
    return best


def list_targets(table: VoxelTable, other: str) -> dict[str, Callable[[Encoder], tuple[Target, dict[str, object]]]]:
    """Every kind of target by name, each with what else its probe is asked."""
    ffa = target_roi(table, "FFA")
    pattern = target_pattern(table, np.where(np.asarray(table.roi) == "FFA", 1.0, np.nan), label="FFA at 1")
    selective, cosine = ObjectiveConfig(ObjectiveKind.SELECTIVE), ObjectiveConfig(ObjectiveKind.COSINE)
    return {
        "ROI": lambda _: (ffa, {}),
        "voxel": lambda _: (target_voxel(table, ffa.voxels[0]), {}),
        "contrast": lambda _: (target_contrast(table, ffa, "PPA", weight=1.0), {}),
        "selective": lambda _: (ffa, {"objective": selective}),
        "distance": lambda _: (pattern, {"objective": ObjectiveConfig(ObjectiveKind.DISTANCE)}),
        "cosine": lambda _: (pattern, {"objective": cosine}),
        "ensemble": lambda _: (ffa, {"ensemble": (other,)}),
    }


def measure(engine: Engine, network: str, target: str, budget: str, image: str) -> dict[str, object]:
    """One row."""
    spec, norm = find_network(network), NormName.LINF if "/" in budget else NormName.L2
    epsilon, other = parse_epsilon(budget, norm), "alexnet" if network != "alexnet" else "mobilenet_v2"
    encoder = engine.open_encoder("simulated", spec.id, spec.default_layer)
    chosen, more = list_targets(load_subject("simulated").voxels, other)[target](encoder)
    attack = AttackConfig(norm=norm, epsilon=epsilon, quantise=False)
    config = ProbeConfig("simulated", spec.id, spec.default_layer, chosen, attack=attack, ladder=(epsilon,), **more)  # type: ignore[arg-type]
    others = [engine.open_encoder("simulated", one, find_network(one).default_layer) for one in config.ensemble]
    stimulus = find_stimulus(image, size=spec.input_size)
    *_, last = iter_probe(encoder, stimulus, config, should_stop=never_stop, others=others)
    probe = last.result
    assert probe is not None
    with exact_arithmetic():
        pixels = to_tensor(encoder, stimulus.pixels[np.newaxis])
        objective = build_together(build_own(encoder, config, pixels), config, pixels, others=others)
        clean = float(objective.score(pixels).values)
        found = float(objective.score(to_tensor(encoder, probe.perturbed_pixels[np.newaxis])).values) - clean
        best = max(best_known(objective, pixels, norm, epsilon) - clean, found)
    return {
        "network": network,
        "target": target,
        "budget": f"{norm} {budget}",
        "image": image,
        "share": found / best,
        "gradients": int(probe.curve.n_gradients[-1]),
        "to_gain": probe.to_gain,
    }


def main() -> int:
    """Print a row each; 1 if one reaches less than is promised without saying so."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=[spec.id for spec in list_networks() if not spec.url])
    parser.add_argument("--targets", nargs="+", default=["ROI"])
    parser.add_argument("--budgets", nargs="+", default=BUDGETS)
    parser.add_argument("--image", default="astronaut_eileen")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    lines = args.out.read_text().splitlines() if args.out and args.out.exists() else []
    rows = [json.loads(line) for line in lines]
    done = {tuple(row[name] for name in ("network", "target", "budget", "image")) for row in rows}
    engine, failed = Engine(device="cpu"), False
    for network in args.networks:
        for target in args.targets:
            for budget in args.budgets:
                norm = NormName.LINF if "/" in budget else NormName.L2
                if (network, target, f"{norm} {budget}", args.image) in done:
                    continue
                row = measure(engine, network, target, budget, args.image)
                told = "converged" if row["to_gain"] <= 1 - LEAST_SHARE else "not converged"
                print(
                    f"{network:24s} {target:10s} {row['budget']:12s} {row['share']:.3f} of the best known, "
                    f"{row['gradients']} gradients, {told} ({row['to_gain']:.3f})",
                    flush=True,
                )
                failed = failed or (row["share"] < LEAST_SHARE and told == "converged")
                if args.out:
                    with args.out.open("a") as lines_file:
                        lines_file.write(json.dumps(row) + "\n")
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
