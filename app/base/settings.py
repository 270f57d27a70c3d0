"""Keeps the settings of app/base/settings_table.py as one small JSON file.

The folder follows PROBESCOPE_HOME, so tests and shared machines stay apart.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal

from app.base.paths import settings_file
from app.base.settings_table import SETTINGS, Setting, Value, find_setting
from core.errors import BadInputError, StorageError
from core.files import replace_file
from core.surfaces.map_names import OLD_NAMES

__all__ = ["SETTINGS", "Setting", "Settings"]

LOGGER = logging.getLogger(__name__)
T = TypeVar("T", str, bool, float, int)


class Settings(QObject):
    """Reads the file once, writes it whole and atomically when `save` is called; `changed` tells the key."""

    changed = Signal(str)

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()
        self._path = path or settings_file()
        self._defaults = {setting.key: setting.default for setting in SETTINGS}
        self._values: dict[str, Any] = self._read()

    def text(self, key: str) -> str:
        """A text setting."""
        return self._typed(key, str)

    def flag(self, key: str) -> bool:
        """A yes-or-no setting."""
        return self._typed(key, bool)

    def number(self, key: str) -> float:
        """A numeric setting."""
        return self._typed(key, float)

    def whole(self, key: str) -> int:
        """A setting that counts something."""
        return self._typed(key, int)

    def value(self, key: str) -> Value:
        """A setting of whatever type it has."""
        kept: Value = self._values.get(key, self._defaults[key])
        return kept

    def set(self, key: str, value: Value) -> None:
        """Remember a value until `save`.

        Raises KeyError if the table has no such key, BadInputError if the table does not allow the value.
        """
        find_setting(key).check(value)
        if self._values.get(key, self._defaults[key]) == value:
            return
        self._values[key] = value
        self.changed.emit(key)

    def reset(self, key: str) -> None:
        """Go back to the default."""
        self.set(key, self._defaults[key])

    def save(self) -> None:
        """Write all settings; a folder that cannot be written is logged, never shown."""
        text = json.dumps(self._values, indent=1, sort_keys=True)
        try:
            replace_file(self._path, lambda partial: partial.write_text(text, encoding="utf-8"))
        except StorageError as error:
            LOGGER.info("settings not saved: %s", error)

    def _typed(self, key: str, kind: type[T]) -> T:
        value = self._values.get(key, self._defaults[key])
        return value if isinstance(value, kind) else kind(self._defaults[key])

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            LOGGER.info("settings not read, starting afresh: %s", error)
            return {}
        known = content if isinstance(content, dict) else {}
        for key in {"diverging_map", "sequential_map"} & known.keys():
            known[key] = OLD_NAMES.get(str(known[key]), known[key])
        return {key: value for key, value in known.items() if _is_allowed(key, value)}


def _is_allowed(key: str, value: Any) -> bool:
    """Whether a value of the file may be used; what another version wrote may not."""
    try:
        find_setting(key).check(value)
    except (KeyError, BadInputError) as error:
        LOGGER.info("setting %s left at its default: %s", key, error)
        return False
    return True
