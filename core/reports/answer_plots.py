"""What the figures of the four answers show, as plots that the report and the window both draw."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from core.attacks.config import write_epsilon
from core.datasets.subject import load_subject
from core.reports.plot import Ink, Plot, Series, Values, bars, curve, frame, matrix, names_at, point, tree
from core.sweeps.cell_view import CellChoice
from core.sweeps.config import AttackKind
from core.sweeps.disagreement import Disagreement, PairTable
from core.sweeps.discriminability import Discriminability
from core.sweeps.fragility import Fragility
from core.sweeps.gather import ALL, Sweep
from core.sweeps.meaning import TargetMeaning, measure_spectrum
from core.sweeps.plan import SCORE, VARIANTS, Cell
from core.sweeps.transfer import Case, TransferAnswer, TransferTable, sources_of
from core.types import FloatArray

COPY = "own re-fitted copy"
RATIO, RAW = "Transfer T", "Shift (SD)"
CONTROL, DOTTED, CROSSES = "random control", "dotted: random control of equal norm", "×: random control of equal norm"
RANDOM = VARIANTS.index("random")


def plot_scatter(answer: Fragility, sweep: Sweep, roi: str = ALL, target_r: FloatArray | None = None) -> Plot:
    """Sensitivity against predictivity: encoders with intervals, over them single targets where their r is given.

    `target_r` is (n_encoders, n_targets); a target's point means (encoder, target, image): the image whose sensitivity
    is the median.
    """
    rows = [row for row in answer.rows if row.roi == roi]
    encoders = [point(row.r, row.sensitivity[-1], index, row.label) for index, row in enumerate(rows)]
    chosen = [number for number, name in enumerate(answer.roi_of) if roi in (ALL, name)]
    values, targets = sweep.sensitivity()[..., -1], []
    for index, r in enumerate([] if target_r is None else target_r):
        middles = np.argsort(values[index], axis=1)[:, (values.shape[2] - 1) // 2]
        keys = [(index, target, int(middles[target])) for target in chosen]
        targets.append(Series(r[chosen], values[index, chosen].mean(axis=1), index, size=4.5, alpha=0.6, keys=keys))
    controls = [_crosses([row.r.value], [row.control[-1].value], k) for k, row in enumerate(rows)]
    y = f"sensitivity at {_name_budget(sweep)} {write_epsilon(sweep.config.ladder[-1], sweep.config.norms[0])} (SD)"
    return Plot("held-out r", y, (*encoders, *targets, *controls), CROSSES, y_range=(0, None))


def plot_sensitivity(answer: Fragility, sweep: Sweep) -> Plot:
    """Sensitivity along the epsilon grid, beside that to a random control."""
    found = [curve(sweep.config.ladder, row.sensitivity, k, row.label) for k, row in enumerate(answer.overall)]
    found += [_dots(sweep.config.ladder, [one.value for one in row.control], k) for k, row in enumerate(answer.overall)]
    return _along(sweep, "sensitivity (SD)", found, y_log=True, title=DOTTED)


def plot_linearity(answer: Fragility, sweep: Sweep) -> Plot:
    """How far the shift follows the gradient, along epsilon."""
    found = [curve(sweep.config.ladder, part.linearity, k, part.label) for k, part in enumerate(answer.parts)]
    found += [_dots(sweep.config.ladder, part.control_linearity, k) for k, part in enumerate(answer.parts)]
    return _along(sweep, "attack shift / first-order shift", found, title=DOTTED)


def plot_curvature(answer: Fragility, sweep: Sweep) -> Plot:
    """The angle of the features' path along the straight path of pixels."""
    found = [Series(part.path, part.angles, k, part.label, line="-", size=4) for k, part in enumerate(answer.parts)]
    x, highest = f"{_name_budget(sweep)}, along the straight path", sweep.config.ladder[-1]
    ticks = [(one, write_epsilon(one, sweep.config.norms[0])) for one in highest * np.linspace(0, 1, 5)]
    title = "path curvature of the attack; 0: straight"
    return Plot(x, "angle of φ (deg)", tuple(found), x_ticks=ticks, y_range=(0, None), title=title)


def plot_parts(answer: Fragility, _sweep: Sweep) -> Plot:
    """Feature against voxel fragility; a curve joins what would shift responses as a random control does."""
    found = [
        Series([part.feature_change], [part.alignment * part.weight_size_sd], k, part.label, size=8)
        for k, part in enumerate(answer.parts)
    ]
    x, y = "||Δφ|| / ||φ||  (features)", "||w|| |cos(w, Δφ)| / σ  (readout)"
    ends = max(part.feature_change for part in answer.parts), max(float(one.y[0]) for one in found)
    for index, (part, row) in enumerate(zip(answer.parts, answer.overall, strict=True)):
        share = row.control[-1].value / part.sensitivity * part.feature_change * part.alignment * part.weight_size_sd
        along = np.linspace(min(share / ends[1], ends[0]), ends[0], 50)
        found.append(_dots(along, share / along, index))
    title = "dotted: the product of a random control"
    return Plot(x, y, tuple(found), title, x_range=(0, None), y_range=(0, None))


