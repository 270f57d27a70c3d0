"""Every widget of the window and of every dialog has a name and is reached by Tab, whatever the tables hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QInputDialog, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.shell.commands import COMMANDS, Situation
from app.shell.main_window import MainWindow
from tests.helpers.accessibility import list_nameless, list_unreachable
from tests.helpers.open_window import open_window

LEAVES = ("quit",)
"""Commands that end what is tested."""


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    with open_window(qtbot, tmp_path) as made:
        made.session.controller.pick_roi("FFA")
        state = made.session.state
        qtbot.waitUntil(lambda: state.probe is not None and isinstance(made.session.lane.state, Idle), timeout=20_000)
        yield made


def check(top: QWidget) -> list[str]:
    return [f"no name: {name}" for name in list_nameless(top)] + [f"no Tab: {name}" for name in list_unreachable(top)]


def test_every_tab_of_the_window_can_be_used_without_eyes_or_mouse(window: MainWindow, qtbot: QtBot) -> None:
    tabs = window.tabs.bar
    for fold in (window.explore.controls.attack.advanced, window.explore.controls.target.more):
        fold.button.setChecked(True)
    found: dict[str, list[str]] = {}
    for index in range(tabs.count()):
        tabs.setCurrentIndex(index)
        QApplication.sendPostedEvents()
        found[tabs.tabText(index)] = check(window)
    assert not any(found.values()), "\n".join(f"{tab}: {line}" for tab, lines in found.items() for line in lines)


@pytest.mark.expects_log  # some commands start work at once that the made-up engine cannot do
def test_every_dialog_of_every_command_can_be_used_so(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[str] = []
    _stand_in_for_choosers(monkeypatch)

    def look(dialog: QDialog) -> int:
        found.extend(f"{current}: {line}" for line in check(dialog))
        return int(QDialog.DialogCode.Rejected)

    monkeypatch.setattr(QDialog, "exec", look)
    n_dialogs = 0
    for command in COMMANDS:
        current = command.id
        situation = Situation(window.session.state, window.session.lane.state)
        if command.id in LEAVES or command.reason(situation):
            continue
        window.actions_table.action(command.id).trigger()
        QApplication.sendPostedEvents()
        for top in [top for top in QApplication.topLevelWidgets() if isinstance(top, QDialog) and top.isVisible()]:
            n_dialogs += 1
            found += [f"{current}: {line}" for line in check(top)]
            top.close()
        qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle), timeout=20_000)
    assert n_dialogs >= 8
    assert not found, "\n".join(found)


def _stand_in_for_choosers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's own choosers are not ours to check; nothing is chosen in them."""
    for name in ("getOpenFileName", "getSaveFileName"):
        monkeypatch.setattr(QFileDialog, name, lambda *_args, **_kwargs: ("", ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_args, **_kwargs: ([], ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_args, **_kwargs: "")
    monkeypatch.setattr(QInputDialog, "getItem", lambda *_args, **_kwargs: ("", False))
    monkeypatch.setattr(QInputDialog, "getText", lambda *_args, **_kwargs: ("", False))
    monkeypatch.setattr(QMessageBox, "question", lambda *_args, **_kwargs: QMessageBox.StandardButton.No)
