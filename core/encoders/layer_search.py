"""Chooses the best layer of a network for every ROI by cross-validation, and keeps the encoders chosen.

Every layer is fitted alike; an ROI's layer is the one whose left-out training images it predicts best (median
cross-validated r of its voxels). Held-out images take no part in the choice. The chosen layers' encoders are saved with
the whole curve on their cards, and a small table says which is whose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.checks import refusal
from core.encoders.card import EncoderCard, EncoderData
from core.encoders.config import EncoderConfig
from core.encoders.extra_scores import ALL_VOXELS, BestLayer, LayerScore, LayerTable
from core.encoders.files import save_encoder, save_layer_table
from core.encoders.fit import FitPlaces, FitProgress, FitSource, iter_fit
from core.encoders.scoring_config import ScoringConfig
from core.progress import ShouldStop, never_stop
from core.types import FloatArray, VoxelTable

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
    second: Sequence[FitSource] | None = None,
    scoring: ScoringConfig | None = None,
    places: FitPlaces | None = None,
    should_stop: ShouldStop = never_stop,
) -> Iterator[SearchProgress]:
    """Fit every layer, choose by ROI, save the encoders chosen.

    Parameters
    ----------
    configs : sequence of EncoderConfig
        One a layer, of one subject and network.
    open_network : callable
        Gives the network cut at a layer.
    source, second, scoring, places, should_stop
        As of `core.encoders.fit.iter_fit`.

    Raises
    ------
    BadInputError, StorageError, Cancelled
        As `iter_fit`; nothing is saved before every layer is fitted.
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
    choice = _keep(fitted, source.subject.voxels, places.encoders)
    for fits in running:
        next(fits, None)
    n_images = len(source.subject.image_ids)
    done = FitProgress("done", n_images, n_images, seconds_left=0.0)
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
    return tuple(
        LayerScore(card.config.layer, roi, float(np.median(values)))
        for card in cards
        for roi, values in _by_roi(card.cv_r, voxels)
    )


def choose_layers(curve: Sequence[LayerScore]) -> dict[str, LayerScore]:
    """The best point of the curve for every ROI (and for all voxels); ties go to the earlier layer."""
    best: dict[str, LayerScore] = {}
    for score in curve:
        if score.roi not in best or score.cv_r_median > best[score.roi].cv_r_median:
            best[score.roi] = score
    return best


def _by_roi(values: FloatArray, voxels: VoxelTable) -> list[tuple[str, FloatArray]]:
    return [(ALL_VOXELS, values), *((roi, values[voxels.voxels_in(roi)]) for roi in voxels.roi_names)]


def _keep(fitted: Sequence[EncoderData], voxels: VoxelTable, folder: Path) -> LayerChoice:
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
