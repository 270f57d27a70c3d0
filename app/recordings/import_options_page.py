"""The page of the import assistant that shows what was found and asks what to make of it. Never reads a recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QFileDialog, QGridLayout, QLineEdit, QListWidget, QListWidgetItem, QWidget

from app.recordings.import_pages import FactTable
from app.widgets.basics import make_button, make_column, make_heading, make_label, make_row
from core.datasets.import_options import DEFAULT_SHARE, OWN, REPEATED, ImportOptions
from core.datasets.kinds import SourceSummary
from core.datasets.summary import format_counts
from core.errors import ProbeError

SHARE_STEPS = ("0.1", "0.15", "0.2", "0.3")
SPACES = (("Usual", ""), ("func1pt8mm volume", "func1pt8mm"), ("func1mm volume", "func1mm"), ("fsaverage", "fsaverage"))
FILE_RULE = "A list of image ids…"
IDS_FILTER = "Image ids, one a line (*.txt)"
TABLE_FILTER = "Tables (*.csv *.tsv);;All files (*)"


class OptionsPage(QWidget):
    """What was found, and what to make of it; `changed` asks to look again, `accepted` to import."""

    changed = Signal()
    accepted = Signal()
    went_back = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.found = FactTable()
        self._suggested = ("", "")
        self.identity, self.title, self.mask_name = QLineEdit(), QLineEdit(), QLineEdit()
        self.mask_name.setPlaceholderText("usual, all, or a mask's name")
        self.participant, self.space, self.surface = QComboBox(), QComboBox(), QComboBox()
        self.held_out, self.bad_voxels = QComboBox(), QComboBox()
        self.rois = QListWidget()
        self.images = _PathField("where the recording has them", folder=True)
        self.categories = _PathField("CSV: image, category", folder=False)
        self.error = make_label(role="field-error", wraps=True)
        back = make_button("Back")
        self.accept = make_button("Import", "primary")
        for text, value in SPACES:
            self.space.addItem(text, value)
        for text, value in (("Leave out and report", "drop"), ("Stop the import", "refuse")):
            self.bad_voxels.addItem(text, value)
        self._lay_out(back)
        for combo in (self.participant, self.space, self.surface):
            combo.activated.connect(self.changed)
        self.mask_name.editingFinished.connect(self.changed)
        self.images.chosen.connect(self.changed)
        self.identity.textChanged.connect(self._check)
        self.held_out.activated.connect(self._take_rule)
        back.clicked.connect(self.went_back)
        self.accept.clicked.connect(self.accepted)

    def set_surfaces(self, names: Sequence[str]) -> None:
        """Offer the surfaces that are there."""
        self.surface.clear()
        self.surface.addItem("Usual for the recording", "")
        for name in names:
            self.surface.addItem(name, name)

    def show_finding(self, finding: SourceSummary, *, is_new: bool) -> None:
        """Show what was found; a new source fills the form anew."""
        self.found.set_rows(describe_finding(finding))
        suggested = (suggest_id(finding), finding.title)
        if is_new or (self.identity.text(), self.title.text()) == self._suggested:
            self.identity.setText(suggested[0])
            self.title.setText(suggested[1])
        self._suggested = suggested
        self._fill_rois(finding)
        with QSignalBlocker(self.participant):
            self.participant.clear()
            for name in finding.people or ("",):
                self.participant.addItem(name or "the only one", name)
            self.participant.setCurrentIndex(max(0, self.participant.findData(finding.person)))
        self.participant.setEnabled(len(finding.people) > 1)
        self.space.setEnabled(finding.kind == "nsd")
        self._fill_held_out(finding)
        self.error.setText("")
        self._check()

    def options(self) -> ImportOptions:
        """What the form says. Raises BadInputError for a bad field."""
        every = [self.rois.item(row) for row in range(self.rois.count())]
        ticked = tuple(item.text() for item in every if item.checkState() == Qt.CheckState.Checked)
        return ImportOptions(
            self.identity.text().strip(),
            title=self.title.text().strip(),
            participant=self.participant.currentData() or "",
            space=self.space.currentData(),
            mask=self.mask_name.text().strip(),
            rois=ticked if len(ticked) < len(every) else (),
            surface=self.surface.currentData() or "",
            held_out=self.held_out.currentData() or OWN,
            images=self.images.path(),
            categories=self.categories.path(),
            bad_voxels=self.bad_voxels.currentData(),
        )

    @Slot(int)
    def _take_rule(self, index: int) -> None:
        """A list of ids is asked for; without one the first rule is taken."""
        if self.held_out.itemText(index) != FILE_RULE:
            return
        chosen, _ = QFileDialog.getOpenFileName(self, "Ids of the images to hold out", "", IDS_FILTER)
        if chosen:
            self.held_out.insertItem(0, f"The images in {Path(chosen).name}", chosen)
        self.held_out.setCurrentIndex(0)

    @Slot()
    def _check(self) -> None:
        try:
            self.options()
            reason = ""
        except ProbeError as error:
            reason = str(error)
        self.accept.setEnabled(not reason)
        self.accept.setToolTip(reason)

    def _fill_rois(self, finding: SourceSummary) -> None:
        """Offer the ROIs; the same ones keep their ticks."""
        if [self.rois.item(row).text() for row in range(self.rois.count())] == [name for name in finding.rois if name]:
            return
        self.rois.clear()
        for name, count in finding.rois.items():
            if name:
                item = QListWidgetItem(name)
                item.setToolTip(f"{count:,} voxels")
                item.setFlags(Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled)
                item.setCheckState(Qt.CheckState.Checked)
                self.rois.addItem(item)

    def _fill_held_out(self, finding: SourceSummary) -> None:
        own = f"As recorded: {finding.held_out_rule} ({finding.n_held_out:,})"
        rules = [(own if finding.n_held_out else f"{DEFAULT_SHARE:.0%} drawn: none are set aside", OWN)]
        if len(finding.repeats) > 1:
            rules.append(("Images with the most repeats", REPEATED))
        rules += [(f"{float(share):.0%} drawn, of each category", share) for share in SHARE_STEPS]
        kept = self.held_out.currentData()
        rules.append((FILE_RULE, ""))
        self.held_out.clear()
        for text, value in rules:
            self.held_out.addItem(text, value)
        self.held_out.setCurrentIndex(max(0, self.held_out.findData(kept)))

    def _lay_out(self, back: QWidget) -> None:
        form = QGridLayout()
        form.setHorizontalSpacing(10)
        form.setVerticalSpacing(6)
        form.setColumnStretch(1, 1)
        fields: tuple[tuple[str, QWidget], ...] = (
            ("Subject id", self.identity),
            ("Title", self.title),
            ("Participant", self.participant),
            ("Space", self.space),
            ("Voxel mask", self.mask_name),
            ("Surface", self.surface),
            ("Held out", self.held_out),
            ("Bad voxels", self.bad_voxels),
            ("Images", self.images),
            ("Categories", self.categories),
            ("Only ROIs", self.rois),
        )
        for row, (name, field) in enumerate(fields):
            field.setAccessibleName(name)
            side = Qt.AlignmentFlag.AlignTop if field is self.rois else Qt.AlignmentFlag.AlignVCenter
            form.addWidget(make_label(name, "muted"), row, 0, side)
            form.addWidget(field, row, 1)
        left = make_column(make_heading("Found"), self.found, gap=8)
        right = make_column(make_heading("Import as"), form, gap=8)
        both = make_row(left, right, gap=24)
        both.setStretch(0, 1)
        both.setStretch(1, 1)
        column = make_column(both, self.error, make_row(back, -1, self.accept), gap=10)
        column.setStretch(0, 1)
        self.setLayout(column)


class _PathField(QWidget):
    """A field for a file or folder that may stay empty."""

    chosen = Signal()

    def __init__(self, hint: str, *, folder: bool) -> None:
        super().__init__()
        self._folder = folder
        self.field = QLineEdit()
        self.field.setPlaceholderText(hint)
        browse = make_button("Choose…")
        row = make_row(self.field, browse, gap=6)
        row.setStretch(0, 1)
        self.setLayout(row)
        browse.clicked.connect(self._browse)
        self.field.editingFinished.connect(self.chosen)

    def path(self) -> Path | None:
        """What is written there."""
        text = self.field.text().strip()
        return Path(text).expanduser() if text else None

    @Slot()
    def _browse(self) -> None:
        if self._folder:
            found = QFileDialog.getExistingDirectory(self, "Folder of the images", self.field.text())
        else:
            found, _ = QFileDialog.getOpenFileName(self, "Table of categories", self.field.text(), TABLE_FILTER)
        if found:
            self.field.setText(found)
            self.chosen.emit()


def describe_finding(finding: SourceSummary) -> list[tuple[str, str]]:
    """Rows of what was found."""
    repeats = ", ".join(f"{count:,} × {times}" for times, count in finding.repeats.items())
    missing = f"; missing: {', '.join(finding.missing_sessions)}" if finding.missing_sessions else ""
    rows = [
        ("Kind", finding.kind_title),
        ("Data", "measured" if finding.measured else "simulated"),
        ("People", ", ".join(finding.people) or "one"),
        ("Images", f"{finding.n_images:,} ({repeats} trials)"),
        ("Voxels", f"{finding.n_voxels:,} on {finding.surface or 'no surface'}"),
        ("ROIs", format_counts(finding.rois, "no ROI")),
        ("Sessions", f"{len(finding.sessions)} present{missing}"),
        ("Noise ceiling", "known" if finding.has_noise_ceiling else "unknown: no repeats"),
        ("Held out", f"{finding.n_held_out:,}: {finding.held_out_rule}" if finding.n_held_out else "none set aside"),
        ("Categories", format_counts(finding.categories, "unknown")),
        ("Unit", finding.response_unit),
    ]
    return [*rows, *(("Note", remark) for remark in finding.remarks)]


def suggest_id(finding: SourceSummary) -> str:
    """An id to start from: "nsd-subj01"."""
    name = "-".join(part for part in (finding.kind, finding.person) if part)
    if finding.kind in ("generic", "nifti"):
        name = Path(finding.source).stem
    return (
        "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)[:64].strip("-_") or "sub-01"
    )