def plot_norms(answer: Fragility, sweep: Sweep) -> Plot:
    """Every encoder's targets under the two norms, at equal RMS change."""
    both = [sweep.sensitivity(norm)[..., -1].mean(axis=-1) for norm in range(len(sweep.config.norms))]
    found = [Series(both[0][k], both[-1][k], k, label, size=5) for k, label in enumerate(sweep.labels)]
    random = [sweep.random_sensitivity(norm)[..., -1].mean(axis=-1) for norm in (0, -1)]
    found += [_crosses(random[0][k], random[1][k], k) for k in range(len(sweep.labels))]
    title = f"r = {answer.norm_agreement[-1].describe('.2f')} over encoders and targets; {CROSSES}"
    x, y = (f"sensitivity, {norm.capitalize()} (SD)" for norm in (sweep.config.norms[0], sweep.config.norms[-1]))
    return Plot(x, y, tuple(found), title=title)


def plot_means(answer: Discriminability) -> list[Plot]:
    """The encoders' means by both measures, each in the colour it has among the statistics."""
    controls, plots = [_crosses([k], [one.value], "text") for k, one in enumerate(answer.control.means)], list[Plot]()
    for measure, ink, title in ((answer.sensitivity, "warm", CROSSES), (answer.predictivity, "cool", "0: chance")):
        shown = (bars(np.arange(len(measure.means)), measure.means, ink), *([] if plots else controls))
        y, ticks = f"{measure.measure} ({measure.unit})", names_at(answer.labels)
        plots.append(Plot("", y, shown, title, x_ticks=ticks, legend=None))
    return plots


def plot_statistics(answer: Discriminability) -> Plot:
    """Every statistic that tells encoders apart, sensitivity beside predictivity and the random control."""
    names = list(answer.sensitivity.statistics)
    sides = ((-0.26, answer.sensitivity, "warm"), (0, answer.predictivity, "cool"), (0.26, answer.control, "muted"))
    found = [
        bars(np.arange(len(names)) + side, [measure.statistics[one] for one in names], ink, measure.measure, width=0.24)
        for side, measure, ink in sides
    ]
    return Plot("", "value of the statistic (no unit)", tuple(found), x_ticks=names_at(names))


def plot_pairs(answer: Disagreement, table: PairTable) -> list[Plot]:
    """The smallest epsilon of every pair, and the share of images and targets told apart at the highest one."""
    apart = np.argwhere(np.isinf(table.smallest)).tolist()
    beyond = tuple(frame(row, column, "muted", line="--", width=1.2, inset=0.05) for row, column in apart)
    norm, highest, write = table.norm.capitalize(), table.budgets[-1], partial(write_epsilon, norm=table.norm)
    random = float(np.nanmax(np.abs(table.control[:, :, -1])))
    titles = (
        f"{norm} ε at which both move by {answer.wanted_sd:g} SD · {table.roi} · dashed: not within {write(highest)}",
        f"share told apart at {write(highest)} · random control: at most {random:.2g} SD",
    )
    shown = (np.where(np.isfinite(table.smallest), table.smallest, np.nan), table.share[:, :, -1])
    more: tuple[dict[str, Any], ...] = ({"series": beyond, "write": write}, {})
    return [
        matrix(values, answer.labels, answer.labels, (0.0, most), title=title, x="lowered", y="raised", **own)
        for values, most, title, own in zip(shown, (highest, 1.0), titles, more, strict=True)
    ]


def list_sources(case: Case) -> list[int]:
    """The sources as the rows of a matrix: in the order of the clusters, untrained networks last."""
    return [*case.order, *range(len(case.order), len(case.tables[0].sources))]


