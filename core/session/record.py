"""Everything the user has open, as frozen records that a session file holds. Never reads a file, never imports torch.

Large or foreign data (an image of the user's, a finished probe, an analysis) are only referred to, by place and hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.attacks.config import AttackConfig
from core.checks import check_choice, check_fraction
from core.probes.target import Target
from core.probes.target_options import TargetOptions
from core.types import Direction
from core.words import count

Camera = tuple[float, float, float, float, float, float]
"""azimuth, elevation in degrees; centre x, y, z and scale in mm."""


@dataclass(frozen=True, slots=True)
class FileReference:
    """A file the session needs and does not hold.

    Parameters
    ----------
    path : Path
        Where it should be, absolute; written relative to the session file.
    sha256 : str
        Of its bytes: another file of that name is not taken for it.
    n_bytes : int
        Its size, so that a search need not hash every file; 0 where it was not noted.
    was_at : Path, optional
        Where it lay when the session was saved, if that is another place: the session file may have been moved alone.
    """

    path: Path
    sha256: str
    n_bytes: int
    was_at: Path | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """The image on screen: of the catalogue or an imported subject by `key`, the user's own by `file`."""

    key: str
    file: FileReference | None = None


@dataclass(frozen=True, slots=True)
class ViewRecord:
    """The view of the cortex.

    Parameters
    ----------
    map : str
        The map shown: "shift", "clean" ...
    geometry, named_view, hemispheres : str
    morph : float or None
        Place on the way from folded to flat; None where the surface has none.
    camera : Camera or None
        None for the named view as it is.
    threshold : float
        Values nearer to zero than this share of the limit are transparent.
    colormap : str
        Of the map shown; "" for none.
    outlines, labels : bool
    """

    map: str = "shift"
    geometry: str = "inflated"
    named_view: str = "visual"
    hemispheres: str = "both"
    morph: float | None = None
    camera: Camera | None = None
    threshold: float = 0.0
    colormap: str = ""
    outlines: bool = True
    labels: bool = True

    def __post_init__(self) -> None:
        check_choice("hemispheres", self.hemispheres, ("both", "left", "right"))
        check_fraction("threshold", self.threshold)


@dataclass(frozen=True, slots=True)
class AnalysisRecord:
    """The page of one analysis: its settings if they can be run, and the folder of its answer by its `sweep.json`."""

    question: str
    config: Mapping[str, Any] | None = None
    sweep: FileReference | None = None


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """Everything open in one window.

    Parameters
    ----------
    subject, surface : str
        Ids; "" for none.
    network, layer, encoder_sha256 : str
        The encoder in use.
    image : ImageRecord or None
    target : Target or None
    direction : Direction
    attack : AttackConfig
    aim : TargetOptions
    gate_r : float
        Voxels below this held-out r are dimmed.
    auto_probe : bool
    probe : FileReference or None
        The header of the finished probe on screen.
    tab : str
        Key of the work space in front.
    analyses : tuple of AnalysisRecord
    tray : tuple of JSON objects
        The recipes of the stimulus tray.
    view : ViewRecord
    layout : mapping
        Sizes of splitters and window, as Qt writes them.
    """

    subject: str = ""
    surface: str = ""
    network: str = ""
    layer: str = ""
    encoder_sha256: str = ""
    image: ImageRecord | None = None
    target: Target | None = None
    direction: Direction = Direction.RAISE
    attack: AttackConfig = field(default_factory=AttackConfig)
    aim: TargetOptions = field(default_factory=TargetOptions)
    gate_r: float = 0.1
    auto_probe: bool = True
    probe: FileReference | None = None
    tab: str = "explore"
    analyses: tuple[AnalysisRecord, ...] = ()
    tray: tuple[Mapping[str, Any], ...] = ()
    view: ViewRecord = field(default_factory=ViewRecord)
    layout: Mapping[str, str] = field(default_factory=dict)

    def describe(self) -> str:
        """One line for lists: "raise voxel 812 (left V1) · face_01 · alexnet features.11 · probe · 2 analyses"."""
        what = f"{self.direction} {self.target.label}" if self.target is not None else "no target"
        parts = [what, self.image.key if self.image is not None else "", f"{self.network} {self.layer}".strip()]
        parts.append("finished probe" if self.probe is not None else "")
        answers = sum(analysis.sweep is not None for analysis in self.analyses)
        parts.append(count(answers, "analysis", "analyses") if answers else "")
        parts.append(count(len(self.tray), "stimulus in the tray", "stimuli in the tray") if self.tray else "")
        return " · ".join(filter(None, parts))

    def references(self) -> dict[str, FileReference]:
        """Every file the session needs, by what it is: "image", "probe", "analysis fragility"."""
        found: dict[str, FileReference] = {}
        if self.image is not None and self.image.file is not None:
            found["image"] = self.image.file
        if self.probe is not None:
            found["probe"] = self.probe
        found |= {f"analysis {one.question}": one.sweep for one in self.analyses if one.sweep is not None}
        return found
