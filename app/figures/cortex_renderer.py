"""Draws the cortex of a probe off screen, picture by picture, for movies and figures. Never touches the window's view.

It has a studio of its own, works without a display, and may be asked by any one thread.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from functools import lru_cache
from typing import Any, cast

import numpy as np
from PySide6.QtGui import QImage

from app.cortex.camera import CameraPose
from app.cortex.colour import blend_table
from app.cortex.layout import VIEWS, Geometry, Hemispheres, NamedView, sides_of
from app.cortex.morph import MorphPath, find_stops
from app.cortex.painter import GREYS_DARK, GREYS_LIGHT, CortexPainter
from app.cortex.scene import Format, GraphicsError, Scene
from app.cortex.studio import Studio
from app.look.theme import Theme, find_theme
from core.checks import refusal
from core.datasets.subject import load_subject
from core.errors import BadInputError
from core.figures.colour_key import ColourKey
from core.figures.movie_config import CortexStyle, Motion
from core.figures.movie_frames import Shot
from core.figures.probe_maps import map_probe
from core.figures.probe_page import CortexModel, HemisphereMesh
from core.probes.probe import Probe, in_reference_sds
from core.probes.target import TargetKind
from core.reports.inks import find_inks
from core.surfaces.anatomy import find_centres
from core.surfaces.colormap import ColourRange
from core.surfaces.paint import VoxelMap
from core.surfaces.placing import Placed, place_voxels
from core.types import ByteArray, FloatArray

MARGIN = 1.08
"""Room around what is shown."""

TURN_SAMPLES = 36
"""Directions from which a turning cortex must stay in sight."""

TURN_POINTS = 5000
"""Of the surface, by which that is judged."""

LETTER_HEIGHT = 460
"""Pixels of a picture at which names are written as large as in the window."""

FOLDED_UNTIL, FLAT_FROM = 0.08, 0.46
"""Places of the movie between which the cortex opens; it rests at both ends, then goes back, ready to be looped."""


class CortexRenderer:
    """Answers for every picture of one probe's cortex; see core.figures.movie_frames.Cortex. To be closed.

    Raises BadInputError if the subject has no voxels on a surface, or the surface lacks what the style asks for.

    Parameters
    ----------
    placed : Surface, voxels and atlas.
    follows : The scale of the colours holds every step, too.
    """

    def __init__(self, probe: Probe, style: CortexStyle, placed: Placed, *, theme: Theme, follows: bool = True) -> None:
        if len(probe.clean) != placed.voxels.n_voxels:
            allowed = f"of the subject's {placed.voxels.n_voxels} voxels"
            advice = "The subject was imported again after the probe was made."
            raise refusal("probe", allowed=allowed, got=len(probe.clean), advice=advice)
        if not len(placed.voxels.paint):
            raise BadInputError(
                placed.note or "This subject's voxels lie on no surface, so there is no cortex to show."
            )
        self._shown = map_probe(probe, style, placed.voxels, follows=follows)
        self.note = self._shown.note
        for geometry in (style.geometry, *(["flat"] if style.motion is Motion.UNFOLD else [])):
            if reason := placed.surface.reason_without(geometry):
                raise BadInputError(reason)
        self._placed, self._style, self._theme = placed, style, theme
        self._studio = Studio()
        self._chosen: ColourRange | None = None
        self._painter = painter = CortexPainter()
        painter.surface, painter.atlas = placed.surface, placed.atlas
        painter.greys = GREYS_DARK if theme.is_dark else GREYS_LIGHT
        painter.set_voxels(placed.voxels)
        painter.set_dimmed(self._shown.dimmed)
        self._show_values(None)
        painter.shows_regions = style.map == "roi"
        self._painted: int | None = None
        moved = in_reference_sds(probe.history.responses - probe.clean, probe.reference_sd)
        self._centres = find_centres(placed.surface, placed.voxels, moved) if style.path else None
        self._should_stop: Callable[[], bool] = lambda: False
        target = probe.config.target
        marked = painter.place_of(target.voxels[0]) if target.kind is TargetKind.VOXEL else None
        emphasised = painter.roi_labels(target.roi) if target.kind is TargetKind.ROI else None
        self._scene = replace(self._make_scene(), marked=marked, emphasised=emphasised)
        stops = find_stops(placed.surface, cast("Geometry", style.geometry))
        self._way = self._make_path(stops) if style.motion is Motion.UNFOLD else None

    def for_job(self, should_stop: Callable[[], bool]) -> CortexRenderer:
        """The same for a job: raises Cancelled while it waits for a picture if the job is to stop."""
        given = copy(self)
        given._should_stop = should_stop
        return given

    @property
    def key(self) -> ColourKey | None:
        """What the colours mean."""
        return self._painter.scale

    def use_colours(self, key: ColourKey) -> None:
        """Use the colour map of another drawing, its threshold, and its range where that was chosen."""
        self._painter.set_colormap(key.colormap.name)
        self._painter.set_threshold(key.threshold)
        self._chosen, self._painted = key.chosen, None

    def draw(self, shot: Shot, size: tuple[int, int]) -> ByteArray:
        """A picture (height, width, 3) uint8 on the paper of the theme."""
        return self._render(shot, size, transparent=False)[..., :3]

    def still(self, size: tuple[int, int]) -> ByteArray:
        """The delivered probe's picture (height, width, 4) uint8, see-through where there is no cortex."""
        return self._render(Shot(), size, transparent=True)

    def model(self) -> CortexModel:
        """What is shown as points, triangles, colours and what makes them, for a page of HTML."""
        self._colour(None)
        painter, colours = self._painter, self._painter.colours()
        numbers = VoxelMap(self._placed.voxels, *self._placed.surface.n_vertices)
        meshes = tuple(
            HemisphereMesh(
                mesh.points,
                mesh.faces,
                colours[side],
                painter.underlay(side).round().astype(np.uint8),
                numbers.voxels(side),
                tuple(painter.roi_at(side, vertex) for vertex in range(len(mesh.points))),
            )
            for side, mesh in self._scene.shown
        )
        view = VIEWS["flat" if self._style.geometry == "flat" else self._style.view]
        pose = (float(view.azimuth), float(view.elevation))
        return CortexModel(meshes, self._style, pose, self._shown.dimmed, blend_table, self.key, self.note)

    def close(self) -> None:
        """Give back the graphics resources, once the picture in hand is done; safe to call twice."""
        self._studio.close(wait=False)

    def _make_path(self, stops: tuple[Geometry, ...]) -> MorphPath:
        style = self._style
        hemispheres, view = cast("Hemispheres", style.hemispheres), cast("NamedView", style.view)
        return MorphPath(self._placed.surface, stops, hemispheres=hemispheres, view=view)

    def _make_scene(self) -> Scene:
        style, placed = self._style, self._placed
        path = self._make_path((cast("Geometry", style.geometry),))
        sides = sides_of(cast("Hemispheres", style.hemispheres))
        names: dict[str, Any] = {"atlas": placed.atlas, "outlined": style.outlines, "labelled": style.labels}
        return Scene(path=path, sides=sides, theme=self._theme, **names)

    def _render(self, shot: Shot, size: tuple[int, int], *, transparent: bool) -> ByteArray:
        width, height = size
        ratio = max(0.5, height / LETTER_HEIGHT)
        self._colour(shot.step)
        paper = find_inks(self._theme.name).paper
        shape = Format((width / ratio, height / ratio), ratio, None if transparent else (paper, paper))
        frame = self._studio.draw(self._place(shot, aspect=width / height), shape, self._should_stop)
        if frame.note:
            raise GraphicsError("No OpenGL 3.2 was found to draw the cortex with. `python main.py doctor` says more.")
        return _as_array(frame.image)

    def _place(self, shot: Shot, *, aspect: float) -> Scene:
        """The scene as it is seen in a shot."""
        view = VIEWS["flat" if self._style.geometry == "flat" else self._style.view]
        start, points = CameraPose(view.azimuth, view.elevation), self._scene.points()
        if shot.progress is None:
            return replace(self._scene, pose=start.fitted(points, aspect=aspect, margin=MARGIN))
        if self._way is None:
            return replace(self._scene, pose=_turned(start, points, shot.progress, aspect=aspect))
        view = VIEWS[self._style.view]
        position = unfolding_at(shot.progress, self._way.length)
        folded = (view.azimuth, view.elevation)
        pose = self._way.pose(position, self._scene.sides, folded, aspect=aspect, margin=MARGIN)
        return replace(self._scene, path=self._way, position=position, pose=pose)

    def _colour(self, step: int | None) -> None:
        asked = -2 if step is None else step
        if asked == self._painted:
            return
        self._painted = asked
        if not self._painter.shows_regions:
            self._show_values(step)
        self._scene = replace(self._scene, colours=copy(self._painter).colours)
        if (centres := self._centres) is not None:
            self._scene = replace(self._scene, centres=lambda: centres[: None if step is None else step + 1])

    def _show_values(self, step: int | None) -> None:
        self._painter.set_map(replace(self._shown, values=self._shown.at(step)), self._chosen)


