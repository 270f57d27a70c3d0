"""Builds the objective a probe's config describes, for its encoder and further ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import numpy as np
import torch

from core.attacks.ensemble import EnsembleObjective, SmoothMinimum, join_shifts
from core.attacks.objective import LinearObjective, Objective, RuleObjective
from core.attacks.rules import Rule, make_rule
from core.checks import refusal
from core.device import exact_arithmetic
from core.encoders.encoder import Encoder
from core.probes.probe import ProbeConfig
from core.progress import ShouldStop
from core.types import FloatArray


def build_own(encoder: Encoder, config: ProbeConfig, pixels: torch.Tensor) -> Objective:
    """The probe's objective in one encoder, from the clean pixels (n, 3, height, width) on its device."""
    sign = config.direction.sign
    if config.objective.is_linear:
        return LinearObjective(encoder, config.target.vector(encoder.n_voxels), sign)
    with torch.no_grad():
        clean = encoder(pixels)
    return RuleObjective(encoder, build_rule(encoder, config, like=pixels), sign=sign, clean=clean)


def build_together(
    own: Objective, config: ProbeConfig, pixels: torch.Tensor, *, others: Sequence[Encoder]
) -> Objective:
    """The same over further encoders, if there are any; with a second one that it is against, their smooth minimum."""
    if not others:
        return own
    if config.against is None:
        return EnsembleObjective([own, *(build_own(other, config, pixels) for other in others)])
    there = replace(config, direction=config.against.direction(config.direction))
    return SmoothMinimum([own, build_own(others[0], there, pixels)], pixels, sharpness=config.against.sharpness)


def build_rule(encoder: Encoder, config: ProbeConfig, *, like: torch.Tensor) -> Rule:
    """The rule of a nonlinear objective, on the device and in the precision of `like`."""
    target, n_voxels = config.target, encoder.n_voxels
    vector = target.vector(n_voxels)
    return make_rule(
        config.objective,
        target.pattern(n_voxels) if config.objective.kind.is_pattern else vector,
        voxels=target.voxels,
        reference_sd=encoder.card.reference_sd,
        target_sd=encoder.target_sd(vector),
        like=like,
    )


def report_shift(encoder: Encoder, config: ProbeConfig, responses: FloatArray, *, clean: FloatArray) -> FloatArray:
    """The reported value's shift, (n,), of responses (n, n_voxels) against the clean ones (n_voxels,).

    In float64: differences of large responses lose too much in float32.
    """
    before, after = clean.astype(np.float64), responses.astype(np.float64)
    if config.objective.is_linear:
        return np.asarray((after - before) @ config.target.vector(encoder.n_voxels).astype(np.float64))
    rule = build_rule(encoder, config, like=torch.zeros((), dtype=torch.float64))
    origin = torch.from_numpy(before)[None]
    return np.asarray((rule.reported(torch.from_numpy(after), origin) - rule.reported(origin, origin)).numpy())


def report_gain(encoder: Encoder, config: ProbeConfig, responses: FloatArray, *, clean: FloatArray) -> FloatArray:
    """What the objective gained, (n,) float64; empty where that is the signed shift itself."""
    if config.objective.is_linear:
        return np.zeros(0)
    rule = build_rule(encoder, config, like=torch.zeros((), dtype=torch.float64))
    origin, after = torch.from_numpy(clean.astype(np.float64))[None], torch.from_numpy(responses.astype(np.float64))
    sign = config.direction.sign
    return np.asarray((rule.value(after, origin, sign=sign) - rule.value(origin, origin, sign=sign)).numpy())


def report_pair_gain(config: ProbeConfig, shifts_sd: FloatArray) -> FloatArray:
    """What the smooth minimum gained, (n,) float64 in SDs, of both encoders' shifts (2, n) in SDs; empty without."""
    if config.against is None:
        return np.zeros(0)
    signed = torch.from_numpy(shifts_sd * np.reshape(config.against.signs(config.direction), (2, 1)))
    return np.asarray(join_shifts(signed, config.against.sharpness).numpy())


def check_named(encoder: Encoder, config: ProbeConfig, *, others: Sequence[Encoder] = ()) -> None:
    """Raise BadInputError unless `config` names these encoders and weights only voxels they have."""
    fitted = encoder.card.config
    named = (config.subject, config.network, config.layer)
    if named != (fitted.subject, fitted.network, fitted.layer):
        allowed = f"{fitted.subject} {fitted.network} {fitted.layer}, the encoder's own"
        raise refusal("config", allowed=allowed, got=" ".join(named))
    given = tuple(other.card.config.network for other in others)
    if given != config.others:
        allowed = f"the encoders of {', '.join(config.others) or 'no further network'}"
        raise refusal("against" if config.against else "ensemble", allowed=allowed, got=given)
    if config.against is not None and others[0].card.config.layer != config.against.layer:
        raise refusal("against", allowed=config.against.label, got=others[0].card.config.layer)
    for member in (encoder, *others):
        if max(config.target.voxels) >= member.n_voxels or min(config.target.voxels) < 0:
            allowed = f"made of voxels from 0 to {member.n_voxels - 1}"
            raise refusal("target", allowed=allowed, got=config.target.label)


@contextmanager
def guarded(encoders: Sequence[Encoder], should_stop: ShouldStop) -> Iterator[None]:
    """Inside, every pass of these encoders stops within a layer's time and computes the same bits each time."""
    with ExitStack() as stack:
        for encoder in encoders:
            stack.enter_context(encoder.network.interruptible(should_stop))
        stack.enter_context(exact_arithmetic())
        yield
