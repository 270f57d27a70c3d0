"""Features kept on disk, so that no image goes through the same network twice. Never stops a fit by failing.

A folder is named by network hash, layer, pooling and projection. Every run that computes something writes one shard of
its own into it: `X.rows`, float32 features one row after another, and `X.index`, a record per row with the image's hash
and the row's checksum, written after the row. So a killed run loses at most the rows it was writing, two runs never
write the same file, 10,000 images are two files, and a damaged row counts as missing.
"""

from __future__ import annotations

import logging
import uuid
import zlib
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from core.array_cache import drop_unused, note_use
from core.encoders.card import FloatMatrix, FloatVector

LOGGER = logging.getLogger(__name__)
MOST_BYTES = 50 * 2**30
"""On the disk, of the features of all networks and layers under one root."""
HASH_BYTES = 32
CHECKSUM_BYTES = 4
RECORD_BYTES = HASH_BYTES + CHECKSUM_BYTES


@dataclass(slots=True, eq=False)
class Gathered:
    """features (n_images, n_inputs) float32 and the hash of every image's pixels, filled while gathering."""

    features: FloatMatrix
    images: list[str] = field(default_factory=list)


class _Place(NamedTuple):
    """Where a row lies: its open file, its number, the checksum it should have."""

    rows: BinaryIO
    row: int
    checksum: bytes


class FeatureCache:
    """The cached features of one network, layer, pooling and projection; each row (n_inputs,) float32.

    Parameters
    ----------
    folder : Made when something is put.
    n_inputs : Features of one image.
    most_bytes : Of the shards of this folder and of those beside it; checked when it is opened.
    """

    def __init__(self, folder: Path, n_inputs: int, *, most_bytes: int = MOST_BYTES) -> None:
        self.folder = folder
        self.n_inputs = n_inputs
        self._row_bytes = 4 * n_inputs
        self._places: dict[str, _Place] = {}
        self._files = ExitStack()
        self._writer: tuple[BinaryIO, BinaryIO] | None = None
        self._writes = True
        self._read_shards()
        drop_unused(folder.parent.glob("*/*.rows"), most_bytes)

    def __len__(self) -> int:
        return len(self._places)

    def __enter__(self) -> FeatureCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, image_sha256: str) -> FloatVector | None:
        """The features of an image, or None where they are missing or damaged."""
        place = self._places.get(image_sha256)
        if place is None:
            return None
        try:
            place.rows.seek(place.row * self._row_bytes)
            content = place.rows.read(self._row_bytes)
        except (OSError, ValueError):
            return None
        if len(content) != self._row_bytes or _checksum(content) != place.checksum:
            return None
        return np.frombuffer(content, dtype=np.float32)

    def put(self, images_sha256: Sequence[str], features: FloatMatrix) -> None:
        """Keep features (n, n_inputs); a full, read-only or vanished disk is logged and otherwise ignored."""
        if not self._writes:
            return
        content = [np.ascontiguousarray(row, dtype=np.float32).tobytes() for row in features]
        checksums = [_checksum(row) for row in content]
        try:
            rows, index = self._writer if self._writer is not None else self._open_shard()
            first = rows.seek(0, 2) // self._row_bytes
            rows.write(b"".join(content))
            rows.flush()
            index.writelines(bytes.fromhex(sha256) + own for sha256, own in zip(images_sha256, checksums, strict=True))
            index.flush()
        except OSError as problem:
            LOGGER.info("features not cached from here on: %s", problem)
            self._writes = False
            return
        for row, (sha256, own) in enumerate(zip(images_sha256, checksums, strict=True), start=first):
            self._places[sha256] = _Place(rows, row, own)

    def close(self) -> None:
        """Close all files; nothing can be got or put afterwards."""
        with suppress(OSError):  # a full disk may refuse what is still buffered
            self._files.close()
        self._places, self._writes = {}, False

    def _open_shard(self) -> tuple[BinaryIO, BinaryIO]:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / uuid.uuid4().hex
        rows = self._files.enter_context(path.with_suffix(".rows").open("w+b"))
        self._writer = rows, self._files.enter_context(path.with_suffix(".index").open("wb"))
        return self._writer

    def _read_shards(self) -> None:
        for path in sorted(self.folder.glob("*.index")):
            try:
                index = path.read_bytes()
                rows = self._files.enter_context(path.with_suffix(".rows").open("rb"))
                whole = rows.seek(0, 2) // self._row_bytes
                note_use(path.with_suffix(".rows"))
            except FileNotFoundError:  # its rows were removed to make room
                path.unlink(missing_ok=True)
                continue
            except OSError as problem:
                LOGGER.info("cached features not read: %s", problem)
                continue
            for row in range(min(len(index) // RECORD_BYTES, whole)):
                record = index[row * RECORD_BYTES : (row + 1) * RECORD_BYTES]
                self._places[record[:HASH_BYTES].hex()] = _Place(rows, row, record[HASH_BYTES:])


def _checksum(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(CHECKSUM_BYTES, "little")
