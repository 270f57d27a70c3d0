"""Every setting in one table, which the settings dialog is drawn from. Never reads or writes a file.

A setting with a title is offered in the dialog; one without is only remembered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from core.checks import check_choice, describe_refusal
from core.device import DEVICES
from core.errors import BadInputError
from core.surfaces.map_names import DIVERGING, SEQUENTIAL

Value = str | bool | float | int
AT_ONCE, AT_START = "Takes effect at once", "Takes effect at the next start"
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
                raise BadInputError(describe_refusal(self.key, allowed=_KINDS[type(self.default)], got=value))
            if self.choices:
                check_choice(self.key, str(value), [choice for choice, _ in self.choices])
        elif not self._is_number(value):
            allowed = f"{_KINDS[type(self.default)]} in [{self.least:g}, {self.most:g}]"
            raise BadInputError(describe_refusal(self.key, allowed=allowed, got=value))

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
        (("dark", "Dark"), ("light", "Light"), ("system", "As the system")),
    ),
    Setting(
        "diverging_map",
        DIVERGING[0][0],
        "Colours of maps with a zero, such as shifts",
        "Map with a zero",
        LOOKS,
        DIVERGING,
    ),
    Setting(
        "sequential_map",
        SEQUENTIAL[0][0],
        "Colours of maps from low to high, such as the noise ceiling",
        "Map from low to high",
        LOOKS,
        SEQUENTIAL,
    ),
    Setting("reduced_motion", False, "Views change without gliding there", "Reduce motion", LOOKS),
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
        "Processor cores left to the window and other programs",
        "Cores spared",
        COMPUTING,
        least=0,
        most=64,
        when=AT_START,
    ),
    Setting(
        "auto_probe", True, "Probe at every change of target or attack, not only when asked", "Probe at once", PROBES
    ),
    Setting(
        "gate_r",
        0.1,
        "Voxels whose encoder predicts held-out images worse than this are dimmed",
        "Dim voxels, r below",
        PROBES,
        least=-1.0,
        most=1.0,
    ),
    Setting(
        "default_norm",
        "l2",
        "Norm of the budget the program starts with",
        "First norm",
        PROBES,
        (("l2", "L2"), ("linf", "L∞")),
        when=AT_START,
    ),
    Setting(
        "default_l2",
        3.0,
        "L2 budget the program starts with, pixels in [0, 1]",
        "First budget, L2",
        PROBES,
        least=0.05,
        most=30.0,
        when=AT_START,
    ),
    Setting(
        "default_linf",
        4.0,
        "L∞ budget the program starts with, in grey levels of 255",
        "First budget, L∞",
        PROBES,
        least=0.25,
        most=32.0,
        unit="/255",
        when=AT_START,
    ),
    Setting(
        "default_steps",
        10,
        "Attack steps at each budget the program starts with",
        "First number of steps",
        PROBES,
        least=1,
        most=1000,
        when=AT_START,
    ),
    Setting(
        "export_folder",
        "",
        "Where exports are offered first; empty for home",
        "Export folder",
        WORK,
        is_folder=True,
    ),
    Setting(
        "autosave_seconds",
        1,
        "What is open is saved by itself so soon after a change; a crash costs no more than this",
        "Save by itself after",
        WORK,
        least=1,
        most=300,
        unit=" s",
    ),
    Setting(
        "offer_restore",
        True,
        "Ask at the start whether to restore what a crash left; it is always in File, Recent sessions",
        "Offer to restore",
        WORK,
        when=AT_START,
    ),
    Setting(
        "notify",
        "away",
        "Tell on the desktop when long work has ended",
        "Tell when work ends",
        NOTICES,
        (("away", "When another window is in front"), ("always", "Always"), ("never", "Never")),
    ),
    Setting(
        "notify_seconds",
        20,
        "Work that ends sooner is never told of",
        "Long work takes more than",
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
    _remember("camera_poses", "Kept views of the cortex, as JSON"),
    _remember("open_folder", "Folder of the last opened image"),
    _remember("session_folder", "Folder of the last saved session"),
    _remember("data_folder", "Folder in which moved data of a session were found last"),
    _remember("window_geometry", "Place and size of the window"),
    _remember("left_splitter", "Sizes: controls above the gallery"),
    _remember("main_splitter", "Sizes: left column, work area"),
    _remember("work_splitter", "Sizes: cortex and images above the responses"),
    _remember("top_splitter", "Sizes: cortex, images"),
    _remember("folded_panels", "Parts of the work space folded away"),
    _remember("shortcuts", "Keys of commands that are not those of the table, as JSON"),
    _remember("stimulus_set", "How the newest stimulus set is delivered, as JSON"),
)

SETTINGS: tuple[Setting, ...] = (*_OFFERED, *_REMEMBERED)


@lru_cache(maxsize=1)
def _by_key() -> dict[str, Setting]:
    return {setting.key: setting for setting in SETTINGS}


def find_setting(key: str) -> Setting:
    """The setting of a key; a KeyError if the table has none."""
    return _by_key()[key]
