"""The banner: notes leave by themselves, troubles stay until they are closed or mended."""

import pytest
from pytestqt.qtbot import QtBot

from app.shell.banner import Banner


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
