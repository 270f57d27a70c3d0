"""Scores the delivered pixels of a probe in one fixed order and writes the record. Ignores the attack's own scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.attacks.objective_config import ObjectiveKind
from core.encoders.encoder import Encoder
from core.images.stimulus import Stimulus
from core.probes.objectives import report_gain, report_shift
from core.probes.probe import Curve, Probe, ProbeConfig, StepHistory
from core.probes.respond import describe_versions, respond
from core.progress import Stopwatch
from core.types import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Delivered:
    """What a probe delivers, float32 in [0, 1]: clean (1, 3, height, width), others (n_budgets, 3, height, width).

    `convergence` (3, n_budgets) are `Convergence`'s to_gain, spread and n_steps.
    """

    clean: FloatArray
    perturbed: FloatArray
    control: FloatArray
    sign_flip: FloatArray
    convergence: FloatArray


def evaluate(
    encoder: Encoder,
    stimulus: Stimulus,
    config: ProbeConfig,
    *,
    delivered: Delivered,
    dual_size: float,
    history: StepHistory,
    watch: Stopwatch,
    ensemble_sha256: tuple[str, ...] = (),
) -> Probe:
    """Score the delivered pixels and assemble the probe.

    Parameters
    ----------
    dual_size : Dual norm of the objective's gradient at the clean image; NaN where it has none.
    watch : Started with the probe.
    ensemble_sha256 : Hashes of the further encoders that were attacked.
    """
    n_budgets, card = len(delivered.perturbed), encoder.card
    direction = config.target.vector(encoder.n_voxels)
    stack = np.concatenate([delivered.clean, delivered.perturbed, delivered.control, delivered.sign_flip])
    (clean,), *responses = np.split(respond(encoder, stack), [1, 1 + n_budgets, 1 + 2 * n_budgets])
    perturbed, control, sign_flip = (one[-1] for one in responses)
    return Probe(
        config=config,
        stimulus_id=stimulus.id,
        stimulus_sha256=stimulus.sha256,
        network_sha256=encoder.network.sha256,
        encoder_sha256=card.sha256,
        response_unit=card.response_unit,
        clean_pixels=delivered.clean[0],
        perturbed_pixels=delivered.perturbed[-1],
        control_pixels=delivered.control[-1],
        sign_flip_pixels=delivered.sign_flip[-1],
        clean=clean,
        perturbed=perturbed,
        control=control,
        sign_flip=sign_flip,
        reference_sd=card.reference_sd,
        target_sd=encoder.target_sd(direction),
        target_mean=encoder.target_mean(direction),
        curve=_draw_curve(encoder, config, delivered, responses, clean=clean, dual_size=dual_size),
        history=history,
        delivered_8bit=config.attack.quantise,
        seconds=watch.seconds,
        device=str(encoder.network.device),
        versions=describe_versions(),
        rung_pixels=delivered.perturbed,
        ensemble_sha256=ensemble_sha256,
    )


def _draw_curve(
    encoder: Encoder,
    config: ProbeConfig,
    delivered: Delivered,
    responses: Sequence[FloatArray],
    *,
    clean: FloatArray,
    dual_size: float,
) -> Curve:
    """The curve of the responses (n_budgets, n_voxels) to perturbed pixels, control and flipped sign."""
    shift, control, flip = (report_shift(encoder, config, one, clean=clean) for one in responses)
    epsilon = np.asarray(config.ladder)
    # A cosine has no gradient at the clean image, and so no first order.
    slope = float("nan") if config.objective.kind is ObjectiveKind.COSINE else dual_size
    # The largest first-order shift in a ball, without pixel bounds; a linear encoder's linearity within them is 1.
    first_order = config.direction.sign * slope * epsilon
    linearity = np.divide(shift, first_order, out=np.full(shift.shape, np.nan), where=first_order != 0)
    delta = (delivered.perturbed.astype(np.float64) - delivered.clean).reshape(len(epsilon), -1)
    return Curve(
        epsilon=epsilon,
        shift=shift,
        first_order=first_order,
        linearity=linearity,
        control_shift=control,
        sign_flip_shift=flip,
        l2=np.linalg.norm(delta, axis=1),
        linf=np.abs(delta).max(axis=1),
        objective=report_gain(encoder, config, responses[0], clean=clean),
        to_gain=delivered.convergence[0],
        restart_spread=delivered.convergence[1],
        n_gradients=delivered.convergence[2],
    )
