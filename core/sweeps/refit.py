"""Fits copies of encoders to a part of the training images, and keeps them in the cache.

A copy has the encoder's own configuration but for its seed, and is fitted to a random half of the training images (or
fewer). Its scores come from the held-out images, or from the other half where none is held out.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from core.datasets.image_store import open_image_store
from core.datasets.subject import load_responses, load_subject
from core.encoders.card import EncoderCard, EncoderData
from core.encoders.files import load_encoder_data
from core.encoders.fit import FitPlaces, FitSource, iter_fit
from core.encoders.responses import average_repeats
from core.encoders.scored import LEAST_IMAGES
from core.errors import StorageError, WeightsError
from core.paths import cache_folder
from core.progress import ShouldStop
from core.seeds import derive_seed, make_stream
from core.types import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
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
    config = replace(card.config, seed=derive_seed(seed, "copy") % LARGEST_SEED)
    names = json.dumps([card.sha256, network.sha256, seed, n_images, n_test])
    folder = cache_folder() / "copies" / hashlib.sha256(names.encode()).hexdigest()[:16]
    header = folder / f"{config.name}.json"
    with suppress(StorageError, WeightsError):  # missing or damaged
        return load_encoder_data(header)
    subject = load_subject(config.subject)
    train, test = split_rows(subject.test, n_images, n_test, seed=seed)
    rows = np.concatenate([train, test])
    part = replace(
        subject,
        image_ids=tuple(subject.image_ids[row] for row in rows),
        test=np.arange(len(rows)) >= len(train),
        categories=(),
        n_trials=subject.n_trials[rows],
    )
    load = partial(open_image_store(subject).load, size=network.input_size)
    # Means alone: the noise ceiling is then that of the whole recording.
    means = average_repeats(np.asarray(load_responses(subject.id)[rows]))[:, np.newaxis]
    source = FitSource(part, means, load)
    for _ in iter_fit(config, network=network, source=source, places=FitPlaces(folder), should_stop=should_stop):
        pass
    return load_encoder_data(header)


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
