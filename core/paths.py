"""Where the program's own files lie: resources, the user's data, the cache. Never creates a folder by itself."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import platformdirs

APP_NAME = "probescope"
HOME_VARIABLE = "PROBESCOPE_HOME"
"""If set, everything the program writes by itself goes under this folder (tests, shared machines)."""
OFFLINE_VARIABLES = ("PROBESCOPE_OFFLINE", "HF_HUB_OFFLINE")
"""Either of them, set, forbids downloads."""


def is_offline() -> bool:
    """Whether the user forbids downloads."""
    return any(os.environ.get(name, "").lower() not in {"", "0", "false", "no", "off"} for name in OFFLINE_VARIABLES)


@cache
def resources_folder() -> Path:
    """The shipped, read-only resources."""
    return Path(__file__).resolve().parent.parent / "resources"


def docs_folder() -> Path:
    """The pages of the documentation, in Markdown."""
    return Path(__file__).resolve().parent.parent / "docs"


def demo_folder() -> Path:
    """The embedded networks, photographs, subjects and encoders."""
    return resources_folder() / "demo"


def data_folder() -> Path:
    """The user's own encoders and settings."""
    home = os.environ.get(HOME_VARIABLE)
    return Path(home) / "data" if home else Path(platformdirs.user_data_dir(APP_NAME, appauthor=False))


def cache_folder() -> Path:
    """Features and downloads that can be made again."""
    home = os.environ.get(HOME_VARIABLE)
    return Path(home) / "cache" if home else Path(platformdirs.user_cache_dir(APP_NAME, appauthor=False))


def log_folder() -> Path:
    """Log files and crash reports."""
    home = os.environ.get(HOME_VARIABLE)
    return Path(home) / "log" if home else Path(platformdirs.user_log_dir(APP_NAME, appauthor=False))
