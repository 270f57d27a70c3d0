"""Two probes side by side, one colour range for both, the ghost of the last probe, and the jury of networks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.base.jobs import STOPPED, Idle
from app.base.state import request_probe
from app.cortex.twin import TwinView
from app.explore.picture_set import fade
from app.shell.main_window import MainWindow
from app.widgets.editors import ChoiceBox
from core.figures.probe_plots import LAST, PINNED
from core.images.stimulus import from_uint8
from core.probes.probe import Probe, in_reference_sds
from core.probes.spill_over import tabulate_probe
from core.surfaces.colormap import ColourRange
from core.types import Direction
from tests.helpers.fake_engine import SUBJECT, FakeEngine
from tests.helpers.open_window import open_window

Key = Qt.Key


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    with open_window(qtbot, tmp_path, size=(1440, 900)) as window:
        window.session.controller.pick_roi("FFA")
        wait(window, qtbot)
        yield window


def wait(window: MainWindow, qtbot: QtBot) -> Probe:
    """Until what the window describes is on screen, and drawn."""
    state, lane = window.session.state, window.session.lane

    def is_there() -> bool:
        return (
            isinstance(lane.state, Idle)
            and state.probe is not None
            and state.probe.config == request_probe(state)
            and not state.is_probing
        )

    qtbot.waitUntil(is_there, timeout=20_000)
    window.explore.presenter.settle()
    assert state.probe is not None
    return state.probe


def press(window: MainWindow, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    canvas = window.explore.cortex.view.canvas
    canvas.setFocus()
    QTest.keyClick(canvas, key, modifier)


def pin_and_go_on(window: MainWindow, qtbot: QtBot) -> tuple[Probe, Probe]:
    """A pinned by its key; then another network by the list's own key, and the other direction."""
    pinned = wait(window, qtbot)
    press(window, Key.Key_B)
    qtbot.waitUntil(lambda: window.session.state.pinned is not None)
    box = window.explore.controls.encoder.network
    box.setFocus()
    before = window.session.state.network
    QTest.keyClick(box, Key.Key_Down)
    qtbot.waitUntil(lambda: window.session.state.network != before, timeout=20_000)
    wait(window, qtbot)
    press(window, Key.Key_L)
    shown = wait(window, qtbot)
    assert shown.config.network != pinned.config.network and shown.config.direction is Direction.LOWER
    return pinned, shown


def twin_of(window: MainWindow) -> TwinView:
    twin = window.explore.cortex.second
    assert twin is not None and not twin.isHidden()
    return twin


def test_two_probes_stand_side_by_side_with_their_own_numbers(window: MainWindow, qtbot: QtBot) -> None:
    pinned, shown = pin_and_go_on(window, qtbot)
    explore, twin = window.explore, twin_of(window)
    view = explore.cortex.view
    assert twin.x() < view.x(), "A is left of B"
    np.testing.assert_allclose(twin.painter.values, (pinned.perturbed - pinned.clean) / pinned.reference_sd, rtol=1e-5)
    a, b = twin.colour_bar.reading, view.colour_bar.reading
    assert a is not None and b is not None
    assert (a.title[:4], b.title[:4], a.limit) == ("A · ", "B · ", b.limit)
    view.canvas.input.orbited.emit(0.2, 0.1)
    assert twin.canvas.pose == view.canvas.pose, "one camera"

    first = explore.images.clean_view.pixels
    assert first is not None and np.array_equal(first, np.round(255 * pinned.perturbed_pixels).transpose(1, 2, 0))
    delta = (shown.perturbed_pixels - shown.clean_pixels) - (pinned.perturbed_pixels - pinned.clean_pixels)
    factor = explore.images.amplification
    wanted = np.clip(np.round(127.5 + factor * 255 * delta.transpose(1, 2, 0)), 0, 255)
    assert explore.images.difference_view.pixels is not None
    assert np.abs(explore.images.difference_view.pixels - wanted).max() <= 1

    lines = explore.responses.curve.shift.items
    for name, probe in ((PINNED, pinned), ("B, attack", shown)):
        x, y = lines[name].getData()
        assert y[-1] == pytest.approx(probe.curve.shift[-1] / probe.target_sd, rel=1e-5), "both in SDs"
        assert 10 ** x[-1] == pytest.approx(probe.config.attack.epsilon), "on a logarithmic axis"
    table, voxels = explore.responses.table, SUBJECT.voxels
    rows = {table.item(row, 0).text().lstrip("● "): row for row in range(table.rowCount())}
    for column, probe in ((3, pinned), (4, shown)):
        (spill, *_) = tabulate_probe(probe, voxels).values()
        for one in spill.rows:
            assert table.item(rows[one.roi], column).text() == f"{one.shift_sd:+.2f}".replace("-", "−")
    heads = [table.horizontalHeaderItem(column).text() for column in (3, 4)]
    assert heads == [f"SD, A, {pinned.config.network}", f"SD, B, {shown.config.network}"]


