"""Everything the user has open, as frozen records that a session file holds as plain JSON. Never imports torch.

A key that is missing means what the record's default says. Large or foreign data (an image of the user's, a finished
probe, an analysis) are only referred to, by place and hash.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PureWindowsPath
from typing import Any

from core.checks import check_choice, check_fraction
from core.headers import Content, HeaderKind, structure, unstructure
from core.probes.choice import Choice
from core.probes.synthesis_config import ImagesConfig
from core.surfaces.colormap import ColourRange
from core.words import count

HEADER = HeaderKind(
    "a session of Probescope",
    "Choose another .probescope file, or fetch this one again.",
    format="probescope-session",
    versions=(1, 2),
)


def pack_record(record: SessionRecord, folder: Path) -> Content:
    """A record as JSON, for a session file that lies in `folder`; paths are written relative to it."""

    def write(reference: FileReference) -> FileReference:
        return replace(reference, path=_relative(reference.path, folder), was_at=reference.was_at or reference.path)

    return unstructure(_change_references(record, write))


def unpack_record(content: Mapping[str, Any], folder: Path, *, where: Path | str = "") -> SessionRecord:
    """The reverse of `pack_record`. Raises BadInputError that names the part which cannot be used."""

    def read(reference: FileReference) -> FileReference:
        path, was_at = reference.path, reference.was_at
        if not (path.is_absolute() or PureWindowsPath(path).is_absolute()):
            path = Path(os.path.normpath(folder / path))
        return replace(reference, path=path, was_at=None if was_at in (path, Path()) else was_at)

    return _change_references(structure(content, SessionRecord, HEADER, where=where), read)


def migrate(content: Content, folder: Path) -> Content:
    """Content of version 1 or 2 as that of version 2.

    Version 1 named the image by one text (a catalogue id or a path) with `image_sha256` and no size, the probe by a
    path and `probe_sha256`, and had `map` and `geometry` beside the rest instead of a view; it knew no aim, analyses,
    tray or layout.
    """
    if content["version"] > 1:
        return content
    old = dict(content)
    image, image_sha256 = old.pop("image", ""), old.pop("image_sha256", "")
    probe, probe_sha256 = old.pop("probe", ""), old.pop("probe_sha256", "")
    view = {"map": old.pop("map", "shift"), "geometry": old.pop("geometry", "inflated")}
    file = _refer(image, image_sha256, folder) if image_sha256 else None
    return old | {
        "image": {"key": image, "file": file} if image else None,
        "probe": _refer(probe, probe_sha256, folder) if probe else None,
        "view": view,
    }


def _refer(path: Any, sha256: Any, folder: Path) -> Content:
    """Version 1 kept no size; the file's own is taken, and 0, for unknown, if it has gone."""
    place = folder / str(path)
    return {"path": path, "sha256": sha256, "n_bytes": place.stat().st_size if place.is_file() else 0}


def _change_references(record: SessionRecord, change: Callable[[FileReference], FileReference]) -> SessionRecord:
    def maybe(reference: FileReference | None) -> FileReference | None:
        return None if reference is None else change(reference)

    measured = record.measured
    if measured is not None:
        measured = replace(measured, files={what: change(one) for what, one in measured.files.items()})
    return replace(
        record,
        measured=measured,
        image=None if record.image is None else replace(record.image, file=maybe(record.image.file)),
        probe=maybe(record.probe),
        pinned=maybe(record.pinned),
        analyses=tuple(replace(one, sweep=maybe(one.sweep)) for one in record.analyses),
    )


def _relative(path: Path, folder: Path) -> Path:
    try:
        return Path(os.path.relpath(path, folder))
    except ValueError:  # another drive of Windows
        return path


Camera = tuple[float, float, float, float, float, float]
"""azimuth, elevation in degrees; centre x, y, z and scale in mm."""


