"""Cleans up after killed processes wherever the program writes by itself. Never touches what a living one writes."""

from __future__ import annotations

from pathlib import Path

from core.files import remove_leftovers
from core.paths import cache_folder, data_folder

DEPTH = ("*", "*/*", "*/*/*")
"""Down to the cells of an analysis: analyses/NAME/cells."""


def clean_up(*more: Path) -> tuple[Path, ...]:
    """Remove half-written files and folders of the user's data, the cache and further folders; returns them."""
    own = data_folder()
    below = [path for pattern in DEPTH for path in own.glob(pattern) if path.is_dir()] if own.is_dir() else []
    removed: list[Path] = []
    for folder in (own, *below, cache_folder(), *more):
        removed += remove_leftovers(folder)
    return tuple(removed)
