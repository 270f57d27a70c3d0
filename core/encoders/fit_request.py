"""What a user asks to be fitted: options resolved to configs once a layer's features are known, and their run.

The one way from command line and window to `iter_fit`. A search (`core.sweeps.search`) fits every layer alike; an ROI's
layer is the one whose left-out training images it predicts best (median cross-validated r of its voxels), so that
held-out images take no part in the choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

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
        return EncoderConfig(subject, network, layer, balanced="+" in layer, **shared)


@dataclass(frozen=True, slots=True)
class FitRequest:
    """One network's layers to fit for one subject; of several, the best for each ROI are kept."""

    subject: str
    network: str
    layers: tuple[str, ...]
    options: FitOptions = field(default_factory=FitOptions)


def open_sources(request: FitRequest, size: int, *, should_stop: ShouldStop = never_stop) -> list[FitSource]:
    """The subject of a request and those it is also scored on, images at `size` pixels. Raises as `open_source`."""
    names = (request.subject, *request.options.scoring.second_sets)
    return [open_source(name, size=size, should_stop=should_stop) for name in names]


def iter_layer(
    request: FitRequest,
    network: Network,
    sources: Sequence[FitSource],
    *,
    places: FitPlaces | None = None,
    should_stop: ShouldStop = never_stop,
) -> Iterator[FitProgress]:
    """Fit the layer that a network is cut at; `sources` are those of `open_sources`. Raises as `iter_fit`."""
    options = request.options
    config = options.configure(request.subject, request.network, network.layer, network.feature_shape)
    yield from iter_fit(
        config,
        network=network,
        source=sources[0],
        second=sources[1:],
        scoring=options.scoring,
        places=places or options.places,
        should_stop=should_stop,
    )
