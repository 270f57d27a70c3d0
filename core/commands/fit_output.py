"""What `fit` prints: JSON objects, tables by ROI, a line of progress."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from core.commands.output import align, finite, time_left
from core.encoders.card import EncoderCard, OutsideScore
from core.encoders.fit_request import LayerChoice, SearchProgress
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


def format_fit(summary: dict[str, Any]) -> str:
    """The scores of one encoder by ROI, and those on unlike images."""
    where = f"{summary['subject']} · {summary['network']} {summary['layer']} · pool {summary['pool']}"
    scored = f"{summary['n_test']} held out" if summary["scored_on"] == "held-out" else "scored by nested folds"
    interval = f"{100 * summary['confidence']:.0f} % interval" if summary["n_bootstrap"] else ""
    table = [["", "ROI", "voxels", "r median", "quartiles", interval, "r2/ceiling"]]
    for roi in summary["rois"]:
        quartiles, bounds = (_range(roi[low], roi[high]) for low, high in (("r_q25", "r_q75"), ("r_low", "r_high")))
        numbers = [_number(roi["r_median"]), quartiles, bounds, _number(roi["r2_ceiling_median"])]
        table.append(["", roi["roi"], str(roi["n_voxels"]), *numbers])
    lines = [f"{where} · {summary['n_train']} images fitted, {scored} · {summary['file']}", align(table)]
    if summary["sparsity_median"] is not None:
        lines.append(
            f"  {summary['readout']}: {100 * summary['sparsity_median']:.0f} % of the weights are 0 (median voxel)"
        )
    if summary["nested_r_median"] is not None and summary["scored_on"] == "held-out":
        median = _number(summary["nested_r_median"])
        lines.append(f"  nested cross-validation over the fitted images: r {median} (median voxel)")
    return "\n".join([*lines, *map(_format_outside, summary["outside"])])


def format_choice(choice: LayerChoice) -> str:
    """The best layer of every ROI."""
    rows = [["", best.roi, best.layer, _number(best.cv_r_median)] for best in choice.best]
    table = align([["", "ROI", "layer", "r median"], *rows])
    return f"Best layer by cross-validated r · {choice.table}\n{table}"


def format_progress(network: str, search: SearchProgress) -> str:
    """One line on a fit under way."""
    progress, of = search.fit, f" ({search.number}/{search.n_layers})" if search.n_layers > 1 else ""
    unit = {"features": " images", "readout": " voxel batches"}.get(progress.stage, "")
    what = f" ({progress.what})" if progress.what else ""
    left = time_left(progress.seconds_left)
    return f"{network} {search.layer}{of}: {progress.stage}{what} {progress.done}/{progress.total}{unit}{left}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _range(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.2f} to {high:.2f}"


def _median(values: FloatArray | None) -> float | None:
    return None if values is None else float(np.median(values))


def _summarise_rois(card: EncoderCard, voxels: VoxelTable) -> list[dict[str, Any]]:
    bounds = {one.roi: one for one in card.roi_intervals}
    rows = []
    for score in summarise_by_roi(card, voxels):
        row = {name: None if value != value else value for name, value in asdict(score).items()}
        found = bounds.get(score.roi)
        ends = {name: None if found is None else finite(getattr(found, name)) for name in ("r_low", "r_high")}
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
        "rois": [{"roi": roi, "r": finite(r), "r_within": finite(within)} for roi, r, within in rows]
    }


def _format_outside(outside: dict[str, Any]) -> str:
    kind = "without category" if outside["kind"] == "category" else "second set"
    title = f"  {kind} {outside['name']}: {outside['n_images']} images, beside {outside['n_within']} held out"
    pairs = [(row["roi"], _number(row["r"]), _number(row["r_within"])) for row in outside["rois"]]
    return "\n".join(
        [title, *(f"    {roi:<12}r {r} there, {own} on images like those fitted" for roi, r, own in pairs)]
    )
