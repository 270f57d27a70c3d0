"""Every setting in one table, which the settings dialog is drawn from, kept as one small JSON file.

The folder follows PROBESCOPE_HOME, so tests and shared machines stay apart.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal

from core.checks import check_choice, refusal
from core.device import DEVICES
from core.errors import BadInputError, StorageError
from core.files import replace_file
from core.paths import data_folder
from core.surfaces.map_names import DIVERGING, OLD_NAMES, SEQUENTIAL

Value = str | bool | float | int
AT_ONCE, AT_START = "Takes effect immediately", "Takes effect after a restart"
DEVICE_TITLES = {"auto": "Automatic", "cpu": "CPU", "cuda": "CUDA", "mps": "Metal"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing the program remembers.

    Parameters
    ----------
    default : str, bool, float or int. Its type is the setting's type.
    help : One sentence on what it means.
    title, group : What the dialog calls it and the page it stands on; both empty for what is only remembered.
    choices : pairs of value and text. The only texts allowed; none for any text.
    least, most : Ends of a number, both allowed.
    unit : Written behind the number.
    when : When a change takes effect.
    is_folder : The text is a folder, to be chosen.
    """

    key: str
    default: Value
    help: str
    title: str = ""
    group: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    least: float = -math.inf
    most: float = math.inf
    unit: str = ""
    when: str = AT_ONCE
    is_folder: bool = False

    def check(self, value: object) -> None:
        """Raise BadInputError if the value is not allowed."""
        if isinstance(self.default, (bool, str)):
            if type(value) is not type(self.default):
                raise refusal(self.key, allowed=_KINDS[type(self.default)], got=value)
            if self.choices:
                check_choice(self.key, str(value), [choice for choice, _ in self.choices])
        elif not self._is_number(value):
            allowed = f"{_KINDS[type(self.default)]} in [{self.least:g}, {self.most:g}]"
            raise refusal(self.key, allowed=allowed, got=value)

    def _is_number(self, value: object) -> bool:
        kinds = (int,) if isinstance(self.default, int) else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool) and self.least <= value <= self.most


_KINDS = {bool: "true or false", str: "a text", int: "a whole number", float: "a number"}

OUTLINE_INKS = (
    ("", "As the theme"),
    ("#ffffff", "White"),
    ("#0d1013", "Black"),
    ("#ffd23f", "Yellow"),
    ("#2fc6a8", "Green"),
    ("#4c9be8", "Blue"),
    ("#e83f8c", "Magenta"),
)

TABLE = """\
[Appearance]
theme | Theme | Colours of the window
diverging_map | Diverging colour map | Colours of maps centred on zero, such as shifts
sequential_map | Sequential colour map | Colours of maps from low to high, such as the noise ceiling
reduced_motion | Reduce motion | Change views without animation
[Cortex]
frame_data | Frame the voxels | Named views and the flat map show the voxels as large as they fit, not the whole brain
fade_zero | Fade near zero | Maps centred on zero fade into the cortex near zero; the colour bar shows the fade
map_opacity | Opacity of maps | How far maps hide the folds under them
outline_width | Width of ROI outlines | Without the halo around them
outline_ink | Colour of ROI outlines | The halo around them is black or white, whichever they stand out from
[Computing]
device* | Device | Where networks run; automatic takes a GPU where torch finds one
spare_cores* | Cores left free | Processor cores left for the window and other programs
[Probes]
auto_probe | Probe automatically | Probe after every change, not only on request
jury | Network jury | Ask every fitted network what shift it predicts for the picture on screen
gate_r | Dim voxels with r below | Voxels whose encoder predicts held-out images worse than this are dimmed
default_norm* | Default norm | Norm of the budget when the program starts
default_l2* | Default L2 budget | L2 budget when the program starts, in [0, 1] pixel units
default_linf* | Default L∞ budget | L∞ budget when the program starts, in grey levels of 255
default_steps* | Default number of steps | Attack steps at each budget at the start; 0 are as many as it takes
[Your work]
export_folder | Export folder | Folder suggested for exports; empty for your home folder
autosave_seconds | Autosave every | Changes are saved automatically within this time; a crash loses no more than this
offer_restore* | Offer to restore after a crash | Ask at start whether to restore what a crash left open; it is \
    always in File, Recent sessions
[Notices]
notify | Notify when jobs end | Show a desktop notification when a long job ends
notify_seconds | Long jobs take more than | Shorter jobs end without a notification
offer_tour | Offer the tour | Offer the tour of the window when the program starts
[]
subject | | Subject opened at start; empty for the first of the catalogue
network | | Network opened at start; empty for the first with an encoder
layer | | Feature layer opened at start; empty for the network's default
image | | Image opened at start; empty for the first of the gallery
image_group | | Group of images shown in the gallery; empty for the starter set
camera_poses | | Saved views of the cortex, as JSON
open_folder | | Folder of the last opened image
session_folder | | Folder of the last saved session
data_folder | | Folder in which moved data of a session were found last
window_geometry | | Position and size of the window
panel_sizes | | Sizes of the panels of Explore in windows of each size, as JSON
folded_panels | | Parts of the work space folded away
shortcuts | | Keyboard shortcuts that differ from the defaults, as JSON
stimulus_set | | How the newest stimulus set is delivered, as JSON
"""
"""Under each page of the dialog: key | title | meaning. A star: a change needs a restart. What has no title is only
remembered, as a text."""


