"""Ranks natural images by what an encoder predicts for a target, beside what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.checks import refusal
from core.datasets.image_store import SEPARATOR, find_stimulus
from core.datasets.subject import Subject, load_responses
from core.encoders.encoder import Encoder
from core.probes.respond import BATCH, respond
from core.probes.target import Target
from core.progress import Progress, ShouldStop, Stopwatch, check_stop
from core.types import BoolArray, FloatArray


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
    if not images:
        raise refusal("images", allowed="at least one", got=[], advice="Leave them out for all that the subject saw.")
    direction, side = target.vector(encoder.n_voxels).astype(np.float64), encoder.network.input_size
    watch, predicted = Stopwatch(len(images)), []
    for start in range(0, len(images), BATCH):
        pixels = []
        for image in images[start : start + BATCH]:
            check_stop(should_stop)
            pixels.append(find_stimulus(image, side).pixels)
        with encoder.network.interruptible(should_stop):
            predicted.append(respond(encoder, np.stack(pixels)).astype(np.float64) @ direction)
        done = start + len(pixels)
        yield Progress(done, len(images), watch.seconds_left(done))
    rows = {image: row for row, image in enumerate(_name_images(subject))}
    measured, fitted = np.full(len(images), np.nan), np.zeros(len(images), dtype=bool)
    own = [place for place, image in enumerate(images) if image in rows]
    if own:
        kept, voxels = [rows[images[place]] for place in own], list(target.voxels)
        responses = np.asarray(
            load_responses(subject.id, should_stop=should_stop)[kept][:, :, voxels], dtype=np.float64
        )
        measured[own] = _average(responses) @ direction[voxels]
        fitted[own] = ~subject.test[kept]
    sd = encoder.target_sd(direction)
    facts = encoder.card.response_unit, encoder.target_mean(direction), sd if sd > 0 else np.nan
    found = NaturalImages(tuple(images), np.concatenate(predicted), measured, fitted, *facts)
    yield Progress(len(images), len(images), 0.0, found)


def _average(responses: FloatArray) -> FloatArray:
    """The mean over repeats that were measured, (n_images, n_voxels), NaN without any."""
    counts = np.isfinite(responses).sum(axis=1)
    return np.asarray(np.nansum(responses, axis=1) / np.where(counts > 0, counts, np.nan))


def list_seen(subject: Subject) -> tuple[str, ...]:
    """What opens every image the subject saw."""
    return tuple(dict.fromkeys(_name_images(subject)))


def _name_images(subject: Subject) -> list[str]:
    """What opens the image of each row of its responses."""
    prefix = f"{subject.id}{SEPARATOR}" if subject.images is not None else ""
    return [prefix + image for image in subject.image_ids]
