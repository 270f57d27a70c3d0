"""What an experimenter should know of a probe before it is shown to anyone, as short sentences. Never refuses one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.attacks.budget_words import MOST_TO_GAIN, write_convergence
from core.encoders.card import EncoderCard
from core.probes.budget import SURVIVAL_RULE, read_probe_budget
from core.probes.probe import Probe
from core.sweeps.choose import gate_r

DEFAULT_GATE = 0.1
LARGEST_CLIPPED = 0.05
"""Share of colour values pushed onto black or white above which a perturbation is called clipped."""
LINEAR_RANGE = (0.75, 1.25)
"""Linearity outside this range gives a warning: the shift differs from what the gradient predicts."""
LEAST_LEFT = 0.8
"""Part of the shift that should be left in the saved file."""
LARGEST_UNEQUAL = 0.05
"""Part by which a control's realised norm may differ from the perturbed file's without a warning."""
CONTROL_SHARE = 0.5
"""A random control that moves the target by more than this part of the shift gives a warning."""


class WarningCode(StrEnum):
    """What a warning is about."""

    EIGHT_BIT = "8 bits"
    CLIPPED = "clipped"
    NONLINEAR = "nonlinear"
    POOR_VOXEL = "poor voxel"
    BELOW_NOISE = "below noise"
    CONTROL_MOVES = "control moves"
    NOT_CONVERGED = "not converged"
    DUPLICATE = "duplicate"
    SAVING = "lost in saving"
    NO_CONTROL = "a control missing"
    UNEQUAL = "unequal norms"


@dataclass(frozen=True, slots=True)
class ProbeWarning:
    """One warning: its code for a badge, its sentence for the manifest and the tooltip."""

    code: WarningCode
    text: str


def evaluate_probe(
    probe: Probe, card: EncoderCard | None = None, *, gate: float = DEFAULT_GATE
) -> tuple[ProbeWarning, ...]:
    """All warnings of a probe; those that need the encoder's scores only if its card is given."""
    found = [*_evaluate_pixels(probe), *_evaluate_shift(probe)]
    if card is not None:
        found += _evaluate_encoder(probe, card, gate)
    return tuple(found)


def evaluate_saving(shift: float, before: float) -> tuple[ProbeWarning, ...]:
    """Whether the saved file still moves the target as the pixels did."""
    if before == 0 or shift / before >= LEAST_LEFT:
        return ()
    text = f"The saved file moves the target by {shift / before:.0%} of what the pixels did before saving."
    return (ProbeWarning(WarningCode.SAVING, text),)


def find_duplicates(fingerprints: Sequence[str]) -> dict[int, int]:
    """For every item that shows what an earlier one shows: the number of that one."""
    first: dict[str, int] = {}
    return {number: first[mark] for number, mark in enumerate(fingerprints) if first.setdefault(mark, number) != number}


def warn_unequal(role: str, share: float) -> ProbeWarning:
    """The warning of an item with a control of another norm."""
    return ProbeWarning(
        WarningCode.UNEQUAL, f"{role} realises {share:.0%} of the perturbed file's norm; see l2 and linf."
    )


def warn_missing_control(words: str) -> ProbeWarning:
    """The warning of an item that cannot have a control that was asked for."""
    return ProbeWarning(
        WarningCode.NO_CONTROL, f"No other image of the same norm and size: it has no control {words!r}."
    )


def warn_duplicate(other: str) -> ProbeWarning:
    """The warning of an item whose pixels another one has."""
    return ProbeWarning(WarningCode.DUPLICATE, f"The same pixels as {other}.")


def prediction_error_sd(r: float) -> float:
    """SD of the error of a held-out prediction, in SDs of the predictions: sqrt(1 - r^2) / r, inf where r <= 0."""
    return float(np.sqrt(max(0.0, 1 - r * r)) / r) if r > 0 else float("inf")


def target_r(probe: Probe, card: EncoderCard) -> float:
    """The r that is compared with the gate: of the voxel, or the median over the target's voxels; NaN if unknown."""
    voxels = [voxel for voxel in probe.config.target.voxels if voxel < card.n_voxels]
    known = gate_r(card)[voxels]
    known = known[np.isfinite(known)]
    return float(np.median(known)) if len(known) else float("nan")


def _evaluate_pixels(probe: Probe) -> list[ProbeWarning]:
    reading, found = read_probe_budget(probe), []
    if not reading.survives_8bit:
        share = f"rounding changes the perturbation by {reading.rounding_share:.0%}"
        text = f"Does not survive 8 bits: {share} ({SURVIVAL_RULE})."
        found.append(ProbeWarning(WarningCode.EIGHT_BIT, text))
    clipped = reading.n_saturated / probe.perturbed_pixels.size
    if clipped > LARGEST_CLIPPED:
        found.append(
            ProbeWarning(WarningCode.CLIPPED, f"Clipped: {clipped:.0%} of the colour values lie on black or white.")
        )
    return found


def _evaluate_shift(probe: Probe) -> list[ProbeWarning]:
    found, curve = [], probe.curve
    linearity = float(curve.linearity[-1]) if len(curve.linearity) else float("nan")
    low, high = LINEAR_RANGE
    if np.isfinite(linearity) and not low <= linearity <= high:
        text = f"Outside the linear range: the shift is {linearity:.2f} of its first-order prediction."
        found.append(ProbeWarning(WarningCode.NONLINEAR, text))
    shift = probe.of_target(probe.shift)
    control = probe.of_target(probe.control_shift)
    if shift and abs(control) > CONTROL_SHARE * abs(shift):
        text = f"An equal-norm random control moves the target by {abs(control / shift):.0%} of the shift."
        found.append(ProbeWarning(WarningCode.CONTROL_MOVES, text))
    if probe.to_gain > MOST_TO_GAIN:
        text = f"{write_convergence(probe.to_gain).capitalize()} of the shift."
        found.append(ProbeWarning(WarningCode.NOT_CONVERGED, text))
    return found


def _evaluate_encoder(probe: Probe, card: EncoderCard, gate: float) -> list[ProbeWarning]:
    r, found = target_r(probe, card), []
    if not np.isfinite(r):
        return [ProbeWarning(WarningCode.POOR_VOXEL, "How well the encoder predicts this target is not known.")]
    if r < gate:
        text = f"Poorly predicted: r {r:.2f} is below the gate {gate:g}."
        found.append(ProbeWarning(WarningCode.POOR_VOXEL, text))
    error = prediction_error_sd(r)
    shift = abs(probe.of_target(probe.shift))
    if probe.target_sd > 0 and shift / probe.target_sd < error:
        size = "more than any shift" if np.isinf(error) else f"{error:.1f} SD"
        text = (
            f"Below the noise: the shift of {shift / probe.target_sd:.1f} SD is smaller than the encoder's error on "
            f"one held-out image ({size}, from r {r:.2f}); one presentation will not show it."
        )
        found.append(ProbeWarning(WarningCode.BELOW_NOISE, text))
    return found
