"""Geometry of pictures: central square and antialiased resize. Never changes colours otherwise."""

from __future__ import annotations

from PIL import Image


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
