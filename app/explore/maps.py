"""Computes what the cortex shows from the facts of the session: values, title, unit and scale.

Which responses count as "perturbed" follows what is on screen: a scrubbed step, a running probe, a preview, the probe.
Before the first probe there is no shift, and its place shows the clean response.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from app.base.state import AppState, Pinned
from core.attacks.config import write_budget
from core.encoders.card import EncoderCard
from core.engine import EncoderKey
from core.errors import ProbeError
from core.figures.movie_config import MAPS, CortexStyle
from core.figures.probe_maps import LEAST_LIMIT, SD_UNIT, ProbeMap, map_probe, robust_limit
from core.probes.against import Against
from core.probes.jury import Vote
from core.probes.probe import Probe, in_reference_sds
from core.probes.target import Target
from core.surfaces.placing import Placed
from core.types import FloatArray

REGIONS = "roi"
TITLES = {"shift": "Shift", "clean": "Response, clean", "perturbed": "Response, perturbed", "r": "Accuracy"}


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What a second cortex shows: a map, the voxels it is of where they are another subject's, and what is marked."""

    map: ProbeMap
    own: Placed | None = None
    target: Target | None = None
    is_pinned: bool = False


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


def make_map(name: str, state: AppState, *, before: Probe | None = None) -> ProbeMap:
    """One of the maps of the chooser: shift, clean, perturbed, sensitivity, r, noise_ceiling; "last" of `before`."""
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
        case "last":
            values = before.shift_sd if before is not None and _is_of(before, state) else None
            return _as_shift(values, "Shift, last probe")
        case "r":
            return ProbeMap(
                card.r if card is not None else None, "Accuracy of the encoder", "held-out r", diverging=False
            )
        case "noise_ceiling":
            ceiling = state.subject.voxels.noise_ceiling if state.subject is not None else None
            return ProbeMap(ceiling, "Noise ceiling", "share of variance", diverging=False, limit=1.0)
    if perturbed is None and name == "shift":
        return make_map("clean", state)
    return _as_shift(_shift(state, perturbed), "Shift of the predicted response")


def encoder_of(beside: str) -> EncoderKey | None:
    """The encoder that "encoder:SUBJECT/NETWORK/LAYER" names; None for anything else."""
    kind, _, name = beside.partition(":")
    parts = name.split("/", 2)
    return (parts[0], parts[1], parts[2]) if kind == "encoder" else None


def make_maps(name: str, state: AppState, wanted: str = "auto", *, gate_r: float = 0) -> tuple[ProbeMap, Beside | None]:
    """The map chosen, and what stands beside it; both have one range where they have one unit.

    `wanted`: "none", "second", "pinned", "map:NAME", "encoder:SUBJECT/NETWORK/LAYER", or "auto": the pinned probe, else
    the second encoder, where there is one.
    """
    first, beside = make_map(name, state), None if name == REGIONS else _make_beside(name, state, wanted, gate_r)
    if beside is None:
        return first, None
    second, title = beside.map, first.title
    if first.unit == SD_UNIT and first.diverging:
        title = f"Shift, {' '.join(state.encoder)}"
    first = replace(first, title=f"B · {title}" if beside.is_pinned else title)
    if (first.unit, first.diverging) != (second.unit, second.diverging):
        return first, beside
    limit = max(filter(None, (first.find_limit(), second.find_limit())), default=None)
    return replace(first, limit=limit), replace(beside, map=replace(second, limit=limit))


def _make_beside(name: str, state: AppState, wanted: str, gate_r: float) -> Beside | None:
    pinned, against, key = state.pinned, state.aim.against, encoder_of(wanted)
    if key is not None:
        vote = state.votes.get(key, Vote())
        late = ", picture before" if vote.is_late else ""
        shift = vote.voxels_sd if len(vote.voxels_sd) else None
        return Beside(_as_shift(shift, f"Shift, {' '.join(key)}{late}"), vote.placed)
    if wanted.startswith("map:"):
        return Beside(make_map(wanted.removeprefix("map:"), state), target=state.target)
    if pinned is not None and wanted in ("auto", "pinned") and state.subject is not None:
        own = None if _is_of(pinned.probe, state) else pinned.placed
        return Beside(_map_pinned(name, pinned, gate_r), own, pinned.probe.config.target, is_pinned=True)
    if against is not None and wanted in ("auto", "second") and name == "shift":
        return Beside(_map_second(against, state), target=state.target)
    return None


def _is_of(probe: Probe, state: AppState) -> bool:
    """Whether it has the voxels of the subject on screen."""
    subject = state.subject
    there = (probe.config.subject, len(probe.clean))
    return subject is not None and there == (subject.id, subject.voxels.n_voxels)


def _map_second(against: Against, state: AppState) -> ProbeMap:
    """The shift in the second encoder: without values while a probe runs, and for a step, whose responses it lacks."""
    probe = state.probe
    values, made = None, probe.second if probe is not None and probe.config.against == against else None
    if made is not None and state.progress is None and state.step is None:
        responses = made.perturbed if state.preview is None else state.preview.second_responses
        values = None if responses is None else in_reference_sds(responses - made.clean, made.reference_sd)
    return _as_shift(values, f"Shift, {against.label}")


def _map_pinned(name: str, pinned: Pinned, gate_r: float) -> ProbeMap:
    """The map of that name of the pinned probe, or its shift; voxels its own encoder predicts worse are dimmed."""
    shown = name if name in MAPS else "shift"
    title = f"A · {TITLES.get(shown, 'Noise ceiling')}, {pinned.label}"
    try:
        style = CortexStyle(map=shown, gate_r=max(0.0, gate_r))
        made = map_probe(pinned.probe, style, pinned.placed.voxels, follows=False)
    except ProbeError:  # the scores of its encoder are not here
        return ProbeMap(None, title, "", diverging=False)
    return replace(made, title=title, unit="held-out r" if shown == "r" else made.unit)


def _as_shift(values: FloatArray | None, title: str) -> ProbeMap:
    known = values is not None and np.isfinite(values).any()
    made = ProbeMap(values, title, SD_UNIT, diverging=True)
    return replace(made, limit=max(LEAST_LIMIT, made.find_limit() or 0.0)) if known else made


def _shift(state: AppState, perturbed: FloatArray | None) -> FloatArray | None:
    if perturbed is None or state.clean is None or state.card is None:
        return None
    return in_reference_sds(perturbed - state.clean, state.card.reference_sd)


def _sensitivity(state: AppState, card: EncoderCard | None) -> ProbeMap:
    attack = state.attack
    within = "" if attack.mask is None else " inside the mask"
    title = f"First-order sensitivity at {write_budget(attack.epsilon, attack.norm)}{within}"
    if state.atlas is None or state.atlas.mask != attack.mask or card is None:
        return ProbeMap(None, title, SD_UNIT, diverging=False)
    values = in_reference_sds(state.atlas.first_order(attack.norm, attack.epsilon), card.reference_sd)
    return ProbeMap(values, title, SD_UNIT, diverging=False)
