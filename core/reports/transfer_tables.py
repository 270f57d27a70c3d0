"""The tables of a transfer: matrices, copies, alignments, clusters. Never computes."""

from __future__ import annotations

import numpy as np

from core.reports.table import Table, Value, flatten_interval, spread_columns
from core.sweeps.transfer import Case, Transfer
from core.sweeps.variants import VARIANTS


def tabulate_transfer(answer: Transfer) -> tuple[Table, ...]:
    """Every table of the answer."""
    rows = [row for case in answer.cases for row in _rows_of(case, answer.labels)]
    columns: tuple[str, ...] = ("norm", "attack", "roi", "source", "recipient", "note", *spread_columns("T"))
    columns += tuple(f"{variant} (SD of recipient)" for variant in VARIANTS)
    tables = [Table("transfer", "Transfer, source to recipient", columns, tuple(rows))]
    if answer.fits:
        tables += [_tabulate_copies(answer), _tabulate_fits(answer)]
    return (*tables, _tabulate_alignments(answer), _tabulate_clusters(answer))


def _rows_of(case: Case, labels: tuple[str, ...]) -> list[tuple[Value, ...]]:
    rows: list[tuple[Value, ...]] = []
    for table in case.tables:
        for a, b in np.ndindex(*table.ratio.shape):
            note = "left out" if table.sources[a] == f"all but {labels[b]}" else ""
            note = "own weights" if table.sources[a] == labels[b] else note
            numbers = (float(one[a, b]) for one in (table.ratio, table.low, table.high))
            raw = (float(value) for value in table.raw[:, a, b])
            head = (str(case.norm), str(case.attack), table.roi, table.sources[a], labels[b], note)
            rows.append((*head, *numbers, *raw))
    return rows


def _tabulate_copies(answer: Transfer) -> Table:
    rows = tuple(
        (str(case.norm), table.roi, label, *flatten_interval(interval))
        for case in answer.cases
        for table in case.tables
        for label, interval in zip(answer.labels, table.copies, strict=True)
        if np.isfinite(interval.value)
    )
    columns = ("norm", "roi", "encoder", *spread_columns("T to its re-fitted copy"))
    return Table("copies", "Transfer to a re-fitted copy of the source", columns, rows)


def _tabulate_fits(answer: Transfer) -> Table:
    rows = tuple((one.label, one.copy, one.n_train, one.r, one.cv_r) for one in answer.fits)
    columns = ("encoder", "copy", "images fitted to", "held-out r", "cross-validated r")
    return Table("copy_fits", "How well the copies predict the targets", columns, rows)


def _tabulate_alignments(answer: Transfer) -> Table:
    rows = tuple(
        (one.rows, str(one.norm), answer.labels[a], answer.labels[b], float(one.matrix[a, b]), one.chance, one.n_axes)
        for one in answer.alignments
        for a, b in np.ndindex(*one.matrix.shape)
    )
    columns = ("rows", "norm", "first", "second", "mean cos2 of the principal angles", "chance k / D", "k")
    return Table("alignment", "Subspace alignment", columns, rows)


def _tabulate_clusters(answer: Transfer) -> Table:
    rows = tuple(
        (str(case.norm), str(case.attack), int(a), int(b), float(distance), int(size))
        for case in answer.cases
        for a, b, distance, size in case.tree
    )
    title = "Merges of encoders, numbered as rows then merges"
    return Table("clusters", title, ("norm", "attack", "a", "b", "distance", "size"), rows)
