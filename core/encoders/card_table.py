"""An encoder card as a table and as text: what is copied, saved as CSV and printed."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass

import numpy as np

from core.encoders.card import EncoderCard
from core.encoders.scores import summarise_by_roi
from core.types import FloatArray, VoxelTable

ROI_COLUMNS = ("roi", "n_voxels", "r_median", "r_q25", "r_q75", "r2_ceiling_median", "noise_ceiling_median")
VOXEL_COLUMNS = ("alpha", "cv_r", "r", "r2", "r2_ceiling", "noise_ceiling", "reference_sd")
OPTIONAL_COLUMNS = ("r_low", "r_high", "nested_r", "sparsity")
FORMULAS = {
    "r": "Pearson r between predicted and measured responses over the held-out images",
    "r2": "r², and 0 where r is negative",
    "noise_ceiling": "NC = ncsnr² / (ncsnr² + 1/k): the part of the variance of responses averaged over k repeats that "
    "could be explained at all; compare with r², never with r",
    "r2_ceiling": "r² / NC: the part of the explainable variance that is explained",
    "alpha": "the ridge penalty chosen for each voxel by cross-validation over the training images",
    "reference_sd": "SD of the predicted response over the reference images: the unit of every shift",
}


@dataclass(frozen=True, slots=True)
class CardRow:
    """One line of the summary: what, and its value."""

    name: str
    value: str


def summarise_card(card: EncoderCard, *, subject_title: str, subject_kind: str) -> tuple[CardRow, ...]:
    """What an encoder is, line by line."""
    config, provenance = card.config, card.provenance
    grid = f"averaged to {config.pool} × {config.pool}" if config.pool else "every position"
    if provenance is None:
        images = f"{card.n_train:,} fitted, {card.n_test:,} {card.scored_on}"
        reference = f"the {card.n_train:,} training images"
    else:
        images = (
            f"fitted elsewhere; {card.n_test:,} scored here" if card.n_test else "fitted elsewhere, not scored here"
        )
        reference = provenance.reference
    rows = [
        CardRow("Subject", subject_title if subject_kind in subject_title else f"{subject_title} ({subject_kind})"),
        CardRow("Network", config.network),
        CardRow("Layer", config.layer),
        CardRow("Pooling", grid),
        CardRow("Reducer", describe_reducer(card)),
        CardRow("Readout", describe_readout(card)),
        CardRow("Voxels", f"{card.n_voxels:,}"),
        CardRow("Images", images),
        CardRow("Unit", card.response_unit),
        CardRow("SDs over", reference),
        CardRow("Encoder SHA-256", card.sha256[:16]),
        CardRow("Network SHA-256", card.network_sha256[:16]),
    ]
    if card.sparsity is not None:
        rows.append(CardRow("Sparsity", f"{float(np.median(card.sparsity)):.0%} of a voxel's weights are 0 (median)"))
    if card.n_bootstrap:
        rows.append(CardRow("Intervals", f"{card.confidence:.0%}, {card.n_bootstrap:,} resamples of the images"))
    if provenance is not None:
        rows += [
            CardRow("Imported from", provenance.source or "not stated"),
            CardRow("Licence", provenance.licence or "not stated"),
            CardRow("Files", ", ".join(f"{name} ({digest[:12]})" for name, digest in provenance.files)),
            CardRow("Note", provenance.note),
        ]
    return tuple(row for row in rows if row.value)


def describe_reducer(card: EncoderCard) -> str:
    """The reducer in words."""
    config = card.config
    parts = [f"{config.n_projected:,} sparse random projections"] if config.n_projected else []
    if config.reducer == "pca":
        parts.append(f"up to {config.n_components} principal components" if config.n_components else "all components")
    return ", ".join(parts) or "none"


def describe_readout(card: EncoderCard) -> str:
    """The readout in words."""
    config = card.config
    if card.provenance is not None:
        return f"linear, imported ({card.provenance.kind})"
    folds = f"alpha of {len(config.alphas)} by {config.n_folds} folds" if len(config.alphas) > 1 else "fixed alpha"
    return f"{config.readout}, {folds}"


def share_at_edge(card: EncoderCard) -> float:
    """The part of the voxels whose alpha is the smallest or largest tried; NaN where the grid is not known."""
    if card.provenance is not None or len(card.config.alphas) < 2 or not np.isfinite(card.alpha).any():
        return math.nan
    if card.config.is_sparse:
        return math.nan  # these alphas are parts of a penalty that differs from voxel to voxel
    edges = np.array([card.config.alphas[0], card.config.alphas[-1]], dtype=np.float32)
    return float(np.isin(card.alpha, edges).mean())


def roi_table(card: EncoderCard, voxels: VoxelTable) -> str:
    """The scores of every ROI as CSV text."""
    intervals = {interval.roi: interval for interval in card.roi_intervals}
    columns = [*ROI_COLUMNS, *(["r_low", "r_high"] if intervals else [])]
    rows = []
    for score in summarise_by_roi(card, voxels):
        row = [getattr(score, name) for name in ROI_COLUMNS]
        if intervals:
            found = intervals.get(score.roi)
            row += [found.r_low, found.r_high] if found is not None else [math.nan, math.nan]
        rows.append(row)
    return _write(columns, rows)


def voxel_table(card: EncoderCard, voxels: VoxelTable) -> str:
    """The scores of every voxel as CSV text."""
    extra = [name for name in OPTIONAL_COLUMNS if getattr(card, name) is not None]
    names = [*VOXEL_COLUMNS, *extra]
    values: list[FloatArray] = [getattr(card, name) for name in names]
    sides = voxels.sides
    rows = [
        [voxel, voxels.roi[voxel], sides[voxel], int(voxels.vertex[voxel]), *(float(part[voxel]) for part in values)]
        for voxel in range(card.n_voxels)
    ]
    return _write(["voxel", "roi", "hemisphere", "vertex", *names], rows)


def _write(columns: list[str], rows: list[list[object]]) -> str:
    """CSV with empty cells for what is not known."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if not math.isfinite(value) else f"{value:.6g}"
    return value
