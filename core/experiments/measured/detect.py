"""Whether an experiment would detect a shift, in closed form: the exact sign test over images that `compare` makes.

    p = Φ(slope |s| √(repeats / 2) ncsnr),    power = P(X >= k),    X ~ Binomial(images, p)

s is the predicted shift in SDs, the same in every image; each image is shown clean and perturbed. k is the smallest
number of images moved as predicted at which the test's p lies below 1 − confidence. `design` simulates the same for the
predictions of a whole set.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from core.checks import check_count, check_fraction, check_positive, refusal
from core.experiments.measured.design import WANTED_POWER, DesignConfig
from core.probes.probe import Probe
from core.types import FloatArray

N_SHOWN = 2
"""Noises in a shift: of the perturbed image and of its original."""
LEAST_NOISE = 1e-9
USUAL_IMAGES = 12


@dataclass(frozen=True, slots=True)
class ShiftPower:
    """An experiment on one predicted shift.

    Parameters
    ----------
    ncsnr : Signal-to-noise ratio of single trials: SD of responses over images / SD of noise.
    n_repeats : Times each stimulus is shown.
    n_images : Images, each clean and perturbed.
    slope : SDs the brain moves for each SD predicted; 1 is the best case.
    confidence : Of the test, in (0, 1).
    """

    ncsnr: float
    n_repeats: int = 4
    n_images: int = USUAL_IMAGES
    slope: float = 1.0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        check_positive("ncsnr", self.ncsnr)
        check_count("repeats", self.n_repeats)
        check_count("images", self.n_images)
        check_positive("slope", self.slope)
        check_positive("confidence", check_fraction("confidence", self.confidence, largest=0.9999))

    @property
    def least_agreeing(self) -> int:
        """Images that must move as predicted; more than there are where no outcome is significant, as of 5."""
        counts = np.arange(self.n_images // 2 + 1, self.n_images + 1)
        p = 2 * special.bdtr(self.n_images - counts, self.n_images, 0.5)
        return int(counts[p < 1 - self.confidence].min(initial=self.n_images + 1))

    def power(self, shift_sd: FloatArray) -> FloatArray:
        """Of shifts (n,) in SDs, in [0, 1]; NaN stays NaN."""
        agree, least = special.ndtr(self._scale * np.sqrt(self.n_repeats) * np.abs(shift_sd)), self.least_agreeing
        found = np.zeros_like(agree) if least > self.n_images else special.bdtrc(least - 1, self.n_images, agree)
        return np.where(np.isnan(agree), np.nan, found)

    def repeats_needed(self, shift_sd: FloatArray) -> FloatArray:
        """Repeats for a power of 0.8 of shifts (n,) in SDs, whole numbers; inf where none are enough."""
        with np.errstate(divide="ignore"):
            needed = (self._wanted / (self._scale * np.abs(shift_sd))) ** 2
        return np.maximum(1.0, np.ceil(needed - 1e-9))

    @property
    def least_shift(self) -> float:
        """The smallest shift in SDs with a power of 0.8; inf if no shift has it."""
        return float(self._wanted / (self._scale * np.sqrt(self.n_repeats)))

    @property
    def _scale(self) -> float:
        """How many SDs of its noise a shift of 1 SD moves an image, shown once."""
        return self.slope * self.ncsnr / math.sqrt(N_SHOWN)

    @property
    def _wanted(self) -> float:
        """The same that the wanted power takes."""
        least = self.least_agreeing
        if least > self.n_images:
            return np.inf
        return float(special.ndtri(special.betaincinv(least, self.n_images - least + 1, WANTED_POWER)))


def tabulate_needed(probe: Probe, config: DesignConfig) -> list[dict[str, Any]]:
    """A row for each number of images and budget of a probe: the repeats for a power of 0.8, inf if none are enough.

    Raises BadInputError if the probe's shift is not known in SDs.
    """
    if not probe.target_sd > 0:
        raise refusal("probe", allowed="one whose shift is known in SDs", got=f"an SD of {probe.target_sd:g}")
    shifts, ncsnr, rows = probe.curve.shift / probe.target_sd, 1 / max(config.noise, LEAST_NOISE), []
    for n_images in config.images or (USUAL_IMAGES,):
        power = ShiftPower(ncsnr, max(config.repeats), n_images, config.slope or 1.0, config.confidence)
        names = ("images", "epsilon", "shift_sd", "repeats_needed", f"power_with_{power.n_repeats}_repeats")
        columns = (probe.curve.epsilon, shifts, power.repeats_needed(shifts), power.power(shifts))
        rows += [dict(zip(names, (n_images, *map(float, row)), strict=True)) for row in zip(*columns, strict=True)]
    return rows


def find_spans(x: FloatArray, y: FloatArray, least: float) -> list[tuple[float, float]]:
    """The parts of x in which a line through points (n,), x rising, is at `least` or above."""
    above = y - least
    (before,) = np.nonzero(above[:-1] * above[1:] < 0)
    share = above[before] / (above[before] - above[before + 1])
    crossings = x[before] + share * (x[before + 1] - x[before])
    places = np.unique(np.concatenate([x, crossings]))
    middles = (places[:-1] + places[1:]) / 2
    inside = np.concatenate([[False], np.interp(middles, x, y) >= least, [False]])
    starts, ends = (np.flatnonzero(np.diff(inside.astype(int)) == way) for way in (1, -1))
    return list(zip(places[starts].tolist(), places[ends].tolist(), strict=True))
