"""Fills the feature matrix of a set of images, from cache or network, reporting progress.

The matrix is held in memory: 10,000 images by 100,000 features take 4 GB; a projection makes them few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.encoders.card import FloatMatrix
from core.encoders.config import EncoderConfig
from core.encoders.feature_cache import FeatureCache, open_feature_cache
from core.encoders.features import Extractor, iter_features
from core.encoders.pooling import count_pooled
from core.encoders.projection import make_projection
from core.progress import ShouldStop

if TYPE_CHECKING:
    from core.images.stimulus import Stimulus
    from core.networks.network import Network


@dataclass(slots=True, eq=False)
class Gathered:
    """features (n_images, n_inputs) float32 and the hash of every image's pixels, filled while gathering."""

    features: FloatMatrix
    images: list[str] = field(default_factory=list)


def make_extractor(config: EncoderConfig, network: Network, should_stop: ShouldStop) -> Extractor:
    """What turns images into the inputs of the config's reducer, on the network's device."""
    projection = make_projection(network.feature_shape, config)
    if projection is not None:
        projection.to(network.device)
    return Extractor(network, config.pool, projection, should_stop)


def open_cache(config: EncoderConfig, extractor: Extractor, root: Path) -> FeatureCache:
    """The feature cache of an extractor under `root`."""
    network, projection = extractor.network, extractor.projection
    return open_feature_cache(
        root,
        network.sha256,
        network.layer,
        pool=config.pool,
        n_inputs=config.n_projected or count_pooled(network.feature_shape, config.pool),
        projection="" if projection is None else projection.sha256,
    )


def iter_gather(
    into: Gathered,
    extractor: Extractor,
    images: Sequence[str],
    *,
    load: Callable[[str], Stimulus],
    cache: FeatureCache,
    hashes: dict[str, str] | None = None,
) -> Iterator[int]:
    """Fill `into` in the order of `images`, yielding how many images are done."""
    for batch in iter_features(extractor, images, load=load, cache=cache, hashes=hashes):
        done = len(into.images) + len(batch.image_sha256)
        into.features[len(into.images) : done] = batch.features
        into.images.extend(batch.image_sha256)
        yield done


def empty_features(n_images: int, n_inputs: int) -> Gathered:
    """Room for the features of so many images."""
    return Gathered(np.empty((n_images, n_inputs), dtype=np.float32))
