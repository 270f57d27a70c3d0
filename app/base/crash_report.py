"""Writes the text of a defect's report: versions, device, settings, last log lines, traceback. Never sends it.

Folders of the user are shortened to "~", and what only says where the user works (folders, window places) is left out.
"""

from __future__ import annotations

import getpass
import os
import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication

from app.base.settings import Settings
from app.base.settings_table import SETTINGS

REPORTED_PACKAGES = ("probescope", "torch", "torchvision", "timm", "numpy", "PySide6-Essentials", "pyvista", "vtk")
MOST_LOG_LINES = 60
OFFERED_SETTINGS = tuple(setting for setting in SETTINGS if setting.title and not setting.is_folder)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a report says about the running program beside the defect itself.

    Parameters
    ----------
    device : str
        The engine's device; empty before it is loaded.
    log : lines
        The program's own log, oldest first.
    settings : lines
        Settings that differ from their defaults.
    """

    device: str = ""
    log: Sequence[str] = field(default_factory=tuple)
    settings: Sequence[str] = field(default_factory=tuple)


def make_report(trace: str, found: Circumstances | None = None) -> str:
    """The whole report as text, without the user's own folders and name."""
    circumstances = Circumstances() if found is None else found
    when = datetime.now(UTC).isoformat(timespec="seconds")
    lines = [f"Probescope report, {when}", f"{platform.platform()}, Python {platform.python_version()}"]
    lines += [f"{package} {_version(package)}" for package in REPORTED_PACKAGES]
    lines += [f"Qt {qVersion()}, {_describe_screen()}, {os.cpu_count()} cores"]
    lines += [f"device: {circumstances.device or 'engine not loaded'}"]
    lines += ["", "Settings that are not the default:", *(circumstances.settings or ["none"])]
    lines += ["", "Last log lines:", *(list(circumstances.log)[-MOST_LOG_LINES:] or ["none"])]
    return hide_private("\n".join([*lines, "", trace.rstrip(), ""]))


def describe_settings(settings: Settings) -> list[str]:
    """The available settings that differ from their defaults, folders left out."""
    changed = [row for row in OFFERED_SETTINGS if settings.value(row.key) != row.default]
    return [f"{row.key} = {settings.value(row.key)!r}" for row in changed]


def hide_private(text: str, homes: Iterable[Path] = (), user: str = "") -> str:
    """The text with home folders as "~" and the user's name in other paths as "USER"."""
    for home in (*homes, Path.home()):
        if len(home.parts) > 1:
            text = re.sub(re.escape(str(home)) + r"(?=[\\/\s\"':]|$)", "~", text)
    name = user or _user()
    return re.sub(rf"(?<=[\\/]){re.escape(name)}(?=[\\/])", "USER", text) if name else text


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


def _describe_screen() -> str:
    screen = QGuiApplication.primaryScreen() if QGuiApplication.instance() is not None else None
    if screen is None:
        return "no screen"
    size = screen.size()
    return f"screen {size.width()} x {size.height()} at {screen.devicePixelRatio():g}"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