@dataclass(frozen=True, slots=True)
class FileReference:
    """A file the session needs and does not hold.

    Parameters
    ----------
    path : Where it should be, absolute; written relative to the session file.
    sha256 : Of its bytes: another file of that name is not taken for it.
    n_bytes : Its size, so that a search need not hash every file; 0 where it was not noted.
    was_at : Where it lay when the session was saved, if that is another place: the session file may have been moved
        alone.
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
    map : The map shown: "shift", "clean" ...
    morph : Place on the way from folded to flat; None where the surface has none.
    camera : None for the named view as it is.
    threshold : Values nearer to zero than this share of the limit are transparent.
    colormap : Of the map shown; "" for none.
    ranges : Colour ranges that were chosen, by the kind of map they are for.
    beside : Of a second cortex: "auto", "none", "second", "pinned", "map:NAME" or "encoder:SUBJECT/NETWORK/LAYER".
    over : Second map ("" for none), how it shows, and from which share of its limit.
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
    path: bool = False
    ranges: Mapping[str, ColourRange] = field(default_factory=dict)
    beside: str = "auto"
    over: tuple[str, str, str] = ("", "opacity", "0.5")

    def __post_init__(self) -> None:
        check_choice("hemispheres", self.hemispheres, ("both", "left", "right"))
        check_fraction("threshold", self.threshold)


@dataclass(frozen=True, slots=True)
class AnalysisRecord:
    """The page of one analysis: its settings if they can be run, and the folder of its answer by its `sweep.json`."""

    question: str
    config: Mapping[str, Any] | None = None
    sweep: FileReference | None = None


STIMULUS_SET = "stimulus set"
"""What the manifest of the set is called among the files of a `MeasuredRecord`."""


@dataclass(frozen=True, slots=True)
class MeasuredRecord:
    """The page of measured responses; what was compared is computed again.

    Parameters
    ----------
    files : By what they are: "stimulus set" (its manifest), "responses 1", "ids 1", "mask 1" ...
    fields : Values of the form by name.
    compared : Whether there was a comparison.
    """

    files: Mapping[str, FileReference]
    fields: Mapping[str, Any] = field(default_factory=dict)
    compared: bool = False


@dataclass(frozen=True, slots=True)
class ImagesRecord:
    """The page of images; what was found is computed again, by the same encoder.

    Parameters
    ----------
    fields : Values of the form by name.
    asked : What was found; None for nothing.
    encoder_sha256 : Of the encoder that found it; "" if it was not finished.
    """

    fields: Mapping[str, Any]
    asked: ImagesConfig | None = None
    encoder_sha256: str = ""


@dataclass(frozen=True, slots=True)
class SessionRecord(Choice):
    """Everything open in one window beside what is chosen.

    Parameters
    ----------
    surface : Its id; "" for none.
    encoder_sha256 : Of the encoder in use.
    gate_r : Voxels below this held-out r are dimmed.
    probe, pinned : The headers of the finished probe on screen, and of the one it is compared with.
    pinned_sha256 : What tells the pinned probe from others; "" for none.
    tab : Key of the work space in front.
    tray : tuple of JSON objects. The recipes of the stimulus tray.
    layout : Sizes of splitters and window, as Qt writes them.
    """

    surface: str = ""
    encoder_sha256: str = ""
    image: ImageRecord | None = None
    gate_r: float = 0.1
    auto_probe: bool = True
    probe: FileReference | None = None
    pinned: FileReference | None = None
    pinned_sha256: str = ""
    tab: str = "explore"
    analyses: tuple[AnalysisRecord, ...] = ()
    measured: MeasuredRecord | None = None
    images: ImagesRecord | None = None
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
        """Every file the session needs, by what it is: "image", "probe", "analysis fragility", "responses 1"."""
        found: dict[str, FileReference] = {}
        if self.image is not None and self.image.file is not None:
            found["image"] = self.image.file
        if self.probe is not None:
            found["probe"] = self.probe
        if self.pinned is not None:
            found["pinned probe"] = self.pinned
        found |= {f"analysis {one.question}": one.sweep for one in self.analyses if one.sweep is not None}
        return found | dict(self.measured.files if self.measured is not None else {})
