"""The keys of the commands: those of the table, changed by what the user chose on a page of the settings."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QKeySequenceEdit, QTreeWidget, QTreeWidgetItem, QWidget

from app.base.settings import Settings
from app.shell.commands import COMMANDS, MENUS, Command, find_command
from app.widgets.basics import make_button, make_column, make_label, make_row

ID_ROLE = int(Qt.ItemDataRole.UserRole)
NATIVE = QKeySequence.SequenceFormat.NativeText
ADVICE = "Choose a command, then press its new key."
NAME_WIDTH = 260


class ShortcutPage(QWidget):
    """A tree of all commands by menu, and the field in which a key is pressed."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._rows: list[QTreeWidgetItem] = []
        self.tree = self._make_tree()
        self.field = QKeySequenceEdit()
        self.field.setMaximumSequenceLength(1)
        self.field.setAccessibleName("New key")
        self.field.setAccessibleDescription(ADVICE)
        self.clear = make_button("Remove key", do=self._remove_key, tip="Leave the command without a key")
        self.restore = make_button("Restore all", do=self._restore_all, tip="Give every command its default key")
        self.told = make_label(ADVICE, "muted", wraps=True)
        row = make_row(make_label("Key"), self.field, self.clear, -1, self.restore)
        self.setLayout(make_column(self.tree, row, self.told, margin=4, stretch=0))
        self.tree.currentItemChanged.connect(self._show_key)
        self.field.editingFinished.connect(self._take_key)
        settings.changed.connect(self._follow)
        self._follow(KEY)
        self.tree.setCurrentItem(self._rows[0])

    def _make_tree(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setHeaderLabels(["Command", "Key"])
        tree.setAccessibleName("Commands and their keys")
        tree.setColumnWidth(0, NAME_WIDTH)
        tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        for menu in MENUS:
            top = QTreeWidgetItem(tree, [menu, ""])
            top.setFlags(Qt.ItemFlag.ItemIsEnabled)
            for command in (command for command in COMMANDS if command.menu == menu):
                item = QTreeWidgetItem(top, [command.title, ""])
                item.setData(0, ID_ROLE, command.id)
                item.setToolTip(0, command.help)
                self._rows.append(item)
        tree.expandAll()
        return tree

    def _current(self) -> str:
        item = self.tree.currentItem()
        return str(item.data(0, ID_ROLE) or "") if item is not None else ""

    def _follow(self, key: str) -> None:
        if key != KEY:
            return
        keys = read_keys(self._settings)
        for item in self._rows:
            item.setText(1, write_keys(find_command(item.data(0, ID_ROLE)), keys))
        self._show_key()

    def _show_key(self) -> None:
        command = self._current()
        for part in (self.field, self.clear):
            part.setEnabled(bool(command))
        with QSignalBlocker(self.field):
            self.field.setKeySequence(QKeySequence(read_keys(self._settings).get(command, "")))

    def _take_key(self) -> None:
        command, key = self._current(), self.field.keySequence().toString(QKeySequence.SequenceFormat.PortableText)
        owner = find_owner(self._settings, key)
        if not command or not key or owner == command:
            return
        if owner:
            title = find_command(owner).title.removesuffix("…")
            self.told.setText(f"{key} belongs to “{title}”. Remove it there first, or press another key.")
            self._show_key()
            return
        change_key(self._settings, command, key)
        self.told.setText(f"{find_command(command).title.removesuffix('…')}: {key}")

    def _remove_key(self) -> None:
        if self._current():
            change_key(self._settings, self._current(), "")
            self.told.setText(ADVICE)

    def _restore_all(self) -> None:
        self._settings.reset(KEY)
        self.told.setText("Every command has its default key.")


LOGGER = logging.getLogger(__name__)
KEY = "shortcuts"
PORTABLE = QKeySequence.SequenceFormat.PortableText


def read_keys(settings: Settings) -> dict[str, str]:
    """The first key of every command by its id, "" for none. Two commands never share one: the table's gives way."""
    own = _read_own(settings)
    keys = {command.id: own.get(command.id, command.shortcut) for command in COMMANDS}
    taken = {key for key in own.values() if key}
    for command in COMMANDS:
        if command.id not in own and command.shortcut in taken:
            keys[command.id] = ""
    return keys


def write_keys(command: Command, keys: Mapping[str, str]) -> str:
    """The keys of a command as people read them: the first of `keys`, by id, and its second one."""
    return ", ".join(QKeySequence(key).toString(NATIVE) for key in (keys[command.id], command.also) if key)


def find_owner(settings: Settings, key: str) -> str:
    """The id of the command that has a key, first or second; "" if it is free."""
    wanted = plain(key)
    first = next((name for name, held in read_keys(settings).items() if wanted and plain(held) == wanted), "")
    return first or next((row.id for row in COMMANDS if wanted and plain(row.also) == wanted), "")


def change_key(settings: Settings, command: str, key: str) -> None:
    """Give a command another key, "" for none; the table's own is forgotten again."""
    own = _read_own(settings)
    own[command] = plain(key)
    if own[command] == plain(find_command(command).shortcut):
        del own[command]
    settings.set(KEY, json.dumps(own, sort_keys=True) if own else "")


def plain(key: str) -> str:
    """A key in the form it is kept in."""
    return QKeySequence(key).toString(PORTABLE)


def _read_own(settings: Settings) -> dict[str, str]:
    text = settings.text(KEY)
    try:
        content = json.loads(text) if text else {}
    except ValueError as error:
        LOGGER.info("keyboard shortcuts not read: %s", error)
        content = {}
    known = {command.id for command in COMMANDS}
    pairs = content.items() if isinstance(content, dict) else ()
    return {name: key for name, key in pairs if name in known and isinstance(key, str)}
