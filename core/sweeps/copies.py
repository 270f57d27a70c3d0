"""Which encoders a re-fitted copy and an untrained network can be made of, and why not of the others. Never fits one.

A re-fitted copy is the same network and layer with a readout fitted anew, to half of the training images: what a
perturbation keeps on it, it does not owe to one readout's own weights. An untrained network is the same architecture
with random weights and a readout fitted in the same way: what its perturbations do is due to architecture and readout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.datasets.subject import load_subject
from core.encoders.files import load_card
from core.networks.catalog import find_network
from core.sweeps.config import EncoderName


@dataclass(frozen=True, slots=True)
class Copies:
    """Numbers of the encoders that copies can be made of, and a sentence for each that cannot."""

    refitted: tuple[int, ...]
    untrained: tuple[int, ...]
    reasons: tuple[str, ...]


def choose_copies(encoders: Sequence[EncoderName]) -> Copies:
    """Every copy that can be made of these encoders."""
    refitted, untrained, reasons = [], [], []
    for number, name in enumerate(encoders):
        reason = why_not_refitted(name)
        if reason:
            reasons.append(f"{name.label} has no re-fitted copy and no untrained network: {reason}.")
            continue
        refitted.append(number)
        reason = why_not_untrained(name)
        if reason:
            reasons.append(f"{name.label} has no untrained network: {reason}.")
        else:
            untrained.append(number)
    return Copies(tuple(refitted), tuple(untrained), tuple(reasons))


def why_not_refitted(name: EncoderName) -> str:
    """Why an encoder cannot be fitted again; "" if it can."""
    card, subject = load_card(*name), load_subject(name.subject)
    if card.provenance is not None:
        return "it was imported, and how it was fitted cannot be repeated here"
    if not subject.image_ids:
        return f"{subject.id} has no recordings"
    half = len({subject.image_ids[row] for row in (~subject.test).nonzero()[0]}) // 2
    if half < card.config.n_folds:
        return f"half of {subject.id}'s training images are fewer than {card.config.n_folds} folds"
    return ""


def why_not_untrained(name: EncoderName) -> str:
    """Why a network cannot be given random weights; "" if it can."""
    return "" if find_network(name.network).is_drawn else "its network is no library's, which draws new weights"
