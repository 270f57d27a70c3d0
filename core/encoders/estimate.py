"""What a fit will cost before it starts: seconds, disk and memory, from two short measurements here.

One small batch goes through the network, one matrix product through the processor; the rest is counted. Good to a
factor of two: other work on the machine and a cold disk are not foreseen.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.encoders.config import EncoderConfig, ScoringConfig
from core.progress import ShouldStop, never_stop
from core.words import format_duration

if TYPE_CHECKING:
    from core.networks.network import Network

MEASURED_IMAGES = 4
PRODUCT_SIDE = 768
SPARSE_SWEEPS = 12
"""Sweeps over all weights that a penalty of a sparse path takes, as a rule."""
SPARSE_EFFICIENCY = 0.2
"""Speed of coordinate descent over that of a matrix product."""
READ_SECONDS = 0.004
"""Seconds an image takes to be read and scaled."""


@dataclass(frozen=True, slots=True)
class FitEstimate:
    """The cost of one fit.

    Parameters
    ----------
    n_images, n_cached : Images in all, and those whose features may be cached already.
    image_seconds : Of one image through the network.
    cache_bytes, memory_bytes : Features to be written, and the peak of the fit's arrays.
    """

    n_images: int
    n_cached: int
    image_seconds: float
    features_seconds: float
    readout_seconds: float
    cache_bytes: int
    memory_bytes: int

    @property
    def seconds(self) -> float:
        """Of the whole fit."""
        return self.features_seconds + self.readout_seconds

    def describe(self) -> str:
        """Lines for people: images x seconds, readouts, disk, memory."""
        fresh = self.n_images - self.n_cached
        cached = f", {self.n_cached:,} of them cached" if self.n_cached else ""
        return (
            f"Features: {self.n_images:,} images{cached}; {fresh:,} x {self.image_seconds:.3f} s = "
            f"{format_duration(self.features_seconds)}. Readouts: about {format_duration(self.readout_seconds)}. "
            f"Disk: {self.cache_bytes / 1e6:,.0f} MB. Memory: about {self.memory_bytes / 2**30:.1f} GiB."
        )


def estimate_fit(
    config: EncoderConfig,
    network: Network,
    *,
    n_images: int,
    n_voxels: int,
    scoring: ScoringConfig,
    cache: Path,
    should_stop: ShouldStop = never_stop,
) -> FitEstimate:
    """Measure and count.

    Parameters
    ----------
    network : Cut at the config's layer.
    scoring : Outer folds and categories multiply the readouts.
    cache : Root of the feature cache.

    Raises Cancelled as soon as `should_stop()` is true.
    """
    from core.encoders.features import make_extractor

    extractor = make_extractor(config, network, should_stop)
    with extractor.open_cache(cache) as opened:
        n_cached, n_inputs = min(len(opened), n_images), opened.n_inputs
    pixels = np.full((MEASURED_IMAGES, 3, network.input_size, network.input_size), 0.5, dtype=np.float32)
    extractor.extract(pixels[:1])
    started = time.perf_counter()
    extractor.extract(pixels)
    image_seconds = (time.perf_counter() - started) / MEASURED_IMAGES
    n_readouts = 1 + scoring.n_outer + len(scoring.categories)
    rank = count_rank(config, n_images, n_inputs)
    operations = n_readouts * count_operations(config, n_images, n_voxels, rank)
    operations += n_readouts * 2.0 * n_images * n_inputs * min(n_images, n_inputs, 2 * rank)
    fresh = n_images - n_cached
    bases = (config.n_folds + 2) * (n_images * rank + rank**2) * 8
    memory = bases + 8 * rank * n_voxels + 4 * n_images * n_voxels / config.n_folds + 8 * n_images * n_inputs
    return FitEstimate(
        n_images=n_images,
        n_cached=n_cached,
        image_seconds=image_seconds,
        features_seconds=fresh * image_seconds + n_images * READ_SECONDS,
        readout_seconds=operations / measure_rate(),
        cache_bytes=4 * fresh * n_inputs,
        memory_bytes=int(memory),
    )


def add_estimates(estimates: Sequence[FitEstimate]) -> FitEstimate:
    """The cost of several fits, one after another: times and disk add up, memory is that of the largest."""
    added = ("n_images", "n_cached", "features_seconds", "readout_seconds", "cache_bytes")
    sums: dict[str, Any] = {name: sum(getattr(one, name) for one in estimates) for name in added}
    fresh = [one.n_images - one.n_cached for one in estimates]
    passes = sum(count * one.image_seconds for count, one in zip(fresh, estimates, strict=True))
    seconds = passes / sum(fresh) if sum(fresh) else max(one.image_seconds for one in estimates)
    return FitEstimate(**sums, image_seconds=seconds, memory_bytes=max(one.memory_bytes for one in estimates))


def count_rank(config: EncoderConfig, n_images: int, n_inputs: int) -> int:
    """Reduced features of the config, at most."""
    if config.reducer != "pca":
        return n_inputs
    spanned = min(n_images, n_inputs)
    return min(config.n_components, spanned) if config.n_components else spanned


def count_operations(config: EncoderConfig, n_images: int, n_voxels: int, rank: int) -> float:
    """Floating-point operations of one readout with its folds, as if all were matrix products in float32."""
    decomposing = 2 * (2.0 * n_images * rank**2 + 9.0 * rank**3)  # in float64, at half the speed
    if config.is_sparse:
        path = len(config.alphas) * SPARSE_SWEEPS * 2.0 * rank**2 * n_voxels / SPARSE_EFFICIENCY
        return config.n_folds * (path + 2.0 * n_images * rank * n_voxels) + path
    aligning = 2.0 * n_images * rank * n_voxels
    predicting = 2.0 * (n_images / config.n_folds) * rank * n_voxels * len(config.alphas)
    return (config.n_folds + 1) * (decomposing + aligning) + config.n_folds * predicting


@cache
def measure_rate() -> float:
    """Floating-point operations a second of a float32 matrix product here, measured once."""
    square = np.ones((PRODUCT_SIDE, PRODUCT_SIDE), dtype=np.float32)
    square @ square
    started = time.perf_counter()
    square @ square
    return 2.0 * PRODUCT_SIDE**3 / max(time.perf_counter() - started, 1e-6)
