"""Frames on their way: only the newest waits, orders are all drawn, failing graphics give way, nothing stays behind."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.cortex import studio as studio_module
from app.cortex.camera import CameraPose
from app.cortex.layout import sides_of
from app.cortex.morph import MorphPath
from app.cortex.points import PointRenderer
from app.cortex.scene import Format, GraphicsError, Scene
from app.cortex.studio import COARSE, FINE, NO_GRAPHICS, PLAIN, SLOWEST, THINNED, Easel, Studio, Task, resize
from app.cortex.view import CortexView
from app.look.theme import DARK, LIGHT, interface_font
from core.errors import Cancelled
from core.figures.probe_maps import ProbeMap
from core.surfaces.mesh import CorticalSurface
from tests.helpers.cortex import make_atlas, make_bare_half, make_cortex, make_icosphere, make_table

SHAPE = Format((60.0, 40.0), 1.0, ("#000000", "#000000"))


def make_scene(**parts: object) -> Scene:
    surface = make_cortex()
    path = MorphPath(surface, ("inflated",), hemispheres="both", view="lateral")
    scene = replace(Scene(path=path, sides=sides_of("both")), **parts)
    return replace(scene, pose=CameraPose(0, 0).fitted(scene.points(), aspect=1.5))


class SlowRenderer:
    """Notes what it drew, how finely and in which thread; takes as long as it is told."""

    seconds = 0.0
    drawn: list[tuple[Scene, float, int]]
    closed: list[int]

    def draw(self, scene: Scene, shape: Format, oversampling: float = 1.0) -> np.ndarray:
        time.sleep(self.seconds * oversampling**2)
        self.drawn.append((scene, oversampling, threading.get_ident()))
        width, height = shape.pixels(oversampling)
        return np.full((height, width, 4), 255, np.uint8)

    def close(self) -> None:
        self.closed.append(threading.get_ident())


@pytest.fixture
def slow(monkeypatch) -> type[SlowRenderer]:
    SlowRenderer.drawn, SlowRenderer.closed, SlowRenderer.seconds = [], [], 0.0
    monkeypatch.setattr(studio_module, "open_renderer", SlowRenderer)
    return SlowRenderer


@pytest.fixture
def studio(slow, qtbot):
    made = Studio()
    yield made
    made.close()


def fail(*_: object) -> None:
    raise GraphicsError("lost")


def test_of_the_frames_only_the_newest_is_drawn_and_every_order(slow, studio, qtbot) -> None:
    slow.seconds, frames = 0.02, []
    scenes = [Scene() for _ in range(5)]
    studio.drawn.connect(frames.append)
    studio.ask(Scene(), SHAPE)
    qtbot.waitUntil(lambda: bool(slow.drawn) or bool(frames))
    with ThreadPoolExecutor(2) as pool:
        orders = [pool.submit(studio.draw, scene, SHAPE) for scene in scenes[:2]]
        for scene in scenes[2:]:
            studio.ask(scene, SHAPE)
        qtbot.waitUntil(lambda: bool(frames) and frames[-1].scene is scenes[4] and frames[-1].is_fine)
        assert [order.result().scene for order in orders] == scenes[:2]
    assert all(scene not in scenes[2:4] for scene, _, _ in slow.drawn)


def test_a_coarse_frame_that_comes_late_has_no_second_fine_one_drawn(slow, studio, qtbot) -> None:
    frames = []
    studio.drawn.connect(frames.append)
    studio.ask(Scene(), SHAPE)
    qtbot.waitUntil(lambda: bool(frames) and frames[-1].is_fine)
    coarse = next(frame for frame in frames if not frame.is_fine)
    studio._wait_for_rest(coarse)  # as after a frame that took longer than the rest
    assert not studio._rest.isActive()
    studio._rest.start()
    studio._wait_for_rest(frames[-1])
    assert not studio._rest.isActive()


def test_frames_come_from_a_thread_of_their_own_that_ends(slow, studio, qtbot) -> None:
    frames, scene = [], Scene()
    studio.drawn.connect(frames.append)
    studio.ask(scene, SHAPE)
    qtbot.waitUntil(lambda: any(frame.is_fine for frame in frames))
    assert {thread for _, _, thread in slow.drawn} != {threading.get_ident()}
    assert frames[-1].scene is scene and frames[-1].note == ""
    studio.close()
    studio.close()
    assert slow.closed == [slow.drawn[0][2]]
    studio.ask(scene, SHAPE)
    with pytest.raises(Cancelled):
        studio.draw(scene, SHAPE)


def test_closing_while_a_frame_is_drawn_waits_for_it_and_cancels_the_rest(slow, studio, qtbot) -> None:
    slow.seconds = 0.02
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(studio.draw, Scene(), SHAPE) for _ in range(6)]
        qtbot.waitUntil(lambda: bool(slow.drawn))
        studio.close()
        ended = [one.exception() for one in waiting]
    assert any(isinstance(error, Cancelled) for error in ended)
    assert not any(thread.name.startswith("cortex") for thread in threading.enumerate())


def test_an_order_that_is_no_longer_wanted_is_let_go(slow, studio) -> None:
    slow.seconds = 0.2
    started = time.monotonic()
    with pytest.raises(Cancelled):
        studio.draw(Scene(), SHAPE, lambda: True)
    assert time.monotonic() - started < 0.5


def test_frames_are_as_fine_as_there_is_time_for() -> None:
    task = Task(Scene(), SHAPE)

    def chosen(**seconds: float) -> float:
        """How finely a frame is drawn after frames of all kinds took so long."""
        easel = Easel(PointRenderer)
        easel.took = before = {FINE: (9.0, seconds["fine"]), PLAIN: (9.0, seconds["plain"])}
        before = dict(before)
        easel.draw(task)
        return next(one for one, pair in easel.took.items() if pair != before.get(one))

    assert chosen(fine=0.001, plain=0.001) == FINE
    assert chosen(fine=0.5, plain=0.01) == PLAIN
    assert chosen(fine=0.5, plain=0.1) == COARSE
    easel = Easel(PointRenderer)
    assert not easel.draw(task).is_fine  # nothing is known yet
    assert easel.draw(replace(task, is_fine=True)).is_fine


class Unhurried(SlowRenderer):
    """Notes whether what it drew was thinned; takes long for what was not."""

    def draw(self, scene: Scene, shape: Format, oversampling: float = 1.0) -> np.ndarray:
        time.sleep(0.0 if scene.thinned else 1.01 * 4 * SLOWEST[PLAIN])
        return super().draw(scene, shape, oversampling)


def test_a_large_surface_is_thinned_while_it_moves_if_it_must_and_whole_at_rest(slow) -> None:
    unit, faces = make_icosphere(6)
    half = make_bare_half(50 * unit, faces)
    path = MorphPath(CorticalSurface("large", half, half), ("inflated",), hemispheres="both", view="lateral")
    easel, moving = Easel(Unhurried), Task(Scene(path=path), SHAPE)
    for _ in range(5):
        easel.draw(moving)
    assert [scene.thinned for scene, _, _ in slow.drawn] == [False, False, True, True, True]
    assert {fineness for _, fineness, _ in slow.drawn} == {PLAIN.scale}  # there is time for all pixels
    at_rest = easel.draw(replace(moving, is_fine=True))
    assert at_rest.is_fine and slow.drawn[-1][0] is moving.scene and slow.drawn[-1][1] == FINE.scale
    again = easel.draw(moving)
    assert slow.drawn[-1][0].thinned and again.scene is moving.scene  # what is picked and named is not thinned
    easel.took[THINNED] = (1.0, 1.0)
    easel.draw(moving)
    assert slow.drawn[-1][1] == COARSE.scale and slow.drawn[-1][0].thinned


def test_a_small_surface_is_never_thinned(slow) -> None:
    easel, moving = Easel(Unhurried), Task(make_scene(), SHAPE)
    for _ in range(4):
        easel.draw(moving)
    assert not any(scene.thinned for scene, _, _ in slow.drawn)
    assert [fineness for _, fineness, _ in slow.drawn][2:] == [COARSE.scale] * 2


def test_names_are_found_anew_only_where_more_than_colours_changed(slow, qtbot, monkeypatch) -> None:
    found, find = list[Scene](), studio_module.find_annotations
    monkeypatch.setattr(
        studio_module, "find_annotations", lambda scene, **rest: (found.append(scene), find(scene, **rest))[1]
    )
    easel, scene = Easel(SlowRenderer), make_scene()
    scene = replace(scene, atlas=make_atlas(scene.path.surface))
    first = easel.draw(Task(scene, SHAPE))
    recoloured = replace(scene, colours=lambda: (np.zeros((4, 4), np.uint8),) * 2)
    assert easel.draw(Task(recoloured, SHAPE)).annotations is first.annotations
    assert easel.draw(Task(recoloured, SHAPE, is_fine=True)).annotations is first.annotations
    assert len(found) == 1 and first.annotations.labels
    turned, larger = replace(scene, pose=scene.pose.orbited(0.2, 0.0)), replace(SHAPE, size=(90.0, 60.0))
    for changed, shape in ((turned, SHAPE), (turned, larger), (replace(turned, labelled=False), larger)):
        easel.draw(Task(changed, shape))
        assert found[-1] is changed
    assert len(found) == 4


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("ratio", [1.0, 1.25, 1.5, 2.0])
def test_names_are_drawn_once_while_colours_change_and_look_as_if_drawn_each_time(
    slow, qtbot, monkeypatch, theme, ratio
) -> None:
    drawn, draw = list[float](), studio_module.draw_annotations
    monkeypatch.setattr(
        studio_module,
        "draw_annotations",
        lambda painter, *given, **named: (drawn.append(painter.transform().m11()), draw(painter, *given, **named)),
    )
    shape, scene = Format((120.0, 80.0), ratio, ("#808080", "#808080")), make_scene(theme=theme, marked=(0, 5))
    scene = replace(scene, atlas=make_atlas(scene.path.surface))
    easel = Easel(SlowRenderer)
    for _ in range(5):  # as while an attack runs
        frame = easel.draw(Task(replace(scene, colours=lambda: (np.zeros((4, 4), np.uint8),) * 2), shape))
    assert drawn == [ratio]
    other = replace(scene, theme=LIGHT if theme is DARK else DARK)
    for changed, to in ((other, shape), (scene, replace(shape, ratio=3.0)), (scene, shape)):
        again = easel.draw(Task(changed, to))
    assert drawn == [ratio, ratio, 3.0, ratio]
    assert again.image == frame.image

    plain = QImage(*shape.pixels(), QImage.Format.Format_RGB32)
    plain.fill(Qt.GlobalColor.white)
    painter = QPainter(plain)
    painter.scale(ratio, ratio)
    painter.setFont(interface_font())
    draw(painter, frame.annotations, theme=theme, font=interface_font())
    painter.end()
    wanted, got = (np.asarray(one.constBits()).astype(int) for one in (plain, frame.image))
    assert frame.annotations.labels and frame.annotations.ring and (wanted < 255).any()
    assert np.abs(wanted - got).max() <= 2  # of 255: two roundings


@pytest.mark.parametrize("lost", [GraphicsError("gone"), ImportError("libGL.so.1"), RuntimeError("context")])
def test_a_lost_renderer_is_opened_anew(lost, qtbot) -> None:
    class Lost(SlowRenderer):
        def draw(self, *_: object) -> np.ndarray:
            raise lost

    SlowRenderer.drawn, SlowRenderer.closed = [], []
    easel, scene = Easel(Lost, SlowRenderer), Scene()
    assert easel.draw(Task(scene, SHAPE)).scene is scene
    assert len(SlowRenderer.closed) == 1 and len(SlowRenderer.drawn) == 1
    with pytest.raises(GraphicsError, match="OpenGL"):
        Easel(Lost, Lost).draw(Task(scene, SHAPE))


def test_where_a_thread_gets_no_context_qt_draws(slow, studio, qtbot, monkeypatch) -> None:
    main, frames = threading.get_ident(), []

    def open_here() -> SlowRenderer:
        if threading.get_ident() != main:
            raise GraphicsError("no context in a thread")
        return SlowRenderer()

    studio._easel = Easel(open_here)
    monkeypatch.setattr(studio_module, "open_renderer", open_here)
    studio.drawn.connect(frames.append)
    studio.ask(Scene(), SHAPE)
    qtbot.waitUntil(lambda: bool(frames) and frames[-1].is_fine)
    assert {thread for _, _, thread in slow.drawn} == {main} and frames[-1].note == ""
    assert studio.draw(Scene(), SHAPE).is_fine  # from Qt's thread itself
    with ThreadPoolExecutor() as pool:  # and from another, as a movie does
        picture = pool.submit(studio.draw, Scene(), SHAPE)
        qtbot.waitUntil(picture.done)
    assert picture.result().is_fine


def test_an_order_is_answered_though_the_thread_fails_under_it(slow, studio, monkeypatch) -> None:
    studio._easel = Easel(fail)
    monkeypatch.setattr(studio_module, "open_renderer", fail)
    frame = studio.draw(make_scene(), SHAPE)
    assert frame.note == NO_GRAPHICS


def test_on_macos_no_thread_is_begun(slow, qtbot, monkeypatch) -> None:
    monkeypatch.setattr(studio_module.sys, "platform", "darwin")
    studio, frames = Studio(), []
    studio.drawn.connect(frames.append)
    for _ in range(3):
        studio.ask(Scene(), SHAPE)
    qtbot.waitUntil(lambda: bool(frames) and frames[-1].is_fine)
    assert {thread for _, _, thread in slow.drawn} == {threading.get_ident()}
    assert [fineness for _, fineness, _ in slow.drawn] == [PLAIN.scale, FINE.scale]
    studio.close()


def test_a_defect_is_raised_where_it_is_told_and_not_taken_for_lost_graphics(slow, studio, qtbot, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("defect")

    monkeypatch.setattr(SlowRenderer, "draw", broken)
    with pytest.raises(KeyError):
        studio.draw(Scene(), SHAPE)
    with qtbot.captureExceptions() as raised:
        studio.ask(Scene(), SHAPE)
        qtbot.waitUntil(lambda: bool(raised))
    assert raised[0][0] is KeyError


def test_without_graphics_the_window_shows_points_says_so_and_is_picked(qtbot, monkeypatch) -> None:
    monkeypatch.setattr(studio_module, "open_renderer", fail)
    view, table, picked = CortexView(), make_table(make_cortex()), []
    view.resize(620, 460)
    view.set_surface(make_cortex())
    view.set_voxels(table)
    view.set_atlas(make_atlas(make_cortex()))
    values = np.full(table.n_voxels, 5.0, dtype=np.float32)
    view.set_map(ProbeMap(values, title="Shift", unit="SD", diverging=True, limit=1.0))
    qtbot.addWidget(view)
    view.show()
    qtbot.waitUntil(lambda: view.canvas.frame is not None and view.canvas.frame.note == NO_GRAPHICS)
    view.voxel_picked.connect(picked.append)
    mesh, towards = view.canvas.scene.meshes[1], -view.canvas.pose.axes()[2]
    rows = table.paint[table.paint[:, 0] == 1]
    vertex, voxel = next((v, voxel) for _, v, voxel in rows.tolist() if mesh.normals[v] @ towards > 0.95)
    at = view.canvas.screen_position(mesh.points[vertex]).toPoint()
    seen = view.canvas.frame.image.pixelColor(at)
    assert seen.red() > seen.blue() + 50  # the end of the colour map
    QTest.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=at)
    assert picked == [voxel]
    assert view.canvas.frame.annotations.labels
    view.close()


def test_points_hide_what_lies_behind_and_are_see_through_beside(qtbot) -> None:
    tones = tuple(np.full((n, 4), tone, np.uint8) for n, tone in ((162, 80), (642, 200)))
    near_left = make_scene(colours=lambda: tones)
    seen_from_left = replace(near_left, pose=replace(near_left.pose, azimuth=90.0))
    picture = PointRenderer().draw(seen_from_left, replace(SHAPE, ground=None), 4.0)
    cover = picture[..., 3] > 0
    assert 0.1 < cover.mean() < 0.9 and not picture[~cover].any()
    middle = picture[80, 120, :3]
    assert 30 < middle[0] <= 80  # the left hemisphere lies in front of the right one


def test_a_hidden_view_draws_nothing_and_catches_up(slow, qtbot) -> None:
    view = CortexView()
    qtbot.addWidget(view)
    view.set_surface(make_cortex())
    qtbot.wait(50)
    assert slow.drawn == []
    view.show()
    qtbot.waitUntil(lambda: view.canvas.frame is not None and view.canvas.frame.scene is view.canvas.scene)
    view.hide()
    before = view.canvas.frame
    view.set_named_view("dorsal")
    qtbot.wait(50)
    assert view.canvas.frame is before or view.canvas.frame.scene is before.scene
    view.show()
    qtbot.waitUntil(lambda: view.canvas.frame.scene is view.canvas.scene)
    view.close()


def test_a_window_that_is_not_painted_draws_nothing_and_catches_up(slow, qtbot) -> None:
    view = CortexView()
    qtbot.addWidget(view)
    view.set_surface(make_cortex())
    view.show()
    canvas = view.canvas
    qtbot.waitUntil(lambda: bool(canvas.frame) and canvas.frame.is_fine and canvas.frame.scene is canvas.scene)
    view.setUpdatesEnabled(False)  # as while it is minimised
    n_drawn = len(slow.drawn)
    view.set_named_view("dorsal")
    qtbot.wait(50)
    assert len(slow.drawn) == n_drawn
    view.setUpdatesEnabled(True)
    qtbot.waitUntil(lambda: view.canvas.frame.scene is view.canvas.scene)
    view.close()


@pytest.mark.parametrize("ratio", [1.0, 1.25, 1.5, 2.0])
def test_another_screen_gets_a_frame_of_its_own_density(slow, qtbot, monkeypatch, ratio) -> None:
    view = CortexView()
    view.resize(333, 301)
    qtbot.addWidget(view)
    view.set_surface(make_cortex())
    view.show()
    qtbot.waitUntil(lambda: view.canvas.frame is not None)
    monkeypatch.setattr(type(view.canvas), "devicePixelRatioF", lambda _self: ratio)
    view.canvas.update()  # Qt repaints a window that came to another screen
    qtbot.waitUntil(lambda: view.canvas.frame.shape.ratio == ratio)
    size = view.canvas.size()
    wanted = (round(size.width() * ratio), round(size.height() * ratio))
    assert view.canvas.frame.image.size().toTuple() == wanted
    view.close()


def test_a_frame_of_another_size_is_shown_as_high_as_the_view_until_the_next_comes(slow, studio) -> None:
    frame = studio.draw(Scene(), SHAPE)
    assert frame.area_in(QRectF(0, 0, 200, 80)) == QRectF(40, 0, 120, 80)


def test_resizing_brings_a_frame_of_the_new_size(slow, qtbot) -> None:
    view = CortexView()
    view.resize(333, 301)
    qtbot.addWidget(view)
    view.set_surface(make_cortex())
    view.show()
    qtbot.waitUntil(lambda: view.canvas.frame is not None)
    for width in (400, 480, 640, 500):
        view.resize(width, 360)
        QApplication.processEvents()
    qtbot.waitUntil(lambda: view.canvas.frame.shape.size[0] == view.canvas.width())
    assert view.canvas.frame.image.width() == view.canvas.width()
    view.close()


def test_shrinking_averages_and_keeps_see_through_edges_free_of_black() -> None:
    pixels = np.zeros((2, 4, 4), np.uint8)
    pixels[:, :1] = (200, 100, 50, 255)  # beside it, see-through black
    pixels[:, 2:] = (200, 100, 50, 255)
    small = resize(pixels, (2, 1), opaque=False)
    assert small.pixelColor(QPoint(1, 0)).getRgb() == (200, 100, 50, 255)
    half = small.pixelColor(QPoint(0, 0))
    assert half.alpha() == pytest.approx(128, abs=2) and half.red() == pytest.approx(200, abs=3)


TWO_AT_ONCE = """
import sys
from PySide6.QtWidgets import QApplication
from app.cortex.scene import Format, Scene
from app.cortex.studio import Studio
from concurrent.futures import ThreadPoolExecutor
app = QApplication(sys.argv)
studios = [Studio() for _ in range(3)]
with ThreadPoolExecutor(3) as pool:
    frames = list(pool.map(lambda one: one.draw(Scene(), Format((60.0, 40.0), 1.0, ("#ffffff", "#ffffff"))), studios))
for one in studios:
    one.close()
print([frame.note for frame in frames], {frame.image.pixelColor(5, 5).name() for frame in frames})
"""


def test_several_views_may_open_their_graphics_at_once() -> None:
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-c", TWO_AT_ONCE]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == "['', '', ''] {'#ffffff'}"
