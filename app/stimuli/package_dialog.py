"""Asks what package to make of which set, shows durations and warnings as they are typed, follows the writing.

no set -> (reading) -> set -> (planning) -> plan -> writing -> plan, with a folder, a failure or nothing. Never plans
and never writes a package: what it wants it asks for by signals.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QDialog, QFileDialog, QWidget

from app.stimuli.package_form import PackageForm
from app.widgets.basics import make_button, make_column, make_heading, make_label, make_line, make_row, make_scroll
from app.widgets.form import Choice, Fields, PathText, Text
from app.widgets.job_line import JobLine
from core.errors import ProbeError
from core.experiments.packages.package import FORMATS, Format, fit_template
from core.experiments.packages.plan import PackagePlan
from core.experiments.packages.template import read_template, write_template
from core.stimuli.manifest import StimulusSet

LEAST_WIDTH = 940
FACTS_WIDTH = 320
TYPING_MS = 200
"""A plan is asked for when nothing was typed for so long."""

TEMPLATE_FILTER = "Timing template (*.toml)"


class PackageDialog(QDialog, Fields):
    """A set, a kind, the template's fields and what they come to.

    Signals
    -------
    set_chosen(str)
        A folder to read.
    plan_requested(object, object)
        The `StimulusSet` and the `Template`.
    package_requested(object, object, object)
        The `PackagePlan`, the `PackageKind` and the folder to write.
    folder_requested(object)
        A finished package to show in the file manager.
    """

    set_chosen = Signal(str)
    plan_requested = Signal(object, object)
    package_requested = Signal(object, object, object)
    folder_requested = Signal(object)

    set_path = PathText(
        "Folder of the stimulus set",
        ask="Folder of a stimulus set",
        hint="Folder of a written stimulus set, with its manifest.json",
        settled=True,
    )
    kind = Choice("Kind of package", choices=[(kind, made.title) for kind, made in FORMATS.items()], letters=24)
    out = Text("Folder to write")

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Make a package")
        self.setMinimumWidth(LEAST_WIDTH)
        self._set: StimulusSet | None = None
        self._plan: PackagePlan | None = None
        self._planned_trials = True
        self._made: Path | None = None
        self._proposed = ""
        self.make_fields()
        self._make_parts()
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TYPING_MS)
        self._connect()
        self.take_kind()

    def start(self, folder: str) -> None:
        """Open with a set, or with none."""
        known = self._set is not None and Path(folder) == self._set.folder
        if folder and not known and not self.work.busy:
            self.set_path.setText(folder)
            self._choose(folder)

    def show_set(self, found: StimulusSet) -> None:
        """A set was read."""
        self._set = found
        self._proposed = self.out.value()
        self.set_note.setText(f"{found.name}: {len(found.rows)} stimuli in {len(found.pairs)} pairs, all files checked")
        self._propose_out()
        self._want_plan()

    def refuse_set(self, text: str) -> None:
        """The folder is no set, or one that was edited."""
        self._set = self._plan = None
        self.set_note.setText("")
        self._say("", error=text)

    def show_plan(self, plan: PackagePlan) -> None:
        """The durations and warnings of what the fields say; a plan of fields that were changed since is not used."""
        if self._timer.isActive():
            return
        self._plan = plan
        has_trials = self._kind_format().has_trials
        *facts, duration = plan.describe() if has_trials else (plan.describe_set(),)
        self.duration.setText(duration)
        self.facts.setText("\n\n".join(facts))
        self.warnings.setText("\n\n".join(plan.warnings() if has_trials else ()))
        self._say("")

    def refuse_plan(self, text: str) -> None:
        """The fields contradict each other."""
        self._plan = None
        self.duration.setText("")
        self.facts.setText("")
        self.warnings.setText("")
        self._say("", error=text)

    def show_done(self, folder: Path) -> None:
        """The package is there."""
        self._made = folder
        self._say(f"Wrote {folder}. Its README.md says how to run it.")
        self._propose_out()

    def reject(self) -> None:
        """Escape and Close leave a running job running."""
        self.hide()

    def _make_parts(self) -> None:
        self.set_note = make_label("", "muted")
        self.summary = make_label("", "muted")
        self.form = PackageForm()
        self.load = make_button("Load timing…", tip="Fill the fields from a timing template (TOML)")
        self.save = make_button("Save timing…", tip="Save the fields as a timing template (TOML)")
        self.duration = make_label("", "strong", wraps=True)
        self.facts = make_label("", wraps=True)
        self.warnings = make_label("", "warning", wraps=True)
        self.browse_out = make_button("Choose…", tip="Choose the location of the new folder")
        self.work = JobLine()
        self.open_folder = make_button("Open folder", tip="Show the finished package in the file manager")
        self.cancel = make_button("Cancel writing", tip="Stop; no partial files are kept")
        self.close_button = make_button("Close")
        self.make = make_button("Make package", "primary")
        self.make.setDefault(True)

    def _lay_out(self) -> None:
        choice = make_row(self.set_path, self.set_path.browse)
        choice.setStretch(0, 1)
        kinds = make_row(self.kind, self.summary)
        kinds.setStretch(1, 1)
        told = make_column(self.duration, self.warnings, self.facts, -1, gap=10)
        facts = QWidget()
        facts.setFixedWidth(FACTS_WIDTH)
        timing = make_row(self.load, self.save, -1)
        facts.setLayout(make_column(make_heading("Summary"), make_scroll(told), timing))
        middle = make_row(self.form, facts, gap=24)
        middle.setStretch(0, 1)
        out = make_row(make_label("New folder"), self.out, self.browse_out)
        out.setStretch(1, 1)
        ends = make_row(self.open_folder, self.cancel, -1, self.close_button, self.make)
        title = make_label("Make a package", "title")
        heads = (title, choice, self.set_note, kinds, make_line(), middle, make_line())
        self.setLayout(make_column(*heads, out, self.work, ends, gap=8, margin=20))

    def _connect(self) -> None:
        self._timer.timeout.connect(self._request_plan)
        self.browse_out.clicked.connect(self._browse_out)
        self.form.changed.connect(self._want_plan)
        self.load.clicked.connect(self._load_template)
        self.save.clicked.connect(self._save_template)
        self.cancel.clicked.connect(self.work.cancel)
        self.work.changed.connect(self._refresh)
        self.close_button.clicked.connect(self.reject)
        self.open_folder.clicked.connect(self._ask_folder)
        self.make.clicked.connect(self._request_package)

    def _kind_format(self) -> Format:
        return FORMATS[self.kind.value()]

    def _choose(self, folder: str) -> None:
        self._set = self._plan = None
        self._say("Reading and checking the set…")
        self.set_chosen.emit(folder)

    def take_set_path(self) -> None:
        """A set was typed or chosen."""
        path = self.set_path.path()
        if path is not None and (self._set is None or path != self._set.folder):
            self._choose(self.set_path.value())

    @Slot()
    def _browse_out(self) -> None:
        start = str(Path(self.out.text()).expanduser().parent)
        parent = QFileDialog.getExistingDirectory(self, "Location of the new folder", start)
        if parent:
            self.out.setText(str(Path(parent) / Path(self.out.text()).name))

    def take_kind(self, *_: object) -> None:
        """Another kind of package: its own name beside the set, and no timing where it has no trials."""
        self.summary.setText(self._kind_format().summary)
        self.form.setEnabled(self._kind_format().has_trials and not self.work.busy)
        self.form.setToolTip("" if self._kind_format().has_trials else "This kind of package has no trials")
        self._propose_out()
        if self._plan is not None and self._planned_trials == self._kind_format().has_trials:
            self.show_plan(self._plan)
            self._refresh()
        else:  # kinds without trials need no order
            self._want_plan()

    def _propose_out(self) -> None:
        """A name beside the set that is not taken; a folder the user typed is kept until a package is written there."""
        typed = self.out.value()
        if self._set is None or (typed not in ("", self._proposed) and self.out_folder() != self._made):
            return
        stem = self._set.folder.parent / f"{self._set.folder.name}-{self.kind.value()}"
        names = [stem, *(stem.with_name(f"{stem.name}-{number}") for number in range(2, 100))]
        self._proposed = str(next((path for path in names if not path.exists()), stem))
        self.out.setText(self._proposed)

    def out_folder(self) -> Path:
        """The folder to write."""
        return Path(self.out.value()).expanduser()

    def tell(self) -> None:
        """Say whether a package can be made now."""
        self._refresh()

    @Slot()
    def _want_plan(self) -> None:
        self._plan = None
        self._timer.start()
        self._refresh()

    @Slot()
    def _request_plan(self) -> None:
        if self._set is None or self.work.busy:
            return
        try:
            template = fit_template(self.form.value(), self.kind.value())
        except ProbeError as error:
            self.refuse_plan(str(error))
            return
        self._planned_trials = self._kind_format().has_trials
        self.plan_requested.emit(self._set, template)

    @Slot()
    def _load_template(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load a timing template", "", TEMPLATE_FILTER)
        if path:
            self._try_template(Path(path))

    def _try_template(self, path: Path) -> None:
        try:
            self.form.set_value(read_template(path))
        except ProbeError as error:
            self._say("", error=str(error))
        else:
            self._say(f"Loaded {path.name}.")

    @Slot()
    def _save_template(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the timing template", "timing.toml", TEMPLATE_FILTER)
        if not path:
            return
        try:
            write_template(self.form.value(), Path(path).with_suffix(".toml"))
        except ProbeError as error:
            self._say("", error=str(error))
        else:
            self._say(f"Saved {Path(path).with_suffix('.toml').name}.")

    @Slot()
    def _request_package(self) -> None:
        if self._plan is not None:
            self._made = None
            self.package_requested.emit(self._plan, self.kind.value(), self.out_folder())

    @Slot()
    def _ask_folder(self) -> None:
        if self._made is not None:
            self.folder_requested.emit(self._made)

    def _say(self, note: str, *, error: str = "") -> None:
        self.work.say(note, error=error)
        self._refresh()

    def _reason(self) -> str:
        """Why no package can be made now; empty if one can."""
        if self.work.busy:
            return "A package is being written"
        if self._set is None:
            return "Choose a stimulus set first"
        if self._plan is None:
            return self.work.error.text() or "The trial orders are being computed"
        return "" if self.out.text().strip() else "Name the folder to write"

    @Slot()
    def _refresh(self) -> None:
        reason = self._reason()
        self.make.setEnabled(not reason)
        self.make.setToolTip(reason or "Write the package into the new folder")
        writing = self.work.busy
        self.cancel.setVisible(writing)
        self.open_folder.setVisible(self._made is not None)
        self.allow_all("A package is being written" if writing else "")
        for button in (self.browse_out, self.load, self.save):
            button.setEnabled(not writing)
        self.form.setEnabled(self._kind_format().has_trials and not writing)
        for label in (self.warnings, self.duration):
            label.setVisible(bool(label.text()))
