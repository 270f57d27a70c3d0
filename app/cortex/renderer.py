"""Draws scenes off screen: holds meshes, outlines, marker and lights, and changes what another scene changes.

It belongs to the thread that made it. What draws is imported here alone, so that the window can be there first. The
meshes are pyvista's, the window and the lights VTK's own: `pyvista.Plotter` (0.49) imports matplotlib's pyplot and all
of its plotting, 0.5 s of processor before the cortex is there, and would save some 15 lines.
"""

from __future__ import annotations

from typing import Any

import pyvista
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401 - what the classes of vtkRenderingCore draw with
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkLogger, vtkUnsignedCharArray
from vtkmodules.vtkRenderingCore import vtkActor, vtkLight, vtkPolyDataMapper, vtkRenderer, vtkRenderWindow

from app.cortex.mesh import Mesh
from app.cortex.outlines import Outline
from app.cortex.scene import MARKER_LIFT, Format, GraphicsError, Scene, to_rgb
from core.types import ByteArray, IntArray

pv: Any = pyvista
"""Its types know no float32."""

vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)
"""It tries one way to OpenGL after the other and warns of each; whether none was left is found out here."""

AMBIENT, DIFFUSE, SPECULAR, SHININESS = 0.40, 0.68, 0.05, 14.0
"""Tuned so that a patch facing the viewer has the colour of the colour bar, and folds still read."""

LIGHTS = (((-0.25, 0.40, 1.0), 0.74), ((0.9, 0.1, 0.5), 0.24), ((-0.8, -0.5, 0.35), 0.20))
"""Directions (right, up, towards the viewer) and strengths: a key light, a fill, a little from below."""

MARKER_RADIUS = 1.5
"""mm."""

TOWARDS_VIEWER = {"outlines": -8.0, "contours": -9.5, "set": -11.0, "emphasis": -14.0}
"""Depth offset of lines against the mesh, in VTK's units; the outline of the ROI chosen in the table lies over all."""

HALO_WIDTH, HALO_COVER = 2.2, 0.6
"""How much wider than its line a halo is, in pixels of the interface, and its opacity."""

BEHIND = 3.0
"""Depth offset of a halo behind its line."""


class Renderer:
    """Draws one scene after another.

    Raises GraphicsError where no OpenGL is to be had.
    """

    def __init__(self) -> None:
        self._renderer, self._window = vtkRenderer(), vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(0)
        self._window.SetAlphaBitPlanes(1)  # else nothing can be see-through
        self._window.AddRenderer(self._renderer)
        self._window.Initialize()
        self._check()
        self._pixels = vtkUnsignedCharArray()
        # Left, right, and both thinned: what moves and what is at rest are kept side by side.
        self._meshes = tuple(_MeshActor() for _ in range(4))
        self.lines = {kind: tuple(_LineActor(depth) for _ in range(4)) for kind, depth in TOWARDS_VIEWER.items()}
        self.marker = _make_marker()
        for line in (line for pair in self.lines.values() for line in pair):
            self._renderer.AddActor(line.halo)
            self._renderer.AddActor(line.actor)
        for mesh in self._meshes:
            self._renderer.AddActor(mesh.actor)
        self._renderer.AddActor(self.marker)
        for direction, strength in LIGHTS:
            light = vtkLight()
            light.SetLightTypeToCameraLight()
            light.SetPosition(*direction)
            light.SetIntensity(strength)
            self._renderer.AddLight(light)
        self._colours: dict[bool, object] = {}

    def draw(self, scene: Scene, shape: Format, oversampling: float = 1.0) -> ByteArray:
        """The scene without anything written, (height, width, 4) uint8, `oversampling` times as large.

        Raises GraphicsError if the graphics were lost.
        """
        self._take_shapes(scene, shape.ratio * oversampling)
        if scene.path and scene.colours is not None and scene.colours is not self._colours.get(scene.thinned):
            for at, (mesh, rgba) in enumerate(zip(scene.meshes, scene.colours(), strict=True), 2 * scene.thinned):
                self._meshes[at].data.GetPointData().SetScalars(pv.convert_array(rgba[mesh.kept]))
            self._colours[scene.thinned] = scene.colours
        self._take_ground(shape.ground)
        scene.pose.apply(self._renderer.GetActiveCamera())
        width, height = shape.pixels(oversampling)
        self._window.SetSize(width, height)
        self._window.Render()
        self._check()
        self._window.GetRGBACharPixelData(0, 0, width - 1, height - 1, 0, self._pixels, 0)
        rows: ByteArray = vtk_to_numpy(self._pixels).reshape(height, width, 4)  # type: ignore[no-untyped-call]
        return rows[::-1].copy()  # VTK's first row is the lowest, and the array is filled anew by the next frame

    def close(self) -> None:
        """Give back the graphics resources; safe to call twice."""
        self._window.Finalize()

    def _check(self) -> None:
        """VTK itself would crash in its next frame where it found no context, and draw nothing where it is too old."""
        if not self._window.IsCurrent() or not self._window.SupportsOpenGL():
            raise GraphicsError("No OpenGL 3.2 for drawing was found.")

    def _take_shapes(self, scene: Scene, ratio: float) -> None:
        shown = {side + 2 * scene.thinned: mesh for side, mesh in scene.shown}
        for at, mesh in enumerate(self._meshes):
            mesh.actor.SetVisibility(at in shown)
            if at in shown:
                mesh.take(shown[at], lit=not scene.is_flat)
        for kind, drawn in scene.lines.items():
            for at, line in enumerate(self.lines[kind]):
                labels = None if drawn.labels is None or at not in shown else drawn.labels[at % 2]
                if labels is not None:
                    line.take(shown[at], labels)
                halo = (line.halo, drawn.halo, drawn.width + HALO_WIDTH)
                for actor, ink, width in (halo, (line.actor, drawn.ink, drawn.width)):
                    actor.SetVisibility(labels is not None)
                    actor.GetProperty().SetColor(*to_rgb(ink))
                    actor.GetProperty().SetLineWidth(width * ratio)
        position = scene.marker_position(MARKER_LIFT)
        self.marker.SetVisibility(position is not None)
        if position is not None:
            self.marker.SetPosition(*position.tolist())
        self.marker.GetProperty().SetColor(*to_rgb(scene.theme.accent))

    def _take_ground(self, ground: tuple[str, str] | None) -> None:
        upper, lower = ground or ("#000000", "#000000")
        self._renderer.SetGradientBackground(upper != lower)
        self._renderer.SetBackground(*to_rgb(lower))
        self._renderer.SetBackground2(*to_rgb(upper))
        self._renderer.SetBackgroundAlpha(0.0 if ground is None else 1.0)


