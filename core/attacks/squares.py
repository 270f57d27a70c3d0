"""Random squares that a black-box attack puts into a perturbation, under either norm.

Andriushchenko et al. 2020, "Square attack: a query-efficient black-box adversarial attack via random search",
arXiv 1912.00049, algorithms 2 and 3.
"""

from __future__ import annotations

import numpy as np
import torch

from core.types import FloatArray, NormName

HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Queries out of `SCHEDULE_LENGTH` after which the share of changed pixels is halved, stretched to the run's length."""

SCHEDULE_LENGTH = 10_000
TILES = 5
"""Bumps along a side of the L2 start."""

SMALLEST_BUMP = 3


class LinfSquares:
    """Stripes of +-epsilon at first, then squares of +-epsilon, one sign a channel."""

    first_share = 0.05

    def begin(self, shape: tuple[int, ...], epsilon: float, stream: np.random.Generator) -> torch.Tensor:
        """Vertical stripes, a random sign for every column and channel."""
        channels, height, width = shape
        signs = torch.from_numpy(_draw_signs((channels, 1, width), stream))
        return epsilon * signs.expand(channels, height, width)

    def change(self, delta: torch.Tensor, epsilon: float, share: float, *, stream: np.random.Generator) -> torch.Tensor:
        """One square set to +-epsilon, a random sign a channel."""
        side = delta.shape[-1]
        width = min(side, max(1, round(side * share**0.5)))
        top, left = stream.integers(0, side - width + 1, 2).tolist()
        changed = delta.clone()
        signs = torch.from_numpy(_draw_signs((delta.shape[0], 1, 1), stream)).to(delta)
        changed[:, top : top + width, left : left + width] = epsilon * signs
        return changed


class L2Squares:
    """Bumps on a grid at first; then a bump moves budget from one square to another."""

    first_share = 0.1

    def begin(self, shape: tuple[int, ...], epsilon: float, stream: np.random.Generator) -> torch.Tensor:
        """A grid of bumps with random signs."""
        channels, side, _ = shape
        width = max(SMALLEST_BUMP, -(-side // TILES))
        count = -(-side // width)
        signs = _draw_signs((channels, count, count), stream)
        grid = np.kron(signs, draw_bump(width, stream)).astype(np.float32)[:, :side, :side]
        return torch.from_numpy(epsilon * grid / np.linalg.norm(grid))

    def change(self, delta: torch.Tensor, epsilon: float, share: float, *, stream: np.random.Generator) -> torch.Tensor:
        """Empty one square and give its budget, with what was unused, to a bump added in another one."""
        channels, side = delta.shape[0], delta.shape[-1]
        width = max(SMALLEST_BUMP, round(side * share**0.5)) | 1
        width = min(width, side)
        (top, left), (other_top, other_left) = stream.integers(0, side - width + 1, (2, 2)).tolist()
        here = (slice(None), slice(top, top + width), slice(left, left + width))
        there = (slice(None), slice(other_top, other_top + width), slice(other_left, other_left + width))
        either = torch.zeros_like(delta)
        either[here] = either[there] = 1
        freed = (delta * either).square().sum(dim=(1, 2), keepdim=True)
        unused = max(epsilon**2 - float(delta.square().sum()), 0.0) / channels
        signs = torch.from_numpy(_draw_signs((channels, 1, 1), stream)).to(delta)
        bump = signs * torch.from_numpy(draw_bump(width, stream)).to(delta)
        old = delta[here] / _length(delta[here])
        fresh = bump + old
        fresh = fresh / _length(fresh) * (freed + unused).sqrt()
        changed = delta.clone()
        changed[there] = 0
        changed[here] = fresh
        return changed


Squares = LinfSquares | L2Squares
"""Makes the start of one image's perturbation (channels, side, side), of size epsilon, and its changes, each of about a
share of its pixels and not yet projected."""

SQUARES: dict[NormName, Squares] = {NormName.LINF: LinfSquares(), NormName.L2: L2Squares()}
"""The squares of each norm."""


def changed_share(first: float, query: int, n_queries: int) -> float:
    """The share of pixels a square covers at a query (from 0): halved on the schedule stretched to `n_queries`."""
    place = query * SCHEDULE_LENGTH / n_queries
    return first / 2.0 ** sum(place > halving for halving in HALVINGS)


def draw_bump(width: int, stream: np.random.Generator) -> FloatArray:
    """A bump (width, width) of Euclidean length 1: two rectangles of nested frames, opposite in sign.

    The two halves lie one above or beside the other at random.
    """
    half = width // 2
    bump = np.zeros((width, width), dtype=np.float32)
    bump[:half] = _nest(half, width)
    bump[half:] = -_nest(width - half, width)
    length = float(np.linalg.norm(bump))
    bump = (bump / length if length > 0 else bump).astype(np.float32)
    return bump.T.copy() if stream.random() > 0.5 else bump


def _nest(height: int, width: int) -> FloatArray:
    """Frames within frames, each adding 1 / (distance from the centre's frame + 1)^2, largest in the middle."""
    values = np.zeros((height, width), dtype=np.float32)
    rows, columns = height // 2, width // 2
    for frame in range(max(rows, columns) + 1):
        top, left = max(rows - frame, 0), max(columns - frame, 0)
        values[top : rows + frame + 1, left : columns + frame + 1] += 1 / (frame + 1) ** 2
    return values


def _draw_signs(shape: tuple[int, ...], stream: np.random.Generator) -> FloatArray:
    return (2 * stream.integers(0, 2, shape) - 1).astype(np.float32)


def _length(values: torch.Tensor) -> torch.Tensor:
    """Euclidean length over a square, one a channel."""
    return values.square().sum(dim=(1, 2), keepdim=True).sqrt().clamp_min(1e-10)
