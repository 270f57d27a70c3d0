"""What `fit` prints: JSON objects, tables by ROI, a line of progress. Never fits."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from core.encoders.card import EncoderCard
from core.encoders.estimate import FitEstimate, say_seconds
from core.encoders.extra_scores import OutsideScore
from core.encoders.fit import FitProgress
from core.encoders.layer_search import LayerChoice
from core.encoders.scores import summarise_by_roi
from core.types import FloatArray, VoxelTable


def summarise(card: EncoderCard, path: Path, voxels: VoxelTable) -> dict[str, Any]:
    """The JSON object of one fitted encoder."""
    config = card.config
    edges = np.asarray(config.alphas, dtype=np.float32)[[0, -1]]
    return {
        "subject": config.subject,
        "network": config.network,
        "layer": config.layer,
        "pool": config.pool,
        "reducer": config.reducer,
        "n_components": config.n_components,
        "n_projected": config.n_projected,
        "readout": config.readout,
        "n_train": card.n_train,
        "n_test": card.n_test,
        "n_voxels": card.n_voxels,
        "scored_on": card.scored_on,
        "r_median": float(np.median(card.r)),
        "cv_r_median": float(np.median(card.cv_r)),
        "nested_r_median": _median(card.nested_r),
        "alpha_median": float(np.median(card.alpha)),
        "alpha_at_edge": None if config.is_sparse else float(np.isin(card.alpha, edges).mean()),
        "sparsity_median": _median(card.sparsity),
        "n_bootstrap": card.n_bootstrap,
        "confidence": card.confidence,
        "file": str(path),
        "sha256": card.sha256,
        "rois": _summarise_rois(card, voxels),
        "outside": [_summarise_outside(one, voxels) for one in card.outside],
    }


def summarise_choice(choice: LayerChoice) -> dict[str, Any]:
    """The JSON object of a layer search."""
    return {
        "best": [asdict(one) for one in choice.best],
        "curve": [asdict(one) for one in choice.curve],
        "table": str(choice.table),
    }


def print_table(summary: dict[str, Any]) -> None:
    """Print the scores of one encoder by ROI, and those on unlike images."""
    where = f"{summary['subject']} · {summary['network']} {summary['layer']} · pool {summary['pool']}"
    scored = f"{summary['n_test']} held out" if summary["scored_on"] == "held-out" else "scored by nested folds"
    print(f"{where} · {summary['n_train']} images fitted, {scored} · {summary['file']}")
    interval = f"{100 * summary['confidence']:.0f} % interval" if summary["n_bootstrap"] else ""
    print(f"  {'ROI':<12}{'voxels':>7}{'r median':>10}{'quartiles':>16}{interval:>16}{'r2/ceiling':>12}")
    for roi in summary["rois"]:
        relative = "-" if roi["r2_ceiling_median"] is None else f"{roi['r2_ceiling_median']:.2f}"
        quartiles = f"{roi['r_q25']:.2f} to {roi['r_q75']:.2f}"
        bounds = "" if roi["r_low"] is None else f"{roi['r_low']:.2f} to {roi['r_high']:.2f}"
        print(
            f"  {roi['roi']:<12}{roi['n_voxels']:>7}{roi['r_median']:>10.2f}{quartiles:>16}{bounds:>16}{relative:>12}"
        )
    if summary["sparsity_median"] is not None:
        print(f"  {summary['readout']}: {100 * summary['sparsity_median']:.0f} % of the weights are 0 (median voxel)")
    if summary["nested_r_median"] is not None and summary["scored_on"] == "held-out":
        print(f"  nested cross-validation over the fitted images: r {summary['nested_r_median']:.2f} (median voxel)")
    for outside in summary["outside"]:
        _print_outside(outside)


def print_choice(choice: LayerChoice) -> None:
    """Print the best layer of every ROI."""
    print(f"Best layer by cross-validated r · {choice.table}")
    print(f"  {'ROI':<12}{'layer':<24}{'r median':>10}")
    for best in choice.best:
        print(f"  {best.roi:<12}{best.layer:<24}{best.cv_r_median:>10.2f}")


def print_estimate(network: str, layer: str, estimate: FitEstimate) -> None:
    """Print what one fit would cost."""
    print(f"{network} {layer}: about {say_seconds(estimate.seconds)}. {estimate.describe()}")


def show_progress(title: str, progress: FitProgress) -> None:
    """Keep one line of progress on stderr, if it is a terminal."""
    if sys.stderr.isatty():
        left = "" if progress.seconds_left is None else f", {progress.seconds_left:.0f} s left"
        end = "\n" if progress.stage == "done" else ""
        unit = {"features": "images", "readout": "voxel batches"}.get(progress.stage, "")
        what = f" ({progress.what})" if progress.what else ""
        text = f"{title}: {progress.stage}{what} {progress.done}/{progress.total} {unit}{left}"
        print(f"\r\x1b[2K{text}", end=end, file=sys.stderr, flush=True)


def _median(values: FloatArray | None) -> float | None:
    return None if values is None else float(np.median(values))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _summarise_rois(card: EncoderCard, voxels: VoxelTable) -> list[dict[str, Any]]:
    bounds = {one.roi: one for one in card.roi_intervals}
    rows = []
    for score in summarise_by_roi(card, voxels):
        row = {name: None if value != value else value for name, value in asdict(score).items()}
        found = bounds.get(score.roi)
        ends = {name: None if found is None else _finite(getattr(found, name)) for name in ("r_low", "r_high")}
        rows.append(row | ends)
    return rows


def _summarise_outside(outside: OutsideScore, voxels: VoxelTable) -> dict[str, Any]:
    names = ("kind", "name", "n_images", "n_within")
    if outside.rois:
        rows = [(roi, r, within) for roi, r, within in zip(outside.rois, outside.r, outside.r_within, strict=True)]
    else:
        groups = [("(all)", np.arange(voxels.n_voxels)), *((roi, voxels.voxels_in(roi)) for roi in voxels.roi_names)]
        rows = [(roi, np.median(outside.r[chosen]), np.median(outside.r_within[chosen])) for roi, chosen in groups]
    return {name: getattr(outside, name) for name in names} | {
        "rois": [{"roi": roi, "r": _finite(r), "r_within": _finite(within)} for roi, r, within in rows]
    }


def _print_outside(outside: dict[str, Any]) -> None:
    kind = "without category" if outside["kind"] == "category" else "second set"
    print(f"  {kind} {outside['name']}: {outside['n_images']} images, beside {outside['n_within']} held out")
    for row in outside["rois"]:
        pair = [" -" if row[name] is None else f"{row[name]:.2f}" for name in ("r", "r_within")]
        print(f"    {row['roi']:<12}r {pair[0]} there, {pair[1]} on images like those fitted")
