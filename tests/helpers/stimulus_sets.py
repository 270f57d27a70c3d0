"""Writes small sets of stimuli as the program does: coloured squares in matched triples, manifest and all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from core.experiments.items import Item
from core.export.manifest import Making, ManifestRow, write_csv, write_json

ROLES = ("original", "raise", "control_random")


def make_items(n_images: int, *, targets: int = 1, roles: tuple[str, ...] = ROLES) -> tuple[Item, ...]:
    """Items without files: `targets` pairs of each image, one item a role."""
    return tuple(
        Item(
            id=f"image{image}-t{target}-{role}",
            pair_id=f"image{image}-t{target}",
            role=role,
            file=f"stimuli/image{image}-t{target}-{role}.png",
            file_sha256=f"{image}-{target}-{role}",
            source_image=f"image{image}",
            degrees=8.4,
            columns={},
        )
        for image in range(n_images)
        for target in range(targets)
        for role in roles
    )


def write_set(folder: Path, *, n_images: int = 4, targets: int = 1, side: int = 24) -> Path:
    """A set of `n_images` x `targets` triples on disk. Returns its folder."""
    (folder / "stimuli").mkdir(parents=True)
    rows = [_write_row(folder, item, side=side) for item in make_items(n_images, targets=targets)]
    write_csv(folder / "manifest.csv", tuple(rows))
    write_json(folder / "manifest.json", tuple(rows), attack={"description": "simulated"}, made_with={"python": "3"})
    (folder / "README.md").write_text("A set made by a test.\n", encoding="utf-8")
    return folder


def _write_row(folder: Path, item: Item, *, side: int) -> ManifestRow:
    colour = np.frombuffer(hashlib.sha256(item.id.encode()).digest()[:3], dtype=np.uint8)
    path = folder / item.file
    Image.fromarray(np.broadcast_to(colour, (side, side, 3)).copy()).save(path, format="PNG")
    making = Making(
        pair_id=item.pair_id,
        source_image=item.source_image,
        source_sha256="0" * 64,
        network="tiny",
        network_sha256="1" * 64,
        layer="layer3",
        encoder_sha256="2" * 64,
        subject="simulated",
        space="fsaverage5",
        target="FFA",
        target_kind="roi",
        voxels=(1, 2),
        weights=(0.5, 0.5),
        norm="l2",
        epsilon=3.0,
        n_steps=10,
        step_size=0.3,
        seed=0,
        response_unit="simulated beta",
        degrees=8.4,
    )
    perturbed = item.role == "raise"
    return ManifestRow(
        making=making,
        id=item.id,
        role=item.role,
        file=item.file,
        file_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        l2=0.0 if item.role == "original" else 3.0,
        linf=0.0 if item.role == "original" else 0.05,
        l2_before_saving=3.0,
        linf_before_saving=0.05,
        resolution=side,
        clean=1.0,
        predicted=2.0 if perturbed else 1.0,
        shift=1.0 if perturbed else 0.0,
        shift_sd=2.0 if perturbed else 0.0,
        shift_before_saving=1.0 if perturbed else 0.0,
        mean_luminance=0.4,
        rms_contrast=0.2,
        ssim=1.0,
        width_px=side,
        height_px=side,
        transfer={},
    )
