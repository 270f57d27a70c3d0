"""The figures of an analysis, drawn with matplotlib without a screen. Never computes, never keeps pyplot's state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.datasets.image_store import find_stimulus
from core.datasets.subject import Subject, load_subject
from core.networks.catalog import find_network
from core.sweeps.answer import Answer
from core.sweeps.discriminability import Discriminability
from core.sweeps.fragility import Fragility
from core.sweeps.gather import Sweep
from core.sweeps.meaning import Meaning, TargetMeaning
from core.sweeps.statistics import Interval
from core.sweeps.transfer import Transfer
from core.sweeps.variants import VARIANTS
from core.types import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#2a6fbb", "#d1642e", "#2cd4b1", "#7e0360", "#e8ab3e", "#605215", "#c68bff", "#719683", "#3f309e", "#8f5c7c")
"""Told apart with the common colour blindnesses, in this order; beyond ten, markers change."""
MARKERS = "osD^vP"
WIDTH = 3.6
"""Inches of one panel."""
MOST_TARGETS = 6
"""Targets shown in the figures of meaning; the tables hold all."""


def draw_figures(answer: Answer, sweep: Sweep) -> dict[str, Figure]:
    """Every figure of an answer, by name, each saying whose responses it shows."""
    figures = _draw(answer, sweep)
    whose = "; ".join(_name_subject(load_subject(one)) for one in sweep.config.subjects)
    for figure in figures.values():
        figure.supxlabel(whose, fontsize=7, color="#666666", x=0.01, ha="left")
    return figures


def _name_subject(subject: Subject) -> str:
    return subject.title if subject.kind in subject.title.lower() else f"{subject.title} ({subject.kind})"


def _draw(answer: Answer, sweep: Sweep) -> dict[str, Figure]:
    if isinstance(answer, Fragility):
        return {"fragility": draw_fragility(answer, sweep), "parts": draw_parts(answer, sweep)}
    if isinstance(answer, Discriminability):
        return {"discriminability": draw_discriminability(answer)}
    if isinstance(answer, Transfer):
        return {"transfer": draw_transfer(answer), "controls": draw_controls(answer)}
    return {"meaning": draw_meaning(answer), "montage": draw_montage(answer, sweep)}


def make_figure(n_rows: int, n_columns: int, *, width: float = WIDTH, height: float = 3.2) -> tuple[Figure, Any]:
    """A figure with its own canvas and a grid of axes, (n_rows, n_columns)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * n_columns, height * n_rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    for one in axes.ravel():
        one.spines[["top", "right"]].set_visible(False)
        one.tick_params(labelsize=8)
    return figure, axes


def colour_of(index: int) -> str:
    """The colour of the encoder number `index`."""
    return COLOURS[index % len(COLOURS)]


def marker_of(index: int) -> str:
    """Its marker: no two encoders share colour and marker before the 31st."""
    return MARKERS[index % len(MARKERS)]


def draw_fragility(answer: Fragility, sweep: Sweep) -> Figure:
    """Sensitivity along the ladder, and against predictivity, with intervals."""
    figure, axes = make_figure(1, 2, width=4.2)
    curve, scatter = axes[0]
    ladder = np.asarray(sweep.config.ladder)
    for index, row in enumerate(answer.overall):
        means = [one.value for one in row.sensitivity]
        curve.plot(ladder, means, color=colour_of(index), marker=marker_of(index), ms=4, label=row.label)
        curve.fill_between(
            ladder,
            [one.low for one in row.sensitivity],
            [one.high for one in row.sensitivity],
            color=colour_of(index),
            alpha=0.15,
            lw=0,
        )
        curve.plot(ladder, [one.value for one in row.control], color=colour_of(index), lw=0.8, ls=":")
        _point(scatter, row.r, row.sensitivity[-1], index, row.label)
    curve.axhline(1, color="#999999", lw=0.8, ls="--")
    curve.set(
        xscale="log", yscale="log", xlabel=f"{sweep.config.norms[0].capitalize()} epsilon", ylabel="sensitivity (SD)"
    )
    _mark_budgets(curve, sweep)
    curve.set_title("dotted: random control of equal norm", fontsize=8)
    scatter.set(xlabel="held-out r", ylabel=f"sensitivity at epsilon {ladder[-1]:g} (SD)", ylim=(0, None))
    curve.legend(fontsize=7, frameon=False)
    return figure


