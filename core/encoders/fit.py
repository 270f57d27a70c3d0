"""Fits an encoder to a subject with a network, as a generator of progress records.

Features of all images, from the cache where they are known -> readouts by batches of voxels: outer folds, left-out
categories, the encoder itself -> scores -> file. An interrupted fit finds its features and its finished batches again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.checks import refusal
from core.encoders.card import EncoderCard, EncoderData
from core.encoders.config import EncoderConfig
from core.encoders.files import save_encoder, user_encoders_folder
from core.encoders.fit_key import open_partial_store
from core.encoders.noise_ceiling import count_repeats, estimate_noise_ceiling, has_repeats
from core.encoders.outside import share_rois
from core.encoders.regions import group_voxels, pooled_grid
from core.encoders.responses import average_repeats
from core.encoders.scored import ScoredImages, SecondSet
from core.encoders.scoring_config import ScoringConfig
from core.encoders.solve import check_rank, iter_solve
from core.encoders.tasks import LEAST_IMAGES, resolve_categories
from core.paths import cache_folder
from core.progress import ShouldStop, Stopwatch, never_stop
from core.types import FloatArray

if TYPE_CHECKING:
    from core.datasets.subject import Subject
    from core.encoders.feature_cache import FeatureCache
    from core.encoders.features import Extractor
    from core.encoders.gather import Gathered
    from core.encoders.partial_store import PartialStore
    from core.images.stimulus import Stimulus
    from core.networks.network import Network


@dataclass(frozen=True, slots=True)
class FitProgress:
    """Progress of a running fit.

    Parameters
    ----------
    stage : str
        "features" (`done` of `total` images), "readout" (`done` of `total` voxel batches), "scores" or "done".
    done, total : int
    seconds_left : float, optional
        Of this stage; None while unknown.
    what : str
        What is being worked on: "outer fold 2", "without face", "encoder".
    result, path : EncoderCard, Path
        The card and the saved .safetensors, on the last record only.
    """

    stage: str
    done: int
    total: int
    seconds_left: float | None = None
    what: str = ""
    result: EncoderCard | None = None
    path: Path | None = None
    data: EncoderData | None = None


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
    encoders : Path, optional
        Where the encoder is saved.
    cache : Path, optional
        Under which features and finished voxel batches are kept.
    resume : bool
        Whether the finished voxel batches of an interrupted fit are used.
    hashes : dict, optional
        Hashes of images read by an earlier fit of the same source, filled here too.
    """

    encoders: Path | None = None
    cache: Path | None = None
    resume: bool = True
    hashes: dict[str, str] | None = None

    @property
    def encoders_folder(self) -> Path:
        """Where encoders go."""
        return user_encoders_folder() if self.encoders is None else self.encoders

    @property
    def cache_root(self) -> Path:
        """Where features and batches go."""
        return cache_folder() if self.cache is None else self.cache


def iter_fit(
    config: EncoderConfig,
    *,
    network: Network,
    source: FitSource | None = None,
    second: Sequence[FitSource] | None = None,
    scoring: ScoringConfig | None = None,
    places: FitPlaces | None = None,
    should_stop: ShouldStop = never_stop,
) -> Iterator[FitProgress]:
    """Fit and save an encoder; to cancel, stop iterating or let `should_stop` answer true.

    Nothing is saved before the last record, but features and finished voxel batches stay in the cache.

    Parameters
    ----------
    config : EncoderConfig
    network : Network
        Cut at `config.layer`.
    source : FitSource, optional
        By default the catalogue's subject `config.subject`.
    second : sequence of FitSource, optional
        By default the catalogue's subjects `scoring.second_sets`.
    scoring : ScoringConfig, optional
    places : FitPlaces, optional
    should_stop : callable

    Raises
    ------
    BadInputError
        If network or subject is not the one configured, an image is on both sides, a response is missing, a category
        or second set does not fit.
    StorageError
        If the encoder cannot be written.
    Cancelled
        As soon as `should_stop()` is true, inside the network and inside a voxel batch.
    """
    places = FitPlaces() if places is None else places
    for progress in iter_fit_unsaved(
        config, network=network, source=source, second=second, scoring=scoring, places=places, should_stop=should_stop
    ):
        if progress.data is None:
            yield progress
            continue
        path = save_encoder(progress.data, places.encoders_folder)
        yield replace(progress, path=path, data=None)


def iter_fit_unsaved(
    config: EncoderConfig,
    *,
    network: Network,
    source: FitSource | None = None,
    second: Sequence[FitSource] | None = None,
    scoring: ScoringConfig | None = None,
    places: FitPlaces | None = None,
    should_stop: ShouldStop = never_stop,
) -> Iterator[FitProgress]:
    """As `iter_fit`, but the last record holds the encoder's `data` and nothing is written but the cache."""
    scoring, places = scoring or ScoringConfig(), places or FitPlaces()
    source = open_source(config.subject, size=network.input_size) if source is None else source
    if second is None:
        second = [open_source(name, size=network.input_size) for name in scoring.second_sets]
    job = _Job(config, network, source, tuple(second), scoring, places, should_stop)
    yield from job.iterate()


