"""The sets of voxels a user keeps as ROIs: named, renamed, removed, written to files and read from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtWidgets import QInputDialog, QLineEdit

from app.widgets.ask_path import ask_open, ask_path
from app.widgets.desk import Feature, does
from core.datasets.subject import Subject
from core.datasets.voxel_sets import ENDINGS, keep_set, load_sets, read_set, remove_set, rename_set, write_set
from core.words import count

WRITTEN = "Table of voxels (*.csv);;FreeSurfer labels (*.label)"
READ = f"Voxels or labels ({' '.join(f'*{ending}' for ending in ENDINGS)})"
NO_SETS = "This subject has no set of yours yet: draw one and keep it as an ROI"


class Sets(Feature):
    """One method a command."""

    @does("keep_set")
    def keep(self) -> None:
        """Ask for a name and keep the target's voxels under it."""
        subject, target = self._session.state.subject, self._session.state.target
        if subject is None or target is None:
            return
        asked = f"Name of the ROI of {count(len(target.voxels), 'voxel')}"
        if name := self._ask_text("Keep as ROI", asked):
            self._do(lambda: keep_set(subject.id, name, target.voxels, subject.voxels), f"Kept the ROI {name}", name)

    @does("rename_set")
    def rename(self) -> None:
        """Ask which set gets what name."""
        subject, name = self._choose("Rename ROI")
        if subject is not None and name and (new := self._ask_text("Rename ROI", f"New name of {name}", name)):
            self._do(lambda: rename_set(subject.id, name, new, subject.voxels), f"{name} is now called {new}", new)

    @does("remove_set")
    def remove(self) -> None:
        """Ask which set to remove."""
        subject, name = self._choose("Remove ROI")
        if subject is not None and name:
            self._do(lambda: remove_set(subject.id, name, subject.voxels), f"Removed the ROI {name}. Its probes stay")

    @does("write_set")
    def write(self) -> None:
        """Ask for a file and write the target's voxels."""
        state = self._session.state
        placed, target = state.placed, state.target
        if placed is None or target is None:
            return
        name = f"{target.name.replace(' ', '_')}.csv"
        path = ask_path(self._desk.parent, "Save the voxels", name, WRITTEN, settings=self._session.settings)
        if path is not None:
            with self._session.problems.shown():
                files = write_set(path, target.voxels, placed.voxels, placed.surface)
                self._desk.say(f"Wrote {count(len(target.voxels), 'voxel')} to {', '.join(map(str, files))}", "info")

    @does("read_set")
    def read(self) -> None:
        """Ask for a file of voxels and make them the target."""
        placed = self._session.state.placed
        if placed is not None and (path := ask_open(self._desk.parent, "Load a set of voxels", pattern=READ)):
            with self._session.problems.shown():
                self._session.controller.pick_set(read_set(path, placed.voxels, placed.surface))

    def _ask_text(self, title: str, asked: str, first: str = "") -> str:
        name, accepted = QInputDialog.getText(self._desk.parent, title, asked, QLineEdit.EchoMode.Normal, first)
        return name.strip() if accepted else ""

    def _choose(self, title: str) -> tuple[Subject | None, str]:
        """The open subject and one of its sets, "" for none."""
        subject = self._session.state.subject
        names = [] if subject is None else list(dict(subject.voxels.sets))
        if not names:
            self._session.controller.noted.emit(NO_SETS)
            return subject, ""
        name, accepted = QInputDialog.getItem(self._desk.parent, title, "ROI", names, 0, False)
        return subject, name if accepted else ""

    def _do(self, change: Callable[[], None], told: str, target: str = "") -> None:
        """Change what is kept, list it again and say so; the set of that name becomes the target."""
        with self._session.problems.shown():
            change()
            state, subject = self._session.state, self._session.state.subject
            if subject is not None:
                state.subject = replace(
                    subject, voxels=replace(subject.voxels, sets=load_sets(subject.id, subject.voxels))
                )
            if target:
                self._session.controller.pick_roi(target)
            self._desk.say(f"{told}.", "info")
