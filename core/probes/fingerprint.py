"""A target's fingerprint: its predicted response to the images of each category, and what sets it apart from each ROI.

category: mean over its images of c . f(x), with mean +- t_(n-1) s / sqrt(n) and the SD s over images
ROI:      r of c . f(x) and the mean of the ROI's f(x) over all images, and the mean of z_c - z_ROI over the images
          of the category with the highest mean; z counts SDs from the mean over all images
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from core.datasets.subject import Subject
from core.encoders.encoder import Encoder
from core.probes.natural import find_rows, iter_predicted
from core.probes.target import Target, target_roi
from core.progress import Progress, ShouldStop
from core.statistics import Interval
from core.types import BoolArray, FloatArray

CONFIDENCE = 0.95
"""Coverage of the intervals of means over images."""


@dataclass(frozen=True, slots=True)
class CategoryResponse:
    """A target's predicted response to the images of a category.

    Parameters
    ----------
    response : Mean over the images and its 95 % interval, in the unit of the response; NaN ends for one image.
    sd : Over the images, n - 1; NaN for one.
    held_out : Mean over those the encoder was not fitted on; NaN for none.
    """

    name: str
    n_images: int
    n_held_out: int
    response: Interval
    sd: float
    held_out: float


@dataclass(frozen=True, slots=True)
class RoiContrast:
    """A target beside an ROI: `r` over all images; `contrast` of z over the images of the preferred category.

    NaN where one of the two never varies, or no category is known.
    """

    roi: str
    n_voxels: int
    r: float
    contrast: Interval


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a target answers to, categories with the highest response first.

    Parameters
    ----------
    n_images : With or without a category.
    mean, sd : Of the predicted response over the encoder's clean reference images, in `unit`; NaN where not known.
    """

    target: Target
    unit: str
    n_images: int
    categories: tuple[CategoryResponse, ...]
    rois: tuple[RoiContrast, ...]
    mean: float
    sd: float

    @property
    def preferred(self) -> str:
        """The category with the highest mean; "" where none is known."""
        return self.categories[0].name if self.categories else ""


def iter_fingerprint(
    encoder: Encoder, subject: Subject, target: Target, images: Sequence[str], *, should_stop: ShouldStop
) -> Iterator[Progress[Fingerprint]]:
    """Predict and sum up, a record a batch and one with the result. Takes and raises as `core.probes.natural`."""
    table = subject.voxels
    aims = [target, *(target_roi(table, roi) for roi in table.roi_names)]
    directions = np.stack([aim.vector(encoder.n_voxels).astype(np.float64) for aim in aims], axis=1)
    for record in iter_predicted(encoder, subject, images, directions, should_stop=should_stop):
        predicted = record.result
        if predicted is None:
            yield Progress(record.done, record.total, record.seconds_left)
            continue
        rows = find_rows(subject, images)
        known = subject.categories or ("",) * len(subject.image_ids)
        names = np.asarray(["" if row is None else known[row] for row in rows])
        held_out = np.asarray([row is None or bool(subject.test[row]) for row in rows])
        categories = _sum_up_categories(predicted[:, 0], names, held_out)
        rois = _compare_rois(predicted, names == (categories[0].name if categories else None))
        contrasts = [RoiContrast(aim.roi, len(aim.voxels), *found) for aim, found in zip(aims[1:], rois, strict=True)]
        sd = encoder.target_sd(directions[:, 0])
        facts = encoder.target_mean(directions[:, 0]), sd if sd > 0 else np.nan
        unit = encoder.card.response_unit
        found = Fingerprint(target, unit, len(images), categories, tuple(contrasts), *facts)
        yield Progress(len(images), len(images), 0.0, found)


def tabulate_categories(found: Fingerprint) -> list[dict[str, Any]]:
    """A row a category; `response_sd` counts SDs from the mean of the clean reference images."""
    return [
        {
            "category": one.name,
            "n_images": one.n_images,
            "n_held_out": one.n_held_out,
            "response": one.response.value,
            "low": one.response.low,
            "high": one.response.high,
            "sd": one.sd,
            "response_sd": (one.response.value - found.mean) / found.sd,
            "held_out": one.held_out,
        }
        for one in found.categories
    ]


def tabulate_rois(found: Fingerprint) -> list[dict[str, Any]]:
    """A row an ROI."""
    return [
        {
            "roi": one.roi,
            "n_voxels": one.n_voxels,
            "r": one.r,
            "contrast": one.contrast.value,
            "low": one.contrast.low,
            "high": one.contrast.high,
        }
        for one in found.rois
    ]


def _sum_up_categories(predicted: FloatArray, names: FloatArray, held_out: BoolArray) -> tuple[CategoryResponse, ...]:
    made = []
    for name in sorted(set(names.tolist()) - {""}):
        own = names == name
        values, fresh = predicted[own], predicted[own & held_out]
        sd = float(values.std(ddof=1)) if len(values) > 1 else np.nan
        left_out = float(fresh.mean()) if len(fresh) else np.nan
        made.append(CategoryResponse(name, len(values), len(fresh), interval_over_images(values), sd, left_out))
    return tuple(sorted(made, key=lambda one: -one.response.value))


def _compare_rois(predicted: FloatArray, preferred: BoolArray) -> list[tuple[float, Interval]]:
    """r and contrast of the first column with each other one, (n_images, 1 + n_rois)."""
    deviations, sds = predicted - predicted.mean(axis=0), predicted.std(axis=0)
    sizes = np.maximum(np.abs(predicted).max(axis=0), np.finfo(float).tiny)
    z = deviations / np.where(sds > sizes * 1e-12, sds, np.nan)
    r = (z[:, :1] * z[:, 1:]).mean(axis=0)
    apart = z[preferred, :1] - z[preferred, 1:]
    return [(float(one), interval_over_images(values)) for one, values in zip(r, apart.T, strict=True)]


def interval_over_images(values: FloatArray) -> Interval:
    """The mean of values (n,) and its 95 % interval by Student's t; NaN where there are too few."""
    if len(values) < 2:
        return Interval(float(values.mean()) if len(values) else np.nan, np.nan, np.nan)
    mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
    reach = error * float(special.stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2))
    return Interval(mean, mean - reach, mean + reach)
