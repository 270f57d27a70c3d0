"""The norms that bound a perturbation, each an object with the same few moves, so that no loop asks which it is.

Every method takes perturbations (n, channels, height, width) and budgets (n,), one an image, in [0, 1] pixel units.

size, shrink and project: ||delta||; the nearest perturbation of size <= epsilon, without pixel bounds, and with
    lower <= delta <= upper, where `bounds` are lower <= 0 <= upper.
dual_size and steepest: max over ||delta|| <= 1 of gradient . delta, the first-order gain of a unit budget, and the
    perturbation of size 1 that gains it; 0 where the gradient is 0.
scale_to_budget: clamp(s direction) with s >= 0 so that its size is `size`, or the largest the bounds allow.
round_levels: whole grey levels near `levels` (in grey levels), of size <= most (n,) in grey levels.
draw_inside and draw_direction: one point drawn uniformly from the unit ball, and one random direction of size 1, for
    controls, of shape (channels, height, width).
"""

from __future__ import annotations

import numpy as np
import torch

from core.attacks.rounding import round_within_box, round_within_sphere
from core.types import FloatArray, NormName

IMAGE_AXES = (1, 2, 3)

Bounds = tuple[torch.Tensor, torch.Tensor]

MOST_ROUNDS = 60
"""Rounds of the projection on ball and bounds; photographs take none to four."""


class L2Norm:
    """||delta|| = sqrt(sum delta^2); its dual is itself."""

    name = NormName.L2
    round_levels = staticmethod(round_within_sphere)

    def size(self, delta: torch.Tensor) -> torch.Tensor:
        """Euclidean length, (n,)."""
        return _length(delta, 2)

    def dual_size(self, gradient: torch.Tensor) -> torch.Tensor:
        """||gradient||_2, (n,)."""
        return self.size(gradient)

    def steepest(self, gradient: torch.Tensor) -> torch.Tensor:
        """gradient / ||gradient||_2."""
        return gradient * _per_image(1 / _not_zero(self.size(gradient)))

    def shrink(self, delta: torch.Tensor, epsilon: torch.Tensor) -> torch.Tensor:
        """delta min(1, epsilon / ||delta||_2)."""
        return delta * _per_image((epsilon / _not_zero(self.size(delta))).clamp_max(1))

    def project(self, delta: torch.Tensor, epsilon: torch.Tensor, bounds: Bounds) -> torch.Tensor:
        """clamp(s delta) with the largest s <= 1 that keeps the size within epsilon.

        This is the projection on ball and bounds together (their KKT conditions ask for exactly this form). Shrinking
        and then clamping, the usual way, also stays inside but leaves budget unused wherever a pixel meets a bound.
        """
        scale = (epsilon / _not_zero(self.size(delta))).clamp_max(1)
        return self._scale_from(delta, scale, epsilon, bounds, most=1.0)

    def scale_to_budget(self, direction: torch.Tensor, size: torch.Tensor, bounds: Bounds) -> torch.Tensor:
        """clamp(s direction) of Euclidean length `size`, or all the way to the bounds where that is shorter."""
        most = torch.finfo(direction.dtype).max ** 0.5
        scale = (size / _not_zero(self.size(direction))).clamp_max(most)
        return self._scale_from(direction, scale, size, bounds, most=most)

    def draw_inside(self, shape: tuple[int, ...], stream: np.random.Generator) -> FloatArray:
        """A random direction at radius u^(1/d), u uniform in [0, 1]: uniform in volume, so nearly always far out."""
        radius = stream.random() ** (1 / np.prod(shape))
        return np.asarray(self.draw_direction(shape, stream) * np.float32(radius))

    def draw_direction(self, shape: tuple[int, ...], stream: np.random.Generator) -> FloatArray:
        """Independent normal values, divided by their length."""
        values = stream.standard_normal(shape, dtype=np.float32)
        return np.asarray(values / np.float32(np.linalg.norm(values.ravel().astype(np.float64))))

    def _scale_from(
        self, direction: torch.Tensor, scale: torch.Tensor, size: torch.Tensor, bounds: Bounds, *, most: float
    ) -> torch.Tensor:
        """Raise s from `scale` up to `most` until ||clamp(s direction)|| is `size`: pixels at a bound leave it.

        s'^2 = s^2 + (size^2 - ||clamp(s direction)||^2) / sum of the free direction^2. A larger s can only clamp more
        pixels, so the size is approached from below and no round oversteps it. Masks are slow on a CPU; away from black
        and white the first check of the size ends it before any is made.
        """
        for _ in range(MOST_ROUNDS):
            unclamped = direction * _per_image(scale)
            delta = torch.clamp(unclamped, *bounds)
            reached = self.size(delta)
            short = (reached < size * (1 - 8 * torch.finfo(direction.dtype).eps)) & (scale < most)
            if not bool(short.any()):
                break
            loose = self.size(direction * (delta == unclamped).to(direction.dtype)).square()
            larger = (scale.square() + (size.square() - reached.square()) / _not_zero(loose)).sqrt().clamp_max(most)
            if bool((larger * short <= scale).all()):
                break
            scale = torch.where(short & (loose > 0), larger, scale)
        return delta


