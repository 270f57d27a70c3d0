"""What a fit depends on, as one hash: the name of its partial store."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np

from core.encoders.config import EncoderConfig
from core.encoders.partial_store import PartialStore
from core.encoders.responses import hash_responses
from core.encoders.scored import ScoredImages, SecondSet
from core.encoders.scoring_config import ScoringConfig

STORE_VERSION = 1
"""Raised whenever the same inputs would give other batches."""
KEY_LENGTH = 32


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
