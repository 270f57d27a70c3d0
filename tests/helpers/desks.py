"""A desk for one feature alone: real or made-up services, a plain widget as its window, tabs of its own."""

from __future__ import annotations

from typing import Any, cast

from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.base.services import Services
from app.widgets.desk import Desk, Tone
from app.widgets.tabs import Tabs


def make_desk(qtbot: QtBot, services: Services | Any, *, said: list[tuple[str, Tone]] | None = None) -> Desk:
    """A desk; what a feature says is noted in `said`."""
    window = QWidget()
    qtbot.addWidget(window)
    tabs = Tabs(window)
    qtbot.addWidget(tabs.bar)
    qtbot.addWidget(tabs.stack)
    heard = said if said is not None else []
    return Desk(cast(Services, services), window, tabs, lambda text, tone: heard.append((text, tone)))
