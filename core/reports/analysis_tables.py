"""The numbers of an analysis as plain tables."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from core.attacks.config import doubt_convergence
from core.reports.table import Table, make_table
from core.sweeps.answer import Answer
from core.sweeps.config import AttackKind
from core.sweeps.disagreement import Disagreement
from core.sweeps.discriminability import PAIRS, Discriminability
from core.sweeps.fragility import Fragility
from core.sweeps.gather import Sweep
from core.sweeps.meaning import Meaning
from core.sweeps.plan import VARIANTS
from core.sweeps.statistics import UNKNOWN
from core.sweeps.transfer import Case, TransferAnswer

Row = dict[str, Any]
LEAST_DELIVERED = 0.95
"""Of epsilon; a row of smaller perturbations says so."""


def tabulate(answer: Answer, sweep: Sweep) -> tuple[Table, ...]:
    """Every table of an answer; the first sums it up."""
    if isinstance(answer, Fragility):
        return (*_of_fragility(answer, sweep), _of_values(sweep))
    if isinstance(answer, Discriminability):
        return (*_of_discriminability(answer), _of_values(sweep))
    if isinstance(answer, Disagreement):
        return (*_of_pairs(answer), _of_single(answer, sweep))
    return _of_transfer(answer) if isinstance(answer, TransferAnswer) else _of_meaning(answer, sweep)


def _of_fragility(answer: Fragility, sweep: Sweep) -> tuple[Table, ...]:
    unit = f"{sweep.config.norms[0]} epsilon"
    summary = (
        {
            "encoder": row.label,
            "roi": row.roi,
            "n_targets": row.n_targets,
            "sensitivity at the highest epsilon (SD)": row.sensitivity[-1],
            "random control (SD)": row.control[-1].value,
            "area (SD decades)": row.area,
            f"{unit} at 1 SD": row.epsilon_1sd,
            "share reaching 1 SD": row.share_1sd,
            "held-out r": row.r,
            "r2 / noise ceiling": row.r2_ceiling,
        }
        for row in answer.rows
    )
    curve = (
        {"encoder": row.label, "roi": row.roi, unit: epsilon, "sensitivity (SD)": shift, "random control (SD)": control}
        for row in answer.rows
        for epsilon, shift, control in zip(sweep.config.ladder, row.sensitivity, row.control, strict=True)
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
    norms = ({"encoder": label, "r": r} for label, r in whose)
    return (*tables, make_table("norms", "L2 against Linf: correlation over targets", norms))


def _parts(answer: Fragility, sweep: Sweep, unit: str) -> Iterator[Row]:
    for part in answer.parts:
        yield {
            "encoder": part.label,
            "||dphi|| / ||phi||": part.feature_change,
            "||w|| / sigma": part.weight_size_sd,
            "|cos(w, dphi)|": part.alignment,
            "sensitivity (SD)": part.sensitivity,
            "path curvature (deg)": part.curvature,
        } | {f"linearity at {unit} {at:g}": one for at, one in zip(sweep.config.ladder, part.linearity, strict=True)}


def _of_values(sweep: Sweep) -> Table:
    """Every single sensitivity: encoder, target, image, epsilon."""
    config, values, to_gain = sweep.config, sweep.sensitivity(), sweep.to_gain[:, :, :, 0].max(axis=2)
    rows = (
        {
            "encoder": sweep.labels[e],
            "target": config.targets[t].label,
            "image": config.images[i],
            f"{config.norms[0]} epsilon": config.ladder[k],
            "sensitivity (SD)": values[e, t, i, k],
            "to gain (share)": to_gain[e, t, i, k],
            "converged": doubt_convergence(to_gain[e, t, i, k]),
        }
        for e, t, i, k in np.ndindex(values.shape)
    )
    return make_table("values", "Every sensitivity", rows)


def _of_discriminability(answer: Discriminability) -> tuple[Table, ...]:
    first, second = answer.sensitivity, answer.predictivity
    summary = (
        {
            "statistic": name,
            "sensitivity": first.statistics[name],
            "predictivity": second.statistics[name],
            "difference": answer.difference.get(name, UNKNOWN),
            "note": (first.note or second.note) if name == PAIRS else "",
        }
        for name in first.statistics
    )
    means = (
        {"encoder": label, "sensitivity (SD)": first.means[k], "predictivity (r)": second.means[k]}
        for k, label in enumerate(answer.labels)
    )
    pairs = (
        {
            "first": answer.labels[a],
            "second": answer.labels[b],
            "p sensitivity": first.adjusted_p[k],
            "p predictivity": second.adjusted_p[k],
        }
        for k, (a, b) in enumerate(zip(*np.triu_indices(len(answer.labels), k=1), strict=True))
    )
    return (
        make_table("discriminability", "How well each measure tells encoders apart", summary),
        make_table("means", "Encoder means", means),
        make_table("pairs", "Pairs of encoders, Holm-corrected p", pairs),
    )


def _of_transfer(answer: TransferAnswer) -> tuple[Table, ...]:
    rows = (row for case in answer.cases for row in _cells_of(case, answer))
    tables = [make_table("transfer", "Transfer, source to recipient", rows)]
    tables.append(make_table("transfer_kinds", "Mean transfer by kind, with and without relatives", _kinds_of(answer)))
    if answer.fits:
        copy = "T to its re-fitted copy"
        columns = ("norm", "roi", "encoder", copy, f"{copy} low", f"{copy} high")
        copies = (
            {"norm": case.norm, "roi": table.roi, "encoder": label, copy: interval}
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
            "norm": one.norm,
            "first": answer.labels[a],
            "second": answer.labels[b],
            "mean cos2 of the principal angles": one.matrix[a, b],
            "chance k / D": one.chance,
            "k": one.n_axes,
        }
        for one in answer.alignments
        for a, b in np.ndindex(*one.matrix.shape)
    )
    merges = (
        {"norm": case.norm, "attack": case.attack, "a": int(a), "b": int(b), "distance": distance, "size": int(size)}
        for case in answer.cases
        for a, b, distance, size in case.tree
    )
    tables.append(make_table("alignment", "Subspace alignment", alignments))
    return (*tables, make_table("clusters", "Merges of encoders, numbered as rows then merges", merges))


def _of_pairs(answer: Disagreement) -> tuple[Table, Table]:
    """Every pair that was run, raised and lowered, by norm and ROI: what it takes, and the whole epsilon grid."""
    wanted = f"{answer.wanted_sd:g} SD"
    summary, along = [], []
    for table in answer.tables:
        for a, b in np.argwhere(~np.isnan(table.smallest)).tolist():
            smallest = float(table.smallest[a, b])
            notes = ("not within budget" if np.isinf(smallest) else "", doubt_convergence(table.to_gain[a, b]))
            pair: Row = {"norm": table.norm, "roi": table.roi, "raised": answer.labels[a], "lowered": answer.labels[b]}
            curve = zip(table.budgets, table.smaller[a, b], table.share[a, b], table.control[a, b], strict=True)
            steps: list[Row] = [
                {"smaller shift (SD)": shift, f"share reaching {wanted}": share, "random control (SD)": control}
                for _, shift, share, control in curve
            ]
            note = ", ".join(filter(None, notes))
            found = {f"epsilon at {wanted}": float("nan") if np.isinf(smallest) else smallest, "note": note}
            summary.append(pair | found | steps[-1])
            along += [pair | {"epsilon": one} | step for one, step in zip(table.budgets, steps, strict=True)]
    return (
        make_table("disagreement", "Smallest budget at which two encoders move apart", summary),
        make_table("disagreement_curve", "The same along the epsilon grid", along),
    )


def _of_single(answer: Disagreement, sweep: Sweep) -> Table:
    """How far each encoder can be moved alone, and how well it predicts."""
    rows = (
        {
            "encoder": answer.labels[e],
            "target": sweep.config.targets[t].label,
            "sensitivity alone at the highest epsilon (SD)": answer.alone[e, t],
            "held-out r": answer.r[e, t],
        }
        for e, t in np.ndindex(answer.alone.shape)
    )
    return make_table("alone", "Each encoder alone", rows)


def _kinds_of(answer: TransferAnswer) -> Iterator[Row]:
    names = {True: "robust", False: "standard"}
    for case in answer.cases:
        if case.attack is AttackKind.ENSEMBLE:  # its sources are no encoders
            continue
        for table in case.tables:
            for source, recipient in itertools.product(names, names):
                every, apart = answer.mean_between(table, source, recipient)
                row: Row = {"norm": case.norm, "attack": case.attack, "roi": table.roi}
                row |= {"sources": names[source], "recipients": names[recipient]}
                yield row | {"mean T": every, "mean T without relatives": apart}


def _cells_of(case: Case, answer: TransferAnswer) -> Iterator[Row]:
    labels, n_encoders = answer.labels, len(answer.labels)
    for table in case.tables:
        for a, b in np.ndindex(*table.ratio.shape):
            source, recipient = table.sources[a], labels[b]
            note = {f"all but {recipient}": "left out", recipient: "own weights"}.get(source, "")
            if not note and a < n_encoders and source == labels[a] and answer.related[a, b]:
                note = "related networks"
            if case.delivered[a] < LEAST_DELIVERED:
                note = ", ".join(filter(None, (note, f"delivered at {case.delivered[a]:.0%} of epsilon")))
            note = ", ".join(filter(None, (note, doubt_convergence(float(table.to_gain[a])))))
            row: Row = {"norm": case.norm, "attack": case.attack, "roi": table.roi, "source": source}
            row |= {"recipient": recipient, "note": note}
            row |= {"T": table.ratio[a, b], "T low": table.low[a, b], "T high": table.high[a, b]}
            raw = zip(VARIANTS, table.raw[:, a, b], strict=True)
            row |= {f"{variant} (SD of recipient)": value for variant, value in raw}
            yield row | {"to gain (share)": table.to_gain[a]}


def _of_meaning(answer: Meaning, sweep: Sweep) -> tuple[Table, ...]:
    rows = (
        {
            "norm": row.norm,
            "encoder": row.encoder,
            "target": row.target,
            "roi": row.roi,
            "selectivity z": row.own.z,
            "p (ROI labels permuted)": row.own.p,
            "shift of the ROI (SD)": row.own.shift,
            "above the other ROIs (SD)": row.own.excess,
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
        {"norm": row.norm, "source": row.encoder, "target": row.target}
        | {"scored by": label, "roi": name, "shift (SD)": value}
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
    unknown = UNKNOWN.value
    for label, reading in zip(answer.labels, answer.evidence, strict=True):
        if not reading.rows:
            silent = (label, "none", "", "", unknown, "", unknown, unknown, reading.reason)
            yield dict(zip(columns, silent, strict=True))
        for image, one in zip(sweep.config.images, reading.rows, strict=False):
            before = (one.clean_class, one.clean_probability)
            after = (one.perturbed_class, one.perturbed_probability, one.clean_class_after)
            yield dict(zip(columns, (label, reading.head, image, *before, *after, ""), strict=True))
