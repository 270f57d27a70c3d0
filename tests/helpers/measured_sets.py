"""Small whole stimulus sets with made-up predictions, to compare measurements with. Never runs an encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.stimuli.images import hash_file, write_png
from core.stimuli.manifest import ManifestRow, Transfer, write_csv, write_json

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
    seed: int = 0,
) -> Path:
    """A set of every image x ROI x direction x epsilon, each with an original and a random control; returns its folder.

    Its own network's shifts are about 2 SD times epsilon / 3 the way of the direction, those of the other network of
    random sign, the control's near 0.
    """
    draw = np.random.default_rng(seed)
    (folder / "stimuli").mkdir(parents=True)
    rows: list[ManifestRow] = []
    for image in range(n_images):
        picture = draw.uniform(size=(3, SIDE, SIDE))
        for roi in rois:
            clean = float(draw.normal())
            for direction in directions:
                for epsilon in epsilons:
                    pair = f"image_{image}-{direction}-{roi}-l2-{epsilon:g}"
                    sign = 1 if direction == "raise" else -1
                    own = sign * SIGMA * epsilon / 3 * draw.uniform(1.0, 3.0)
                    shifts = {"original": (0.0, 0.0), direction: (own, SIGMA * draw.normal())}
                    shifts["control_random"] = (0.05 * draw.normal(), 0.05 * draw.normal())
                    for role, (shift, other) in shifts.items():
                        pixels = (
                            picture
                            if role == "original"
                            else np.clip(picture + 0.1 * draw.normal(size=picture.shape), 0, 1)
                        )
                        rows.append(
                            _write_row(
                                folder,
                                pair,
                                role,
                                pixels,
                                roi=roi,
                                direction=direction,
                                epsilon=epsilon,
                                clean=clean,
                                shift=shift,
                                other=other,
                                image=f"image_{image}",
                            )
                        )
    write_csv(folder / "manifest.csv", tuple(rows))
    write_json(folder / "manifest.json", tuple(rows), name=folder.name, facts={})
    return folder


def _write_row(
    folder: Path,
    pair: str,
    role: str,
    pixels: np.ndarray,
    *,
    roi: str,
    direction: str,
    epsilon: float,
    clean: float,
    shift: float,
    other: float,
    image: str,
) -> ManifestRow:
    name = f"{pair}_{role}"
    path = folder / "stimuli" / f"{name}.png"
    write_png(path, pixels)
    voxels = ROI_VOXELS[roi]
    network, layer = OWN.split()
    return ManifestRow(
        id=name, pair_id=pair, role=role, file=f"stimuli/{name}.png", file_sha256=hash_file(path),
        source_image=image, source_key=image, source_sha256="0" * 64, licence="",
        network=network, network_sha256="0" * 64, layer=layer, encoder_sha256="0" * 64, subject="simulated",
        space="fsaverage5", target=f"ROI {roi} ({len(voxels)} voxels)", target_kind="roi", voxels=voxels,
        weights=(1 / len(voxels),) * len(voxels), direction=direction, norm="l2", epsilon=epsilon,
        l2=epsilon, linf=0.1, l2_before_saving=epsilon, linf_before_saving=0.1, l2_file=epsilon, linf_file=0.1,
        resolution=SIDE, n_steps=10, step_size=0.1, seed=0, response_unit="z", clean=clean, predicted=clean + shift,
        shift=shift, shift_sd=shift / SIGMA, shift_before_saving=shift, clipped=0.0, mean_luminance=0.5,
        rms_contrast=0.2, ssim=0.9, gain=1.0, offset=0.0, width_px=SIDE, height_px=SIDE, picture_px=SIDE, degrees=8.4,
        transfer={OTHER: Transfer(other, other / SIGMA)},
    )  # fmt: skip
