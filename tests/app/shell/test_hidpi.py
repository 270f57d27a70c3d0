"""The whole window on dense screens: each scale factor is fixed when a program starts, so each has its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from tests.helpers.clipped import list_clipped

PROGRAM = """
import json, sys, tempfile
from pathlib import Path
from PySide6.QtCore import QEventLoop, QTimer
from app.look.qt_application import make_application
from app.shell.application import make_window
from app.base.services import open_services
from tests.helpers.clipped import list_clipped
from tests.helpers.fake_engine import FakeEngine, make_catalogue
make_application()
session = open_services(engine=FakeEngine(), catalogue=make_catalogue(Path(tempfile.mkdtemp())))
window = make_window(session)
window.resize(int(sys.argv[1]), int(sys.argv[2]))
window.show()
def wait(milliseconds):  # QTest.qWait would keep the other threads waiting too
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()
def wait_for(fact):
    while getattr(session.state, fact) is None:
        wait(20)
wait_for("clean")
session.controller.pick_roi("FFA")
wait_for("probe")
wait(600)
found, scrolls = {}, {}
area = window.tabs.stack.parentWidget().parentWidget()
for index in range(window.tabs.bar.count()):
    window.tabs.bar.setCurrentIndex(index)
    wait(50)
    title = window.tabs.bar.tabText(index)
    scrolls[title] = area.horizontalScrollBar().maximum(), area.verticalScrollBar().maximum()
    found[title] = list_clipped(window)
window.tabs.bar.setCurrentIndex(0)
picture = window.grab()
size = [window.width(), window.height()]
ratio = window.devicePixelRatioF()
window.close()
answer = {"found": found, "ratio": ratio, "grabbed": [picture.width(), picture.height()], "size": size}
print(json.dumps(answer | {"scrolls": scrolls}))
"""


def run(factor: str, width: int, height: int) -> dict[str, object]:
    root = Path(__file__).resolve().parents[3]
    environment = os.environ | {"QT_SCALE_FACTOR": factor, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", PROGRAM, str(width), str(height)]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.mark.parametrize(("factor", "width", "height"), [("1", 1264, 700), ("1.5", 1264, 700), ("2", 960, 540)])
def test_no_text_is_cut_and_pictures_are_as_dense_as_the_screen(factor: str, width: int, height: int) -> None:
    answer = run(factor, width, height)
    assert answer["ratio"] == float(factor)
    assert answer["size"] == [width, height]
    assert answer["grabbed"] == [round(width * float(factor)), round(height * float(factor))]
    assert answer["scrolls"]["Explore"] == [0, 0], "everything fits, at scale 2 on a screen of 1920 x 1080 too"
    cut = answer["found"]
    assert isinstance(cut, dict)
    assert not any(cut.values()), json.dumps(cut, indent=1)


def test_a_text_that_is_cut_is_found(qtbot: QtBot) -> None:
    top = QWidget()
    qtbot.addWidget(top)
    cut, whole = QLabel("a rather long text", top), QLabel("short", top)
    cut.setGeometry(0, 0, 30, 20)
    whole.setGeometry(0, 30, 200, 20)
    found = list_clipped(top)
    assert len(found) == 1
    assert "a rather long text" in found[0]
