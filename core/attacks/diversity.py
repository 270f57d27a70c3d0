"""Shrinks and pads images at random, so that a perturbation does not lean on exact positions. Never scores them.

Xie et al. 2019, "Improving transferability of adversarial examples with input diversity", arXiv 1803.06978.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

SMALLEST_SHARE = 0.9
"""Shrunken sides are drawn uniformly from this share of the side up to the side less one pixel."""


class Shrinking(NamedTuple):
    """An image shrunk to `side` pixels and put `top` pixels down and `left` pixels right on black."""

    side: int
    top: int
    left: int


def draw_shrinking(side: int, probability: float, stream: np.random.Generator) -> Shrinking | None:
    """What to do with an image of side x side pixels: None with probability 1 - `probability`."""
    if stream.random() >= probability or side < 2:
        return None
    small = int(stream.integers(int(SMALLEST_SHARE * side), side))
    top, left = stream.integers(0, side - small + 1, 2).tolist()
    return Shrinking(max(small, 1), top, left)


def shrink_images(pixels: torch.Tensor, choices: list[Shrinking | None]) -> torch.Tensor:
    """Shrink and pad each image (n, 3, side, side) by its own choice; linear in the pixels and differentiable."""
    whole = pixels.shape[-1]
    images = []
    for index, choice in enumerate(choices):
        image = pixels[index : index + 1]
        if choice is None:
            images.append(image)
            continue
        small = F.interpolate(image, size=(choice.side, choice.side), mode="bilinear", align_corners=False)
        rest = whole - choice.side
        images.append(F.pad(small, (choice.left, rest - choice.left, choice.top, rest - choice.top)))
    return torch.cat(images)


def pull_back(gradient: torch.Tensor, choices: list[Shrinking | None]) -> torch.Tensor:
    """The gradient with respect to the images, from that with respect to the shrunken and padded ones."""
    leaf = torch.zeros_like(gradient).requires_grad_(True)
    with torch.enable_grad():
        changed = shrink_images(leaf, choices)
    (pulled,) = torch.autograd.grad(changed, leaf, grad_outputs=gradient)
    return pulled
