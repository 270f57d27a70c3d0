"""Level sets (parametric control): which levels are asked, whether they can be, and what became of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from core.checks import check_count, refusal, to_number
from core.datasets.subject import Subject, load_subject
from core.encoders.card import describe_unknown_mean, find_reference_mean
from core.encoders.files import find_encoder, load_encoder_data
from core.errors import BadInputError
from core.probes.probe import LARGEST_WISH, LEVEL_TOLERANCE, Probe
from core.sweeps.choose import check_gate, check_predicts
from core.sweeps.config import EncoderName, TargetName
from core.types import NormName

MOST_LEVELS = 101
USUAL_LEVELS, USUAL_SEEDS, USUAL_BUDGET = "-3:3:11", 10, "l2:10"
"""What a level set takes where nothing else is asked; the budget is the largest one allowed."""
USUAL_TRIES = 2
"""Budgets that are attacked for a level, as a rule."""
ADVICE = "Write LOW:HIGH:N, as -3:3:11, or numbers separated by commas, as -2,0,2."


def resolve_levels(options: Mapping[str, Any], subject: Subject) -> dict[str, Any]:
    """Levels, images and budgets of a level set among the options of a plan; nothing where no levels are asked.

    Raises BadInputError if they are none; for too many seeds, or none.
    """
    if "levels" not in options:
        return {}
    chosen = {"levels": parse_levels(options["levels"]), "budgets": options.get("budgets", [USUAL_BUDGET])}
    if "images" not in options:
        held_out = int(np.count_nonzero(subject.test))
        asked = options.get("seeds", min(USUAL_SEEDS, held_out))
        advice = f"{subject.id} holds out {held_out} images; others can be named (--images)."
        chosen["images"] = [f"test:{check_count('seeds', asked, largest=max(held_out, 1), advice=advice)}"]
    return chosen


def parse_levels(given: Any) -> tuple[float, ...]:
    """Levels in SDs, ascending, of "LOW:HIGH:N", of numbers separated by commas, or of a list of numbers.

    They are rounded to six digits, as names and texts write them, so that no two levels read alike.

    Raises BadInputError unless they are 1 to 101 finite numbers, each above the one before; of LOW:HIGH:N at least 2.

    Examples
    --------
    >>> parse_levels("-3:3:5"), parse_levels("-2, 0,2"), parse_levels([-1, 0.5])
    ((-3.0, -1.5, 0.0, 1.5, 3.0), (-2.0, 0.0, 2.0), (-1.0, 0.5))
    """
    wrong = refusal("levels", allowed="numbers of SDs", got=given, advice=ADVICE)
    parts = [given] if isinstance(given, str | int | float) else given
    if not isinstance(parts, list | tuple) or any(isinstance(one, bool) for one in parts):
        raise wrong
    words = [word for one in parts for word in (_split(one) if isinstance(one, str) else [one])]
    is_range = len(words) == 1 and isinstance(words[0], str) and ":" in words[0]
    try:
        if is_range:
            low, high, number = words[0].split(":")
            with np.errstate(invalid="ignore"):  # infinite ends are told below
                most = min(max(to_number(number, int), 0), MOST_LEVELS + 1)
                numbers = list(np.linspace(to_number(low), to_number(high), most))
        else:
            numbers = [to_number(one) if isinstance(one, str) else float(one) for one in words]
    except (TypeError, ValueError, OverflowError) as error:
        raise wrong from error
    least = 1 + is_range
    if not least <= len(numbers) <= MOST_LEVELS:
        raise refusal("levels", allowed=f"{least} to {MOST_LEVELS} of them", got=given, advice=ADVICE)
    if not all(abs(one) <= LARGEST_WISH for one in numbers):
        raise refusal("levels", allowed=f"finite, of at most {LARGEST_WISH:g} SD", got=given, advice=ADVICE)
    levels = tuple(float(f"{one:g}") + 0.0 for one in numbers)
    if any(after <= before for before, after in pairwise(levels)):
        raise refusal("levels", allowed="ascending, each named once", got=given, advice=ADVICE)
    return levels


def _split(text: str) -> list[str]:
    """The words of a text, as it is typed or copied from a figure: "-2," and "\N{MINUS SIGN}2" are -2."""
    return text.replace("\N{MINUS SIGN}", "-").strip().removesuffix(",").split(",")


def check_level_targets(
    encoders: Sequence[EncoderName], others: Sequence[EncoderName], targets: Sequence[TargetName], *, gate: float
) -> None:
    """Raise BadInputError unless mean and SD of every target are known in every encoder, and its own predict it.

    `others`: encoders that only score; those that probe must reach the gate, too. All are of one subject.
    """
    subjects = sorted({encoder.subject for encoder in (*encoders, *others)})
    if len(subjects) > 1:
        raise refusal("networks", allowed="of one subject in a level set", got=subjects, advice="Make a set for each.")
    table = load_subject(encoders[0].subject).voxels
    for encoder in dict.fromkeys([*encoders, *others]):
        data = load_encoder_data(find_encoder(*encoder))
        means = find_reference_mean(data.card, data.intercept)
        for target in (name.find_in(table) for name in targets):
            if means is not None:
                check_predicts(data.card, target.label, target.voxels)
            if means is None or not np.isfinite(means[list(target.voxels)]).all():
                raise BadInputError(describe_unknown_mean(data.card.config))
            if encoder in encoders:
                check_gate(target.label, data.card, target.voxels, gate=gate)


@dataclass(frozen=True, slots=True)
class LevelReading:
    """What became of one level of one image.

    Parameters
    ----------
    series : What was brought there: "mobilenet_v2 features.18 · ROI FFA (119 voxels)".
    image : The seed.
    wanted, saved : The level asked for and that of the image in 8 bits, in SDs from the mean of the clean reference
        responses.
    before : The level of the pixels before saving.
    size : Of the perturbation before saving, under its norm, in [0, 1] pixel units: the budget needed.
    side : Of the network's input in pixels, which the size refers to.
    """

    series: str
    image: str
    wanted: float
    saved: float
    before: float
    size: float
    norm: NormName
    subject: str = ""
    side: int = 0

    @property
    def reached(self) -> bool:
        """Whether the attack came to the level before saving, to 0.05 SD."""
        return abs(self.before - self.wanted) <= LEVEL_TOLERANCE

    @property
    def survives(self) -> bool:
        """Whether the image still stands at the level once it is saved, to 0.05 SD."""
        return abs(self.saved - self.wanted) <= LEVEL_TOLERANCE


def read_level(probe: Probe, *, saved: float | None) -> LevelReading | None:
    """The reading of a finished probe whose saved image is at `saved`; None without a level, or of an unknown one."""
    config = probe.config
    if config.level is None or saved is None:
        return None
    return LevelReading(
        f"{config.network} {config.layer} · {config.target.label}",
        probe.stimulus_id,
        config.level,
        saved,
        probe.level_reached,
        config.attack.epsilon,
        config.attack.norm,
        config.subject,
        probe.clean_pixels.shape[-1],
    )


def write_size(size: float, norm: NormName) -> str:
    """A size in [0, 1] pixel units to four digits: "L2 2.417", "Linf 2/255"."""
    return f"Linf {255 * size:.4g}/255" if norm is NormName.LINF else f"L2 {size:.4g}"


def in_levels(value: float, *, mean: float, sd: float) -> float | None:
    """A response in SDs from the mean; None where these are not known."""
    known = math.isfinite(mean) and math.isfinite(sd) and sd > 0
    return (value - mean) / sd if known else None


def describe_readings(readings: Iterable[LevelReading]) -> list[str]:
    """Lines: a heading for every encoder and target, then one a level: how many reached it, budgets, what survives."""
    groups: dict[str, dict[float, list[LevelReading]]] = {}
    for one in readings:
        groups.setdefault(one.series, {}).setdefault(one.wanted, []).append(one)
    lines = []
    for series, by_level in groups.items():
        lines.append(f"Levels of {series}: seeds that reach each, median budget (range)")
        lines += [f"  {level:+g} SD: {_describe_level(members)}" for level, members in sorted(by_level.items())]
    return lines


def _describe_level(members: Sequence[LevelReading]) -> str:
    reached, norm = [one.size for one in members if one.reached], members[0].norm
    nearest = min(members, key=lambda one: abs(one.saved - one.wanted))
    spent = f"{nearest.saved:+.2f} SD at best"
    if reached:
        low, middle, high = (write_size(float(one), norm) for one in np.quantile(reached, [0, 0.5, 1]))
        spent = middle + (f" ({low} to {high})".replace(f"{norm.capitalize()} ", "") if len(reached) > 1 else "")
    n_kept = sum(one.survives for one in members)
    return f"{len(reached)} of {len(members)} reached, {spent}, {n_kept} hold in 8 bits"
