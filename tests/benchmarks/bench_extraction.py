"""Extraction of features with pooling, hashing and cache, over the bare network on the same pixels; and from the cache.

Run: python -m tests.benchmarks.bench_extraction [--network ID] [--layer NAME] [--images N] [--turns N]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch

from core.datasets.photos import list_images, load_stimulus
from core.encoders.feature_cache import FeatureCache, Gathered
from core.encoders.features import IMAGES_AT_ONCE, Extractor, gather
from core.encoders.pooling import count_pooled
from core.networks.load import load_network
from tests.benchmarks.interleave import set_one_thread, time_interleaved

BUDGET = 1.15
"""Largest time over the bare network, reading the images apart."""


def main(arguments: list[str] | None = None) -> bool:
    """Print the ratios; whether a first extraction stays within `BUDGET`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="mobilenet_v2")
    parser.add_argument("--layer", default="features.13")
    parser.add_argument("--images", type=int, default=48)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args(arguments)
    set_one_thread()
    network = load_network(options.network, options.layer)
    names = [info.id for info in list_images()[: options.images]]
    read = {name: load_stimulus(name, network.input_size) for name in names}
    pixels = torch.from_numpy(np.stack([read[name].pixels for name in names]))
    extractor, n_inputs = Extractor(network, 4), count_pooled(network.feature_shape, 4)
    with tempfile.TemporaryDirectory() as folder:
        number = iter(range(10**6))

        def run_bare() -> None:
            with torch.inference_mode():
                for start in range(0, len(pixels), IMAGES_AT_ONCE):
                    network(pixels[start : start + IMAGES_AT_ONCE])

        def extract(place: Path) -> None:
            with FeatureCache(place, n_inputs) as cache:
                into = Gathered(np.empty((len(names), n_inputs), dtype=np.float32))
                for _ in gather(into, extractor, names, load=read.__getitem__, cache=cache):
                    pass

        tasks = {
            "bare network": run_bare,
            "first extraction": lambda: extract(Path(folder) / f"fresh{next(number)}"),
            "from the cache": lambda: extract(Path(folder) / "kept"),
            "reading the images": lambda: [load_stimulus(name, network.input_size) for name in names],
        }
        timing = time_interleaved(tasks, options.turns, n_warm=1)
    print(f"{options.network} {options.layer}, {len(names)} images, batches of {IMAGES_AT_ONCE}")
    for name in tasks:
        each = timing.median_ms(name) / len(names)
        print(f"  {name:20s}{each:8.2f} ms an image  x {timing.ratio(name, 'bare network')} of the bare network")
    return timing.quartiles("first extraction", "bare network")[1] <= BUDGET


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
