"""Surfaces in the window: import one, choose the one a subject is shown on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QInputDialog, QMessageBox

from app.base.desk import Desk, Drop, Feature, Paths
from app.cortex.import_surface_dialog import ImportSurfaceDialog
from app.cortex.view import CortexView
from app.widgets.ask_path import ask_open, ask_path
from core.datasets.subject import load_as_recorded
from core.datasets.surface_choice import check_fit, choose_surface
from core.errors import BadInputError, ProbeError
from core.surfaces.fetch import fetch_fsaverage
from core.surfaces.find_files import is_surface
from core.surfaces.importer import ImportedSurface, read_surface
from core.surfaces.paint import VoxelMap
from core.surfaces.placing import atlas_of_voxels
from core.surfaces.project import write_projection
from core.surfaces.store import list_surfaces, load_atlases, load_surface, remove_surface, save_surface
from core.types import VoxelTable

FSAVERAGE = "fsaverage"
NO_ATLAS = "None"
VOLUMES = "Volumes (*.nii *.nii.gz *.mgz)"
ARRAYS = "NumPy arrays (*.npz)"


class Surfaces(Feature):
    """Runs the reading and keeping of surfaces on the lane, beside the dialog that asks for them."""

    def __init__(self, desk: Desk, view: CortexView) -> None:
        super().__init__(desk)
        self._view = view
        self.dialog: ImportSurfaceDialog | None = None

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """The handlers of the commands about surfaces."""
        return {
            "import_surface": self.import_surface,
            "choose_surface": self.choose,
            "choose_atlas": self.choose_atlas,
            "project_volume": self.project,
            "remove_surface": self.remove,
        }

    def drops(self) -> Sequence[Drop]:
        """Surfaces."""
        promise = "Import the cortical surface {name}"
        return (Drop("surfaces", promise, is_surface, self.import_files, takes_many=True),)

    @Slot()
    def import_surface(self) -> None:
        """Open the dialog."""
        subject = self._session.state.subject
        self.dialog = ImportSurfaceDialog(subject.title if subject else "", self._reason_against, self._desk.parent)
        self.dialog.read_requested.connect(self._read)
        self.dialog.fetch_requested.connect(self._fetch)
        self.dialog.add_requested.connect(self._add)
        self.dialog.open()

    def import_files(self, paths: Paths) -> None:
        """Open the dialog with files that were dropped."""
        self.import_surface()
        self._read(tuple(paths))

    @Slot()
    def choose(self) -> None:
        """Ask on which of the surfaces the subject is shown."""
        subject = self._session.state.subject
        if subject is None:
            return
        names = [info.name for info in list_surfaces()]
        current = names.index(subject.surface) if subject.surface in names else 0
        title, label = "Surface of the subject", f"Show {subject.title} on"
        name, accepted = QInputDialog.getItem(self._desk.parent, title, label, names, current, False)
        if accepted and name != subject.surface:
            self._use(subject.id, name)

    @Slot()
    def choose_atlas(self) -> None:
        """Ask which atlas of the surface on screen is outlined; the next start shows the default again."""
        placed, view = self._session.state.placed, self._view
        if placed is None:
            return
        offered = {atlas.name: atlas for atlas in load_atlases(placed.surface.name)}
        recorded = atlas_of_voxels(VoxelMap(placed.voxels, *placed.surface.n_vertices))
        offered |= {} if recorded is None else {recorded.name: recorded}
        names = [*offered, NO_ATLAS]
        name, accepted = QInputDialog.getItem(self._desk.parent, "ROI atlas", "Outline the ROIs of", names, 0, False)
        if accepted:
            view.set_atlas(offered.get(name))

    @Slot()
    def project(self) -> None:
        """Ask for a volume and write its values at the vertices of the surface on screen."""
        placed = self._session.state.placed
        if placed is None:
            return
        surface = placed.surface
        volume = ask_open(self._desk.parent, f"Volume to project onto {surface.name}", pattern=VOLUMES)
        if volume is None:
            return
        start = volume.with_name(f"{volume.name.partition('.')[0]}_{surface.name}.npz")
        out = ask_path(self._desk.parent, "Save the values", str(start), ARRAYS)
        if out is not None:
            self._session.controller.write(
                "Projecting the volume…", lambda: f"Wrote {write_projection(volume, surface, out):,} values to {out}"
            )

    @Slot()
    def remove(self) -> None:
        """Ask which imported surface to remove, and make sure."""
        names = [info.name for info in list_surfaces() if not info.is_shipped]
        if not names:
            self._session.controller.noted.emit("No surface was imported, so there is none to remove")
            return
        title, subject = "Remove surface", self._session.state.subject
        name, accepted = QInputDialog.getItem(self._desk.parent, title, "Remove the surface", names, 0, False)
        question = f"Remove {name}? Recordings on it are no longer drawn until it is imported again."
        if accepted and QMessageBox.question(self._desk.parent, title, question) == QMessageBox.StandardButton.Yes:
            remove_surface(name)
            self._session.controller.noted.emit(f"Removed {name}")
            if subject is not None and subject.surface == name:
                self._session.controller.open_subject(subject.id)

    def _reason_against(self, imported: ImportedSurface) -> str:
        """Why the open subject does not fit a surface, "" if it does."""
        subject = self._session.state.subject
        if subject is None:
            return "Open a subject first"
        voxels, own = self._recorded(subject.id)
        try:
            check_fit(voxels, own=own, surface=imported.surface)
        except ProbeError as error:
            return str(error)
        return ""

    def _recorded(self, identity: str) -> tuple[VoxelTable, str]:
        """The voxels of a subject as they were recorded, and the surface they came with."""
        try:
            recorded = load_as_recorded(identity)
        except BadInputError:  # a subject of this session alone
            recorded = self._session.controller.catalogue.load_subject(identity)
        return recorded.voxels, recorded.surface

    @Slot(tuple)
    def _read(self, paths: tuple[Path, ...]) -> None:
        name = paths[0].name if len(paths) == 1 else paths[0].parent.name
        shown = str(paths[0]) if len(paths) == 1 else f"{len(paths)} files in {paths[0].parent}"
        self._find(lambda: read_surface(paths, name=name), shown)

    @Slot()
    def _fetch(self) -> None:
        self._find(lambda: fetch_fsaverage(FSAVERAGE), f"Downloading {FSAVERAGE}")

    def _find(self, make: Callable[[], ImportedSurface], shown: str) -> None:
        dialog = self.dialog
        if dialog is not None:
            dialog.show_reading(shown)
            done, refuse = dialog.show_found, dialog.show_problem
            title = "Reading the surface…"
            self._session.lane.submit("surface", lambda _stop: make(), on_done=done, refuse=refuse, title=title)

    @Slot()
    def _add(self) -> None:
        dialog = self.dialog
        if dialog is None or dialog.imported is None:
            return
        surface = replace(dialog.imported.surface, name=dialog.surface_name())
        first = dialog.atlas_name()
        atlases = sorted(dialog.imported.atlases, key=lambda atlas: atlas.name != first)
        subject = self._session.state.subject
        wanted = subject.id if subject is not None and dialog.use.isEnabled() and dialog.use.isChecked() else ""
        dialog.accept()

        def take(_path: object) -> None:
            self._session.controller.noted.emit(f"Added the surface {surface.name}")
            if wanted:
                self._use(wanted, surface.name)

        self._session.controller.write("Keeping the surface…", lambda: save_surface(surface, atlases), on_done=take)

    def _use(self, subject: str, name: str) -> None:
        voxels, own = self._recorded(subject)
        try:
            choose_surface(subject, voxels, own=own, surface=load_surface(name))
        except ProbeError as error:
            self._session.problems.show(error)
            return
        self._session.controller.open_subject(subject)
        self._session.controller.noted.emit(f"Shown on {name}")
