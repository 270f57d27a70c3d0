"""The main window: makes the features, their menus and the bar of tabs, and shuts down properly."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QShowEvent
from PySide6.QtWidgets import QMainWindow, QMenuBar, QWidget

from app.base.services import Services
from app.look.icons import application_icon
from app.shell.actions import Actions
from app.shell.banner import Banner, Notices, StatusLine
from app.shell.commands import Situation, find_command
from app.shell.drops import Drops
from app.shell.features import Features
from app.shell.handlers import Handlers
from app.shell.jumps import Jumps
from app.shell.settings_dialog import Preferences
from app.shell.shortcuts import read_keys
from app.shell.tour import Tour
from app.widgets.basics import available_size, make_column, make_row, make_scroll
from app.widgets.desk import Desk
from app.widgets.splitters import decode, encode
from app.widgets.tabs import Tabs

FIRST_SIZE = QSize(1440, 900)
LEAST_SIZE = QSize(760, 440)
"""Half a small dense screen; what does not fit is folded away or scrolls."""


class MainWindow(QMainWindow):
    """Everything the user sees of a session; `shown_once` fires after the first paint."""

    shown_once = Signal()

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.session = services
        self.session_file: Path | None = None
        self._was_shown = False
        self.banner, self.status, self.tabs = Banner(), StatusLine(services), Tabs(self)
        desk = Desk(services, self, self.tabs, services.problems.message.emit)
        self.features = Features(desk)
        self.explore = self.features.explore
        self.handlers, self.tour = Handlers(desk), Tour(desk, self.explore, lambda command: self.tool_buttons[command])
        self.preferences = Preferences(desk, set_keys=self._set_keys)
        self.jumps = Jumps(desk, self.explore, lambda: self.actions_table.jumps(), self.preferences.show_settings)
        self._parts = (*self.features, self.handlers, self.tour, self.preferences, self.jumps)
        self.actions_table = Actions(self, {name: do for part in self._parts for name, do in part.commands().items()})
        self.actions_table.action("recent_sessions").setMenu(self.features.sessions.menu)
        self.tool_buttons = self.actions_table.make_tool_buttons()
        self.drops = Drops(desk, [row for part in self._parts for row in part.drops()])
        self.notices = Notices(desk)
        self._lay_out()
        self._connect()
        self._set_keys(read_keys(services.settings))

    def refresh_commands(self) -> None:
        """Enable what can be done now."""
        situation = Situation(self.session.state, self.session.lane.state, self.explore.undo.describe())
        self.actions_table.refresh(situation)
        self.explore.set_refusal(find_command("probe").reason(situation))

    def start(self) -> None:
        """Open what was open last or the session asked for, and load the engine behind the first paint."""
        self.explore.start()
        self.features.sessions.begin(self.session_file)

    def showEvent(self, event: QShowEvent) -> None:
        """Tell once, after the first paint."""
        super().showEvent(event)
        if not self._was_shown:
            self._was_shown = True
            QTimer.singleShot(0, self.shown_once.emit)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Vanish at once, then stop the lane, then what draws the cortex: a live thread would abort the exit."""
        if event.spontaneous() and not self.features.sessions.may_close():
            event.ignore()
            return
        self.session.settings.set("window_geometry", encode(self.saveGeometry()))
        self.explore.keep()
        self.hide()
        self.features.sessions.finish()
        self.session.close()
        self.features.figures.close()
        self.explore.close()
        super().closeEvent(event)

    def _lay_out(self) -> None:
        self.setWindowTitle("Probescope")
        self.setWindowIcon(application_icon())
        self.setMinimumSize(LEAST_SIZE)
        self.resize(FIRST_SIZE.boundedTo(available_size()))
        centre, bar, menus = QWidget(), QWidget(), QMenuBar()
        centre.setObjectName("window")
        scroll = make_scroll(self.tabs.stack, sideways=True)
        scroll.setAccessibleName("Workspace")
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        centre.setLayout(make_column(self.banner, scroll, gap=0, margin=(0, 6, 0, 0), stretch=1))
        self.setCentralWidget(centre)
        self.setStatusBar(self.status)
        bar.setObjectName("topBar")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        menus.setNativeMenuBar(False)
        self.actions_table.fill_menus(menus)
        buttons = self.tool_buttons.values()
        bar.setLayout(make_row(menus, 12, self.tabs.bar, -1, *buttons, gap=4, margin=(10, 3, 10, 3)))
        self.setMenuWidget(bar)
        self.explore.set_collecting(self.actions_table.action("add_to_tray"))
        kept = self.session.settings.text("window_geometry")
        if kept:
            self.restoreGeometry(decode(kept))

    def _connect(self) -> None:
        session, state = self.session, self.session.state
        for fact in ("subject", "card", "stimulus", "target", "probe"):
            getattr(state, f"{fact}_changed").connect(self.refresh_commands)
        session.lane.state_changed.connect(self.refresh_commands)
        self.explore.undo.chosen.connect(self.refresh_commands)
        self.banner.follow(session)
        self.explore.subject_chosen.connect(self.banner.clear)
        self.explore.said.connect(self.status.hover.setText)
        self.tabs.changed.connect(self.features.sessions.keeper.mark)

    def _set_keys(self, keys: Mapping[str, str]) -> None:
        self.actions_table.set_keys(keys)
        self.refresh_commands()
