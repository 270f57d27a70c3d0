"""Ranks natural images by what an encoder predicts for a target, beside what was measured."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.checks import refusal
from core.datasets.image_store import SEPARATOR, find_stimulus
from core.datasets.photos import list_images
from core.datasets.subject import Subject, load_responses
from core.encoders.encoder import Encoder
from core.kept import Kept
from core.probes.respond import BATCH, respond
from core.probes.target import Target
from core.progress import Progress, ShouldStop, Stopwatch, check_stop
from core.statistics import mean_over_known
from core.types import BoolArray, FloatArray

RESPONSES: Kept[tuple[str, str, tuple[str, ...]], FloatArray] = Kept(2**29, measure=lambda array: array.nbytes)
"""Predicted responses (n_images, n_voxels) float32 by encoder, subject and images."""


@dataclass(frozen=True, slots=True, eq=False)
class NaturalImages:
    """Images with a target's predicted and measured responses, in the order they were given.

    Parameters
    ----------
    images : What opens each.
    predicted, measured : (n_images,) float64. c . f and the mean over repeats of c . measured, in `unit`; NaN where
        nothing was measured.
    fitted : (n_images,) bool. Whether the encoder was fitted on the image: its prediction is then no forecast.
    mean, sd : Of the predicted response over the encoder's clean reference images; NaN where they are not known.
    """

    images: tuple[str, ...]
    predicted: FloatArray
    measured: FloatArray
    fitted: BoolArray
    unit: str
    mean: float
    sd: float

    @property
    def predicted_sd(self) -> FloatArray:
        """Predicted responses in SDs from the mean of the reference images."""
        return (self.predicted - self.mean) / self.sd

    def order(self, by: str = "predicted") -> list[int]:
        """Rows from the highest to the lowest value; images without one are left out.

        Raises BadInputError if nothing was measured and that is asked.
        """
        values = self.predicted if by == "predicted" else self.measured
        known = np.flatnonzero(np.isfinite(values))
        if not len(known):
            raise refusal("by", allowed="predicted", got=by, advice="None of the images was shown to this subject.")
        rows: list[int] = known[np.argsort(-values[known], kind="stable")].tolist()
        return rows


def iter_predicted(
    encoder: Encoder, subject: Subject, images: Sequence[str], directions: Any, *, should_stop: ShouldStop
) -> Generator[Progress[Any], None, FloatArray]:
    """Predict c . f of every image for columns c, a record a batch; returns (n_images, n) float64.

    The responses to all images the subject saw are kept in memory, where they fit, for whatever is asked of them next.

    Parameters
    ----------
    directions : (n_voxels, n) float64, dense or sparse.

    Raises as `iter_natural`.
    """
    if not images:
        raise refusal("images", allowed="at least one", got=[], advice="Leave them out for all that the subject saw.")
    side = encoder.network.input_size
    key = (f"{encoder.card.sha256} at {side}", subject.id, tuple(images))
    if (kept := RESPONSES.get(key)) is not None:
        parts = [kept[at : at + BATCH].astype(np.float64) @ directions for at in range(0, len(kept), BATCH)]
        return np.concatenate(parts)
    is_kept = len(images) * encoder.n_voxels * 4 <= RESPONSES.most_bytes and key[2] == list_seen(subject)
    watch, predicted, responses = Stopwatch(len(images)), [], []
    for start in range(0, len(images), BATCH):
        pixels = []
        for image in images[start : start + BATCH]:
            check_stop(should_stop)
            pixels.append(find_stimulus(image, side).pixels)
        with encoder.network.interruptible(should_stop):
            responses.append(respond(encoder, np.stack(pixels)))
        predicted.append(responses[-1].astype(np.float64) @ directions)
        if not is_kept:
            responses.clear()
        done = start + len(pixels)
        yield Progress(done, len(images), watch.seconds_left(done), stage="natural image")
    if is_kept:
        RESPONSES.put(key, np.concatenate(responses))
    return np.concatenate(predicted)


def iter_natural(
    encoder: Encoder, subject: Subject, target: Target, images: Sequence[str], *, should_stop: ShouldStop
) -> Iterator[Progress[NaturalImages]]:
    """Predict the target's response to every image, a record a batch and one with the result.

    Parameters
    ----------
    subject : The encoder's; its own images are measured ones.
    images : Ids, SUBJECT:IMAGE, or paths of files, see `find_stimulus`.

    Raises BadInputError if an image is not there or no image; Cancelled as soon as `should_stop()` is true.
    """
    direction = target.vector(encoder.n_voxels).astype(np.float64)
    columns = yield from iter_predicted(encoder, subject, images, direction[:, np.newaxis], should_stop=should_stop)
    rows = find_rows(subject, images)
    measured, fitted = np.full(len(images), np.nan), np.zeros(len(images), dtype=bool)
    own = [place for place, row in enumerate(rows) if row is not None]
    if own:
        kept = [row for row in rows if row is not None]
        voxels = list(target.voxels)
        responses = load_responses(subject.id, should_stop=should_stop)[kept][:, :, voxels]
        measured[own] = mean_over_known(responses, axis=1) @ direction[voxels]
        fitted[own] = ~subject.test[kept]
    sd = encoder.target_sd(direction)
    facts = encoder.card.response_unit, encoder.target_mean(direction), sd if sd > 0 else np.nan
    found = NaturalImages(tuple(images), columns[:, 0], measured, fitted, *facts)
    yield Progress(len(images), len(images), 0.0, found)


def find_rows(subject: Subject, images: Sequence[str]) -> list[int | None]:
    """The row of each image among those the subject saw."""
    rows = {image: row for row, image in enumerate(subject.image_ids)}
    prefix = f"{subject.id}{SEPARATOR}" if subject.images is not None else ""
    return [rows.get(image.removeprefix(prefix)) if image.startswith(prefix) else None for image in images]


def list_seen(subject: Subject) -> tuple[str, ...]:
    """What opens every image the subject saw, or the shipped photographs where it saw none."""
    prefix = f"{subject.id}{SEPARATOR}" if subject.images is not None else ""
    seen = tuple(dict.fromkeys(prefix + image for image in subject.image_ids))
    return seen or tuple(info.id for info in list_images())
