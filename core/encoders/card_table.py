"""An encoder card as a table and as text: what is copied, saved as CSV and printed."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from core.encoders.card import WHOLE, EncoderCard
from core.encoders.scores import summarise_by_roi
from core.types import VoxelTable
from core.words import protect_cell

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


def summarise_card(card: EncoderCard, *, subject_title: str, subject_kind: str) -> dict[str, str]:
    """What an encoder is: a name and a value for each line."""
    config, provenance = card.config, card.provenance
    images = f"{card.n_train:,} fitted, {card.n_test:,} {card.scored_on}"
    if provenance is not None:
        scored = f"; {card.n_test:,} scored here" if card.n_test else ", not scored here"
        images = f"fitted elsewhere{scored}"
    reducers = [f"{config.n_projected:,} sparse random projections"] if config.n_projected else []
    if config.reducer == "pca":
        kept = f"up to {config.n_components} principal components" if config.n_components else "all components"
        reducers.append(kept)
    if config.balanced:
        reducers.insert(0, "layers scaled to equal variance")
    folds = f"alpha of {len(config.alphas)} by {config.n_folds} folds" if len(config.alphas) > 1 else "fixed alpha"
    readout = f"{config.readout}, {folds}"
    if provenance is not None:
        readout = "none: a whole encoder" if provenance.kind == WHOLE else f"linear, imported ({provenance.kind})"
    facts = {
        "Subject": subject_title if subject_kind in subject_title.lower() else f"{subject_title} ({subject_kind})",
        "Network": config.network,
        "Layer": config.layer,
        "Pooling": f"averaged to {config.pool} × {config.pool}" if config.pool else "every position",
        "Reducer": ", ".join(reducers) or "none",
        "Readout": readout,
        "Voxels": f"{card.n_voxels:,}",
        "Images": images,
        "Unit": card.response_unit,
        "SDs over": f"the {card.n_train:,} training images" if provenance is None else provenance.reference,
        "Encoder SHA-256": card.sha256[:16],
        "Network SHA-256": card.network_sha256[:16],
    }
    if card.sparsity is not None:
        facts["Sparsity"] = f"{float(np.median(card.sparsity)):.0%} of a voxel's weights are 0 (median)"
    if card.n_bootstrap:
        facts["Intervals"] = f"{card.confidence:.0%}, {card.n_bootstrap:,} resamples of the images"
    if provenance is not None:
        facts |= {
            "Imported from": provenance.source or "not stated",
            "Licence": provenance.licence or "not stated",
            "Files": ", ".join(f"{name} ({digest[:12]})" for name, digest in provenance.files),
            "Note": provenance.note,
        }
    return {name: value for name, value in facts.items() if value}


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
    rows = [asdict(score) for score in summarise_by_roi(card, voxels)]
    if card.roi_intervals:
        known = {one.roi: {"r_low": one.r_low, "r_high": one.r_high} for one in card.roi_intervals}
        rows = [row | known.get(row["roi"], {"r_low": math.nan, "r_high": math.nan}) for row in rows]
    return _write(rows)


def voxel_table(card: EncoderCard, voxels: VoxelTable) -> str:
    """The scores of every voxel as CSV text."""
    names = [*VOXEL_COLUMNS, *(name for name in OPTIONAL_COLUMNS if getattr(card, name) is not None)]
    places = {"voxel": range(card.n_voxels), "roi": voxels.roi, "hemisphere": voxels.sides, "vertex": voxels.vertex}
    return _write(places | {name: getattr(card, name) for name in names})


def _write(columns: Any) -> str:
    """CSV with empty cells for what is not known."""
    import pandas as pd

    table = pd.DataFrame(columns)
    for name in table.select_dtypes(exclude="number"):
        table[name] = table[name].map(protect_cell)
    return str(table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
