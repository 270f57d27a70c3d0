"""A view of the cortex as a record: what is shown of it and from where, to be kept and gone back to. Never renders."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, cast

from app.cortex.camera import CameraPose
from app.cortex.layout import VIEWS, Geometry, Hemispheres, NamedView
from core.checks import check_choice
from core.errors import BadInputError
from core.surfaces.mesh import GEOMETRIES

if TYPE_CHECKING:
    from app.cortex.view import CortexView


@dataclass(frozen=True, slots=True)
class KeptPose:
    """One view under a name; `camera` as in `CameraPose`."""

    name: str
    geometry: str
    hemispheres: str
    view: str
    camera: CameraPose

    def __post_init__(self) -> None:
        check_choice("geometry", self.geometry, GEOMETRIES)
        check_choice("hemispheres", self.hemispheres, ("both", "left", "right"))
        check_choice("view", self.view, VIEWS)


def read_pose(view: CortexView, name: str) -> KeptPose:
    """What is on screen now."""
    return KeptPose(name, view.geometry_name, view.hemispheres, view.named_view, view.canvas.pose)


def show_pose(view: CortexView, kept: KeptPose) -> None:
    """Show it again; a geometry that the surface lacks is refused as when it is chosen."""
    if view.hemispheres != kept.hemispheres:
        view.set_hemispheres(cast("Hemispheres", kept.hemispheres))
    if view.named_view != kept.view:
        view.set_named_view(cast("NamedView", kept.view))
    if view.geometry_name != kept.geometry:
        view.set_geometry(cast("Geometry", kept.geometry))
    if view.geometry_name == kept.geometry:
        view.canvas.look_from(kept.camera)


def write_poses(poses: tuple[KeptPose, ...]) -> str:
    """Poses as JSON."""
    return json.dumps([asdict(pose) for pose in poses])


def parse_poses(text: str) -> tuple[KeptPose, ...]:
    """Poses that `write_poses` wrote; what cannot be read is left out."""
    try:
        rows = json.loads(text) if text else []
    except ValueError:
        return ()
    found = []
    for row in rows if isinstance(rows, list) else []:
        try:
            x, y, z = (float(value) for value in row["camera"]["centre"])
            camera = CameraPose(**row["camera"] | {"centre": (x, y, z)})
            found.append(KeptPose(**row | {"camera": camera}))
        except (TypeError, KeyError, ValueError, BadInputError):
            continue
    return tuple(found)
