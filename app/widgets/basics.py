"""Small makers of labels, buttons, rows and dialogs, whose look comes from the one style sheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from PySide6.QtCore import QObject, QSize, Qt, SignalInstance
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QAction, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractButton,
    QBoxLayout,
    QDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.look.icons import load_icon
from app.look.theme import Theme, follow_theme, theme_in_use

Act = Callable[..., object] | SignalInstance
"""What a button does: a function, or a signal it passes on."""
Box = TypeVar("Box", bound=QBoxLayout)
Margin = int | tuple[int, int, int, int]
"""Pixels on all sides, or left, above, right and below."""
GRID = 4
"""All spacings are multiples of this many pixels."""


def available_size() -> QSize:
    """The part of the screen windows may cover; endless where there is no screen."""
    screen = QGuiApplication.primaryScreen()
    return QSize(10_000, 10_000) if screen is None else screen.availableGeometry().size()


def announce(widget: QWidget, text: str, *, urgent: bool = False) -> None:
    """Have a text read aloud, at once if it is urgent; nothing happens where nobody listens."""
    if not text:
        return
    event = QAccessibleAnnouncementEvent(widget, text)
    politeness = QAccessible.AnnouncementPoliteness
    event.setPoliteness(politeness.Assertive if urgent else politeness.Polite)
    QAccessible.updateAccessibility(event)


def make_label(text: str = "", role: str = "", *, wraps: bool = False, tip: str = "") -> QLabel:
    """Plain text with a role the style sheet knows: heading, muted, faint, title, strong, field-error, key."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setToolTip(tip)
    label.setProperty("role", role)
    label.setWordWrap(wraps)
    if wraps:
        label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label


def make_heading(text: str) -> QLabel:
    """The heading of a section, in small muted capitals."""
    return make_label(text.upper(), "heading")


def make_badge(text: str = "", tone: str = "plain") -> QLabel:
    """A small rounded mark; tones accent, warning and plain."""
    badge = QLabel(text)
    badge.setProperty("badge", tone)
    badge.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)
    return badge


def make_button(text: str, kind: str = "", do: Act | None = None, *, tip: str = "") -> QPushButton:
    """A push button that does something when it is clicked; kinds primary, big, link, fold or plain."""
    button = QPushButton(text)
    button.setProperty("kind", kind)
    button.setToolTip(tip)
    if do is not None:
        button.clicked.connect(do)
    return button


class _Icon(QObject):
    """What a button or an action shows, drawn again in every theme."""

    def __init__(self, holder: QAbstractButton | QAction) -> None:
        super().__init__(holder)
        self._holder = holder
        self.look = ("", "", "")
        follow_theme(self.set_theme)

    def set_theme(self, theme: Theme) -> None:
        """Draw the icon in the theme's colours."""
        name, ink, disabled = self.look
        if name:
            self._holder.setIcon(load_icon(name, getattr(theme, ink), getattr(theme, disabled, "")))


def set_icon(holder: QAbstractButton | QAction, name: str, ink: str = "muted", disabled: str = "") -> None:
    """Give a button or an action an icon in a colour of the theme, and a second one for when it cannot be used."""
    icon = holder.findChild(_Icon) or _Icon(holder)
    if icon.look != (name, ink, disabled):
        icon.look = (name, ink, disabled)
        icon.set_theme(theme_in_use())


def make_tool_button(do: Act | None = None, *, tip: str, name: str = "", icon: str = "") -> QToolButton:
    """A flat button that does something when it is clicked, with an icon or none."""
    button = QToolButton()
    if icon:
        set_icon(button, icon)
    if do is not None:
        button.clicked.connect(do)
    button.setToolTip(tip)
    button.setAccessibleName(name or tip)
    button.setAutoRaise(True)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def make_line() -> QFrame:
    """A hairline between two parts."""
    line = QFrame()
    line.setProperty("role", "line")
    return line


def make_column(
    *items: QWidget | QLayout | int,
    gap: int = 2 * GRID,
    margin: Margin = 0,
    stretch: int | None = None,
    shares: Sequence[int] = (),
) -> QVBoxLayout:
    """Stack widgets and layouts; an int adds that many pixels, -1 a stretch.

    Item `stretch` takes the room left, or each the share of it that stands at its place in `shares`.
    """
    return _fill(QVBoxLayout(), items, gap, margin, _shares_of(stretch, shares))


