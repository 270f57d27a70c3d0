"""Turns encoder cards into what their plots draw: histograms, bars of penalties, lines over layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.encoders.card import EncoderCard
from core.encoders.card_table import FORMULAS, share_at_edge
from core.encoders.scores import NO_ROI
from core.types import FloatArray, IntArray, VoxelTable

ALL = "All voxels"
N_BINS = 40
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


@dataclass(frozen=True, slots=True, eq=False)
class RidgeRow:
    """The histogram of one ROI: edges (n + 1,), heights (n,) with the largest 1, and the median."""

    roi: str
    n_voxels: int
    edges: FloatArray
    heights: FloatArray
    median: float


@dataclass(frozen=True, slots=True, eq=False)
class AlphaBars:
    """The penalties chosen: log10 of each (n,), its share of voxels (n,), the share at the grid's edge; log10 of the
    grid's ends and of its step."""

    exponent: FloatArray
    share: FloatArray
    is_edge: tuple[bool, ...]
    edge_share: float
    span: tuple[float, float]
    step: float


@dataclass(frozen=True, slots=True, eq=False)
class LayerLines:
    """Median r over layers, by ROI (n_layers,); NaN where a layer has no card."""

    layers: tuple[str, ...]
    medians: dict[str, FloatArray]
    tried: dict[str, FloatArray]
    """Cross-validated r of a search over layers, where the card holds one."""


def offered_scores(card: EncoderCard) -> tuple[ScoreChoice, ...]:
    """The scores this card has."""
    return tuple(choice for choice in SCORES if _known(getattr(card, choice.name)))


def roi_groups(voxels: VoxelTable) -> dict[str, IntArray]:
    """The voxels of every ROI, in the table's order; those of none last."""
    names = np.asarray([name or NO_ROI for name in voxels.roi])
    order = [*voxels.roi_names, *([NO_ROI] if NO_ROI in names else [])]
    return {name: np.flatnonzero(names == name) for name in order}


def ridge_rows(values: FloatArray, voxels: VoxelTable) -> tuple[RidgeRow, ...]:
    """One histogram a ROI over common bins; ROIs without a finite value are left out."""
    known = values[np.isfinite(values)]
    if not known.size:
        return ()
    low, high = (float(edge) for edge in np.quantile(known, (0.001, 0.999)))
    edges = np.linspace(min(low, 0.0), max(high, low + 1e-3), N_BINS + 1)
    rows = []
    for roi, chosen in roi_groups(voxels).items():
        inside = values[chosen][np.isfinite(values[chosen])]
        if inside.size:
            counts = np.histogram(np.clip(inside, edges[0], edges[-1]), edges)[0].astype(float)
            rows.append(RidgeRow(roi, len(chosen), edges, counts / counts.max(), float(np.median(inside))))
    return tuple(rows)


def alpha_bars(card: EncoderCard, chosen: IntArray) -> AlphaBars | None:
    """The penalties of some voxels; None where they are not known."""
    alphas = card.alpha[chosen]
    alphas = alphas[np.isfinite(alphas) & (alphas > 0)]
    if not alphas.size:
        return None
    values, counts = np.unique(alphas, return_counts=True)
    share = share_at_edge(card)
    if len(values) > N_BINS:  # penalties of each voxel's own scale
        counts, edges = np.histogram(np.log10(alphas), N_BINS)
        span = (float(edges[0]), float(edges[-1]))
        return AlphaBars(
            (edges[:-1] + edges[1:]) / 2,
            counts / alphas.size,
            (False,) * N_BINS,
            share,
            span,
            float(edges[1] - edges[0]),
        )
    grid = np.asarray(card.config.alphas, dtype=np.float32)
    has_grid = bool(np.isfinite(share))
    ends = {float(grid[0]), float(grid[-1])} if has_grid else set()
    edge = tuple(float(value) in ends for value in values)
    low, high = np.log10([grid[0], grid[-1]] if has_grid else [values[0], values[-1]]).tolist()
    return AlphaBars(
        np.log10(values),
        counts / alphas.size,
        edge,
        share,
        (low, high),
        (high - low) / max(len(grid) - 1, 1) if has_grid else 0.5,
    )


def layer_lines(cards: Sequence[EncoderCard], voxels: VoxelTable, order: Sequence[str]) -> LayerLines:
    """Median r of every ROI, and of all voxels, over the layers of some cards, in a given order; unnamed ones last."""
    fitting = {card.config.layer: card for card in cards if card.n_voxels == voxels.n_voxels}
    searched = next((card.layer_curve for card in fitting.values() if card.layer_curve), ())
    names = dict.fromkeys([*fitting, *(point.layer for point in searched)])
    layers = tuple(sorted(names, key=lambda name: (list(order).index(name) if name in order else len(order), name)))
    groups = {ALL: np.arange(voxels.n_voxels)} | roi_groups(voxels)
    medians = {
        roi: np.array([_median(fitting[layer].r[chosen]) if layer in fitting else np.nan for layer in layers])
        for roi, chosen in groups.items()
    }
    tried: dict[str, FloatArray] = {}
    for point in searched:
        tried.setdefault(point.roi or ALL, np.full(len(layers), np.nan))[layers.index(point.layer)] = point.cv_r_median
    return LayerLines(layers, medians, tried)


def thin(n_points: int) -> IntArray:
    """The points a scatter of so many shows: all, or `MOST_POINTS` evenly spread."""
    if n_points <= MOST_POINTS:
        return np.arange(n_points)
    return np.arange(MOST_POINTS) * n_points // MOST_POINTS


def nearest(x: FloatArray, y: FloatArray, *, at: tuple[float, float], reach: tuple[float, float]) -> int | None:
    """The point nearest to a place, measured in units of `reach` along each axis; None beyond 1."""
    distance = ((x - at[0]) / reach[0]) ** 2 + ((y - at[1]) / reach[1]) ** 2
    if not np.isfinite(distance).any():
        return None
    found = int(np.nanargmin(distance))
    return found if distance[found] <= 1 else None


def describe_difference(first: FloatArray, second: FloatArray) -> str:
    """How two scores of the same voxels compare, in one line."""
    both = np.isfinite(first) & np.isfinite(second)
    if not both.any():
        return "No voxel has both scores."
    difference = second[both].astype(float) - first[both]
    better, correlation = float((difference > 0).mean()), _correlation(first[both], second[both])
    return (
        f"Median difference {np.median(difference):+.3f}; higher in {better:.0%} of {both.sum():,} voxels; "
        f"the two scores correlate at {correlation:.2f}."
    ).replace("-", "\N{MINUS SIGN}")


def _correlation(first: FloatArray, second: FloatArray) -> float:
    if len(first) < 2 or first.std() == 0 or second.std() == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


def _known(values: FloatArray | None) -> bool:
    return values is not None and bool(np.isfinite(values).any())
