"""The numbers of an analysis as plain tables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.attacks.budget_words import MOST_TO_GAIN
from core.reports.table import Table, Value, make_table, spread
from core.sweeps.answer import Answer
from core.sweeps.discriminability import Discriminability
from core.sweeps.fragility import Fragility
from core.sweeps.gather import Sweep
from core.sweeps.meaning import Meaning
from core.sweeps.plan import VARIANTS
from core.sweeps.statistics import Interval
from core.sweeps.transfer import Case, TransferAnswer

Row = dict[str, Value]
UNKNOWN = float("nan")


def tabulate(answer: Answer, sweep: Sweep) -> tuple[Table, ...]:
    """Every table of an answer; the first sums it up."""
    if isinstance(answer, Fragility):
        return (*_of_fragility(answer, sweep), _of_values(sweep))
    if isinstance(answer, Discriminability):
        return (*_of_discriminability(answer), _of_values(sweep))
    return _of_transfer(answer) if isinstance(answer, TransferAnswer) else _of_meaning(answer, sweep)


def _of_fragility(answer: Fragility, sweep: Sweep) -> tuple[Table, ...]:
    unit = f"{sweep.config.norms[0]} epsilon"
    summary = (
        {"encoder": row.label, "roi": row.roi, "n_targets": row.n_targets}
        | spread("sensitivity at the highest epsilon (SD)", row.sensitivity[-1])
        | {"random control (SD)": row.control[-1].value}
        | spread("area (SD decades)", row.area)
        | {f"{unit} at 1 SD": row.epsilon_1sd, "share reaching 1 SD": row.share_1sd}
        | spread("held-out r", row.r)
        | {"r2 / noise ceiling": row.r2_ceiling}
        for row in answer.rows
    )
    curve = (
        {"encoder": row.label, "roi": row.roi, unit: epsilon}
        | spread("sensitivity (SD)", row.sensitivity[k])
        | spread("random control (SD)", row.control[k])
        for row in answer.rows
        for k, epsilon in enumerate(sweep.config.ladder)
    )
    path = (
        {"encoder": part.label, unit: epsilon, "angle (deg)": angle}
        for part in answer.parts
        for epsilon, angle in zip(part.path, part.angles, strict=True)
    )
    tables = (
        make_table("fragility", "Fragility and predictivity", summary),
        make_table("curve", "Sensitivity along the epsilon grid", curve),
        make_table("parts", "Feature against voxel fragility, at the highest epsilon", _parts(answer, sweep, unit)),
        make_table("path", "Curvature along the straight path", path),
    )
    if not answer.norm_agreement:
        return tables
    whose = zip((*sweep.labels, "all encoders"), answer.norm_agreement, strict=True)
    norms = ({"encoder": label} | spread("r", r) for label, r in whose)
    return (*tables, make_table("norms", "L2 against Linf: correlation over targets", norms))


def _parts(answer: Fragility, sweep: Sweep, unit: str) -> Iterator[Row]:
    for part in answer.parts:
        row: Row = {"encoder": part.label, "||dphi|| / ||phi||": part.feature_change}
        row |= {"||w|| / sigma": part.weight_size_sd, "|cos(w, dphi)|": part.alignment}
        row |= {"sensitivity (SD)": part.sensitivity} | spread("path curvature (deg)", part.curvature)
        for epsilon, one in zip(sweep.config.ladder, part.linearity, strict=True):
            row |= spread(f"linearity at {unit} {epsilon:g}", one)
        yield row


def _of_values(sweep: Sweep) -> Table:
    """Every single sensitivity: encoder, target, image, epsilon."""
    config, values, to_gain = sweep.config, sweep.sensitivity(), sweep.to_gain[:, :, :, 0].max(axis=2)
    rows = (
        {
            "encoder": sweep.labels[e],
            "target": config.targets[t].label,
            "image": config.images[i],
            f"{config.norms[0]} epsilon": config.ladder[k],
            "sensitivity (SD)": float(values[e, t, i, k]),
            "to gain (share)": float(to_gain[e, t, i, k]),
            "converged": "not converged" if to_gain[e, t, i, k] > MOST_TO_GAIN else "",
        }
        for e, t, i, k in np.ndindex(values.shape)
    )
    return make_table("values", "Every sensitivity", rows)


def _of_discriminability(answer: Discriminability) -> tuple[Table, ...]:
    first, second = answer.sensitivity, answer.predictivity
    unknown = Interval(UNKNOWN, UNKNOWN, UNKNOWN)
    summary = (
        {"statistic": name}
        | spread("sensitivity", first.statistics[name])
        | spread("predictivity", second.statistics[name])
        | spread("difference", answer.difference.get(name, unknown))
        for name in first.statistics
    )
    means = (
        {"encoder": label} | spread("sensitivity (SD)", first.means[k]) | spread("predictivity (r)", second.means[k])
        for k, label in enumerate(answer.labels)
    )
    pairs = (
        {
            "first": answer.labels[a],
            "second": answer.labels[b],
            "p sensitivity": float(first.adjusted_p[k]),
            "p predictivity": float(second.adjusted_p[k]),
        }
        for k, (a, b) in enumerate(zip(*np.triu_indices(len(answer.labels), k=1), strict=True))
    )
    return (
        make_table("discriminability", "How well each measure tells encoders apart", summary),
        make_table("means", "Encoder means", means),
        make_table("pairs", "Pairs of encoders, Holm-corrected p", pairs),
    )


def _of_transfer(answer: TransferAnswer) -> tuple[Table, ...]:
    rows = (row for case in answer.cases for row in _cells_of(case, answer.labels))
    tables = [make_table("transfer", "Transfer, source to recipient", rows)]
    if answer.fits:
        columns = ("norm", "roi", "encoder", *spread("T to its re-fitted copy", Interval(0, 0, 0)))
        copies = (
            {"norm": str(case.norm), "roi": table.roi, "encoder": label} | spread(columns[3], interval)
            for case in answer.cases
            for table in case.tables
            for label, interval in zip(answer.labels, table.copies, strict=True)
            if np.isfinite(interval.value)
        )
        fits = (
            {
                "encoder": one.label,
                "copy": one.copy,
                "images fitted to": one.n_train,
                "held-out r": one.r,
                "cross-validated r": one.cv_r,
            }
            for one in answer.fits
        )
        tables.append(make_table("copies", "Transfer to a re-fitted copy of the source", copies, columns))
        tables.append(make_table("copy_fits", "How well the copies predict the targets", fits))
    alignments = (
        {
            "rows": one.rows,
            "norm": str(one.norm),
            "first": answer.labels[a],
            "second": answer.labels[b],
            "mean cos2 of the principal angles": float(one.matrix[a, b]),
            "chance k / D": one.chance,
            "k": one.n_axes,
        }
        for one in answer.alignments
        for a, b in np.ndindex(*one.matrix.shape)
    )
    merges = (
        {"norm": str(case.norm), "attack": str(case.attack), "a": int(a), "b": int(b)}
        | {"distance": float(distance), "size": int(size)}
        for case in answer.cases
        for a, b, distance, size in case.tree
    )
    tables.append(make_table("alignment", "Subspace alignment", alignments))
    return (*tables, make_table("clusters", "Merges of encoders, numbered as rows then merges", merges))


def _cells_of(case: Case, labels: tuple[str, ...]) -> Iterator[Row]:
    for table in case.tables:
        for a, b in np.ndindex(*table.ratio.shape):
            source, recipient = table.sources[a], labels[b]
            note = {f"all but {recipient}": "left out", recipient: "own weights"}.get(source, "")
            row: Row = {"norm": str(case.norm), "attack": str(case.attack), "roi": table.roi, "source": source}
            row |= {"recipient": recipient, "note": note}
            row |= spread("T", Interval(*(float(one[a, b]) for one in (table.ratio, table.low, table.high))))
            raw = zip(VARIANTS, table.raw[:, a, b], strict=True)
            yield row | {f"{variant} (SD of recipient)": float(value) for variant, value in raw}


def _of_meaning(answer: Meaning, sweep: Sweep) -> tuple[Table, ...]:
    rows = (
        {
            "norm": str(row.norm),
            "encoder": row.encoder,
            "target": row.target,
            "roi": row.roi,
            "selectivity z": float(row.selectivity[answer.labels.index(row.encoder)]),
            "selectivity z of the map": row.map_selectivity,
            "centre x (image widths)": row.place.x,
            "centre y (image widths)": row.place.y,
            "eccentricity (image widths)": row.place.eccentricity,
            "spread (image widths)": row.place.spread,
            "median frequency (cycles per image)": row.spectrum.median,
        }
        for row in answer.rows
    )
    shifts = (
        {"norm": str(row.norm), "source": row.encoder, "target": row.target}
        | {"scored by": label, "roi": name, "shift (SD)": float(value)}
        for row in answer.rows
        for scorer, label in enumerate(answer.labels)
        for name, value in zip(row.roi_names[scorer], row.roi_shift[scorer], strict=True)
    )
    title = f"What the networks' classifiers say, {sweep.config.targets[0].label}, highest epsilon"
    return (
        make_table("meaning", "Selectivity, place and frequency of perturbations", rows),
        make_table("roi_shifts", "Shift of every ROI", shifts),
        make_table("class_evidence", title, _evidence(answer, sweep)),
    )


def _evidence(answer: Meaning, sweep: Sweep) -> Iterator[Row]:
    columns: tuple[str, ...] = ("encoder", "classifier", "image", "class before", "probability before", "class after")
    columns += ("probability after", "probability of the first class after", "note")
    for label, reading in zip(answer.labels, answer.evidence, strict=True):
        if not reading.rows:
            silent = (label, "none", "", "", UNKNOWN, "", UNKNOWN, UNKNOWN, reading.reason)
            yield dict(zip(columns, silent, strict=True))
        for image, one in zip(sweep.config.images, reading.rows, strict=False):
            before = (one.clean_class, one.clean_probability)
            after = (one.perturbed_class, one.perturbed_probability, one.clean_class_after)
            yield dict(zip(columns, (label, reading.head, image, *before, *after, ""), strict=True))
