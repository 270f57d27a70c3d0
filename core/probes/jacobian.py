"""Gradients of reduced features and sizes of all voxels' gradients, for one image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from core.attacks.objective import run_network
from core.encoders.encoder import Encoder

CHUNK = 4096
"""Pixel values mixed at a time: (n_voxels, CHUNK) floats fit the processor's cache better than all at once."""


def iter_rows(encoder: Encoder, pixels: torch.Tensor) -> Iterator[torch.Tensor]:
    """The gradient (3 height width,) of each reduced feature at pixels (1, 3, height, width), a backward pass each.

    Raises NoGradientError if the network hands none on.
    """
    leaf = pixels.detach().requires_grad_(True)
    with torch.enable_grad():
        reduced = encoder.reduce(run_network(encoder, leaf))
    for index in range(encoder.rank):
        (gradient,) = torch.autograd.grad(reduced[0, index], leaf, retain_graph=index + 1 < encoder.rank)
        yield gradient.flatten()


@dataclass(frozen=True, slots=True, eq=False)
class GradientSizes:
    """Running sums over pixels of every voxel's gradient, (n_voxels,): squares and absolute values."""

    squares: torch.Tensor
    absolutes: torch.Tensor


def stack_rows(rows: list[torch.Tensor]) -> torch.Tensor:
    """The rows as one matrix (rank, 3 height width)."""
    return torch.stack(rows)


def count_chunks(n_values: int) -> int:
    """Number of chunks `iter_sizes` takes for so many pixel values."""
    return -(-n_values // CHUNK)


def iter_sizes(rows: torch.Tensor, weights: torch.Tensor) -> Iterator[GradientSizes]:
    """Sum over chunks of pixels; the last record holds all of them.

    gradient of voxel v = sum_k weights[k, v] rows[k]

    `rows` (rank, 3 height width). `weights` (rank, n_voxels).
    """
    squares = torch.zeros(weights.shape[1], dtype=weights.dtype, device=weights.device)
    absolutes = torch.zeros_like(squares)
    mixing = weights.T.contiguous()
    for chunk in torch.split(rows, CHUNK, dim=1):
        gradients = mixing @ chunk
        squares = squares + gradients.square().sum(dim=1)
        absolutes = absolutes + gradients.abs_().sum(dim=1)
        yield GradientSizes(squares, absolutes)
