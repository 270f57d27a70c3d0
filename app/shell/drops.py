"""What a drop on the window does, in one table: said while it is dragged, done when it is dropped. Never guesses.

The first row that takes what was dropped does it; what no row takes is refused with what could have been taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QObject, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent

from app.networks.import_dialog import SUFFIXES
from app.shell.drop_overlay import DropOverlay
from core.session.files import ENDING
from core.stimuli.manifest import MANIFEST
from core.surfaces.find_files import is_surface

if TYPE_CHECKING:
    from app.shell.main_window import MainWindow

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", "")
"""Endings of images; a file without one is tried as an image."""

TABLES = (".tsv", ".csv")
Paths = Sequence[Path]


@dataclass(frozen=True, slots=True)
class Drop:
    """One thing that can be dropped.

    Parameters
    ----------
    thing : str
        What it is, in the plural, for the sentence about what can be taken.
    promise : str
        What a drop does; `{name}` is what is dropped.
    takes : function
        Whether these paths are such a thing; looks at names and headers only.
    do : function
        Does it.
    takes_many : bool
        All paths belong together; else only the first is used, and that is said.
    """

    thing: str
    promise: str
    takes: Callable[[Paths], bool]
    do: Callable[[Paths], object]
    takes_many: bool = False


class Drops(QObject):
    """The table with its overlay."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.overlay = DropOverlay(window)
        self.overlay.dropped.connect(self.drop)
        self.rows = make_rows(window)

    def find(self, paths: Paths) -> Drop | None:
        """The row that takes the paths, None if none does."""
        return next((row for row in self.rows if row.takes(paths)), None)

    def enter(self, event: QDragEnterEvent) -> None:
        """Accept local files, and say what a drop of them will do."""
        paths = paths_of(event.mimeData())
        if not paths:
            return
        event.acceptProposedAction()
        row = self.find(paths)
        if row is None:
            self.overlay.show_promise(f"{paths[0].name} cannot be taken", self._describe_all(), can_take=False)
        else:
            self.overlay.show_promise(row.promise.format(name=_name(row, paths)), _rest(row, paths), can_take=True)

    def leave(self) -> None:
        """The drag has left the window, or gone on to the overlay."""
        self.overlay.leave_soon()

    @Slot(object)
    def drop(self, event: QDropEvent) -> None:
        """Do what was promised, or say why not."""
        self.overlay.hide()
        paths = paths_of(event.mimeData())
        if not paths:
            return
        event.acceptProposedAction()
        row = self.find(paths)
        if row is None:
            self._window.banner.show_text(f"{paths[0].name} cannot be taken. {self._describe_all()}", "error")
            return
        row.do(paths)
        if _rest(row, paths):
            self._window.handlers.show_note(_rest(row, paths))

    def _describe_all(self) -> str:
        things = list(dict.fromkeys(row.thing for row in self.rows))
        return f"Drop {', '.join(things[:-1])} or {things[-1]}."


def make_rows(window: MainWindow) -> list[Drop]:
    """The table; what is told by its content stands before what is told by its ending alone."""
    encoders, surfaces, networks = window.encoder_tools, window.surface_tools, window.network_tools
    imports, controller, sessions = window.import_tools, window.session.controller, window.session_tools
    return [
        Drop("sessions", "Open the session {name}", _is_session, lambda paths: sessions.open_path(paths[0])),
        Drop(
            "stimulus sets and measured responses",
            "Compare {name} with its predictions",
            _is_measured,
            window.measured_tools.open_paths,
            takes_many=True,
        ),
        Drop("encoders", "Import {name} as an encoder", _is_encoder, encoders.take_drop, takes_many=True),
        Drop(
            "surfaces",
            "Import the cortical surface {name}",
            is_surface,
            lambda paths: surfaces.take_drop(list(paths)),
            takes_many=True,
        ),
        Drop(
            "networks",
            "Import the network {name}",
            lambda paths: paths[0].suffix.lower() in SUFFIXES,
            lambda paths: networks.take_drop(paths[0]),
        ),
        Drop(
            "recordings (a folder or its .toml)",
            "Look into {name} as a recording",
            lambda paths: imports.takes(paths[0]),
            lambda paths: imports.show_assistant(str(paths[0])),
        ),
        Drop(
            "images",
            "Open {name} as the image to probe",
            lambda paths: paths[0].suffix.lower() in IMAGES,
            lambda paths: controller.open_image(str(paths[0])),
        ),
    ]


def paths_of(data: QMimeData) -> list[Path]:
    """The local files and folders of a drag."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


def _is_session(paths: Paths) -> bool:
    return paths[0].name.endswith(ENDING)


def _is_measured(paths: Paths) -> bool:
    """A written stimulus set, or tables of responses to one."""
    is_set = any(path.name == MANIFEST or (path / MANIFEST).is_file() for path in paths)
    return is_set or all(path.suffix.lower() in TABLES for path in paths)


def _is_encoder(paths: Paths) -> bool:
    from core.encoders.importers.open import looks_like_encoder

    return looks_like_encoder(paths[0])


def _name(row: Drop, paths: Paths) -> str:
    return paths[0].name if not row.takes_many or len(paths) == 1 else f"{paths[0].name} and {len(paths) - 1} more"


def _rest(row: Drop, paths: Paths) -> str:
    if row.takes_many or len(paths) == 1:
        return ""
    return f"Only {paths[0].name} is taken; drop the other {len(paths) - 1} one by one."
