"""What level sets and controversial probes say, as sentences and tables."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from core.experiments.measured.compare import Comparison
from core.experiments.measured.compare_config import CompareConfig
from core.experiments.measured.control import ControlDifference, ControlScore
from core.experiments.measured.population import OnTarget
from core.experiments.measured.winner import LEAST_EXPLAINED, Verdict, Winner
from core.reports.table import Table, make_table

FROM_IMAGES = 6
"""Fewer images reach no p below 0.05."""


def describe_judgement(comparison: Comparison) -> Iterator[str]:
    """A sentence on each level set, each two encoders with level sets, and each two with controversial probes."""
    for score in comparison.control:
        yield describe_score(score, comparison.measured.unit)
    for difference in comparison.control_differences:
        yield describe_difference(difference)
    for winner in comparison.winners:
        yield describe_winner(winner, comparison.config)
    for one in comparison.population:
        yield describe_population(one)


def describe_score(score: ControlScore, unit: str) -> str:
    """One sentence on a level set."""
    ceiling = ""
    if math.isfinite(score.reachable):
        ceiling = f" (halves of the repeats {score.halves:.2f}, so that about {score.reachable:.2f} can be reached)"
    return (
        f"Control of {score.target} by {score.network}: measured responses follow the wanted levels with r "
        f"{score.r.describe()}{ceiling}, slope {score.slope.describe()} {unit} per SD, over a range of "
        f"{score.reach.describe()} SD of the natural images ({score.n_levels} levels x {score.n_seeds} seeds)."
    )


def describe_difference(one: ControlDifference) -> str:
    """One sentence on two encoders."""
    if one.better:
        other = one.second if one.better == one.first else one.first
        start = f"{one.better} controls better than {other}"
    else:
        start = f"{one.first} and {one.second} cannot be told apart in control"
    targets = f"{one.n_targets} target{'s' if one.n_targets > 1 else ''}"
    return f"{start}: r differs by {one.r.describe()} ({one.first} less {one.second}, {targets}, {one.n_seeds} seeds)."


def describe_winner(one: Winner, config: CompareConfig) -> str:
    """Who wins, or that neither is right, or what would decide it."""
    by_second = one.verdict is Verdict.SECOND
    name, other = (one.second, one.first) if by_second else (one.first, one.second)
    count = one.n_signed - one.n_first if by_second else one.n_first
    holm = f", Holm {one.p_holm:.3g}" if one.p_holm != one.p_sign else ""
    facts = (
        f"{count} of {one.n_signed} images moved as {name} predicts and against {other} (exact sign test p = "
        f"{one.p_sign:.3g}{holm}); r with {one.first} {one.r_first.value:.2f}, with {one.second} "
        f"{one.r_second.value:.2f}, difference {one.difference.describe()}"
    )
    if one.n_agreeing:
        facts += f"; of {one.n_agreeing} agreeing probes {one.n_as_both} moved as both predict"
    match one.verdict:
        case Verdict.NEITHER:
            shown = f"each SD they predict moves the target by at most {_pair(one.most)} SD, less than "
            shown += f"{config.least_slope:g}"
            if not max(one.most) < config.least_slope:
                shown = f"they explain at most {_pair(one.explained)} of what is reliable in the shifts, less than "
                shown += f"{LEAST_EXPLAINED:g}"
            return f"Neither {one.first} nor {one.second} is right: {shown}; {facts}."
        case Verdict.UNDECIDED:
            return f"Undecided between {one.first} and {one.second}: {facts}. {advise(one, config)}"
    return f"{one.name} wins: {facts}."


def _pair(values: tuple[float, float]) -> str:
    return " and ".join(f"{max(value, 0):.2g}" for value in values)


def advise(one: Winner, config: CompareConfig) -> str:
    """What would decide between two encoders."""
    if one.n_images < FROM_IMAGES:
        return f"With {one.n_images} images no exact sign test can reach p < 0.05; it takes 6."
    if math.isnan(max(one.most)):
        return (
            "Whether the measurement was good enough is unknown: it takes 3 originals that repeats tell apart, each "
            "stimulus shown at least twice, and encoders with clean reference images."
        )
    return "How many repeats and images would decide it, `main.py design` tells."


def describe_population(one: OnTarget) -> str:
    """One sentence on a pattern."""
    across = ""
    if math.isfinite(one.predicted_orthogonal):
        across = f", {one.predicted_orthogonal:.2f} predicted"
    return (
        f"{one.target}, {one.network}: the population moved {one.along.describe()} SD the wished way "
        f"({one.predicted_along:.2f} predicted) and {one.orthogonal.describe()} SD across it{across} "
        f"({one.n_probes} probes, {one.n_voxels} voxels)."
    )


def tabulate_judgement(comparison: Comparison) -> tuple[Table, ...]:
    """Tables of what there is: control, differences in control, winners, population."""
    titles = {
        "control": "Control, by encoder and target",
        "control_differences": "Differences in control (first less second)",
        "winners": "Which of two encoders is right",
        "population": "Population on target (SD along the wished direction)",
    }
    return tuple(
        make_table(name, title, [_lay_out(one, comparison.measured.unit) for one in found])
        for name, title in titles.items()
        if (found := getattr(comparison, name))
    )


def _lay_out(one: ControlScore | ControlDifference | Winner | OnTarget, unit: str) -> dict[str, Any]:
    """A column a field, with its unit; two of a pair."""
    row: dict[str, Any] = {}
    for field in dataclasses.fields(one):
        name, value = field.name.replace("_", " "), getattr(one, field.name)
        name += {"slope": f" ({unit} per SD)", "reach": " (SD of natural images)"}.get(field.name, "")
        parts = {" of first": value[0], " of second": value[1]} if isinstance(value, tuple) else {"": value}
        row |= {name + end: part for end, part in parts.items()}
    return row
