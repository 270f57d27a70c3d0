"""Asks for the files of a surface and shows what was found before it is added."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QWidget

from app.widgets.ask_path import ask_files, ask_open
from app.widgets.basics import make_button, make_column, make_heading, make_label, make_row, show_text
from app.widgets.form import Choice, Fields, Flag, Text
from core.errors import ProbeError
from core.surfaces.importer import ImportedSurface
from core.surfaces.store import check_surface_name, has_surface

EXPLANATION = (
    "A FreeSurfer subject folder (surf/lh.pial, lh.white, lh.inflated, …), or GIFTI files of both hemispheres "
    "(FreeSurfer, fMRIPrep, HCP). Flat maps, curvature and ROI labels beside them are imported too."
)
GIFTI_FILTER = "Surfaces and labels (*.gii *.gii.gz lh.* rh.*);;All files (*)"
TEXT_WIDTH = 560
READING = "Reading…"
NOTHING_YET = "Choose a folder or files to see what is in them."


class ImportSurfaceDialog(QDialog, Fields):
    """Folder or files, what was found, a name, an atlas, and whether the subject is shown on it.

    Signals
    -------
    read_requested(tuple of Path)
        The user chose a folder or files.
    fetch_requested()
        The user wants fsaverage downloaded.
    add_requested()
        The user agreed to what was found.
    """

    read_requested = Signal(tuple)
    fetch_requested = Signal()
    add_requested = Signal()

    name = Text("Name")
    atlas = Choice("Outline the ROIs of")
    use = Flag("Show the subject on this surface")

    def __init__(self, subject: str, reason_against: Callable[[ImportedSurface], str], parent: QWidget | None = None):
        """`subject` is the title of the one shown ("" for none); `reason_against` says why it does not fit, or ""."""
        super().__init__(parent)
        self.setWindowTitle("Import surface")
        self._reason_against = reason_against
        self._subject = subject
        self.imported: ImportedSurface | None = None
        self.place = make_label("No files chosen", "muted")
        self.found = make_label(NOTHING_YET, wraps=True)
        self.problem = make_label("", "field-error", wraps=True)
        self.make_fields()
        if subject:
            self.use.setText(f"Show {subject} on this surface")
        self.folder_button = make_button("Choose folder…", tip="A FreeSurfer subject, or a folder of GIFTI files")
        self.files_button = make_button("Choose files…", tip="Surface, curvature and label files of both hemispheres")
        self.fetch_button = make_button(
            "Download fsaverage", "link", tip="The full average brain (about 40 MB), downloaded with nilearn"
        )
        self.add_button = make_button("Add surface", "primary")
        self._lay_out()
        self._connect()
        self.refresh()

    def show_reading(self, what: str) -> None:
        """Say that files are being read or downloaded."""
        self.imported = None
        self.place.setText(what)
        self.found.setText(READING)
        self.problem.setText("")
        self.refresh()

    def show_found(self, imported: ImportedSurface) -> None:
        """Show what was read, and let it be added."""
        self.imported = imported
        self.found.setText("\n".join(line[0].upper() + line[1:] for line in imported.describe()))
        if not self.name.isModified():
            self.name.set_value(imported.surface.name)
        self.atlas.set_choices([(atlas.name, atlas.name) for atlas in imported.atlases])
        reason = self._reason_against(imported) if self._subject else "Open a subject first"
        self.use.setEnabled(not reason)
        self.use.set_value(not reason)
        self.use.setToolTip(reason or "Its vertex counts fit the recording")
        show_text(self._unfit, reason if self._subject else "")
        self.refresh()

    def show_problem(self, text: str) -> None:
        """Say why files cannot be read."""
        self.imported = None
        self.found.setText("")
        self.problem.setText(text)
        self.refresh()

    def surface_name(self) -> str:
        """The name to keep it under."""
        return self.name.value()

    def atlas_name(self) -> str:
        """The atlas to outline, "" where there is none."""
        return self.atlas.currentText()

    def _lay_out(self) -> None:
        text = make_label(EXPLANATION, "muted", wraps=True)
        text.setMinimumWidth(TEXT_WIDTH)
        self.found.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._unfit = make_label("", "faint", wraps=True)
        self._unfit.hide()
        cancel = make_button("Cancel")
        cancel.clicked.connect(self.reject)
        self.add_button.setDefault(True)
        self.setLayout(
            make_column(
                make_label("Import a surface", "title"),
                text,
                make_row(self.folder_button, self.files_button, -1, self.fetch_button),
                self.place,
                make_heading("Found"),
                self.found,
                self.problem,
                self.make_rows("name", "atlas", "use"),
                self._unfit,
                make_row(-1, cancel, self.add_button),
                gap=12,
                margin=24,
            )
        )

    def _connect(self) -> None:
        self.folder_button.clicked.connect(self._choose_folder)
        self.files_button.clicked.connect(self._choose_files)
        self.fetch_button.clicked.connect(self.fetch_requested)
        self.add_button.clicked.connect(self.add_requested)

    @Slot()
    def _choose_folder(self) -> None:
        chosen = ask_open(self, "Folder of a surface")
        if chosen is not None:
            self.read_requested.emit((chosen,))

    @Slot()
    def _choose_files(self) -> None:
        chosen = ask_files(self, "Files of a surface", "", GIFTI_FILTER)
        if chosen:
            self.read_requested.emit(tuple(chosen))

    def refresh(self) -> None:
        """Show what was found, and whether it can be added."""
        reason = self._reason_not_to_add()
        self.add_button.setEnabled(not reason)
        self.add_button.setToolTip(reason)
        self.problem.setVisible(bool(self.problem.text()))
        self.found.setVisible(bool(self.found.text()))
        if self.imported is None:
            self.use.setEnabled(False)
            self.use.setToolTip(reason)
        nothing = "Choose a folder or files first" if self.imported is None else ""
        self.allow("name", nothing)
        self.allow("atlas", nothing or ("" if self.atlas.count() else "No atlas was found beside the surface"))

    def _reason_not_to_add(self) -> str:
        if self.imported is None:
            return "Choose a folder or files first"
        try:
            name = check_surface_name(self.surface_name())
        except ProbeError as error:
            return str(error)
        return f"A surface called {name} already exists: choose another name" if has_surface(name) else ""
