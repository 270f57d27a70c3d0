"""One panel over its whole work space and back: what stands beside it is hidden, not moved, so that all state stays."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QCursor, QKeyEvent
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QSplitter, QSplitterHandle, QToolButton, QWidget

from app.widgets.basics import list_way, make_tool_button
from app.widgets.tabs import PageStack

MARK = "full panel"
"""The property of a widget that may fill its work space: what it is called."""
TIP = "This panel alone, or all panels again (Ctrl+Space)"


class FullPanel(QObject):
    """Made while a panel fills its page, which it belongs to; Escape takes it away."""

    def __init__(self, panel: QWidget, page: QWidget) -> None:
        super().__init__(page)
        self.panel, self._page = panel, page
        self._hidden: list[QWidget] = []
        self._sizes: list[tuple[QSplitter, list[int]]] = []
        for here, above in pairwise(list_way(panel, page)):
            if isinstance(above, QSplitter):
                self._sizes.append((above, above.sizes()))
            if not isinstance(above, QAbstractScrollArea):
                others = above.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
                self._hidden += [one for one in others if one is not here and _is_shown(one)]
        for one in self._hidden:
            one.hide()
        page.window().installEventFilter(self)

    def leave(self) -> None:
        """Show again what was hidden, with the sizes it had."""
        self.setParent(None)
        for one in self._hidden:
            one.show()
        QTimer.singleShot(0, self._page, self._give_back)  # a splitter counts a child from its next turn on

    def _give_back(self) -> None:
        for splitter, sizes in reversed(self._sizes):  # outer ones first
            splitter.setSizes(sizes)
        self.deleteLater()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Escape goes back before it cancels anything."""
        if not isinstance(event, QKeyEvent) or event.key() != Qt.Key.Key_Escape or not self._page.isVisible():
            return False
        event.accept()  # the question whether it is a shortcut, too
        if event.type() == QEvent.Type.KeyPress:
            self.leave()
        return True


def make_full_button(panel: QWidget, name: str) -> QToolButton:
    """A button that lets a panel fill its work space, and goes back."""
    panel.setProperty(MARK, name)
    return make_tool_button(partial(toggle_full, panel), tip=TIP, name=f"{name} alone", icon="expand")


def fills(panel: QWidget) -> bool:
    """Whether a panel fills its page now."""
    return any(full.panel is panel for full in panel.window().findChildren(FullPanel))


def leave_full(page: QWidget) -> bool:
    """Show all panels of a page again; whether one filled it."""
    full = page.findChild(FullPanel)
    if full is not None:
        full.leave()
    return full is not None


def toggle_full(panel: QWidget, *_clicked: bool) -> None:
    """Let a panel fill its page, or go back; of a page, the panel under the pointer, with the focus, or the largest."""
    page = next((one for one in list_way(panel) if isinstance(one.parentWidget(), PageStack)), panel)
    if not leave_full(page):
        FullPanel(panel if panel is not page else _find_panel(page), page)


def _find_panel(page: QWidget) -> QWidget:
    panels = [one for one in page.findChildren(QWidget) if one.property(MARK) and one.isVisible()]
    for meant in (QApplication.widgetAt(QCursor.pos()), QApplication.focusWidget()):
        for here in list_way(meant, page):
            if here in panels:
                return here
    return max(panels, key=lambda one: one.width() * one.height(), default=page)


def _is_shown(one: QWidget) -> bool:
    return not (one.isHidden() or one.isWindow() or isinstance(one, QSplitterHandle))
