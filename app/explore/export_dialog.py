"""Asks where the stimuli of one probe go and shows what will be written. Never writes a file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QWidget

from app.widgets.basics import make_label
from app.widgets.new_folder_dialog import NewFolderDialog
from core.probes.probe import Probe
from core.stimuli.names import name_pair

CONTENTS = (
    "Original, perturbed, equal-norm random control and sign-flipped image as 8-bit PNG, each read back and scored "
    "again, with manifest.csv, manifest.json and README.md."
)


class ExportDialog(NewFolderDialog):
    """The folder of an export."""

    def __init__(self, probe: Probe, folder: Path, parent: QWidget | None = None) -> None:
        label = probe.config.target.label
        about: list[QWidget] = [
            make_label(label[0].upper() + label[1:], "title"),
            make_label(probe.config.attack.describe(), "muted"),
            make_label(CONTENTS, wraps=True),
        ]
        name = name_pair(probe)
        super().__init__("Export stimuli", name, about=about, verb="Export", folder=folder, parent=parent)
