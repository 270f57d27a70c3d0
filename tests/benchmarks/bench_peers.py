"""The same attack in torchattacks and foolbox: network, layer, objective, norm, budget, steps, start. Time and shift.

Peers run on the network as their users have it (whole, unfolded, read by a hook, weights unfrozen), and with --cut on
this program's own cut network, too, which tells the loop from the network. Needs the extra `bench`.

Run: python -m tests.benchmarks.bench_peers [--networks ID[:LAYER] ...] [--turns N] [--cut] [--device D]
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from core.attacks.config import AttackConfig, StepRule
from core.attacks.objective import LinearObjective
from core.attacks.pgd import iter_pgd
from core.datasets.photos import list_images, load_stimulus
from core.datasets.subject import load_subject
from core.device import exact_arithmetic
from core.encoders.encoder import Encoder
from core.engine import Engine
from core.networks.build import build_architecture
from core.networks.catalog import find_network, list_networks
from core.networks.files.checkpoint import read_state
from core.probes.respond import respond, to_tensor
from core.probes.target import target_roi
from core.types import NormName
from tests.benchmarks.interleave import cpu_seconds, set_one_thread, time_interleaved, wall_seconds

FASTER, FASTER_CUT, LARGE_CUT = 1.0, 1.5, 1 / 3
"""Least time of each peer over ours; and where the cut leaves so large a share of the operations out."""

EARLY = ("alexnet:features.7", "mobilenet_v2:features.13")
"""Beside every network at its default layer: two whose cut leaves much out."""

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


def make_attacks(
    encoder: Encoder, whole: nn.Module, pixels: torch.Tensor, direction: np.ndarray, norm: NormName, *, cut: bool
) -> dict[str, Attack]:
    """Ours, and each peer."""
    attacks = {"probescope": attack_ours(encoder, pixels, direction, norm)}
    for what, network in (("", whole), (", our network", encoder.network))[: 1 + cut]:
        model = TwoClasses(network, encoder, direction).eval()
        attacks[f"torchattacks{what}"] = attack_torchattacks(model, pixels, norm)
        attacks[f"foolbox{what}"] = attack_foolbox(model, pixels, norm)
    return attacks


def count_operations(network: nn.Module, pixels: torch.Tensor) -> int:
    """Of one forward pass."""
    with FlopCounterMode(display=False) as counter:
        network(pixels)
    return counter.get_total_flops()


def compare(encoder: Encoder, photo: str, norm: NormName, *, n_turns: int, cut: bool) -> bool:
    """Print one table; whether both peers, as their users run them, take longer by as much as they must."""
    direction = target_roi(load_subject("simulated").voxels, ROI).vector(encoder.n_voxels)
    clean = load_stimulus(photo, encoder.network.input_size).pixels[np.newaxis]
    pixels, whole = to_tensor(encoder, clean), HookedNetwork(encoder)
    left_out = 1 - count_operations(encoder.network, pixels) / count_operations(whole, pixels)
    least = FASTER_CUT if left_out >= LARGE_CUT else FASTER
    attacks = make_attacks(encoder, whole, pixels, direction, norm, cut=cut)
    timing = time_interleaved(
        attacks, n_turns, clock=cpu_seconds if pixels.device.type == "cpu" else wall_seconds, n_warm=1
    )
    before = float((respond(encoder, clean) @ direction)[0])
    print(f" {norm} {EPSILON[norm]:.4g}, {N_STEPS} steps; the cut leaves {left_out:.0%} out, budget {least}")
    for name, attack in attacks.items():
        found = attack().detach().float().cpu().numpy()
        delta = (found - clean).ravel().astype(np.float64)
        size = np.linalg.norm(delta, 2 if norm is NormName.L2 else np.inf)
        shift = float((respond(encoder, found) @ direction)[0]) - before
        ratio = timing.ratio(name, "probescope")
        print(f"  {name:26s} {timing.median_ms(name):7.0f} ms  x {ratio:24s} shift {shift:+.4f}  size {size:.5f}")
    return min(timing.quartiles(name, "probescope")[1] for name in ("torchattacks", "foolbox")) >= least


def main(arguments: list[str] | None = None) -> bool:
    """Print the tables; whether ours is faster by as much as it must."""
    parser = argparse.ArgumentParser(description=__doc__)
    shipped = [spec.id for spec in list_networks() if not spec.url]
    parser.add_argument("--networks", nargs="+", default=[*EARLY, *shipped], metavar="ID[:LAYER]")
    parser.add_argument("--cut", action="store_true", help="peers on our cut network, too")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args(arguments)
    engine = Engine(device=options.device)
    photo, kept = next(image.id for image in list_images() if image.group == "face"), []
    for asked in options.networks:
        network, _, layer = asked.partition(":")
        encoder = engine.open_encoder("simulated", network, layer or find_network(network).default_layer)
        set_one_thread()
        print(f"{network} {encoder.network.layer}, {engine.device}, raise ROI {ROI} on {photo}")
        with exact_arithmetic():
            kept += [compare(encoder, photo, norm, n_turns=options.turns, cut=options.cut) for norm in EPSILON]
    return all(kept)


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
