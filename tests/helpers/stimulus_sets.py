"""Writes small sets of stimuli as the program does: coloured squares in matched triples, manifest and all."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from core.files import hash_file
from core.stimuli.manifest import ManifestRow, write_csv, write_manifest

ROLES = ("original", "raise", "control_random")


def make_rows(n_images: int, *, targets: int = 1, roles: tuple[str, ...] = ROLES) -> tuple[ManifestRow, ...]:
    """Rows without files: `targets` pairs of each image, one row a role."""
    return tuple(
        make_row(f"image{image}", f"t{target}", role)
        for image in range(n_images)
        for target in range(targets)
        for role in roles
    )


def make_row(image: str, target: str, role: str) -> ManifestRow:
    """One stimulus of an image, a target and a role; the raised one moves its target by 2 SD."""
    name, moved = f"{image}-{target}-{role}", role == "raise"
    size = 0.0 if role == "original" else 3.0
    return ManifestRow(
        id=name,
        pair_id=f"{image}-{target}",
        role=role,
        file=f"stimuli/{name}.png",
        file_sha256=hashlib.sha256(name.encode()).hexdigest(),
        source_image=image,
        source_key=image,
        source_sha256="0" * 64,
        licence="CC0",
        network="tiny",
        network_sha256="1" * 64,
        layer="layer3",
        encoder_sha256="2" * 64,
        subject="simulated",
        space="fsaverage5",
        target=target,
        target_kind="roi",
        voxels=(1, 2),
        weights=(0.5, 0.5),
        direction="raise",
        norm="l2",
        epsilon=3.0,
        l2=size,
        linf=size / 60,
        l2_before_saving=size,
        linf_before_saving=size / 60,
        l2_file=size,
        linf_file=size / 60,
        resolution=224,
        n_steps=10,
        step_size=0.3,
        seed=0,
        response_unit="simulated beta",
        clean=1.0,
        predicted=1.0 + moved,
        shift=float(moved),
        shift_sd=2.0 * moved,
        shift_before_saving=float(moved),
        clipped=0.0,
        mean_luminance=0.4,
        rms_contrast=0.2,
        ssim=1.0,
        gain=1.0,
        offset=0.0,
        width_px=24,
        height_px=24,
        picture_px=24,
        degrees=8.4,
    )


def write_set(folder: Path, *, n_images: int = 4, targets: int = 1, side: int = 24, picture: int = 24) -> Path:
    """A set of `n_images` x `targets` triples on disk, `side` pixels wide with the picture inside. Returns it."""
    (folder / "stimuli").mkdir(parents=True)
    rows = tuple(
        _write_picture(folder, row, side=side, picture=picture) for row in make_rows(n_images, targets=targets)
    )
    write_csv(folder / "manifest.csv", rows)
    (folder / "README.md").write_text("A set made by a test.\n", encoding="utf-8")
    files = {name: hash_file(folder / name) for name in ("README.md", "manifest.csv")}
    write_manifest(folder / "manifest.json", rows, name=folder.name, facts={"files": files})
    return folder


def _write_picture(folder: Path, row: ManifestRow, *, side: int, picture: int) -> ManifestRow:
    colour = np.frombuffer(hashlib.sha256(row.id.encode()).digest()[:3], dtype=np.uint8)
    path = folder / row.file
    Image.fromarray(np.broadcast_to(colour, (side, side, 3)).copy()).save(path, format="PNG")
    sha256 = hash_file(path)
    return dataclasses.replace(row, file_sha256=sha256, width_px=side, height_px=side, picture_px=picture)
