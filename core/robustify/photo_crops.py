"""Random crops of photographs for training. Not for stimuli, which core.images reads exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from core.containers import reading
from core.errors import BadInputError, StorageError

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
LEAST_SCALE = 0.35
"""Smallest part of a photograph's area that a crop may show."""
LARGEST_ASPECT = 4 / 3


def find_photos(folder: Path) -> tuple[Path, ...]:
    """Every photograph under `folder`, sorted. Raises BadInputError if there is none."""
    paths = tuple(sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES))
    if not paths:
        raise BadInputError(
            f"`images` must be a folder with photographs ({', '.join(sorted(SUFFIXES))}), got {str(folder)!r}."
        )
    return paths


def draw_batch(paths: Sequence[Path], *, count: int, size: int, seed: Sequence[int]) -> npt.NDArray[np.float32]:
    """Random resized crops, mirrored half of the time: (count, 3, size, size) in [0, 1]; the same for the same seed."""
    rng = np.random.default_rng(seed)
    crops = []
    for index in rng.integers(len(paths), size=count):
        photo = _open_photo(paths[index])
        pixels = _cut_out(photo, _draw_box(*photo.size, rng=rng), size=size)
        crops.append(pixels[:, :, ::-1] if rng.random() < 0.5 else pixels)
    return np.stack(crops)


def read_centre(paths: Sequence[Path], *, size: int) -> npt.NDArray[np.float32]:
    """The central squares of photographs, (n, 3, size, size) in [0, 1]."""
    squares = []
    for path in paths:
        photo = _open_photo(path)
        (width, height), side = photo.size, min(photo.size)
        left, top = (width - side) / 2, (height - side) / 2
        squares.append(_cut_out(photo, (left, top, left + side, top + side), size=size))
    return np.stack(squares)


def _open_photo(path: Path) -> Image.Image:
    advice = "Take it out of the folder."
    with reading(path, "photograph", error=StorageError, advice=advice), Image.open(path) as image:
        return image.convert("RGB")


def _cut_out(photo: Image.Image, box: tuple[float, float, float, float], *, size: int) -> npt.NDArray[np.float32]:
    crop = photo.resize((size, size), Image.Resampling.BILINEAR, box=box)
    return np.ascontiguousarray(np.asarray(crop, dtype=np.float32).transpose(2, 0, 1) / 255)


def _draw_box(width: int, height: int, *, rng: np.random.Generator) -> tuple[float, float, float, float]:
    area = width * height * rng.uniform(LEAST_SCALE, 1.0)
    aspect = math.exp(rng.uniform(-math.log(LARGEST_ASPECT), math.log(LARGEST_ASPECT)))
    wide = min(width, math.sqrt(area * aspect))
    high = min(height, math.sqrt(area / aspect))
    left, top = rng.uniform(0, width - wide), rng.uniform(0, height - high)
    return left, top, left + wide, top + high