def plot_transfer(answer: TransferAnswer, case: Case, table: TransferTable, what: str = RATIO) -> Plot:
    """The matrix of T or of shifts, under it the random controls, beside it T to each source's own re-fitted copy."""
    rows, order = list_sources(case), list(case.order)
    values, columns = (table.ratio if what == RATIO else table.raw[0])[np.ix_(rows, order)], _mark(answer, order)
    random = _random_transfer(table) if what == RATIO else table.raw[RANDOM].mean(axis=0)
    values = np.vstack([values, random[order]])
    copies = np.full((len(values), 1), np.nan)
    copies[: len(order), 0] = [table.copies[one].value for one in order]
    if what == RATIO and np.isfinite(copies).any():
        values, columns = np.hstack([values, copies]), [*columns, COPY]
    names = [table.sources[one] for one in rows] if is_ensemble(case, answer) else _mark(answer, rows)
    names = [*names, CONTROL]
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
    random = [float(_random_transfer(case.tables[0]).mean()) for case in answer.cases]
    found.append(Series(places, random, "muted", CONTROL, line=":", width=0.8, size=5))
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
    table, n_encoders, found = answer.cases[0].tables[0], len(answer.labels), []
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
    stored = sweep.store.load(Cell(SCORE, encoder, choice.target, 0, choice.norm, choice.attack, copy))
    names = load_subject(sweep.config.encoders[choice.recipient].subject).voxels.roi_names
    chosen, places = slice(None) if choice.image < 0 else [choice.image], np.arange(len(names))
    shifts, random = (
        stored[name][chosen].mean(axis=0) if name in stored else np.full(len(names), np.nan)
        for name in (f"roi_{choice.recipient}", f"control_roi_{choice.recipient}")
    )
    found = (Series(places, shifts, choice.recipient, bar=0.7), _crosses(places, random, "text"))
    return Plot("", "shift (voxel SD)", found, CROSSES, across=(0,), x_ticks=names_at(names), legend=None)


def plot_rois(rows: Sequence[TargetMeaning], scorers: Sequence[int], names: Sequence[str]) -> Plot:
    """The shift of every ROI by the perturbations of some encoders or targets, each scored by an encoder."""
    ticks, step = names_at(rows[0].roi_names[scorers[0]]), 0.6 / len(rows)
    places = [np.arange(len(ticks)) + (k - (len(rows) - 1) / 2) * step for k in range(len(rows))]
    found = [
        Series(place, row.roi_shift[scorer], k, name, size=5)
        for k, (place, row, scorer, name) in enumerate(zip(places, rows, scorers, names, strict=True))
    ]
    found += [_crosses(place, row.roi_control, k) for k, (place, row) in enumerate(zip(places, rows, strict=True))]
    title = CROSSES if all(np.isfinite(row.roi_control).all() for row in rows) else ""  # older folders have none
    return Plot("", "shift (voxel SD)", tuple(found), title, across=(0,), x_ticks=ticks)


def plot_spectra(rows: Sequence[TargetMeaning]) -> Plot:
    """The share of power at every spatial frequency, beside that of white noise, which a random control is."""
    found = [Series(row.spectrum.cycles[1:], row.spectrum.share[1:], k, line="-") for k, row in enumerate(rows)]
    side = rows[0].montage.shape[1]
    noise = measure_spectrum(np.random.default_rng(0).standard_normal((1, 3, side, side)))
    found.append(_dots(noise.cycles[1:], noise.share[1:], "muted"))
    return Plot("cycles per image", "share of power", tuple(found), DOTTED, x_log=True)


def _dots(x: Values, y: Values, ink: Ink) -> Series:
    return Series(x, y, ink, line=":", width=0.8)


def _crosses(x: Values, y: Values, ink: Ink) -> Series:
    return Series(x, y, ink, size=4, marker="x")


def _random_transfer(table: TransferTable) -> FloatArray:
    """T of random controls into each encoder, (n_encoders,), mean over the sources whose norm they have.

    T divides by the same shift for every source: the recipient's own, read where T is farthest from 0.
    """
    best, columns = np.abs(np.nan_to_num(table.ratio)).argmax(axis=0), np.arange(table.ratio.shape[1])
    ratio, moved = table.ratio[best, columns], table.raw[0][best, columns]
    random = table.raw[RANDOM].mean(axis=0) * ratio
    return np.asarray(np.divide(random, moved, out=np.full_like(random, np.nan), where=moved != 0))


def _name_budget(sweep: Sweep) -> str:
    return f"{sweep.config.norms[0].capitalize()} epsilon"


def _along(sweep: Sweep, y: str, series: Sequence[Series], **more: Any) -> Plot:
    """A plot over the epsilon grid, with ticks at its budgets."""
    ticks = [(epsilon, write_epsilon(epsilon, sweep.config.norms[0])) for epsilon in sweep.config.ladder]
    return Plot(_name_budget(sweep), y, tuple(series), x_ticks=ticks, x_log=True, across=(1,), **more)


def _mark(answer: TransferAnswer, sources: Sequence[int]) -> list[str]:
    """Names of sources, robustified networks marked where their name does not say it."""
    names = {one: answer.cases[0].tables[0].sources[one] for one in sources}
    robust = [one < len(answer.robust) and answer.robust[one] and "robust" not in names[one] for one in sources]
    return [f"{names[one]} (robust)" if marked else names[one] for one, marked in zip(sources, robust, strict=True)]
