"""The main window: a frame that is painted at once, filled behind its first paint. Closes in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent
from PySide6.QtWidgets import QMainWindow, QMenuBar, QWidget

from app.base.settings import Settings
from app.explore.places import KEY, Places, decode, encode
from app.look.icons import application_icon
from app.shell.actions import Actions
from app.shell.banner import Banner, StatusLine
from app.shell.opening import Opening, read_program
from app.shell.shortcuts import read_keys
from app.widgets.basics import available_size, make_column, make_row, make_scroll
from app.widgets.tabs import Tabs

if TYPE_CHECKING:
    from app.base.services import Services
    from app.explore.explore import Explore
    from app.shell.features import Features

FIRST_SIZE = QSize(1600, 1000)
LEAST_SIZE = QSize(760, 440)
"""Half a small dense screen; what does not fit is folded away or scrolls."""

TABS = ("fragility", "discriminability", "transfer", "meaning", "disagreement", "images", "stimuli", "measured")
"""Behind Explore, in the order in which the features add them."""


class MainWindow(QMainWindow):
    """The frame of everything the user sees; what it holds is made behind the first paint, or when it is asked for.

    `opening` tells when all of it is there.
    """

    def __init__(self, settings: Settings, open_services: Callable[[], Services]) -> None:
        super().__init__()
        self._settings, self._open_services = settings, open_services
        self._has_started = False
        self.session_file: Path | None = None
        self.opening = Opening(self, self._fill())
        self.banner, self.status, self.tabs = Banner(), StatusLine(), Tabs(self)
        self.places = Places(settings, read_program)
        self.actions_table = Actions(self, self._do)
        self.tool_buttons = self.actions_table.make_tool_buttons()
        self._lay_out()
        self.actions_table.set_keys(read_keys(settings))
        self.actions_table.refresh(None)
        self.tabs.wanted.connect(lambda: self.features)

    @cached_property
    def session(self) -> Services:
        """State, lane, engine and the rest that is no widget."""
        return self._open_services()

    @cached_property
    def features(self) -> Features:
        """What stands in the frame, made now if it is not there yet."""
        from app.shell.features import Features
        from app.widgets.desk import Desk

        services = self.session
        desk = Desk(services, self, self.tabs, services.problems.message.emit)
        made = Features(desk, self.places, self.actions_table, self.tool_buttons)
        self.banner.follow(services)
        self.status.follow(services)
        made.explore.subject_chosen.connect(self.banner.clear)
        made.explore.said.connect(self.status.hover.setText)
        self.tabs.changed.connect(made.sessions.keeper.mark)
        return made

    @property
    def explore(self) -> Explore:
        """The work space of one probe."""
        return self.features.explore

    def start(self) -> None:
        """Open what was open last or the session asked for, and load the engine."""
        self._has_started = True
        self.explore.start()
        self.features.sessions.begin(self.session_file)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Something is dragged over the window before there is who sees to it."""
        self.features.drops.enter(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Vanish at once, then stop the lane, then what draws the cortex: a live thread would abort the exit."""
        if self._has_started and event.spontaneous() and not self.features.sessions.may_close():
            event.ignore()
            return
        self._settings.set("window_geometry", encode(self.saveGeometry()))
        self.hide()
        self.opening.wait()
        if self._has_started:  # else nothing was opened that could be kept
            self.explore.keep()
            self.features.sessions.finish()
        self.session.close()
        if "features" in vars(self):  # made now they would open another lane
            self.features.figures.close()
        self.places.close()
        super().closeEvent(event)

    def _fill(self) -> Iterator[object]:
        """Make what stands in the frame, a part a step."""
        yield from self.places.steps
        yield self.session
        yield self.features

    def _do(self, command: str, *_checked: object) -> None:
        """Do a command, or say why it cannot be given, once the features are there."""
        commands, action = self.features.commands, self.actions_table.action(command)
        if action.isEnabled():
            commands[command]()
        else:
            self.session.problems.message.emit(f"{action.text().removesuffix('…')}: {action.data()}.", "info")

    def _lay_out(self) -> None:
        self.setWindowTitle("Probescope")
        self.setWindowIcon(application_icon())
        self.setMinimumSize(LEAST_SIZE)
        self.setAcceptDrops(True)
        self.resize(FIRST_SIZE.boundedTo(available_size()))
        self.tabs.put(KEY, self.places.whole)
        for key in TABS:
            self.tabs.add(key)
        centre, bar, menus = QWidget(), QWidget(), QMenuBar()
        centre.setObjectName("window")
        scroll = make_scroll(self.tabs.stack, sideways=True)
        scroll.setAccessibleName("Workspace")
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        centre.setLayout(make_column(scroll, gap=0, margin=(0, 6, 0, 0)))
        self.banner.float_over(self)
        self.setCentralWidget(centre)
        self.setStatusBar(self.status)
        bar.setObjectName("topBar")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        menus.setNativeMenuBar(False)
        self.actions_table.fill_menus(menus)
        buttons = self.tool_buttons.values()
        bar.setLayout(make_row(menus, self.tabs.bar, -1, *buttons, gap=2, margin=(6, 3, 6, 3)))
        self.setMenuWidget(bar)
        self.restoreGeometry(decode(self._settings.text("window_geometry")))
