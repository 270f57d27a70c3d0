"""Fits an encoder to a subject with a network, as a generator of progress records. Never draws or prints.

Features of all images -> principal components of the training images -> ridge with a penalty per voxel chosen over
folds of the training images -> scores on the held-out images -> file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.checks import describe_refusal
from core.encoders.card import EncoderCard, FloatMatrix
from core.encoders.config import EncoderConfig
from core.encoders.files import save_encoder, user_encoders_folder
from core.encoders.noise_ceiling import count_repeats, estimate_noise_ceiling, has_repeats
from core.encoders.solve import ScoredImages, average_repeats, fit_encoder
from core.errors import BadInputError
from core.paths import cache_folder
from core.types import FloatArray

if TYPE_CHECKING:
    from core.datasets.subject import Subject
    from core.encoders.feature_cache import FeatureCache
    from core.images.stimulus import Stimulus
    from core.networks.network import Network

LEAST_TEST_IMAGES = 3
"""A correlation over fewer held-out images is always 1 or undefined."""


@dataclass(frozen=True, slots=True)
class FitProgress:
    """Where a running fit stands.

    `stage` is "features", "ridge" or "done"; `done` of `total` images have their features; `seconds_left` is None while
    unknown; `result` and `path` (the saved .safetensors) are set on the last record only.
    """

    stage: str
    done: int
    total: int
    seconds_left: float | None = None
    result: EncoderCard | None = None
    path: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FitSource:
    """What a fit learns from: who, the responses (n_images, n_repeats, n_voxels), how an image is read by its id."""

    subject: Subject
    responses: FloatArray
    load: Callable[[str], Stimulus]


def iter_fit(
    config: EncoderConfig,
    *,
    network: Network,
    source: FitSource | None = None,
    folder: Path | None = None,
    cache: Path | None = None,
) -> Iterator[FitProgress]:
    """Fit and save an encoder; to cancel, stop iterating: nothing is saved before the last record.

    Parameters
    ----------
    config : EncoderConfig
    network : Network
        Cut at `config.layer`.
    source : FitSource, optional
        By default the catalogue's subject `config.subject`.
    folder : Path, optional
        Where the encoder is saved; by default the user's encoders.
    cache : Path, optional
        Root of the feature cache; by default in the user's cache folder.

    Raises
    ------
    BadInputError
        If network or subject is not the one configured, an image is on both sides, or a response is missing.
    StorageError
        If the encoder cannot be written.
    """
    source = open_source(config.subject, size=network.input_size) if source is None else source
    subject = source.subject
    check_source(config, network, subject)
    responses = average_repeats(source.responses)
    opened = _open_cache(config, network, cache_folder() / "features" if cache is None else cache)
    features, hashes = np.empty((len(subject.image_ids), opened.n_pooled), dtype=np.float32), list[str]()
    yield from _fill_features(features, hashes, source=source, network=network, cache=opened, pool=config.pool)
    yield FitProgress("ridge", len(features), len(features))
    data = fit_encoder(
        config,
        ScoredImages(
            features=features,
            responses=responses,
            images=tuple(hashes),
            test=subject.test,
            noise_ceiling=find_noise_ceiling(source.responses, subject),
            response_unit=subject.response_unit,
            network_sha256=network.sha256,
        ),
    )
    path = save_encoder(data, user_encoders_folder() if folder is None else folder)
    yield FitProgress("done", len(features), len(features), seconds_left=0.0, result=data.card, path=path)


def open_source(subject: str, *, size: int) -> FitSource:
    """A subject, its responses and its images at `size` pixels. Raises BadInputError if unknown."""
    from core.datasets.image_store import open_image_store
    from core.datasets.subject import load_responses, load_subject

    found = load_subject(subject)
    return FitSource(found, load_responses(subject), partial(open_image_store(found).load, size=size))


def check_source(config: EncoderConfig, network: Network, subject: Subject) -> None:
    """Raise BadInputError if network or subject are not the configured ones, or too few images are held out."""
    asked, given = (config.network, config.layer), (network.spec.id, network.layer)
    if asked != given:
        raise BadInputError(describe_refusal("network", allowed=" ".join(asked), got=" ".join(given)))
    if config.subject != subject.id:
        raise BadInputError(describe_refusal("subject", allowed=config.subject, got=subject.id))
    n_test, n_images = int(subject.test.sum()), len(subject.test)
    if not LEAST_TEST_IMAGES <= n_test < n_images:
        allowed = f"at least {LEAST_TEST_IMAGES} held-out images, and some to fit on"
        raise BadInputError(describe_refusal("test", allowed=allowed, got=f"{n_test} of {n_images}"))


def find_noise_ceiling(responses: FloatArray, subject: Subject) -> FloatArray:
    """The noise ceiling of the held-out images, (n_voxels,), from the repeats; without repeats the subject's own."""
    if not has_repeats(responses) or not count_repeats(responses).all():
        return subject.voxels.noise_ceiling
    return estimate_noise_ceiling(responses, scored=subject.test)


def _fill_features(
    features: FloatMatrix, hashes: list[str], *, source: FitSource, network: Network, cache: FeatureCache, pool: int
) -> Iterator[FitProgress]:
    """Fill features (n_images, n_pooled) and append each image's hash, telling how far it is."""
    from core.encoders.features import iter_features

    total, started = len(features), time.monotonic()
    yield FitProgress("features", 0, total)
    for batch in iter_features(network, source.subject.image_ids, load=source.load, pool=pool, cache=cache):
        done = len(hashes) + len(batch.image_sha256)
        features[len(hashes) : done] = batch.features
        hashes.extend(batch.image_sha256)
        left = (time.monotonic() - started) / done * (total - done)
        yield FitProgress("features", done, total, seconds_left=left)


def _open_cache(config: EncoderConfig, network: Network, root: Path) -> FeatureCache:
    from core.encoders.feature_cache import open_feature_cache
    from core.encoders.pooling import count_pooled

    n_pooled = count_pooled(network.feature_shape, config.pool)
    return open_feature_cache(root, network.sha256, network.layer, pool=config.pool, n_pooled=n_pooled)
