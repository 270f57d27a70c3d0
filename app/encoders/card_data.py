"""What the plots of encoder cards show: histograms of scores, voxels against each other, penalties, layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.encoders.card import EncoderCard
from core.encoders.card_table import FORMULAS, share_at_edge
from core.encoders.scores import NO_ROI
from core.reports.plot import Plot, Series, names_at
from core.sweeps.statistics import correlate_pairs
from core.types import FloatArray, IntArray, VoxelTable
from core.words import natural_order

ALL = "All voxels"
N_BINS = 40
ROW_HEIGHT = 0.82
"""Of the distance between two rows of histograms."""
FEW_POINTS = 60
FAINT = ("faint", 0.8, 0.6)
"""Ink, width and alpha of a line that stands behind."""
MOST_POINTS = 20_000
"""Points of a scatter; more are thinned evenly, since they hide each other and slow the window down."""


@dataclass(frozen=True, slots=True)
class ScoreChoice:
    """A score that can be plotted: its name in the card, how it is called, and its formula."""

    name: str
    title: str
    formula: str


SCORES = (
    ScoreChoice("r", "r, held out", FORMULAS["r"]),
    ScoreChoice("r2", "r², held out", FORMULAS["r2"]),
    ScoreChoice("r2_ceiling", "r² / noise ceiling", FORMULAS["r2_ceiling"]),
    ScoreChoice("cv_r", "r, cross-validated", "Pearson r of the left-out folds, over the training images"),
    ScoreChoice("nested_r", "r, nested", "Pearson r of the outer folds of a nested cross-validation"),
)


def offered_scores(card: EncoderCard) -> tuple[ScoreChoice, ...]:
    """The scores this card has."""
    known = {one.name: np.asarray(getattr(card, one.name), dtype=np.float32) for one in SCORES}  # NaN for None
    return tuple(choice for choice in SCORES if np.isfinite(known[choice.name]).any())


def roi_groups(voxels: VoxelTable) -> dict[str, IntArray]:
    """The voxels of every ROI, in the table's order; those of none last."""
    names = np.asarray([name or NO_ROI for name in voxels.roi])
    order = [*voxels.roi_names, *([NO_ROI] if NO_ROI in names else [])]
    return {name: np.flatnonzero(names == name) for name in order}


def choose_voxels(voxels: VoxelTable, roi: str) -> IntArray:
    """The voxels of an ROI, or all of them."""
    return np.arange(voxels.n_voxels) if roi == ALL else roi_groups(voxels)[roi]


def plot_scores(card: EncoderCard, voxels: VoxelTable, score: ScoreChoice | None, roi: str) -> Plot:
    """A score's histograms, one ROI under the other, over common bins, with medians and intervals.

    The highest bin of each has the same height; ROIs without a known value are left out.
    """
    values = np.full(voxels.n_voxels, np.nan) if score is None else getattr(card, score.name)
    groups = {name: values[chosen][np.isfinite(values[chosen])] for name, chosen in roi_groups(voxels).items()}
    groups = {name: inside for name, inside in groups.items() if inside.size}
    if score is None or not groups:
        return Plot("", "", title="Scores by ROI", empty="No scores")
    low, high = (float(edge) for edge in np.quantile(values[np.isfinite(values)], (0.001, 0.999)))
    edges = np.linspace(min(low, 0.0), max(high, low + 1e-3), N_BINS + 1)
    intervals = {one.roi: one for one in card.roi_intervals} if score.name == "r" else {}
    shapes, ticks = [], []
    for foot, (name, inside) in zip(range(len(groups) - 1, -1, -1), groups.items(), strict=True):
        counts = np.histogram(np.clip(inside, edges[0], edges[-1]), edges)[0] / 1.0
        x, y = np.repeat(edges, 2)[1:-1], foot + ROW_HEIGHT * np.repeat(counts / counts.max(), 2)
        ink, alpha = ("accent", 1.0) if roi in (ALL, name) else ("faint", 0.6)
        shapes.append(Series(x, y, ink, name, line="-", width=1, foot=foot, alpha=alpha))
        ticks.append((foot + 0.25, name))
    feet = np.arange(len(groups) - 1, -1, -1.0)
    middles = [float(np.median(inside)) for inside in groups.values()]
    marks = [Series(middles, feet, "text", "medians", low=feet, high=feet + ROW_HEIGHT)]
    known = [(foot - 0.03, intervals[name]) for foot, name in zip(feet, groups, strict=True) if name in intervals]
    if known:
        places, left, right = np.transpose([(place, one.r_low, one.r_high) for place, one in known])
        marks.append(Series(left, places, "warm", "intervals", left=left, right=right, width=3))
    title = f"{score.title}, by ROI"
    title += f" · bars: {card.confidence:.0%} interval of the median" if intervals else ""
    ends: dict[str, Any] = {"x_range": (float(edges[0]), float(edges[-1])), "y_range": (-0.1, float(len(groups)))}
    return Plot("", "", (*shapes, *marks), title, score.formula, y_ticks=ticks, legend=None, **ends)


def plot_voxels(x: FloatArray, y: FloatArray, chosen: IntArray, titles: tuple[str, str], **more: Any) -> Plot:
    """Two numbers of every voxel against each other with the line of equality, those of `chosen` in front.

    A point means its voxel.
    """
    finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if not len(finite):
        return Plot(*titles, legend=None, **more)
    shown = finite[thin(len(finite))]
    front = np.isin(shown, chosen)
    size, series = 5.6 if len(finite) <= FEW_POINTS else 3.1, []
    for name, ink, alpha, own in (("back", "faint", 0.25, shown[~front]), ("front", "accent", 0.5, shown[front])):
        series.append(Series(x[own], y[own], ink, name, size=size, alpha=alpha, keys=own.tolist()))
    both = np.concatenate([x[shown], y[shown]]).astype(float)
    ends = [min(0.0, float(both.min())), max(float(both.max()), 0.1)]
    return Plot(*titles, (*series, Series(ends, ends, "muted", "identity", line="--", width=1)), legend=None, **more)


