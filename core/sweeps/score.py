"""Scores perturbations and their controls on every encoder, and predicts held-out images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.encoders.encoder import Encoder
from core.errors import Cancelled
from core.images.transform import resize_pixels
from core.probes.respond import respond
from core.probes.spill_over import RoiPool
from core.progress import ShouldStop
from core.sweeps.cells import Arrays
from core.sweeps.controls import make_controls
from core.sweeps.plan import CONTROLS, VARIANTS
from core.types import FloatArray, NormName


@dataclass(frozen=True, slots=True, eq=False)
class ScoringEncoder:
    """An encoder that scores: the target's weights c (n_voxels,) and SD in it, its ROIs; None: no map is kept."""

    encoder: Encoder
    direction: FloatArray
    sd: float
    pool: RoiPool | None


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """Norm of the perturbations, seed of the controls, names of the images' random streams."""

    norm: NormName
    seed: int
    keys: tuple[str, ...]


def score(
    recipients: Sequence[ScoringEncoder],
    pixels: FloatArray,
    delta: FloatArray,
    *,
    settings: ScoreSettings,
    should_stop: ShouldStop,
) -> Arrays:
    """Shifts of every recipient's target by a perturbation and its controls.

    A recipient of another input size gets clean and perturbed pixels resampled to its size (bicubic, antialiased,
    without rounding); the controls are made there, at the realised norm of the resampled perturbation.

    Parameters
    ----------
    recipients : sequence of ScoringEncoder
    pixels, delta : (n_images, 3, height, width)
    settings : ScoreSettings
    should_stop : callable

    Returns
    -------
    shift (n_recipients, n_variants, n_images) in SDs of the recipient's target; l2, linf of the same shape, at the
    recipient's size; and for each recipient with a pool, of the perturbation: roi_0, roi_1 ... (n_images, n_rois), its
    ROIs' mean shift, and map_0, map_1 ... (n_images, n_voxels) float16, every voxel's shift, both in voxel SDs.
    """
    made: dict[int, tuple[FloatArray, dict[str, FloatArray], Arrays]] = {}
    columns: dict[str, list[FloatArray]] = {"shift": [], "l2": [], "linf": []}
    kept: Arrays = {}
    for number, recipient in enumerate(recipients):
        side = recipient.encoder.network.input_size
        if side not in made:
            made[side] = _make_at(side, pixels, delta, settings)
        clean, variants, sizes = made[side]
        moved, change = _shift(recipient, clean, variants, should_stop)
        columns["shift"].append(moved)
        for name, size in sizes.items():
            columns[name].append(size)
        if recipient.pool is not None:
            in_sds = _in_voxel_sds(change, recipient)
            kept[f"roi_{number}"] = np.stack([recipient.pool.means(row) for row in in_sds])
            kept[f"map_{number}"] = np.clip(in_sds, -LARGEST_KEPT, LARGEST_KEPT).astype(np.float16)
    return kept | {name: np.stack(values) for name, values in columns.items()}


LARGEST_KEPT = 6e4
"""SDs; float16 ends at 65504."""


def _make_at(
    side: int, pixels: FloatArray, delta: FloatArray, settings: ScoreSettings
) -> tuple[FloatArray, dict[str, FloatArray], Arrays]:
    """Clean pixels, every variant, and the variants' sizes l2 and linf (n_variants, n_images), at one input size."""
    if side != pixels.shape[-1]:
        clean = resize_pixels(pixels, side)
        pixels, delta = clean, resize_pixels(pixels + delta, side) - clean
    variants = make_variants(pixels, delta, settings)
    moved = [np.abs(values.astype(np.float64) - pixels) for values in variants.values()]
    sizes = {
        "l2": np.stack([np.sqrt((one**2).sum(axis=(1, 2, 3))) for one in moved]),
        "linf": np.stack([one.max(axis=(1, 2, 3)) for one in moved]),
    }
    return pixels, variants, sizes


def _shift(
    recipient: ScoringEncoder, clean: FloatArray, variants: dict[str, FloatArray], should_stop: ShouldStop
) -> tuple[FloatArray, FloatArray]:
    """The target's shift by every variant, (n_variants, n_images) in its SDs, and every voxel's by the perturbation."""
    moved, first = [], None
    with recipient.encoder.network.interruptible(should_stop):
        before = respond(recipient.encoder, clean)
        for values in variants.values():
            if should_stop():
                raise Cancelled
            change = respond(recipient.encoder, values).astype(np.float64) - before
            moved.append(change @ recipient.direction.astype(np.float64) / recipient.sd)
            first = change if first is None else first
    return np.stack(moved), np.asarray(first)


def make_variants(pixels: FloatArray, delta: FloatArray, settings: ScoreSettings) -> dict[str, FloatArray]:
    """The perturbed pixels and every control's, by the names of `VARIANTS`."""
    clean, change = torch.from_numpy(np.asarray(pixels, dtype=np.float32)), torch.from_numpy(np.asarray(delta))
    made = make_controls(clean, change, norm=settings.norm, seed=settings.seed, keys=settings.keys)
    variants = {VARIANTS[0]: np.asarray(pixels + delta, dtype=np.float32)}
    return variants | {name: np.asarray(made[name].float().numpy()) for name in CONTROLS}


def _in_voxel_sds(change: FloatArray, recipient: ScoringEncoder) -> FloatArray:
    """Shifts (n_images, n_voxels) in each voxel's SD; 0 where a voxel never varies."""
    sd = recipient.encoder.card.reference_sd
    return np.divide(change, sd, out=np.zeros_like(change), where=sd > 0)


def predict_targets(
    encoder: Encoder, pixels: FloatArray, directions: Sequence[FloatArray], *, should_stop: ShouldStop
) -> FloatArray:
    """Predicted values of targets, (n_images, n_targets), for pixels (n_images, 3, height, width)."""
    with encoder.network.interruptible(should_stop):
        responses = respond(encoder, pixels).astype(np.float64)
    return np.stack([responses @ direction for direction in directions], axis=1)