def _one_of(choices: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """One of a few texts, the first unless another is chosen."""
    offered = tuple(choices)
    return {"default": offered[0][0], "choices": offered}


def _number(default: float, least: float, most: float, unit: str = "") -> dict[str, Any]:
    return {"default": default, "least": least, "most": most, "unit": unit}


RULES: dict[str, dict[str, Any]] = {
    "theme": _one_of([("dark", "Dark"), ("light", "Light"), ("system", "Same as system")]),
    "diverging_map": _one_of(DIVERGING),
    "sequential_map": _one_of(SEQUENTIAL),
    "reduced_motion": {"default": False},
    "frame_data": {"default": True},
    "fade_zero": {"default": True},
    "map_opacity": _number(94, 10, 100, " %"),
    "outline_width": _number(1.7, 0.5, 8.0, " px"),
    "outline_ink": _one_of(OUTLINE_INKS),
    "device": _one_of((name, DEVICE_TITLES[name]) for name in DEVICES),
    "spare_cores": _number(1, 0, 64),
    "auto_probe": {"default": True},
    "jury": {"default": False},
    "gate_r": _number(0.1, -1.0, 1.0),
    "default_norm": _one_of([("l2", "L2"), ("linf", "L∞")]),
    "default_l2": _number(3.0, 0.05, 30.0),
    "default_linf": _number(4.0, 0.25, 32.0, "/255"),
    "default_steps": _number(0, 0, 1000),
    "export_folder": {"default": "", "is_folder": True},
    "autosave_seconds": _number(1, 1, 300, " s"),
    "offer_restore": {"default": True},
    "notify": _one_of([("away", "When another window is in front"), ("always", "Always"), ("never", "Never")]),
    "notify_seconds": _number(20, 1, 3600, " s"),
    "offer_tour": {"default": True},
}
"""What each setting of the dialog may be."""


def _read_table() -> Iterator[Setting]:
    group = ""
    for line in TABLE.splitlines():
        if line.startswith("["):
            group = line.strip("[]")
            continue
        key, title, told = (" ".join(part.split()) for part in line.split("|"))
        when, key = AT_START if key.endswith("*") else AT_ONCE, key.rstrip("*")
        yield Setting(key, help=told, title=title, group=group, when=when, **RULES.get(key, {"default": ""}))


SETTINGS: tuple[Setting, ...] = tuple(_read_table())
GROUPS = tuple(dict.fromkeys(setting.group for setting in SETTINGS if setting.group))
"""The pages of the dialog, in order."""


_BY_KEY = {setting.key: setting for setting in SETTINGS}


def find_setting(key: str) -> Setting:
    """The setting of a key; a KeyError if the table has none."""
    return _BY_KEY[key]


LOGGER = logging.getLogger(__name__)
T = TypeVar("T", str, bool, float, int)


class Settings(QObject):
    """Reads the file once, writes it whole and atomically when `save` is called; `changed` tells the key."""

    changed = Signal(str)

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()
        self._path = path or data_folder() / "settings.json"
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
