"""Scores perturbations and their controls on every encoder, and predicts held-out images. Never attacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.encoders.encoder import Encoder
from core.errors import Cancelled
from core.probes.respond import respond
from core.probes.spill_over import RoiPool
from core.progress import ShouldStop
from core.sweeps.controls import make_controls
from core.sweeps.store import Arrays
from core.sweeps.variants import CONTROLS, VARIANTS
from core.types import FloatArray, NormName


@dataclass(frozen=True, slots=True, eq=False)
class Recipient:
    """An encoder that scores: the target's weights c (n_voxels,) and SD in it, its ROIs."""

    encoder: Encoder
    direction: FloatArray
    sd: float
    pool: RoiPool


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """Norm of the perturbations, seed of the controls, names of the images' random streams."""

    norm: NormName
    seed: int
    keys: tuple[str, ...]


def score(
    recipients: Sequence[Recipient],
    pixels: FloatArray,
    delta: FloatArray,
    *,
    settings: ScoreSettings,
    should_stop: ShouldStop,
) -> Arrays:
    """Shifts of every recipient's target by a perturbation and its controls.

    Parameters
    ----------
    recipients : sequence of Recipient
    pixels, delta : (n_images, 3, height, width)
    settings : ScoreSettings
    should_stop : callable

    Returns
    -------
    shift (n_recipients, n_variants, n_images) in SDs of the recipient's target; l2, linf (n_variants, n_images);
    roi_0, roi_1 ... (n_images, n_rois), for each recipient its ROIs' mean shift in voxel SDs by the perturbation.
    """
    variants = make_variants(pixels, delta, settings)
    shift, rois = [], {}
    for number, recipient in enumerate(recipients):
        with recipient.encoder.network.interruptible(should_stop):
            clean = respond(recipient.encoder, pixels)
            moved = []
            for name, values in variants.items():
                if should_stop():
                    raise Cancelled
                change = respond(recipient.encoder, values).astype(np.float64) - clean
                moved.append(change @ recipient.direction.astype(np.float64) / recipient.sd)
                if name == VARIANTS[0]:
                    rois[f"roi_{number}"] = pool_shift(change, recipient)
        shift.append(np.stack(moved))
    sizes = [np.abs(values.astype(np.float64) - pixels) for values in variants.values()]
    return rois | {
        "shift": np.stack(shift),
        "l2": np.stack([np.sqrt((size**2).sum(axis=(1, 2, 3))) for size in sizes]),
        "linf": np.stack([size.max(axis=(1, 2, 3)) for size in sizes]),
    }


def make_variants(pixels: FloatArray, delta: FloatArray, settings: ScoreSettings) -> dict[str, FloatArray]:
    """The perturbed pixels and every control's, by the names of `VARIANTS`."""
    clean, change = torch.from_numpy(np.asarray(pixels, dtype=np.float32)), torch.from_numpy(np.asarray(delta))
    made = make_controls(clean, change, norm=settings.norm, seed=settings.seed, keys=settings.keys)
    variants = {VARIANTS[0]: np.asarray(pixels + delta, dtype=np.float32)}
    return variants | {name: np.asarray(made[name].float().numpy()) for name in CONTROLS}


def pool_shift(change: FloatArray, recipient: Recipient) -> FloatArray:
    """Mean shift of each ROI in voxel SDs, (n_images, n_rois), of shifts (n_images, n_voxels)."""
    sd = recipient.encoder.card.reference_sd
    in_sds = np.divide(change, sd, out=np.zeros_like(change), where=sd > 0)
    return np.stack([recipient.pool.means(row) for row in in_sds])


def predict_targets(
    encoder: Encoder, pixels: FloatArray, directions: Mapping[int, FloatArray], *, should_stop: ShouldStop
) -> FloatArray:
    """Predicted values of targets, (n_images, n_targets), for pixels (n_images, 3, height, width)."""
    with encoder.network.interruptible(should_stop):
        responses = respond(encoder, pixels).astype(np.float64)
    return np.stack([responses @ direction for direction in directions.values()], axis=1)
