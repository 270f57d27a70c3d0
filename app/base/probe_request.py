"""Resolves what is selected into the frozen config of a probe."""

from __future__ import annotations

from app.base.state import AppState
from core.attacks.presets import name_schedule
from core.checks import refusal
from core.probes.probe import Probe, ProbeConfig


def request_probe(state: AppState) -> ProbeConfig:
    """The probe the window describes now. Raises BadInputError if subject, encoder or target is missing or unusable."""
    if state.subject is None or not state.network:
        raise refusal("encoder", allowed="chosen", got="none", advice="Choose a network first.")
    if state.target is None:
        raise refusal("target", allowed="chosen", got="none", advice="Click a voxel on the cortex or choose an ROI.")
    return ProbeConfig(
        subject=state.subject.id,
        network=state.network,
        layer=state.layer,
        target=state.aim.refine(state.target, state.subject.voxels),
        direction=state.direction,
        attack=state.attack,
        ladder=(state.attack.epsilon,) if name_schedule(state.attack) else (),  # published for its one budget
        objective=state.aim.objective(state.target),
        ensemble=state.aim.ensemble,
        wanted_shift_sd=state.aim.wanted_shift(state.target),
    )


def matches_probe(state: AppState, probe: Probe) -> bool:
    """Whether a probe differs from what the window describes in budget and schedule at most, so it can be rescaled."""
    if state.target is None or state.stimulus is None or probe.stimulus_sha256 != state.stimulus.sha256:
        return False
    wanted, made = request_probe(state), probe.config
    same_aim = (made.target, made.direction, made.objective) == (wanted.target, wanted.direction, wanted.objective)
    same_encoder = (made.network, made.layer, made.ensemble) == (wanted.network, wanted.layer, wanted.ensemble)
    return same_aim and same_encoder and probe.config.attack.norm is wanted.attack.norm
