"""Small makers of labels, lines and buttons whose look comes from the one style sheet."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

GRID = 4
"""All spacings are multiples of this many pixels."""


def make_label(text: str = "", role: str = "", *, wraps: bool = False) -> QLabel:
    """A label with a role the style sheet knows: heading, muted, faint, title, strong, field-error, key."""
    label = QLabel(text)
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


def make_button(text: str, kind: str = "", *, tip: str = "") -> QPushButton:
    """A push button; kinds primary, big, link, fold or plain."""
    button = QPushButton(text)
    button.setProperty("kind", kind)
    button.setToolTip(tip)
    return button


def make_tool_button(*, tip: str, name: str = "") -> QToolButton:
    """A flat icon button; its icon is set with the theme."""
    button = QToolButton()
    button.setToolTip(tip)
    button.setAccessibleName(name or tip)
    button.setAutoRaise(True)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def pad_spin_box(box: QAbstractSpinBox) -> None:
    """Keep its text off the border, as in the other fields; the style sheet's padding does not reach it."""
    box.lineEdit().setTextMargins(2 * GRID, 0, 2 * GRID, 0)


def make_line() -> QFrame:
    """A hairline between two parts."""
    line = QFrame()
    line.setProperty("role", "line")
    return line


def make_column(*items: QWidget | QLayout | int, gap: int = 2 * GRID, margin: int = 0) -> QVBoxLayout:
    """Stack widgets and layouts; an int adds that many pixels, -1 a stretch."""
    column = QVBoxLayout()
    _fill(column, items, gap=gap, margin=margin)
    return column


def make_row(*items: QWidget | QLayout | int, gap: int = 2 * GRID, margin: int = 0) -> QHBoxLayout:
    """Line up widgets and layouts; an int adds that many pixels, -1 a stretch."""
    row = QHBoxLayout()
    _fill(row, items, gap=gap, margin=margin)
    return row


def make_panel(layout: QLayout, width: int = 0) -> QWidget:
    """A part of a page with the ground of panels; of a fixed width, 0 for any."""
    panel = QWidget()
    panel.setProperty("role", "panel")
    panel.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    panel.setLayout(layout)
    if width:
        panel.setFixedWidth(width)
    return panel


def make_scroll(content: QWidget | QLayout) -> QScrollArea:
    """A frameless area that scrolls its content up and down, never sideways."""
    area = QScrollArea()
    if isinstance(content, QLayout):
        layout, content = content, QWidget()
        content.setLayout(layout)
    area.setWidget(content)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area


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


def _fill(box: QHBoxLayout | QVBoxLayout, items: tuple[QWidget | QLayout | int, ...], *, gap: int, margin: int) -> None:
    box.setSpacing(gap)
    box.setContentsMargins(margin, margin, margin, margin)
    for item in items:
        if isinstance(item, QWidget):
            box.addWidget(item)
        elif isinstance(item, QLayout):
            box.addLayout(item)
        elif item < 0:
            box.addStretch(1)
        else:
            box.addSpacing(item)
