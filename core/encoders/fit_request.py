"""What a user asks to be fitted: options resolved to configs once a layer's features are known, and their run.

The one way from command line and window to `iter_fit` and `iter_layer_search`. A search fits every layer alike; an
ROI's layer is the one whose left-out training images it predicts best (median cross-validated r of its voxels), so
that held-out images take no part in the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.checks import refusal
from core.encoders.card import ALL_VOXELS, BestLayer, EncoderCard, EncoderData, LayerScore, LayerTable
from core.encoders.config import (
    DEFAULT_ALPHAS,
    LARGEST_POOLED,
    MOST_COMPONENTS,
    EncoderConfig,
    RoiRegion,
    ScoringConfig,
    suggest_pool,
)
from core.encoders.files import save_encoder, save_layer_table, user_encoders_folder
from core.encoders.fit import FitPlaces, FitProgress, FitSource, iter_fit, open_source
from core.progress import ShouldStop, never_stop
from core.types import VoxelTable

if TYPE_CHECKING:
    from core.networks.network import Network


@dataclass(frozen=True, slots=True, eq=False)
class LayerChoice:
    """What a search found: the best layer by ROI, the curve, the cards and files of the encoders kept, the table."""

    best: tuple[BestLayer, ...]
    curve: tuple[LayerScore, ...]
    cards: tuple[EncoderCard, ...]
    files: tuple[Path, ...]
    table: Path


@dataclass(frozen=True, slots=True, eq=False)
class SearchProgress:
    """Layer `number` of `n_layers` (from 1) is being fitted; `choice` is set on the last record only."""

    layer: str
    number: int
    n_layers: int
    fit: FitProgress
    choice: LayerChoice | None = None


def iter_layer_search(
    configs: Sequence[EncoderConfig],
    open_network: Callable[[str], Network],
    *,
    source: FitSource,
    second: Sequence[FitSource] = (),
    scoring: ScoringConfig | None = None,
    places: FitPlaces | None = None,
    should_stop: ShouldStop = never_stop,
) -> Iterator[SearchProgress]:
    """Fit every layer, choose by ROI, save the encoders chosen.

    `configs`: one a layer, of one subject and network. `open_network`: gives the network cut at a layer.

    source, second, scoring, places, should_stop
        As of `core.encoders.fit.iter_fit`.

    Raises BadInputError, StorageError, Cancelled as `iter_fit`; nothing is saved before every layer is fitted.
    """
    check_layers(configs)
    places = replace(places or FitPlaces(), hashes={})
    fitted: list[EncoderData] = []

    def keep(data: EncoderData) -> Path:
        fitted.append(data)
        return Path()

    running = []  # a fit iterated to its very end forgets its batches: all are kept until the table is written
    for number, config in enumerate(configs, start=1):
        fits = iter_fit(
            config,
            network=open_network(config.layer),
            source=source,
            second=second,
            scoring=scoring,
            places=places,
            keep=keep,
            should_stop=should_stop,
        )
        running.append(fits)
        for progress in fits:
            if progress.result is not None:
                break
            yield SearchProgress(config.layer, number, len(configs), progress)
    choice = keep_layers(fitted, source.subject.voxels, places.encoders)
    for fits in running:
        next(fits, None)
    n_images = len(source.subject.image_ids)
    done = FitProgress(n_images, n_images, 0.0, stage="done")
    yield SearchProgress(configs[-1].layer, len(configs), len(configs), done, choice)


def check_layers(configs: Sequence[EncoderConfig]) -> None:
    """Raise BadInputError unless there are two layers or more, all different, of one subject and network."""
    layers = [config.layer for config in configs]
    if len(set(layers)) < len(layers) or len(layers) < 2:
        raise refusal("layers", allowed="two different layers or more", got=layers)
    names = {(config.subject, config.network) for config in configs}
    if len(names) > 1:
        raise refusal("layers", allowed="of one subject and network", got=sorted(names))


def score_layers(cards: Sequence[EncoderCard], voxels: VoxelTable) -> tuple[LayerScore, ...]:
    """The curve over layers: the median cross-validated r of all voxels and of every ROI, layer by layer."""
    members = {ALL_VOXELS: np.arange(voxels.n_voxels)} | {roi: voxels.voxels_in(roi) for roi in voxels.roi_names}
    return tuple(
        LayerScore(card.config.layer, roi, float(np.median(card.cv_r[chosen])))
        for card in cards
        for roi, chosen in members.items()
    )


def choose_layers(curve: Sequence[LayerScore]) -> dict[str, LayerScore]:
    """The best point of the curve for every ROI (and for all voxels); ties go to the earlier layer."""
    best: dict[str, LayerScore] = {}
    for score in curve:
        if score.roi not in best or score.cv_r_median > best[score.roi].cv_r_median:
            best[score.roi] = score
    return best


def keep_layers(fitted: Sequence[EncoderData], voxels: VoxelTable, folder: Path) -> LayerChoice:
    """Save the encoders of the chosen layers and the table."""
    curve = score_layers([data.card for data in fitted], voxels)
    chosen = choose_layers(curve)
    wanted = {score.layer for score in chosen.values()}
    cards, files = [], {}
    for data in fitted:
        if data.card.config.layer in wanted:
            card = replace(data.card, layer_curve=curve)
            files[card.config.layer] = save_encoder(replace(data, card=card), folder)
            cards.append(card)
    best = tuple(
        BestLayer(roi, score.layer, score.cv_r_median, files[score.layer].name) for roi, score in chosen.items()
    )
    config = fitted[0].card.config
    table = save_layer_table(LayerTable(config.subject, config.network, best, curve), folder)
    return LayerChoice(best, curve, tuple(cards), tuple(files.values()), table)


DEFAULT_PROJECTED = 2048
DEFAULT_BOOTSTRAP = 1000
DEFAULT_OUTER = 5


@dataclass(frozen=True, slots=True)
class FitOptions:
    """What applies to every encoder of one command; `pool` None means the finest grid of `largest_pooled` features.

    With a projection and no pool given, every position is kept: the projection makes them few. Layers joined by "+"
    have no map to pool: more features than that are projected first.
    """

    pool: int | None = None
    largest_pooled: int = LARGEST_POOLED
    n_components: int = MOST_COMPONENTS
    alphas: tuple[float, ...] = DEFAULT_ALPHAS
    n_folds: int = 5
    out: Path | None = None
    reducer: str = "pca"
    n_projected: int = 0
    readout: str = "ridge"
    l1_ratio: float = 0.5
    seed: int = 0
    regions: tuple[RoiRegion, ...] = ()
    scoring: ScoringConfig = field(default_factory=ScoringConfig)
    resume: bool = False

    @property
    def places(self) -> FitPlaces:
        """Where fits go."""
        return FitPlaces(encoders=self.out or user_encoders_folder(), resume=self.resume)

    def configure(self, subject: str, network: str, layer: str, feature_shape: tuple[int, ...]) -> EncoderConfig:
        """The config of one encoder whose layer has features of that shape."""
        suggested = 0 if self.n_projected else suggest_pool(feature_shape, largest=self.largest_pooled)
        shared = {one.name: getattr(self, one.name) for one in fields(EncoderConfig) if hasattr(self, one.name)}
        shared["pool"] = suggested if self.pool is None else self.pool
        if self.pool is None and self.reducer == "pca" and "+" in layer and feature_shape[0] > self.largest_pooled:
            shared["n_projected"] = self.n_projected or DEFAULT_PROJECTED
        return EncoderConfig(subject, network, layer, **shared)


@dataclass(frozen=True, slots=True)
class FitRequest:
    """One network's layers to fit for one subject; of several, the best for each ROI are kept."""

    subject: str
    network: str
    layers: tuple[str, ...]
    options: FitOptions = field(default_factory=FitOptions)


def iter_request(
    request: FitRequest, open_network: Callable[[str], Network], *, should_stop: ShouldStop = never_stop
) -> Iterator[SearchProgress]:
    """Fit one layer, or search several; the last record holds the card or the choice.

    `open_network`: gives the network cut at a layer.

    Raises BadInputError, StorageError, Cancelled as `core.encoders.fit.iter_fit`.
    """
    options, layers = request.options, request.layers
    first = open_network(layers[0])
    run: dict[str, Any] = {
        "source": open_source(request.subject, size=first.input_size, should_stop=should_stop),
        "second": [
            open_source(name, size=first.input_size, should_stop=should_stop) for name in options.scoring.second_sets
        ],
        "scoring": options.scoring,
        "places": options.places,
        "should_stop": should_stop,
    }
    names = (request.subject, request.network)
    configs = [options.configure(*names, layer, open_network(layer).feature_shape) for layer in layers]
    if len(layers) > 1:
        yield from iter_layer_search(configs, open_network, **run)
    else:
        for progress in iter_fit(configs[0], network=first, **run):
            yield SearchProgress(layers[0], 1, 1, progress)