def plot_alphas(card: EncoderCard, chosen: IntArray) -> Plot:
    """How often each penalty was chosen; those at the edge of the grid stand out. Empty where they are not known."""
    title, alphas = "Chosen alphas", card.alpha[chosen]
    alphas = alphas[np.isfinite(alphas) & (alphas > 0)]
    if not alphas.size:
        return Plot("alpha", "% of voxels", title=title, tip=FORMULAS["alpha"], empty="Unknown: fitted elsewhere")
    values, counts = np.unique(alphas, return_counts=True)
    share, places, is_edge = share_at_edge(card), np.log10(values), np.zeros(len(values), dtype=bool)
    low, high, step = float(places[0]), float(places[-1]), 0.5
    if len(values) > N_BINS:  # penalties of each voxel's own scale
        counts, edges = np.histogram(np.log10(alphas), N_BINS)
        places, is_edge, step = (edges[:-1] + edges[1:]) / 2, np.zeros(N_BINS, dtype=bool), float(edges[1] - edges[0])
    elif np.isfinite(share):
        grid = np.asarray(card.config.alphas, dtype=np.float32)
        is_edge = np.isin(values, (grid[0], grid[-1]))
        low, high = np.log10([grid[0], grid[-1]]).tolist()
        step = (high - low) / max(len(grid) - 1, 1)
    percent = 100 * counts / alphas.size
    looks = (("accent", ~is_edge), ("warning", is_edge))
    series = [
        Series(places[own], percent[own], ink, ink, bar=0.8 * step, alpha=0.75) for ink, own in looks if own.any()
    ]
    powers = range(int(np.ceil(low - 0.4)), int(np.floor(high + 0.4)) + 1)
    ticks = [(float(power), _power(power)) for power in powers if power % (1 + len(powers) // 9) == 0]
    title += f" · {share:.1%} at the edge of the grid" if np.isfinite(share) else ""
    more: dict[str, Any] = {"x_ticks": ticks, "x_range": (low - 0.4, high + 0.4), "y_range": (0.0, None)}
    return Plot("alpha", "% of voxels", tuple(series), title, FORMULAS["alpha"], legend=None, **more)


def plot_layers(
    card: EncoderCard, others: Sequence[EncoderCard], voxels: VoxelTable, order: Sequence[str], *, roi: str
) -> Plot:
    """Median r over the layers of one network, a line an ROI; `order` names its layers, unnamed ones come last.

    Dashed: the cross-validated r of a search over layers, where a card holds one.
    """
    own = card.config.layer
    cards = {one.config.layer: one for one in (*others, card) if one.n_voxels == voxels.n_voxels}
    cards[own] = card
    searched = next((one.layer_curve for one in cards.values() if one.layer_curve), ())
    names = dict.fromkeys([*cards, *(point.layer for point in searched)])
    place = {name: number for number, name in enumerate(order)}
    layers = sorted(names, key=lambda name: (place.get(name, len(place)), natural_order(name)))
    series = []
    for name, chosen in ({ALL: np.arange(voxels.n_voxels)} | roi_groups(voxels)).items():
        medians = [_median(cards[layer].r[chosen]) if layer in cards else np.nan for layer in layers]
        ink, width, alpha = ("accent", 1.9, 1.0) if name == roi else ("text", 1.4, 1.0) if name == ALL else FAINT
        series.append(
            Series(range(len(layers)), medians, ink, name, line="-", width=width, size=2 * width, alpha=alpha)
        )
    series.sort(key=lambda one: one.width)
    tried = {point.layer: point.cv_r_median for point in searched if (point.roi or ALL) == roi}
    if tried:
        found = [tried.get(layer, np.nan) for layer in layers]
        series.append(Series(range(len(layers)), found, "cool", "tried", line="--", width=1.3))
    ticks = names_at(_shorten(f"{name} ◂" if name == own else name) for name in layers)
    more: dict[str, Any] = {"x_ticks": ticks, "x_range": (-0.4, len(layers) - 0.6), "across": (0,), "legend": None}
    return Plot("", "median r", tuple(series), "Median r by layer", "Median over voxels of the held-out r", **more)


def thin(n_points: int) -> IntArray:
    """The points a scatter of so many shows: all, or `MOST_POINTS` evenly spread."""
    if n_points <= MOST_POINTS:
        return np.arange(n_points)
    return np.arange(MOST_POINTS) * n_points // MOST_POINTS


def describe_difference(first: FloatArray, second: FloatArray) -> str:
    """How two scores of the same voxels compare, in one line."""
    both = np.isfinite(first) & np.isfinite(second)
    if not both.any():
        return "No voxel has both scores."
    difference = second[both].astype(float) - first[both]
    better, correlation = float((difference > 0).mean()), correlate_pairs(first[both], second[both])
    return (
        f"Median difference {np.median(difference):+.3f}; higher in {better:.0%} of {both.sum():,} voxels; "
        f"the two scores correlate at {correlation:.2f}."
    ).replace("-", "\N{MINUS SIGN}")


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


def _power(exponent: int) -> str:
    digits = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    return f"10{str(exponent).translate(digits)}" if exponent not in (0, 1) else ("1", "10")[exponent]


def _shorten(name: str, most: int = 22) -> str:
    return name if len(name) <= most else f"…{name[-most + 1 :]}"
