"""A second encoder beside the first in Explore: both shifts, both cortical maps, one camera and one colour range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.base.state import request_probe
from app.cortex.twin import TwinView
from app.shell.main_window import MainWindow
from core.probes.against import Against
from core.probes.probe import Probe, in_reference_sds
from tests.helpers.open_window import open_window

SECOND = ("alexnet", "features.11")


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    with open_window(qtbot, tmp_path) as window:
        window.session.controller.pick_roi("FFA")
        wait(window, qtbot)
        yield window


def wait(window: MainWindow, qtbot: QtBot) -> Probe:
    """Until what the window describes is on screen, and drawn."""
    state, lane = window.session.state, window.session.lane

    def is_there() -> bool:
        idle = isinstance(lane.state, Idle) and not lane.is_busy("probe")
        return idle and state.probe is not None and state.probe.config == request_probe(state)

    qtbot.waitUntil(is_there, timeout=20_000)
    window.explore.presenter.settle()
    assert state.probe is not None
    return state.probe


def choose(window: MainWindow, key: tuple[str, str] | None) -> None:
    box = window.explore.controls.against.encoder
    box.setCurrentIndex(next(index for index in range(box.count()) if box.itemData(index) == key))


def twin_of(window: MainWindow) -> TwinView:
    twin = window.explore.cortex.second
    assert twin is not None
    return twin


def test_both_encoders_are_told_and_drawn_with_one_range(window: MainWindow, qtbot: QtBot) -> None:
    form, cortex = window.explore.controls.against, window.explore.cortex
    assert cortex.second is None and form.sharpness.isHidden()
    room = cortex.minimumSizeHint().width()
    choose(window, SECOND)
    probe = wait(window, qtbot)
    assert probe.config.against == Against(*SECOND) and form.sharpness.isVisible()
    qtbot.waitUntil(lambda: cortex.minimumSizeHint().width() == room)  # two views fit where one did
    own, second = probe.shifts_sd
    told = window.explore.responses.readout.text()
    assert told.startswith(f"+{own:.2f} SD mobilenet_v2 · −{-second:.2f} SD alexnet · ")
    twin = twin_of(window)
    mine, other = cortex.view.colour_bar.reading, twin.colour_bar.reading
    assert mine is not None and other is not None
    assert not twin.isHidden() and other.limit == mine.limit, "one colour range"
    assert probe.second is not None
    shifts = in_reference_sds(probe.second.perturbed - probe.second.clean, probe.second.reference_sd)
    np.testing.assert_allclose(twin.painter.values, shifts, atol=1e-5)
    assert other.limit == pytest.approx(np.percentile(np.abs(shifts), 99), rel=0.05), "the larger of the two"
    assert other.title == "Shift, alexnet features.11"
    assert mine.title == f"Shift, {' '.join(window.session.state.encoder)}"


def test_one_camera_and_one_layout(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, SECOND)
    wait(window, qtbot)
    first, twin = window.explore.cortex.view, twin_of(window)
    assert twin.canvas.pose == first.canvas.pose
    first.canvas.input.orbited.emit(0.2, 0.1)
    assert twin.canvas.pose == first.canvas.pose
    twin.canvas.input.zoomed.emit(1.5, None)
    assert twin.canvas.pose == first.canvas.pose
    window.explore.cortex.hemispheres.button("left").click()
    first.set_named_view("lateral")
    first.set_geometry("pial")
    assert (twin.hemispheres, twin.named_view, twin.geometry_name) == ("left", "lateral", "pial")
    assert twin.canvas.pose == first.canvas.pose
    window.explore.cortex.threshold.setValue(30)
    assert twin.colour_bar.reading is not None and first.colour_bar.reading is not None
    assert twin.colour_bar.reading.threshold == first.colour_bar.reading.threshold > 0


def test_a_click_on_either_cortex_picks_the_voxel(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, SECOND)
    wait(window, qtbot)
    twin_of(window).voxel_picked.emit(7)
    assert wait(window, qtbot).config.target.voxels == (7,)


def test_an_undecided_probe_says_so_and_an_agreeing_one_is_one(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, SECOND)
    form = window.explore.controls.against
    form.decided_sd.setValue(50.0)
    form.decided_sd.editingFinished.emit()
    probe = wait(window, qtbot)
    assert probe.undecided and window.explore.responses.readout.text().startswith("UNDECIDED · +")
    form.agrees.click()
    agreeing = wait(window, qtbot)
    assert agreeing.config.against == Against(*SECOND, agrees=True, decided_sd=50.0)
    assert agreeing.shifts_sd[0] * agreeing.shifts_sd[1] > 0


def test_the_second_cortex_goes_with_the_map_and_with_the_encoder(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, SECOND)
    wait(window, qtbot)
    twin, cortex = twin_of(window), window.explore.cortex
    cortex.set_map("r")
    window.explore.presenter.settle()
    assert twin.isHidden()
    cortex.set_map("shift")
    window.explore.presenter.settle()
    assert not twin.isHidden()
    window.session.controller.open_encoder(*SECOND)
    assert wait(window, qtbot).config.against is None, "an encoder is not against itself"
    assert twin.isHidden() and window.explore.controls.against.value() is None


def test_a_step_has_no_map_there_and_undo_brings_the_second_encoder_back(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, SECOND)
    wait(window, qtbot)
    window.session.state.step = 2
    window.explore.presenter.settle()
    assert twin_of(window).painter.values is None, "responses there are not kept for single steps"
    window.session.state.step = None
    choose(window, None)
    assert wait(window, qtbot).config.against is None
    window.explore.undo.step(-1)
    assert wait(window, qtbot).config.against == Against(*SECOND)
    assert window.explore.controls.against.encoder.value() == SECOND


def test_asking_more_of_the_target_keeps_the_second_encoder(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, SECOND)
    wait(window, qtbot)
    box = window.explore.controls.target.options.contrast_roi
    box.setCurrentIndex(next(index for index in range(box.count()) if box.itemData(index) == "V1"))
    probe = wait(window, qtbot)
    assert probe.config.against == Against(*SECOND) and window.session.state.aim.contrast_roi == "V1"


def test_two_layers_of_one_network_are_told_apart(window: MainWindow, qtbot: QtBot) -> None:
    network, own = window.session.state.encoder
    layer = next(one for name, one in _offered(window) if name == network and one != own)
    choose(window, (network, layer))
    wait(window, qtbot)
    told = window.explore.responses.readout.text()
    assert f" SD {network} {own} · " in told and f" SD {network} {layer}" in told
    reading = window.explore.cortex.view.colour_bar.reading
    assert reading is not None and reading.title == f"Shift, {network} {own}"


def test_a_session_keeps_the_second_encoder(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    sessions, form = window.features.sessions, window.explore.controls.against
    choose(window, SECOND)
    form.agrees.click()
    form.decided_sd.setValue(2.5)
    form.decided_sd.editingFinished.emit()
    wanted = wait(window, qtbot).config
    assert sessions._write(tmp_path / "pair.probescope")
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle), timeout=20_000)
    choose(window, None)
    wait(window, qtbot)
    sessions.may_leave = lambda: True  # type: ignore[method-assign]
    sessions.open_path(tmp_path / "pair.probescope")
    qtbot.waitUntil(lambda: window.session.state.aim.against is not None, timeout=20_000)
    assert wait(window, qtbot).config == wanted
    assert form.value() == Against(*SECOND, agrees=True, decided_sd=2.5)


def test_the_list_follows_encoders_that_come_and_go(window: MainWindow, qtbot: QtBot) -> None:
    controller = window.session.controller
    whole = controller.catalogue
    choose(window, SECOND)
    wait(window, qtbot)
    left = tuple(one for one in whole.encoders if (one.network, one.layer) != SECOND)
    with qtbot.waitSignal(controller.noted, check_params_cb=lambda text: "alexnet features.11" in text):
        controller.catalogue = replace(whole, encoders=left)
        controller.catalogue_changed.emit()
    assert SECOND not in _offered(window) and window.session.state.aim.against is None
    controller.catalogue = whole
    controller.catalogue_changed.emit()
    assert SECOND in _offered(window)


def test_a_second_encoder_of_larger_images_brings_the_larger_image_and_takes_it_away_again(
    window: MainWindow, qtbot: QtBot
) -> None:
    state, controller = window.session.state, window.session.controller
    specs = [replace(one, input_size=288) if one.id == SECOND[0] else one for one in controller.catalogue.networks]
    controller.catalogue = replace(controller.catalogue, networks=tuple(specs))
    choose(window, SECOND)
    assert wait(window, qtbot).clean_pixels.shape == (3, 288, 288)
    choose(window, None)
    assert wait(window, qtbot).clean_pixels.shape == (3, 224, 224)
    assert state.stimulus is not None and state.stimulus.pixels.shape == (3, 224, 224)


def test_a_change_of_network_keeps_the_second_encoder_and_undo_names_it(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, SECOND)
    wait(window, qtbot)
    qtbot.waitUntil(lambda: window.explore.undo.describe()[0] == "second encoder", timeout=5000)
    window.session.controller.open_encoder("alexnet_robust", "features.11")
    assert wait(window, qtbot).config.against == Against(*SECOND)
    names = [window.explore.controls.against.encoder, window.explore.controls.target.options.contrast_roi]
    assert [one.accessibleName() for one in names] == ["Second encoder", "Contrast ROI"]


def _offered(window: MainWindow) -> list[tuple[str, str]]:
    box = window.explore.controls.against.encoder
    return [key for key in map(box.itemData, range(box.count())) if key is not None]