def test_undo_says_pinned_probe_and_unpinning_brings_one_cortex_back(window: MainWindow, qtbot: QtBot) -> None:
    press(window, Key.Key_B)
    qtbot.waitUntil(lambda: window.explore.undo.describe()[0] == "pinned probe")
    wait(window, qtbot)
    assert not twin_of(window).isHidden()
    press(window, Key.Key_B, Qt.KeyboardModifier.ShiftModifier)
    wait(window, qtbot)
    assert window.session.state.pinned is None
    assert window.explore.cortex.second is not None and window.explore.cortex.second.isHidden()
    assert window.explore.images.first_choice.value() == "clean"
    assert PINNED not in window.explore.responses.curve.shift.items
    qtbot.waitUntil(lambda: window.explore.undo.describe()[0] == "pinned probe")
    press(window, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.session.state.pinned is not None)


def test_a_session_keeps_pin_range_and_what_stands_beside(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    pinned, _ = pin_and_go_on(window, qtbot)
    press(window, Key.Key_C, Qt.KeyboardModifier.ShiftModifier)
    kept, sessions = dict(window.explore.cortex.ranges), window.features.sessions
    assert len(kept) == 1
    assert sessions._write(tmp_path / "pair.probescope")
    qtbot.waitUntil(lambda: sessions.path is not None and not sessions.is_modified(), timeout=20_000)
    press(window, Key.Key_B, Qt.KeyboardModifier.ShiftModifier)
    press(window, Key.Key_C, Qt.KeyboardModifier.ShiftModifier)
    wait(window, qtbot)
    assert sessions.is_modified() and not window.explore.cortex.ranges
    sessions.may_leave = lambda: True  # type: ignore[method-assign]
    sessions.open_path(tmp_path / "pair.probescope")
    qtbot.waitUntil(lambda: window.session.state.pinned is not None, timeout=20_000)
    wait(window, qtbot)
    again = window.session.state.pinned
    assert again is not None and np.array_equal(again.probe.perturbed_pixels, pinned.perturbed_pixels)
    assert window.explore.cortex.ranges == kept


def test_a_range_is_typed_locked_shared_and_its_clipped_voxels_are_counted(window: MainWindow, qtbot: QtBot) -> None:
    cortex = window.explore.cortex
    QTest.mouseDClick(cortex.view.colour_bar, Qt.MouseButton.LeftButton)
    dialog = cortex.range_dialog
    assert dialog is not None and dialog.isVisible()
    for line, text in ((dialog.fmin, "0.2"), (dialog.fmid, "0.1"), (dialog.fmax, "0.6")):
        line.selectAll()
        QTest.keyClicks(line, text)
    QTest.keyClick(dialog.fmax, Key.Key_Return)
    assert dialog.isVisible() and "three rising numbers" in dialog.problem.text()
    dialog.fmid.selectAll()
    QTest.keyClicks(dialog.fmid, "0.4")
    QTest.keyClick(dialog.fmid, Key.Key_Return)
    assert not dialog.isVisible()
    pinned, _ = pin_and_go_on(window, qtbot)
    for view in (twin_of(window), cortex.view):
        reading = view.colour_bar.reading
        assert reading is not None and reading.chosen == ColourRange(0.2, 0.4, 0.6)
        assert (reading.limit, reading.threshold) == (0.6, 0.2)
    shifts = in_reference_sds(pinned.perturbed - pinned.clean, pinned.reference_sd)
    a = twin_of(window).colour_bar.reading
    assert a is not None and a.clipped == (int((shifts < -0.6).sum()), int((shifts > 0.6).sum()))
    assert cortex.lock_button.isChecked()
    QTest.mouseClick(cortex.lock_button, Qt.MouseButton.LeftButton)
    window.explore.presenter.settle()
    assert cortex.view.colour_bar.reading is not None and cortex.view.colour_bar.reading.chosen is None
    cortex.set_map("roi")
    window.explore.presenter.settle()
    assert not cortex.lock_button.isEnabled()


def test_the_last_probe_is_a_ghost_until_the_first_step(window: MainWindow, qtbot: QtBot) -> None:
    last, responses = wait(window, qtbot), window.explore.responses
    cast(FakeEngine, window.session.engine).seconds_a_step = 0.3
    press(window, Key.Key_L)
    qtbot.waitUntil(lambda: window.session.state.is_probing)
    window.explore.presenter.settle()
    made, whole = window.explore.images.made_view.pixels, np.round(255 * last.perturbed_pixels).transpose(1, 2, 0)
    assert made is not None and np.array_equal(made, fade(whole.astype(np.uint8)))
    qtbot.waitUntil(lambda: LAST in responses.curve.shift.items, timeout=20_000)
    _, y = responses.curve.shift.items[LAST].getData()
    assert y[-1] == pytest.approx(last.curve.shift[-1], rel=1e-5)
    cast(FakeEngine, window.session.engine).seconds_a_step = 0.0
    shown = wait(window, qtbot)
    assert LAST not in responses.curve.shift.items
    assert np.array_equal(window.explore.images.made_view.pixels, from_bytes(shown))


def from_bytes(probe: Probe) -> np.ndarray:
    return np.round(255 * probe.perturbed_pixels).transpose(1, 2, 0)


def numbers(window: MainWindow) -> dict[str, str]:
    table = window.explore.images.jury.table
    return {table.row_keys()[row]: table.item(row, 1).text() for row in range(table.rowCount())}


def expect(window: MainWindow, made: np.ndarray) -> dict[str, str]:
    """What the made-up engine answers: letters of the network's name x mean change of a pixel."""
    probe = window.session.state.probe
    assert probe is not None
    change = float(np.abs(made - probe.clean_pixels).mean())
    titles = {spec.id: spec for spec in window.session.catalogue.networks}
    return {
        f"{'◆' if spec.robust else '◇'} {spec.title}": f"+{len(name) * change:.2f}" if name != "alexnet" else "–"
        for name, spec in titles.items()
    }


def test_the_jury_tells_every_network_and_follows_the_picture(window: MainWindow, qtbot: QtBot) -> None:
    cast(FakeEngine, window.session.engine).refusing = ("alexnet",)
    press(window, Key.Key_J)
    probe = wait(window, qtbot)
    strip = window.explore.images.jury
    qtbot.waitUntil(lambda: numbers(window) == expect(window, probe.perturbed_pixels), timeout=20_000)
    tips = [strip.table.item(row, 1).toolTip() for row in range(strip.table.rowCount())]
    assert any("The weights of alexnet are not here." in tip for tip in tips)
    window.session.state.step = place = probe.history.n_steps - 2
    step = from_uint8(probe.history.pixels[place])
    qtbot.waitUntil(lambda: numbers(window) == expect(window, step), timeout=20_000)
    window.session.state.step = None
    window.explore.drag_epsilon(0.5)
    qtbot.waitUntil(lambda: window.session.state.preview is not None, timeout=20_000)
    preview = window.session.state.preview
    assert preview is not None
    qtbot.waitUntil(lambda: numbers(window) == expect(window, probe.clean_pixels + preview.delta), timeout=20_000)
    row = next(row for row, name in enumerate(numbers(window)) if name == "◆ AlexNet, robustified")
    at = strip.table.visualItemRect(strip.table.item(row, 0)).center()
    QTest.mouseClick(strip.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    qtbot.waitUntil(lambda: window.session.state.network == "alexnet_robust", timeout=20_000)
    press(window, Key.Key_J)
    assert strip.table.isHidden()


def test_without_a_probe_the_jury_says_what_it_waits_for(window: MainWindow) -> None:
    window.session.controller.clear_target()
    assert window.session.state.probe is None
    press(window, Key.Key_J)
    strip = window.explore.images.jury
    assert set(numbers(window).values()) == {"–"}
    assert strip.legend.text() == "Run a probe first."
    assert all("Run a probe first." in strip.table.item(row, 1).toolTip() for row in range(strip.table.rowCount()))
    press(window, Key.Key_J)


def test_a_jury_that_was_stopped_says_so_and_sits_again(window: MainWindow, qtbot: QtBot) -> None:
    cast(FakeEngine, window.session.engine).refusing = ("alexnet",)
    probe, jury = wait(window, qtbot), window.explore._wiring._jury
    press(window, Key.Key_J)
    jury._begin()
    jury._pending = [*jury.members()]
    jury._refuse(jury._pending.pop(0), jury._shown, STOPPED)
    assert {vote.refused for _, _, vote in jury.jurors() if vote is not None} >= {STOPPED}
    assert all(vote is not None for _, _, vote in jury.jurors())
    press(window, Key.Key_J)
    press(window, Key.Key_J)
    qtbot.waitUntil(lambda: numbers(window) == expect(window, probe.perturbed_pixels), timeout=20_000)


def test_a_second_cortex_shows_another_map_or_another_encoder(window: MainWindow, qtbot: QtBot) -> None:
    probe, cortex = wait(window, qtbot), window.explore.cortex
    choose(cortex.beside_box, "map:clean")
    wait(window, qtbot)
    np.testing.assert_array_equal(twin_of(window).painter.values, probe.clean)
    other = next(one for one in cortex.beside_box.values() if one.startswith("encoder:") and "alexnet_robust" in one)
    choose(cortex.beside_box, other)
    qtbot.waitUntil(lambda: bool(window.session.state.votes), timeout=20_000)
    wait(window, qtbot)
    (key, vote), *_ = window.session.state.votes.items()
    assert other == f"encoder:{'/'.join(key)}"
    np.testing.assert_array_equal(twin_of(window).painter.values, vote.voxels_sd)
    choose(cortex.beside_box, "none")
    wait(window, qtbot)
    assert cortex.second is not None and cortex.second.isHidden()


def choose(box: ChoiceBox, value: str) -> None:
    """Choose from a list by its keys."""
    box.setFocus()
    QTest.keyClick(box, Key.Key_Home)
    for _ in range(box.values().index(value)):
        QTest.keyClick(box, Key.Key_Down)
    assert box.value() == value
