"""Asks for files and folders: where one is saved, which one is opened."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from app.base.settings import Settings


def export_folder(settings: Settings) -> Path:
    """The folder exports go to: the one in the settings, else the program's own in the home folder."""
    kept = settings.text("export_folder")
    return Path(kept) if kept else Path.home() / "Probescope"


def ask_path(
    parent: QWidget | None,
    title: str,
    name: str,
    pattern: str,
    *,
    settings: Settings | None = None,
    key: str = "export_folder",
    ending: str = "",
) -> Path | None:
    """A file to save into, None if the user cancelled.

    Parameters
    ----------
    title, name, pattern : Of the dialog; the name offered, or a whole path, and the kinds of files as Qt writes them.
    settings : Whose folder it starts in; the home folder where none is kept.
    key : Of that folder: the folder of exports unless it is named.
    ending : Put at the end of a name that lacks it, without a dot.
    """
    kept = settings.text(key) if settings is not None else ""
    start = (Path(kept) if kept else Path.home()) / name
    chosen, _ = QFileDialog.getSaveFileName(parent, title, str(start), pattern)
    if not chosen:
        return None
    path = Path(chosen)
    return path if not ending or path.suffix.lower() == f".{ending}" else path.with_name(f"{path.name}.{ending}")


def ask_open(parent: QWidget | None, title: str, start: Path | str = "", pattern: str = "") -> Path | None:
    """A file to open, from `start` on; a folder where no kinds of files are named. None if the user cancelled."""
    if pattern:
        chosen, _ = QFileDialog.getOpenFileName(parent, title, str(start), pattern)
    else:
        chosen = QFileDialog.getExistingDirectory(parent, title, str(start))
    return Path(chosen) if chosen else None


def ask_files(parent: QWidget | None, title: str, start: Path | str, pattern: str) -> list[Path]:
    """Files to open, from `start` on; none if the user cancelled."""
    chosen, _ = QFileDialog.getOpenFileNames(parent, title, str(start), pattern)
    return [Path(path) for path in chosen]
