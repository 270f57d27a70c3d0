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
    return torch.cat([_place(pixels[index : index + 1], choice) for index, choice in enumerate(choices)])


def pull_back(gradient: torch.Tensor, choices: list[Shrinking | None]) -> torch.Tensor:
    """The gradient with respect to the images, from that with respect to the shrunken and padded ones."""
    return torch.cat([_take_back(gradient[index : index + 1], choice) for index, choice in enumerate(choices)])


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


def _place(image: torch.Tensor, choice: Shrinking | None) -> torch.Tensor:
    if choice is None:
        return image
    weights, rest = resize_weights(choice.side, image.shape[-1]).to(image), image.shape[-1] - choice.side
    small = weights @ image @ weights.T
    return F.pad(small, (choice.left, rest - choice.left, choice.top, rest - choice.top))


def _take_back(gradient: torch.Tensor, choice: Shrinking | None) -> torch.Tensor:
    if choice is None:
        return gradient
    weights = resize_weights(choice.side, gradient.shape[-1]).to(gradient)
    rows, columns = (slice(first, first + choice.side) for first in (choice.top, choice.left))
    return weights.T @ gradient[..., rows, columns] @ weights
