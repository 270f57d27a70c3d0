"""The options of a set of stimuli beside its probes, as one frozen, checked record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.checks import check_fraction, refusal
from core.headers import HeaderKind, structure
from core.stimuli.controls import DEFAULT_CONTROLS, ControlKind
from core.stimuli.layout import Layout
from core.stimuli.probe_warnings import DEFAULT_GATE
from core.stimuli.recipe import Recipe

LONGEST_NAME = 200
SETTINGS = HeaderKind("the settings of a stimulus set", "Choose them again.")


@dataclass(frozen=True, slots=True)
class SetConfig:
    """How a set is delivered.

    Parameters
    ----------
    name : What the set is called in its manifest and README.
    controls : Controls of every item, at the norm of its saved perturbed file. At least one, so that every item is a
        triple.
    transfer : Network and layer of further encoders of the same subject, in which every file is scored too.
    gate : Least r of a voxel that is not warned of.
    """

    name: str = "stimuli"
    controls: tuple[ControlKind, ...] = DEFAULT_CONTROLS
    layout: Layout = field(default_factory=Layout)
    transfer: tuple[tuple[str, str], ...] = ()
    gate: float = DEFAULT_GATE

    def __post_init__(self) -> None:
        try:
            kinds = tuple(ControlKind(kind) for kind in self.controls)
        except ValueError as error:
            raise refusal("controls", allowed=f"of {', '.join(ControlKind)}", got=list(self.controls)) from error
        if not kinds or len(set(kinds)) < len(kinds):
            advice = "A probe is read against a control of equal norm; `random` is the usual one."
            raise refusal("controls", allowed="at least one kind, each named once", got=list(kinds), advice=advice)
        object.__setattr__(self, "controls", kinds)
        object.__setattr__(self, "transfer", tuple((str(network), str(layer)) for network, layer in self.transfer))
        check_fraction("gate", self.gate)
        is_text = self.name.encode(errors="ignore").decode() == self.name  # a word of the command line may be none
        if not is_text or not self.name.strip() or len(self.name) > LONGEST_NAME:
            raise refusal("name", allowed=f"1 to {LONGEST_NAME} characters", got=self.name[: LONGEST_NAME + 1])

    @property
    def n_files(self) -> int:
        """Files of one probe: original, perturbed and controls."""
        return 2 + len(self.controls)

    def count_files(self, recipes: Iterable[Recipe]) -> int:
        """Files of a set of these items: one of an image that is shown as it is."""
        return sum(1 if recipe.origin else self.n_files for recipe in recipes)


def unpack_set(values: Mapping[str, Any]) -> SetConfig:
    """A config from plain JSON. Raises BadInputError for an unknown setting or one of another kind."""
    return structure(values, SetConfig, SETTINGS)
