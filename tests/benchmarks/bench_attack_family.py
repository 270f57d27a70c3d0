"""Momentum, diverse inputs, shifts, APGD and square search beside torchattacks: the same network, budget and steps.

Both raise the same value of the same cut network; the shift is scored again from the pixels by this program. Draws of
diverse inputs and squares differ, so shifts agree in size, not in bits. Needs the extra `bench`.

Then the default attack's shift at equal gradients beside the reference (steps falling from 0.5 to 0.005 epsilon, no
momentum), this program's fixed steps and APGD, PGD and APGD of torchattacks and PGD of foolbox: none may be ahead.

Attacks with draws are run with several seeds: the ratio of the mean shifts is told, and the spread over seeds of both.

Run: python -m tests.benchmarks.bench_attack_family [--network ID] [--device D] [--seeds N] [--photos N]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from core.attacks.ball import Ball
from core.attacks.config import AttackConfig, AttackMethod, StepRule
from core.attacks.norms import NORMS
from core.attacks.objective import LinearObjective
from core.attacks.pgd import iter_pgd
from core.datasets.photos import list_images, load_stimulus
from core.datasets.subject import load_subject
from core.device import exact_arithmetic
from core.encoders.encoder import Encoder
from core.engine import Engine
from core.networks.catalog import find_network
from core.probes.respond import respond, to_tensor
from core.probes.target import target_roi
from core.types import NormName
from tests.benchmarks.bench_peers import ROI, TwoClasses
from tests.benchmarks.interleave import set_one_thread

EPSILON, N_STEPS, APGD_STEPS, N_QUERIES = 8 / 255, 10, 40, 1000
STEP = 2.5 * EPSILON / N_STEPS
OFFSET = 12.0
"""Taken off the value, so that torchattacks sees the image as class 0 throughout and does not stop early."""

LEAST_SHARE = {"momentum 1": 0.97, "shifts 7 px": 0.97}
"""Of the peer's shift, summed over the photographs; the benchmark fails below it. No draws are in these two."""

LEAST_DRAWN_SHARE = 0.75
"""The same of attacks with draws of their own: shifts differ by 10 to 20 % between seeds, so that three are the least
(squares with three seeds: 0.74, 0.98 and 0.97 of the peer's)."""

Attack = Callable[[], torch.Tensor]
SHARED: dict[str, Any] = {"norm": NormName.LINF, "epsilon": EPSILON, "n_steps": N_STEPS, "step_rule": StepRule.FIXED}
OURS = {
    "momentum 1": AttackConfig(**SHARED, momentum=1.0),
    "diverse inputs 0.5": AttackConfig(**SHARED, diversity=0.5),
    "shifts 7 px": AttackConfig(**SHARED, translation=7),
    "APGD": AttackConfig(**SHARED | {"n_steps": APGD_STEPS}, method=AttackMethod.APGD, random_start=True),
    "square": AttackConfig(**SHARED, method=AttackMethod.SQUARE, n_queries=N_QUERIES),
}