@contextmanager
def render_probe(probe: Probe, style: CortexStyle, *, theme: str, follows: bool = True) -> Iterator[CortexRenderer]:
    """Something that draws a probe's cortex, for as long as the block lasts.

    Raises BadInputError if the subject is not here, has no voxels on a surface, or the surface lacks what the style
    asks for.
    """
    _need_application()
    subject = load_subject(probe.config.subject)
    placed = place_voxels(subject.voxels, subject.surface)
    renderer = CortexRenderer(probe, style, placed, theme=find_theme(theme), follows=follows)
    try:
        yield renderer
    finally:
        renderer.close()


def unfolding_at(progress: float, length: int) -> float:
    """The place on the way from folded (0) to flat (`length`) at a place of the movie in [0, 1): there and back."""
    way = 0.5 - abs(progress - 0.5)
    share = float(np.clip((way - FOLDED_UNTIL) / (FLAT_FROM - FOLDED_UNTIL), 0, 1))
    return length * share * share * (3 - 2 * share)


def _turned(start: CameraPose, points: FloatArray, progress: float, *, aspect: float) -> CameraPose:
    """The start turned once around the middle of the points, from so far that they fit from every side."""
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    around = points[:: max(1, len(points) // TURN_POINTS)] - middle
    reach = [
        MARGIN * np.abs(around @ np.stack(_turn(start, at / TURN_SAMPLES).axes()[:2]).T) for at in range(TURN_SAMPLES)
    ]
    scale = max(max(float(seen[:, 1].max()), float(seen[:, 0].max()) / aspect) for seen in reach)
    return replace(_turn(start, progress), scale=scale).moved_to(middle)


def _turn(pose: CameraPose, share: float) -> CameraPose:
    return replace(pose, azimuth=(pose.azimuth + 360 * share) % 360)


def _as_array(image: QImage) -> ByteArray:
    plain = image.convertToFormat(QImage.Format.Format_RGBA8888)
    rows = np.frombuffer(plain.constBits(), dtype=np.uint8).reshape(plain.height(), plain.bytesPerLine())
    return rows[:, : 4 * plain.width()].reshape(plain.height(), plain.width(), 4).copy()


@lru_cache(maxsize=1)
def _need_application() -> Any:
    """Fonts need an application; without a display it is one that shows nothing."""
    from app.base.virtual_display import has_display
    from app.look.qt_application import make_application

    if sys.platform.startswith("linux") and not has_display():
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    return make_application()
