"""A network of a few weights and a subject of a few voxels, so that encoders can be fitted in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from core.encoders.config import EncoderConfig
from core.encoders.fit import FitSource
from core.encoders.scored import ScoredImages
from core.errors import Cancelled
from core.images.stimulus import Stimulus, make_stimulus
from core.types import VoxelTable

SIDE = 12
N_IMAGES = 60
N_REPEATS = 3
N_VOXELS = 7


class TinyNetwork(torch.nn.Module):
    """Two convolutions with the attributes of `core.networks.network.Network`; counts the images it is shown."""

    def __init__(self, *, sha256: str = "a" * 64, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.first = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.second = torch.nn.Conv2d(4, 5, 3, stride=2, padding=1)
        self.spec = SimpleNamespace(id="tiny")
        self.layer = "second"
        self.sha256 = sha256
        self.input_size = SIDE
        self.feature_shape = (5, SIDE // 2, SIDE // 2)
        self.n_features = 5 * (SIDE // 2) ** 2
        self.device = "cpu"
        self.n_shown = 0
        self.requires_grad_(False)

    @contextmanager
    def interruptible(self, should_stop: Callable[[], bool]) -> Iterator[None]:
        def look(*_: Any) -> None:
            if should_stop():
                raise Cancelled

        handles = [part.register_forward_pre_hook(look) for part in (self.first, self.second)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        self.n_shown += len(pixels)
        return torch.tanh(self.second(torch.tanh(self.first(pixels - 0.5))))


@pytest.fixture
def tiny() -> TinyNetwork:
    return TinyNetwork()


@pytest.fixture
def other_tiny() -> TinyNetwork:
    """The same architecture with other weights."""
    return TinyNetwork(sha256="b" * 64, seed=1)


@pytest.fixture
def config() -> EncoderConfig:
    return EncoderConfig("someone", "tiny", "second", pool=3, n_components=12, seed=3)


def draw_image(name: str) -> Stimulus:
    """An image that depends on its name only: smooth blobs, so that pooled features differ between images."""
    generator = np.random.default_rng(int(name.split("-")[1]))
    coarse = generator.integers(0, 256, size=(3, 3, 3), dtype=np.uint8)
    return make_stimulus(name, np.kron(coarse, np.ones((SIDE // 3, SIDE // 3, 1), dtype=np.uint8)))


@pytest.fixture
def source(tiny: TinyNetwork) -> FitSource:
    """Voxels that are linear in the network's features plus noise; the last voxel is noise alone."""
    generator = np.random.default_rng(0)
    names = tuple(f"image-{number}" for number in range(N_IMAGES))
    pixels = torch.from_numpy(np.stack([draw_image(name).pixels for name in names]))
    features = tiny(pixels).flatten(1).numpy()
    tiny.n_shown = 0
    signal = features @ generator.normal(size=(features.shape[1], N_VOXELS))
    signal = (signal - signal.mean(axis=0)) / signal.std(axis=0)
    signal[:, -1] = 0.0
    noise = generator.normal(scale=0.5, size=(N_IMAGES, N_REPEATS, N_VOXELS))
    test = np.zeros(N_IMAGES, dtype=bool)
    test[::4] = True
    voxels = VoxelTable(
        hemisphere=np.array([0, 0, 0, 1, 1, 1, 1], dtype=np.int8),
        vertex=np.arange(N_VOXELS, dtype=np.int32),
        roi=("V1", "V1", "FFA", "FFA", "FFA", "V1", ""),
        noise_ceiling=np.full(N_VOXELS, 0.5, dtype=np.float32),
        paint=np.zeros((0, 3), dtype=np.int32),
    )
    subject = SimpleNamespace(
        id="someone",
        image_ids=names,
        test=test,
        voxels=voxels,
        response_unit="% signal change",
        categories=tuple("face" if number % 3 == 0 else "place" for number in range(N_IMAGES)),
    )
    return FitSource(subject, (signal[:, None] + noise).astype(np.float32), draw_image)


@pytest.fixture
def scored(source: FitSource, tiny: TinyNetwork) -> ScoredImages:
    """The same subject with its features at hand."""
    pixels = torch.from_numpy(np.stack([draw_image(name).pixels for name in source.subject.image_ids]))
    features = torch.nn.functional.avg_pool2d(tiny(pixels), 2).flatten(1).numpy()
    tiny.n_shown = 0
    return ScoredImages(
        features=features,
        responses=source.responses.mean(axis=1, dtype=np.float64),
        images=source.subject.image_ids,
        test=source.subject.test,
        noise_ceiling=source.subject.voxels.noise_ceiling,
        response_unit="% signal change",
        network_sha256=tiny.sha256,
    )


@pytest.fixture
def image_of() -> Callable[[str], Stimulus]:
    return draw_image
