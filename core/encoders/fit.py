"""Fits an encoder to a subject with a network, as a generator of progress records.

Features of all images, from the cache where they are known -> readouts by batches of voxels: outer folds, left-out
categories, the encoder itself -> scores -> file. An interrupted fit finds its features and its finished batches again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.array_cache import ArrayCache
from core.checks import refusal
from core.encoders.card import EncoderCard
from core.encoders.config import EncoderConfig, ScoringConfig
from core.encoders.feature_cache import Gathered
from core.encoders.files import save_encoder, user_encoders_folder
from core.encoders.finish import share_rois
from core.encoders.responses import average_repeats, count_repeats, estimate_noise_ceiling, has_repeats, hash_responses
from core.encoders.scored import LEAST_IMAGES, ScoredImages, SecondSet, group_voxels, pooled_grid, resolve_categories
from core.encoders.solve import check_rank, iter_solve
from core.paths import cache_folder
from core.progress import Progress, ShouldStop, Stopwatch, never_stop
from core.types import FloatArray

if TYPE_CHECKING:
    from core.datasets.subject import Subject
    from core.images.stimulus import Stimulus
    from core.networks.network import Network


@dataclass(frozen=True, eq=False)
class FitProgress(Progress[EncoderCard]):
    """Progress of a running fit.

    `stage` is "features" (`done` of `total` images), "readout" (of voxel batches), "scores" or "done", of which alone
    `seconds_left` tells; `what` is "outer fold 2", "without face" or "encoder"; the last record has card and file.
    """

    path: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FitSource:
    """What a fit learns from: who, the responses (n_images, n_repeats, n_voxels), how an image is read by its id."""

    subject: Subject
    responses: FloatArray
    load: Callable[[str], Stimulus]


@dataclass(frozen=True, slots=True)
class FitPlaces:
    """Where a fit finds and leaves things; by default in the user's folders.

    Parameters
    ----------
    encoders : Where the encoder is saved.
    cache : Under which features and finished voxel batches are kept.
    resume : Whether the finished voxel batches of an interrupted fit are used.
    hashes : Hashes of images read by an earlier fit of the same source, filled here too.
    """

    encoders: Path = field(default_factory=user_encoders_folder)
    cache: Path = field(default_factory=cache_folder)
    resume: bool = True
    hashes: dict[str, str] | None = None


def iter_fit(
    config: EncoderConfig,
    *,
    network: Network,
    source: FitSource,
    second: Sequence[FitSource] = (),
    scoring: ScoringConfig | None = None,
    places: FitPlaces | None = None,
    should_stop: ShouldStop = never_stop,
) -> Iterator[FitProgress]:
    """Fit and save an encoder; to cancel, stop iterating or let `should_stop` answer true.

    Nothing is saved before the last record, but features and finished voxel batches stay in the cache: these until the
    iteration ends, features for ever.

    Parameters
    ----------
    network : Cut at `config.layer`.
    second : The subjects `scoring.second_sets`.

    Raises BadInputError if network or subject is not the one configured, an image is on both sides, a response is
    missing, a category or second set does not fit; StorageError if the encoder cannot be written; Cancelled as soon as
    `should_stop()` is true, inside the network and inside a voxel batch.
    """
    scoring, places = scoring or ScoringConfig(), places or FitPlaces()
    check_source(config, network, source.subject, scoring)
    for other in second:
        share_rois(source.subject.voxels, other.subject.voxels, other.subject.id)
    from core.encoders.pooling import share_inputs

    sources = [source, *second]
    means = [average_repeats(one.responses) for one in sources]
    gathered = yield from _gather(config, network, sources, places, should_stop)
    subject = source.subject
    data = ScoredImages(
        features=gathered[0].features,
        responses=means[0],
        images=tuple(gathered[0].images),
        test=subject.test,
        noise_ceiling=find_noise_ceiling(source.responses, subject),
        response_unit=subject.response_unit,
        network_sha256=network.sha256,
        voxels=subject.voxels,
        categories=subject.categories if scoring.categories else (),
        grid=pooled_grid(network.feature_shape, config.pool),
        widths=share_inputs(network, config),
    )
    sets = tuple(
        SecondSet(one.subject.id, more.features, mean, tuple(more.images), one.subject.voxels)
        for one, more, mean in zip(second, gathered[1:], means[1:], strict=True)
    )
    store = ArrayCache(places.cache / "fits" / hash_fit(config, scoring, data, sets))
    if not places.resume:
        store.clear()
    clock: Stopwatch | None = None
    for step in iter_solve(config, data, scoring=scoring, second_sets=sets, store=store, should_stop=should_stop):
        clock = clock or Stopwatch(step.total)
        if step.result is None:
            stage = "scores" if step.what == "scores" else "readout"
            yield FitProgress(step.done, step.total, clock.seconds_left(step.done), stage=stage, what=step.what)
            continue
        path = save_encoder(step.result, places.encoders)
        n_images = len(data.images)
        yield FitProgress(n_images, n_images, 0.0, step.result.card, stage="done", path=path)
    store.clear()


STORE_VERSION = 2
"""Raised whenever the same inputs would give other batches."""
KEY_LENGTH = 32


def hash_fit(
    config: EncoderConfig, scoring: ScoringConfig, data: ScoredImages, others: tuple[SecondSet, ...] = ()
) -> str:
    """Hash of config, scoring, features, responses, images, held-out set, categories and ROIs."""
    content = {
        "version": STORE_VERSION,
        "config": asdict(config),
        "scoring": asdict(scoring),
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


def open_source(subject: str, *, size: int, should_stop: ShouldStop = never_stop) -> FitSource:
    """A subject, its responses and its images at `size` pixels. Raises BadInputError if unknown; Cancelled."""
    from core.datasets.image_store import open_image_store
    from core.datasets.subject import load_responses, load_subject

    found = load_subject(subject)
    responses = load_responses(subject, should_stop=should_stop)
    return FitSource(found, responses, partial(open_image_store(found).load, size=size))


def check_source(config: EncoderConfig, network: Network, subject: Subject, scoring: ScoringConfig) -> None:
    """Raise BadInputError if network or subject are not the configured ones, or too few images are held out."""
    asked, given = (config.network, config.layer), (network.spec.id, network.layer)
    if asked != given:
        raise refusal("network", allowed=" ".join(asked), got=" ".join(given))
    if config.subject != subject.id:
        raise refusal("subject", allowed=config.subject, got=subject.id)
    n_test, n_images = int(subject.test.sum()), len(subject.test)
    nested = n_test == 0 and scoring.n_outer
    if not nested and not LEAST_IMAGES <= n_test < n_images:
        allowed = f"at least {LEAST_IMAGES} held-out images, and some to fit on"
        advice = "Where none is held out, score by a nested cross-validation (--nested)."
        raise refusal("test", allowed=allowed, got=f"{n_test} of {n_images}", advice=advice)
    if scoring.categories:
        resolve_categories(scoring.categories, subject.categories)
    count_images = len({subject.image_ids[row] for row in np.flatnonzero(~subject.test)})
    if count_images < config.n_folds:
        raise refusal("n_folds", allowed=f"at most the number of training images, {count_images}", got=config.n_folds)
    if config.regions:
        group_voxels(config, subject.voxels, pooled_grid(network.feature_shape, config.pool))


def find_noise_ceiling(responses: FloatArray, subject: Subject) -> FloatArray:
    """The noise ceiling of the scored images, (n_voxels,), from the repeats; without repeats the subject's own."""
    if not has_repeats(responses) or not count_repeats(responses).all():
        return subject.voxels.noise_ceiling
    return estimate_noise_ceiling(responses, scored=subject.test if subject.test.any() else ~subject.test)


def _gather(
    config: EncoderConfig, network: Network, sources: Sequence[FitSource], places: FitPlaces, should_stop: ShouldStop
) -> Generator[FitProgress, None, list[Gathered]]:
    from core.encoders.features import gather, make_extractor

    extractor, gathered = make_extractor(config, network, should_stop), list[Gathered]()
    total, before = sum(len(one.subject.image_ids) for one in sources), 0
    watch = Stopwatch(total)
    with extractor.open_cache(places.cache / "features") as cache:
        check_rank(config, cache.n_inputs)
        yield FitProgress(0, total, stage="features")
        for one in sources:
            names, hashes = one.subject.image_ids, places.hashes if one is sources[0] else None
            gathered.append(Gathered(np.empty((len(names), cache.n_inputs), dtype=np.float32)))
            for done in gather(gathered[-1], extractor, names, load=one.load, cache=cache, hashes=hashes):
                yield FitProgress(before + done, total, watch.seconds_left(before + done), stage="features")
            before += len(names)
    return gathered