def draw_parts(answer: Fragility, sweep: Sweep) -> Figure:
    """Feature against voxel fragility, and linearity along the ladder."""
    figure, axes = make_figure(1, 2, width=4.2)
    parts, linear = axes[0]
    for index, part in enumerate(answer.parts):
        parts.scatter(
            part.feature_change,
            part.alignment * part.weight_size_sd,
            color=colour_of(index),
            marker=marker_of(index),
            label=part.label,
        )
        linear.plot(
            sweep.config.ladder, part.linearity, color=colour_of(index), marker=marker_of(index), ms=4, label=part.label
        )
    parts.set(
        xlabel="||Δφ|| / ||φ||  (features)", ylabel="||w|| |cos(w, Δφ)| / σ  (readout)", xlim=(0, None), ylim=(0, None)
    )
    parts.legend(fontsize=7, frameon=False)
    linear.axhline(1, color="#999999", lw=0.8, ls="--")
    linear.set(
        xscale="log", xlabel=f"{sweep.config.norms[0].capitalize()} epsilon", ylabel="attack shift / first-order shift"
    )
    _mark_budgets(linear, sweep)
    return figure


def draw_discriminability(answer: Discriminability) -> Figure:
    """Encoder means by both measures, and every statistic side by side."""
    figure, axes = make_figure(1, 3, width=3.8, height=3.8)
    both = (answer.sensitivity, answer.predictivity)
    for one, measure in zip(axes[0][:2], both, strict=True):
        for index, interval in enumerate(measure.means):
            _bar(one, index, interval, colour_of(index))
        one.set_xticks(range(len(answer.labels)), answer.labels, rotation=35, ha="right", fontsize=7)
        one.set(ylabel=f"{measure.measure} ({measure.unit})")
    names = list(answer.sensitivity.statistics)
    for shift, measure, colour in ((-0.18, both[0], COLOURS[1]), (0.18, both[1], COLOURS[0])):
        for place, name in enumerate(names):
            _bar(axes[0][2], place + shift, measure.statistics[name], colour, width=0.34)
        axes[0][2].bar(0, 0, color=colour, label=measure.measure)
    axes[0][2].set_xticks(range(len(names)), names, rotation=35, ha="right", fontsize=7)
    axes[0][2].legend(fontsize=7, frameon=False)
    axes[0][2].set(ylabel="unit 1")
    return figure


def draw_transfer(answer: Transfer) -> Figure:
    """The matrix over all targets, the tree of encoders, the alignment of subspaces."""
    from scipy.cluster.hierarchy import dendrogram

    figure, axes = make_figure(1, 3, width=4.6, height=3.8)
    order, labels = list(answer.order), answer.labels
    names = [labels[index] for index in order]
    matrix = answer.tables[0].ratio[np.ix_(order, order)]
    _heat(axes[0][0], matrix, names, low=-1, high=1, colours="RdBu_r")
    axes[0][0].set(xlabel="recipient", ylabel="source")
    axes[0][0].set_title("T(A→B); diagonal: own weights", fontsize=8)
    dendrogram(
        answer.tree,
        labels=list(labels),
        ax=axes[0][1],
        orientation="right",
        color_threshold=0,
        above_threshold_color="#444444",
    )
    axes[0][1].set(xlabel="1 − mean T")
    axes[0][1].tick_params(labelsize=7)
    aligned = answer.alignment
    _heat(axes[0][2], aligned.matrix[np.ix_(order, order)], names, low=0, high=1, colours="viridis")
    axes[0][2].set_title(f"subspace alignment, k = {aligned.n_axes}, chance {aligned.chance:.1e}", fontsize=8)
    return figure


def draw_controls(answer: Transfer) -> Figure:
    """What the perturbation and every control do to the other encoders, mean over recipients."""
    figure, axes = make_figure(1, 1, width=5.5)
    axis = axes[0][0]
    raw = answer.tables[0].raw
    n_encoders = len(answer.labels)
    others = ~np.eye(n_encoders, dtype=bool)
    step = 0.8 / n_encoders
    for source, label in enumerate(answer.labels):
        heights = [float(raw[variant, source][others[source]].mean()) for variant in range(len(VARIANTS))]
        places = np.arange(len(VARIANTS)) + (source - (n_encoders - 1) / 2) * step
        axis.bar(places, heights, width=step * 0.9, color=colour_of(source), label=f"made on {label}")
    axis.axhline(0, color="#444444", lw=0.8)
    axis.set_xticks(range(len(VARIANTS)), VARIANTS, rotation=20, ha="right", fontsize=8)
    axis.set(ylabel="shift of the other encoders (SD)")
    axis.legend(fontsize=7, frameon=False)
    return figure


def draw_meaning(answer: Meaning) -> Figure:
    """For each encoder the energy maps of some targets, the ROI shifts, the spectrum."""
    n_targets = len(answer.rows) // len(answer.labels)
    shown = min(n_targets, MOST_TARGETS)
    figure, axes = make_figure(len(answer.labels), shown + 2, width=2.4, height=2.4)
    for encoder, label in enumerate(answer.labels):
        rows = answer.rows[encoder * n_targets : (encoder + 1) * n_targets]
        for column, row in enumerate(rows[:shown]):
            _energy(axes[encoder][column], row)
            spectrum = row.spectrum
            axes[encoder][shown + 1].plot(
                spectrum.cycles[1:], spectrum.share[1:], color=colour_of(column), lw=1, label=row.target
            )
        _roi_shifts(axes[encoder][shown], rows[:shown], encoder)
        axes[encoder][shown + 1].set(xscale="log", xlabel="cycles per image", ylabel="share of power")
        axes[encoder][0].set_ylabel(label, fontsize=8)
    axes[0][shown].legend(fontsize=6, frameon=False)
    return figure


