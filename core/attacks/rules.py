"""Objectives that are no plain weighting of responses, as functions of responses.

A rule takes responses (n, n_voxels) and the clean ones of the same images; it is differentiable in the first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from core.attacks.objective_config import ObjectiveConfig, ObjectiveKind
from core.checks import refusal
from core.errors import BadInputError
from core.types import FloatArray

UNMOVED = 1e-6
"""A change below this part of the clean pattern's length is rounding, and has no angle."""


class Rule:
    """One nonlinear objective; `scale` is one SD of it, in its unit."""

    scale: float

    def value(self, responses: torch.Tensor, clean: torch.Tensor, *, sign: int) -> torch.Tensor:
        """What the attack maximises, (n,); `sign` is +1 to raise the target, -1 to lower it."""
        return sign * self.reported(responses, clean)

    def reported(self, responses: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
        """The value whose shift the curve reports, (n,), without a sign."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, eq=False)
class Selective(Rule):
    """The target's change less the mean squared change of all other voxels.

    sign c . (f - f0) - weight scale mean_u ((f_u - f0_u) / sd_u)^2. The penalty has no gradient at the clean image, so
    its first-order prediction is that of the plain target, and the curve reports the target's own shift.

    `spared` (n_voxels,) is 1 / (sd_u sqrt(number of others)) for the other voxels and 0 elsewhere.
    """

    direction: torch.Tensor
    spared: torch.Tensor
    weight: float
    scale: float

    def value(self, responses: torch.Tensor, clean: torch.Tensor, *, sign: int) -> torch.Tensor:
        """sign times the target's change, less the weighted penalty, in the response's unit."""
        change = responses - clean
        penalty = (change * self.spared).square().sum(dim=1)
        return sign * (change @ self.direction) - self.weight * self.scale * penalty

    def reported(self, responses: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
        """The target's response."""
        del clean
        return responses @ self.direction


@dataclass(frozen=True, slots=True, eq=False)
class Distance(Rule):
    """-||f - t||^2 over the pattern's voxels."""

    voxels: torch.Tensor
    pattern: torch.Tensor
    scale: float

    def reported(self, responses: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
        """The negative squared distance, in the response's unit squared."""
        del clean
        return -(responses[:, self.voxels] - self.pattern).square().sum(dim=1)


@dataclass(frozen=True, slots=True, eq=False)
class Cosine(Rule):
    """cos(f - f0, t) over the pattern's voxels; 0 where nothing changed.

    At the clean image itself there is no angle. Its gradient there is taken to be that of t . f / ||t||, the direction
    in which the cosine comes to 1 fastest; no first-order prediction is made.
    """

    voxels: torch.Tensor
    pattern: torch.Tensor
    scale: float = 1.0

    def reported(self, responses: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
        """The cosine, a plain number in [-1, 1]."""
        change = (responses - clean)[:, self.voxels]
        along = change @ (self.pattern / torch.linalg.vector_norm(self.pattern))
        size = torch.linalg.vector_norm(change.detach(), dim=1)
        moved = size > UNMOVED * torch.linalg.vector_norm(clean[:, self.voxels], dim=1)
        length = torch.linalg.vector_norm(torch.where(moved[:, None], change, torch.ones_like(change)), dim=1)
        cosine: torch.Tensor = along / torch.where(moved, length, torch.ones_like(length))
        return cosine


def make_rule(
    config: ObjectiveConfig,
    direction: FloatArray,
    *,
    voxels: tuple[int, ...],
    reference_sd: FloatArray,
    target_sd: float,
    like: torch.Tensor,
) -> Rule:
    """The rule of a nonlinear objective, with its numbers on the device and in the precision of `like`.

    Parameters
    ----------
    config : Of any kind but the plain target.
    direction : (n_voxels,). The target's weights c, or the pattern t.
    voxels : The voxels of the target or pattern.
    reference_sd : (n_voxels,)
        SD of each voxel over the clean reference images; voxels whose SD is 0 or unknown are no part of a penalty.
    target_sd : SD of c . f over the same images.

    Raises BadInputError if an SD that is needed is unknown or 0, or no other voxel is there to be spared.
    """
    places = torch.as_tensor(voxels, dtype=torch.int64, device=like.device)
    weights = torch.as_tensor(np.asarray(direction, dtype=np.float64)).to(like)
    sd = np.asarray(reference_sd, dtype=np.float64)
    if config.kind is ObjectiveKind.DISTANCE:
        return Distance(places, weights[places], float(np.nansum(sd[list(voxels)] ** 2)))
    if config.kind is ObjectiveKind.COSINE:
        return Cosine(places, weights[places])
    known = np.isfinite(sd) & (sd > 0)
    known[list(voxels)] = False
    if not known.any():
        allowed = "used with an encoder whose other voxels have known SDs"
        raise refusal("selective", allowed=allowed, got="none", advice="Leave it out.")
    check_scale(target_sd)
    spared = np.zeros(len(sd))
    spared[known] = 1 / (sd[known] * math.sqrt(known.sum()))
    return Selective(weights, torch.as_tensor(spared).to(like), config.weight, target_sd)


def check_scale(sd: float, where: str = "the encoder") -> float:
    """Return an SD if it is finite and above 0, else raise BadInputError."""
    if not (math.isfinite(sd) and sd > 0):
        raise BadInputError(
            f"The target's SD over the reference images is not known for {where} ({sd:g}), so nothing can be counted "
            f"in SDs. Fit {where} again with `python main.py fit`."
        )
    return sd
