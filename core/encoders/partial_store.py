"""Finished voxel batches of a fit, kept on disk so that an interrupted one goes on. Never stops a fit by failing.

A folder is named by the hash of everything a fit depends on; a batch of another fit, or a damaged one, is not there.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from core.containers import reading
from core.encoders.config import EncoderConfig, ScoringConfig
from core.encoders.responses import hash_responses
from core.encoders.scored import ScoredImages, SecondSet
from core.errors import ProbeError, StorageError
from core.files import replace_file
from core.types import FloatArray

STORE_VERSION = 2
"""Raised whenever the same inputs would give other batches."""
KEY_LENGTH = 32

LOGGER = logging.getLogger(__name__)
Arrays = dict[str, FloatArray]


@dataclass(slots=True)
class PartialStore:
    """The batches of one fit under a folder; without a folder nothing is kept.

    Parameters
    ----------
    n_reused : Batches found so far.
    """

    folder: Path | None = None
    n_reused: int = 0
    _writes: bool = field(default=True, repr=False)

    def get(self, name: str) -> Arrays | None:
        """The arrays of a batch, or None where they are missing or damaged."""
        if self.folder is None:
            return None
        path = self.folder / f"{name}.safetensors"
        try:
            with reading(path, "batch"), safe_open(path, framework="numpy") as opened:
                checksum = (opened.metadata() or {}).get("sha256", "")
                arrays: Arrays = {key: np.asarray(opened.get_tensor(key)) for key in opened.keys()}  # noqa: SIM118
        except ProbeError:
            return None
        if _hash(arrays) != checksum:
            return None
        self.n_reused += 1
        return arrays

    def put(self, name: str, arrays: Mapping[str, FloatArray]) -> None:
        """Keep the arrays of a batch; a full or vanished disk is logged and otherwise ignored."""
        if self.folder is None or not self._writes:
            return
        whole = {key: np.ascontiguousarray(values) for key, values in arrays.items()}
        packed = save(whole, metadata={"sha256": _hash(whole)})
        try:
            replace_file(self.folder / f"{name}.safetensors", lambda partial: partial.write_bytes(packed))
        except StorageError as problem:
            LOGGER.info("voxel batches not kept from here on: %s", problem)
            self._writes = False

    def clear(self) -> None:
        """Forget every batch."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def hash_fit(
    config: EncoderConfig, scoring: ScoringConfig, data: ScoredImages, others: tuple[SecondSet, ...] = ()
) -> str:
    """SHA-256 of config, scoring, features, responses, images, held-out set, categories and ROIs."""
    content = {
        "version": STORE_VERSION,
        "config": dataclasses.asdict(config),
        "scoring": dataclasses.asdict(scoring),
        "network": data.network_sha256,
        "images": data.images,
        "categories": data.categories,
        "rois": () if data.voxels is None else data.voxels.roi,
        "others": [one.images for one in others],
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(data.test).tobytes())
    for rows in (data.features, data.responses):
        digest.update(hash_responses(rows).encode())
    return digest.hexdigest()


def open_partial_store(
    root: Path, config: EncoderConfig, scoring: ScoringConfig, data: ScoredImages, others: tuple[SecondSet, ...]
) -> PartialStore:
    """The store of this very fit under `root`; creates nothing until a batch is put."""
    return PartialStore(root / "fits" / hash_fit(config, scoring, data, others)[:KEY_LENGTH])


def _hash(arrays: Mapping[str, FloatArray]) -> str:
    digest = hashlib.sha256()
    for key in sorted(arrays):
        digest.update(f"{key}{arrays[key].shape}{arrays[key].dtype}".encode())
        digest.update(np.ascontiguousarray(arrays[key]).data)
    return digest.hexdigest()
