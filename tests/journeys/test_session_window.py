"""Journeys of sessions through the real window: change, crash, offer, restore; save, move, open; undo and redo."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QCloseEvent, QDropEvent
from PySide6.QtWidgets import QDialog, QFileDialog, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.base.services import open_services
from app.cortex.camera import CameraPose
from app.sessions.dialogs import MovedDialog, Question, RestoreDialog
from app.shell.application import make_window
from app.shell.handlers import CrashDialog
from app.shell.main_window import MainWindow
from app.widgets.desk import Loaded
from core.engine import Engine
from core.errors import BadInputError
from core.session.autosave import AutosaveState, list_autosaves, list_crashed
from core.session.files import read_session
from core.session.record import SessionRecord
from core.types import Direction
from tests.helpers.fake_engine import FakeEngine, make_catalogue
from tests.helpers.probes import make_photo

ROOT = Path(__file__).resolve().parents[2]
MakeWindow = Callable[..., MainWindow]


@pytest.fixture
def make(qtbot: QtBot, tmp_path: Path) -> Iterator[MakeWindow]:
    """Opens windows with a made-up engine and closes them in the end."""
    opened: list[MainWindow] = []

    def open_one(session_file: Path | None = None, seconds_a_step: float = 0.0) -> MainWindow:
        engine = FakeEngine(seconds_a_step)
        session = open_services(engine=cast(Engine, engine), catalogue=make_catalogue(tmp_path))
        window = make_window(session, session_file)
        opened.append(window)
        with qtbot.waitActive(window):
            window.show()
            window.activateWindow()
        qtbot.waitUntil(lambda: session.state.clean is not None, timeout=20_000)
        wait_until_idle(window, qtbot)
        return window

    yield open_one
    for window in opened:
        window.close()
        window.deleteLater()


def wait_until_idle(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle), timeout=20_000)


def wait_for_probe(window: MainWindow, qtbot: QtBot) -> None:
    state = window.session.state
    qtbot.waitUntil(lambda: state.probe is not None and isinstance(window.session.lane.state, Idle), timeout=20_000)
    window.explore.presenter.settle()


def choose_much(window: MainWindow, qtbot: QtBot) -> None:
    """Choose something other than the first of everything, and wait for the probe."""
    controller = window.session.controller
    controller.open_image("picture_2")
    controller.pick_roi("PPA")
    controller.set_direction(Direction.LOWER)
    window.explore.cortex.set_map("r")
    window.explore.controls.gate.setValue(0.25)
    window.explore.cortex.threshold.setValue(30)
    wait_for_probe(window, qtbot)
    window.explore.cortex.view.set_named_view("ventral")  # framed for the size that the panels have now


def facts(window: MainWindow) -> dict[str, object]:
    """What must be the same after a restart."""
    state = window.session.state
    assert state.target is not None and state.stimulus is not None and state.subject is not None
    return {
        "subject": state.subject.id,
        "encoder": state.encoder,
        "image": window.session.controller.image_key,
        "pixels": state.stimulus.sha256,
        "target": state.target,
        "direction": state.direction,
        "attack": state.attack,
        "map": window.explore.cortex.current_map(),
        "gate": window.explore.controls.gate.value(),
        "view": window.explore.cortex.view.named_view,
        "pose": window.explore.cortex.view.canvas.pose,
        "threshold": window.explore.cortex.threshold.value(),
    }


def picture_of(window: MainWindow) -> np.ndarray:
    """The cortex as it is drawn, without the frame of what has the keyboard, (height, width, 4) uint8."""
    window.explore.cortex.view.canvas.clearFocus()
    window.explore.presenter.settle()
    window.explore.cortex.view.canvas.settle()
    picture = window.explore.cortex.view.canvas.grab().toImage()
    return np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), picture.width(), 4).copy()


def offered(window: MainWindow, kind: type[QDialog], qtbot: QtBot) -> QDialog:
    """The dialog now open, of that kind."""
    tools = window.features.sessions
    qtbot.waitUntil(lambda: isinstance(tools.dialog, kind) and tools.dialog.isVisible(), timeout=20_000)
    assert tools.dialog is not None
    return tools.dialog


CRASHING = """
import sys
from pathlib import Path
from typing import cast
from PySide6.QtCore import QTimer
from app.look.qt_application import make_application
from app.shell.application import make_window
from app.base.services import open_services
from core.types import Direction
from tests.helpers.fake_engine import FakeEngine, make_catalogue

