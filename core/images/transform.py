"""Geometry of pictures: central square and antialiased resize. Never changes colours otherwise."""

from __future__ import annotations

import numpy as np
from PIL import Image

from core.types import FloatArray


def central_square(width: int, height: int) -> tuple[int, int, int, int]:
    """The largest central square of a picture as (left, top, right, bottom) in pixels."""
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def crop_resize(picture: Image.Image, size: int) -> Image.Image:
    """Crop to the central square, then resize to `size` x `size`, bicubic with antialiasing.

    The same as bringing the shorter side to `size` and cropping, but a long, thin picture never becomes a huge one.
    A picture that already has the size comes back unchanged.
    """
    return picture.crop(central_square(*picture.size)).resize((size, size), Image.Resampling.BICUBIC)


def resize_pixels(pixels: FloatArray, size: int) -> FloatArray:
    """Resize pixels (n, 3, side, side) in [0, 1] as `crop_resize` does, without rounding, cut at black and white."""
    return pixels if pixels.shape[-1] == size else np.clip(resize_plain(pixels, size), 0, 1)


def resize_plain(values: FloatArray, size: int) -> FloatArray:
    """Resize values (n, 3, side, side) of any range to (n, 3, size, size) float32: bicubic with antialiasing."""
    if values.shape[-1] == size:
        return values
    planes = np.asarray(values, dtype=np.float32).reshape(-1, *values.shape[2:])
    made = [Image.fromarray(plane).resize((size, size), Image.Resampling.BICUBIC) for plane in planes]
    resized = np.stack([np.asarray(one, dtype=np.float32) for one in made])
    return resized.reshape(*values.shape[:2], size, size)
