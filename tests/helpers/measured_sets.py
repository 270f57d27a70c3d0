"""Small whole stimulus sets with made-up predictions, to compare measurements with. Never runs an encoder."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np

from core.experiments.measured.compare import Comparison, iter_compare
from core.experiments.measured.compare_config import CompareConfig
from core.experiments.measured.measured import Measured
from core.files import hash_file
from core.images.stimulus import to_uint8
from core.progress import run_to_end
from core.stimuli.images import write_levels as write_picture
from core.stimuli.manifest import ManifestRow, TransferShift, write_csv, write_manifest

OWN, OTHER = "mobilenet_v2 features.18", "alexnet features.7"
SIGMA = 0.5
"""SD of every target's predicted response over clean images, in the response unit."""
ROI_VOXELS = {"FFA": (3, 4, 5), "PPA": (8, 9)}
SIDE = 12


def write_set(
    folder: Path,
    *,
    n_images: int = 6,
    rois: tuple[str, ...] = ("FFA",),
    directions: tuple[str, ...] = ("raise", "lower"),
    epsilons: tuple[float, ...] = (3.0,),
    sources: tuple[str, ...] = (OWN,),
    seed: int = 0,
) -> Path:
    """A set of every image, ROI, direction, epsilon and source, each with its original and a random control.

    The source's shifts are about 2 SD times epsilon / 3 the way of the direction, those of the other network of random
    sign, the control's near 0. Returns the folder.
    """
    draw = np.random.default_rng(seed)
    (folder / "stimuli").mkdir(parents=True)
    pictures = draw.uniform(size=(n_images, 3, SIDE, SIDE))
    clean = draw.normal(size=(n_images, len(rois)))
    rows: list[ManifestRow] = []
    for image, (place, roi), direction, epsilon, source in itertools.product(
        range(n_images), enumerate(rois), directions, epsilons, sources
    ):
        row = _make_row(
            f"image_{image}", roi, direction, epsilon=epsilon, source=source, clean=float(clean[image, place])
        )
        size = (1 if direction == "raise" else -1) * SIGMA * epsilon / 3 * draw.uniform(1.0, 3.0)
        shifts = {"original": (0.0, 0.0), direction: (size, SIGMA * draw.normal())}
        shifts["control_random"] = (0.05 * draw.normal(), 0.05 * draw.normal())
        for role, (shift, other) in shifts.items():
            changed = np.clip(pictures[image] + 0.1 * draw.normal(size=pictures[image].shape), 0, 1)
            pixels = pictures[image] if role == "original" else changed
            rows.append(_finish_row(row, role, pixels, folder=folder, shift=shift, other=other))
    write_csv(folder / "manifest.csv", tuple(rows))
    write_manifest(folder / "manifest.json", tuple(rows), name=folder.name, facts={})
    return folder


def _make_row(image: str, roi: str, direction: str, *, epsilon: float, source: str, clean: float) -> ManifestRow:
    """What all rows of a pair have in common."""
    voxels = ROI_VOXELS[roi]
    network, layer = source.split()
    pair = f"{image}-{direction}-{roi}-l2-{epsilon:g}-{network}"
    return ManifestRow(
        id="", pair_id=pair, role="", file="", file_sha256="", source_image=image, source_key=image,
        source_sha256="0" * 64, licence="", network=network, network_sha256="0" * 64, layer=layer,
        encoder_sha256="0" * 64, subject="simulated", space="fsaverage5", target=f"ROI {roi} ({len(voxels)} voxels)",
        target_kind="roi", voxels=voxels, weights=(1 / len(voxels),) * len(voxels), direction=direction, norm="l2",
        epsilon=epsilon, l2=epsilon, linf=0.1, l2_before_saving=epsilon, linf_before_saving=0.1, l2_file=epsilon,
        linf_file=0.1, resolution=SIDE, n_steps=10, step_size=0.1, seed=0, response_unit="z", clean=clean,
        predicted=clean, shift=0.0, shift_sd=0.0, shift_before_saving=0.0, clipped=0.0, mean_luminance=0.5,
        rms_contrast=0.2, ssim=0.9, gain=1.0, offset=0.0, width_px=SIDE, height_px=SIDE, picture_px=SIDE, degrees=8.4,
    )  # fmt: skip


def _finish_row(
    row: ManifestRow, role: str, pixels: np.ndarray, *, folder: Path, shift: float, other: float
) -> ManifestRow:
    """Write the picture; its own network shifts it by `shift`, the other one by `other`."""
    name = f"{row.pair_id}_{role}"
    path = folder / "stimuli" / f"{name}.png"
    write_picture(path, to_uint8(pixels))
    second = OTHER if f"{row.network} {row.layer}" == OWN else OWN
    return dataclasses.replace(
        row,
        id=name,
        role=role,
        file=f"stimuli/{name}.png",
        file_sha256=hash_file(path),
        predicted=row.clean + shift,
        shift=shift,
        shift_sd=shift / SIGMA,
        shift_before_saving=shift,
        transfer={second: TransferShift(other, other / SIGMA)},
    )


