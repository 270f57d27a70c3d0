"""One perturbation that two encoders answer to differently, or alike: the smooth minimum of their signed shifts.

Golan, Raju & Kriegeskorte 2020, "Controversial stimuli", doi:10.1073/pnas.1912334117.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.attacks.objective import LinearObjective, Scores
from core.attacks.rules import check_scale
from core.encoders.encoder import Encoder

LEAST_SHARPNESS, MOST_SHARPNESS = 1e-9, 1e9
"""In float32 no t beyond tells from these: the mean and the minimum of the shifts. Far beyond it would overflow."""


class SmoothMinimum:
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

    def __init__(self, members: Sequence[LinearObjective], clean: torch.Tensor, *, sharpness: float) -> None:
        self._members = tuple(members)
        self._sharpness = _clamp(sharpness)
        self._scales = [check_scale(one.scale, _name(one.encoder)) for one in members]
        self._clean = [one.score(clean).values for one in members]

    @property
    def encoder(self) -> Encoder:
        """The first member's."""
        return self._members[0].encoder

    @property
    def scale(self) -> float:
        """1: the objective is in SDs already."""
        return 1.0

    def score(self, pixels: torch.Tensor) -> Scores:
        """The smooth minimum, without a gradient."""
        found = [one.score(pixels) for one in self._members]
        return Scores(join_shifts(self._shifts(found), self._sharpness), found[0].reduced)

    def value_and_gradient(self, pixels: torch.Tensor) -> tuple[Scores, torch.Tensor]:
        """The smooth minimum and its gradient, the members' weighted by exp(-t s_m); a backward pass a member."""
        scores, gradients = zip(*(one.value_and_gradient(pixels) for one in self._members), strict=True)
        shifts = self._shifts(scores)
        shares = torch.softmax(-self._sharpness * shifts, dim=0)
        gradient = torch.zeros_like(pixels)
        for share, scale, own in zip(shares, self._scales, gradients, strict=True):
            gradient = gradient + (share / scale).view(-1, 1, 1, 1) * own
        return Scores(join_shifts(shifts, self._sharpness), scores[0].reduced), gradient

    def reported(self, scores: Scores) -> torch.Tensor:
        """The first member's response, (n,)."""
        return self._members[0].reported(scores)

    def _shifts(self, scores: Sequence[Scores]) -> torch.Tensor:
        """s_m, (n_members, n)."""
        rows = zip(scores, self._clean, self._scales, strict=True)
        return torch.stack([(own.values - clean) / scale for own, clean, scale in rows])


def join_shifts(shifts: torch.Tensor, sharpness: float) -> torch.Tensor:
    """The smooth minimum over the first axis, (n,) of (n_members, n); exact to rounding for any t, 0 for no shifts."""
    smallest = shifts.amin(dim=0)
    told = _clamp(sharpness)
    return smallest - torch.log1p(torch.expm1(-told * (shifts - smallest)).mean(dim=0)) / told


def _clamp(sharpness: float) -> float:
    return min(max(sharpness, LEAST_SHARPNESS), MOST_SHARPNESS)


def _name(encoder: Encoder) -> str:
    return f"{encoder.network.spec.id} {encoder.network.layer}"
