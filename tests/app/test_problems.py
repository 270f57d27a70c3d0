from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.problems import Problems, make_report
from core.errors import BadInputError, Cancelled


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
