"""The numbers of an analysis as plain tables, written as CSV and, where pyarrow is there, Parquet. Never computes."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.reports.meaning_tables import tabulate_meaning
from core.reports.table import Table, Value
from core.reports.table import flatten_interval as _flat
from core.reports.table import spread_columns as _spread
from core.reports.transfer_tables import tabulate_transfer
from core.sweeps.answer import Answer
from core.sweeps.discriminability import Discriminability
from core.sweeps.fragility import Fragility
from core.sweeps.gather import Sweep
from core.sweeps.statistics import Interval
from core.sweeps.transfer import Transfer

__all__ = ["Table", "Value", "tabulate", "write_tables"]


def tabulate(answer: Answer, sweep: Sweep) -> tuple[Table, ...]:
    """Every table of an answer."""
    if isinstance(answer, Fragility):
        return (*_of_fragility(answer, sweep), _of_values(sweep))
    if isinstance(answer, Discriminability):
        return (*_of_discriminability(answer), _of_values(sweep))
    return tabulate_transfer(answer) if isinstance(answer, Transfer) else tabulate_meaning(answer, sweep)


def write_tables(tables: Sequence[Table], folder: Path) -> tuple[Path, ...]:
    """Write each table as CSV, and as Parquet where pyarrow is installed; returns the files."""
    written = []
    for table in tables:
        path = folder / f"{table.name}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(table.columns)
            writer.writerows(table.rows)
        written.append(path)
        if importlib.util.find_spec("pyarrow") is not None:
            written.append(_write_parquet(table, folder))
    return tuple(written)


def _write_parquet(table: Table, folder: Path) -> Path:
    arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    columns = {name: [row[index] for row in table.rows] for index, name in enumerate(table.columns)}
    path = folder / f"{table.name}.parquet"
    parquet.write_table(arrow.table(columns), path)
    return path


def _of_fragility(answer: Fragility, sweep: Sweep) -> tuple[Table, ...]:
    unit = f"{sweep.config.norms[0]} epsilon"
    curve = tuple(
        (row.label, row.roi, epsilon, *_flat(row.sensitivity[k]), *_flat(row.control[k]))
        for row in answer.rows
        for k, epsilon in enumerate(sweep.config.ladder)
    )
    curve_columns = ("encoder", "roi", unit, *_spread("sensitivity (SD)"), *_spread("random control (SD)"))
    angles = tuple(
        (part.label, epsilon, angle)
        for part in answer.parts
        for epsilon, angle in zip(part.path, part.angles, strict=True)
    )
    tables = [
        _summarise_fragility(answer, unit),
        Table("curve", "Sensitivity along the ladder", curve_columns, curve),
        _take_fragility_apart(answer, unit, sweep.config.ladder),
        Table("path", "Curvature along the straight path", ("encoder", unit, "angle (deg)"), angles),
    ]
    if answer.norm_agreement:
        whose = (*sweep.labels, "all encoders")
        rows = tuple((label, *_flat(r)) for label, r in zip(whose, answer.norm_agreement, strict=True))
        tables.append(Table("norms", "L2 against Linf: correlation over targets", ("encoder", *_spread("r")), rows))
    return tuple(tables)


def _summarise_fragility(answer: Fragility, unit: str) -> Table:
    columns: tuple[str, ...] = ("encoder", "roi", "n_targets", *_spread("sensitivity at the highest epsilon (SD)"))
    columns += ("random control (SD)", *_spread("area (SD decades)"), f"{unit} at 1 SD", "share reaching 1 SD")
    columns += (*_spread("held-out r"), "r2 / noise ceiling")
    rows = tuple(
        (
            row.label,
            row.roi,
            row.n_targets,
            *_flat(row.sensitivity[-1]),
            row.control[-1].value,
            *_flat(row.area),
            row.epsilon_1sd,
            row.share_1sd,
            *_flat(row.r),
            row.r2_ceiling,
        )
        for row in answer.rows
    )
    return Table("fragility", "Fragility and predictivity", columns, rows)


def _take_fragility_apart(answer: Fragility, unit: str, ladder: tuple[float, ...]) -> Table:
    columns: tuple[str, ...] = ("encoder", "||dphi|| / ||phi||", "||w|| / sigma", "|cos(w, dphi)|", "sensitivity (SD)")
    columns += _spread("path curvature (deg)")
    columns += tuple(name for epsilon in ladder for name in _spread(f"linearity at {unit} {epsilon:g}"))
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (
            part.label,
            part.feature_change,
            part.weight_size_sd,
            part.alignment,
            part.sensitivity,
            *_flat(part.curvature),
            *(value for one in part.linearity for value in _flat(one)),
        )
        for part in answer.parts
    )
    return Table("parts", "Feature against voxel fragility, at the highest epsilon", columns, rows)


def _of_values(sweep: Sweep) -> Table:
    """Every single sensitivity: encoder, target, image, epsilon."""
    config, values = sweep.config, sweep.sensitivity()
    rows = tuple(
        (sweep.labels[e], config.targets[t].label, config.images[i], config.ladder[k], float(values[e, t, i, k]))
        for e, t, i, k in np.ndindex(values.shape)
    )
    columns: tuple[str, ...] = ("encoder", "target", "image", f"{config.norms[0]} epsilon", "sensitivity (SD)")
    return Table("values", "Every sensitivity", columns, rows)


def _of_discriminability(answer: Discriminability) -> tuple[Table, ...]:
    both = (answer.sensitivity, answer.predictivity)
    rows: list[tuple[Value, ...]] = []
    for name in answer.sensitivity.statistics:
        gap = answer.difference.get(name, Interval(float("nan"), float("nan"), float("nan")))
        rows.append(
            (
                name,
                *_flat(both[0].statistics[name]),
                *_flat(both[1].statistics[name]),
                *_flat(gap),
            )
        )
    columns: tuple[str, ...] = (
        "statistic",
        *_spread("sensitivity"),
        *_spread("predictivity"),
        *_spread("difference"),
    )
    means = tuple((label, *_flat(both[0].means[k]), *_flat(both[1].means[k])) for k, label in enumerate(answer.labels))
    first, second = np.triu_indices(len(answer.labels), k=1)
    pairs = tuple(
        (answer.labels[a], answer.labels[b], float(both[0].adjusted_p[k]), float(both[1].adjusted_p[k]))
        for k, (a, b) in enumerate(zip(first, second, strict=True))
    )
    return (
        Table("discriminability", "How well each measure tells encoders apart", columns, tuple(rows)),
        Table(
            "means",
            "Encoder means",
            ("encoder", *_spread("sensitivity (SD)"), *_spread("predictivity (r)")),
            means,
        ),
        Table(
            "pairs",
            "Pairs of encoders, Holm-corrected p",
            ("first", "second", "p sensitivity", "p predictivity"),
            pairs,
        ),
    )