def draw_montage(answer: Meaning, sweep: Sweep) -> Figure:
    """The first target's probes of the first image, and under them the change: encoders down, budgets across."""
    n_targets = len(answer.rows) // len(answer.labels)
    firsts = answer.rows[::n_targets]
    ladder = sweep.config.ladder
    figure, axes = make_figure(2 * len(firsts), len(ladder), width=1.7, height=1.8)
    for line, row in enumerate(firsts):
        clean = _clean_levels(sweep, line)
        for column, epsilon in enumerate(ladder):
            above, below = axes[2 * line][column], axes[2 * line + 1][column]
            change = row.montage[column].astype(np.float64) - clean
            factor = 127 / max(float(np.abs(change).max()), 1.0)
            above.imshow(row.montage[column])
            below.imshow(np.clip(127.5 + factor * change, 0, 255).astype(np.uint8))
            below.set_title(f"change x {factor:.0f}", fontsize=7)
            _bare(above)
            _bare(below)
            if line == 0:
                above.set_title(f"epsilon {epsilon:.3g}", fontsize=8)
        axes[2 * line][0].set_ylabel(row.encoder.replace(" ", "\n"), fontsize=7)
    figure.suptitle(f"{sweep.config.directions[0]} {firsts[0].target} · {sweep.config.images[0]}", fontsize=9)
    return figure


def _clean_levels(sweep: Sweep, encoder: int) -> FloatArray:
    side = find_network(sweep.config.encoders[encoder].network).input_size
    return np.asarray(find_stimulus(sweep.config.images[0], size=side).levels, dtype=np.float64)


def _point(axis: Axes, x: Interval, y: Interval, index: int, label: str) -> None:
    if not np.isfinite(x.value):
        return
    error = [[abs(x.value - x.low)], [abs(x.high - x.value)]], [[abs(y.value - y.low)], [abs(y.high - y.value)]]
    axis.errorbar(
        x.value,
        y.value,
        xerr=error[0],
        yerr=error[1],
        color=colour_of(index),
        marker=marker_of(index),
        ms=6,
        lw=1,
        label=label,
    )


def _mark_budgets(axis: Axes, sweep: Sweep) -> None:
    """Ticks at the ladder's own budgets."""
    axis.set_xticks(sweep.config.ladder, [f"{epsilon:.3g}" for epsilon in sweep.config.ladder])
    axis.minorticks_off()


def _bar(axis: Axes, place: float, interval: Interval, colour: str, width: float = 0.7) -> None:
    axis.bar(place, interval.value, width=width, color=colour, alpha=0.85)
    if np.isfinite(interval.low):
        axis.plot([place, place], [interval.low, interval.high], color="#222222", lw=1)


def _heat(axis: Axes, matrix: FloatArray, names: Sequence[str], *, low: float, high: float, colours: str) -> None:
    axis.imshow(matrix, vmin=low, vmax=high, cmap=colours)
    for row, column in np.ndindex(*matrix.shape):
        strong = abs(matrix[row, column] - low) / (high - low)
        ink = "white" if (strong > 0.8 or strong < 0.2) == (colours != "viridis") else "black"
        if colours == "viridis":
            ink = "black" if strong > 0.6 else "white"
        axis.text(column, row, f"{matrix[row, column]:.2f}", ha="center", va="center", fontsize=7, color=ink)
    axis.set_xticks(range(len(names)), names, rotation=35, ha="right", fontsize=7)
    axis.set_yticks(range(len(names)), names, fontsize=7)
    axis.spines[:].set_visible(False)


def _energy(axis: Axes, row: TargetMeaning) -> None:
    energy = row.place.energy
    axis.imshow(np.sqrt(energy), cmap="magma", extent=(-0.5, 0.5, -0.5, 0.5))
    axis.plot(row.place.x, row.place.y, "+", color="white", ms=8)
    _bare(axis)
    axis.set_title(f"{row.target}\n{row.spectrum.median:g} cycles", fontsize=7)


def _roi_shifts(axis: Axes, rows: Sequence[TargetMeaning], encoder: int) -> None:
    names = rows[0].roi_names[encoder]
    for index, row in enumerate(rows):
        axis.plot(
            range(len(names)),
            row.roi_shift[encoder],
            marker="o",
            ms=3,
            lw=0.8,
            color=colour_of(index),
            label=row.target,
        )
    axis.axhline(0, color="#999999", lw=0.8)
    axis.set_xticks(range(len(names)), names, rotation=90, fontsize=6)
    axis.set_ylabel("shift (SD)", fontsize=8)


def _bare(axis: Axes) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
