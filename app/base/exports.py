"""Writes what is on screen to files, worded for the message that follows."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QWidget

from app.base.pictures import save_image
from core.datasets.subject import load_subject
from core.engine import Engine
from core.images.stimulus import Stimulus
from core.probes.probe import Probe


def export_stimuli(engine: Engine, probe: Probe, stimulus: Stimulus, *, image: str, folder: Path) -> str:
    """Export a probe's images with their manifest, read back and scored again. Returns a message for the user."""
    from core.stimuli.one_probe import export_probe

    config = probe.config
    rescore = partial(engine.rescore, config.subject, config.network, config.layer)
    card = engine.encoder_card(config.subject, config.network, config.layer)
    space = load_subject(config.subject).surface
    report = export_probe(probe, stimulus, folder, rescore=rescore, image=image, card=card, space=space)
    return f"Exported {len(report.files)} files to {report.folder}"


def write_probe(probe: Probe, path: Path) -> str:
    """Save a file that reproduces the probe. Returns a message for the user."""
    from core.probes.files import save_probe

    save_probe(probe, path)
    return f"Saved the probe to {path}"


def save_window_picture(window: QWidget, path: Path) -> str:
    """Save the window as it looks. Raises StorageError if the file cannot be written."""
    return f"Saved the window to {save_image(window.grab().toImage(), path)}"
