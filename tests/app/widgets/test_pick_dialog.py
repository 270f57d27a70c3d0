"""Choosing from a long list in place of typing names, with real keys and clicks."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from app.widgets import pick_dialog
from app.widgets.editors import TextLine
from app.widgets.pick_dialog import PickDialog, make_picker

VOXELS = [(str(number), f"voxel {number} · {'FFA' if number % 3 else 'V1'}") for number in range(300)]
LEFT = Qt.MouseButton.LeftButton


def press(dialog: PickDialog, text: str) -> None:
    QTest.mouseClick(next(one for one in dialog.findChildren(QPushButton) if one.text() == text), LEFT)


def test_what_is_found_and_ticked_takes_the_place_of_what_was_typed(qtbot: QtBot) -> None:
    line = TextLine()
    qtbot.addWidget(line)
    line.set_words(["FFA:3", "7"])
    button = make_picker(line, "Voxels", lambda: VOXELS)
    qtbot.addWidget(button)
    seen: list[tuple[str, ...]] = []

    def work() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, PickDialog)
        seen.append(dialog.list.value())
        QTest.keyClicks(dialog.list.search, "voxel 29 V1")
        press(dialog, "All")
        press(dialog, "Use these")

    QTimer.singleShot(0, work)
    with qtbot.waitSignal(line.editingFinished):
        QTest.mouseClick(button, LEFT)
    assert seen == [("FFA:3", "7")], "what was typed is ticked, known or not"
    found = [str(number) for number in range(300) if "29" in str(number) and number % 3 == 0]
    assert line.words() == ["FFA:3", "7", *found], "29 itself is of FFA"


def test_files_and_folders_of_ones_own_are_added_and_ticked(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dialog = PickDialog("Images", [("cat", "cat"), ("dog", "dog")], ["dog"], None, takes_files=True)
    qtbot.addWidget(dialog)
    dialog.show()
    files = [tmp_path / "a, b.png", tmp_path / "c.png"]
    monkeypatch.setattr(pick_dialog, "ask_files", lambda *_: files)
    monkeypatch.setattr(pick_dialog, "ask_open", lambda *_: tmp_path)
    press(dialog, "Add files…")
    press(dialog, "Add a folder…")
    assert dialog.list.value() == (str(tmp_path), *map(str, files), "dog")
    press(dialog, "None")
    assert dialog.list.value() == ()
