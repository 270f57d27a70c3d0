"""A progress bar that waits for the window's next frame."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QPalette
from pytestqt.qtbot import QtBot

from app.widgets.job_line import ProgressLine


@pytest.mark.parametrize(("given", "shown"), [(0.25, 0.25), (-1.0, 0.0), (3.0, 1.0)])
def test_a_share_is_kept_within_the_bar(qtbot: QtBot, given: float, shown: float) -> None:
    line = ProgressLine()
    qtbot.addWidget(line)
    line.set_share(given)
    assert line.share == shown


def test_the_done_part_has_the_highlight_colour(qtbot: QtBot) -> None:
    line = ProgressLine()
    qtbot.addWidget(line)
    line.resize(200, line.height())
    line.set_share(0.5)
    picture = line.grab().toImage()
    row = picture.height() // 2
    done, groove = (line.palette().color(role) for role in (QPalette.ColorRole.Highlight, QPalette.ColorRole.Mid))
    assert picture.pixelColor(picture.width() // 4, row).rgb() == done.rgb()
    assert picture.pixelColor(3 * picture.width() // 4, row).rgb() == groove.rgb()
