"""What the figures of the four answers show, as plots that the report and the window both draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.datasets.subject import load_subject
from core.reports.plot import Plot, Series, bars, curve, frame, matrix, names_at, point, tree
from core.sweeps.cell_view import CellChoice
from core.sweeps.config import AttackKind
from core.sweeps.disagreement import Disagreement, PairTable
from core.sweeps.discriminability import Discriminability
from core.sweeps.fragility import Fragility
from core.sweeps.gather import ALL, Sweep
from core.sweeps.meaning import TargetMeaning
from core.sweeps.plan import VARIANTS
from core.sweeps.transfer import Case, TransferAnswer, TransferTable, sources_of
from core.types import FloatArray

COPY = "own re-fitted copy"
RATIO, RAW = "Transfer T", "Shift (SD)"


def plot_scatter(answer: Fragility, sweep: Sweep, roi: str = ALL, target_r: FloatArray | None = None) -> Plot:
    """Sensitivity against predictivity: encoders with intervals, over them single targets where their r is given.

    `target_r` is (n_encoders, n_targets); a target's point means (encoder, target, image): the image whose sensitivity
    is the median.
    """
    encoders = [point(row.r, row.sensitivity[-1], index, row.label) for index, row in enumerate(_rows(answer, roi))]
    chosen = [number for number, name in enumerate(answer.roi_of) if roi in (ALL, name)]
    values, targets = sweep.sensitivity()[..., -1], []
    for index, r in enumerate([] if target_r is None else target_r):
        middles = np.argsort(values[index], axis=1)[:, (values.shape[2] - 1) // 2]
        keys = [(index, target, int(middles[target])) for target in chosen]
        targets.append(Series(r[chosen], values[index, chosen].mean(axis=1), index, size=4.5, alpha=0.6, keys=keys))
    y = f"sensitivity at {_name_budget(sweep)} {sweep.config.ladder[-1]:g} (SD)"
    return Plot("held-out r", y, (*encoders, *targets), y_range=(0, None))


def plot_sensitivity(answer: Fragility, sweep: Sweep) -> Plot:
    """Sensitivity along the epsilon grid, beside that to a random control."""
    found = [curve(sweep.config.ladder, row.sensitivity, k, row.label) for k, row in enumerate(answer.overall)]
    for index, row in enumerate(answer.overall):
        found.append(Series(sweep.config.ladder, [one.value for one in row.control], index, line=":", width=0.8))
    return _along(sweep, "sensitivity (SD)", found, y_log=True, title="dotted: random control of equal norm")


def plot_linearity(answer: Fragility, sweep: Sweep) -> Plot:
    """How far the shift follows the gradient, along epsilon."""
    found = [curve(sweep.config.ladder, part.linearity, k, part.label) for k, part in enumerate(answer.parts)]
    return _along(sweep, "attack shift / first-order shift", found)


def plot_curvature(answer: Fragility, sweep: Sweep) -> Plot:
    """The angle of the features' path along the straight path of pixels."""
    found = [Series(part.path, part.angles, k, part.label, line="-", size=4) for k, part in enumerate(answer.parts)]
    x = f"{_name_budget(sweep)}, along the straight path"
    return Plot(x, "angle of φ (deg)", tuple(found), y_range=(0, None), title="path curvature; 0: straight")


def plot_parts(answer: Fragility, _sweep: Sweep) -> Plot:
    """Feature against voxel fragility."""
    found = [
        Series([part.feature_change], [part.alignment * part.weight_size_sd], k, part.label, size=8)
        for k, part in enumerate(answer.parts)
    ]
    x, y = "||Δφ|| / ||φ||  (features)", "||w|| |cos(w, Δφ)| / σ  (readout)"
    return Plot(x, y, tuple(found), x_range=(0, None), y_range=(0, None))


def plot_norms(answer: Fragility, sweep: Sweep) -> Plot:
    """Every encoder's targets under the two norms, at equal RMS change."""
    both = [sweep.sensitivity(norm)[..., -1].mean(axis=-1) for norm in range(len(sweep.config.norms))]
    found = [Series(both[0][k], both[-1][k], k, label, size=5) for k, label in enumerate(sweep.labels)]
    title = f"r = {answer.norm_agreement[-1].describe('.2f')} over encoders and targets"
    x, y = (f"sensitivity, {norm.capitalize()} (SD)" for norm in (sweep.config.norms[0], sweep.config.norms[-1]))
    return Plot(x, y, tuple(found), title=title)


