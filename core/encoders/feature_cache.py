"""Pooled features kept on disk, one small file an image, so that no image goes through the same network twice.

A file is named by the image's hash in a folder named by network hash, layer and pooling. It holds a checksum of its
numbers: a damaged file counts as missing. A cache that cannot be written slows the program down and never stops it.
"""

from __future__ import annotations

import hashlib
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from core.encoders.card import FloatVector

LOGGER = logging.getLogger(__name__)
NAME_LENGTH = 16
"""Hexadecimal digits of the network's hash in the folder name: 64 bits tell any two weights files apart."""


@dataclass(frozen=True, slots=True)
class FeatureCache:
    """The cached pooled features of one network, layer and pooling; each entry (n_pooled,) float32."""

    folder: Path
    n_pooled: int

    def get(self, image_sha256: str) -> FloatVector | None:
        """The features of an image, or None where they are missing or damaged."""
        path = self._path(image_sha256)
        try:
            with safe_open(path, framework="numpy") as opened:
                checksum = (opened.metadata() or {}).get("sha256", "")
                features = np.asarray(opened.get_tensor("features"))
        except (OSError, SafetensorError):
            return None
        whole = features.dtype == np.float32 and features.shape == (self.n_pooled,) and _checksum(features) == checksum
        return features if whole else None

    def put(self, image_sha256: str, features: FloatVector) -> None:
        """Keep the features of an image; a full or read-only disk is logged and otherwise passed over."""
        path = self._path(image_sha256)
        partial = path.with_suffix(f".{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(save({"features": features}, metadata={"sha256": _checksum(features)}))
            partial.replace(path)
        except OSError as problem:
            LOGGER.info("features not cached: %s", problem)
            with suppress(OSError):
                partial.unlink(missing_ok=True)

    def _path(self, image_sha256: str) -> Path:
        return self.folder / f"{image_sha256}.safetensors"


def open_feature_cache(root: Path, network_sha256: str, layer: str, *, pool: int, n_pooled: int) -> FeatureCache:
    """The cache of one network, layer and pooling under `root`; creates nothing until something is put."""
    name = f"{network_sha256[:NAME_LENGTH]}-{layer.replace('/', '_')}-pool{pool}"
    return FeatureCache(root / name, n_pooled)


def _checksum(features: FloatVector) -> str:
    return hashlib.sha256(features.tobytes()).hexdigest()
