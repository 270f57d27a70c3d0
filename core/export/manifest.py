"""The table that travels with exported stimuli, one row a file, every column explained. Never computes a response."""

from __future__ import annotations

import csv
import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMAT = "probescope-stimuli"
FORMAT_VERSION = 1

COLUMNS = {
    "id": "Name of the stimulus; its file is id.png.",
    "pair_id": "Shared by the stimuli made from one original by one probe.",
    "role": "original, raise, lower, control_random (equal realised norm) or control_sign_flip.",
    "file": "File name, relative to this manifest.",
    "file_sha256": "SHA-256 of the file's bytes.",
    "source_image": "Catalogue id or file of the original.",
    "source_sha256": "SHA-256 of the original's pixels, (height, width, 3) uint8.",
    "network": "Network the probe was made on.",
    "network_sha256": "SHA-256 of its weights file.",
    "layer": "Feature layer of the encoder.",
    "encoder_sha256": "SHA-256 of the encoder's file.",
    "subject": "Whose responses the encoder predicts; `simulated` is no measured brain.",
    "space": "Surface whose vertices the voxels lie at.",
    "target": "What the probe moved, in words.",
    "target_kind": "voxel, roi, set or weights.",
    "voxels": "Indices of the voxels of the target, separated by spaces in the CSV.",
    "weights": "Their weights in the target's value, same order.",
    "norm": "Norm that bounded the attack.",
    "epsilon": "Its budget, in [0, 1] pixel units at the network's input resolution.",
    "l2": "L2 size of file minus original file, in [0, 1] pixel units.",
    "linf": "Linf size of file minus original file, in [0, 1] pixel units.",
    "l2_before_saving": "The same of the pixels before they were rounded to 8 bits.",
    "linf_before_saving": "The same of the pixels before they were rounded to 8 bits.",
    "resolution": "Side in pixels of the network's input, to which budget and norms refer.",
    "n_steps": "Attack steps of the last rung; the ladder warm-starts each budget from the one before.",
    "step_size": "Length of one step, in [0, 1] pixel units.",
    "seed": "Seed of random starts and controls.",
    "response_unit": "Unit of clean, predicted, shift and the transfer shifts.",
    "clean": "Target's predicted response to the original's file.",
    "predicted": "Target's predicted response to this file.",
    "shift": "predicted minus clean.",
    "shift_sd": "shift / SD of the target's predicted response over the clean reference images.",
    "shift_before_saving": "The shift of the pixels before they were rounded to 8 bits.",
    "mean_luminance": "Mean relative luminance on an sRGB display, in [0, 1].",
    "rms_contrast": "SD of the relative luminance (Peli 1990), in [0, 1].",
    "ssim": "Structural similarity to the original's file (Wang et al. 2004).",
    "width_px": "Width of the file in pixels.",
    "height_px": "Height of the file in pixels.",
    "degrees": "Width to show it at, in degrees of visual angle; empty if not stated.",
}
"""Every column of the manifest, in order, and what it means."""

TRANSFER = {
    "transfer_shift": "Shift this file causes in the same target of another network's encoder, in response_unit.",
    "transfer_shift_sd": "The same / SD of that encoder's predicted response over the clean reference images.",
}
"""Columns that come once for every other network: `transfer_shift.NETWORK`."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a file does in another network's encoder: the target's shift, in the response's unit and in its own SDs."""

    shift: float
    shift_sd: float | None


@dataclass(frozen=True, slots=True)
class Making:
    """How a set was made: what its rows have in common; `COLUMNS` explains every field."""

    pair_id: str
    source_image: str
    source_sha256: str
    network: str
    network_sha256: str
    layer: str
    encoder_sha256: str
    subject: str
    space: str
    target: str
    target_kind: str
    voxels: tuple[int, ...]
    weights: tuple[float, ...]
    norm: str
    epsilon: float
    n_steps: int
    step_size: float
    seed: int
    response_unit: str
    degrees: float | None


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One exported file: how it was made and what it does. `transfer` maps "network layer" to what happens there."""

    making: Making
    id: str
    role: str
    file: str
    file_sha256: str
    l2: float
    linf: float
    l2_before_saving: float
    linf_before_saving: float
    resolution: int
    clean: float
    predicted: float
    shift: float
    shift_sd: float | None
    shift_before_saving: float
    mean_luminance: float
    rms_contrast: float
    ssim: float
    width_px: int
    height_px: int
    transfer: dict[str, Transfer]

    def columns(self) -> dict[str, Any]:
        """The row's values by column, in the order of `COLUMNS`."""
        values = {name: getattr(self.making if hasattr(self.making, name) else self, name) for name in COLUMNS}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def write_csv(path: Path, rows: tuple[ManifestRow, ...]) -> None:
    """Write the rows as CSV (UTF-8, comma, one line of names); floats round-trip, what is not stated stays empty."""
    flat = [_flatten(row) for row in rows]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(flat[0]))
        writer.writeheader()
        writer.writerows(flat)


def write_json(path: Path, rows: tuple[ManifestRow, ...], *, attack: dict[str, Any], made_with: dict[str, str]) -> None:
    """Write the rows as one JSON object with the meaning of every column, the attack and the versions used."""
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "columns": COLUMNS | TRANSFER,
        "attack": attack,
        "made_with": made_with,
        "stimuli": [_nest(row) for row in rows],
    }
    path.write_text(json.dumps(header, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _flatten(row: ManifestRow) -> dict[str, Any]:
    values = row.columns()
    values |= {name: " ".join(map(repr, values[name])) for name in ("voxels", "weights")}
    for where, transfer in row.transfer.items():
        values |= {f"transfer_{name}.{where}": value for name, value in dataclasses.asdict(transfer).items()}
    return {name: "" if value is None else value for name, value in values.items()}


def _nest(row: ManifestRow) -> dict[str, Any]:
    transfer = {where: dataclasses.asdict(found) for where, found in row.transfer.items()}
    return row.columns() | {"transfer": transfer}
