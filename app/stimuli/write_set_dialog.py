"""Asks where a stimulus set goes and says once more what it holds and what to know."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QWidget

from app.widgets.basics import make_label
from app.widgets.new_folder_dialog import NewFolderDialog
from core.stimuli.config import SetConfig
from core.stimuli.names import safe_name

CONTENTS = (
    "Every file is saved as 8-bit PNG, read back from disk and scored again. manifest.json, manifest.csv and README.md "
    "describe how each was made; `main.py rebuild` makes the set again, bit for bit."
)


class WriteSetDialog(NewFolderDialog):
    """The folder of a set."""

    def __init__(
        self, config: SetConfig, folder: Path, *, n_items: int, n_warned: int, side: int, parent: QWidget | None = None
    ) -> None:
        controls = ", ".join(kind.words for kind in config.controls)
        about: list[QWidget] = [
            make_label(config.name, "title"),
            make_label(f"{n_items} items, {n_items * config.n_files} files; controls: {controls}", "muted"),
            make_label(config.layout.describe(side), "muted", wraps=True),
            make_label(CONTENTS, wraps=True),
        ]
        if n_warned:
            warned = f"⚠ {n_warned} of {n_items} items have warnings; they are listed in the README."
            about.append(make_label(warned, "", wraps=True))
        name = safe_name(config.name)
        super().__init__("Write stimulus set", name, about=about, verb="Write", folder=folder, parent=parent)
