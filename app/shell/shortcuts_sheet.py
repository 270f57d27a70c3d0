"""The help sheet: what mouse and keys do, then every command by its name, those without a key last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QDialog, QTextBrowser, QWidget

from app.shell.commands import COMMANDS, MENUS, Command
from app.shell.shortcuts import write_keys
from app.widgets.basics import available_size, fill_dialog, make_label

SIZE = QSize(1000, 940)
GESTURES: dict[str, list[tuple[str, str]]] = {
    "Mouse": [
        ("Click", "Pick the voxel under the pointer and probe it"),
        ("Drag, Wheel", "Turn the cortex; zoom it, or the images"),
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
    """Two columns of keys; `keys` has the first key of every command by its id."""

    def __init__(self, keys: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        keyed = [one for one in COMMANDS if write_keys(one, keys)]
        menus = {menu: [(write_keys(one, keys), _name(one)) for one in keyed if one.menu == menu] for menu in MENUS}
        bare = {menu: [_name(one) for one in COMMANDS if one.menu == menu and one not in keyed] for menu in MENUS}
        rest = [(menu, " · ".join(names)) for menu, names in bare.items() if names]
        tables = (_write_table(*group) for group in (menus | {"Without a key, in the menus": rest}).items() if group[1])
        self.text = QTextBrowser()
        self.text.setAccessibleName("Every command and its key")
        self.text.setHtml(_side_by_side(_write_table(*group) for group in GESTURES.items()) + _side_by_side(tables))
        fill_dialog(self, "Keyboard shortcuts", make_label("Keyboard and mouse", "title"), self.text, stretch=1)
        self.resize(SIZE.boundedTo(available_size()))


def _name(command: Command) -> str:
    return command.title.removesuffix("…")


def _side_by_side(tables: Iterable[str]) -> str:
    """Tables in two columns of about the same number of rows, in their order."""
    left: list[str] = []
    right: list[str] = []
    every = list(tables)
    rows = [table.count("<tr>") + 2 for table in every]
    for place, table in enumerate(every):
        (left if sum(rows[: place + 1]) <= (sum(rows) + rows[place]) / 2 else right).append(table)
    cells = "".join(f'<td width="50%">{"".join(column)}</td>' for column in (left, right))
    return f'<table width="100%" cellspacing="12"><tr>{cells}</tr></table>'


def _write_table(name: str, rows: Sequence[tuple[str, str]]) -> str:
    lines = (f'<tr><td width="150"><b>{escape(key)}</b></td><td>{escape(text)}</td></tr>' for key, text in rows)
    return f'<h4>{name}</h4><table cellpadding="1">{"".join(lines)}</table>'
