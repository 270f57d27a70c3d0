"""The images panel against the pixels it was given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QGuiApplication, QImage
from pytestqt.qtbot import QtBot

from app.base.pictures import to_qimage
from app.base.state import Pinned
from app.explore.images_panel import FLICKER_MS, ImagesPanel
from app.explore.picture_set import Role
from app.look.theme import LIGHT, use_theme
from app.widgets.image_view import ImageView
from core.attacks.config import AttackConfig
from core.images.difference import amplify, choose_factor
from core.images.stimulus import to_uint8
from core.surfaces.placing import Placed
from core.surfaces.store import load_surface
from core.types import ByteArray
from tests.helpers.probes import make_photo, make_preview, make_probe, make_table

SIZE = 48


@pytest.fixture
def panel(qtbot: QtBot) -> ImagesPanel:
    made = ImagesPanel()
    qtbot.addWidget(made)
    made.resize(420, 560)
    made.show()
    qtbot.waitExposed(made)
    return made


def shown(view: ImageView) -> ByteArray:
    assert view.pixels is not None
    return view.pixels


def read_back(image: QImage) -> ByteArray:
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), dtype=np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def test_an_empty_panel_says_what_to_do(panel: ImagesPanel) -> None:
    assert panel.clean_view.pixels is None
    assert not panel.clean_view.isVisible()


def test_a_clean_image_alone_offers_nothing_to_compare(panel: ImagesPanel) -> None:
    panel.show_images(make_photo(SIZE), None, caption="mobilenet_v2", title="face_01")
    assert np.array_equal(shown(panel.clean_view), make_photo(SIZE))
    assert panel.made_view.pixels is None and panel.difference_view.pixels is None
    assert not panel.tools.flicker.isEnabled() and "Run a probe first" in panel.tools.flicker.toolTip()
    assert panel.meter.rows == ()


def test_a_probe_shows_its_delivered_pixels_and_budget(panel: ImagesPanel) -> None:
    probe = make_probe(44, SIZE)
    panel.show_probe(probe)
    assert np.array_equal(shown(panel.clean_view), to_uint8(probe.clean_pixels))
    assert np.array_equal(shown(panel.made_view), to_uint8(probe.perturbed_pixels))
    panel.read_budget()
    assert panel.meter.rows[0].value == f"{probe.l2:.3f}"
    assert "raise ROI FFA" in panel.title.text() and "L₂ ε 3" in panel.caption.text()


def test_the_difference_is_the_exact_one_times_the_factor_shown(panel: ImagesPanel) -> None:
    probe = make_probe(44, SIZE, epsilon=0.2)
    panel.show_probe(probe)
    delta = 255 * (probe.perturbed_pixels - probe.clean_pixels).transpose(1, 2, 0)
    assert np.array_equal(shown(panel.difference_view), amplify(delta, panel.amplification))
    assert panel.factor_choice.currentText() == f"×{panel.amplification} auto"
    panel.set_amplification(64)
    assert panel.factor_choice.currentText() == "×64"
    assert np.array_equal(shown(panel.difference_view), amplify(delta, 64))


@pytest.mark.parametrize("role", list(Role))
def test_each_comparison_shows_its_own_pixels_and_budget(panel: ImagesPanel, role: Role) -> None:
    probe = make_probe(44, SIZE)
    panel.show_probe(probe)
    panel.set_comparison(role)
    made = {
        Role.PERTURBED: probe.perturbed_pixels,
        Role.CONTROL: probe.control_pixels,
        Role.SIGN_FLIP: probe.sign_flip_pixels,
    }[role]
    assert np.array_equal(shown(panel.made_view), to_uint8(made))
    panel.read_budget()
    assert panel.meter.rows[0].value == f"{np.linalg.norm(made - probe.clean_pixels):.3f}"


def test_a_comparison_wished_for_comes_back_after_a_step(panel: ImagesPanel) -> None:
    probe = make_probe(44, SIZE)
    panel.show_probe(probe)
    panel.set_comparison(Role.CONTROL)
    panel.show_step(probe.history.pixels[3], AttackConfig(epsilon=0.2))
    assert np.array_equal(shown(panel.made_view), probe.history.pixels[3])
    panel.show_probe(probe)
    assert np.array_equal(shown(panel.made_view), to_uint8(probe.control_pixels))


def test_holding_shows_clean_until_let_go(panel: ImagesPanel) -> None:
    panel.show_probe(make_probe(44, SIZE))
    perturbed = shown(panel.made_view)
    panel.tools.hold.pressed.emit()
    assert np.array_equal(shown(panel.made_view), shown(panel.clean_view))
    panel.tools.hold.released.emit()
    assert np.array_equal(shown(panel.made_view), perturbed)


def test_flicker_swaps_and_ends_on_the_perturbed_image(panel: ImagesPanel, qtbot: QtBot) -> None:
    panel.show_probe(make_probe(44, SIZE))
    perturbed, clean = shown(panel.made_view), shown(panel.clean_view)
    panel.set_flicker(True)
    assert panel.tools.flicker.isChecked()
    qtbot.waitUntil(lambda: np.array_equal(shown(panel.made_view), clean))
    qtbot.waitUntil(lambda: np.array_equal(shown(panel.made_view), perturbed))
    panel.set_flicker(False)
    assert np.array_equal(shown(panel.made_view), perturbed)


def test_flicker_is_no_faster_than_three_flashes_a_second() -> None:
    assert 1000 / (2 * FLICKER_MS) <= 3


def test_flicker_without_a_probe_stays_off(panel: ImagesPanel) -> None:
    panel.show_images(make_photo(SIZE), None, caption="")
    panel.set_flicker(True)
    assert not panel.tools.flicker.isChecked()


def test_swipe_shows_clean_left_and_perturbed_right(panel: ImagesPanel) -> None:
    probe = make_probe(44, SIZE)
    panel.show_probe(probe)
    panel.set_swipe(True)
    half = SIZE // 2
    assert np.array_equal(shown(panel.made_view)[:, :half], to_uint8(probe.clean_pixels)[:, :half])
    assert np.array_equal(shown(panel.made_view)[:, half:], to_uint8(probe.perturbed_pixels)[:, half:])


def test_a_pinned_picture_is_never_called_clean(panel: ImagesPanel, qtbot: QtBot) -> None:
    probe = make_probe(size=SIZE)
    panel.set_pinned(Pinned(probe, Placed(load_surface("fsaverage5"), make_table(), None), "0"))
    panel.show_probe(probe)
    assert panel.difference_view.suggested_name == "difference_perturbed_less_pinned"
    with qtbot.waitSignal(panel.compared, check_params_cb=lambda what: what == "clean"):
        panel.show_clean(True)
    assert np.array_equal(shown(panel.made_view), to_uint8(probe.clean_pixels))
    panel.show_clean(False)
    with qtbot.waitSignal(panel.compared, check_params_cb=lambda what: what == ""):
        panel.set_flicker(True)
    with qtbot.waitSignal(panel.compared, check_params_cb=lambda what: what == ""):
        panel._swap()
    assert np.array_equal(shown(panel.made_view), to_uint8(probe.perturbed_pixels))
    panel.set_pinned(None)
    panel.show_images(make_photo(SIZE), None, caption="", title="")
    assert "appears here" in panel.difference_view._hint.text()


def test_zoom_of_one_pane_is_the_zoom_of_all(panel: ImagesPanel) -> None:
    panel.show_probe(make_probe(44, SIZE))
    panel.clean_view.show_rect(QRectF(10, 12, 16, 16))
    panel.clean_view.view_moved.emit(panel.clean_view.view_rect)
    wanted = panel.clean_view.view_rect.center()
    for view in (panel.made_view, panel.difference_view):
        assert view.view_rect.center().x() == pytest.approx(wanted.x(), abs=0.1)
        assert view.view_rect.center().y() == pytest.approx(wanted.y(), abs=0.1)
        assert view.view_rect.width() < SIZE / 2
    panel.difference_view.fit()
    assert panel.clean_view.view_rect.width() >= SIZE - 1e-6


def test_a_new_step_keeps_the_zoom(panel: ImagesPanel) -> None:
    probe = make_probe(44, SIZE)
    panel.show_probe(probe)
    panel.made_view.show_rect(QRectF(0, 0, 12, 12))
    before = panel.made_view.view_rect
    panel.show_step(probe.history.pixels[0], AttackConfig(epsilon=0.1))
    assert panel.made_view.view_rect == before


def test_a_step_of_the_image_on_screen_is_compared_once(panel: ImagesPanel) -> None:
    clean, step = make_photo(SIZE), np.minimum(make_photo(SIZE), 200)
    panel.show_images(clean, step, caption="step 1 of 3")
    panel.show_step(step, AttackConfig(epsilon=0.1))
    pictures = dict.fromkeys((panel.clean_view, panel.made_view), 0)
    for view in pictures:
        view.picture_changed.connect(lambda view=view: pictures.update({view: pictures[view] + 1}))
    later = np.minimum(clean, 100)
    panel.show_images(clean, later, caption="step 2 of 3")
    panel.show_step(later, AttackConfig(epsilon=0.1))
    panel.read_budget()
    assert panel.meter.rows[0].value == f"{np.linalg.norm(later.astype(float) - clean) / 255:.3f}"
    assert list(pictures.values()) == [0, 1]
    assert np.array_equal(shown(panel.clean_view), clean) and np.array_equal(shown(panel.made_view), later)
    assert panel.caption.text() == "step 2 of 3"


def test_a_preview_shows_its_own_budget(panel: ImagesPanel) -> None:
    probe = make_probe(44, SIZE)
    panel.show_probe(probe)
    preview = make_preview(probe, 1.5)
    panel.show_preview(preview)
    assert np.array_equal(shown(panel.made_view), preview.pixels)
    panel.read_budget()
    assert panel.meter.rows[0].value == f"{np.linalg.norm(preview.delta):.3f}"
    assert "L₂ ε 1.5" in panel.caption.text() and "quick look" in panel.caption.text()


def test_saved_and_copied_pixels_are_the_ones_shown(panel: ImagesPanel, tmp_path: Path) -> None:
    panel.show_probe(make_probe(44, SIZE))
    said: list[str] = []
    panel.said.connect(said.append)
    assert panel.made_view.save(tmp_path / "made.png")
    assert np.array_equal(read_back(QImage(str(tmp_path / "made.png"))), shown(panel.made_view))
    panel.made_view.copy()
    assert np.array_equal(read_back(QGuiApplication.clipboard().image()), shown(panel.made_view))
    assert said == ["Saved made.png.", "Copied the perturbed image."]


def test_a_folder_that_is_none_is_said(panel: ImagesPanel, tmp_path: Path) -> None:
    (tmp_path / "missing").write_text("a file")
    panel.show_probe(make_probe(44, SIZE))
    said: list[str] = []
    panel.said.connect(said.append)
    assert not panel.made_view.save(tmp_path / "missing" / "made.png")
    assert "missing" in said[0] and "Choose another folder" in said[0]


def test_a_theme_can_change_while_images_are_shown(panel: ImagesPanel) -> None:
    panel.show_probe(make_probe(44, SIZE))
    use_theme(LIGHT)
    assert panel.made_view._scene.backgroundBrush().color().name() == LIGHT.panel


def test_clear_goes_back_to_the_empty_state(panel: ImagesPanel) -> None:
    panel.show_probe(make_probe(44, SIZE))
    panel.set_flicker(True)
    panel.clear()
    panel.read_budget()
    assert not panel.tools.flicker.isChecked() and not panel.clean_view.isVisible()
    assert panel.meter.rows == ()


def test_a_wide_picture_keeps_its_rows_and_columns() -> None:
    picture = np.arange(2 * 5 * 3, dtype=np.uint8).reshape(2, 5, 3)
    assert np.array_equal(read_back(to_qimage(picture)), picture)


def test_the_automatic_factor_is_neat_and_does_not_clip_much() -> None:
    delta = np.random.default_rng(0).normal(0, 2, (64, 64, 3))
    factor = choose_factor(delta)
    peak = np.percentile(np.abs(delta), 99)
    assert 55 < factor * peak <= 110
    assert choose_factor(0 * delta) == 1
    assert np.all((amplify(0 * delta, factor) == 127) | (amplify(0 * delta, factor) == 128))


@pytest.mark.parametrize("size", [(400, 100), (100, 400), (300, 300)])
def test_the_whole_picture_fits_whatever_the_shape_of_its_pane(qtbot: QtBot, size: tuple[int, int]) -> None:
    view = ImageView("clean")
    qtbot.addWidget(view)
    view.resize(200, 200)
    view.show()
    qtbot.waitExposed(view)
    view.set_pixels(np.zeros((SIZE, SIZE, 3), np.uint8))
    view.resize(*size)
    qtbot.waitUntil(lambda: view.view_rect.width() > 0 and view.size().toTuple() == size)
    assert view.view_rect.adjusted(-0.5, -0.5, 0.5, 0.5).contains(QRectF(0, 0, SIZE, SIZE))
