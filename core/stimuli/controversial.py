"""Controversial probes of a plan, and what is checked of a pair of encoders before anything heavy. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from core.checks import refusal
from core.datasets.subject import load_subject
from core.encoders.files import load_card
from core.probes.against import Against
from core.probes.probe import ProbeConfig
from core.probes.target import Target
from core.stimuli.probe_warnings import explain_poor
from core.sweeps.choose import check_predicts, choose_encoders
from core.sweeps.config import EncoderName, TargetName
from core.types import Direction

PROBES_EACH = ((Direction.RAISE, False), (Direction.LOWER, False), (Direction.RAISE, True))
"""Of every image, target and budget: A up and B down, the mirrored one, both up: A's direction, whether B agrees."""


def choose_pair(subject: str, words: Sequence[str]) -> tuple[EncoderName, EncoderName]:
    """Two encoders of one subject, each NET or NET:LAYER. Raises BadInputError for any other number, or one twice."""
    named = [name for word in words for name in choose_encoders((subject,), [word])]
    if len(named) != 2 or len(set(named)) != 2:
        advice = "A controversial probe is one on which two encoders disagree: name one A and one B."
        raise refusal("controversial", allowed="two different encoders", got=list(words), advice=advice)
    for name in named:
        if name.subject != subject:
            advice = "Voxels of different people have nothing in common."
            raise refusal("controversial", allowed=f"encoders of {subject}", got=name.subject, advice=advice)
    return named[0], named[1]


def list_wishes(second: Against) -> list[dict[str, Any]]:
    """What `iter_recipes` asks of each image, target and budget: direction and second encoder of the three probes."""
    return [{"direction": way, "against": replace(second, agrees=agrees)} for way, agrees in PROBES_EACH]


def check_pair(encoders: Sequence[EncoderName], targets: Sequence[TargetName], *, gate: float) -> tuple[str, ...]:
    """`check_against` for every target of a plan, from its names alone."""
    table = load_subject(encoders[0].subject).voxels
    return tuple(note for one in targets for note in _check(encoders, one.find_in(table), gate=gate))


def check_against(config: ProbeConfig, *, gate: float = -1.0) -> tuple[str, ...]:
    """Refuse a pair of encoders that cannot be attacked together, by their cards; nothing of a probe of one encoder.

    Returns a sentence for each encoder that predicts the target with r below `gate`, or with unknown r.

    Raises BadInputError if an encoder is not there, lacks a voxel of the target, or does not know its SD.
    """
    if (second := config.against) is None:
        return ()
    names = ((config.network, config.layer), (second.network, second.layer))
    return _check([EncoderName(config.subject, *name) for name in names], config.target, gate=gate)


def _check(encoders: Sequence[EncoderName], target: Target, *, gate: float) -> tuple[str, ...]:
    cards = [load_card(*name) for name in encoders]
    for card in cards:
        check_predicts(card, target.label, target.voxels)
    return tuple(f"{words}." for card in cards if (words := explain_poor(target, card, gate=gate)))
