"""Shows reference images to an imported encoder: the SD of its clean responses, and its scores where there are data.

The reference images are the training images of a subject that has some, else the shipped photographs. Scores are
those of its test images; whether the source saw these when it was fitted is not known here, and the card says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from core.checks import refusal
from core.encoders.card import EncoderData
from core.encoders.responses import average_repeats
from core.encoders.scores import correlate, rate
from core.errors import StorageError
from core.progress import Progress
from core.types import FloatArray, IntArray

if TYPE_CHECKING:
    from pathlib import Path

    from core.datasets.subject import Subject
    from core.images.stimulus import Stimulus
    from core.networks.network import Network

IMAGES_AT_ONCE, VOXELS_AT_ONCE = 16, 16_384
LEAST_SCORED = 3
SCORED_ON = "test-image"
NOTE = "Its r is over the subject's test images; whether its source was fitted to them is not known."


def iter_reference(
    data: EncoderData, subject: Subject | None, *, network: Network, most: int
) -> Iterator[Progress[EncoderData]]:
    """Complete an encoder with its covariance, reference SDs and scores.

    Parameters
    ----------
    subject : With its recordings, if it has any.
    network : Cut at the encoder's layer.
    most : Reference images at most, evenly spread; 0 leaves everything unknown.
    """
    from core.encoders.features import Extractor

    if most < 1:
        yield Progress(0, 0, result=data)
        return
    images, scored, load, title = choose_reference(subject, size=network.input_size, most=most)
    n_reference = len(images) - len(scored)
    reduced = np.empty((len(images), data.rank), dtype=np.float32)
    for start in range(0, len(images), IMAGES_AT_ONCE):
        yield Progress(start, len(images))
        names = images[start : start + IMAGES_AT_ONCE]
        pixels = np.stack([load(name).pixels for name in names]).astype(np.float32, copy=False)
        centred = Extractor(network, data.card.config.pool).extract(pixels) - data.mean
        reduced[start : start + len(names)] = centred if data.components is None else centred @ data.components
    result = complete(data, reduced[:n_reference], title=title)
    if scored and subject is not None:
        result = score(result, subject, rows=scored, reduced=reduced[n_reference:])
    yield Progress(len(images), len(images), result=result)


def iter_renew_reference(header: Path, *, network: Network, most: int) -> Iterator[Progress[EncoderData]]:
    """Recompute the SDs, and scores, of an imported encoder of the library and keep them.

    Raises BadInputError if the encoder was fitted here: its reference images are its training images; WeightsError if
    it reads another network.
    """
    from core.datasets.subject import load_subject
    from core.encoders.encoder import check_fits_network
    from core.encoders.files import load_encoder_data, save_encoder, seal

    data = load_encoder_data(header)
    if data.card.provenance is None:
        allowed = "an imported one; the reference images of one fitted here are its training images"
        raise refusal("encoder", allowed=allowed, got=header.stem)
    check_fits_network(network, data)
    for record in iter_reference(data, load_subject(data.card.config.subject), network=network, most=most):
        if record.result is not None:
            sealed = seal(record.result)
            save_encoder(sealed, header.parent)
            record = replace(record, result=sealed)
        yield record


def choose_reference(
    subject: Subject | None, *, size: int, most: int
) -> tuple[tuple[str, ...], tuple[int, ...], Callable[[str], Stimulus], str]:
    """The subject's own training and test images, or the shipped photographs.

    Returns the images; which rows of the subject the last of them are, that score the encoder; how one is read; and
    how those before them are called.
    """
    from core.datasets.image_store import open_image_store
    from core.datasets.photos import list_images, load_stimulus
    from core.datasets.subject import load_responses

    if subject is None or not len(subject.image_ids) or subject.test.all():
        names = [info.id for info in list_images()]
        kept = tuple(names[row] for row in spread_evenly(np.arange(len(names)), most))
        return kept, (), partial(load_stimulus, size=size), f"{len(kept)} shipped photographs"
    train, scored = (tuple(spread_evenly(np.flatnonzero(side), most)) for side in (~subject.test, subject.test))
    try:
        has_responses = load_responses(subject.id).shape[0] == len(subject.image_ids)
    except StorageError:
        has_responses = False
    if not has_responses or len(scored) < LEAST_SCORED:
        scored = ()
    images = tuple(subject.image_ids[row] for row in (*train, *scored))
    load = partial(open_image_store(subject).load, size=size)
    return images, scored, load, f"{len(train)} training images of {subject.title}"


def spread_evenly(rows: IntArray, most: int) -> list[int]:
    """At most so many of the rows, evenly spread over them."""
    count = min(len(rows), most)
    return [int(rows[index * len(rows) // count]) for index in range(count)]


def complete(data: EncoderData, reduced: FloatArray, *, title: str) -> EncoderData:
    """The encoder with covariance, reference means and SDs over reduced features (n_images, rank)."""
    predicted = data.read_out(reduced)
    mean, sd = np.empty((2, data.card.n_voxels))
    for start in range(0, data.card.n_voxels, VOXELS_AT_ONCE):  # sums in float64 of all at once would take gigabytes
        part = slice(start, start + VOXELS_AT_ONCE)
        mean[part] = predicted[:, part].mean(axis=0, dtype=np.float64)
        sd[part] = predicted[:, part].std(axis=0, dtype=np.float64)
    if data.weights is None:
        covariance = (predicted - mean.astype(np.float32)) / np.float32(np.sqrt(len(predicted)))
    else:
        covariance = np.atleast_2d(np.cov(reduced, rowvar=False, bias=True, dtype=np.float64)).astype(np.float32)
    provenance = data.card.provenance
    if provenance is not None:
        provenance = replace(provenance, reference=title, n_reference=len(reduced))
    card = replace(
        data.card,
        reference_sd=sd.astype(np.float32),
        reference_mean=(mean + data.intercept).astype(np.float32),
        provenance=provenance,
    )
    return replace(data, card=card, covariance=covariance)


def score(data: EncoderData, subject: Subject, *, rows: tuple[int, ...], reduced: FloatArray) -> EncoderData:
    """The encoder with its r over the subject's test images, given by rows, of reduced features (n_rows, rank)."""
    from core.datasets.subject import load_responses

    responses = np.array(load_responses(subject.id)[list(rows)])
    r = correlate(data.read_out(reduced), average_repeats(responses)).astype(np.float32)
    card, provenance = data.card, data.card.provenance
    if provenance is not None and NOTE not in provenance.note:
        provenance = replace(provenance, note=f"{provenance.note} {NOTE}".strip())
    scored = replace(card, n_test=len(rows), scored_on=SCORED_ON, provenance=provenance, **rate(r, card.noise_ceiling))
    return replace(data, card=scored)
