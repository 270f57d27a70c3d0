"""The help sheet: every command with its key and what it does, drawn from the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QWidget

from app.shell.commands import COMMANDS, MENUS
from app.shell.shortcuts import write_keys
from app.widgets.basics import available_size, fill_dialog, make_column, make_heading, make_label, make_row, make_scroll

EDGE = 40
"""Pixels kept free around the sheet, and taken by its title and margins."""

KEY_WIDTH = 96
TEXT_WIDTH = 320
"""Of a column's words, which wrap: both columns fit a screen 1024 pixels wide."""

LEFT_MENUS = ("File", "Probe")
OTHERS = {
    "Mouse": (
        ("Click", "Pick the voxel under the pointer and probe it"),
        ("Drag", "Turn the cortex"),
        ("Wheel", "Zoom the cortex or the images"),
        ("Drag ε", "Preview other budgets live; a full probe follows on release"),
    ),
    "On the cortex, after Tab or a click has given it the focus": (
        ("Arrows", "Turn the cortex; pan a flat map"),
        ("Shift+arrows", "Pan the cortex"),
        ("+  −  Home", "Zoom; show all. Also on images, where arrows pan"),
        ("Ctrl+arrows", "Step to the next voxel in that direction"),
        ("Page Up, Down", "Step to the next ROI"),
        ("Enter", "Make the current voxel the target"),
    ),
}


class ShortcutsSheet(QDialog):
    """Two columns of keys."""

    def __init__(self, keys: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keys = keys
        left = [self._make_group(menu) for menu in MENUS if menu in LEFT_MENUS]
        right = [self._make_group(menu) for menu in MENUS if menu not in LEFT_MENUS]
        right += [_make_table(name, rows) for name, rows in OTHERS.items()]
        body = QWidget()
        body.setLayout(make_row(make_column(*left, -1, gap=16), make_column(*right, -1, gap=16), gap=40))
        scroll = make_scroll(body, sideways=True)
        scroll.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # nothing in it takes the focus, so the keys scroll it
        scroll.setAccessibleName("Every command and its key")
        title = make_label("Keyboard and mouse", "title")
        fill_dialog(self, "Keyboard shortcuts", title, scroll, gap=16, stretch=1)
        room = available_size() - QSize(EDGE, 2 * EDGE)
        wanted = body.sizeHint() + QSize(2 * EDGE, 3 * EDGE)
        self.resize(wanted.boundedTo(room))

    def _make_group(self, menu: str) -> QWidget:
        rows = [(write_keys(command, self._keys), command.help) for command in COMMANDS if command.menu == menu]
        return _make_table(menu, rows)


def _make_table(name: str, rows: Sequence[tuple[str, str]]) -> QWidget:
    group = QWidget()
    grid = QGridLayout(group)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(6)
    grid.addWidget(make_heading(name), 0, 0, 1, 2)
    for line, (key, text) in enumerate(rows, start=1):
        if key:
            grid.addWidget(make_label(key, "key"), line, 0, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        words = make_label(text, wraps=True)
        words.setMinimumWidth(TEXT_WIDTH)
        grid.addWidget(words, line, 1)
    grid.setColumnMinimumWidth(0, KEY_WIDTH)
    grid.setColumnStretch(1, 1)
    return group
