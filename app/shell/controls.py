"""What the controls of the work space can be set to, read from the controls themselves for the command palette."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QLineEdit, QScrollArea, QSlider, QWidget

from app.shell.palette import Jump
from app.widgets.basics import list_way
from app.widgets.captions import Fold
from app.widgets.editors import ChoiceBox
from app.widgets.segmented import Segmented


def list_controls(panels: Iterable[QWidget], come_to_front: Callable[[], object]) -> Iterator[Jump]:
    """A line for each choice of a list or row of buttons, each switch and each field, in the order of the panels.

    A field is brought into view with the keys in it, after `come_to_front`; the others are set.
    """
    told = set[str]()
    for panel in panels:
        for widget in (panel, *panel.findChildren(QWidget)):
            for jump in _jumps_of(widget, come_to_front):
                if jump.title not in told:
                    told.add(jump.title)
                    yield jump


def _jumps_of(widget: QWidget, come_to_front: Callable[[], object]) -> Iterator[Jump]:
    name, inside = widget.accessibleName(), widget.parentWidget()
    if isinstance(widget, ChoiceBox):
        for row in range(widget.count()):
            tip = str(widget.itemData(row, Qt.ItemDataRole.ToolTipRole) or "")
            usable = widget.isEnabled() and bool(widget.model().index(row, 0).flags() & Qt.ItemFlag.ItemIsEnabled)
            reason = "" if usable else tip or widget.toolTip()
            yield Jump("Option", f"{name}: {widget.itemText(row)}", tip, partial(_choose, widget, row), reason)
    elif isinstance(widget, QAbstractButton):
        if widget.isCheckable() and (name or widget.text()):
            reason, row = "" if widget.isEnabled() else widget.toolTip(), isinstance(inside, Segmented)
            group = inside.accessibleName() if row and inside is not None else ""
            title = f"{group}: {widget.text()}" if group else name or widget.text()
            yield Jump("Option", title.replace("∞", "inf"), widget.toolTip(), widget.click, reason)
    elif isinstance(widget, QAbstractSpinBox | QLineEdit | QSlider) and name:
        reason = "" if widget.isEnabled() else widget.toolTip()
        yield Jump("Field", name, widget.toolTip(), partial(_go_to, widget, come_to_front), reason)


def _choose(box: ChoiceBox, row: int) -> None:
    """Choose a row as the user does."""
    box.setCurrentIndex(row)
    box.activated.emit(row)


def _go_to(field: QWidget, come_to_front: Callable[[], object]) -> None:
    """Unfold and scroll to a field, and give it the keys."""
    come_to_front()
    for around in list_way(field):
        if isinstance(around, Fold):
            around.button.setChecked(True)
        if isinstance(around, QScrollArea):
            around.ensureWidgetVisible(field)
    field.setFocus(Qt.FocusReason.ShortcutFocusReason)
