"""Scores perturbations and their controls on every encoder, and predicts held-out images.

Controls of a perturbation, at its own realised norm: random direction · sign flip · phase-scrambled delta · delta of
another image · contrast blend.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.attacks.ball import Ball
from core.attacks.config import AttackConfig
from core.attacks.control import draw_control
from core.attacks.norms import NORMS
from core.containers import Arrays
from core.encoders.encoder import Encoder
from core.images.transform import resize_pixels
from core.probes.respond import BATCH, respond
from core.probes.spill_over import RoiPool
from core.progress import ShouldStop, check_stop
from core.seeds import make_stream
from core.sweeps.plan import CONTROLS
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

    `pixels`, `delta` (n_images, 3, height, width).

    Returns shift (n_recipients, n_variants, n_images) in SDs of the recipient's target; l2, linf of the same shape, at
    the recipient's size; and for each recipient with a pool, of the perturbation: roi_0, roi_1 ... (n_images, n_rois),
    its ROIs' mean shift, control_roi_0 ... that of the random control, and map_0, map_1 ... (n_images, n_voxels)
    float16, every voxel's shift, all in voxel SDs.
    """
    made: dict[int, tuple[FloatArray, list[FloatArray], Arrays]] = {}
    columns: dict[str, list[FloatArray]] = {"shift": [], "l2": [], "linf": []}
    kept: Arrays = {}
    parts = [slice(start, start + BATCH) for start in range(0, len(pixels), BATCH)]
    for number, recipient in enumerate(recipients):
        side = recipient.encoder.network.input_size
        if side not in made:
            made[side] = _make_at(side, pixels, delta, settings)
        clean, variants, sizes = made[side]
        found = [_shift(recipient, clean[part], [one[part] for one in variants], should_stop) for part in parts]
        columns["shift"].append(np.concatenate([one.pop("shift") for one in found], axis=1))
        kept |= {f"{name}_{number}": np.concatenate([one[name] for one in found]) for name in found[0]}
        for name, size in sizes.items():
            columns[name].append(size)
    return kept | {name: np.stack(values) for name, values in columns.items()}


LARGEST_KEPT = 6e4
"""SDs; float16 ends at 65504."""


def _make_at(
    side: int, pixels: FloatArray, delta: FloatArray, settings: ScoreSettings
) -> tuple[FloatArray, list[FloatArray], Arrays]:
    """Clean pixels, every variant, and the variants' sizes l2 and linf (n_variants, n_images), at one input size."""
    if side != pixels.shape[-1]:
        clean = resize_pixels(pixels, side)
        pixels, delta = clean, resize_pixels(pixels + delta, side) - clean
    tensors = (torch.from_numpy(np.asarray(pixels, dtype=np.float32)), torch.from_numpy(np.asarray(delta)))
    made = make_controls(*tensors, norm=settings.norm, seed=settings.seed, keys=settings.keys)
    variants = [np.asarray(pixels + delta, dtype=np.float32)]
    variants += [np.asarray(made[name].float().numpy()) for name in CONTROLS]
    moved = [np.abs(values.astype(np.float64) - pixels) for values in variants]
    sizes = {
        "l2": np.stack([np.sqrt((one**2).sum(axis=(1, 2, 3))) for one in moved]),
        "linf": np.stack([one.max(axis=(1, 2, 3)) for one in moved]),
    }
    return pixels, variants, sizes


def _shift(
    recipient: ScoringEncoder, clean: FloatArray, variants: Sequence[FloatArray], should_stop: ShouldStop
) -> Arrays:
    """The target's shift by every variant, (n_variants, n_images) in its SDs; with a pool what `score` keeps by ROI."""
    moved, changes = [], list[FloatArray]()
    with recipient.encoder.network.interruptible(should_stop):
        before = respond(recipient.encoder, clean)
        for values in variants:
            check_stop(should_stop)
            change = respond(recipient.encoder, values).astype(np.float64) - before
            moved.append(change @ recipient.direction.astype(np.float64) / recipient.sd)
            changes = [*changes, change][:2]
    found: Arrays = {"shift": np.stack(moved)}
    if recipient.pool is not None:
        sd = recipient.encoder.card.reference_sd
        known = np.where(sd > 0, sd, np.inf)  # 0 where a voxel never varies
        for name, one in zip(("roi", "control_roi"), changes, strict=True):
            found[name] = np.stack([recipient.pool.means(row) for row in one / known])
        found["map"] = np.clip(changes[0] / known, -LARGEST_KEPT, LARGEST_KEPT).astype(np.float16)
    return found


def make_controls(
    clean: torch.Tensor, delta: torch.Tensor, *, norm: NormName, seed: int, keys: Sequence[str]
) -> dict[str, torch.Tensor]:
    """Pixels of every control, each (n, 3, height, width) and moved by the size of `delta` under the norm.

    Where the pixel bounds leave no room for that size, all of the room is used.

    `clean`, `delta` (n, 3, height, width). `keys` (sequence of n str): names of the images' random streams.
    """
    measure = NORMS[norm]
    size = measure.size(delta.double()).to(clean)
    fill = Ball(measure, clean, size).scale_to_budget
    wide = np.asarray(delta.detach().cpu().double().numpy())
    streams = [make_stream(seed, "phase", key) for key in keys]
    scrambled = np.stack([scramble_phase(*one) for one in zip(wide, streams, strict=True)])
    grey = clean.mean(dim=(1, 2, 3), keepdim=True)
    return {
        "random": draw_control(clean, delta, AttackConfig(norm=norm, epsilon=0.0, seed=seed), keys=keys),
        "sign flip": fill(-delta),
        "phase-scrambled": fill(torch.from_numpy(scrambled).to(clean)),
        "other image": fill(delta.roll(1, dims=0)),
        "contrast blend": fill(grey - clean),
    }


def scale_delta(clean: FloatArray, delta: FloatArray, *, norm: NormName, epsilon: float) -> FloatArray:
    """Perturbations (n, 3, height, width) brought to the budget, or as near below as the pixel bounds leave room."""
    pixels = torch.from_numpy(np.asarray(clean, dtype=np.float32))
    ball = Ball(NORMS[norm], pixels, torch.full((len(clean),), epsilon))
    return np.asarray((ball.scale_to_budget(torch.from_numpy(np.asarray(delta))) - pixels).numpy())


def scramble_phase(delta: FloatArray, stream: np.random.Generator) -> FloatArray:
    """The same amplitude spectrum with random phases, added alike to the three channels: (3, height, width).

    The phases are those of white noise, so they have the symmetry of a real image. Frequencies that are their own
    mirror image, the mean among them, keep their phase. Amplitudes, and with them the L2 norm, are kept.
    """
    height, width = delta.shape[1:]
    noise = np.fft.fft2(stream.standard_normal((height, width)))
    turn = noise / np.abs(noise)
    for row in {0, height // 2} if height % 2 == 0 else {0}:
        for column in {0, width // 2} if width % 2 == 0 else {0}:
            turn[row, column] = 1.0
    return np.asarray(np.fft.ifft2(np.fft.fft2(delta, axes=(1, 2)) * turn, axes=(1, 2)).real)
