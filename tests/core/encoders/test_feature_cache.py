"""Cached features equal computed ones; a damaged entry is computed again."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.encoders.feature_cache import FeatureCache, open_feature_cache
from core.encoders.features import extract, iter_features


@pytest.fixture
def cache(tmp_path: Path, tiny: Any) -> FeatureCache:
    return open_feature_cache(tmp_path, tiny.sha256, "a/b", pool=3, n_pooled=45)


def gather(tiny: Any, source: Any, cache: FeatureCache) -> np.ndarray:
    batches = iter_features(tiny, source.subject.image_ids, load=source.load, pool=3, cache=cache)
    return np.concatenate([batch.features for batch in batches])


def test_a_hit_equals_the_computation_and_asks_the_network_nothing(tiny: Any, source: Any, cache: FeatureCache) -> None:
    first = gather(tiny, source, cache)
    assert tiny.n_shown == len(source.subject.image_ids)
    again = gather(tiny, source, cache)
    assert tiny.n_shown == len(source.subject.image_ids)
    np.testing.assert_array_equal(first, again)
    direct = extract(tiny, np.stack([source.load(name).pixels for name in source.subject.image_ids]), pool=3)
    np.testing.assert_allclose(first, direct, atol=1e-6)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "other size"])
def test_a_damaged_entry_is_computed_again(tiny: Any, source: Any, cache: FeatureCache, damage: str) -> None:
    first = gather(tiny, source, cache)
    path = cache.folder / f"{source.load('image-5').sha256}.safetensors"
    content = bytearray(path.read_bytes())
    if damage == "other size":
        FeatureCache(cache.folder, 3).put(path.stem, np.ones(3, dtype=np.float32))
    else:
        content[-1] ^= 1
        path.write_bytes({"truncated": content[:50], "flipped": content, "empty": b""}[damage])
    assert cache.get(path.stem) is None
    shown = tiny.n_shown
    np.testing.assert_allclose(gather(tiny, source, cache), first, atol=1e-6)
    assert tiny.n_shown == shown + 1
    assert cache.get(path.stem) is not None


def test_other_weights_layers_and_grids_have_entries_of_their_own(tmp_path: Path) -> None:
    folders = {
        open_feature_cache(tmp_path, sha256, layer, pool=pool, n_pooled=4).folder
        for sha256 in ("a" * 64, "b" * 64)
        for layer in ("x", "y")
        for pool in (1, 2)
    }
    assert len(folders) == 8


def test_a_cache_that_cannot_be_written_stops_nothing(
    tiny: Any, source: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with caplog.at_level(logging.INFO):
        features = gather(tiny, source, FeatureCache(blocked / "x", 45))
    assert features.shape == (60, 45)
    assert "features not cached" in caplog.text


def test_running_out_of_memory_halves_the_batch_and_goes_on(tiny: Any, source: Any, cache: FeatureCache) -> None:
    wanted = gather(tiny, source, FeatureCache(cache.folder / "other", 45))
    forward, refused = tiny.forward, []

    def refuse_more_than_five(pixels: torch.Tensor) -> torch.Tensor:
        if len(pixels) > 5:
            refused.append(len(pixels))
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return forward(pixels)

    tiny.forward = refuse_more_than_five
    np.testing.assert_allclose(gather(tiny, source, cache), wanted, atol=1e-6)
    assert refused[:2] == [16, 8]


def test_copies_of_an_image_in_one_batch_are_computed_once(tiny: Any, source: Any, cache: FeatureCache) -> None:
    (batch,) = iter_features(tiny, ["image-1", "image-1", "image-2"], load=source.load, pool=3, cache=cache)
    assert tiny.n_shown == 2
    np.testing.assert_array_equal(batch.features[0], batch.features[1])
    assert batch.image_sha256[0] == batch.image_sha256[1] != batch.image_sha256[2]
