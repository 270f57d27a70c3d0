"""Gives the pooled features of images, from the cache where they are known, else from the network. Never fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from core.device import run_in_chunks
from core.encoders.card import FloatMatrix
from core.encoders.feature_cache import FeatureCache
from core.encoders.pooling import pool_features

if TYPE_CHECKING:
    from core.images.stimulus import Stimulus
    from core.networks.network import Network

IMAGES_AT_ONCE = 16
"""Images a forward pass; larger batches gain nothing on a CPU and little on a GPU at 224 x 224."""


@dataclass(frozen=True, slots=True, eq=False)
class FeatureBatch:
    """Pooled features (n, n_pooled) float32 of the next n images, and the hash of each image's pixels."""

    features: FloatMatrix
    image_sha256: tuple[str, ...]


def iter_features(
    network: Network,
    images: Sequence[str],
    *,
    load: Callable[[str], Stimulus],
    pool: int,
    cache: FeatureCache,
) -> Iterator[FeatureBatch]:
    """Yield the pooled features of images, in order, a batch at a time.

    Parameters
    ----------
    network : Network
    images : sequence of str
        Ids, given to `load`.
    load : callable
        Reads an image at the network's input size.
    pool : int
        Side of the pooled grid, 0 for none.
    cache : FeatureCache
        Of the same network, layer and pooling.
    """
    for start in range(0, len(images), IMAGES_AT_ONCE):
        stimuli = [load(image) for image in images[start : start + IMAGES_AT_ONCE]]
        known = {stimulus.sha256: cache.get(stimulus.sha256) for stimulus in stimuli}
        unknown = {stimulus.sha256: stimulus for stimulus in stimuli if known[stimulus.sha256] is None}
        if unknown:
            fresh = extract(network, np.stack([stimulus.pixels for stimulus in unknown.values()]), pool=pool)
            for sha256, features in zip(unknown, fresh, strict=True):
                cache.put(sha256, features)
                known[sha256] = features
        hashes = tuple(stimulus.sha256 for stimulus in stimuli)
        yield FeatureBatch(np.stack([features for key in hashes if (features := known[key]) is not None]), hashes)


def extract(network: Network, pixels: FloatMatrix, *, pool: int) -> FloatMatrix:
    """Pooled features (n, n_pooled) float32 of pixels (n, 3, height, width); halves the batch if memory runs out."""

    def run(start: int, stop: int) -> FloatMatrix:
        with torch.inference_mode():
            chunk = torch.from_numpy(pixels[start:stop]).to(network.device)
            return pool_features(network(chunk), pool).cpu().numpy()

    return np.concatenate(run_in_chunks(run, len(pixels), chunk=IMAGES_AT_ONCE))
