"""Finished climbs in the cache, so that two analyses never make the same perturbations twice. Never computes one.

A climb is named by the hash of all its numbers depend on: encoders, target weights, attack, budgets, images, versions,
device. The oldest are dropped where they take more than `MOST_BYTES`.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import StorageError
from core.paths import cache_folder
from core.probes.respond import describe_versions
from core.sweeps.cells import Arrays, load_arrays, save_arrays

if TYPE_CHECKING:
    from core.encoders.encoder import Encoder
    from core.sweeps.climb import Ascent
    from core.types import FloatArray

LOGGER = logging.getLogger(__name__)
FORMAT = 2
"""Counted up with every change of what a climb holds or how it is computed."""
MOST_BYTES = 4_000_000_000


def name_climb(encoder: Encoder, ascent: Ascent, images: Sequence[str]) -> str:
    """The hash of everything a climb's numbers depend on; `images` are hashes of the pixels."""
    members = ((encoder, ascent.direction), *ascent.others)
    parts = [_describe(one, weights) for one, weights in members]
    device = str(encoder.network.device)
    rest = [FORMAT, ascent.sign, asdict(ascent.attack), ascent.ladder, list(images), describe_versions(), device]
    return hashlib.sha256(json.dumps([parts, rest], sort_keys=True).encode()).hexdigest()


def load_climb(name: str) -> Arrays | None:
    """A climb by its hash; None where it is not there or damaged."""
    path = _path(name)
    if not path.is_file():
        return None
    try:
        return load_arrays(path)
    except StorageError as problem:
        LOGGER.info("a cached climb cannot be read: %s", problem)
        return None


def keep_climb(name: str, arrays: Arrays) -> None:
    """Keep a climb; a full or read-only disk is logged and otherwise passed over."""
    try:
        save_arrays(_path(name), arrays)
        drop_oldest(MOST_BYTES)
    except StorageError as problem:
        LOGGER.info("a climb was not cached: %s", problem)


def drop_oldest(most_bytes: int) -> None:
    """Delete the climbs that were kept first until the others take at most `most_bytes`."""
    kept = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in _folder().glob("*.npz"))
    total = sum(size for _, size, _ in kept)
    for _, size, path in kept:
        if total <= most_bytes:
            return
        with suppress(OSError):
            path.unlink()
        total -= size


def _describe(encoder: Encoder, weights: FloatArray) -> list[str]:
    digest = hashlib.sha256(np.ascontiguousarray(weights, dtype=np.float64).tobytes()).hexdigest()
    return [encoder.card.sha256, encoder.network.sha256, encoder.network.layer, digest]


def _folder() -> Path:
    return cache_folder() / "climbs"


def _path(name: str) -> Path:
    return _folder() / f"{name}.npz"
