"""The banner: notes leave by themselves, troubles stay until they are closed or mended."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.shell.banner import APART, Banner
from app.widgets.basics import make_column


@pytest.fixture
def banner(qtbot: QtBot) -> Banner:
    made = Banner()
    qtbot.addWidget(made)
    made.leaving.setInterval(0)
    return made


def test_a_note_leaves_by_itself(qtbot: QtBot, banner: Banner) -> None:
    banner.show_text("Saved the cortex", "info")
    assert not banner.isHidden()
    qtbot.waitUntil(banner.isHidden)


@pytest.mark.parametrize("tone", ["error", "warning"])
def test_trouble_after_a_note_stays(banner: Banner, tone: str) -> None:
    banner.show_text("Saved the cortex", "info")
    banner.show_text("The disk is full", tone)
    assert not banner.leaving.isActive()
    assert not banner.isHidden()


def test_a_note_whose_text_is_marked_waits(banner: Banner) -> None:
    banner.show_text("Wrote /data/set", "info")
    banner.text.setSelection(6, 9)
    banner.leaving.timeout.emit()
    assert not banner.isHidden()
    banner.text.setSelection(0, 0)
    banner.leaving.timeout.emit()
    assert banner.isHidden()


def test_it_lies_in_the_lower_right_corner_of_its_place_and_moves_nothing(qtbot: QtBot) -> None:
    place, banner = QWidget(), Banner()
    qtbot.addWidget(place)
    below = QLabel("work", place)
    place.setLayout(make_column(below))
    banner.float_over(place)
    place.resize(600, 400)
    place.show()
    before = below.geometry()
    banner.show_text("The disk is full. " * 12, "error")
    for size in ((600, 400), (1600, 900)):
        place.resize(*size)
        box = banner.geometry()
        assert box.bottom() == place.height() - 1 and box.left() >= 0
        assert box.height() >= banner.layout().heightForWidth(box.width())
        assert 0 < place.width() - box.right() <= APART + 1
    place.resize(600, 400)
    assert below.geometry() == before


def test_a_long_text_shows_two_lines_until_it_is_unfolded(qtbot: QtBot) -> None:
    place, banner, text = QWidget(), Banner(), "The session cannot be opened, since a file is not there any more. " * 6
    qtbot.addWidget(place)
    banner.float_over(place)
    banner.leaving.setInterval(0)
    place.resize(1400, 800)
    place.show()
    two = 2 * banner.text.fontMetrics().lineSpacing()
    banner.show_text(text, "info")
    assert banner.text.height() <= two < banner.text.heightForWidth(banner.text.width())
    assert banner.text.toolTip() == text
    for words, is_whole in (("… Show all", True), ("Show less", False)):
        assert banner.more.text() == words
        QTest.mouseClick(banner.more, Qt.MouseButton.LeftButton)
        assert (banner.text.height() >= banner.text.heightForWidth(banner.text.width())) is is_whole
        assert banner.more.geometry().bottom() < banner.height() == place.height() - banner.y()
        banner.leaving.timeout.emit()
        assert banner.isHidden() is not is_whole, "nobody can read while it goes"
    banner.show_text(text[:60], "error")
    assert banner.more.isHidden() and banner.text.height() >= banner.text.heightForWidth(banner.text.width())


@pytest.mark.parametrize(("name", "words"), [("a set. of mine", "Open folder"), ("report.html", "Open report")])
def test_what_was_written_is_opened_from_its_note(
    qtbot: QtBot, banner: Banner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    path = tmp_path / name
    path.write_text("x") if name.endswith("html") else path.mkdir()
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    banner.leaving.setInterval(60_000)
    banner.show_text(f"Wrote 3 files to {path}. Further lines are repeats.", "info")
    assert banner.open.text() == words
    banner.open.click()
    assert [Path(url.toLocalFile()) for url in opened] == [path]
    banner.show_text(f"{path} cannot be written.", "error")
    assert banner.open.isHidden()
