"""Where the window's own resources and files lie, on top of `core.paths`."""

from __future__ import annotations

from pathlib import Path

from core.paths import data_folder, log_folder, resources_folder


def icon_file(name: str) -> Path:
    """The SVG of one icon, drawn in `currentColor`."""
    return resources_folder() / "icons" / f"{name}.svg"


def style_file() -> Path:
    """The one style sheet, with `$colour` placeholders."""
    return resources_folder() / "styles" / "app.qss"


def font_files() -> tuple[Path, ...]:
    """The bundled interface fonts."""
    return tuple(sorted((resources_folder() / "fonts").glob("*.otf")))


def settings_file() -> Path:
    """The user's settings."""
    return data_folder() / "settings.json"


def crash_folder() -> Path:
    """Reports of defects."""
    return log_folder() / "crashes"


def default_export_folder() -> Path:
    """Where exports go until the user chooses: Probescope in the home folder."""
    return Path.home() / "Probescope"
