"""What Explore reads and writes when asked: images, exports, probes, pictures of the cortex."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from PySide6.QtGui import QGuiApplication, QImage

from app.base.jobs import WhenBusy
from app.base.pictures import save_image
from app.cortex.view import CortexView
from app.widgets.ask_path import ask_open, ask_path
from app.widgets.desk import Desk, Drop, Feature, does
from app.widgets.new_folder_dialog import ask_new_folder
from core.stimuli.names import name_pair

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", "")
"""Endings of images; a file without one is tried as an image."""

IMAGE_FILTER = f"Images ({' '.join(f'*{ending}' for ending in IMAGE_ENDINGS if ending)});;All files (*)"
PNG_FILTER = "PNG (*.png)"
PROBE_FILTER = "Probe (*.json)"
PICTURE_SCALE = 2
T = TypeVar("T")
CONTENTS = (
    "Original, perturbed, equal-norm random control and sign-flipped image as 8-bit PNG, each read back and scored "
    "again, with manifest.csv, manifest.json and README.md."
)


class Files(Feature):
    """One method a command."""

    def __init__(self, desk: Desk, view: CortexView) -> None:
        super().__init__(desk)
        self._view = view

    def drops(self) -> Sequence[Drop]:
        """Images."""
        return (
            Drop(
                "images",
                "Open {name} as the image to probe",
                lambda paths: paths[0].suffix.lower() in IMAGE_ENDINGS,
                lambda paths: self._session.controller.open_image(str(paths[0])),
            ),
        )

    @does("open_image")
    def open_image(self) -> None:
        """Ask for an image file and open it."""
        start = self._session.settings.text("open_folder") or Path.home()
        if chosen := ask_open(self._desk.parent, "Open an image", start, IMAGE_FILTER):
            self._session.settings.set("open_folder", str(chosen.parent))
            self._session.controller.open_image(str(chosen))

    @does("export")
    def export(self) -> None:
        """Ask for a folder and export the probe's stimuli."""
        probe, settings = self._session.state.probe, self._session.settings
        if probe is None:
            return
        label = probe.config.target.label
        about = (label[0].upper() + label[1:], probe.config.attack.describe(), CONTENTS)
        folder = ask_new_folder(
            self._desk.parent, settings, "Export stimuli", name_pair(probe), about=about, verb="Export"
        )
        if folder is not None:
            self._session.controller.export(folder)

    @does("save_probe")
    def save_probe(self) -> None:
        """Ask for a file and save the probe."""
        probe = self._session.state.probe
        if probe and (path := self._ask("Save the probe", f"{name_pair(probe)}.json", PROBE_FILTER)):
            self._session.controller.save_probe(path)

    @does("cortex_picture")
    def save_cortex(self) -> None:
        """Ask for a file and save a picture of the cortex at twice its size."""
        path = self._ask("Save a picture of the cortex", "cortex.png", PNG_FILTER)
        if path is not None:
            draw = self._view.prepare_picture(PICTURE_SCALE)
            self._submit(lambda: save_image(draw(), path), lambda _path: self._say(f"Saved the cortex to {path}"))

    @does("copy_cortex")
    def copy_cortex(self) -> None:
        """Put the cortex as it is shown on the clipboard."""

        def take(picture: QImage) -> None:
            QGuiApplication.clipboard().setImage(picture)
            self._say("Copied the picture of the cortex.")

        self._submit(self._view.prepare_picture(PICTURE_SCALE), take)

    def _submit(self, draw: Callable[[], T], take: Callable[[T], None]) -> None:
        title, lane = "Drawing the cortex…", self._session.files
        lane.submit("picture", lambda _stop: draw(), on_done=take, title=title, when_busy=WhenBusy.QUEUE)

    def _say(self, text: str) -> None:
        self._desk.say(text, "info")

    def _ask(self, title: str, name: str, pattern: str) -> Path | None:
        return ask_path(self._desk.parent, title, name, pattern, settings=self._session.settings)
