"""What a stimulus set predicted, in the form a comparison with measured responses needs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core.checks import check_choice, refusal
from core.probes.target import Target, TargetKind
from core.stimuli.manifest import ManifestRow, StimulusSet
from core.stimuli.recipe import ORIGINAL
from core.types import Direction, Worded

USUAL_CONTROL = "control_random"


class Scale(StrEnum):
    """In what predicted shifts are given."""

    UNIT = "unit"
    """The unit of the predicted responses, as the manifest states it."""
    SD = "sd"
    """SDs of the target's predicted response over the clean reference images, of each network's own encoder."""


class Measure(Worded):
    """What is compared, with the words of tables; `index` is its row in arrays of shifts."""

    SHIFT = "shift", "perturbed − original"
    CONTROL = "control", "control − original"
    CONTRAST = "contrast", "perturbed − control"

    @property
    def index(self) -> int:  # type: ignore[override]  # never searched as the text it is
        """0, 1, 2."""
        return list(Measure).index(self)


@dataclass(frozen=True, slots=True, eq=False)
class PlannedStimulus:
    """One file of the set and what was predicted of it.

    `row` is the manifest's; `network` the "network layer" of the encoder the probe was made on; `shifts` the predicted
    shift of the file by every "network layer", as (response unit, SDs); NaN where unknown. Files of one hash are one
    picture.
    """

    row: ManifestRow
    file: Path
    target: Target
    network: str
    shifts: Mapping[str, tuple[float, float]]

    @property
    def id(self) -> str:
        """As in the manifest."""
        return self.row.id


@dataclass(frozen=True, slots=True, eq=False)
class PlannedProbe:
    """A perturbed stimulus with its own original and its controls, by role."""

    perturbed: PlannedStimulus
    original: PlannedStimulus
    controls: Mapping[str, PlannedStimulus]


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredPlan:
    """A set: its stimuli in the manifest's order, and the probes they make up."""

    name: str
    folder: Path
    subjects: tuple[str, ...]
    response_unit: str
    stimuli: tuple[PlannedStimulus, ...]
    probes: tuple[PlannedProbe, ...]

    @property
    def networks(self) -> tuple[str, ...]:
        """Every network with a prediction: those that probes were made on first."""
        made_on = [probe.perturbed.network for probe in self.probes]
        scored = [name for probe in self.probes for name in probe.perturbed.shifts]
        return tuple(dict.fromkeys([*made_on, *scored]))

    @property
    def control_roles(self) -> tuple[str, ...]:
        """The roles of the controls, the usual one first."""
        roles = dict.fromkeys(role for probe in self.probes for role in probe.controls)
        return tuple(sorted(roles, key=lambda role: role != USUAL_CONTROL))

    @property
    def targets(self) -> tuple[Target, ...]:
        """What the probes moved, each once."""
        return tuple(dict.fromkeys(probe.perturbed.target for probe in self.probes))


def plan_set(found: StimulusSet) -> MeasuredPlan:
    """The plan of a set that was read.

    Raises BadInputError if a perturbed stimulus has no original, or the set holds none.
    """
    stimuli = tuple(_read_row(found, row) for row in found.rows)
    probes = tuple(_join(stimulus, stimuli) for stimulus in stimuli if stimulus.row.role in list(Direction))
    if not probes:
        advice = "A comparison needs stimuli of role raise or lower with their originals."
        raise refusal("set", allowed="one with perturbed stimuli", got=found.name, advice=advice)
    subjects = dict.fromkeys(row.subject for row in found.rows)
    units = dict.fromkeys(row.response_unit for row in found.rows)
    return MeasuredPlan(found.name, found.folder, tuple(subjects), " or ".join(units), stimuli, probes)


def choose_control(plan: MeasuredPlan, requested: str) -> str:
    """The role of the control to compare with: the requested one, or the usual one; "" if the set has no controls.

    Raises BadInputError if the requested one is not there.
    """
    roles = plan.control_roles
    if requested:
        return check_choice("control", requested, roles, advice="" if roles else "The set has no controls.")
    return roles[0] if roles else ""


def _read_row(found: StimulusSet, row: ManifestRow) -> PlannedStimulus:
    """Two probes of the same target, its weighted voxels, are compared with the same measured value."""
    network, kind = f"{row.network} {row.layer}", check_choice("target_kind", row.target_kind, list(TargetKind))
    told = {network: (row.shift, row.shift_sd)} | {
        name: (one.shift, one.shift_sd) for name, one in row.transfer.items()
    }
    shifts = {name: (shift, math.nan if in_sds is None else in_sds) for name, (shift, in_sds) in told.items()}
    target = Target(TargetKind(kind), row.target, row.voxels, row.weights, row.target_roi)
    return PlannedStimulus(row, found.path(row), target, network, shifts)


def _join(perturbed: PlannedStimulus, stimuli: Sequence[PlannedStimulus]) -> PlannedProbe:
    pair = [one for one in stimuli if one.row.pair_id == perturbed.row.pair_id]
    originals = [one for one in pair if one.row.role == ORIGINAL]
    if not originals:
        advice = "Measured shifts are taken from the original of the same probe; write the set again with it."
        raise refusal("set", allowed="one with an original a probe", got=f"{perturbed.id} without one", advice=advice)
    controls = {one.row.role: one for one in pair if one.row.is_control}
    return PlannedProbe(perturbed, originals[0], controls)
