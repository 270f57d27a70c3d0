"""A target's fingerprint: its predicted response to the images of each category, and what sets it apart from each ROI.

category: mean over its images of c . f(x), with mean +- t_(n-1) s / sqrt(n) and the SD s over images
ROI:      r of c . f(x) and the mean of the ROI's f(x) over all images, and the mean of z_c - z_ROI over the images
          of the category with the highest mean; z counts SDs from the mean over all images
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse, special

from core.datasets.subject import Subject
from core.encoders.encoder import Encoder
from core.probes.natural import find_rows, iter_predicted
from core.probes.target import Target, target_roi
from core.progress import Progress, ShouldStop
from core.types import FloatArray

CONFIDENCE = 0.95
"""Coverage of the intervals of means over images."""


@dataclass(frozen=True, slots=True)
class CategoryResponse:
    """A target's predicted response to the images of a category, in its unit; NaN where there are too few images.

    `response` with its interval `low` to `high`, and the `sd` over images; `response_sd` in SDs from the mean of the
    clean reference images; `held_out`: the mean over the images the encoder was not fitted on.
    """

    category: str
    n_images: int
    n_held_out: int
    response: float
    low: float
    high: float
    sd: float
    response_sd: float
    held_out: float


@dataclass(frozen=True, slots=True)
class RoiContrast:
    """A target beside an ROI: `r` over all images; `contrast` of z over the images of the preferred category.

    NaN where one of the two never varies, or no category is known.
    """

    roi: str
    n_voxels: int
    r: float
    contrast: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a target answers to, categories with the highest response first; none where they are not known.

    `n_images` with or without a category; `mean` and `sd` over the clean reference images, in `unit`, NaN if not known.
    """

    target: Target
    unit: str
    n_images: int
    categories: tuple[CategoryResponse, ...]
    rois: tuple[RoiContrast, ...]
    mean: float
    sd: float


def iter_fingerprint(
    encoder: Encoder, subject: Subject, target: Target, images: Sequence[str], *, should_stop: ShouldStop
) -> Iterator[Progress[Fingerprint]]:
    """Predict and sum up, a record a batch and one with the result. Takes and raises as `iter_natural`."""
    aims = [target, *(target_roi(subject.voxels, roi) for roi in subject.voxels.roi_names)]
    vectors = (aim.vector(encoder.n_voxels).astype(np.float64) for aim in aims)
    directions = sparse.hstack([sparse.csc_array(one[:, np.newaxis]) for one in vectors], format="csc")
    predicted = yield from iter_predicted(encoder, subject, images, directions, should_stop=should_stop)
    vector = target.vector(encoder.n_voxels)
    mean, sd = encoder.target_mean(vector), encoder.target_sd(vector) or np.nan
    rows = find_rows(subject, images)
    known = subject.categories or ("",) * len(subject.image_ids)
    names = np.asarray(["" if row is None else known[row] for row in rows])
    held_out = np.asarray([row is None or bool(subject.test[row]) for row in rows])
    made = []
    for name in sorted(set(names.tolist()) - {""}):
        values, fresh = predicted[names == name, 0], predicted[(names == name) & held_out, 0]
        average, low, high = average_images(values)
        spread = float(values.std(ddof=1)) if len(values) > 1 else np.nan
        numbers = (average, low, high, spread, (average - mean) / sd, average_images(fresh)[0])
        made.append(CategoryResponse(name, len(values), len(fresh), *numbers))
    made.sort(key=lambda one: -one.response)
    z = _standardise(predicted)
    r, apart = (z[:, :1] * z).mean(axis=0), (z[:, :1] - z)[names == (made[0].category if made else None)]
    rois = tuple(
        RoiContrast(aim.roi, len(aim.voxels), float(r[column]), *average_images(apart[:, column]))
        for column, aim in enumerate(aims[1:], start=1)
    )
    found = Fingerprint(target, encoder.card.response_unit, len(images), tuple(made), rois, mean, sd)
    yield Progress(len(images), len(images), 0.0, found)


def _standardise(values: FloatArray) -> FloatArray:
    """z of every column, NaN of one that varies by rounding errors at most."""
    sds = values.std(axis=0)
    varies = sds > 1e-12 * np.abs(values).max(axis=0)
    return np.asarray((values - values.mean(axis=0)) / np.where(varies, sds, np.nan))


def average_images(values: FloatArray) -> tuple[float, float, float]:
    """The mean of values (n,) with its 95 % interval by Student's t; NaN where there are too few."""
    mean = float(values.mean()) if len(values) else np.nan
    if len(values) < 2:
        return mean, np.nan, np.nan
    error = float(values.std(ddof=1) / np.sqrt(len(values)))
    reach = error * float(special.stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2))
    return mean, mean - reach, mean + reach
