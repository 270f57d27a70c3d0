"""Turns what the window shows into the record of a session. Never writes it, never changes anything."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.analyses.page import AnalysisPage
from app.base.catalogue import Catalogue
from app.shell.layout import encode
from core.datasets.image_store import SEPARATOR
from core.errors import StorageError
from core.headers import unstructure
from core.session.record import (
    AimRecord,
    AnalysisRecord,
    Camera,
    FileReference,
    ImageRecord,
    SessionRecord,
    ViewRecord,
)
from core.session.reference import refer_to
from core.sweeps.plan import SWEEP

if TYPE_CHECKING:
    from app.shell.main_window import MainWindow

SELECTED = ("subject", "network", "layer", "image", "target", "direction", "attack", "aim")
"""What a probe belongs to."""

GROUPS = (
    ("subject", "surface", "network", "layer", "encoder_sha256", "target", "aim"),
    *((name,) for name in ("image", "direction", "attack", "gate_r", "auto_probe", "analyses", "tray")),
)
"""Fields that only make sense together."""


def capture_record(window: MainWindow) -> SessionRecord:
    """Everything open now, less the probe on screen, which whoever saves hands over."""
    state, card = window.session.state, window.session.state.card
    return SessionRecord(
        subject=state.subject.id if state.subject is not None else "",
        surface=state.subject.surface if state.subject is not None else "",
        network=state.network,
        layer=state.layer,
        encoder_sha256=card.sha256 if card is not None else "",
        image=_capture_image(window),
        target=state.target,
        direction=state.direction,
        attack=state.attack,
        aim=AimRecord(**asdict(state.aim)),
        gate_r=window.controls.gate.value(),
        auto_probe=state.auto_probe,
        tab=window.workspaces.current,
        analyses=tuple(_capture_analysis(page) for page in window.workspaces.opened if isinstance(page, AnalysisPage)),
        tray=tuple(window.tray_tools.tray.recipes()),
        view=_capture_view(window),
        layout={one.objectName(): encode(one.saveState()) for one in window.splitters},
    )


def essence(record: SessionRecord) -> SessionRecord:
    """What the user would miss: a session counts as changed if this differs, not if the cortex was turned."""
    return replace(record, probe=None, view=ViewRecord(map=record.view.map), tab="", layout={}, surface="")


def merge_unchanged(opened: SessionRecord, after: SessionRecord, now: SessionRecord) -> SessionRecord:
    """What to save of a session of which not everything could be opened: nothing that was left out is lost.

    Parameters
    ----------
    opened : SessionRecord
        As the file had it.
    after : SessionRecord
        As the window showed it once it was open.
    now : SessionRecord
        As the window shows it now. What did not change since then is kept as the file had it.
    """
    values: dict[str, Any] = {}
    for group in GROUPS:
        if all(getattr(now, name) == getattr(after, name) for name in group):
            values |= {name: getattr(opened, name) for name in group}
    merged = replace(now, **values)
    if all(getattr(merged, name) == getattr(opened, name) for name in SELECTED):
        merged = replace(merged, probe=opened.probe)
    return merged


def _capture_image(window: MainWindow) -> ImageRecord | None:
    key = window.session.controller.image_key
    if not key:
        return None
    stimulus = window.session.state.stimulus
    if stimulus is None or not is_file_key(key, window.session.catalogue):
        return ImageRecord(key)
    path = Path(key).absolute()
    return ImageRecord(path.stem, _refer(path, stimulus.sha256))


def is_file_key(key: str, catalogue: Catalogue) -> bool:
    """Whether the key of an image is a file's path, not an id of the catalogue or "SUBJECT:IMAGE"."""
    known = {info.id for info in catalogue.images}
    subject = key.partition(SEPARATOR)[0]
    return key not in known and subject not in {info.id for info in catalogue.subjects}


@lru_cache(maxsize=64)
def _refer(path: Path, _content: str) -> FileReference:
    """The file as it was when it was opened; the hash is taken once."""
    try:
        return refer_to(path)
    except StorageError:
        return FileReference(path, "", 0)


def _capture_analysis(page: AnalysisPage) -> AnalysisRecord:
    wish, finished = page.form.wish(), page.finished
    return AnalysisRecord(
        question=str(page.question),
        config=None if wish is None else unstructure(wish),
        sweep=None if finished is None else _refer((finished.folder / SWEEP.file).absolute(), ""),
    )


def _capture_view(window: MainWindow) -> ViewRecord:
    panel, view = window.cortex, window.cortex.view
    reading, slider = view.colour_bar.reading(), panel.threshold
    return ViewRecord(
        map=panel.current_map(),
        geometry=view.geometry_name,
        named_view=view.named_view,
        hemispheres=view.hemispheres,
        morph=view.morph_slider.position() if view.morph_slider.slider.maximum() > 0 else None,
        camera=_capture_camera(window),
        threshold=slider.value() / max(1, slider.maximum()),
        colormap=reading.colormap.name if reading is not None else "",
        outlines=panel.outlines_button.isChecked(),
        labels=panel.labels_button.isChecked(),
    )


def _capture_camera(window: MainWindow) -> Camera:
    pose = window.cortex.view.canvas.pose
    return (pose.azimuth, pose.elevation, *pose.centre, pose.scale)
