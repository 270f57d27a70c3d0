"""What is chosen, in one record: the window holds it, undo and sessions keep it, a probe's config is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from core.attacks.config import AttackConfig
from core.attacks.objective_config import ObjectiveConfig, ObjectiveKind
from core.attacks.presets import name_schedule
from core.checks import refusal
from core.probes.against import Against
from core.probes.probe import ProbeConfig
from core.probes.target import Target, TargetKind, target_contrast
from core.types import Direction, VoxelTable


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """Options of the target form.

    Parameters
    ----------
    contrast_roi : The ROI to hold or lower; "" for none.
    contrast_weight : Its weight against the target's.
    spares_others : Whether other voxels' changes are penalised.
    spare_weight : Weight of their mean squared change in SDs.
    pattern_mode : Distance or cosine; used by patterns only.
    wanted_shift_sd : Shift in SDs to reach with the smallest budget; 0 for none.
    ensemble : Further networks attacked together with the open one.
    against : A second encoder that is moved the other way, or the same way.
    """

    contrast_roi: str = ""
    contrast_weight: float = 1.0
    spares_others: bool = False
    spare_weight: float = 1.0
    pattern_mode: ObjectiveKind = ObjectiveKind.DISTANCE
    wanted_shift_sd: float = 0.0
    ensemble: tuple[str, ...] = ()
    against: Against | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern_mode", ObjectiveKind(self.pattern_mode))
        object.__setattr__(self, "ensemble", tuple(self.ensemble))

    def objective(self, target: Target) -> ObjectiveConfig:
        """The form of the objective for a target."""
        if target.kind is TargetKind.PATTERN:
            return ObjectiveConfig(self.pattern_mode)
        return ObjectiveConfig(ObjectiveKind.SELECTIVE, self.spare_weight) if self.spares_others else ObjectiveConfig()

    def refine(self, target: Target, table: VoxelTable) -> Target:
        """The target less the contrast, if there is one. Raises BadInputError if the two cancel out."""
        if not self.contrast_roi or target.kind is TargetKind.PATTERN:
            return target
        return target_contrast(table, target, self.contrast_roi, weight=self.contrast_weight)

    def without_unknown(
        self, rois: tuple[str, ...], networks: tuple[str, ...], encoders: tuple[tuple[str, str], ...] = ()
    ) -> TargetOptions:
        """The same without an ROI, networks or a second encoder (network, layer) that are not on offer."""
        kept = tuple(name for name in self.ensemble if name in networks)
        contrast, second = self.contrast_roi if self.contrast_roi in rois else "", self.against
        known = second is not None and (second.network, second.layer) in encoders
        return replace(self, ensemble=kept, contrast_roi=contrast, against=second if known else None)


@dataclass(frozen=True, slots=True)
class Choice:
    """An encoder by the ids of subject, network and layer ("" for none), and what to ask of it."""

    subject: str = ""
    network: str = ""
    layer: str = ""
    target: Target | None = None
    direction: Direction = Direction.RAISE
    attack: AttackConfig = field(default_factory=AttackConfig)
    aim: TargetOptions = field(default_factory=TargetOptions)

    def parts(self) -> dict[str, Any]:
        """What is chosen, by name, without what a larger record adds to it."""
        return {item.name: getattr(self, item.name) for item in fields(Choice)}

    def probe_config(self, voxels: VoxelTable) -> ProbeConfig:
        """The probe it describes, of the subject's voxels. Raises BadInputError if something is missing or unusable."""
        if not self.network:
            raise refusal("encoder", allowed="chosen", got="none", advice="Choose a network first.")
        if self.target is None:
            raise refusal(
                "target", allowed="chosen", got="none", advice="Click a voxel on the cortex or choose an ROI."
            )
        return ProbeConfig(
            subject=self.subject,
            network=self.network,
            layer=self.layer,
            target=self.aim.refine(self.target, voxels),
            direction=self.direction,
            attack=self.attack,
            ladder=(self.attack.epsilon,) if name_schedule(self.attack) else (),  # published for its one budget
            objective=self.aim.objective(self.target),
            ensemble=self.aim.ensemble,
            wanted_shift_sd=0.0 if self.target.kind is TargetKind.PATTERN else self.aim.wanted_shift_sd,
            against=self.aim.against,
        )
