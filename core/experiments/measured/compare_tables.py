"""A comparison as plain tables, texts and JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from core.experiments.measured.compare import LEAST_FOR_TEST, Comparison, Cut, Row, describe_budget
from core.experiments.measured.compare_config import CompareConfig
from core.experiments.measured.control import ControlDifference, ControlScore
from core.experiments.measured.planned import Measure, Scale
from core.experiments.measured.population import OnTarget
from core.experiments.measured.winner import LEAST_EXPLAINED, Verdict, Winner
from core.headers import plain
from core.reports.table import Table, make_table
from core.statistics import Interval
from core.templates import read_formulas

SIMULATED_WARNING = "Simulated responses: the file says so. This is practice, no finding about a brain."
HEADER = read_formulas("comparison_columns")
"""Column and what it means."""


def tabulate_comparison(comparison: Comparison) -> tuple[Table, ...]:
    """Networks, cuts and probes."""
    everything = (_cells(row, comparison) for row in comparison.rows if row.cut is Cut.ALL)
    cuts = [_cells(row, comparison) for row in comparison.rows if row.cut is not Cut.ALL]
    tables = [make_table("networks", "Measured against predicted, by network", everything)]
    if cuts:
        tables.append(make_table("cuts", "The same by source network, ROI, direction and budget", cuts))
    tables += tabulate_judgement(comparison)
    return (*tables, make_table("probes", "Every probe", _probes(comparison)))


def predicted_unit(comparison: Comparison) -> str:
    """Unit of the predicted shifts."""
    if comparison.config.scale is Scale.SD:
        return "SD of predicted responses"
    return comparison.measured.plan.response_unit


def describe_row(row: Row, unit: str, counted: str = "probes") -> str:
    """One sentence on one row, for the command line and the window."""
    corrected = f", Holm {row.p_holm:.3g}" if row.p_holm != row.p_sign else ""
    moved = "moved as their perturbed twin should by" if row.measure is Measure.CONTROL else "moved as predicted by"
    return (
        f"{row.n_agree} of {row.n_signed} {counted} {moved} {row.network} (exact sign test p = {row.p_sign:.3g}"
        f"{corrected}); mean {row.shift.describe()} {unit}, dz {row.dz.describe()}, slope {row.slope.describe()}, "
        f"r {row.r.describe()}"
    )


def describe_comparison(comparison: Comparison) -> tuple[str, ...]:
    """The answer in sentences: does the target move as predicted, and what do the controls do?"""
    lines = [SIMULATED_WARNING] if comparison.measured.findings.is_simulated else []
    unit = comparison.measured.unit
    for measure in Measure:
        rows = comparison.select(measure=measure)
        if rows:
            lines.append(f"{measure.words}: {describe_row(rows[0], unit, f'{comparison.config.cluster}s')}.")
    return (*lines, *describe_judgement(comparison))


def pack_comparison(comparison: Comparison) -> dict[str, Any]:
    """The comparison as one JSON object; what is unknown is null."""
    findings = comparison.measured.findings
    return {
        "set": comparison.measured.plan.name,
        "simulated": findings.is_simulated,
        "measured_unit": comparison.measured.unit,
        "predicted_unit": predicted_unit(comparison),
        "settings": plain(dataclasses.asdict(comparison.config)),
        "found": plain(dataclasses.asdict(findings)),
        "warnings": list(comparison.warnings),
        "formulas": read_formulas("comparison"),
        "rows": [plain(dataclasses.asdict(row)) for row in comparison.rows],
        **{
            name: [plain(dataclasses.asdict(one)) for one in getattr(comparison, name)]
            for name in ("control", "control_differences", "winners", "population")
        },
        "judgement": list(describe_judgement(comparison)),
    }


def _cells(row: Row, comparison: Comparison) -> dict[str, Any]:
    unit, predicted = comparison.measured.unit, predicted_unit(comparison)
    cells: dict[str, Any] = {"network": row.network, "measure": row.measure.words, "cut": row.cut, "value": row.value}
    cells |= {"n_probes": row.n_probes, "n_images": row.n_images, f"mean shift as predicted ({unit})": row.shift}
    cells |= {"low over repeats": row.shift_repeats.low, "high over repeats": row.shift_repeats.high}
    cells |= {"dz": row.dz, "mean shift (repeat-noise SD)": row.in_noise, "n as predicted": row.n_agree}
    cells |= {"n moved": row.n_signed, "share as predicted": row.share, "p sign test": row.p_sign}
    cells |= {"p Holm": row.p_holm, "r": row.r, f"slope ({unit} per {predicted})": row.slope}
    cells |= {"slope low over repeats": row.slope_repeats.low, "slope high over repeats": row.slope_repeats.high}
    return cells | {"intercept": row.intercept, "noise ceiling (r2)": row.ceiling, "r2 / noise ceiling": row.r2_ceiling}


def _probes(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """Every probe: who, what was measured, what each network predicted."""
    shifts, unit, predicted = comparison.shifts, comparison.measured.unit, predicted_unit(comparison)
    for number, probe in enumerate(shifts.probes):
        made, control = probe.perturbed, probe.controls.get(shifts.control)
        row: dict[str, Any] = {"pair_id": made.row.pair_id, "source network": made.network, "target": made.target.label}
        row |= {"roi": made.target.roi, "direction": made.row.role, "budget": describe_budget(probe)}
        row |= {"image": made.row.source_image, "original": probe.original.id, "perturbed": made.id}
        row |= {"control": control.id if control is not None else ""}
        kinds = ("original", "perturbed", "control")
        row |= {f"n {kind}": n for kind, n in zip(kinds, shifts.counts[:, number], strict=True)}
        for title, values in (("{}", shifts.measured), ("SE of {}", shifts.error)):
            row |= {f"{title.format(one)} ({unit})": values[place, number] for place, one in enumerate(Measure)}
        row |= {f"repeat noise ({unit})": shifts.noise[number]}
        for name, table in shifts.predicted.items():
            for measure, value in zip(Measure, table[:, number], strict=True):
                row |= {f"predicted {measure} by {name} ({predicted})": value}
        yield row


def lay_out_row(row: Row) -> dict[str, str]:
    """The cells of a row by column."""
    cells = (
        row.network,
        row.measure.words,
        "all" if row.cut is Cut.ALL else row.value,
        str(row.n_probes),
        f"{row.n_agree} of {row.n_signed}",
        _number(row.p_sign, ".2g"),
        _number(row.p_holm, ".2g"),
        _interval(row.shift),
        _interval(row.dz),
        _number(row.in_noise.value, ".2f"),
        _interval(row.slope),
        _interval(row.r),
        _number(row.r2_ceiling, ".2f"),
    )
    return dict(zip(HEADER, cells, strict=True))


def _number(value: float, pattern: str) -> str:
    return "–" if math.isnan(value) else f"{value:{pattern}}".replace("-", "−")


def _interval(interval: Interval) -> str:
    if math.isnan(interval.low):
        return _number(interval.value, ".2f")
    return f"{_number(interval.value, '.2f')} [{_number(interval.low, '.2f')}, {_number(interval.high, '.2f')}]"


def describe_judgement(comparison: Comparison) -> Iterator[str]:
    """A sentence on each level set, each two encoders with level sets, each two rivals, and each pattern."""
    unit = comparison.measured.unit
    yield from (describe_score(one, unit) for one in comparison.control)
    yield from map(describe_difference, comparison.control_differences)
    yield from (describe_winner(one, comparison.config) for one in comparison.winners)
    yield from map(describe_population, comparison.population)


def describe_score(score: ControlScore, unit: str) -> str:
    """One sentence on a level set."""
    ceiling = ""
    if math.isfinite(score.reachable):
        ceiling = f" (halves of the repeats {score.halves:.2f}, so that about {score.reachable:.2f} can be reached)"
    return (
        f"Control of {score.target} by {score.network}: measured responses follow the wanted levels with r "
        f"{score.r.describe()}{ceiling}, slope {score.slope.describe()} {unit} "
        f"per SD, over a range of {score.reach.describe()} SD of the natural images ({score.n_levels} levels x "
        f"{score.n_seeds} seeds)."
    )


def describe_difference(one: ControlDifference) -> str:
    """One sentence on two encoders."""
    start = f"{one.first} and {one.second} cannot be told apart in control"
    if max(one.r_first, one.r_second) <= 0:
        start = (
            f"Neither {one.first} nor {one.second} controls the response (r {one.r_first:.2f} and {one.r_second:.2f})"
        )
    elif one.better:
        start = f"{one.better} controls better than {one.second if one.better == one.first else one.first}"
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
    if one.name:
        return f"{one.name} wins: {facts}."
    if one.verdict is Verdict.UNDECIDED:
        return f"Undecided between {one.first} and {one.second}: {facts}. {advise(one)}"
    shown = (
        f"they explain at most {_pair(one.explained)} of what is reliable in the shifts, less than {LEAST_EXPLAINED:g}"
    )
    if max(one.most) < config.least_slope:
        shown = (
            f"each SD they predict moves the target by at most {_pair(one.most)} SD, less than {config.least_slope:g}"
        )
    return f"Neither {one.first} nor {one.second} is right: {shown}; {facts}."


def _pair(values: tuple[float, float]) -> str:
    return " and ".join(f"{max(value, 0):.2g}" for value in values)


def advise(one: Winner) -> str:
    """What would decide between two encoders."""
    if one.n_images < LEAST_FOR_TEST:
        return f"With {one.n_images} images no exact sign test can reach p < 0.05; it takes 6."
    if math.isnan(max(one.most)):
        return (
            "Whether the measurement was good enough is unknown: it takes 3 originals that repeats tell apart, each "
            "stimulus shown at least twice, and encoders with clean reference images."
        )
    return "How many repeats and images would decide it, `main.py design` tells."


def describe_population(one: OnTarget) -> str:
    """One sentence on a pattern."""
    across = f", {one.predicted_orthogonal:.2f} predicted" if math.isfinite(one.predicted_orthogonal) else ""
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
