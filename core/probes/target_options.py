"""What is asked of a target beyond raising or lowering it, as one frozen record."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.attacks.objective_config import ObjectiveConfig, ObjectiveKind
from core.probes.target import Target, TargetKind, target_contrast
from core.types import VoxelTable


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """Options of the target form.

    Parameters
    ----------
    contrast_roi : str
        The ROI to hold or lower; "" for none.
    contrast_weight : float
        Its weight against the target's.
    spares_others : bool
        Whether other voxels' changes are penalised.
    spare_weight : float
        Weight of their mean squared change in SDs.
    pattern_mode : ObjectiveKind
        Distance or cosine; used by patterns only.
    wanted_shift_sd : float
        Shift in SDs to reach with the smallest budget; 0 for none.
    ensemble : tuple of str
        Further networks attacked together with the open one.
    """

    contrast_roi: str = ""
    contrast_weight: float = 1.0
    spares_others: bool = False
    spare_weight: float = 1.0
    pattern_mode: ObjectiveKind = ObjectiveKind.DISTANCE
    wanted_shift_sd: float = 0.0
    ensemble: tuple[str, ...] = ()

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

    def wanted_shift(self, target: Target) -> float:
        """The wanted shift in SDs; a pattern has none."""
        return 0.0 if target.kind is TargetKind.PATTERN else self.wanted_shift_sd

    def without_unknown(self, rois: tuple[str, ...], networks: tuple[str, ...]) -> TargetOptions:
        """The same without an ROI or networks that are not on offer."""
        kept = tuple(name for name in self.ensemble if name in networks)
        return replace(self, ensemble=kept, contrast_roi=self.contrast_roi if self.contrast_roi in rois else "")
