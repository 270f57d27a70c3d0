"""Controversial probes of a plan, and what is checked of a pair of encoders before anything heavy. Imports no torch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.encoders.files import load_card
from core.probes.against import Against
from core.probes.probe import ProbeConfig
from core.stimuli.probe_warnings import explain_poor
from core.sweeps.choose import check_predicts
from core.types import Direction

PROBES_EACH = ((Direction.RAISE, False), (Direction.LOWER, False), (Direction.RAISE, True))
"""Of every image, target and budget: A up and B down, the mirrored one, both up: A's direction, whether B agrees."""


def list_wishes(second: Against) -> list[dict[str, Any]]:
    """What `iter_recipes` asks of each image, target and budget: direction and second encoder of the three probes."""
    return [{"direction": way, "against": replace(second, agrees=agrees)} for way, agrees in PROBES_EACH]


def check_against(config: ProbeConfig, *, gate: float = -1.0) -> tuple[str, ...]:
    """Refuse a pair of encoders that cannot be attacked together, by their cards.

    Returns a sentence for each encoder that predicts the target with r below `gate`, or with unknown r.

    Raises BadInputError if an encoder is not there, lacks a voxel of the target, or does not know its SD.
    """
    against, target = config.against, config.target
    names = [(config.network, config.layer), *([(against.network, against.layer)] if against else [])]
    cards = [load_card(config.subject, *name) for name in names]
    for card in cards:
        check_predicts(card, target.label, target.voxels)
    return tuple(f"{words}." for card in cards if (words := explain_poor(target, card, gate=gate)))
