"""Turns gradients into the direction of a step: diverse inputs, then shifts, then momentum.

Without any of the three it is exactly the gradient of `objective.value_and_gradient`. Momentum: Dong et al. 2018, arXiv
1710.06081.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from core.attacks.diversity import draw_shrinking, pull_back, shrink_images
from core.attacks.norms import IMAGE_AXES
from core.attacks.objective import Differentiable, Scores
from core.attacks.run_context import RunContext

SIGMAS = 3.0
"""The largest shift lies so many standard deviations out, as published (15 pixels wide, 3 sigma)."""


class GradientRule:
    """Gives the gradient of a step; holds the gradients added up so far."""

    def __init__(self, objective: Differentiable, context: RunContext) -> None:
        self._objective = objective
        self._config = context.config
        self._streams = context.make_streams("diversity")
        self._gathered: torch.Tensor | None = None

    def gradient_at(self, pixels: torch.Tensor) -> tuple[Scores, torch.Tensor]:
        """The scores of exactly these pixels and the gradient to follow from them, (n, 3, height, width)."""
        scores, gradient = (
            self._gradient_at_varied(pixels) if self._config.diversity else self._objective.value_and_gradient(pixels)
        )
        gradient = average_over_shifts(gradient, self._config.translation)
        return scores, self._gather(gradient) if self._config.decay else gradient

    def forget(self) -> None:
        """Start adding up anew."""
        self._gathered = None

    def _gradient_at_varied(self, pixels: torch.Tensor) -> tuple[Scores, torch.Tensor]:
        """The gradient at randomly changed images; scores need a pass of their own, at the unchanged ones."""
        side = pixels.shape[-1]
        choices = [draw_shrinking(side, self._config.diversity, stream) for stream in self._streams]
        if not any(choices):
            return self._objective.value_and_gradient(pixels)
        _, gradient = self._objective.value_and_gradient(shrink_images(pixels, choices))
        return self._objective.score(pixels), pull_back(gradient, choices)

    def _gather(self, gradient: torch.Tensor) -> torch.Tensor:
        """g <- decay g + gradient / ||gradient||_1."""
        length = torch.linalg.vector_norm(gradient, ord=1, dim=IMAGE_AXES, keepdim=True)
        fresh = gradient / length.clamp_min(torch.finfo(gradient.dtype).tiny)
        self._gathered = fresh if self._gathered is None else self._config.decay * self._gathered + fresh
        return self._gathered


def shift_weights(most: int, like: torch.Tensor) -> torch.Tensor:
    """Gaussian weights of the shifts -most ... most pixels along one axis, (2 most + 1,), adding up to 1."""
    shifts = torch.arange(-most, most + 1, dtype=torch.float64) * (SIGMAS / max(most, 1))
    weights = torch.exp(-shifts.square() / 2)
    return (weights / weights.sum()).to(like)


def average_over_shifts(gradient: torch.Tensor, most: int) -> torch.Tensor:
    """sum over shifts (a, b) of w_a w_b gradient moved by (a, b), zeros moving in at the borders.

    It is nearly the gradient of the mean objective over shifted images, and exactly so for a linear encoder (Dong et
    al. 2019, arXiv 1904.02884).

    `gradient` (n, channels, height, width). `most`: largest shift in pixels; 0 returns the gradient itself.
    """
    if most == 0:
        return gradient
    channels = gradient.shape[1]
    weights = shift_weights(most, gradient)
    rows = weights.view(1, 1, -1, 1).repeat(channels, 1, 1, 1)
    smoothed = F.conv2d(gradient, rows, padding=(most, 0), groups=channels)
    return F.conv2d(smoothed, rows.transpose(2, 3), padding=(0, most), groups=channels)