def plot_means(answer: Discriminability) -> list[Plot]:
    """The encoders' means by both measures."""
    return [
        Plot(
            "",
            f"{measure.measure} ({measure.unit})",
            tuple(bars([k], [interval], k) for k, interval in enumerate(measure.means)),
            x_ticks=names_at(answer.labels),
            legend=None,
        )
        for measure in (answer.sensitivity, answer.predictivity)
    ]


def plot_statistics(answer: Discriminability) -> Plot:
    """Every statistic that tells encoders apart, sensitivity beside predictivity."""
    names = list(answer.sensitivity.statistics)
    sides = ((-0.18, answer.sensitivity, 1), (0.18, answer.predictivity, 0))
    found = [
        bars(np.arange(len(names)) + side, [measure.statistics[one] for one in names], ink, measure.measure, width=0.34)
        for side, measure, ink in sides
    ]
    return Plot("", "unit 1", tuple(found), x_ticks=names_at(names))


def plot_pairs(answer: Disagreement, table: PairTable) -> list[Plot]:
    """The smallest epsilon of every pair, and the share of images and targets told apart at the highest one."""
    apart = np.argwhere(np.isinf(table.smallest)).tolist()
    beyond = tuple(frame(row, column, "muted", line="--", width=1.2, inset=0.05) for row, column in apart)
    norm, highest = table.norm.capitalize(), table.budgets[-1]
    titles = (
        f"{norm} ε at which both move by {answer.wanted_sd:g} SD · {table.roi} · dashed: not within {highest:.3g}",
        f"share of images and targets told apart at {highest:.3g}",
    )
    shown = (np.where(np.isfinite(table.smallest), table.smallest, np.nan), table.share[:, :, -1])
    more = {"x": "lowered", "y": "raised"}
    return [
        matrix(values, answer.labels, answer.labels, (0.0, most), title=title, series=marks, **more)
        for values, most, title, marks in zip(shown, (highest, 1.0), titles, (beyond, ()), strict=True)
    ]


def list_sources(case: Case) -> list[int]:
    """The sources as the rows of a matrix: in the order of the clusters, untrained networks last."""
    return [*case.order, *range(len(case.order), len(case.tables[0].sources))]


def plot_transfer(answer: TransferAnswer, case: Case, table: TransferTable, what: str = RATIO) -> Plot:
    """The matrix of T or of shifts, beside it T to each source's own re-fitted copy."""
    rows, order = list_sources(case), list(case.order)
    values, columns = (table.ratio if what == RATIO else table.raw[0])[np.ix_(rows, order)], _mark(answer, order)
    copies = np.full((len(rows), 1), np.nan)
    copies[: len(order), 0] = [table.copies[one].value for one in order]
    if what == RATIO and np.isfinite(copies).any():
        values, columns = np.hstack([values, copies]), [*columns, COPY]
    names = [table.sources[one] for one in rows] if is_ensemble(case, answer) else _mark(answer, rows)
    reach = 1.0 if what == RATIO else max(float(np.nanmax(np.abs(values))), 1e-6)
    marked = [frame(place, place, "paper", line=":", width=1.2, inset=0.05) for place in range(len(order))]
    if not is_ensemble(case, answer):
        related = answer.related[np.ix_(order, order)] & ~np.eye(len(order), dtype=bool)
        marked += [frame(a, b, "muted", line="--", width=1.2, inset=0.05) for a, b in np.argwhere(related).tolist()]
    title = f"T(A→B) · {case.label} · {describe_frames(answer, case)}"
    more = {"x": "recipient", "y": "source", "title": title, "series": tuple(marked)}
    return matrix(values, names, columns, (-reach, reach), **more)


def is_ensemble(case: Case, answer: TransferAnswer) -> bool:
    """Whether each row is an ensemble that left one encoder out."""
    return case.tables[0].sources[0] not in answer.labels


def describe_frames(answer: TransferAnswer, case: Case) -> str:
    """What the frames in a case's matrix mean."""
    if is_ensemble(case, answer):
        return "dotted: left out of the ensemble"
    apart = ~np.eye(len(answer.related), dtype=bool)
    relatives = " · dashed: related networks" if (answer.related & apart).any() else ""
    return f"dotted: own weights, 1 by definition{relatives}"


def plot_tree(case: Case) -> Plot:
    """The clusters of encoders, over the columns of their matrix."""
    return tree(case.tree, "1 − mean T")


def plot_alignment(answer: TransferAnswer, number: int, case: Case) -> Plot:
    """Alignment of the subspaces of perturbations under a norm, or of gradients."""
    one, order = answer.alignments[number], list(case.order)
    title = f"{one.label}: mean cos², k = {one.n_axes}, chance {one.chance:.1e}"
    names = _mark(answer, order)
    return matrix(one.matrix[np.ix_(order, order)], names, names, (0.0, 1.0), title=title)