class LinfNorm:
    """||delta|| = max |delta|; its dual is the sum of absolute values."""

    name = NormName.LINF
    round_levels = staticmethod(round_within_box)

    def size(self, delta: torch.Tensor) -> torch.Tensor:
        """Largest absolute change, (n,)."""
        return _length(delta, torch.inf)

    def dual_size(self, gradient: torch.Tensor) -> torch.Tensor:
        """||gradient||_1, (n,)."""
        return _length(gradient, 1)

    def steepest(self, gradient: torch.Tensor) -> torch.Tensor:
        """sign(gradient)."""
        return torch.sign(gradient)

    def shrink(self, delta: torch.Tensor, epsilon: torch.Tensor) -> torch.Tensor:
        """Clamp every value to [-epsilon, epsilon]."""
        return torch.clamp(delta, -_per_image(epsilon), _per_image(epsilon))

    def project(self, delta: torch.Tensor, epsilon: torch.Tensor, bounds: Bounds) -> torch.Tensor:
        """Clamp to both boxes; their order does not matter."""
        return torch.clamp(self.shrink(delta, epsilon), *bounds)

    def scale_to_budget(self, direction: torch.Tensor, size: torch.Tensor, bounds: Bounds) -> torch.Tensor:
        """clamp(s direction), s so that the farthest pixel with room for it moves by `size`; all the way if none."""
        lower, upper = bounds
        room = torch.where(direction > 0, upper, -lower)
        reaching = torch.where(room >= _per_image(size), direction.abs(), 0.0).amax(IMAGE_AXES)
        scale = torch.where(reaching > 0, size / _not_zero(reaching), torch.finfo(direction.dtype).max ** 0.5)
        return self.project(direction * _per_image(scale), size, bounds)

    def draw_inside(self, shape: tuple[int, ...], stream: np.random.Generator) -> FloatArray:
        """Independent values, uniform in [-1, 1]."""
        return np.asarray(stream.uniform(-1, 1, shape).astype(np.float32))

    def draw_direction(self, shape: tuple[int, ...], stream: np.random.Generator) -> FloatArray:
        """Independent random signs: like the steps of an attack under this norm, so that L2 sizes match as well."""
        return np.asarray(2 * stream.integers(0, 2, shape).astype(np.float32) - 1)


Norm = L2Norm | LinfNorm

NORMS: dict[NormName, Norm] = {NormName.L2: L2Norm(), NormName.LINF: LinfNorm()}
"""The norm object of each name."""


def _length(values: torch.Tensor, order: float) -> torch.Tensor:
    length: torch.Tensor = torch.linalg.vector_norm(values, ord=order, dim=IMAGE_AXES)
    return length


def _per_image(values: torch.Tensor) -> torch.Tensor:
    return values.view(-1, 1, 1, 1)


def _not_zero(sizes: torch.Tensor) -> torch.Tensor:
    """Sizes to divide by: 0 becomes the smallest normal number, so that 0 / size stays 0 and not NaN."""
    return sizes.clamp_min(torch.finfo(sizes.dtype).tiny)