def open_source(subject: str, *, size: int) -> FitSource:
    """A subject, its responses and its images at `size` pixels. Raises BadInputError if unknown."""
    from core.datasets.image_store import open_image_store
    from core.datasets.subject import load_responses, load_subject

    found = load_subject(subject)
    return FitSource(found, load_responses(subject), partial(open_image_store(found).load, size=size))


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


def find_noise_ceiling(responses: FloatArray, subject: Subject) -> FloatArray:
    """The noise ceiling of the scored images, (n_voxels,), from the repeats; without repeats the subject's own."""
    if not has_repeats(responses) or not count_repeats(responses).all():
        return subject.voxels.noise_ceiling
    return estimate_noise_ceiling(responses, scored=subject.test if subject.test.any() else ~subject.test)


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """One fit with everything it needs, resolved."""

    config: EncoderConfig
    network: Network
    source: FitSource
    second: tuple[FitSource, ...]
    scoring: ScoringConfig
    places: FitPlaces
    should_stop: ShouldStop

    def iterate(self) -> Iterator[FitProgress]:
        from core.encoders.gather import make_extractor, open_cache

        self.check()
        means = [average_repeats(one.responses) for one in (self.source, *self.second)]
        extractor = make_extractor(self.config, self.network, self.should_stop)
        gathered: list[Gathered] = []
        with open_cache(self.config, extractor, self.places.cache_root / "features") as cache:
            check_rank(self.config, cache.n_inputs)
            yield from self._gather(gathered, extractor, cache)
        data = self._make_data(gathered[0], means[0])
        others = tuple(
            SecondSet(one.subject.id, more.features, mean, tuple(more.images), one.subject.voxels)
            for one, more, mean in zip(self.second, gathered[1:], means[1:], strict=True)
        )
        store = open_partial_store(self.places.cache_root, self.config, self.scoring, data, others)
        if not self.places.resume:
            store.clear()
        yield from self._solve(data, others, store)
        store.clear()

    def check(self) -> None:
        """Raise BadInputError for whatever can be seen to be wrong before any work."""
        subject = self.source.subject
        check_source(self.config, self.network, subject, self.scoring)
        count_images = len({subject.image_ids[row] for row in np.flatnonzero(~subject.test)})
        if count_images < self.config.n_folds:
            allowed = f"at most the number of training images, {count_images}"
            raise refusal("n_folds", allowed=allowed, got=self.config.n_folds)
        if self.config.regions:
            group_voxels(self.config, subject.voxels, pooled_grid(self.network.feature_shape, self.config.pool))
        for other in self.second:
            share_rois(subject.voxels, other.subject.voxels, other.subject.id)

    def _gather(self, into: list[Gathered], extractor: Extractor, cache: FeatureCache) -> Iterator[FitProgress]:
        from core.encoders.gather import empty_features, iter_gather

        total = sum(len(one.subject.image_ids) for one in (self.source, *self.second))
        watch, before = Stopwatch(total), 0
        yield FitProgress("features", 0, total)
        for number, one in enumerate((self.source, *self.second)):
            names = one.subject.image_ids
            into.append(empty_features(len(names), cache.n_inputs))
            hashes = self.places.hashes if number == 0 else None
            for done in iter_gather(into[-1], extractor, names, load=one.load, cache=cache, hashes=hashes):
                yield FitProgress("features", before + done, total, seconds_left=watch.seconds_left(before + done))
            before += len(names)

    def _make_data(self, gathered: Gathered, responses: FloatArray) -> ScoredImages:
        subject = self.source.subject
        return ScoredImages(
            features=gathered.features,
            responses=responses,
            images=tuple(gathered.images),
            test=subject.test,
            noise_ceiling=find_noise_ceiling(self.source.responses, subject),
            response_unit=subject.response_unit,
            network_sha256=self.network.sha256,
            voxels=subject.voxels,
            categories=subject.categories if self.scoring.categories else (),
            grid=pooled_grid(self.network.feature_shape, self.config.pool),
        )

    def _solve(self, data: ScoredImages, others: tuple[SecondSet, ...], store: PartialStore) -> Iterator[FitProgress]:
        watch = None
        for step in iter_solve(
            self.config, data, scoring=self.scoring, second_sets=others, store=store, should_stop=self.should_stop
        ):
            watch = Stopwatch(step.total) if watch is None else watch
            if step.result is None:
                stage = "scores" if step.what == "scores" else "readout"
                yield FitProgress(stage, step.done, step.total, watch.seconds_left(step.done), step.what)
                continue
            n_images = len(data.images)
            card = step.result.card
            yield FitProgress("done", n_images, n_images, seconds_left=0.0, result=card, data=step.result)
