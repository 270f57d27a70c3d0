"""Which function of the responses an attack maximises, as one frozen, checked record."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.checks import check_fraction

LARGEST_WEIGHT = 1e6


class ObjectiveKind(StrEnum):
    """The form of the objective; c are the target's weights, f the responses, d the perturbation."""

    TARGET = "target"
    SELECTIVE = "selective"
    DISTANCE = "distance"
    COSINE = "cosine"

    @property
    def is_pattern(self) -> bool:
        """Whether the target is a pattern to be approached, not a weighting to be raised."""
        return self in (ObjectiveKind.DISTANCE, ObjectiveKind.COSINE)


FORMULAS = {
    ObjectiveKind.TARGET: "c . f(x + d)",
    ObjectiveKind.SELECTIVE: "c . df - weight sd_c mean over other voxels of (df_u / sd_u)^2, df = f(x + d) - f(x)",
    ObjectiveKind.DISTANCE: "-||f(x + d) - t||^2 over the pattern's voxels",
    ObjectiveKind.COSINE: "cos(f(x + d) - f(x), t) over the pattern's voxels",
}
"""The objective, as shown and exported; sd are SDs over the clean reference images."""


@dataclass(frozen=True, slots=True)
class ObjectiveConfig:
    """The form of the objective and, if it is selective, the weight of what other voxels do.

    Parameters
    ----------
    weight : Of the mean squared change of all other voxels, each in its SD, against the target's change in its own SD.
        A plain number; ignored by the other kinds.

    Raises BadInputError if the weight is negative or not finite.
    """

    kind: ObjectiveKind = ObjectiveKind.TARGET
    weight: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", ObjectiveKind(self.kind))
        check_fraction("selective", self.weight, largest=LARGEST_WEIGHT, advice="1 weighs one SD of both alike.")

    @property
    def is_linear(self) -> bool:
        """Whether the objective is the target's own response."""
        return self.kind is ObjectiveKind.TARGET

    @property
    def formula(self) -> str:
        """The objective in words."""
        return FORMULAS[self.kind]

    def unit(self, response_unit: str) -> str:
        """Unit of the curve's shifts under this objective."""
        if self.kind is ObjectiveKind.COSINE:
            return "cosine"
        return f"({response_unit})²" if self.kind is ObjectiveKind.DISTANCE else response_unit

    def describe(self) -> str:
        """A few words for captions; empty for the target's own response."""
        return {
            ObjectiveKind.TARGET: "",
            ObjectiveKind.SELECTIVE: f"sparing other voxels, weight {self.weight:g}",
            ObjectiveKind.DISTANCE: "by distance",
            ObjectiveKind.COSINE: "by cosine",
        }[self.kind]
