from __future__ import annotations

import pytest
from PySide6.QtGui import QKeySequence
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle, Running
from app.base.settings import Settings
from app.base.state import AppState
from app.look.icons import icon_file
from app.shell.commands import COMMANDS, MENUS, Situation, find_command
from app.shell.shortcuts import read_keys
from app.shell.shortcuts_sheet import ShortcutsSheet


def test_ids_and_keys_are_unique(qtbot: QtBot) -> None:
    ids = [command.id for command in COMMANDS]
    held = [key for command in COMMANDS for key in (command.shortcut, command.also) if key]
    keys = [QKeySequence(key).toString() for key in held]
    assert len(set(ids)) == len(ids)
    assert len(set(keys)) == len(keys)
    assert all(keys)


def test_every_command_has_a_menu_a_help_and_its_icon() -> None:
    for command in COMMANDS:
        assert command.menu in MENUS
        assert command.help
        assert not command.icon or icon_file(command.icon).is_file(), command.icon


@pytest.mark.parametrize(
    ("identity", "reason"), [("export", "Run a probe first"), ("cancel", "Nothing is running"), ("open_image", "")]
)
def test_reasons_in_an_empty_session(identity: str, reason: str) -> None:
    assert find_command(identity).reason(Situation(AppState(), Idle())) == reason


def test_cancel_can_be_given_while_something_runs() -> None:
    situation = Situation(AppState(), Running("probe", "…"))
    assert find_command("cancel").reason(situation) == ""


def test_the_help_sheet_lists_every_command(qtbot: QtBot) -> None:
    sheet = ShortcutsSheet(read_keys(Settings()))
    qtbot.addWidget(sheet)
    text = sheet.text.toPlainText()
    assert all(command.title.removesuffix("…") in text for command in COMMANDS)
    named = text.index("Without a key")
    assert text.index("Pick the voxel under the pointer") < text.index("Save session") < named < text.index("ROI atlas")
    assert "Ctrl+Shift+P" in text and "Page Up, Down" in text


def test_the_help_sheet_fits_a_small_screen(qtbot: QtBot) -> None:
    sheet = ShortcutsSheet(read_keys(Settings()))
    qtbot.addWidget(sheet)
    assert sheet.sizeHint().width() <= 1024
    assert sheet.width() <= 1024
