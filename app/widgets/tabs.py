"""The tabs of the window; a page is made when its tab is first opened."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtWidgets import QStackedWidget, QTabBar, QWidget

from app.widgets.basics import make_row


class WorkPage(QWidget):
    """A page of `Workspaces`."""

    def hasHeightForWidth(self) -> bool:
        """No: a wrapped line in it would make the height it would like the least one, and push its foot off screen."""
        return False

    def work_to_copy(self) -> object:
        """What it would run, as `core.commands.copied` takes it. Raises ProbeError where there is no such thing."""
        raise NotImplementedError


class PageStack(QStackedWidget):
    """A stack whose least size is that of the page in front: others may be larger and scroll on their own turn."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.currentChanged.connect(self.updateGeometry)

    def sizeHint(self) -> QSize:
        """As the page in front likes it."""
        page = self.currentWidget()
        return super().sizeHint() if page is None else page.sizeHint()

    def minimumSizeHint(self) -> QSize:
        """As small as the page in front may be."""
        page = self.currentWidget()
        return super().minimumSizeHint() if page is None else page.minimumSizeHint()


class Tabs(QObject):
    """The bar of tabs, by their `keys` in order, and the stack of their pages; `changed`: another one is in front."""

    changed = Signal()
    wanted = Signal()
    """A page is asked for that nobody has said how to make."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.keys: list[str] = []
        self._makers: dict[str, Callable[[QWidget], WorkPage]] = {}
        self._pages: dict[str, QWidget] = {}
        self._holders: dict[str, QWidget] = {}
        self.bar = QTabBar()
        self.bar.setDrawBase(False)
        self.bar.setExpanding(False)
        self.bar.setUsesScrollButtons(True)
        self.bar.setElideMode(Qt.TextElideMode.ElideNone)
        self.bar.setAccessibleName("Workspaces")
        self.stack = PageStack()
        self.bar.currentChanged.connect(self._show)
        self.bar.currentChanged.connect(self.bar.updateGeometry)  # the name of the tab in front is bold, so wider

    def put(self, key: str, page: QWidget) -> None:
        """Put a tab after the others with a page that was made already and is never moved."""
        self._pages[key] = page
        self._append(key, page)

    def add(self, key: str, make: Callable[[QWidget], WorkPage] | None = None) -> None:
        """Put a tab after the others; how its page is made when it is first wanted can be added later.

        `make` is given the page's parent: whatever moves to another one is styled anew with all that is in it.
        """
        if key not in self._holders:
            self._holders[key] = QWidget()
            self._append(key, self._holders[key])
        if make is not None:
            self._makers[key] = make

    def page(self, key: str) -> QWidget:
        """The page of a tab, made now if it was never opened."""
        if key not in self._pages and key not in self._makers:
            self.wanted.emit()
        if key not in self._pages:
            holder = self._holders[key]
            page = self._pages[key] = self._makers[key](holder)
            holder.setLayout(make_row(page))
        return self._pages[key]

    @property
    def current(self) -> str:
        """The key of the tab in front."""
        return self.keys[self.bar.currentIndex()]

    def open(self, key: str) -> QWidget:
        """Bring the tab of a key to the front; returns its page."""
        page = self.page(key)
        self.bar.setCurrentIndex(self.keys.index(key))
        return page

    def _append(self, key: str, widget: QWidget) -> None:
        self.keys.append(key)
        self.stack.addWidget(widget)
        self.bar.addTab(key.capitalize())

    def _show(self, index: int) -> None:
        self.page(self.keys[index])
        self.stack.setCurrentIndex(index)
        self.changed.emit()
