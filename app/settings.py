"""Every setting in one table, kept as one small JSON file. Never holds what belongs to a probe.

The folder follows PROBESCOPE_HOME, so tests and shared machines stay apart.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from app.paths import settings_file
from core.errors import StorageError
from core.files import replace_file

LOGGER = logging.getLogger(__name__)
T = TypeVar("T", str, bool, float, int)


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing the program remembers: its key, what it starts as, and what it means."""

    key: str
    default: str | bool | float | int
    help: str


SETTINGS: tuple[Setting, ...] = (
    Setting("theme", "dark", "Colours of the window: dark, light or system"),
    Setting("subject", "", "Subject opened at start; empty for the first of the catalogue"),
    Setting("network", "", "Network opened at start; empty for the first with an encoder"),
    Setting("layer", "", "Feature layer opened at start; empty for the network's default"),
    Setting("image", "", "Image opened at start; empty for the first of the gallery"),
    Setting("image_group", "", "Group of images shown in the gallery; empty for the starter set"),
    Setting("auto_probe", True, "Probe at once when the target or the attack changes"),
    Setting("gate_r", 0.1, "Voxels whose encoder's held-out r is below this are dimmed"),
    Setting("export_folder", "", "Folder of the last export"),
    Setting("open_folder", "", "Folder of the last opened image"),
    Setting("window_geometry", "", "Place and size of the window"),
    Setting("left_splitter", "", "Sizes: controls above the gallery"),
    Setting("main_splitter", "", "Sizes: left column, work area"),
    Setting("work_splitter", "", "Sizes: cortex and images above the responses"),
    Setting("top_splitter", "", "Sizes: cortex, images"),
)


class Settings:
    """Reads the file once, writes it whole and atomically when `save` is called."""

    def __init__(self, path: Path | None = None) -> None:
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

    def set(self, key: str, value: str | bool | float | int) -> None:
        """Remember a value until `save`; a KeyError if the table has no such key."""
        if key not in self._defaults:
            raise KeyError(key)
        self._values[key] = value

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
        return {key: value for key, value in known.items() if key in self._defaults}
