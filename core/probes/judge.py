"""Scores the delivered pixels of a probe in one fixed order and writes the record. Never trusts the attack's word."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.encoders.encoder import Encoder
from core.images.stimulus import Stimulus
from core.probes.first_order import measure_linearity, predict_first_order
from core.probes.probe import Curve, Probe, ProbeConfig, StepHistory
from core.probes.respond import describe_versions, respond
from core.progress import Stopwatch
from core.types import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Delivered:
    """What a probe delivers, float32 in [0, 1]: clean (1, 3, height, width), others (n_rungs, 3, height, width)."""

    clean: FloatArray
    perturbed: FloatArray
    control: FloatArray
    sign_flip: FloatArray

    @property
    def stack(self) -> FloatArray:
        """All of them in the order in which they are scored."""
        return np.concatenate([self.clean, self.perturbed, self.control, self.sign_flip])


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """Responses in the same shape: clean (n_voxels,), the others (n_rungs, n_voxels)."""

    clean: FloatArray
    perturbed: FloatArray
    control: FloatArray
    sign_flip: FloatArray


def judge(
    encoder: Encoder,
    stimulus: Stimulus,
    config: ProbeConfig,
    *,
    delivered: Delivered,
    dual_size: float,
    history: StepHistory,
    watch: Stopwatch,
) -> Probe:
    """Score the delivered pixels and assemble the probe.

    Parameters
    ----------
    encoder : Encoder
    stimulus : Stimulus
    config : ProbeConfig
    delivered : Delivered
    dual_size : float
        Dual norm of the target's gradient at the clean image.
    history : StepHistory
    watch : Stopwatch
        Started with the probe.
    """
    judged = _score(encoder, delivered)
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
        clean=judged.clean,
        perturbed=judged.perturbed[-1],
        control=judged.control[-1],
        sign_flip=judged.sign_flip[-1],
        reference_sd=card.reference_sd,
        target_sd=encoder.target_sd(direction),
        curve=_draw_curve(config, delivered, judged, direction=direction, dual_size=dual_size),
        history=history,
        delivered_8bit=config.attack.quantise,
        seconds=watch.seconds,
        device=str(encoder.network.device),
        versions=describe_versions(),
        rung_pixels=delivered.perturbed,
    )


def _score(encoder: Encoder, delivered: Delivered) -> _Judged:
    n_rungs = len(delivered.perturbed)
    clean, *others = np.split(respond(encoder, delivered.stack), [1, 1 + n_rungs, 1 + 2 * n_rungs])
    return _Judged(clean[0], *others)


def _draw_curve(
    config: ProbeConfig, delivered: Delivered, judged: _Judged, *, direction: FloatArray, dual_size: float
) -> Curve:
    """The target's values, in float64: differences of large responses lose too much in float32."""
    weights = direction.astype(np.float64)
    clean = judged.clean.astype(np.float64)
    shift, control, flip = ((rung - clean) @ weights for rung in (judged.perturbed, judged.control, judged.sign_flip))
    epsilon = np.asarray(config.ladder)
    first_order = predict_first_order(epsilon, dual_size, sign=config.direction.sign)
    delta = (delivered.perturbed.astype(np.float64) - delivered.clean).reshape(len(epsilon), -1)
    return Curve(
        epsilon=epsilon,
        shift=shift,
        first_order=first_order,
        linearity=measure_linearity(shift, first_order),
        control_shift=control,
        sign_flip_shift=flip,
        l2=np.linalg.norm(delta, axis=1),
        linf=np.abs(delta).max(axis=1),
    )
