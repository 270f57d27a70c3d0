"""Fits copies of encoders to a part of the training images, and keeps them in the cache.

A copy has the encoder's own configuration but for its seed, and is fitted to a random half of the training images (or
fewer). Its scores come from the held-out images, or from the other half where none is held out.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.datasets.image_store import open_image_store
from core.datasets.subject import load_responses, load_subject
from core.encoders.card import EncoderCard, EncoderData
from core.encoders.config import EncoderConfig, ScoringConfig, encoder_stem
from core.encoders.feature_cache import Gathered
from core.encoders.features import gather, make_extractor, open_cache
from core.encoders.files import load_encoder_data, save_encoder
from core.encoders.responses import average_repeats
from core.encoders.scored import LEAST_IMAGES, ScoredImages, pooled_grid
from core.encoders.solve import iter_solve
from core.errors import StorageError, WeightsError
from core.paths import cache_folder
from core.progress import ShouldStop, run_to_end
from core.seeds import derive_seed, make_stream
from core.types import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from core.datasets.subject import Subject
    from core.networks.network import Network

LARGEST_SEED = 2**31
N_CALIBRATION = 32
"""Training images that an untrained network's BatchNorm is measured on."""


def fit_control_encoder(
    card: EncoderCard, network: Network, *, seed: int, n_images: int, n_test: int, should_stop: ShouldStop
) -> EncoderData:
    """The copy of an encoder on a network, from the cache where it was fitted before.

    Parameters
    ----------
    card : Of the encoder; it says whose responses, how pooled, which readout.
    network : The encoder's own, or an untrained one of the same architecture.
    seed : Of the half, the folds and the projection.
    n_images : Training images, at most; never more than half.
    n_test : Held-out images it is scored on, at most.

    Raises StorageError if images or responses cannot be read; Cancelled as soon as `should_stop()` is true.
    """
    folder = _folder_of(card, network, (seed, n_images, n_test))
    config = replace(card.config, seed=derive_seed(seed, "copy") % LARGEST_SEED)
    found = _load(config, folder)
    if found is not None:
        return found
    subject = load_subject(config.subject)
    train, test = split_rows(subject.test, n_images, n_test, seed=seed)
    data = _gather(config, network, subject, rows=(train, test), should_stop=should_stop)
    fitted = run_to_end(iter_solve(config, data, scoring=ScoringConfig(n_bootstrap=0), should_stop=should_stop))
    save_encoder(fitted, folder)
    return fitted


def split_rows(held_out: BoolArray, n_images: int, n_test: int, *, seed: int) -> tuple[IntArray, IntArray]:
    """Rows to fit a copy to and rows to score it on, both ascending: a random half, and what is held out or left."""
    draw = make_stream(seed, "copy", "rows")
    known = draw.permutation(np.flatnonzero(~held_out))
    train = known[: min(n_images, len(known) // 2)]
    rest = np.flatnonzero(held_out) if held_out.sum() >= LEAST_IMAGES else known[len(known) // 2 :]
    return np.sort(train), np.sort(draw.permutation(rest)[: max(n_test, LEAST_IMAGES)])


def calibration_pixels(subject_id: str, side: int) -> FloatArray:
    """The first training images of a subject, (n, 3, side, side)."""
    subject = load_subject(subject_id)
    store = open_image_store(subject)
    rows = np.flatnonzero(~subject.test)[:N_CALIBRATION]
    return np.stack([store.load(subject.image_ids[row], side).pixels for row in rows])


def _gather(
    config: EncoderConfig,
    network: Network,
    subject: Subject,
    *,
    rows: tuple[IntArray, IntArray],
    should_stop: ShouldStop,
) -> ScoredImages:
    chosen = np.concatenate(rows)
    names, store = [subject.image_ids[row] for row in chosen], open_image_store(subject)
    extractor = make_extractor(config, network, should_stop)
    with open_cache(config, extractor, cache_folder() / "features") as cache:
        gathered = Gathered(np.empty((len(names), cache.n_inputs), dtype=np.float32))
        for _ in gather(
            gathered, extractor, names, load=lambda name: store.load(name, network.input_size), cache=cache
        ):
            pass
    return ScoredImages(
        features=gathered.features,
        responses=average_repeats(np.asarray(load_responses(subject.id)[chosen])),
        images=tuple(gathered.images),
        test=np.arange(len(chosen)) >= len(rows[0]),
        noise_ceiling=subject.voxels.noise_ceiling,
        response_unit=subject.response_unit,
        network_sha256=network.sha256,
        voxels=subject.voxels,
        grid=pooled_grid(network.feature_shape, config.pool),
    )


def _folder_of(card: EncoderCard, network: Network, choices: tuple[int, ...]) -> Path:
    text = json.dumps([card.sha256, network.sha256, *choices])
    return cache_folder() / "copies" / hashlib.sha256(text.encode()).hexdigest()[:16]


def _load(config: EncoderConfig, folder: Path) -> EncoderData | None:
    """What is in the cache; None where it is missing or damaged."""
    path = folder / f"{encoder_stem(config.subject, config.network, config.layer)}.json"
    try:
        return load_encoder_data(path) if path.is_file() else None
    except (StorageError, WeightsError):
        return None
