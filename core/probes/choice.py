"""What is chosen, in one record: the window holds it, undo and sessions keep it, a probe's config is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from core.attacks.config import AttackConfig
from core.attacks.presets import name_schedule
from core.checks import refusal
from core.probes.probe import ProbeConfig
from core.probes.target import Target
from core.probes.target_options import TargetOptions
from core.types import Direction, VoxelTable


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
            wanted_shift_sd=self.aim.wanted_shift(self.target),
        )
