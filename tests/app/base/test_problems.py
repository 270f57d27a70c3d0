from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from app.base.problems import Problems, describe_circumstances, hide_private, make_report
from app.base.settings import Settings
from app.shell.handlers import CrashDialog
from core.errors import BadInputError, Cancelled
from tests.helpers.open_window import open_window


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path))


def test_a_probe_error_shows_its_own_words(qtbot: QtBot) -> None:
    problems = Problems()
    with qtbot.waitSignal(problems.message) as told, qtbot.assertNotEmitted(problems.crashed):
        problems.show(BadInputError("`voxel` must be below 9, got 12."))
    assert told.args == ["`voxel` must be below 9, got 12.", "error"]


def test_a_cancel_is_silent(qtbot: QtBot) -> None:
    problems = Problems()
    with qtbot.assertNotEmitted(problems.message), qtbot.assertNotEmitted(problems.crashed):
        problems.show(Cancelled())


@pytest.mark.expects_log
def test_a_defect_is_written_down_and_reported(qtbot: QtBot, tmp_path: Path) -> None:
    problems = Problems()
    with qtbot.waitSignal(problems.crashed) as told:
        try:
            raise ZeroDivisionError("seven")
        except ZeroDivisionError as error:
            problems.show(error)
    report, path = told.args
    assert "ZeroDivisionError: seven" in report
    assert Path(path).read_text(encoding="utf-8") == report
    assert tmp_path in Path(path).parents


def test_a_report_names_the_versions() -> None:
    report = make_report("Traceback …")
    assert "Python 3." in report
    assert "numpy 2." in report
    assert report.rstrip().endswith("Traceback …")


def test_a_report_tells_device_settings_and_the_last_log_lines(qtbot: QtBot, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "s.json")
    settings.set("theme", "light")
    settings.set("export_folder", str(tmp_path / "secret study"))
    lines = tuple(f"12:00:00  INFO  line {number}" for number in range(100))
    report = make_report("Traceback …", describe_circumstances("cuda", lines, settings))
    assert "device: cuda" in report
    assert "theme = 'light'" in report
    assert "secret study" not in report
    assert "line 99" in report and "line 40" in report and "line 39" not in report


def test_folders_and_name_of_the_user_are_left_out() -> None:
    text = 'File "/home/ada/work/x.py", "/data/ada/fmri" /home/adam/y'
    hidden = hide_private(text, [Path("/home/ada")], "ada")
    assert hidden == 'File "~/work/x.py", "/data/USER/fmri" /home/adam/y'


@pytest.mark.expects_log
def test_the_window_goes_on_and_keeps_its_state_after_a_defect(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(qtbot, tmp_path) as window:
        window.session.controller.pick_roi("FFA")
        target = window.session.state.target
        window.session.problems.show(ZeroDivisionError("seven"), "Traceback of seven")
        dialog = next(top for top in QApplication.topLevelWidgets() if isinstance(top, CrashDialog))
        next(button for button in dialog.findChildren(QPushButton) if button.text() == "Copy report").click()
        copied = QGuiApplication.clipboard().text()
        assert "Traceback of seven" in copied and "defect: ZeroDivisionError: seven" in copied
        dialog.close()
        assert window.session.state.target is target
        window.actions_table.give("copy_report")
        assert "No defect" in QGuiApplication.clipboard().text()
