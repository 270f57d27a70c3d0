"""A view of the cortex as a record: what is shown of it and from where, to be kept and gone back to.

A pose has a name and is kept for all sessions; a `ViewRecord` is how one session looks at its cortex.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, cast, get_args

from app.cortex.camera import CameraPose
from app.cortex.layout import Geometry, Hemispheres, NamedView
from core.errors import BadInputError
from core.session.record import ViewRecord
from core.structuring import build

if TYPE_CHECKING:
    from app.cortex.panel import CortexPanel
    from app.cortex.view import CortexView

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeptPose:
    """One view under a name; `camera` as in `CameraPose`."""

    name: str
    geometry: Geometry
    hemispheres: Hemispheres
    view: NamedView
    camera: CameraPose


def show_pose(view: CortexView, kept: KeptPose) -> None:
    """Show it again; a geometry that the surface lacks is refused as when it is chosen."""
    _lay_out(view, kept.hemispheres, kept.view, kept.geometry)
    if view.geometry_name == kept.geometry:
        view.canvas.look_from(kept.camera)


def _lay_out(view: CortexView, hemispheres: str, named_view: str, geometry: str) -> None:
    """Lay the cortex out; names that no longer exist are skipped."""
    view.set_hemispheres(cast("Hemispheres", hemispheres))
    if named_view in get_args(NamedView):
        view.set_named_view(cast("NamedView", named_view))
    if geometry in get_args(Geometry):
        view.set_geometry(cast("Geometry", geometry))


def capture_view(panel: CortexPanel) -> ViewRecord:
    """The present view of the cortex."""
    view, slider, morph = panel.view, panel.threshold, panel.view.morph_slider
    reading, pose = view.colour_bar.reading, view.canvas.pose
    return ViewRecord(
        map=panel.current_map(),
        geometry=view.geometry_name,
        named_view=view.named_view,
        hemispheres=view.hemispheres,
        morph=morph.position() if morph.slider.maximum() > 0 else None,
        camera=(pose.azimuth, pose.elevation, *pose.centre, pose.scale),
        threshold=slider.value() / max(1, slider.maximum()),
        colormap=reading.colormap.name if reading is not None else "",
        outlines=panel.outlines_button.isChecked(),
        labels=panel.labels_button.isChecked(),
        path=panel.path_button.isChecked(),
        ranges=dict(panel.ranges),
        beside=panel.beside_box.value(),
        over=panel.over.value(),
    )


def show_view(panel: CortexPanel, record: ViewRecord) -> None:
    """Show this view of the cortex; its map must be on screen already. Names that no longer exist are skipped."""
    view = panel.view
    if record.colormap:
        try:
            view.set_colormap(record.colormap)
        except BadInputError as error:
            LOGGER.info("%s", error)
    panel.ranges = dict(record.ranges)
    panel.beside_box.set_value(record.beside)
    panel.threshold.setValue(round(record.threshold * panel.threshold.maximum()))
    panel.outlines_button.setChecked(record.outlines)
    panel.labels_button.setChecked(record.labels)
    panel.path_button.setChecked(record.path)
    panel.over.set_value(*record.over)
    panel.look_changed.emit()
    _lay_out(view, record.hemispheres, record.named_view, record.geometry)
    if record.morph is not None and not record.morph.is_integer():  # else it is the geometry itself
        view.set_morph(record.morph)
    if record.camera is not None:
        azimuth, elevation, x, y, z, scale = record.camera
        view.canvas.look_from(CameraPose(azimuth, elevation, (x, y, z), scale))


def write_poses(poses: tuple[KeptPose, ...]) -> str:
    """Poses as JSON."""
    return json.dumps([asdict(pose) for pose in poses])


def parse_poses(text: str) -> tuple[KeptPose, ...]:
    """Poses that `write_poses` wrote; what cannot be read is left out."""
    rows, found = None, []
    with suppress(ValueError):
        rows = json.loads(text)
    for row in rows if isinstance(rows, list) else []:
        with suppress(ValueError):
            found.append(build(row, KeptPose))
    return tuple(found)
