"""The same attack in torchattacks and foolbox: network, layer, objective, norm, budget, steps, start. Time and shift.

Each peer is run twice: on the network as its users have it (whole, unfolded, read by a hook, weights unfrozen) and on
this program's own cut network, which tells the loop from the network. Needs the extra `bench`.

Run: python -m tests.benchmarks.bench_peers [--network ID] [--layer NAME] [--turns N] [--device D]
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from core.attacks.config import AttackConfig, StepRule
from core.attacks.objective import LinearObjective
from core.attacks.pgd import iter_pgd
from core.datasets.photos import list_images, load_stimulus
from core.datasets.subject import load_subject
from core.device import exact_arithmetic
from core.encoders.encoder import Encoder
from core.engine import Engine
from core.networks.build import build_architecture
from core.networks.catalog import find_network
from core.networks.files.checkpoint import read_state
from core.probes.respond import respond, to_tensor
from core.probes.target import target_roi
from core.types import NormName
from tests.benchmarks.interleave import cpu_seconds, set_one_thread, time_interleaved, wall_seconds

BUDGET = 1.8
N_STEPS = 10
ROI = "FFA"
EPSILON = {NormName.L2: 3.0, NormName.LINF: 8 / 255}
Attack = Callable[[], torch.Tensor]


class HookedNetwork(nn.Module):
    """A whole network with its features read by a hook, as most code does: unfolded, unfrozen, contiguous."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        spec = find_network(encoder.network.spec.id)
        self.body = build_architecture(spec).to_empty(device=encoder.network.device)
        self.body.load_state_dict(read_state(spec.weights_path), strict=False)
        self.body.eval().requires_grad_(True)
        self.body.get_submodule(encoder.network.layer).register_forward_hook(self._keep)
        self.register_buffer("mean", torch.tensor(spec.mean, device=encoder.network.device).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(spec.std, device=encoder.network.device).view(1, 3, 1, 1))

    def _keep(self, _module: nn.Module, _args: object, output: torch.Tensor) -> None:
        self.features = output

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Features at the layer, after running the whole network."""
        self.body((pixels - self.mean) / self.std)
        return self.features


class TwoClasses(nn.Module):
    """Logits (0, target's value): raising the cross-entropy of class 0 raises the value, along the same gradient."""

    def __init__(self, network: nn.Module, encoder: Encoder, direction: np.ndarray) -> None:
        super().__init__()
        self.network = network
        self._reduce = encoder.reduce
        self._weights, self._intercept = encoder.project(direction)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """(n, 2) logits."""
        if pixels.requires_grad:
            pixels.register_hook(torch.Tensor.contiguous)  # torchattacks takes a flat view of the gradient
        values = self._reduce(self.network(pixels)) @ self._weights + self._intercept
        return torch.stack([torch.zeros_like(values), values], dim=1)


def attack_ours(encoder: Encoder, pixels: torch.Tensor, direction: np.ndarray, norm: NormName) -> Attack:
    config = AttackConfig(norm=norm, epsilon=EPSILON[norm], n_steps=N_STEPS, step_rule=StepRule.FIXED)

    def attack() -> torch.Tensor:
        *_, last = iter_pgd(LinearObjective(encoder, direction, 1), pixels, config)
        return last.best.pixels

    return attack


def attack_torchattacks(model: nn.Module, pixels: torch.Tensor, norm: NormName) -> Attack:
    import torchattacks

    kind = torchattacks.PGDL2 if norm is NormName.L2 else torchattacks.PGD
    step = 2.5 * EPSILON[norm] / N_STEPS
    made = kind(model, eps=EPSILON[norm], alpha=step, steps=N_STEPS, random_start=False)
    return lambda: made(pixels.contiguous(), torch.zeros(len(pixels), dtype=torch.long, device=pixels.device))


def attack_foolbox(model: nn.Module, pixels: torch.Tensor, norm: NormName) -> Attack:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import foolbox
    base = foolbox.attacks
    kind = base.L2ProjectedGradientDescentAttack if norm is NormName.L2 else base.LinfProjectedGradientDescentAttack
    made = kind(abs_stepsize=2.5 * EPSILON[norm] / N_STEPS, steps=N_STEPS, random_start=False)
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device=pixels.device)
    label = torch.zeros(len(pixels), dtype=torch.long, device=pixels.device)
    return lambda: made.run(wrapped, pixels.contiguous(), foolbox.Misclassification(label), epsilon=EPSILON[norm])


def make_attacks(encoder: Encoder, pixels: torch.Tensor, direction: np.ndarray, norm: NormName) -> dict[str, Attack]:
    """Ours, and each peer on both networks."""
    whole = TwoClasses(HookedNetwork(encoder), encoder, direction).eval()
    cut = TwoClasses(encoder.network, encoder, direction).eval()
    return {
        "probescope": attack_ours(encoder, pixels, direction, norm),
        "torchattacks": attack_torchattacks(whole, pixels, norm),
        "torchattacks, our network": attack_torchattacks(cut, pixels, norm),
        "foolbox": attack_foolbox(whole, pixels, norm),
        "foolbox, our network": attack_foolbox(cut, pixels, norm),
    }


def compare(encoder: Encoder, photo: str, norm: NormName, *, n_turns: int, on_gpu: bool) -> float:
    """Print one table; the smaller of the two ratios against the peers as their users run them."""
    direction = target_roi(load_subject("simulated").voxels, ROI).vector(encoder.n_voxels)
    clean = load_stimulus(photo, encoder.network.input_size).pixels[np.newaxis]
    attacks = make_attacks(encoder, to_tensor(encoder, clean), direction, norm)
    timing = time_interleaved(attacks, n_turns, clock=wall_seconds if on_gpu else cpu_seconds)
    before = float((respond(encoder, clean) @ direction)[0])
    print(f" {norm} {EPSILON[norm]:.4g}, {N_STEPS} steps")
    for name, attack in attacks.items():
        found = attack().detach().float().cpu().numpy()
        delta = (found - clean).ravel().astype(np.float64)
        size = np.linalg.norm(delta, 2 if norm is NormName.L2 else np.inf)
        shift = float((respond(encoder, found) @ direction)[0]) - before
        ratio = timing.ratio(name, "probescope")
        print(f"  {name:26s} {timing.median_ms(name):7.0f} ms  x {ratio:24s} shift {shift:+.4f}  size {size:.5f}")
    return min(timing.quartiles(name, "probescope")[1] for name in ("torchattacks", "foolbox"))


def main(arguments: list[str] | None = None) -> bool:
    """Print the tables; whether both peers, as their users run them, take 1.8 times as long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="mobilenet_v2")
    parser.add_argument("--layer", default="features.13")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args(arguments)
    engine = Engine(device=options.device)
    encoder = engine.open_encoder("simulated", options.network, options.layer)
    set_one_thread()
    photo = next(image.id for image in list_images() if image.group == "face")
    print(f"{options.network} {options.layer}, {engine.device}, raise ROI {ROI} on {photo}")
    with exact_arithmetic():
        ratios = [
            compare(encoder, photo, norm, n_turns=options.turns, on_gpu=engine.device != "cpu") for norm in EPSILON
        ]
    return min(ratios) >= BUDGET


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
