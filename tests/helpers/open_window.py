"""Opens the real window on a made-up engine, ready to use, and closes it afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.base.services import open_services
from app.shell.application import make_window
from app.shell.main_window import MainWindow
from core.engine import Engine
from tests.helpers.fake_engine import FakeEngine, make_catalogue


@contextmanager
def open_window(qtbot: QtBot, folder: Path, *, size: tuple[int, int] = (1264, 720)) -> Iterator[MainWindow]:
    """A window of that size with its clean response, in front."""
    session = open_services(engine=cast(Engine, FakeEngine()), catalogue=make_catalogue(folder))
    window = make_window(session)
    window.resize(*size)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    qtbot.waitUntil(lambda: session.state.clean is not None, timeout=20_000)
    qtbot.waitUntil(lambda: isinstance(session.lane.state, Idle), timeout=20_000)
    try:
        yield window
    finally:
        window.close()
        window.deleteLater()