THIRD = "resnet18 layer3"
"""A further network that only ever predicts."""
LEVELS = (-3.0, -1.5, 0.0, 1.5, 3.0)


def write_rivals(
    folder: Path, *, n_images: int = 10, rois: tuple[str, ...] = ("FFA",), agreeing: bool = True, seed: int = 0
) -> Path:
    """Controversial probes of OWN and OTHER, raised in the one and lowered in the other and mirrored, 1 to 3 SD each.

    Beside them an agreeing probe of each image; THIRD predicts shifts of its own, unrelated to both. Natural images
    have SD 1 in OWN's SDs (`SIGMA`). Returns the folder.
    """
    draw = np.random.default_rng(seed)
    (folder / "stimuli").mkdir(parents=True)
    rows: list[ManifestRow] = []
    kinds = [("raise", "lower"), ("lower", "raise"), *([("raise", "raise")] if agreeing else [])]
    for image, roi in itertools.product(range(n_images), rois):
        clean, picture = SIGMA * draw.normal(), draw.uniform(size=(3, SIDE, SIDE))
        for direction, against in kinds:
            row = _make_row(f"image_{image}", roi, direction, epsilon=3.0, source=OWN, clean=clean)
            row = dataclasses.replace(row, pair_id=f"{row.pair_id}-{against}", against=OTHER, against_direction=against)
            signs = [1 if way == "raise" else -1 for way in (direction, against)]
            moved = [sign * SIGMA * draw.uniform(1.0, 3.0) for sign in signs]
            shifts = {
                "original": (0.0, 0.0, 0.0),
                direction: (*moved, 2 * SIGMA * draw.normal()),
                "control_random": tuple(0.05 * draw.normal(size=3)),
            }
            for role, (own, other, third) in shifts.items():
                changed = np.clip(picture + 0.1 * draw.normal(size=picture.shape), 0, 1)
                pixels = picture if role == "original" else changed
                made = _finish_row(row, role, pixels, folder=folder, shift=own, other=other)
                further = {THIRD: TransferShift(third, third / SIGMA)}
                rows.append(dataclasses.replace(made, transfer={**made.transfer, **further}))
    return write_rows(folder, rows)


def write_levels(
    folder: Path,
    *,
    n_seeds: int = 10,
    levels: tuple[float, ...] = LEVELS,
    sources: tuple[str, ...] = (OWN, OTHER),
    rois: tuple[str, ...] = ("FFA",),
    seed: int = 0,
) -> Path:
    """Level sets of each source: every seed image at every level, reached to 0.04 SD; the mean response is 0.

    The other network makes a third of each shift and something of its own. Returns the folder.
    """
    draw = np.random.default_rng(seed)
    (folder / "stimuli").mkdir(parents=True)
    rows: list[ManifestRow] = []
    for image, roi in itertools.product(range(n_seeds), rois):
        clean, picture = SIGMA * draw.normal(), draw.uniform(size=(3, SIDE, SIDE))
        for source, level in itertools.product(sources, levels):
            reached = level + draw.uniform(-0.04, 0.04)
            direction = "raise" if SIGMA * reached > clean else "lower"
            row = _make_row(f"image_{image}", roi, direction, epsilon=3.0, source=source, clean=clean)
            row = dataclasses.replace(row, pair_id=f"{row.pair_id}-level{level:g}")
            shift = SIGMA * reached - clean
            other = shift / 3 + 0.3 * SIGMA * draw.normal()
            for role, own, second in (("original", 0.0, 0.0), (direction, shift, other)):
                changed = np.clip(picture + 0.1 * draw.normal(size=picture.shape), 0, 1)
                pixels = picture if role == "original" else changed
                made = _finish_row(row, role, pixels, folder=folder, shift=own, other=second)
                told = {"level": level, "level_reached": reached} if role != "original" else {}
                rows.append(dataclasses.replace(made, **told))
    return write_rows(folder, rows)


def write_rows(folder: Path, rows: list[ManifestRow]) -> Path:
    """Write the manifest of rows whose files are there; returns the folder."""
    write_csv(folder / "manifest.csv", tuple(rows))
    write_manifest(folder / "manifest.json", tuple(rows), name=folder.name, facts={})
    return folder


def compare_measured(measured: Measured, config: CompareConfig) -> Comparison:
    """The comparison, at once."""
    return run_to_end(iter_compare(measured, config))
