"""Averages gradients over small shifts of the image, as one smoothing. Never shifts an image itself.

Dong et al. 2019, "Evading defenses to transferable adversarial examples by translation-invariant attacks",
arXiv 1904.02884: the gradient of the mean objective over shifted images is nearly the smoothed gradient, and exactly so
for a linear encoder.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

SIGMAS = 3.0
"""The largest shift lies so many standard deviations out, as published (15 pixels wide, 3 sigma)."""


def shift_weights(most: int, like: torch.Tensor) -> torch.Tensor:
    """Gaussian weights of the shifts -most ... most pixels along one axis, (2 most + 1,), adding up to 1."""
    shifts = torch.arange(-most, most + 1, dtype=torch.float64) * (SIGMAS / max(most, 1))
    weights = torch.exp(-shifts.square() / 2)
    return (weights / weights.sum()).to(like)


def average_over_shifts(gradient: torch.Tensor, most: int) -> torch.Tensor:
    """sum over shifts (a, b) of w_a w_b gradient moved by (a, b), zeros moving in at the borders.

    Parameters
    ----------
    gradient : (n, channels, height, width)
    most : int
        Largest shift in pixels; 0 returns the gradient itself.
    """
    if most == 0:
        return gradient
    channels = gradient.shape[1]
    weights = shift_weights(most, gradient)
    rows = weights.view(1, 1, -1, 1).repeat(channels, 1, 1, 1)
    smoothed = F.conv2d(gradient, rows, padding=(most, 0), groups=channels)
    return F.conv2d(smoothed, rows.transpose(2, 3), padding=(0, most), groups=channels)
