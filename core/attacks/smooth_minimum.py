"""One perturbation that two encoders answer to differently, or alike: the smooth minimum of their signed shifts.

Golan, Raju & Kriegeskorte 2020, "Controversial stimuli", doi:10.1073/pnas.1912334117.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from core.attacks.ensemble import EnsembleObjective
from core.attacks.objective import Objective, Scores

LEAST_SHARPNESS, MOST_SHARPNESS = 1e-9, 1e9
"""In float32 no t beyond tells from these: the mean and the minimum of the shifts. Far beyond it would overflow."""


class SmoothMinimum(EnsembleObjective):
    """-(1/t) log mean over members m of exp(-t s_m), s_m = (value_m(pixels) - value_m(clean)) / scale_m.

    A member's value has the sign of its direction, so that s_m counts the SDs it moved the way wanted. With the mean it
    is 0 where nothing moved; the sum, as in the formula that is told, is log(number of members) / t lower throughout.

    Parameters
    ----------
    members : All for images of one size; the first is the probe's own, whose responses `Scores` holds.
    clean : (n, 3, height, width). The clean images, in the order of every batch that is scored.
    sharpness : t, above 0; the larger, the more the one that lags behind counts.

    Raises BadInputError if a member's SD over the reference images is not known, or 0.
    """

    def __init__(self, members: Sequence[Objective], clean: torch.Tensor, *, sharpness: float) -> None:
        super().__init__(members)
        self._sharpness = _clamp(sharpness)
        self._clean = self.in_sds([one.score(clean) for one in members])

    def shifts(self, pixels: torch.Tensor) -> torch.Tensor:
        """s_m, (n_members, n)."""
        return self.in_sds([one.score(pixels) for one in self._members]) - self._clean

    def join(self, in_sds: torch.Tensor) -> torch.Tensor:
        """The smooth minimum of the shifts since the clean images."""
        return join_shifts(in_sds - self._clean, self._sharpness)

    def share(self, in_sds: torch.Tensor) -> torch.Tensor:
        """Each member's weight in the gradient: exp(-t s_m), normalised."""
        return torch.softmax(-self._sharpness * (in_sds - self._clean), dim=0)

    def _combine(self, scores: Sequence[Scores]) -> Scores:
        return replace(super()._combine(scores), shifts=(self.in_sds(scores) - self._clean).T)


def join_shifts(shifts: torch.Tensor, sharpness: float) -> torch.Tensor:
    """The smooth minimum over the first axis, (n,) of (n_members, n); exact to rounding for any t, 0 for no shifts."""
    smallest = shifts.amin(dim=0)
    told = _clamp(sharpness)
    return smallest - torch.log1p(torch.expm1(-told * (shifts - smallest)).mean(dim=0)) / told


def _clamp(sharpness: float) -> float:
    return min(max(sharpness, LEAST_SHARPNESS), MOST_SHARPNESS)
