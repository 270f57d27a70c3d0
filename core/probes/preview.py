"""A quick preview while epsilon is dragged: a known perturbation rescaled and truly scored."""

from __future__ import annotations

import numpy as np
import torch

from core.attacks.ball import Ball
from core.attacks.config import LARGEST_EPSILON
from core.attacks.norms import NORMS
from core.checks import check_epsilon
from core.encoders.encoder import Encoder
from core.images.stimulus import to_uint8
from core.probes.objectives import report_shift
from core.probes.probe import Preview, Probe
from core.probes.respond import respond
from core.types import FloatArray


def preview(encoder: Encoder, probe: Probe, epsilon: float, *, second: Encoder | None = None) -> Preview:
    """The probe's perturbation at another budget, in one forward pass.

    The perturbation of the attacked budget nearest in ratio is rescaled, projected into ball and bounds, rounded if the
    probe delivers 8 bits, and scored. At an attacked budget the answer is its own result.

    `encoder`: the probe's own. `epsilon`: budget in [0, 1] pixel units of the probe's norm. `second`: the second
    encoder of a controversial probe.

    Raises BadInputError if the budget is out of range.
    """
    check_epsilon("epsilon", epsilon, largest=LARGEST_EPSILON[probe.config.attack.norm])
    pixels = rescale_perturbation(probe, epsilon)
    responses = respond(encoder, pixels[np.newaxis])[0]
    return Preview(
        epsilon=epsilon,
        pixels=to_uint8(pixels),
        delta=pixels - probe.clean_pixels,
        clean=probe.clean,
        responses=responses,
        shift=float(report_shift(encoder, probe.config, responses[np.newaxis], clean=probe.clean)[0]),
        second_responses=None if second is None else respond(second, pixels[np.newaxis])[0],
    )


def rescale_perturbation(probe: Probe, epsilon: float) -> FloatArray:
    """Pixels (3, height, width) of the perturbation of the attacked budget nearest in ratio, at another one."""
    known, budget = probe.perturbed_pixels, probe.config.attack.epsilon
    if len(probe.rung_pixels):
        tiny = np.finfo(np.float64).tiny
        nearest = int(np.abs(np.log(max(epsilon, tiny) / np.maximum(probe.curve.epsilon, tiny))).argmin())
        known, budget = probe.rung_pixels[nearest], float(probe.curve.epsilon[nearest])
    if epsilon == budget:
        return known
    attack = probe.config.attack
    clean = torch.from_numpy(probe.clean_pixels)[None]
    delta = torch.from_numpy(known)[None] - clean
    ball = Ball(NORMS[attack.norm], clean, torch.tensor([epsilon]), quantise=attack.quantise)
    scale = epsilon / budget if budget > 0 else 0.0
    return np.asarray(ball.enforce_exactly(ball.to_pixels(ball.project(delta * scale)))[0].numpy())
