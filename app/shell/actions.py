"""Turns the table of commands into Qt actions, menus and tool buttons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtWidgets import QMenuBar, QToolButton, QWidget

from app.shell.commands import COMMANDS, MENUS, Situation, find_command
from app.widgets.basics import set_icon


class Actions(QObject):
    """One QAction a command, with its key, icon and reason; `do` does a command by its id, or says why it cannot.

    While an action is disabled its keys belong to a shortcut of their own, since Qt would swallow them.
    """

    def __init__(self, owner: QWidget, do: Callable[[str], object]) -> None:
        super().__init__(owner)
        self._actions: dict[str, QAction] = {}
        self._refusals: dict[str, QShortcut] = {}
        self._keys: dict[str, str] = {}
        for command in COMMANDS:
            action = QAction(command.title, owner)
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            action.setAutoRepeat(command.id != "cancel")  # a key held down stops one thing
            action.triggered.connect(partial(do, command.id))
            owner.addAction(action)
            if command.icon:
                set_icon(action, command.icon, "text", "faint")
            self._actions[command.id] = action
            refusal = self._refusals[command.id] = QShortcut(owner)
            refusal.setAutoRepeat(False)
            refusal.activated.connect(partial(do, command.id))

    def action(self, identity: str) -> QAction:
        """The action of a command."""
        return self._actions[identity]

    def give(self, identity: str) -> None:
        """Give a command as its menu would, if it can be given now."""
        self._actions[identity].trigger()

    def refresh(self, situation: Situation | None) -> None:
        """Enable what can be done now; the others say why not, and undo and redo what they change: "Undo target"."""
        for command in COMMANDS:
            reason = command.reason(situation)
            action = self._actions[command.id]
            action.setEnabled(not reason)
            is_said = bool(reason) and command.id != "cancel"  # Esc means much else while nothing runs
            self._refusals[command.id].setEnabled(is_said)
            action.setData(reason)
            key = self._keys.get(command.id, "")
            action.setToolTip(reason or (f"{command.help} ({key})" if key else command.help))
        for identity, change in zip(("undo", "redo"), situation.undo if situation else ("", ""), strict=True):
            title = find_command(identity).title
            self._actions[identity].setText(f"{title} {change}".rstrip())

    def set_keys(self, keys: Mapping[str, str]) -> None:
        """Give every command its first key, by id; the second one stays."""
        for command in COMMANDS:
            held = (keys.get(command.id, command.shortcut), command.also)
            pressed = [QKeySequence(key) for key in held if key]
            self._actions[command.id].setShortcuts(pressed)
            self._keys[command.id] = key_text(self._actions[command.id])
            self._refusals[command.id].setKeys(pressed)

    def fill_menus(self, bar: QMenuBar) -> None:
        """Build every menu in the table's order."""
        for name in MENUS:
            menu = bar.addMenu(name)
            menu.setToolTipsVisible(True)
            for command in (command for command in COMMANDS if command.menu == name):
                menu.addAction(self._actions[command.id])
                if command.ends_group:
                    menu.addSeparator()

    def make_tool_buttons(self) -> dict[str, QToolButton]:
        """One flat button for each command that belongs in the toolbar, by the command's id."""
        buttons = {}
        for command in (command for command in COMMANDS if command.in_toolbar):
            button = QToolButton()
            button.setDefaultAction(self._actions[command.id])
            button.setAccessibleName(command.title)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            buttons[command.id] = button
        return buttons


def key_text(action: QAction) -> str:
    """The first key of an action as people read it; empty if it has none."""
    return action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
