"""What an experimenter should know of a probe before it is shown to anyone, as short sentences. Never refuses one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.attacks.config import MOST_TO_GAIN, write_budget, write_convergence
from core.encoders.card import EncoderCard
from core.probes.budget import SURVIVAL_RULE, read_probe_budget
from core.probes.probe import LEVEL_TOLERANCE, Probe
from core.sweeps.choose import explain_poor, median_r
from core.types import Worded

DEFAULT_GATE = 0.1
LARGEST_CLIPPED = 0.05
"""Share of the colour values that may change, pushed onto black or white, from which a perturbation is clipped."""
LINEAR_RANGE = (0.75, 1.25)
"""Linearity outside this range gives a warning: the shift differs from what the gradient predicts."""
LEAST_LEFT = 0.8
"""Part of the shift that should be left in the saved file."""
LARGEST_UNEQUAL = 0.05
"""Part by which a control's realised norm may differ from the perturbed file's without a warning."""
LARGEST_REMADE = 0.02
"""Part of a shift, or of 1 SD where that is more, by which a probe made again may differ from that of its analysis."""
CONTROL_SHARE = 0.5
"""A random control that moves the target by more than this part of the shift gives a warning."""


class WarningCode(Worded):
    """What a warning is about, and its sentence."""

    EIGHT_BIT = "8 bits", "Does not survive 8 bits: rounding changes the perturbation by {share:.0%} ({rule})."
    CLIPPED = "clipped", "Clipped: {share:.0%} of the colour values that may change lie on black or white."
    NONLINEAR = "nonlinear", "Outside the linear range: the shift is {share:.2f} of its first-order prediction."
    POOR_VOXEL = "poor voxel", "Poorly predicted: r {r:.2f} is below the gate {gate:g}."
    BELOW_NOISE = (
        "below noise",
        "Below the noise: the shift of {shift:.1f} SD is smaller than the encoder's error on one held-out image "
        "({size}, from r {r:.2f}); one presentation will not show it.",
    )
    CONTROL_MOVES = "control moves", "An equal-norm random control moves the target by {share:.0%} of the shift."
    NOT_CONVERGED = "not converged", "{words}."
    DUPLICATE = "duplicate", "The same pixels as {other}."
    SAVING = "lost in saving", "The saved file moves the target by {share:.0%} of what the pixels did before saving."
    NO_CONTROL = "a control missing", "No other image of the same norm and size: it has no control {words!r}."
    UNEQUAL = "unequal norms", "{role} realises {share:.0%} of the perturbed file's norm; see l2 and linf."
    NOT_REACHED = "level not reached", "Level {level:+g} SD is not reached within {budget}: the best is {best:+.2f} SD."
    LEVEL_MOVED = (
        "level moved",
        "Saving moves the level: {saved:+.2f} SD in the file, {before:+.2f} SD before, {level:+g} SD wanted. "
        "Attack steps on 8-bit grey levels (--quantise), shown at the network's own size, keep it.",
    )
    UNDECIDED = "undecided", "Undecided{where}: {reason}."
    POOR_SECOND = "poor in the second encoder", "{words}."
    REMADE = (
        "not as in the analysis",
        "Made again it moves the target by {now:+.2f} SD; in the analysis it was {then:+.2f} SD.",
    )


@dataclass(frozen=True, slots=True)
class ProbeWarning:
    """One warning: its code for a badge, its sentence for the manifest and the tooltip."""

    code: WarningCode
    text: str

    @property
    def is_remark(self) -> bool:
        """Whether it is about how to read the shift, not about the stimulus; it holds of most probes."""
        return self.code is WarningCode.NONLINEAR


def warn(code: WarningCode, **values: object) -> ProbeWarning:
    """A warning with the values that its sentence names."""
    return ProbeWarning(code, code.words.format(**values))


def evaluate_probe(
    probe: Probe, card: EncoderCard | None = None, *, gate: float = DEFAULT_GATE, second: EncoderCard | None = None
) -> tuple[ProbeWarning, ...]:
    """All warnings of a probe; those that need an encoder's scores only if its card is given.

    `second`: the card of the second encoder of a controversial probe.
    """
    found = list(evaluate_decision(probe.undecided))
    if probe.config.attack.epsilon:
        found = [*_evaluate_pixels(probe), *_evaluate_shift(probe), *found]
    if card is not None:
        found += _evaluate_encoder(probe, card, gate)
    if second is not None and (words := explain_poor(probe.config.target, second, gate=gate)):
        found.append(warn(WarningCode.POOR_SECOND, words=words))
    return tuple(found)


def evaluate_decision(reason: str, *, where: str = "") -> tuple[ProbeWarning, ...]:
    """A warning of an undecided probe, with the reason that `Probe.undecided` gives; "" gives none."""
    return (warn(WarningCode.UNDECIDED, reason=reason, where=where),) if reason else ()


def evaluate_saving(shift: float, before: float) -> tuple[ProbeWarning, ...]:
    """Whether the saved file still moves the target as the pixels did."""
    if before == 0 or shift / before >= LEAST_LEFT:
        return ()
    return (warn(WarningCode.SAVING, share=shift / before),)


def evaluate_remaking(probe: Probe, then: float | None) -> tuple[ProbeWarning, ...]:
    """Whether a probe made again moves its target as in its analysis, by `then` SDs; None where that is not known."""
    now = probe.of_target(probe.shift) / probe.target_sd if probe.target_sd > 0 else float("nan")
    if then is None or abs(now - then) <= LARGEST_REMADE * max(abs(then), 1):
        return ()
    return (warn(WarningCode.REMADE, now=now, then=then),)


def evaluate_level(probe: Probe, saved: float | None) -> tuple[ProbeWarning, ...]:
    """Whether the level asked for was reached, and whether the saved image, at `saved`, still stands where it was."""
    wanted = probe.config.level
    if wanted is None or saved is None:
        return ()
    found, before = [], probe.level_reached
    if not probe.reaches_level:
        budget = write_budget(probe.config.largest_epsilon, probe.config.attack.norm)
        found.append(warn(WarningCode.NOT_REACHED, level=wanted, budget=budget, best=before))
    if abs(saved - before) > LEVEL_TOLERANCE:
        found.append(warn(WarningCode.LEVEL_MOVED, level=wanted, saved=saved, before=before))
    return tuple(found)


def find_duplicates(fingerprints: Sequence[str]) -> dict[int, int]:
    """For every item that shows what an earlier one shows: the number of that one."""
    first: dict[str, int] = {}
    return {number: first[mark] for number, mark in enumerate(fingerprints) if first.setdefault(mark, number) != number}


def prediction_error_sd(r: float) -> float:
    """SD of the error of a held-out prediction, in SDs of the predictions: sqrt(1 - r^2) / r, inf where r <= 0."""
    return float(np.sqrt(max(0.0, 1 - r * r)) / r) if r > 0 else float("inf")


def _evaluate_pixels(probe: Probe) -> Iterator[ProbeWarning]:
    reading = read_probe_budget(probe)
    if not reading.survives_8bit:
        yield warn(WarningCode.EIGHT_BIT, share=reading.rounding_share, rule=SURVIVAL_RULE)
    mask, side = probe.config.attack.mask, probe.perturbed_pixels.shape[-1]
    clipped = reading.n_saturated / (3 * (side**2 if mask is None else mask.count_inside(side)))
    if clipped > LARGEST_CLIPPED:
        yield warn(WarningCode.CLIPPED, share=clipped)


def _evaluate_shift(probe: Probe) -> Iterator[ProbeWarning]:
    curve, (low, high) = probe.curve, LINEAR_RANGE
    linearity = float(curve.linearity[-1]) if len(curve.linearity) else float("nan")
    if np.isfinite(linearity) and not low <= linearity <= high:
        yield warn(WarningCode.NONLINEAR, share=linearity)
    shift, control = probe.of_target(probe.shift), probe.of_target(probe.control_shift)
    if shift and abs(control) > CONTROL_SHARE * abs(shift):
        yield warn(WarningCode.CONTROL_MOVES, share=abs(control / shift))
    if not probe.to_gain <= MOST_TO_GAIN:
        yield warn(WarningCode.NOT_CONVERGED, words=write_convergence(probe.to_gain).capitalize())


def _evaluate_encoder(probe: Probe, card: EncoderCard, gate: float) -> Iterator[ProbeWarning]:
    r = median_r(card, probe.config.target.voxels)
    if not np.isfinite(r):
        yield ProbeWarning(WarningCode.POOR_VOXEL, "How well the encoder predicts this target is not known.")
        return
    if r < gate:
        yield warn(WarningCode.POOR_VOXEL, r=r, gate=gate)
    error = prediction_error_sd(r)
    shift = abs(probe.of_target(probe.shift))
    if probe.target_sd > 0 and shift / probe.target_sd < error and probe.config.attack.epsilon:
        size = "more than any shift" if np.isinf(error) else f"{error:.1f} SD"
        yield warn(WarningCode.BELOW_NOISE, shift=shift / probe.target_sd, size=size, r=r)
