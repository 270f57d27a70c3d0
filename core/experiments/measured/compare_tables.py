"""A comparison as plain tables, texts and JSON. Never computes a statistic."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from core.experiments.measured.compare import FORMULAS, Comparison, Cut, Row, describe_budget
from core.experiments.measured.planned import Measure, Scale
from core.reports.analysis_tables import Table, Value
from core.statistics import Interval

SIMULATED_WARNING = "Simulated responses: the file says so. This is practice, no finding about a brain."


def tabulate_comparison(comparison: Comparison) -> tuple[Table, ...]:
    """Networks, cuts and probes."""
    everything = [row for row in comparison.rows if row.cut is Cut.ALL]
    cuts = [row for row in comparison.rows if row.cut is not Cut.ALL]
    tables = [Table("networks", "Measured against predicted, by network", *_lay_out(comparison, everything))]
    if cuts:
        tables.append(
            Table("cuts", "The same by source network, ROI, direction and budget", *_lay_out(comparison, cuts))
        )
    return (*tables, _of_probes(comparison))


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
    return tuple(lines)


def pack_comparison(comparison: Comparison) -> dict[str, Any]:
    """The comparison as one JSON object; what is unknown is null."""
    findings = comparison.measured.findings
    return {
        "set": comparison.measured.plan.name,
        "simulated": findings.is_simulated,
        "measured_unit": comparison.measured.unit,
        "predicted_unit": predicted_unit(comparison),
        "settings": _plain(dataclasses.asdict(comparison.config)),
        "found": _plain(dataclasses.asdict(findings)),
        "warnings": list(comparison.warnings),
        "formulas": dict(FORMULAS),
        "rows": [_plain(dataclasses.asdict(row)) for row in comparison.rows],
    }


def _lay_out(comparison: Comparison, rows: Sequence[Row]) -> tuple[tuple[str, ...], tuple[tuple[Value, ...], ...]]:
    unit, predicted = comparison.measured.unit, predicted_unit(comparison)
    columns: tuple[str, ...] = ("network", "measure", "cut", "value", "n_probes", "n_images")
    columns += (*_spread(f"mean shift as predicted ({unit})"), "low over repeats", "high over repeats")
    columns += (*_spread("dz"), *_spread("mean shift (repeat-noise SD)"))
    columns += ("n as predicted", "n moved", *_spread("share as predicted"), "p sign test", "p Holm")
    columns += (*_spread("r"), *_spread(f"slope ({unit} per {predicted})"), "slope low over repeats")
    columns += ("slope high over repeats", "intercept", "noise ceiling (r2)", "r2 / noise ceiling")
    return columns, tuple(_cells(row) for row in rows)


def _cells(row: Row) -> tuple[Value, ...]:
    return (
        row.network,
        row.measure.words,
        str(row.cut),
        row.value,
        row.n_probes,
        row.n_images,
        *_flat(row.shift),
        row.shift_repeats.low,
        row.shift_repeats.high,
        *_flat(row.dz),
        *_flat(row.in_noise),
        row.n_agree,
        row.n_signed,
        *_flat(row.share),
        row.p_sign,
        row.p_holm,
        *_flat(row.r),
        *_flat(row.slope),
        row.slope_repeats.low,
        row.slope_repeats.high,
        row.intercept,
        row.ceiling,
        row.r2_ceiling,
    )


def _of_probes(comparison: Comparison) -> Table:
    """Every probe: who, what was measured, what each network predicted."""
    shifts, unit, predicted = comparison.shifts, comparison.measured.unit, predicted_unit(comparison)
    columns: tuple[str, ...] = ("pair_id", "source network", "target", "roi", "direction", "budget", "image")
    columns += ("original", "perturbed", "control", "n original", "n perturbed", "n control")
    columns += tuple(f"{measure} ({unit})" for measure in Measure)
    columns += tuple(f"SE of {measure} ({unit})" for measure in Measure)
    columns += (f"repeat noise ({unit})",)
    columns += tuple(f"predicted {measure} by {name} ({predicted})" for name in shifts.predicted for measure in Measure)
    rows: list[tuple[Value, ...]] = []
    for number, probe in enumerate(shifts.probes):
        made, control = probe.perturbed, probe.controls.get(shifts.control)
        rows.append(
            (
                made.pair_id,
                made.network,
                made.target.label,
                made.target.roi,
                made.role,
                describe_budget(probe),
                made.source_image,
                probe.original.id,
                made.id,
                control.id if control is not None else "",
                *(int(count) for count in shifts.counts[:, number]),
                *(float(value) for value in shifts.measured[:, number]),
                *(float(value) for value in shifts.error[:, number]),
                float(shifts.noise[number]),
                *(float(value) for table in shifts.predicted.values() for value in table[:, number]),
            )
        )
    return Table("probes", "Every probe", columns, tuple(rows))


def _spread(name: str) -> tuple[str, str, str]:
    return name, f"{name} low", f"{name} high"


def _flat(interval: Interval) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high


def _plain(value: Any) -> Any:
    """JSON has neither NaN nor infinity, and knows lists only."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
