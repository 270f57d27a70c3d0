"""What Explore reads and writes when asked: images, exports, probes, pictures of the cortex."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from PySide6.QtGui import QGuiApplication, QImage

from app.base.jobs import WhenBusy
from app.base.pictures import save_image
from app.cortex.view import CortexView
from app.explore.gallery_panel import GalleryPanel
from app.widgets.ask_path import ask_files, ask_open, ask_path
from app.widgets.desk import Desk, Drop, Feature, Paths, does
from app.widgets.new_folder_dialog import ask_new_folder
from core.datasets.image_files import ENDINGS
from core.datasets.image_store import gather_pictures
from core.datasets.kinds import is_image
from core.stimuli.names import name_pair
from core.words import count, name_some

IMAGE_FILTER = f"Images ({' '.join(f'*{ending}' for ending in ENDINGS)});;All files (*)"
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

    def __init__(self, desk: Desk, view: CortexView, gallery: GalleryPanel) -> None:
        super().__init__(desk)
        self._view, self._gallery = view, gallery

    def drops(self) -> Sequence[Drop]:
        """Images."""
        return (
            Drop(
                "images",
                "Open {name} to probe",
                lambda paths: any(is_image(path) or not path.suffix for path in paths),
                self.open_paths,
                takes_many=True,
            ),
        )

    @does("open_image")
    def open_images(self) -> None:
        """Ask for image files and open them."""
        if chosen := ask_files(self._desk.parent, "Open images", self._start(), IMAGE_FILTER):
            self._session.settings.set("open_folder", str(chosen[0].parent))
            self.open_paths(chosen)

    @does("open_image_folder")
    def open_folder(self) -> None:
        """Ask for a folder of images and open all of them."""
        if folder := ask_open(self._desk.parent, "Open a folder of images", self._start()):
            self._session.settings.set("open_folder", str(folder))
            self.open_paths([folder])

    def _start(self) -> str | Path:
        return self._session.settings.text("open_folder") or Path.home()

    def open_paths(self, paths: Paths) -> None:
        """Open one image; of several, and of folders, list all that can be read and open the first."""
        if len(paths) == 1 and not paths[0].is_dir():
            self._session.controller.open_image(str(paths[0]))
            return
        self._session.files.submit(
            "images",
            lambda stop: gather_pictures(paths, should_stop=stop),
            on_done=self._take_images,
            title=f"Reading {name_some([path.name for path in paths])}…",
        )

    def _take_images(self, found: tuple[list[str], list[str]]) -> None:
        images, others = found
        left_out = f"{name_some(others)} cannot be read as {'an image' if len(others) == 1 else 'images'}"
        if not images:
            self._desk.say(f"{left_out}." if others else "There is no image in it.", "error")
            return
        self._gallery.add(images)
        told = f"Listed {count(len(images), 'image')} under Mine"
        say = partial(self._desk.say, f"{told}; {left_out}." if others else f"{told}.", "info")
        self._session.controller.open_image(images[0], say)

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
