"""Asks what package to make of which set, shows durations and warnings as they are typed, and has it written.

no set -> (reading) -> set -> (planning) -> plan -> writing -> plan, with a folder, a failure or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QWidget

from app.base.jobs import JobLane
from app.widgets.ask_path import ask_open, ask_path
from app.widgets.basics import (
    allow,
    fill_dialog,
    make_button,
    make_column,
    make_heading,
    make_label,
    make_line,
    make_row,
    make_scroll,
    show_text,
)
from app.widgets.copy_work import make_copy_button
from app.widgets.editors import NumberBox
from app.widgets.form import Choice, Count, Field, Fields, Form, Number, PathText, Text
from app.widgets.job_line import JobLine, Reading
from core.commands.works import CommandWork
from core.errors import BadInputError, ProbeError
from core.experiments.packages.orders import CatchKind, OrderConfig
from core.experiments.packages.package import FORMATS, Format, PackageKind, fit_template, iter_package
from core.experiments.packages.plan import PackagePlan, make_plan
from core.experiments.packages.template import Template, read_template, write_template
from core.experiments.packages.timing import LONGEST_SECONDS, PUBLISHED_DEGREES, Screen, Timing
from core.progress import Progress
from core.stimuli.manifest import StimulusSet, read_manifest

LEAST_WIDTH, FACTS_WIDTH = 940, 320
TYPING_MS = 200
"""A plan is made when nothing was typed for so long."""
READ, PLAN, WRITE = "read set", "plan package", "write package"
TEMPLATE_FILTER = "Timing template (*.toml)"
BUSY = "A package is being written"
CATCHES = ((CatchKind.DOT, "a dot at fixation"), (CatchKind.REPEAT, "the previous image again"))
LONGEST_KEY = 5
TRIAL = ("stimulus_seconds", "gap_seconds", "lead_in_seconds", "lead_out_seconds")
RUNS = (
    *("runs", "stimuli_per_run", "repeats", "participants", "catch_per_run", "catch_kind", "blanks_per_run"),
    *("spacing", "seed", "trigger_key", "response_key"),
)
SCREEN = ("degrees", "width_cm", "distance_cm", ("Pixels", "width_px", "height_px"), "grey")


def _seconds(title: str, tip: str) -> Field[NumberBox]:
    return Number(title, tip, most=LONGEST_SECONDS, step=0.5, decimals=3, plain=True, unit=" s")


def _length(title: str, tip: str) -> Field[NumberBox]:
    return Number(title, f"{tip}. Measure it", most=LONGEST_SECONDS, plain=True, unit=" cm")


class PackageForm(Form):
    """Two columns of fields; `changed` fires when one of them does."""

    stimulus_seconds = _seconds("On", "How long a stimulus is shown")
    gap_seconds = _seconds("Off", "Fixation after each stimulus")
    lead_in_seconds = _seconds("Lead-in", "Fixation before the first trial of a run")
    lead_out_seconds = _seconds("Lead-out", "Fixation after the last trial, so that the slow response can settle")
    runs = Count("Runs", "Runs per participant", zero="automatic")
    stimuli_per_run = Count("Stimuli per run", "Where the number of runs is automatic", least=1)
    repeats = Count("Repeats", "How often a participant sees each stimulus, over all runs", least=1)
    participants = Count("Participants", "Each gets their own trial orders", least=1)
    catch_per_run = Count("Catch trials per run", "Trials on which the participant presses the response key")
    catch_kind = Choice("Catch trial shows", choices=CATCHES, name="What a catch trial shows")
    blanks_per_run = Count("Blanks per run", "Fixation-only trials")
    spacing = Count("Spacing", "Number of preceding stimuli that never show the same source image")
    seed = Count("Seed", "The same seed gives the same orders")
    trigger_key = Text("Trigger key", "Starts a run; scanners often send 5", longest=LONGEST_KEY)
    response_key = Text("Response key", 'One character or "space"', longest=LONGEST_KEY)
    degrees = Number(
        "Size",
        f"Width of a stimulus; left automatic, what the set says, or else the published {PUBLISHED_DEGREES:g} deg",
        most=LONGEST_SECONDS,
        step=0.1,
        plain=True,
        unit=" deg",
        zero="as stated in the set",
        name="Size in degrees",
    )
    width_cm = _length("Screen width", "Width of the picture on the screen")
    distance_cm = _length("Distance", "From eye to screen, via the mirror if there is one")
    width_px = Count("", "Screen width in pixels", least=1, name="Screen width in pixels")
    height_px = Count("", "Screen height in pixels", least=1, name="Screen height in pixels")
    grey = Number("Background", "0 is black, 1 is white (sRGB)", most=1, step=0.05, plain=True)

    def __init__(self) -> None:
        super().__init__()
        trial, runs, screen = (("", make_heading(text)) for text in ("Trial", "Runs", "Screen"))
        left = make_column(self.make_rows(trial, *TRIAL, screen, *SCREEN), -1)
        right = make_column(self.make_rows(runs, *RUNS), -1)
        self.setLayout(make_row(left, right, gap=24))
        self.set_value(Template())

    def value(self) -> Template:
        """What the fields say. Raises BadInputError for values that cannot be used."""
        return Template(
            timing=self.make_config(Timing),
            order=self.make_config(OrderConfig),
            screen=self.make_config(Screen, degrees=self.degrees.value() or None),
        )

    def set_value(self, template: Template) -> None:
        """Show a template."""
        self.show_config(template.timing)
        self.show_config(template.order)
        self.show_config(template.screen, keep=("degrees",))
        self.degrees.set_value(template.screen.degrees or 0.0)
        self.changed.emit()


class PackageDialog(QDialog, Fields):
    """A set, a kind, the template's fields and what they come to; `written` tells of a finished package's folder."""

    written = Signal(Path)

    set_path = PathText(
        "Folder of the stimulus set",
        ask="Folder of a stimulus set",
        hint="Folder of a written stimulus set, with its manifest.json",
        settled=True,
    )
    kind = Choice("Kind of package", choices=[(kind, made.title) for kind, made in FORMATS.items()], letters=24)
    out = Text("Folder to write")

    def __init__(self, lane: JobLane, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lane = lane
        self._set: StimulusSet | None = None
        self._plan: PackagePlan | None = None
        self._planned_trials = True
        self._made: Path | None = None
        self._proposed = ""
        self._timer = QTimer(self, singleShot=True, interval=TYPING_MS)
        self._timer.timeout.connect(self._make_plan)
        self.make_fields()
        self.set_note, self.summary = make_label("", "muted"), make_label("", "muted")
        self.form, self.work = PackageForm(), JobLine()
        self.duration = make_label("", "strong", wraps=True)
        self.facts, self.warnings = make_label("", wraps=True), make_label("", "warning", wraps=True)
        self._lay_out()
        self.form.changed.connect(self._want_plan)
        self.work.changed.connect(self.tell)
        self._tell("", (), ())
        self.take_kind()

    def start(self, folder: str) -> None:
        """Open with a set, or with none."""
        known = self._set is not None and Path(folder) == self._set.folder
        if folder and not known and not self.work.busy:
            self.set_path.setText(folder)
            self._read(folder)

    def write(self, plan: PackagePlan, kind: PackageKind, folder: Path) -> None:
        """Have a package written into a new folder."""
        self._made = None
        self.work.run(
            self._lane,
            WRITE,
            lambda stop: iter_package(plan, kind, folder, should_stop=stop),
            title=f"Writing the {FORMATS[kind].title} package…",
            on_done=self._take_package,
            read=lambda at: Reading(at.share, f"Writing {at.what} ({at.done} of {at.total})"),
            stopped="Cancelled. Nothing was written.",
        )

    def out_folder(self) -> Path:
        """The folder to write."""
        return Path(self.out.value()).expanduser()

    def _find(self) -> CommandWork:
        if self._set is None:
            raise BadInputError("Choose a stimulus set first.")
        template, kind = self.form.value(), PackageKind(self.kind.value())
        pixels = (template.screen.width_px, template.screen.height_px)
        values = {"stimuli": self._set.folder, "kind": kind, "template": template, "out": self.out_folder()}
        return CommandWork("package", values | {"screen_px": pixels})

    def reject(self) -> None:
        """Escape and Close leave a running job running."""
        self.hide()

    def take_set_path(self) -> None:
        """A set was typed or chosen."""
        path = self.set_path.path()
        if path is not None and (self._set is None or path != self._set.folder):
            self._read(self.set_path.value())

    def take_kind(self, *_: object) -> None:
        """Another kind of package: its own name beside the set, and no timing where it has no trials."""
        made = self._format()
        self.summary.setText(made.summary)
        self.form.setToolTip("" if made.has_trials else "This kind of package has no trials")
        self._propose_out()
        if self._plan is not None and self._planned_trials == made.has_trials:
            self._show_plan(self._plan)
        else:  # kinds without trials need no order
            self._want_plan()

    def _lay_out(self) -> None:
        self.load = make_button("Load timing…", do=self._load, tip="Fill the fields from a timing template (TOML)")
        self.save = make_button("Save timing…", do=self._save, tip="Save the fields as a timing template (TOML)")
        self.browse_out = make_button("Choose…", do=self._browse_out, tip="Choose the location of the new folder")
        folder_tip = "Show the finished package in the file manager"
        self.open_folder = make_button("Open folder", do=self._open_folder, tip=folder_tip)
        self.cancel = make_button("Cancel writing", do=self.work.cancel, tip="Stop; no partial files are kept")
        self.copy = make_copy_button(self._find, self.work.error)
        self.make = make_button("Make package", "primary", self._make_package)
        self.make.setDefault(True)
        told = make_column(self.duration, self.warnings, self.facts, -1, gap=10)
        facts = QWidget()
        facts.setFixedWidth(FACTS_WIDTH)
        facts.setLayout(make_column(make_heading("Summary"), make_scroll(told), make_row(self.load, self.save, -1)))
        fill_dialog(
            self,
            "Make a package",
            make_label("Make a package", "title"),
            make_row(self.set_path, self.set_path.browse, stretch=0),
            self.set_note,
            make_row(self.kind, self.summary, stretch=1),
            make_line(),
            make_row(self.form, facts, gap=24, stretch=0),
            make_line(),
            make_row(make_label("New folder"), self.out, self.browse_out, stretch=1),
            self.work,
            make_row(self.open_folder, self.cancel, self.copy, -1, make_button("Close", do=self.reject), self.make),
            gap=8,
            margin=20,
            width=LEAST_WIDTH,
        )

    def _format(self) -> Format:
        return FORMATS[self.kind.value()]

    def _read(self, folder: str) -> None:
        self._set = self._plan = self._made = None
        self._say("Reading and checking the set…")
        self._lane.submit(
            READ,
            lambda _stop: read_manifest(Path(folder)),
            on_done=self._show_set,
            refuse=self._refuse_set,
            title="Reading the set…",
        )

    def _show_set(self, found: StimulusSet) -> None:
        self._set = found
        self._proposed = self.out.value()
        self.set_note.setText(f"{found.name}: {len(found.rows)} stimuli in {len(found.pairs)} pairs, all files checked")
        self._propose_out()
        self._want_plan()

    def _refuse_set(self, text: str) -> None:
        """The folder is no set, or one that was edited."""
        self._set = self._plan = None
        self.set_note.setText("")
        self._say("", error=text)

    def _want_plan(self) -> None:
        self._plan = None
        self._timer.start()
        self.tell()

    def _make_plan(self) -> None:
        found = self._set
        if found is None or self.work.busy:
            return
        try:
            template = fit_template(self.form.value(), self.kind.value())
        except ProbeError as error:
            self._refuse_plan(error.plain)
            return
        self._planned_trials = self._format().has_trials
        self._lane.submit(
            PLAN,
            lambda _stop: make_plan(found, template),
            on_done=self._show_plan,
            refuse=self._refuse_plan,
            title="Ordering the trials…",
        )

    def _show_plan(self, plan: PackagePlan) -> None:
        """The durations and warnings of what the fields say; a plan of fields that were changed since is not used."""
        if self._timer.isActive():
            return
        self._plan = plan
        has_trials = self._format().has_trials
        *facts, duration = plan.describe() if has_trials else (plan.describe_set(),)
        self._tell(duration, facts, plan.warnings() if has_trials else ())

    def _refuse_plan(self, text: str) -> None:
        """The fields contradict each other."""
        self._plan = None
        self._tell("", (), (), error=text)

    def _tell(self, duration: str, facts: Iterable[str], warnings: Iterable[str], *, error: str = "") -> None:
        show_text(self.duration, duration)
        self.facts.setText("\n\n".join(facts))
        show_text(self.warnings, "\n\n".join(warnings))
        self._say("", error=error)

    def _propose_out(self) -> None:
        """A name beside the set that is not taken; a folder the user typed is kept until a package is written there."""
        typed = self.out.value()
        if self._set is None or (typed not in ("", self._proposed) and self.out_folder() != self._made):
            return
        stem = self._set.folder.parent / f"{self._set.folder.name}-{self.kind.value()}"
        names = [stem, *(stem.with_name(f"{stem.name}-{number}") for number in range(2, 100))]
        self._proposed = str(next((path for path in names if not path.exists()), stem))
        self.out.setText(self._proposed)

    def _browse_out(self) -> None:
        if parent := ask_open(self, "Location of the new folder", self.out_folder().parent):
            self.out.setText(str(parent / self.out_folder().name))

    def _load(self) -> None:
        path = ask_open(self, "Load a timing template", pattern=TEMPLATE_FILTER)
        template = self.work.attempt(lambda: read_template(path)) if path is not None else None
        if path is not None and template is not None:
            self.form.set_value(template)
            self._say(f"Loaded {path.name}.")

    def _save(self) -> None:
        path = ask_path(self, "Save the timing template", "timing.toml", TEMPLATE_FILTER)
        if path is None:
            return
        file = path.with_suffix(".toml")
        if self.work.attempt(lambda: write_template(self.form.value(), file)) is not None:
            self._say(f"Saved {file.name}.")

    def _make_package(self) -> None:
        if self._plan is not None:
            self.write(self._plan, self.kind.value(), self.out_folder())

    def _take_package(self, last: Progress[Path]) -> None:
        if last.result is not None:
            self._made = last.result
            self._say(f"Wrote {last.result}. Its README.md says how to run it.")
            self._propose_out()
            self.written.emit(last.result)

    def _open_folder(self) -> None:
        if self._made is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._made)))

    def _say(self, note: str, *, error: str = "") -> None:
        self.work.say(note, error=error)
        self.tell()

    def _reason(self) -> str:
        """Why no package can be made now; empty if one can."""
        if self.work.busy:
            return BUSY
        if self._set is None:
            return "Choose a stimulus set first"
        if self._plan is None:
            return self.work.error.text() or "The trial orders are being computed"
        return "" if self.out.value() else "Name the folder to write"

    def tell(self) -> None:
        """Say whether a package can be made now."""
        reason, writing = self._reason(), self.work.busy
        allow(self.make, reason, "Write the package into the new folder")
        self.cancel.setVisible(writing)
        self.open_folder.setVisible(self._made is not None)
        self.allow_all(BUSY if writing else "")
        for button in (self.browse_out, self.load, self.save):
            button.setEnabled(not writing)
        self.form.setEnabled(self._format().has_trials and not writing)
