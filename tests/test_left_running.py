"""The check after every test knows each QThread that still runs, of whatever class and however it was started."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

CONFTEST = Path(__file__).with_name("conftest.py")


class Own(QThread):
    def run(self) -> None:
        self.exec()


@pytest.mark.parametrize("kind", [QThread, Own])
@pytest.mark.parametrize("priority", [(), (QThread.Priority.LowPriority,)])
def test_a_running_qthread_is_found_until_it_ends(
    qtbot: QtBot, request: pytest.FixtureRequest, kind: type[QThread], priority: tuple[QThread.Priority, ...]
) -> None:
    conftest = request.config.pluginmanager.get_plugin(str(CONFTEST))
    thread = kind()
    thread.start(*priority)
    (found,) = conftest._running_qthreads()
    assert found == repr(thread)
    qtbot.waitUntil(lambda: thread.eventDispatcher() is not None)  # before that it would not hear of its end
    thread.quit()
    assert thread.wait(30_000)
    assert conftest._running_qthreads() == []
