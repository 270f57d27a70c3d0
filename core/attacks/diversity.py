"""Shrinks and pads images at random, so that a perturbation does not lean on exact positions.

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
    images = []
    for image, choice in zip(pixels.unsqueeze(1).unbind(), choices, strict=True):
        if choice is not None:
            weights, rest = resize_weights(choice.side, image.shape[-1]).to(image), image.shape[-1] - choice.side
            edges = (choice.left, rest - choice.left, choice.top, rest - choice.top)
            image = F.pad(weights @ image @ weights.T, edges)
        images.append(image)
    return torch.cat(images)


def pull_back(gradient: torch.Tensor, choices: list[Shrinking | None]) -> torch.Tensor:
    """The gradient with respect to the images, from that with respect to the shrunken and padded ones."""
    parts = []
    for part, choice in zip(gradient.unsqueeze(1).unbind(), choices, strict=True):
        if choice is not None:
            weights = resize_weights(choice.side, part.shape[-1]).to(part)
            rows, columns = (slice(first, first + choice.side) for first in (choice.top, choice.left))
            part = weights.T @ part[..., rows, columns] @ weights
        parts.append(part)
    return torch.cat(parts)


def resize_weights(small: int, whole: int) -> torch.Tensor:
    """Bilinear weights (small, whole) of one axis: small pixels from whole ones, pixel centres at halves.

    As a matrix, since the gradient of torch's own resizing adds up in no fixed order on a GPU.
    """
    place = ((torch.arange(small, dtype=torch.float64) + 0.5) * whole / small - 0.5).clamp_min(0)
    lower = place.floor().long().clamp_max(whole - 1)
    upper = (lower + 1).clamp_max(whole - 1)
    share, rows = place - lower, torch.arange(small)
    weights = torch.zeros(small, whole, dtype=torch.float64)
    weights[rows, lower] += 1 - share
    weights[rows, upper] += share
    return weights