application = make_application()
window = make_window(open_services(engine=FakeEngine(), catalogue=make_catalogue(Path(sys.argv[1]))))
window.show()
state, controller = window.session.state, window.session.controller

def choose():
    controller.open_image("picture_2")
    controller.pick_roi("PPA")
    controller.set_direction(Direction.LOWER)
    window.explore.cortex.set_map("r")
    window.explore.controls.gate.setValue(0.25)
    window.explore.cortex.view.set_named_view("ventral")
    window.explore.cortex.threshold.setValue(30)
    window.features.sessions.keeper.saved.connect(tell)

def tell():
    if state.probe is not None and window.features.sessions.open_now().same(window.features.sessions.keeper.last):
        print(state.probe.config.target.label, flush=True)

window.opening.done.connect(lambda: QTimer.singleShot(0, choose))
application.exec()
"""


def test_after_kill_9_the_next_start_offers_and_restores_the_same_picture(
    make: MakeWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CRASHING, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ROI PPA")
        os.kill(process.pid, signal.SIGKILL)
    (left,) = list_crashed()
    assert left.session is not None and left.session.record.probe is not None
    window = make()
    before = window.session.state.target
    dialog = cast(RestoreDialog, offered(window, RestoreDialog, qtbot))
    assert before is None, "nothing is restored silently"
    assert "lower ROI PPA" in dialog.list.item(0).text()
    assert "saved today at" in dialog.list.item(0).text()
    engine = cast(FakeEngine, window.session.engine)
    probed = engine.n_asked.get("probe", 0)
    dialog.restore.click()
    wait_for_probe(window, qtbot)
    restored, picture = facts(window), picture_of(window)
    assert engine.n_asked.get("probe", 0) == probed, "the saved probe is shown, not made again"
    qtbot.waitUntil(lambda: list_crashed() == (), timeout=20_000)
    room = window.explore.cortex.view.canvas.size()  # of the panels as they were in the session
    window.close()
    again = make()
    choose_much(again, qtbot)
    again.explore.cortex.view.canvas.resize(room)
    camera = left.session.record.view.camera  # framed for the size that the panels had there
    assert camera is not None
    again.explore.cortex.view.canvas.look_from(CameraPose(camera[0], camera[1], camera[2:5], camera[5]))
    assert facts(again) == restored
    np.testing.assert_array_equal(picture_of(again), picture)


def test_a_saved_session_opens_as_it_was_and_its_title_tells_changes(
    make: MakeWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make()
    choose_much(window, qtbot)
    path = tmp_path / "out" / "mine.probescope"
    path.parent.mkdir()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path.with_suffix("")), ""))
    window.actions_table.give("save_session")
    qtbot.waitUntil(lambda: window.windowTitle() == "mine[*] – Probescope")
    assert not window.isWindowModified()
    saved = facts(window)
    window.session.controller.set_direction(Direction.RAISE)
    qtbot.waitUntil(window.isWindowModified)
    window.close()
    assert [one.state for one in list_autosaves()] == [AutosaveState.CLOSED], "what was not saved can be had back"
    again = make(path)
    wait_for_probe(again, qtbot)
    assert facts(again) == saved
    assert again.windowTitle() == "mine[*] – Probescope"


def test_the_same_session_in_two_windows_is_told(make: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    first = make()
    assert first.features.sessions._write(tmp_path / "mine.probescope", waits=True)
    with qtbot.waitSignal(first.session.problems.message) as none_yet:
        first.session.problems.message.emit("", "info")
    assert none_yet.args == ["", "info"]
    second = make()
    with qtbot.waitSignal(second.session.problems.message, timeout=20_000) as told:
        second.features.sessions.open_path(tmp_path / "mine.probescope")
    assert f"is open in another window (process {os.getpid()}" in told.args[0]
    assert second.features.sessions.path is None


def test_closing_asks_about_a_named_session_that_was_not_saved(
    make: MakeWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make()
    tools, path = window.features.sessions, tmp_path / "mine.probescope"
    assert tools._write(path, waits=True)
    assert tools.may_close(), "nothing to ask"
    window.session.controller.pick_roi("FFA")
    wait_for_probe(window, qtbot)
    answers = iter(("Cancel", "Don't save", "Save"))
    asked: list[str] = []

    def answer(dialog: Question) -> int:
        asked.append(dialog.windowTitle())
        press(dialog, next(answers))
        return 0

    monkeypatch.setattr(Question, "exec", answer)
    event = SpontaneousClose()
    window.closeEvent(event)
    assert not event.isAccepted() and window.isVisible()
    assert tools.may_close()
    assert read_session(path).record.target is None
    assert tools.may_close()
    saved = read_session(path).record
    assert saved.target == window.session.state.target
    assert saved.probe is not None and saved.probe.path.parent == tmp_path / "mine.data"
    assert len(asked) == 3
    assert not tools.is_modified()


def press(dialog: Question, answer: str) -> None:
    next(button for button in dialog.findChildren(QPushButton) if button.text() == answer).click()


class SpontaneousClose(QCloseEvent):
    """A close the user asked of the window system."""

    def spontaneous(self) -> bool:
        return True


def test_closing_lists_the_jobs_still_running(make: MakeWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    window = make()
    lane, done = window.session.lane, []

    def work(should_stop: Callable[[], bool]) -> Iterator[int]:
        while not should_stop():
            yield 0

    lane.submit("analysis", work, on_done=done.append, title="Fragility…", background=True)
    qtbot.waitUntil(lambda: not isinstance(lane.state, Idle))
    shown: list[str] = []

    def keep(dialog: Question) -> None:
        shown.extend(label.text() for label in dialog.findChildren(QLabel))

    monkeypatch.setattr(Question, "exec", keep)
    window.actions_table.give("quit")
    assert window.isVisible()
    assert "•  Fragility…" in shown
    monkeypatch.setattr(Question, "exec", lambda dialog: press(dialog, "Stop and close"))
    window.actions_table.give("quit")
    assert not window.isVisible()


def test_moved_data_are_asked_for_and_only_the_very_same_count(make: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    picture = tmp_path / "photos" / "mine.png"
    picture.parent.mkdir()
    Image.fromarray(np.roll(make_photo(), 17, axis=0)).save(picture)
    window = make()
    window.session.controller.open_image(str(picture))
    window.session.controller.pick_roi("FFA")
    wait_for_probe(window, qtbot)
    qtbot.waitUntil(lambda: window.session.controller.image_key == str(picture))
    wait_for_probe(window, qtbot)
    path = tmp_path / "mine.probescope"
    assert window.features.sessions._write(path, waits=True)
    saved = facts(window)
    window.close()
    moved = tmp_path / "elsewhere" / "deep" / "renamed.png"
    moved.parent.mkdir(parents=True)
    picture.rename(moved)
    again = make(path)
    dialog = cast(MovedDialog, offered(again, MovedDialog, qtbot))
    dialog.locate("image", tmp_path / "picture_0.png")
    assert "picture_0.png is another file than the session's mine.png" in dialog.problem.text()
    assert dialog.found == {}
    dialog.search_in(tmp_path / "elsewhere")
    assert dialog.found == {"image": moved}
    assert not dialog.problem.isVisible()
    dialog.accept()
    wait_for_probe(again, qtbot)
    assert facts(again) == saved | {"image": str(moved)}
    assert again.session.settings.text("data_folder") == str(tmp_path / "elsewhere")


def test_what_is_missing_stays_in_the_session(make: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = make()
    choose_much(window, qtbot)
    path = tmp_path / "mine.probescope"
    assert window.features.sessions._write(path, waits=True)
    window.close()
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"network": "', '"network": "gone_'), encoding="utf-8")
    again = make()
    with qtbot.waitSignal(again.session.problems.message, timeout=20_000) as told:
        again.features.sessions.open_path(path)
    assert "There is no network 'gone_" in told.args[0]
    assert "what is missing stays in the session" in told.args[0]
    before = read_session(path).record
    assert again.session.state.target == before.target, "what can be opened is"
    again.session.controller.set_direction(Direction.RAISE)
    wait_for_probe(again, qtbot)
    with qtbot.waitSignal(again.session.controller.noted):
        assert again.features.sessions.save()
    after = read_session(path).record
    assert (after.network, after.layer, after.target) == (before.network, before.layer, before.target)
    assert after.direction is Direction.RAISE


def test_undo_and_redo_go_through_targets_and_parameters_and_show_known_probes(make: MakeWindow, qtbot: QtBot) -> None:
    window = make()
    state, engine = window.session.state, cast(FakeEngine, window.session.engine)
    window.session.controller.pick_roi("FFA")
    wait_for_probe(window, qtbot)
    first, clean = state.probe, state.clean
    window.session.controller.pick_roi("PPA")
    wait_for_probe(window, qtbot)
    second = state.probe
    window.session.controller.open_image("picture_3")
    qtbot.waitUntil(lambda: state.probe is not None and state.probe.stimulus_id == "picture_3", timeout=20_000)
    wait_until_idle(window, qtbot)
    window.explore.cortex.set_map("noise_ceiling")
    qtbot.waitUntil(lambda: window.explore.undo.describe() == ("map", ""))
    window.explore.controls.gate.setValue(0.3)
    qtbot.waitUntil(lambda: window.explore.undo.describe() == ("gate", ""))
    asked = engine.n_asked["probe"]
    for _ in range(3):
        window.actions_table.give("undo")
    assert window.session.controller.image_key == "picture_0"
    assert state.probe is second, "it reappears without being made again"
    assert window.explore.cortex.current_map() == "shift"
    assert window.explore.controls.gate.value() == pytest.approx(0.1)
    window.actions_table.give("undo")
    assert state.probe is first
    assert state.clean is not None and clean is not None
    np.testing.assert_array_equal(state.clean, clean)
    assert window.explore.undo.describe() == ("target", "target")
    for _ in range(4):
        window.actions_table.give("redo")
    assert state.target is not None and state.target.label.startswith("ROI PPA")
    assert window.session.controller.image_key == "picture_3"
    assert window.explore.controls.gate.value() == pytest.approx(0.3)
    wait_until_idle(window, qtbot)
    assert engine.n_asked["probe"] == asked
    assert not window.actions_table.action("redo").isEnabled()
    assert window.actions_table.action("redo").toolTip() == "Nothing to redo"


def test_undo_by_the_keyboard(make: MakeWindow, qtbot: QtBot) -> None:
    window = make()
    window.session.controller.pick_roi("FFA")
    wait_for_probe(window, qtbot)
    qtbot.waitUntil(window.actions_table.action("undo").isEnabled)
    window.explore.cortex.view.canvas.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert window.session.state.target is None
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert window.session.state.target is not None


def test_a_new_session_forgets_the_target_and_keeps_the_old_one_within_reach(make: MakeWindow, qtbot: QtBot) -> None:
    window = make()
    choose_much(window, qtbot)
    target = window.session.state.target
    window.actions_table.give("new_session")
    assert window.session.state.target is None
    assert window.session.state.direction is Direction.RAISE
    (kept,) = [one for one in list_autosaves() if one.state is AutosaveState.CLOSED]
    window.features.sessions.menu.fill()
    (action,) = [one for one in window.features.sessions.menu.actions() if "lower ROI PPA" in one.text()]
    action.trigger()
    wait_for_probe(window, qtbot)
    assert window.session.state.target == target
    qtbot.waitUntil(lambda: kept.folder not in {one.folder for one in list_autosaves()})


def test_a_dropped_session_opens(make: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = make()
    choose_much(window, qtbot)
    path = tmp_path / "mine.probescope"
    assert window.features.sessions._write(path, waits=True)
    window.session.controller.clear_target()
    window.features.sessions.keeper.save()
    window.features.sessions._saved = None
    window.features.sessions.path = None
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    none = Qt.KeyboardModifier.NoModifier
    window.features.drops.drop(QDropEvent(QPointF(), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, none))
    wait_for_probe(window, qtbot)
    assert window.session.state.target is not None


def test_a_defect_while_a_session_is_shown_is_not_swallowed(make: MakeWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = make().features.sessions
    refused = "Recipe 1 cannot be read. Collect it again."

    def refuse(_loaded: Loaded) -> None:
        raise BadInputError(refused)

    def break_down(_loaded: Loaded) -> None:
        raise TypeError("a slip in the program")

    explore = sessions._parts[0]
    monkeypatch.setattr(explore, "restore", refuse)
    assert sessions._show(Loaded(SessionRecord())) == [refused]
    monkeypatch.setattr(explore, "restore", break_down)
    with pytest.raises(TypeError, match="a slip in the program"):
        sessions._show(Loaded(SessionRecord()))


@pytest.mark.expects_log
def test_a_defect_leaves_the_session_saved(make: MakeWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    window = make()
    window.session.controller.pick_roi("FFA")
    monkeypatch.setattr(CrashDialog, "open", lambda _dialog: None)
    window.session.problems.show(RuntimeError("a defect"))
    (mine,) = list_autosaves()
    assert mine.session is not None and mine.session.record.target == window.session.state.target
    assert str(mine.folder) == str(window.features.sessions.keeper.autosave.folder)
