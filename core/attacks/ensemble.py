"""One perturbation for several encoders: the mean of their objectives, each in its own SDs.

Liu et al. 2017, "Delving into transferable adversarial examples and black-box attacks", arXiv 1611.02770.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.attacks.objective import Objective, Scores
from core.attacks.rules import check_scale
from core.encoders.encoder import Encoder
from core.errors import BadInputError


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
        self._scales = [check_scale(member.scale, member.encoder.network.spec.id) for member in members]

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
        found = [member.value_and_gradient(pixels) for member in self._members]
        share = [1 / (len(found) * scale) for scale in self._scales]
        gradient = sum((part * one[1] for part, one in zip(share, found, strict=True)), torch.zeros_like(pixels))
        return self._combine([one[0] for one in found]), gradient

    def reported(self, scores: Scores) -> torch.Tensor:
        """The first member's reported value, (n,)."""
        return self._members[0].reported(scores)

    def _combine(self, scores: list[Scores]) -> Scores:
        in_sds = [own.values / scale for own, scale in zip(scores, self._scales, strict=True)]
        return Scores(torch.stack(in_sds).mean(dim=0), scores[0].reduced)
