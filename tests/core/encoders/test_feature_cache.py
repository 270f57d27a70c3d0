"""Cached features equal computed ones; a damaged or half-written one is computed again; a lost cache stops nothing."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.encoders.feature_cache import RECORD_BYTES, FeatureCache, Gathered
from core.encoders.features import Extractor
from core.encoders.features import gather as fill
from core.encoders.pooling import SparseProjection
from core.errors import Cancelled

ROW_BYTES = 45 * 4


@pytest.fixture
def folder(tmp_path: Path, tiny: Any) -> Path:
    tiny.layer = "a/b"
    with Extractor(tiny, 3).open_cache(tmp_path) as cache:
        return cache.folder


@pytest.fixture
def cache(folder: Path) -> Iterator[FeatureCache]:
    with FeatureCache(folder, 45) as opened:
        yield opened


def room(n_images: int = 60, n_inputs: int = 45) -> Gathered:
    return Gathered(np.empty((n_images, n_inputs), dtype=np.float32))


def gather(tiny: Any, source: Any, cache: FeatureCache, n_images: int = 60) -> np.ndarray:
    into = room(n_images)
    list(fill(into, Extractor(tiny, 3), source.subject.image_ids[:n_images], load=source.load, cache=cache))
    return into.features


def gather_again(tiny: Any, source: Any, folder: Path) -> np.ndarray:
    with FeatureCache(folder, 45) as opened:
        return gather(tiny, source, opened)


def test_a_hit_equals_the_computation_and_asks_the_network_nothing(tiny: Any, source: Any, cache: FeatureCache) -> None:
    first = gather(tiny, source, cache)
    assert tiny.n_shown == len(cache) == len(source.subject.image_ids)
    np.testing.assert_array_equal(first, gather(tiny, source, cache))
    np.testing.assert_array_equal(first, gather_again(tiny, source, cache.folder))
    assert tiny.n_shown == len(source.subject.image_ids)
    direct = Extractor(tiny, 3).extract(np.stack([source.load(name).pixels for name in source.subject.image_ids]))
    np.testing.assert_allclose(first, direct, atol=1e-6)


def test_all_images_are_one_array_and_one_index(tiny: Any, source: Any, folder: Path) -> None:
    gather_again(tiny, source, folder)
    rows, index = sorted(folder.iterdir(), key=lambda path: path.suffix, reverse=True)
    assert (rows.suffix, index.suffix) == (".rows", ".index")
    assert (rows.stat().st_size, index.stat().st_size) == (60 * ROW_BYTES, 60 * RECORD_BYTES)


def test_known_images_are_not_even_read(tiny: Any, source: Any, cache: FeatureCache) -> None:
    hashes: dict[str, str] = {}
    first, again, names = room(), room(), source.subject.image_ids
    list(fill(first, Extractor(tiny, 3), names, load=source.load, cache=cache, hashes=hashes))

    def refuse(name: str) -> Any:
        raise AssertionError(f"{name} was read again")

    list(fill(again, Extractor(tiny, 3), names, load=refuse, cache=cache, hashes=hashes))
    np.testing.assert_array_equal(first.features, again.features)
    assert len(hashes) == 60


@pytest.mark.parametrize(
    ("keep_rows", "keep_index", "n_fresh"),
    [
        (30 * ROW_BYTES + 7, 30 * RECORD_BYTES, 30),  # killed while writing a row
        (31 * ROW_BYTES, 30 * RECORD_BYTES + 5, 30),  # killed while writing its record
        (20 * ROW_BYTES, 60 * RECORD_BYTES, 40),  # rows lost by the disk
        (0, 0, 60),
    ],
)
def test_a_killed_run_loses_only_what_it_was_writing(
    tiny: Any, source: Any, folder: Path, keep_rows: int, keep_index: int, n_fresh: int
) -> None:
    first = gather_again(tiny, source, folder)
    for path, kept in ((next(folder.glob("*.rows")), keep_rows), (next(folder.glob("*.index")), keep_index)):
        path.write_bytes(path.read_bytes()[:kept])
    tiny.n_shown = 0
    np.testing.assert_allclose(gather_again(tiny, source, folder), first, atol=1e-6)
    assert tiny.n_shown == n_fresh
    tiny.n_shown = 0
    gather_again(tiny, source, folder)
    assert tiny.n_shown == 0


def test_a_damaged_row_is_computed_again(tiny: Any, source: Any, folder: Path) -> None:
    first = gather_again(tiny, source, folder)
    path = next(folder.glob("*.rows"))
    content = bytearray(path.read_bytes())
    content[5 * ROW_BYTES + 3] ^= 1
    path.write_bytes(content)
    tiny.n_shown = 0
    np.testing.assert_allclose(gather_again(tiny, source, folder), first, atol=1e-6)
    assert tiny.n_shown == 1


def test_two_runs_at_once_write_files_of_their_own(tiny: Any, source: Any, folder: Path) -> None:
    with FeatureCache(folder, 45) as one, FeatureCache(folder, 45) as two:
        gather(tiny, source, one, n_images=32)
        gather(tiny, source, two, n_images=60)
    assert len(list(folder.glob("*.rows"))) == 2
    tiny.n_shown = 0
    gather_again(tiny, source, folder)
    assert tiny.n_shown == 0


def test_other_weights_layers_grids_and_projections_have_folders_of_their_own(tmp_path: Path, tiny: Any) -> None:
    folders = set()
    for tiny.sha256 in ("a" * 64, "b" * 64):
        for tiny.layer in ("x", "y"):
            for pool in (1, 2):
                projections = (SparseProjection(45, 4, seed=seed) for seed in (0, 1))
                for projection in (None, *projections):
                    with Extractor(tiny, pool, projection).open_cache(tmp_path) as opened:
                        folders.add(opened.folder)
    assert len(folders) == 24


def test_what_is_cached_is_projected_already(tiny: Any, source: Any, tmp_path: Path) -> None:
    projection = SparseProjection(45, 12, seed=0)
    with FeatureCache(tmp_path / "projected", 12) as cache:
        into = room(n_inputs=12)
        list(fill(into, Extractor(tiny, 3, projection), source.subject.image_ids, load=source.load, cache=cache))
    whole = torch.from_numpy(gather_again(tiny, source, tmp_path / "whole"))
    np.testing.assert_allclose(into.features, projection(whole).numpy(), atol=1e-5)
    assert next((tmp_path / "projected").glob("*.rows")).stat().st_size == 60 * 12 * 4


def test_a_cache_that_cannot_be_written_stops_nothing(
    tiny: Any, source: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with caplog.at_level(logging.INFO):
        features = gather_again(tiny, source, blocked / "x")
    assert features.shape == (60, 45)
    assert "features not cached" in caplog.text


def test_a_folder_that_vanishes_half_way_stops_nothing(tiny: Any, source: Any, folder: Path) -> None:
    wanted = gather_again(tiny, source, folder.parent / "other")
    with FeatureCache(folder, 45) as cache:
        into = room()
        running = fill(into, Extractor(tiny, 3), source.subject.image_ids, load=source.load, cache=cache)
        assert next(running) == 16
        shutil.rmtree(folder)
        assert list(running)[-1] == 60
    np.testing.assert_allclose(into.features, wanted, atol=1e-6)


def test_a_disk_that_fills_up_stops_nothing(
    tiny: Any, source: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with FeatureCache(folder, 45) as cache, caplog.at_level(logging.INFO):
        into = room()
        running = fill(into, Extractor(tiny, 3), source.subject.image_ids, load=source.load, cache=cache)
        assert next(running) == 16
        cache._writer = (FullDisk(), FullDisk())  # type: ignore[assignment]
        assert list(running)[-1] == 60
    assert "No space left on device" in caplog.text
    tiny.n_shown = 0
    gather_again(tiny, source, folder)
    assert tiny.n_shown == 60 - 16


class FullDisk:
    def seek(self, *_: int) -> int:
        return 0

    def write(self, _content: bytes) -> int:
        raise OSError(28, "No space left on device")


def test_stopping_leaves_the_network_between_two_layers(tiny: Any, source: Any, cache: FeatureCache) -> None:
    asked: list[int] = []

    def stop_soon() -> bool:
        asked.append(1)
        return len(asked) > 3

    extractor = Extractor(tiny, 3, should_stop=stop_soon)
    with pytest.raises(Cancelled):
        list(fill(room(), extractor, source.subject.image_ids, load=source.load, cache=cache))
    assert not any(part._forward_pre_hooks for part in tiny.modules())
    assert len(cache) < 60


def test_running_out_of_memory_halves_the_batch_and_goes_on(tiny: Any, source: Any, folder: Path) -> None:
    wanted = gather_again(tiny, source, folder.parent / "other")
    forward, refused = tiny.forward, []

    def refuse_more_than_five(pixels: torch.Tensor) -> torch.Tensor:
        if len(pixels) > 5:
            refused.append(len(pixels))
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return forward(pixels)

    tiny.forward = refuse_more_than_five
    np.testing.assert_allclose(gather_again(tiny, source, folder), wanted, atol=1e-6)
    assert refused[:2] == [16, 8]


def test_copies_of_an_image_in_one_batch_are_computed_once(tiny: Any, source: Any, cache: FeatureCache) -> None:
    into, names = room(3), ["image-1", "image-1", "image-2"]
    list(fill(into, Extractor(tiny, 3), names, load=source.load, cache=cache))
    assert tiny.n_shown == 2
    np.testing.assert_array_equal(into.features[0], into.features[1])
    assert into.images[0] == into.images[1] != into.images[2]


def test_shards_used_longest_ago_make_room_and_are_computed_again(tmp_path: Path) -> None:
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    names = [f"{number:064x}" for number in range(3)]
    for age, folder in ((3, "old"), (2, "older"), (1, "used")):
        with FeatureCache(tmp_path / folder, 4) as cache:
            cache.put(names, rows)
        shard = next((tmp_path / folder).glob("*.rows"))
        os.utime(shard, (1000 - age, 1000 - age))
    with FeatureCache(tmp_path / "old", 4) as cache:  # the oldest, used now
        np.testing.assert_array_equal(cache.get(names[1]), rows[1])
    with FeatureCache(tmp_path / "new", 4, most_bytes=2 * rows.nbytes):
        pass
    assert {path.parent.name for path in tmp_path.glob("*/*.rows")} == {"old", "used"}
    with FeatureCache(tmp_path / "older", 4) as cache:
        assert len(cache) == 0 and cache.get(names[0]) is None
        cache.put(names, rows)
        assert len(cache) == 3
    assert len(list((tmp_path / "older").glob("*.index"))) == 1, "an index without rows goes"
