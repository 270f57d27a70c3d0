"""The keys of the commands: those of the table, changed by what the user chose."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from PySide6.QtGui import QKeySequence

from app.base.settings import Settings
from app.shell.commands import COMMANDS, find_command

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
    return {name: key for name, key in _pairs(content) if name in known and isinstance(key, str)}


def _pairs(content: object) -> list[tuple[str, object]]:
    return list(content.items()) if isinstance(content, Mapping) else []
