"""Whole encoders of a user, as functions that a test imports by name: linear, wrapped, large, and all kinds of bad."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

SIDE, N_VOXELS = 32, 12
N_LARGE = 330_000


def draw_weights(seed: int = 0) -> np.ndarray[Any, Any]:
    """(N_VOXELS, 3 * SIDE * SIDE), and the same at every call."""
    generator = np.random.default_rng(seed)
    return (generator.standard_normal((N_VOXELS, 3 * SIDE * SIDE)) / SIDE).astype(np.float32)


class Linear(nn.Module):
    """Responses W x + 1."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.from_numpy(draw_weights(seed)))

    def forward(self, pixels: torch.Tensor) -> Any:
        return pixels.flatten(1) @ self.weight.T + 1.0


def make_linear() -> nn.Module:
    return Linear()


def make_other() -> nn.Module:
    """Responses V x + 1 of other weights."""
    return Linear(seed=1)


def make_third() -> nn.Module:
    return Linear(seed=2)


class InPlace(Linear):
    def forward(self, pixels: torch.Tensor) -> Any:
        pixels -= 0.5
        return super().forward(pixels)


class Keyed(Linear):
    def forward(self, pixels: torch.Tensor) -> Any:
        return {"betas": super().forward(pixels), "logits": pixels.mean((2, 3))}


class Listed(Linear):
    def forward(self, pixels: torch.Tensor) -> Any:
        return super().forward(pixels), pixels


class Maps(Linear):
    def forward(self, pixels: torch.Tensor) -> Any:
        return pixels


class Numpy(Linear):
    def forward(self, pixels: torch.Tensor) -> Any:
        return torch.from_numpy(pixels.numpy().reshape(len(pixels), -1)[:, :N_VOXELS].copy())


class OfBatch(Linear):
    def forward(self, pixels: torch.Tensor) -> Any:
        return super().forward(pixels - pixels.mean(0, keepdim=True))


class Infinite(Linear):
    def forward(self, pixels: torch.Tensor) -> Any:
        return super().forward(pixels) / 0.0


class Constant(Linear):
    def forward(self, pixels: torch.Tensor) -> Any:
        return super().forward(pixels) * 0.0


class Detached(Linear):
    def forward(self, pixels: torch.Tensor) -> Any:
        return super().forward(pixels).detach()


class Channels(Linear):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(4, 3, 1)

    def forward(self, pixels: torch.Tensor) -> Any:
        return super().forward(self.first(pixels))


def make_in_place() -> nn.Module:
    return InPlace()


def make_keyed() -> nn.Module:
    return Keyed()


def make_listed() -> nn.Module:
    return Listed()


def make_maps() -> nn.Module:
    return Maps()


def make_numpy() -> nn.Module:
    return Numpy()


def make_of_batch() -> nn.Module:
    return OfBatch()


def make_infinite() -> nn.Module:
    return Infinite()


def make_constant() -> nn.Module:
    return Constant()


def make_detached() -> nn.Module:
    return Detached()


def make_channels() -> nn.Module:
    return Channels()


def make_asking_the_network() -> nn.Module:
    raise ConnectionError("no route to host")


class AskingWhenRun(Linear):
    def forward(self, pixels: torch.Tensor) -> Any:
        raise ConnectionError("no route to host")


class Empty(Linear):
    def forward(self, pixels: torch.Tensor) -> Any:
        return super().forward(pixels)[:, :0]


class Rounded(Linear):
    def forward(self, pixels: torch.Tensor) -> Any:
        return super().forward(pixels).round()


class Doubled(Linear):
    def forward(self, pixels: torch.Tensor) -> Any:
        return super().forward(pixels).double()


class ModelLoadError(Exception):
    """A package has exceptions of its own."""


def make_asking_when_run() -> nn.Module:
    return AskingWhenRun()


def make_refusing() -> nn.Module:
    raise ModelLoadError("Failed to load model: no file.\nMore.")


def make_refusing_silently() -> nn.Module:
    raise AssertionError


def make_empty() -> nn.Module:
    return Empty()


def make_rounded() -> nn.Module:
    return Rounded()


def make_double() -> nn.Module:
    return Doubled()


def make_wrapped() -> nn.Module:
    """The embedded encoder of mobilenet_v2 as one module: pixels to the responses of the simulated subject."""
    from core.engine import Engine

    return Engine(device="cpu").open_encoder("simulated", "mobilenet_v2", "features.18")


class Large(nn.Module):
    """330,000 responses, each its own mix of 8 means over columns of pixels: w_v . means."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.mixing = nn.Parameter(torch.randn(N_LARGE, 8, generator=generator))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.mean((1, 2)).reshape(len(pixels), 8, -1).mean(2) @ self.mixing.T


def make_large() -> nn.Module:
    return Large()
