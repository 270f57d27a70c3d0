"""The help sheet: every command with its key and what it does, drawn from the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QDialog, QTextBrowser, QWidget

from app.shell.commands import COMMANDS, MENUS
from app.shell.shortcuts import write_keys
from app.widgets.basics import available_size, fill_dialog, make_label

SIZE = QSize(1000, 940)
LEFT_MENUS = ("File", "Probe")
OTHERS: dict[str, list[tuple[str, str]]] = {
    "Mouse": [
        ("Click", "Pick the voxel under the pointer and probe it"),
        ("Drag", "Turn the cortex"),
        ("Wheel", "Zoom the cortex or the images"),
        ("Drag ε", "Preview other budgets live; a full probe follows on release"),
    ],
    "On the cortex, after Tab or a click has given it the focus": [
        ("Arrows", "Turn the cortex; pan a flat map"),
        ("Shift+arrows", "Pan the cortex"),
        ("+  −  Home", "Zoom; show all. Also on images, where arrows pan"),
        ("Ctrl+arrows", "Step to the next voxel in that direction"),
        ("Page Up, Down", "Step to the next ROI"),
        ("Enter", "Make the current voxel the target"),
    ],
}


class ShortcutsSheet(QDialog):
    """Two columns of keys."""

    def __init__(self, keys: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        groups = {menu: [(write_keys(one, keys), one.help) for one in COMMANDS if one.menu == menu] for menu in MENUS}
        tables = {name: _write_table(name, rows) for name, rows in (groups | OTHERS).items()}
        left = [table for name, table in tables.items() if name in LEFT_MENUS]
        right = [table for name, table in tables.items() if name not in LEFT_MENUS]
        cells = "".join(f'<td width="50%">{"".join(column)}</td>' for column in (left, right))
        self.text = QTextBrowser()
        self.text.setAccessibleName("Every command and its key")
        self.text.setHtml(f'<table width="100%" cellspacing="12"><tr>{cells}</tr></table>')
        fill_dialog(self, "Keyboard shortcuts", make_label("Keyboard and mouse", "title"), self.text, stretch=1)
        self.resize(SIZE.boundedTo(available_size()))


def _write_table(name: str, rows: Sequence[tuple[str, str]]) -> str:
    lines = (f'<tr><td width="110"><b>{escape(key)}</b></td><td>{escape(text)}</td></tr>' for key, text in rows)
    return f'<h4>{name}</h4><table cellpadding="3">{"".join(lines)}</table>'
