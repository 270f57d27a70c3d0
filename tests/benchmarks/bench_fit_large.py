"""A fit of the size of a natural-scenes recording: 10,000 images, 20,000 voxels, 2,048 features. Time and peak memory.

Simulated responses lie in a memory-mapped file, as imported recordings do. Penalties per voxel by 5 folds over 15
values, scores on 1,000 held-out images. In a process of its own, so that the peak is that of the fit.

Run: python -m tests.benchmarks.bench_fit_large [--images N] [--voxels N] [--features N]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from core.encoders.config import EncoderConfig, ScoringConfig
from core.encoders.scored import ScoredImages
from core.encoders.solve import iter_solve
from tests.benchmarks.peak_memory import peak_bytes

MOST_GIB = 24.0
HELD_OUT_SHARE = 10


def peak_gib() -> float:
    """Largest memory of this process so far."""
    return peak_bytes() / 2**30


def simulate(path: Path, n_images: int, n_voxels: int, n_features: int) -> tuple[np.ndarray, np.memmap]:
    """Features with a falling spectrum, and noisy linear responses of signal share 0.2, written block by block."""
    generator = np.random.default_rng(0)
    spectrum = np.arange(1, n_features + 1, dtype=np.float32) ** -0.5
    features = generator.standard_normal((n_images, n_features), dtype=np.float32) * spectrum
    responses = np.memmap(path, dtype=np.float32, mode="w+", shape=(n_images, 1, n_voxels))
    scale = np.float32(0.5 / np.sqrt((spectrum**2).sum()))
    for start in range(0, n_voxels, 1000):
        count = min(1000, n_voxels - start)
        readout = generator.standard_normal((n_features, count), dtype=np.float32)
        noise = generator.standard_normal((n_images, count), dtype=np.float32)
        responses[:, 0, start : start + count] = features @ readout * scale + noise
    responses.flush()
    return features, np.memmap(path, dtype=np.float32, mode="r", shape=(n_images, 1, n_voxels))


def main(arguments: list[str] | None = None) -> bool:
    """Print time and memory; whether the peak stays within `MOST_GIB`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--voxels", type=int, default=20_000)
    parser.add_argument("--features", type=int, default=2048)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        features, responses = simulate(Path(folder) / "r", options.images, options.voxels, options.features)
        before = peak_bytes() / 2**30
        data = ScoredImages(
            features=features,
            responses=responses[:, 0],
            images=tuple(str(number) for number in range(options.images)),
            test=np.arange(options.images) % HELD_OUT_SHARE == 0,
            noise_ceiling=np.full(options.voxels, 0.2, np.float32),
            response_unit="simulated",
            network_sha256="0" * 64,
        )
        config = EncoderConfig("simulated", "none", "none", reducer="none")
        cpu, wall = time.process_time(), time.perf_counter()
        for step in iter_solve(config, data, scoring=ScoringConfig(n_bootstrap=1000)):
            print(f"\r{step.what} {step.done}/{step.total}, peak {peak_gib():.2f} GiB", end="", flush=True)
    if step.result is None:
        raise RuntimeError("The fit ended without a result.")
    card = step.result.card
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(f"\n{options.images} images x {options.voxels} voxels x {options.features} features, 15 penalties, 5 folds")
    print(f"  {cpu:.0f} s of processor time, {wall:.0f} s on the wall; 1,000 bootstrap resamples included")
    print(f"  peak {peak_gib():.2f} GiB, {before:.2f} GiB of it before the fit; held-out r {np.median(card.r):.3f}")
    return peak_gib() <= MOST_GIB


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