def make_row(
    *items: QWidget | QLayout | int,
    gap: int = 2 * GRID,
    margin: Margin = 0,
    stretch: int | None = None,
    shares: Sequence[int] = (),
) -> QHBoxLayout:
    """Line up widgets and layouts, as `make_column` stacks them."""
    return _fill(QHBoxLayout(), items, gap, margin, _shares_of(stretch, shares))


def make_split(*parts: QWidget, shares: Sequence[int], upright: bool = False) -> QSplitter:
    """Parts side by side, or under each other, with lines to drag; each takes its share of the room."""
    split = QSplitter(Qt.Orientation.Vertical if upright else Qt.Orientation.Horizontal)
    split.setChildrenCollapsible(False)
    for number, part in enumerate(parts):
        split.addWidget(part)
        split.setStretchFactor(number, shares[number])
    split.setSizes([1000 * share for share in shares])  # above what the least widths would make of it
    return split


def make_panel(layout: QLayout, width: int = 0) -> QWidget:
    """A part of the window in the colour of a panel; of a fixed width, 0 for any."""
    panel = QWidget()
    panel.setProperty("role", "panel")
    panel.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    panel.setLayout(layout)
    if width:
        panel.setFixedWidth(width)
    return panel


def make_scroll(content: QWidget | QLayout, *, sideways: bool = False) -> QScrollArea:
    """A frameless area that scrolls its content up and down, and sideways only if it may; Tab scrolls to its place."""
    area = QScrollArea()
    if isinstance(content, QLayout):
        layout, content = content, QWidget()
        content.setLayout(layout)
    area.setWidget(content)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    if not sideways:
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area


def fill_dialog(
    dialog: QDialog,
    title: str,
    *items: QWidget | QLayout | int,
    gap: int = 12,
    margin: int = 24,
    stretch: int | None = None,
    width: int = 0,
) -> None:
    """Name a dialog and stack its parts, as `make_column` does; it is at least `width` pixels wide."""
    dialog.setWindowTitle(title)
    dialog.setMinimumWidth(width)
    dialog.setLayout(make_column(*items, gap=gap, margin=margin, stretch=stretch))


def align(*forms: QFormLayout) -> None:
    """Let the fields of forms under each other begin at one place."""
    ask = QFormLayout.ItemRole.LabelRole
    items = [form.itemAt(row, ask) for form in forms for row in range(form.rowCount())]
    labels = [label for item in items if item and (label := item.widget())]
    for label in labels:
        label.setMinimumWidth(max(one.sizeHint().width() for one in labels))


def allow(widget: QWidget | QAction, reason: str, tip: str = "") -> None:
    """Let something be used, or say in its tooltip why it cannot be."""
    widget.setEnabled(not reason)
    widget.setToolTip(reason or tip)


def bring(window: QWidget) -> None:
    """Show a window in front."""
    window.show()
    window.raise_()


def list_way(widget: QWidget | None, page: QWidget | None = None) -> list[QWidget]:
    """A widget and those it stands in, up to its page or the window."""
    way = []
    while widget is not None:
        way.append(widget)
        widget = None if widget is page else widget.parentWidget()
    return way


def set_look(widget: QWidget, name: str, value: str) -> None:
    """Change a property the style sheet selects by, and draw the widget anew."""
    if widget.property(name) == value:
        return
    widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def show_text(label: QLabel, text: str) -> None:
    """Show a text; an empty label takes no room."""
    label.setText(text)
    label.setVisible(bool(text))


def _shares_of(stretch: int | None, shares: Sequence[int]) -> Sequence[int]:
    return shares if stretch is None else [0] * stretch + [1]


def _fill(box: Box, items: tuple[QWidget | QLayout | int, ...], gap: int, margin: Margin, shares: Sequence[int]) -> Box:
    box.setSpacing(gap)
    box.setContentsMargins(*((margin,) * 4 if isinstance(margin, int) else margin))
    for item in items:
        if isinstance(item, QWidget):
            box.addWidget(item)
        elif isinstance(item, QLayout):
            box.addLayout(item)
        elif item < 0:
            box.addStretch(1)
        else:
            box.addSpacing(item)
    for number, share in enumerate(shares):
        if share:
            box.setStretch(number, share)
    return box