def make_peers(model: torch.nn.Module, seed: int) -> dict[str, Callable[..., torch.Tensor]]:
    """The attack of torchattacks for each of ours."""
    import torchattacks as peer

    apgd = peer.APGD(model, norm="Linf", eps=EPSILON, steps=APGD_STEPS, seed=seed)
    square = peer.Square(
        model, norm="Linf", eps=EPSILON, n_queries=N_QUERIES, p_init=0.05, loss="margin", seed=seed, verbose=False
    )

    def run_square(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        square.init_hyperparam(images)
        torch.manual_seed(seed)
        with torch.no_grad():
            return square.attack_single_run(images, labels)[1]

    loop = {"eps": EPSILON, "alpha": STEP, "steps": N_STEPS}
    return {
        "momentum 1": peer.MIFGSM(model, **loop, decay=1.0),
        "diverse inputs 0.5": peer.DIFGSM(model, **loop, decay=0.0, diversity_prob=0.5, random_start=False),
        "shifts 7 px": peer.TIFGSM(model, **loop, decay=0.0, diversity_prob=0.0, random_start=False),
        # Their own calls hand back the clean image unless the class changes; these hand back the best point.
        "APGD": lambda images, labels: apgd.perturb(images, labels, best_loss=True)[1],
        "square": run_square,
    }


def compare(encoder: Encoder, photo: str, seed: int, skipped: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Print shift and seconds of each pair; returns both shifts by attack. Only drawn ones are run for later seeds."""
    direction = target_roi(load_subject("simulated").voxels, ROI).vector(encoder.n_voxels)
    clean = load_stimulus(photo, encoder.network.input_size).pixels[np.newaxis]
    pixels, label = to_tensor(encoder, clean), torch.zeros(1, dtype=torch.long, device=encoder.network.device)
    model = TwoClasses(encoder.network, encoder, direction).eval()
    model._intercept -= OFFSET
    before, found = float((respond(encoder, clean) @ direction)[0]), {}
    budget = f"Linf {EPSILON * 255:.0f}/255, {N_STEPS} steps (APGD {APGD_STEPS}), {N_QUERIES} queries"
    print(f"{photo}, {encoder.network.spec.id}, {budget}, seed {seed}")
    for name, peer in make_peers(model, seed).items():
        if name in skipped or (seed and name in LEAST_SHARE):
            continue
        figures = []
        for attack in (
            _ours(encoder, pixels, direction, replace(OURS[name], seed=seed)),
            lambda p=peer: p(pixels.contiguous(), label),
        ):
            start = time.process_time()
            perturbed = attack()
            seconds = time.process_time() - start
            figures.append((float((respond(encoder, to_numpy(perturbed)) @ direction)[0]) - before, seconds))
        (ours, ours_s), (theirs, theirs_s) = figures
        found[name] = ours, theirs
        print(f"  {name:20s} shift {ours:+.3f} / {theirs:+.3f}   {ours_s:.1f} / {theirs_s:.1f} s")
    return found


EQUAL_GRADIENTS = (10, 20, 50, 150)
BUDGETS = ((NormName.L2, 3.0), (NormName.LINF, 4 / 255))


class Reference:
    """150 falling steps are the reference of the right values; here of any number, best iterate kept."""

    def __init__(self, objective: LinearObjective, norm: NormName, epsilon: float, n_steps: int) -> None:
        self._objective, self._norm, self._epsilon, self._n_steps = objective, norm, epsilon, n_steps

    def __call__(self, clean: torch.Tensor) -> torch.Tensor:
        norm = NORMS[self._norm]
        ball = Ball(norm, clean, torch.full((len(clean),), self._epsilon))
        delta, best, found = torch.zeros_like(clean), -np.inf, clean
        for step in range(self._n_steps + 1):
            scores, gradient = self._objective.value_and_gradient(clean + delta)
            if float(scores.values) > best:
                best, found = float(scores.values), clean + delta
            share = 0.005 + 0.495 * (1 + np.cos(np.pi * step / self._n_steps)) / 2
            delta = ball.project(delta + share * self._epsilon * norm.steepest(gradient))
        return found


def make_equals(
    encoder: Encoder, model: torch.nn.Module, direction: np.ndarray, budget: tuple[NormName, float], n: int, seed: int
) -> dict[str, Callable[[torch.Tensor], torch.Tensor]]:
    """Every attack with n gradients; those with draws start at random."""
    import foolbox
    import torchattacks as peer

    (norm, epsilon), is_l2 = budget, budget[0] is NormName.L2
    step, objective, base = 2.5 * epsilon / n, LinearObjective(encoder, direction, 1), foolbox.attacks
    apgd = peer.APGD(model, norm="L2" if is_l2 else "Linf", eps=epsilon, steps=n, seed=seed)
    pgd = (peer.PGDL2 if is_l2 else peer.PGD)(model, eps=epsilon, alpha=step, steps=n, random_start=False)
    kind = base.L2ProjectedGradientDescentAttack if is_l2 else base.LinfProjectedGradientDescentAttack
    theirs = kind(abs_stepsize=step, steps=n, random_start=False)
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device=encoder.network.device)

    def own(**options: object) -> Callable[[torch.Tensor], torch.Tensor]:
        config = AttackConfig(norm=norm, epsilon=epsilon, n_steps=n, seed=seed, **options)  # type: ignore[arg-type]
        return lambda pixels: _ours(encoder, pixels, direction, config)()

    def label(pixels: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(pixels), dtype=torch.long, device=pixels.device)

    criterion = foolbox.Misclassification
    return {
        "default": own(),
        "reference": Reference(objective, norm, epsilon, n),
        "fixed steps": own(step_rule=StepRule.FIXED),
        "APGD": own(method=AttackMethod.APGD),
        "torchattacks PGD": lambda pixels: pgd(pixels.contiguous(), label(pixels)),
        "torchattacks APGD": lambda pixels: apgd.perturb(pixels.contiguous(), label(pixels), best_loss=True)[1],
        "foolbox PGD": lambda pixels: theirs.run(
            wrapped, pixels.contiguous(), criterion(label(pixels)), epsilon=epsilon
        ),
    }


def compare_at_equal_gradients(encoder: Encoder, photos: list[str], seeds: int, gradients: Sequence[int]) -> bool:
    """Print the shifts; whether none is ahead of the default, summed over photographs and seeds."""
    direction = target_roi(load_subject("simulated").voxels, ROI).vector(encoder.n_voxels)
    model = TwoClasses(encoder.network, encoder, direction).eval()
    model._intercept -= OFFSET
    ahead = True
    for budget in BUDGETS:
        for n in gradients:
            shifts: dict[str, list[float]] = {}
            for photo in photos:
                clean = load_stimulus(photo, encoder.network.input_size).pixels[np.newaxis]
                before = float((respond(encoder, clean) @ direction)[0])
                for seed in range(seeds):
                    for name, attack in make_equals(encoder, model, direction, budget, n, seed).items():
                        if seed and "torchattacks APGD" not in name:
                            continue
                        found = to_numpy(attack(to_tensor(encoder, clean)))
                        shifts.setdefault(name, []).append(float((respond(encoder, found) @ direction)[0]) - before)
            mean = {name: float(np.mean(values)) for name, values in shifts.items()}
            ratios = {
                name: np.asarray(shifts["default"]) / np.reshape(values, (len(photos), -1)).mean(axis=1)
                for name, values in shifts.items()
            }
            own = mean["default"]
            said = ", ".join(
                f"{name} {value:.2f} (x {own / value:.2f}, {min(ratios[name]):.2f} to {max(ratios[name]):.2f})"
                for name, value in mean.items()
            )
            print(f"{budget[0]} {budget[1]:.4g}, {n} gradients: {said}", flush=True)
            ahead = ahead and mean["default"] >= max(mean.values())
    return ahead


def to_numpy(pixels: torch.Tensor) -> np.ndarray:
    """Pixels off their device."""
    return np.ascontiguousarray(pixels.detach().cpu().numpy())


def _ours(encoder: Encoder, pixels: torch.Tensor, direction: np.ndarray, config: AttackConfig) -> Attack:
    def attack() -> torch.Tensor:
        *_, last = iter_pgd(LinearObjective(encoder, direction, 1), pixels, config)
        return last.best.pixels

    return attack


def main() -> int:
    """Run; 1 if any shift falls short of the peer's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="mobilenet_v2")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only-equal", action="store_true", help="only the comparison at equal gradients")
    parser.add_argument("--seeds", type=int, default=3, help="of attacks with draws (default 3)")
    parser.add_argument("--photos", type=int, default=2)
    parser.add_argument("--skip", nargs="+", default=(), choices=OURS, help="attacks that are not compared")
    parser.add_argument("--gradients", type=int, nargs="+", default=EQUAL_GRADIENTS)
    args = parser.parse_args()
    set_one_thread()
    spec = find_network(args.network)
    encoder = Engine(device=args.device).open_encoder("simulated", spec.id, spec.default_layer)
    photos = [info.id for info in list_images()][: args.photos]
    with exact_arithmetic():
        pairs = range(0 if args.only_equal else args.seeds)
        found = [[compare(encoder, photo, seed, args.skip) for photo in photos] for seed in pairs]
        failed = not compare_at_equal_gradients(encoder, photos, args.seeds, args.gradients)
    for name in (one for one in OURS if found and one not in args.skip):
        sums = np.asarray([np.sum([shifts[name] for shifts in own], axis=0) for own in found if name in own[0]])
        (ours, theirs), spread = sums.mean(axis=0), np.ptp(sums, axis=0) / sums.mean(axis=0)
        least = LEAST_SHARE.get(name, LEAST_DRAWN_SHARE)
        told = f"spread over {len(sums)} seeds {spread[0]:.0%} / {spread[1]:.0%}" if len(sums) > 1 else "no draws"
        print(f"{name:20s} {ours / theirs:.2f} of torchattacks' shift, at least {least}; {told}")
        failed = failed or ours < least * theirs
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