def _make_marker() -> vtkActor:
    mapper, actor = vtkPolyDataMapper(), vtkActor()
    mapper.SetInputData(pv.Sphere(radius=MARKER_RADIUS, theta_resolution=24, phi_resolution=16))
    actor.SetMapper(mapper)
    actor.GetProperty().SetAmbient(0.6)
    actor.GetProperty().SetDiffuse(0.5)
    return actor


class _PolyActor:
    """Data that is drawn, and the mesh it was made of."""

    def __init__(self) -> None:
        self._mesh: Mesh | None = None
        self.data, self.actor = pv.PolyData(), vtkActor()
        self._mapper = vtkPolyDataMapper()
        self._mapper.SetInputData(self.data)
        self.actor.SetMapper(self._mapper)


class _MeshActor(_PolyActor):
    """One hemisphere: one opaque mesh with a colour and a smooth normal a vertex."""

    def __init__(self) -> None:
        super().__init__()
        self._mapper.SetColorModeToDirectScalars()
        material = self.actor.GetProperty()
        material.SetInterpolationToGouraud()
        material.SetSpecular(SPECULAR)
        material.SetSpecularPower(SHININESS)

    def take(self, mesh: Mesh, *, lit: bool) -> None:
        """Show a mesh, shaded, or in its colours exactly as they are (flat maps, seen from both sides)."""
        material = self.actor.GetProperty()
        material.SetLighting(lit)
        material.SetAmbient(AMBIENT if lit else 0.0)  # unlit, VTK takes ambient and diffuse together
        material.SetDiffuse(DIFFUSE if lit else 1.0)
        # A closed surface hides its own inside: leaving that out saves a third of a frame drawn by the processor.
        material.SetBackfaceCulling(lit)
        if mesh is self._mesh:
            return
        if self._mesh is None or mesh.faces is not self._mesh.faces:
            self.data.SetPolys(pv.CellArray.from_regular_cells(mesh.faces))
        self._mesh = mesh
        self.data.SetPoints(pv.vtk_points(mesh.points))
        self.data.GetPointData().SetNormals(pv.convert_array(mesh.normals))


class _LineActor(_PolyActor):
    """The outlines of one hemisphere, each a line over a wider halo."""

    def __init__(self, towards_viewer: float) -> None:
        super().__init__()
        self._outline: Outline | None = None
        self._labels: IntArray | None = None
        self.halo, around = vtkActor(), vtkPolyDataMapper()
        around.SetInputData(self.data)
        self.halo.SetMapper(around)
        self.halo.GetProperty().SetOpacity(HALO_COVER)
        for actor, mapper, depth in ((self.halo, around, BEHIND), (self.actor, self._mapper, 0.0)):
            mapper.ScalarVisibilityOff()
            mapper.SetResolveCoincidentTopologyToPolygonOffset()
            mapper.SetRelativeCoincidentTopologyLineOffsetParameters(0.0, towards_viewer + depth)
            actor.GetProperty().SetLighting(False)

    def take(self, mesh: Mesh, labels: IntArray) -> None:
        """Follow the borders between labels (n,), of all vertices, on a mesh."""
        outline = self._outline
        if outline is None or outline.faces is not mesh.faces or self._labels is not labels:
            self._outline = outline = Outline(mesh.faces, labels[mesh.kept])
            self._labels = labels
            self._mesh = None
            self.data.SetLines(pv.CellArray.from_regular_cells(outline.segments))
        if mesh is not self._mesh:
            self._mesh = mesh
            self.data.SetPoints(pv.vtk_points(outline.place(mesh.points, mesh.normals)))
