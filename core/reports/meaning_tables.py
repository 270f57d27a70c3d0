"""The tables of a meaning: selectivity, place, frequency, ROI shifts, class evidence. Never computes."""

from __future__ import annotations

from core.reports.table import Table, Value
from core.sweeps.gather import Sweep
from core.sweeps.meaning import Meaning, TargetMeaning

UNKNOWN = float("nan")


def tabulate_meaning(answer: Meaning, sweep: Sweep) -> tuple[Table, ...]:
    """Every table of the answer."""
    return _tabulate_rows(answer), _tabulate_shifts(answer), _tabulate_evidence(answer, sweep)


def _tabulate_rows(answer: Meaning) -> Table:
    columns: tuple[str, ...] = ("norm", "encoder", "target", "roi", "selectivity z", "selectivity z of the map")
    columns += ("centre x (image widths)", "centre y (image widths)")
    columns += ("eccentricity (image widths)", "spread (image widths)", "median frequency (cycles per image)")
    rows = tuple(_describe(row, answer.labels.index(row.encoder)) for row in answer.rows)
    return Table("meaning", "Selectivity, place and frequency of perturbations", columns, rows)


def _describe(row: TargetMeaning, own: int) -> tuple[Value, ...]:
    place = row.place
    names = (str(row.norm), row.encoder, row.target, row.roi)
    where = (place.x, place.y, place.eccentricity, place.spread)
    return (*names, float(row.selectivity[own]), row.map_selectivity, *where, row.spectrum.median)


def _tabulate_shifts(answer: Meaning) -> Table:
    rows = tuple(
        (str(row.norm), row.encoder, row.target, label, name, float(value))
        for row in answer.rows
        for scorer, label in enumerate(answer.labels)
        for name, value in zip(row.roi_names[scorer], row.roi_shift[scorer], strict=True)
    )
    columns = ("norm", "source", "target", "scored by", "roi", "shift (SD)")
    return Table("roi_shifts", "Shift of every ROI", columns, rows)


def _tabulate_evidence(answer: Meaning, sweep: Sweep) -> Table:
    rows: list[tuple[Value, ...]] = []
    for label, reading in zip(answer.labels, answer.evidence, strict=True):
        if not reading.rows:
            rows.append((label, "none", "", "", UNKNOWN, "", UNKNOWN, UNKNOWN, reading.reason))
        for image, one in zip(sweep.config.images, reading.rows, strict=False):
            before = (one.clean_class, one.clean_probability)
            after = (one.perturbed_class, one.perturbed_probability, one.clean_class_after)
            rows.append((label, reading.head, image, *before, *after, ""))
    columns = ("encoder", "classifier", "image", "class before", "probability before", "class after")
    columns_all = (*columns, "probability after", "probability of the first class after", "note")
    title = f"What the networks' classifiers say, {sweep.config.targets[0].label}, highest epsilon"
    return Table("class_evidence", title, columns_all, tuple(rows))
