"""One perturbation for several encoders: the mean of their objectives, each in its own SDs, or the smooth minimum.

Liu et al. 2017, "Delving into transferable adversarial examples and black-box attacks", arXiv 1611.02770; Golan, Raju &
Kriegeskorte 2020, "Controversial stimuli", doi:10.1073/pnas.1912334117.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from core.attacks.objective import Objective, Scores
from core.attacks.rules import check_scale
from core.encoders.encoder import Encoder
from core.errors import BadInputError

LEAST_SHARPNESS, MOST_SHARPNESS = 1e-9, 1e9
"""In float32 no t beyond tells from these: the mean and the minimum of the shifts. Far beyond it would overflow."""


class EnsembleObjective:
    """mean over members m of objective_m(pixels) / scale_m.

    `members`: at least one; the first is the probe's own, whose responses `Scores` holds.

    Raises BadInputError if the members' networks take images of different sizes, or a member's SD is not known.
    """

    def __init__(self, members: Sequence[Objective]) -> None:
        sides = [(member.encoder.network.spec.id, member.encoder.network.input_size) for member in members]
        if len({side for _, side in sides}) > 1:
            said = ", ".join(f"{name} {side} x {side}" for name, side in sides)
            raise BadInputError(
                f"The networks of an ensemble share their pixels and must take images of one size, got {said}. "
                "Leave out those of another size."
            )
        self._members = tuple(members)
        self._scales = [
            check_scale(one.scale, f"{one.encoder.network.spec.id} {one.encoder.network.layer}") for one in members
        ]

    @property
    def encoder(self) -> Encoder:
        """The first member's."""
        return self._members[0].encoder

    @property
    def scale(self) -> float:
        """1: the objective is in SDs already."""
        return 1.0

    def score(self, pixels: torch.Tensor) -> Scores:
        """The mean objective, without a gradient."""
        return self._combine([member.score(pixels) for member in self._members])

    def value_and_gradient(self, pixels: torch.Tensor) -> tuple[Scores, torch.Tensor]:
        """The mean objective and its gradient; a backward pass a member."""
        scores, gradients = zip(*(member.value_and_gradient(pixels) for member in self._members), strict=True)
        parts = [
            (share / scale).view(-1, 1, 1, 1) * own
            for share, scale, own in zip(self.share(self.in_sds(scores)), self._scales, gradients, strict=True)
        ]
        return self._combine(scores), sum(parts, torch.zeros_like(pixels))

    def reported(self, scores: Scores) -> torch.Tensor:
        """The first member's reported value, (n,)."""
        return self._members[0].reported(scores)

    def in_sds(self, scores: Sequence[Scores]) -> torch.Tensor:
        """The members' objectives in their SDs, (n_members, n)."""
        return torch.stack([own.values / scale for own, scale in zip(scores, self._scales, strict=True)])

    def join(self, in_sds: torch.Tensor) -> torch.Tensor:
        """One objective (n,) of the members' (n_members, n)."""
        return in_sds.mean(dim=0)

    def share(self, in_sds: torch.Tensor) -> torch.Tensor:
        """Each member's weight in the gradient of `join`, (n_members, n)."""
        return torch.full_like(in_sds, 1 / len(in_sds))

    def _combine(self, scores: Sequence[Scores]) -> Scores:
        return Scores(self.join(self.in_sds(scores)), scores[0].reduced)


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
