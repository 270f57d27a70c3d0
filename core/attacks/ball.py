"""Where perturbed pixels may lie: within epsilon of the clean image, in [0, 1], and on the 8-bit grid if asked.

A perturbation is carried as delta = pixels - clean; of a masked attack as the z of delta = m z (`core.attacks.mask`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from core.attacks.mask import Mask
from core.attacks.norms import Norm
from core.checks import refusal
from core.images.stimulus import GREY_LEVELS
from core.seeds import make_stream

ON_GRID = 1e-3
"""A clean pixel farther than this from a whole grey level is not 8-bit; float32 errors are 1e-5 levels."""


class Ball:
    """The allowed perturbations of a batch of images, each with its own budget.

    Parameters
    ----------
    clean : (n, channels, height, width). Pixels in [0, 1].
    epsilon : (n,). Budget of each image, in [0, 1] pixel units.
    quantise : Only whole grey levels are delivered. An 8-bit perturbation is counted in levels k' - k, which is exact;
        the float32 numbers k / 255 add up to 6e-8 a pixel. Under Linf a budget below 1/255 then leaves the image as it
        is.
    mask : (height, width), in [0, 1]. Where the image may change; None is everywhere.

    Raises BadInputError if `quantise` is asked of clean pixels that are not 8-bit themselves.
    """

    def __init__(
        self,
        norm: Norm,
        clean: torch.Tensor,
        epsilon: torch.Tensor,
        *,
        quantise: bool = False,
        mask: torch.Tensor | None = None,
    ) -> None:
        self.norm = norm
        self.clean = clean
        self.epsilon = epsilon.to(clean)
        self.quantise = quantise
        self.mask = mask
        self._bounds = unmask(-clean, mask), unmask(1 - clean, mask)
        # Divided by as a tensor: CUDA turns division by a number into a product with its rounded inverse.
        self._white = torch.full((), GREY_LEVELS, dtype=clean.dtype, device=clean.device)
        self._clean_levels = torch.round(clean * self._white)
        if quantise and (off := (clean * self._white - self._clean_levels).abs().max().item()) > ON_GRID:
            allowed = "8-bit grey levels k / 255 for an attack that quantises"
            raise refusal("clean", allowed=allowed, got=f"a pixel {off:.3g} levels off")

    def project(self, delta: torch.Tensor) -> torch.Tensor:
        """The nearest allowed perturbation, before rounding to grey levels."""
        return self.norm.project(delta, self.epsilon, self._bounds)

    def to_pixels(self, delta: torch.Tensor) -> torch.Tensor:
        """The pixels that a projected perturbation stands for, rounded to grey levels if asked."""
        delta = self.within(delta)
        if not self.quantise:
            return self.clean + delta
        levels = self.norm.round_levels(delta * self._white, self.epsilon * self._white)
        return (self._clean_levels + levels).clamp_(0, GREY_LEVELS) / self._white

    def within(self, values: torch.Tensor) -> torch.Tensor:
        """Values times the mask: of z the perturbation, of a gradient in the pixels that in z."""
        return values if self.mask is None else values * self.mask

    def steepest(self, gradient: torch.Tensor) -> torch.Tensor:
        """The step of size 1 that gains most to first order, of the gradient in the pixels."""
        return self.norm.steepest(self.within(gradient))

    def draw_start(self, seed: int, restart: int, keys: Sequence[str]) -> torch.Tensor:
        """Perturbations drawn uniformly from the ball, then cut at the pixel bounds.

        Each image has its own stream, named by its key, so that its start does not depend on its neighbours.
        """
        shape = tuple(self.clean.shape[1:])
        draws = [self.norm.draw_inside(shape, make_stream(seed, "start", restart, key)) for key in keys]
        inside = torch.from_numpy(np.stack(draws)).to(self.clean)
        return torch.clamp(inside * self.epsilon.view(-1, 1, 1, 1), *self._bounds)

    def scale_to_budget(self, direction: torch.Tensor) -> torch.Tensor:
        """Pixels clean + s direction, cut at [0, 1], of size epsilon, or as near below as there is room for."""
        direction, size, lower, upper = map(widen, (direction, self.epsilon, *self._bounds))
        delta = self.norm.scale_to_budget(direction, size, (lower, upper))
        return self.enforce_exactly(self.to_pixels(delta.to(self.clean)))

    def enforce_exactly(self, pixels: torch.Tensor) -> torch.Tensor:
        """Make pixels keep budget and bounds to the last bit, by moving them toward the clean image.

        Float32 addition rounds pixel by pixel, which can leave a small ball by more than 1e-6 of its size. Here sizes
        are measured in float64, and a value that rounding moved outward is set to its neighbour toward the clean
        pixel. Pixels rounded to grey levels are within the budget by construction and stay as they are.
        """
        if self.quantise:
            return pixels
        clean = widen(self.clean)
        delta = self.norm.shrink(widen(pixels) - clean, widen(self.epsilon))
        exact = (clean + delta).clamp(0, 1).to(torch.float32)
        outward = (exact.double() - clean).abs() > delta.abs()
        exact = torch.where(outward, torch.nextafter(exact, clean.to(torch.float32)), exact)
        return exact.to(pixels)


def render_mask(mask: Mask | None, like: torch.Tensor) -> torch.Tensor | None:
    """A mask (height, width) for images like these, on their device; None is everywhere. Raises as `Mask.render`."""
    return None if mask is None else torch.tensor(mask.render(like.shape[-1])).to(like)


def apply_mask(values: torch.Tensor, mask: Mask | None) -> torch.Tensor:
    """Values (..., height, width) times a mask; None is everywhere. Raises as `Mask.render`."""
    rendered = render_mask(mask, values)
    return values if rendered is None else values * rendered


def unmask(delta: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """The z of a perturbation delta = m z, 0 where the mask is."""
    if mask is None:
        return delta
    return torch.where(mask > 0, delta / mask.clamp_min(torch.finfo(delta.dtype).tiny), 0.0)


def widen(values: torch.Tensor) -> torch.Tensor:
    """The same values in float64 on the CPU (Apple's GPUs have no float64)."""
    return values.detach().cpu().double()
