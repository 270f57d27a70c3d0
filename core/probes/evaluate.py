"""Scores the delivered pixels of a probe in one fixed order and writes the record. Ignores the attack's own scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.attacks.objective_config import ObjectiveKind
from core.encoders.encoder import Encoder
from core.images.stimulus import Stimulus
from core.probes.against import SecondResponses
from core.probes.objectives import report_gain, report_pair_gain, report_shift
from core.probes.probe import Curve, Probe, ProbeConfig, StepHistory
from core.probes.respond import describe_versions, respond
from core.progress import Stopwatch
from core.types import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Delivered:
    """What a probe delivers, float32 in [0, 1]: clean (1, 3, height, width), others (n_budgets, 3, height, width).

    Once scored, the responses to them: clean (1, n_voxels), others (n_budgets, n_voxels).
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
    others: Sequence[Encoder] = (),
) -> Probe:
    """Score the delivered pixels and assemble the probe.

    Parameters
    ----------
    dual_size : Dual norm of the objective's gradient at the clean image; NaN where it has none.
    watch : Started with the probe.
    others : The further encoders that were attacked.
    """
    scored = _score(encoder, delivered)
    second = None if config.against is None else _score_second(others[0], config, delivered)
    direction = config.target.vector(encoder.n_voxels)
    card = encoder.card
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
        clean=scored.clean[0],
        perturbed=scored.perturbed[-1],
        control=scored.control[-1],
        sign_flip=scored.sign_flip[-1],
        reference_sd=card.reference_sd,
        target_sd=encoder.target_sd(direction),
        target_mean=encoder.target_mean(direction),
        curve=_draw_curve(encoder, config, delivered, scored, second=second, dual_size=dual_size),
        history=history,
        delivered_8bit=config.attack.quantise,
        seconds=watch.seconds,
        device=str(encoder.network.device),
        versions=describe_versions(),
        rung_pixels=delivered.perturbed,
        ensemble_sha256=tuple(other.card.sha256 for other in others),
        second=second,
    )


def _score_second(encoder: Encoder, config: ProbeConfig, delivered: Delivered) -> SecondResponses:
    """What the second encoder of a controversial probe does with the same pixels."""
    scored = _score(encoder, delivered)
    shift, control = (
        report_shift(encoder, config, one, clean=scored.clean[0]) for one in (scored.perturbed, scored.control)
    )
    sd = encoder.target_sd(config.target.vector(encoder.n_voxels))
    others = (scored.perturbed[-1], scored.control[-1], scored.sign_flip[-1])
    return SecondResponses(scored.clean[0], *others, encoder.card.reference_sd, sd, shift, control)


def _score(encoder: Encoder, delivered: Delivered) -> Delivered:
    images = (delivered.clean, delivered.perturbed, delivered.control, delivered.sign_flip)
    ends = np.cumsum([len(one) for one in images])[:-1]
    clean, perturbed, control, flip = np.split(respond(encoder, np.concatenate(images)), ends)
    return Delivered(clean, perturbed, control, flip, delivered.convergence)


def _draw_curve(
    encoder: Encoder,
    config: ProbeConfig,
    delivered: Delivered,
    scored: Delivered,
    *,
    second: SecondResponses | None,
    dual_size: float,
) -> Curve:
    budgets = (scored.perturbed, scored.control, scored.sign_flip)
    shift, control, flip = (report_shift(encoder, config, responses, clean=scored.clean[0]) for responses in budgets)
    gain = report_gain(encoder, config, scored.perturbed, clean=scored.clean[0])
    if second is not None:
        own_sd = encoder.target_sd(config.target.vector(encoder.n_voxels))
        gain = report_pair_gain(config, np.stack([shift / own_sd, second.shift / second.target_sd]))
    epsilon = np.asarray(config.ladder)
    # A cosine has no gradient at the clean image, and so no first order.
    slope = float("nan") if config.objective.kind is ObjectiveKind.COSINE else dual_size
    first_order = config.direction.sign * slope * epsilon
    delta = (delivered.perturbed.astype(np.float64) - delivered.clean).reshape(len(epsilon), -1)
    to_gain, spread, n_gradients = delivered.convergence
    return Curve(
        epsilon=epsilon,
        shift=shift,
        first_order=first_order,
        linearity=measure_linearity(shift, first_order),
        control_shift=control,
        sign_flip_shift=flip,
        l2=np.linalg.norm(delta, axis=1),
        linf=np.abs(delta).max(axis=1),
        objective=gain,
        to_gain=to_gain,
        restart_spread=spread,
        n_gradients=n_gradients,
    )


def measure_linearity(shift: FloatArray, first_order: FloatArray) -> FloatArray:
    """shift / first_order, both (n_budgets,): 1 for a linear encoder within the bounds, NaN where none is predicted."""
    linearity = np.full(np.shape(shift), np.nan)
    np.divide(shift, first_order, out=linearity, where=np.asarray(first_order) != 0)
    return linearity
