"""Every setting in one table, which the settings dialog is drawn from.

A setting with a title is offered in the dialog; one without is only remembered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from core.checks import check_choice, refusal
from core.device import DEVICES
from core.surfaces.map_names import DIVERGING, SEQUENTIAL

Value = str | bool | float | int
AT_ONCE, AT_START = "Takes effect immediately", "Takes effect after a restart"
LOOKS, COMPUTING, PROBES, WORK, NOTICES = "Appearance", "Computing", "Probes", "Your work", "Notices"
DEVICE_TITLES = {"auto": "Automatic", "cpu": "CPU", "cuda": "CUDA", "mps": "Metal"}
GROUPS = (LOOKS, COMPUTING, PROBES, WORK, NOTICES)
"""The pages of the dialog, in order."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing the program remembers.

    Parameters
    ----------
    key : str
    default : str, bool, float or int
        Its type is the setting's type.
    help : str
        One sentence on what it means.
    title, group : str
        What the dialog calls it and the page it stands on; both empty for what is only remembered.
    choices : pairs of value and text
        The only texts allowed; none for any text.
    least, most : float
        Ends of a number, both allowed.
    unit : str
        Written behind the number.
    when : str
        When a change takes effect.
    is_folder : bool
        The text is a folder, to be chosen.
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


def _remember(key: str, help_text: str) -> Setting:
    return Setting(key, "", help_text)


_OFFERED: tuple[Setting, ...] = (
    Setting(
        "theme",
        "dark",
        "Colours of the window",
        "Theme",
        LOOKS,
        (("dark", "Dark"), ("light", "Light"), ("system", "Same as system")),
    ),
    Setting(
        "diverging_map",
        DIVERGING[0][0],
        "Colours of maps centred on zero, such as shifts",
        "Diverging colour map",
        LOOKS,
        DIVERGING,
    ),
    Setting(
        "sequential_map",
        SEQUENTIAL[0][0],
        "Colours of maps from low to high, such as the noise ceiling",
        "Sequential colour map",
        LOOKS,
        SEQUENTIAL,
    ),
    Setting("reduced_motion", False, "Change views without animation", "Reduce motion", LOOKS),
    Setting(
        "device",
        "auto",
        "Where networks run; automatic takes a GPU where torch finds one",
        "Device",
        COMPUTING,
        tuple((name, DEVICE_TITLES[name]) for name in DEVICES),
        when=AT_START,
    ),
    Setting(
        "spare_cores",
        1,
        "Processor cores left for the window and other programs",
        "Cores left free",
        COMPUTING,
        least=0,
        most=64,
        when=AT_START,
    ),
    Setting("auto_probe", True, "Probe after every change, not only on request", "Probe automatically", PROBES),
    Setting(
        "gate_r",
        0.1,
        "Voxels whose encoder predicts held-out images worse than this are dimmed",
        "Dim voxels with r below",
        PROBES,
        least=-1.0,
        most=1.0,
    ),
    Setting(
        "default_norm",
        "l2",
        "Norm of the budget when the program starts",
        "Default norm",
        PROBES,
        (("l2", "L2"), ("linf", "L∞")),
        when=AT_START,
    ),
    Setting(
        "default_l2",
        3.0,
        "L2 budget when the program starts, in [0, 1] pixel units",
        "Default L2 budget",
        PROBES,
        least=0.05,
        most=30.0,
        when=AT_START,
    ),
    Setting(
        "default_linf",
        4.0,
        "L∞ budget when the program starts, in grey levels of 255",
        "Default L∞ budget",
        PROBES,
        least=0.25,
        most=32.0,
        unit="/255",
        when=AT_START,
    ),
    Setting(
        "default_steps",
        0,
        "Attack steps at each budget when the program starts; 0 are as many as it takes",
        "Default number of steps",
        PROBES,
        least=0,
        most=1000,
        when=AT_START,
    ),
    Setting(
        "export_folder",
        "",
        "Folder suggested for exports; empty for your home folder",
        "Export folder",
        WORK,
        is_folder=True,
    ),
    Setting(
        "autosave_seconds",
        1,
        "Changes are saved automatically within this time; a crash loses no more than this",
        "Autosave every",
        WORK,
        least=1,
        most=300,
        unit=" s",
    ),
    Setting(
        "offer_restore",
        True,
        "Ask at start whether to restore what a crash left open; it is always in File, Recent sessions",
        "Offer to restore after a crash",
        WORK,
        when=AT_START,
    ),
    Setting(
        "notify",
        "away",
        "Show a desktop notification when a long job ends",
        "Notify when jobs end",
        NOTICES,
        (("away", "When another window is in front"), ("always", "Always"), ("never", "Never")),
    ),
    Setting(
        "notify_seconds",
        20,
        "Shorter jobs end without a notification",
        "Long jobs take more than",
        NOTICES,
        least=1,
        most=3600,
        unit=" s",
    ),
    Setting("offer_tour", True, "Offer the tour of the window when the program starts", "Offer the tour", NOTICES),
)
_REMEMBERED: tuple[Setting, ...] = (
    _remember("subject", "Subject opened at start; empty for the first of the catalogue"),
    _remember("network", "Network opened at start; empty for the first with an encoder"),
    _remember("layer", "Feature layer opened at start; empty for the network's default"),
    _remember("image", "Image opened at start; empty for the first of the gallery"),
    _remember("image_group", "Group of images shown in the gallery; empty for the starter set"),
    _remember("camera_poses", "Saved views of the cortex, as JSON"),
    _remember("open_folder", "Folder of the last opened image"),
    _remember("session_folder", "Folder of the last saved session"),
    _remember("data_folder", "Folder in which moved data of a session were found last"),
    _remember("window_geometry", "Position and size of the window"),
    _remember("left_splitter", "Sizes: controls above the gallery"),
    _remember("main_splitter", "Sizes: left column, work area"),
    _remember("work_splitter", "Sizes: cortex and images above the responses"),
    _remember("top_splitter", "Sizes: cortex, images"),
    _remember("folded_panels", "Parts of the work space folded away"),
    _remember("shortcuts", "Keyboard shortcuts that differ from the defaults, as JSON"),
    _remember("stimulus_set", "How the newest stimulus set is delivered, as JSON"),
)

SETTINGS: tuple[Setting, ...] = (*_OFFERED, *_REMEMBERED)


@lru_cache(maxsize=1)
def _by_key() -> dict[str, Setting]:
    return {setting.key: setting for setting in SETTINGS}


def find_setting(key: str) -> Setting:
    """The setting of a key; a KeyError if the table has none."""
    return _by_key()[key]