def plot_cases(answer: TransferAnswer) -> Plot:
    """Mean T into each encoder from perturbations made without it, under every norm and attack."""
    places = np.arange(len(answer.cases))
    found = [
        Series(places, [mean_into(case, k) for case in answer.cases], k, label, line=":", width=0.8, size=5)
        for k, label in enumerate(answer.labels)
    ]
    title = "mean over the other sources, relatives too; of ensembles, the one that left the recipient out"
    ticks = names_at(case.label for case in answer.cases)
    return Plot("", "T into the recipient", tuple(found), title, across=(0,), x_ticks=ticks, legend="recipient")


def mean_into(case: Case, recipient: int) -> float:
    """Mean T into one encoder over the other encoders as sources; of ensembles, T of the one without it."""
    column = case.tables[0].square[:, recipient]
    if case.attack is AttackKind.ENSEMBLE:
        return float(column[recipient])
    return float(np.nanmean(np.delete(column, recipient)))


def plot_controls(answer: TransferAnswer) -> Plot:
    """What the perturbation and every control do to the other encoders, mean over recipients."""
    table, n_encoders, found = answer.tables[0], len(answer.labels), []
    step = 0.8 / len(table.sources)
    for source, label in enumerate(table.sources):
        own = answer.labels.index(label.removesuffix(" untrained"))
        heights = table.raw[:, source, np.arange(n_encoders) != own].mean(axis=1)
        places = np.arange(len(VARIANTS)) + (source - (len(table.sources) - 1) / 2) * step
        found.append(Series(places, heights, own, label, bar=0.9 * step, hollow=source >= n_encoders))
    y = "shift of the other encoders (SD)"
    return Plot("", y, tuple(found), across=(0,), x_ticks=names_at(VARIANTS), legend="made on")


def plot_cell_rois(sweep: Sweep, choice: CellChoice) -> Plot:
    """The shift of every ROI of a cell's recipient."""
    encoder, copy = sources_of(sweep.config)[choice.source]
    stored = sweep.score(encoder, choice.target, 0, choice.norm, choice.attack, copy)[f"roi_{choice.recipient}"]
    shifts = stored.mean(axis=0) if choice.image < 0 else stored[choice.image]
    names = load_subject(sweep.config.encoders[choice.recipient].subject).voxels.roi_names
    found = Series(np.arange(len(names)), shifts, choice.recipient, bar=0.7)
    return Plot("", "shift (voxel SD)", (found,), across=(0,), x_ticks=names_at(names), legend=None)


def plot_rois(rows: Sequence[TargetMeaning], scorers: Sequence[int], names: Sequence[str]) -> Plot:
    """The shift of every ROI by the perturbations of some encoders or targets, each scored by an encoder."""
    found = [
        Series(np.arange(len(row.roi_shift[scorer])), row.roi_shift[scorer], k, name, line="-", size=4)
        for k, (row, scorer, name) in enumerate(zip(rows, scorers, names, strict=True))
    ]
    ticks = names_at(rows[0].roi_names[scorers[0]])
    return Plot("", "shift (voxel SD)", tuple(found), across=(0,), x_ticks=ticks)


def plot_spectra(rows: Sequence[TargetMeaning]) -> Plot:
    """The share of power at every spatial frequency."""
    found = [Series(row.spectrum.cycles[1:], row.spectrum.share[1:], k, line="-") for k, row in enumerate(rows)]
    return Plot("cycles per image", "share of power", tuple(found), x_log=True)


def _rows(answer: Fragility, roi: str) -> list[Any]:
    return [row for row in answer.rows if row.roi == roi]


def _name_budget(sweep: Sweep) -> str:
    return f"{sweep.config.norms[0].capitalize()} epsilon"


def _along(sweep: Sweep, y: str, series: Sequence[Series], **more: Any) -> Plot:
    """A plot over the epsilon grid, with ticks at its budgets."""
    ticks = [(epsilon, f"{epsilon:.3g}") for epsilon in sweep.config.ladder]
    return Plot(_name_budget(sweep), y, tuple(series), x_ticks=ticks, x_log=True, across=(1,), **more)


def _mark(answer: TransferAnswer, sources: Sequence[int]) -> list[str]:
    """Names of sources, robustified networks marked where their name does not say it."""
    names = {one: answer.tables[0].sources[one] for one in sources}
    robust = [one < len(answer.robust) and answer.robust[one] and "robust" not in names[one] for one in sources]
    return [f"{names[one]} (robust)" if marked else names[one] for one, marked in zip(sources, robust, strict=True)]
