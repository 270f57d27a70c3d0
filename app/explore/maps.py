"""Computes what the cortex shows from the facts of the session: values, title, unit and scale.

Which responses count as "perturbed" follows what is on screen: a scrubbed step, a running probe, a preview, the probe.
Before the first probe there is no shift, and its place shows the clean response.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from app.base.state import AppState
from app.look.numbers import NORM_SIGNS, write_epsilon
from core.figures.probe_maps import LEAST_LIMIT, SD_UNIT, ProbeMap, robust_limit
from core.probes.probe import in_reference_sds
from core.types import FloatArray, NormName

if TYPE_CHECKING:
    from core.encoders.card import EncoderCard


def find_perturbed(state: AppState) -> FloatArray | None:
    """The responses (n_voxels,) that count as perturbed now; None before the first probe."""
    if state.probe is not None and state.step is not None:
        responses: FloatArray = state.probe.history.responses[state.step]
        return responses
    if state.progress is not None:
        return state.progress.responses
    if state.preview is not None:
        return state.preview.responses
    return state.probe.perturbed if state.probe is not None else None


def make_map(name: str, state: AppState) -> ProbeMap:
    """One of the maps of the chooser: shift, clean, perturbed, sensitivity, r or noise_ceiling."""
    card = state.card
    unit = card.response_unit if card is not None else ""
    perturbed = find_perturbed(state)
    match name:
        case "clean" | "perturbed":
            limits = [robust_limit(one, diverging=True) for one in (state.clean, perturbed) if one is not None]
            values = state.clean if name == "clean" else perturbed
            return ProbeMap(values, f"Response, {name}", unit, diverging=True, limit=max(limits, default=None))
        case "sensitivity":
            return _sensitivity(state, card)
        case "r":
            return ProbeMap(
                card.r if card is not None else None, "Accuracy of the encoder", "held-out r", diverging=False
            )
        case "noise_ceiling":
            ceiling = state.subject.voxels.noise_ceiling if state.subject is not None else None
            return ProbeMap(ceiling, "Noise ceiling", "share of variance", diverging=False, limit=1.0)
    if perturbed is None and name == "shift":
        return make_map("clean", state)
    shift = _shift(state, perturbed)
    return ProbeMap(shift, "Shift of the predicted response", SD_UNIT, diverging=True, limit=_limit(shift))


def make_maps(name: str, state: AppState) -> tuple[ProbeMap, ProbeMap | None]:
    """The map chosen; beside a shift that in the second encoder, both with their encoders' names and one colour range.

    The second is without values while a probe runs, and for a single attack step, whose responses there are not kept.
    """
    first, against, probe = make_map(name, state), state.aim.against, state.probe
    if against is None or name != "shift":
        return first, None
    values, made = None, probe.second if probe is not None and probe.config.against == against else None
    if made is not None and state.progress is None and state.step is None:
        responses = made.perturbed if state.preview is None else state.preview.second_responses
        values = None if responses is None else in_reference_sds(responses - made.clean, made.reference_sd)
    limit = max((one for one in (first.limit, _limit(values)) if one is not None), default=None)
    title = f"Shift, {' '.join(state.encoder)}" if first.unit == SD_UNIT else first.title
    second = ProbeMap(values, f"Shift, {against.label}", SD_UNIT, diverging=True, limit=limit)
    return replace(first, limit=limit, title=title), second


def _limit(shift: FloatArray | None) -> float | None:
    if shift is None or not np.isfinite(shift).any():
        return None
    return max(LEAST_LIMIT, robust_limit(shift, diverging=True))


def _shift(state: AppState, perturbed: FloatArray | None) -> FloatArray | None:
    if perturbed is None or state.clean is None or state.card is None:
        return None
    return in_reference_sds(perturbed - state.clean, state.card.reference_sd)


def _sensitivity(state: AppState, card: EncoderCard | None) -> ProbeMap:
    attack = state.attack
    title = f"First-order sensitivity at {NORM_SIGNS[attack.norm]} ε {write_epsilon(attack.epsilon, attack.norm)}"
    if state.atlas is None or card is None:
        return ProbeMap(None, title, SD_UNIT, diverging=False)
    size = state.atlas.l2 if attack.norm is NormName.L2 else state.atlas.l1
    values = in_reference_sds(attack.epsilon * size, card.reference_sd)
    return ProbeMap(values, title, SD_UNIT, diverging=False)
