"""Finished voxel batches of a fit, kept on disk so that an interrupted one goes on.

An `ArrayCache` under the hash of everything a fit depends on holds no batch of another fit.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np

from core.encoders.config import EncoderConfig, ScoringConfig
from core.encoders.responses import hash_responses
from core.encoders.scored import ScoredImages, SecondSet

STORE_VERSION = 2
"""Raised whenever the same inputs would give other batches."""
KEY_LENGTH = 32


def hash_fit(
    config: EncoderConfig, scoring: ScoringConfig, data: ScoredImages, others: tuple[SecondSet, ...] = ()
) -> str:
    """Hash of config, scoring, features, responses, images, held-out set, categories and ROIs."""
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
    return digest.hexdigest()[:KEY_LENGTH]
