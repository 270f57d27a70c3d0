"""Gives the features of images, from the cache where they are known, else from the network.

Pooled, and projected where the encoder does so: what is cached is what the reducer sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from core.device import exact_arithmetic, run_in_chunks
from core.encoders.card import FloatMatrix, FloatVector
from core.encoders.config import EncoderConfig
from core.encoders.feature_cache import FeatureCache, Gathered
from core.encoders.pooling import count_pooled, make_projection, pool_features
from core.progress import ShouldStop, check_stop, never_stop

if TYPE_CHECKING:
    from core.encoders.pooling import LayerProjection, SparseProjection
    from core.images.stimulus import Stimulus
    from core.networks.network import Network

NAME_LENGTH = 16
"""Hexadecimal digits of the network's hash in the folder name: 64 bits distinguish any two weights files."""
IMAGES_AT_ONCE = 16
"""Images a forward pass; larger batches gain nothing on a CPU and little on a GPU at 224 x 224."""


@dataclass(frozen=True, slots=True, eq=False)
class Extractor:
    """What turns an image into the inputs of a reducer: network, pooling, projection.

    Parameters
    ----------
    pool : Side of the pooled grid, 0 for none.
    should_stop : Asked inside the forward pass.
    """

    network: Network
    pool: int
    projection: SparseProjection | LayerProjection | None = None
    should_stop: ShouldStop = never_stop

    def extract(self, pixels: FloatMatrix) -> FloatMatrix:
        """Features (n, n_inputs) float32 of pixels (n, 3, height, width); halves the batch if memory runs out.

        Raises Cancelled as soon as `should_stop()` is true, within the network.
        """

        def run(start: int, stop: int) -> FloatMatrix:
            with torch.inference_mode():
                chunk = torch.from_numpy(pixels[start:stop]).to(self.network.device)
                pooled = pool_features(self.network(chunk), self.pool)
                return (pooled if self.projection is None else self.projection(pooled)).cpu().numpy()

        with self.network.interruptible(self.should_stop), exact_arithmetic():
            return np.concatenate(run_in_chunks(run, len(pixels), chunk=IMAGES_AT_ONCE))

    def open_cache(self, root: Path) -> FeatureCache:
        """The cache of this network, layer, pooling and projection under `root`, made when something is put."""
        network, projection = self.network, self.projection
        name = f"{network.sha256[:NAME_LENGTH]}-{network.layer.replace('/', '_')}-pool{self.pool}"
        if projection is None:
            return FeatureCache(root / name, count_pooled(network.feature_shape, self.pool))
        drawn = f"projected{projection.n_projected}-{projection.sha256[:NAME_LENGTH]}"
        return FeatureCache(root / f"{name}-{drawn}", projection.n_projected)


def gather(
    into: Gathered,
    extractor: Extractor,
    images: Sequence[str],
    *,
    load: Callable[[str], Stimulus],
    cache: FeatureCache,
    hashes: dict[str, str] | None = None,
) -> Iterator[int]:
    """Fill `into` in the order of `images`, a batch at a time, yielding how many images are done.

    Parameters
    ----------
    images : Ids, given to `load`.
    load : Reads an image at the network's input size.
    cache : Of the same network, layer, pooling and projection.
    hashes : Hash of each image read so far, filled as they are read: images in it and in the cache are not read again.
    """
    seen: dict[str, str] = {} if hashes is None else hashes
    for start in range(0, len(images), IMAGES_AT_ONCE):
        check_stop(extractor.should_stop)
        names = images[start : start + IMAGES_AT_ONCE]
        known: dict[str, FloatVector] = {}
        unknown: dict[str, Stimulus] = {}
        for name in names:
            if (sha256 := seen.get(name)) is not None and (features := cache.get(sha256)) is not None:
                known[sha256] = features
                continue
            stimulus = load(name)
            seen[name] = stimulus.sha256
            if (features := cache.get(stimulus.sha256)) is not None:
                known[stimulus.sha256] = features
            else:
                unknown[stimulus.sha256] = stimulus
        if unknown:
            fresh = extractor.extract(np.stack([stimulus.pixels for stimulus in unknown.values()]))
            cache.put(list(unknown), fresh)
            known |= dict(zip(unknown, fresh, strict=True))
        order = [seen[name] for name in names]
        into.features[start : start + len(order)] = [known[sha256] for sha256 in order]
        into.images.extend(order)
        yield len(into.images)


def make_extractor(config: EncoderConfig, network: Network, should_stop: ShouldStop) -> Extractor:
    """What turns images into the inputs of the config's reducer, on the network's device."""
    return Extractor(network, config.pool, make_projection(network, config), should_stop)
