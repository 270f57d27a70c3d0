"""Surfaces in the window: import one, with a look at what was found first; choose the one a subject is shown on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QInputDialog, QMessageBox, QWidget

from app.base.services import Services
from app.cortex.view import CortexView
from app.widgets.ask_path import ask_files, ask_open, ask_path
from app.widgets.basics import allow, fill_dialog, make_button, make_heading, make_label, make_row, show_text
from app.widgets.copy_work import make_copy_button
from app.widgets.desk import Desk, Drop, Feature, Paths, does
from app.widgets.form import Choice, Fields, Flag, PathText, Text, why_not
from core.commands.works import CommandWork, ask_surface
from core.datasets.subject import load_as_recorded
from core.datasets.surface_choice import check_fit, choose_surface
from core.errors import BadInputError
from core.surfaces.find_files import is_surface
from core.surfaces.importer import ImportedSurface, fetch_fsaverage, read_surface
from core.surfaces.paint import VoxelMap
from core.surfaces.placing import atlas_of_voxels
from core.surfaces.project import write_projection
from core.surfaces.store import (
    check_surface_name,
    has_surface,
    list_surfaces,
    load_atlases,
    load_surface,
    remove_surface,
    save_surface,
)
from core.surfaces.volumes import describe_forms
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

    def drops(self) -> Sequence[Drop]:
        """Surfaces."""
        promise = "Import the cortical surface {name}"
        return (Drop("surfaces", promise, is_surface, self.import_surface, takes_many=True),)

    @does("import_surface")
    def import_surface(self, paths: Paths = ()) -> None:
        """Open the dialog, with files that were dropped or none."""
        self.dialog = ImportSurfaceDialog(self._session, self._reason_against, self._desk.parent)
        self.dialog.accepted.connect(self._add)
        self.dialog.open()
        if paths:
            self.dialog.read(paths)

    @does("choose_surface")
    def choose(self) -> None:
        """Ask on which of the surfaces the subject is shown."""
        subject = self._session.state.subject
        if subject is None:
            return
        names = [info.name for info in list_surfaces()]
        current = names.index(subject.surface) if subject.surface in names else 0
        name = self._pick("Surface of the subject", f"Show {subject.title} on", names, current)
        if name and name != subject.surface:
            self._use(subject.id, name)

    @does("choose_atlas")
    def choose_atlas(self) -> None:
        """Ask which atlas of the surface on screen is outlined; the next start shows the default again."""
        placed = self._session.state.placed
        if placed is None:
            return
        offered = {atlas.name: atlas for atlas in load_atlases(placed.surface.name)}
        recorded = atlas_of_voxels(VoxelMap(placed.voxels, *placed.surface.n_vertices))
        offered |= {} if recorded is None else {recorded.name: recorded}
        name = self._pick("ROI atlas", "Outline the ROIs of", [*offered, NO_ATLAS])
        if name:
            self._view.set_atlas(offered.get(name))

    @does("project_volume")
    def project(self) -> None:
        """Ask for a volume and write its values at the vertices of the surface on screen."""
        placed = self._session.state.placed
        if placed is None:
            return
        surface, dialog = placed.surface, ProjectDialog(placed.surface.name, self._desk.parent)
        volume = dialog.volume.path() if dialog.exec() == QDialog.DialogCode.Accepted else None
        if volume is None:
            return
        start = volume.with_name(dialog.name_out(volume))
        if out := ask_path(self._desk.parent, "Save the values", str(start), ARRAYS):

            def write() -> str:
                n_values = write_projection(volume, surface, out)
                return f"Wrote {n_values:,} values to {out}. {describe_forms(volume)}".strip()

            self._session.controller.write("Projecting the volume…", write)

    @does("remove_surface")
    def remove(self) -> None:
        """Ask which imported surface to remove, and make sure."""
        names = [info.name for info in list_surfaces() if not info.is_shipped]
        if not names:
            self._session.controller.noted.emit("No surface was imported, so there is none to remove")
            return
        title, subject = "Remove surface", self._session.state.subject
        name = self._pick(title, "Remove the surface", names)
        question = f"Remove {name}? Recordings on it are no longer drawn until it is imported again."
        if name and QMessageBox.question(self._desk.parent, title, question) == QMessageBox.StandardButton.Yes:
            remove_surface(name)
            self._session.controller.noted.emit(f"Removed {name}")
            if subject is not None and subject.surface == name:
                self._session.controller.open_subject(subject.id)

    def _pick(self, title: str, label: str, names: list[str], current: int = 0) -> str:
        """One of the names, "" if the user cancelled."""
        name, accepted = QInputDialog.getItem(self._desk.parent, title, label, names, current, False)
        return name if accepted else ""

    def _reason_against(self, imported: ImportedSurface) -> str:
        """Why the open subject does not fit a surface, "" if it does."""
        subject = self._session.state.subject
        if subject is None:
            return "Open a subject first"
        voxels, own = self._recorded(subject.id)
        return why_not(partial(check_fit, voxels, own=own, surface=imported.surface))

    def _recorded(self, identity: str) -> tuple[VoxelTable, str]:
        """The voxels of a subject as they were recorded, and the surface they came with."""
        try:
            recorded = load_as_recorded(identity)
        except BadInputError:  # a subject of this session alone
            recorded = self._session.controller.catalogue.load_subject(identity)
        return recorded.voxels, recorded.surface

    def _add(self) -> None:
        dialog = self.dialog
        if dialog is None or dialog.imported is None:
            return
        surface = replace(dialog.imported.surface, name=dialog.name.value())
        first = dialog.atlas.currentText()
        atlases = sorted(dialog.imported.atlases, key=lambda atlas: atlas.name != first)
        subject = self._session.state.subject
        wanted = subject.id if subject is not None and dialog.is_used() else ""

        def take(_path: object) -> None:
            self._session.controller.noted.emit(f"Added the surface {surface.name}")
            if wanted:
                self._use(wanted, surface.name)

        self._session.controller.write("Keeping the surface…", lambda: save_surface(surface, atlases), on_done=take)

    def _use(self, subject: str, name: str) -> None:
        voxels, own = self._recorded(subject)
        with self._session.problems.shown():
            choose_surface(subject, voxels, own=own, surface=load_surface(name))
            self._session.controller.open_subject(subject)
            self._session.controller.noted.emit(f"Shown on {name}")


class ProjectDialog(QDialog, Fields):
    """The volume whose values are written at the vertices of a surface."""

    volume = PathText("Volume", "A NIfTI or MGZ file", ask="Volume to project", kinds=VOLUMES, width=420)

    def __init__(self, surface: str, parent: QWidget):
        super().__init__(parent)
        self._surface = surface
        self.make_fields()
        problem = make_label("", "field-error", wraps=True)
        self.save = make_button("Save values…", "primary", self.accept)
        copy, cancel = make_copy_button(self._find, problem), make_button("Cancel", do=self.reject)
        rows, ends = self.make_rows("volume"), make_row(copy, -1, cancel, self.save)
        fill_dialog(self, f"Project a volume onto {surface}", rows, problem, ends)
        self.refresh()

    def refresh(self) -> None:
        """Whether there is a volume."""
        allow(self.save, "" if self.volume.value() else "Choose a volume first")

    def name_out(self, volume: Path) -> str:
        """Of the file of values."""
        return f"{volume.name.partition('.')[0]}_{self._surface}.npz"

    def _find(self) -> CommandWork:
        if (volume := self.volume.path()) is None:
            raise BadInputError("Choose a volume first.")
        values = {"surface": self._surface, "volume": volume, "out": Path(self.name_out(volume))}
        return CommandWork("surfaces project", values)


EXPLANATION = (
    "A FreeSurfer subject folder (surf/lh.pial, lh.white, lh.inflated, …), or GIFTI files of both hemispheres "
    "(FreeSurfer, fMRIPrep, HCP). Flat maps, curvature and ROI labels beside them are imported too."
)
GIFTI_FILTER = "Surfaces and labels (*.gii *.gii.gz lh.* rh.*);;All files (*)"
TEXT_WIDTH = 560
READING = "Reading…"
NO_FILES = "Choose a folder or files first"
NOTHING_YET = "Choose a folder or files to see what is in them."


class ImportSurfaceDialog(QDialog, Fields):
    """Folder or files, what was found, a name, an atlas, and whether the subject is shown on it."""

    name = Text("Name")
    atlas = Choice("Outline the ROIs of")
    use = Flag("Show the subject on this surface")

    def __init__(self, session: Services, reason_against: Callable[[ImportedSurface], str], parent: QWidget):
        """`reason_against` says why the subject that is shown does not fit, or ""."""
        super().__init__(parent)
        self._lane, self._reason_against = session.lane, reason_against
        self._subject = session.state.subject
        self.imported: ImportedSurface | None = None
        self._paths: tuple[Path, ...] = ()
        self.place = make_label("No files chosen", "muted")
        self.found = make_label(wraps=True)
        self.problem = make_label("", "field-error", wraps=True)
        self.make_fields()
        if self._subject:
            self.use.setText(f"Show {self._subject.title} on this surface")
        of_folder = "A FreeSurfer subject, or a folder of GIFTI files"
        of_files = "Surface, curvature and label files of both hemispheres"
        of_fetch = "The full average brain (about 40 MB), downloaded with nilearn"
        self.folder_button = make_button("Choose folder…", do=self._choose_folder, tip=of_folder)
        self.files_button = make_button("Choose files…", do=self._choose_files, tip=of_files)
        self.fetch_button = make_button("Download fsaverage", "link", self._fetch, tip=of_fetch)
        self.add_button = make_button("Add surface", "primary", self.accept)
        self._lay_out()
        self._show(None, NOTHING_YET)

    def is_used(self) -> bool:
        """Whether the subject will be shown on it."""
        return self.use.isEnabled() and self.use.isChecked()

    def read(self, paths: Paths) -> None:
        """Look at a folder or files."""
        self._paths = tuple(paths)
        name = paths[0].name if len(paths) == 1 else paths[0].parent.name
        shown = str(paths[0]) if len(paths) == 1 else f"{len(paths)} files in {paths[0].parent}"
        self._find(lambda: read_surface(tuple(paths), name=name), shown)

    def _work(self) -> CommandWork:
        if self.imported is None:
            raise BadInputError(f"{NO_FILES}.")
        name, atlas, subject = self.name.value(), self.atlas.value() or "", self._subject
        if not self._paths and name != FSAVERAGE:
            raise BadInputError(f"The command keeps what it downloads as {FSAVERAGE}: give it that name to copy.")
        return ask_surface(self._paths, name, atlas, subject.id if subject and self.is_used() else "")

    def _fetch(self) -> None:
        self._paths = ()
        self._find(lambda: fetch_fsaverage(FSAVERAGE), f"Downloading {FSAVERAGE}")

    def _find(self, make: Callable[[], ImportedSurface], shown: str) -> None:
        self.place.setText(shown)
        self._show(None, READING)
        done, refuse, title = self._show_found, partial(self._show, None, ""), "Reading the surface…"
        self._lane.submit("surface", lambda _stop: make(), on_done=done, refuse=refuse, title=title)

    def _show_found(self, imported: ImportedSurface) -> None:
        if not self.name.isModified():
            self.name.set_value(imported.surface.name)
        self.atlas.set_choices([(atlas.name, atlas.name) for atlas in imported.atlases])
        reason = self._reason_against(imported)
        self.use.setEnabled(not reason)
        self.use.set_value(not reason)
        self.use.setToolTip(reason or "Its vertex counts fit the recording")
        show_text(self._unfit, reason if self._subject else "")
        self._show(imported, "\n".join(line[0].upper() + line[1:] for line in imported.describe()))

    def _show(self, imported: ImportedSurface | None, found: str, problem: str = "") -> None:
        self.imported = imported
        show_text(self.found, found)
        show_text(self.problem, problem)
        self.refresh()

    def _lay_out(self) -> None:
        text = make_label(EXPLANATION, "muted", wraps=True)
        text.setMinimumWidth(TEXT_WIDTH)
        self.found.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        copy, self._unfit = make_copy_button(self._work, self.problem), make_label("", "faint", wraps=True)
        self._unfit.hide()
        self.add_button.setDefault(True)
        fill_dialog(
            self,
            "Import surface",
            make_label("Import a surface", "title"),
            text,
            make_row(self.folder_button, self.files_button, -1, self.fetch_button),
            self.place,
            make_heading("Found"),
            self.found,
            self.problem,
            self.make_rows("name", "atlas", "use"),
            self._unfit,
            make_row(copy, -1, make_button("Cancel", do=self.reject), self.add_button),
        )

    def _choose_folder(self) -> None:
        if chosen := ask_open(self, "Folder of a surface"):
            self.read((chosen,))

    def _choose_files(self) -> None:
        if chosen := ask_files(self, "Files of a surface", "", GIFTI_FILTER):
            self.read(chosen)

    def refresh(self) -> None:
        """Show what was found, and whether it can be added."""
        reason = self._reason_not_to_add()
        allow(self.add_button, reason)
        if self.imported is None:
            self.use.setEnabled(False)
            self.use.setToolTip(reason)
        nothing = NO_FILES if self.imported is None else ""
        self.allow("name", nothing)
        self.allow("atlas", nothing or ("" if self.atlas.count() else "No atlas was found beside the surface"))

    def _reason_not_to_add(self) -> str:
        if self.imported is None:
            return NO_FILES
        name = self.name.value()
        taken = f"A surface called {name} already exists: choose another name"
        return why_not(partial(check_surface_name, name)) or (taken if has_surface(name) else "")
