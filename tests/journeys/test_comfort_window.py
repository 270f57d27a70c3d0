"""Palette, settings and keys through the real window, by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from app.base.settings import SETTINGS, Settings
from app.look.theme import theme_in_use
from app.shell.commands import COMMANDS, Situation
from app.shell.main_window import MainWindow
from app.shell.palette import Palette
from core.probes.target import TargetKind
from tests.helpers.open_window import open_window


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    with open_window(qtbot, tmp_path) as made:
        yield made


def open_palette(window: MainWindow, qtbot: QtBot, text: str) -> Palette:
    """Open it by its key and type into it."""
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    palette = window.features.jumps.palette
    assert palette is not None
    qtbot.waitUntil(palette.field.hasFocus)
    qtbot.keyClicks(palette.field, text)
    return palette


def titles(palette: Palette) -> list[str]:
    return [answer.jump.title for answer in palette.list.answers]


def test_the_palette_probes_an_roi_by_keys_alone(window: MainWindow, qtbot: QtBot) -> None:
    palette = open_palette(window, qtbot, "ffa")
    assert titles(palette)[0] == "FFA"
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    target = window.session.state.target
    assert target is not None and target.kind is TargetKind.ROI and "FFA" in target.label
    assert not palette.isVisible()


@pytest.mark.parametrize(("typed", "voxel"), [("17", 17), ("voxel 3", 3)])
def test_the_palette_finds_a_voxel_by_its_number(window: MainWindow, qtbot: QtBot, typed: str, voxel: int) -> None:
    palette = open_palette(window, qtbot, typed)
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert window.session.state.target is not None
    assert window.session.state.target.voxels == (voxel,)


def test_every_command_is_in_the_palette_with_its_reason(window: MainWindow, qtbot: QtBot) -> None:
    palette = open_palette(window, qtbot, "")
    shown = {jump.title: jump for jump in palette._jumps if jump.kind == "Command"}
    situation = Situation(window.session.state, window.session.lane.state)
    assert len(shown) == len(COMMANDS)
    for command in COMMANDS:
        assert shown[command.title.removesuffix("…")].reason == command.reason(situation)
    kinds = {jump.kind for jump in palette._jumps}
    assert kinds >= {"Command", "Tab", "ROI", "Network", "Subject", "Setting", "Image"}


def test_undo_and_redo_in_the_palette_tell_the_truth(window: MainWindow, qtbot: QtBot) -> None:
    def rows() -> dict[str, str]:
        return {jump.title: jump.reason for jump in window.features.jumps.everything() if jump.kind == "Command"}

    assert (rows()["Undo"], rows()["Redo"]) == ("Nothing to undo", "Nothing to redo")
    window.session.controller.pick_roi("FFA")
    qtbot.waitUntil(lambda: rows().get("Undo target") == "")
    palette = open_palette(window, qtbot, "undo")
    assert titles(palette)[0] == "Undo target"
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert window.session.state.target is None
    assert (rows()["Undo"], rows()["Redo target"]) == ("Nothing to undo", "")


def test_what_cannot_be_done_says_why_and_stays_open(window: MainWindow, qtbot: QtBot) -> None:
    palette = open_palette(window, qtbot, "save probe")
    assert titles(palette)[0] == "Save probe"
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert palette.isVisible()
    assert palette.note.text() == "Run a probe first"
    assert "Run a probe first" in palette.field.accessibleDescription()
    qtbot.keyClick(palette.field, Qt.Key.Key_Escape)
    assert not palette.isVisible()


def test_arrows_move_round_the_ends(window: MainWindow, qtbot: QtBot) -> None:
    palette = open_palette(window, qtbot, "view")
    last = palette.list.count() - 1
    qtbot.keyClick(palette.field, Qt.Key.Key_Up)
    assert palette.list.currentRow() == last
    qtbot.keyClick(palette.field, Qt.Key.Key_Down)
    assert palette.list.currentRow() == 0


def test_the_settings_dialog_shows_the_table_and_applies_at_once(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_table.give("settings")
    dialog = window.features.preferences.dialog
    assert dialog is not None
    assert set(dialog.rows) == {setting.key for setting in SETTINGS if setting.title}
    theme = dialog.rows["theme"].editor
    assert isinstance(theme, QComboBox)
    theme.setFocus()
    qtbot.keyClick(theme, Qt.Key.Key_Down)
    assert theme_in_use().name == "light"
    qtbot.mouseClick(dialog.rows["theme"].reset, Qt.MouseButton.LeftButton)
    assert theme_in_use().name == "dark"
    assert theme.currentData() == "dark"
    dialog.close()


def test_a_setting_changed_elsewhere_is_shown_and_kept(window: MainWindow) -> None:
    window.actions_table.give("settings")
    dialog = window.features.preferences.dialog
    assert dialog is not None
    window.explore.controls.gate.setValue(0.3)
    window.explore.cortex.colormap_button.chosen.emit("PuOr_r")
    assert dialog.rows["gate_r"].editor.property("value") == 0.3
    settings = window.session.settings
    assert settings.text("diverging_map") == "PuOr_r"
    settings.save()
    assert Settings().text("diverging_map") == "PuOr_r"
    dialog.close()


def test_another_key_gives_the_command_and_the_old_one_does_not(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_table.give("settings")
    dialog = window.features.preferences.dialog
    assert dialog is not None
    page = dialog.keys
    recursive = Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchRecursive
    page.tree.setCurrentItem(*page.tree.findItems("Flicker clean and perturbed", recursive))
    page.field.setKeySequence(QKeySequence("P"))
    page.field.editingFinished.emit()
    assert "belongs to “Probe”" in page.told.text()
    page.field.setKeySequence(QKeySequence("Ctrl+J"))
    page.field.editingFinished.emit()
    assert window.actions_table.action("flicker").shortcut() == QKeySequence("Ctrl+J")
    assert "Ctrl+J" in window.actions_table.action("flicker").toolTip()
    page.restore.click()
    assert window.actions_table.action("flicker").shortcut() == QKeySequence("F")
    dialog.close()


def test_panels_fold_by_key_and_stay_folded_at_the_next_start(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    least = window.tabs.stack.minimumSizeHint().width()
    qtbot.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert window.explore.controls.isHidden() or not window.explore.controls.isVisible()
    assert window.tabs.stack.minimumSizeHint().width() < least - 200
    window.session.settings.save()
    assert Settings().text("folded_panels") == "controls"
    window.actions_table.give("reset_layout")
    assert window.explore.controls.isVisible()
    assert Settings().text("folded_panels") == "controls"  # kept with the other settings when the window closes


def test_the_pause_before_saving_follows_its_setting(window: MainWindow) -> None:
    keeper = window.features.sessions.keeper
    assert keeper._soon.interval() == 1000
    window.session.settings.set("autosave_seconds", 30)
    assert keeper._soon.interval() == 30_000
