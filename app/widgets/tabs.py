"""The tabs of the window: Explore and what is added after it, each made when it is first opened. Never computes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QTabBar, QWidget

from app.analyses.page import AnalysisPage
from app.base.services import Session
from app.look.theme import Theme
from app.widgets.basics import make_row
from app.widgets.page_stack import PageStack
from app.widgets.work_page import WorkPage
from core.networks.catalog import find_network
from core.sweeps.config import Question, SweepConfig

EXPLORE = 0


class Workspaces(QObject):
    """The tab bar and the stack; Explore is the first page and is put in once, never moved.

    Parameters
    ----------
    explore : QWidget
        The window's own work space.
    session : Session
    parent : QObject

    Signals
    -------
    collect_requested(SweepConfig)
        Put the probes behind an analysis into the tray.
    """

    collect_requested = Signal(object)

    def __init__(self, explore: QWidget, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._theme: Theme | None = None
        self._keys: list[str] = ["explore"]
        self._makers: dict[str, Callable[[], WorkPage]] = {}
        self._pages: dict[str, WorkPage] = {}
        self._holders: dict[str, QWidget] = {}
        self.tabs = QTabBar()
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(True)
        self.tabs.setElideMode(Qt.TextElideMode.ElideNone)
        self.tabs.setAccessibleName("Work spaces")
        self.stack = PageStack()
        self.stack.addWidget(explore)
        self.tabs.addTab("Explore")
        for question in Question:
            self.add(question, question.capitalize(), partial(self._make_analysis, question))
        self.tabs.currentChanged.connect(self.show_page)

    def add(self, key: str, title: str, make: Callable[[], WorkPage]) -> None:
        """Put a tab after the others; its page is made when it is first wanted."""
        self._keys.append(key)
        self._makers[key] = make
        self.tabs.addTab(title)
        self._holders[key] = QWidget()
        self.stack.addWidget(self._holders[key])

    def page(self, key: str) -> WorkPage:
        """The page of a tab, made now if it was never opened."""
        if key not in self._pages:
            page = self._makers[key]()
            if self._theme is not None:
                page.set_theme(self._theme)
            self._holders[key].setLayout(make_row(page))
            self._pages[key] = page
        return self._pages[key]

    @property
    def current(self) -> str:
        """The key of the tab in front."""
        return self._keys[self.tabs.currentIndex()]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all tabs, in their order."""
        return tuple(self._keys)

    @property
    def opened(self) -> tuple[WorkPage, ...]:
        """The pages that were made."""
        return tuple(self._pages.values())

    def open(self, key: str) -> WorkPage:
        """Bring the tab of a key to the front; returns its page."""
        page = self.page(key)
        self.tabs.setCurrentIndex(self._keys.index(key))
        return page

    @Slot(int)
    def show_page(self, index: int) -> None:
        """Bring a work space to the front."""
        if index > EXPLORE:
            self.page(self._keys[index])
        self.stack.setCurrentIndex(index)

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self._theme = theme
        for page in self._pages.values():
            page.set_theme(theme)

    def _make_analysis(self, question: Question) -> AnalysisPage:
        page = AnalysisPage(question, self._session)
        page.probe_requested.connect(self.open_probe)
        page.collect_requested.connect(self.collect_requested)
        page.follow_subject()
        return page

    @Slot(object, int, int, int)
    def open_probe(self, config: SweepConfig, encoder: int, target: int, image: int) -> None:
        """Show the probe behind a point of an analysis in Explore."""
        controller, name, aim = self._session.controller, config.encoders[encoder], config.targets[target]
        subject = self._session.state.subject
        if subject is None or subject.id != name.subject:
            controller.open_subject(name.subject)
        controller.open_encoder(name.network, name.layer)
        controller.open_image(config.images[image])
        norm = config.norms[0]
        controller.set_direction(config.directions[0])
        controller.set_attack(config.attack(norm, find_network(name.network).input_size, config.attacks[0]))
        if aim.roi:
            controller.pick_roi(aim.roi)
        else:
            controller.pick_voxel(aim.voxel)
        self.tabs.setCurrentIndex(EXPLORE)
        if not self._session.state.auto_probe:
            controller.probe()
