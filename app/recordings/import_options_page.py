"""The page of the import assistant that shows what was found and asks what to make of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from app.widgets.ask_path import ask_open
from app.widgets.basics import allow, make_button, make_column, make_heading, make_label, make_row
from app.widgets.form import MOST_SEED, Checks, Choice, Count, Form, PathText, Text, why_not
from app.widgets.plain_table import FactTable
from core.datasets.import_options import DEFAULT_SHARE, OWN, REPEATED, ImportOptions
from core.datasets.kinds import SourceSummary

SHARE_STEPS = ("0.1", "0.15", "0.2", "0.3")
SPACES = (("", "Default"), ("func1pt8mm", "func1pt8mm volume"), ("func1mm", "func1mm volume"), ("fsaverage",) * 2)
BAD_VOXELS = (
    ("fewest", "Leave out what costs least and report"),
    ("drop", "Leave out voxels and report"),
    ("refuse", "Stop the import"),
)
USUAL_SURFACE = ("", "Default for the recording")
FILE_RULE = (None, "A list of image ids…")
IDS_FILTER = "Image ids, one a line (*.txt)"
TABLE_FILTER = "Tables (*.csv *.tsv);;All files (*)"


class OptionsPage(Form):
    """What was found, and what to make of it; `changed` asks for a new inspection."""

    subject = Text("Subject id")
    title = Text("Title")
    participant = Choice("Participant")
    space = Choice("Space", choices=SPACES)
    mask_name = Text("Voxel mask", hint="default, all, or a mask's name", settled=True)
    surface = Choice("Surface", choices=(USUAL_SURFACE,))
    held_out = Choice("Held out")
    bad_voxels = Choice("Bad voxels", choices=BAD_VOXELS)
    images = PathText("Images", ask="Folder of the images", hint="as given in the recording", settled=True)
    categories = PathText(
        "Categories", ask="Table of categories", kinds=TABLE_FILTER, hint="CSV: image, category", settled=True
    )
    seed = Count("Seed", "Seed for drawing the held-out images", most=MOST_SEED)
    averaged = Count("Rows are means of", "Repeats each row is already the mean of", zero="as the recording says")
    rois = Checks("Only ROIs")

    def __init__(self, back: Callable[[], object] | None = None, accept: Callable[[], object] | None = None) -> None:
        super().__init__()
        self.found = FactTable()
        self._suggested = ("", "")
        self._rules: list[tuple[str | None, str]] = []
        self.error = make_label(role="field-error", wraps=True)
        self.accept = make_button("Import", "primary", accept)
        left = make_column(make_heading("Found"), self.found, gap=8)
        right = make_column(make_heading("Import as"), self.make_rows(*self.fields()), gap=8)
        both = make_row(left, right, gap=24, shares=(1, 1))
        self.buttons = make_row(make_button("Back", do=back), -1, self.accept)
        self.setLayout(make_column(both, self.error, self.buttons, gap=10, stretch=0))

    def set_surfaces(self, names: Sequence[str]) -> None:
        """List the surfaces that are there."""
        self.surface.set_choices([USUAL_SURFACE, *((name, name) for name in names)])

    def show_finding(self, finding: SourceSummary, *, is_new: bool) -> None:
        """Show what was found; a new source fills the form anew."""
        self.found.set_rows(finding.lines())
        suggested = (suggest_id(finding), finding.title)
        if is_new or (self.subject.text(), self.title.text()) == self._suggested:
            self.subject.set_value(suggested[0])
            self.title.set_value(suggested[1])
        self._suggested = suggested
        self._fill_rois(finding)
        people = [(name, name or "the only one") for name in finding.people or ("",)]
        self.participant.set_choices(people, finding.person)
        self.allow("participant", "" if len(finding.people) > 1 else "The recording is of one participant")
        self.allow("space", "" if finding.kind == "nsd" else "Only NSD comes in several spaces")
        self._fill_held_out(finding, kept=None if is_new else (self.held_out.value(), self.held_out.currentText()))
        self.error.setText("")
        self.refresh()

    def options(self) -> ImportOptions:
        """What the form says. Raises BadInputError for a bad field."""
        every, ticked = self.rois.values(), self.rois.value()
        return self.make_config(
            ImportOptions,
            mask=self.mask_name.value(),
            rois=ticked if len(ticked) < len(every) else (),
            held_out=self.held_out.value() or OWN,
            images=self.images.path(),
            categories=self.categories.path(),
        )

    def take_held_out(self, *_: object) -> None:
        """A list of ids is asked for; without one the first rule is taken."""
        if self.held_out.value() is not None:
            return
        if chosen := ask_open(self, "Ids of the images to hold out", pattern=IDS_FILTER):
            own = (str(chosen), f"The images in {chosen.name}")
            self.held_out.set_choices([own, *self._rules], str(chosen))
        else:
            self.held_out.set_value(self._rules[0][0])

    def take_subject(self, *_: object) -> None:
        """Only the id can be refused; nothing is read again for it."""
        self.refresh()

    take_title = take_bad_voxels = take_categories = take_rois = take_seed = take_subject

    def refresh(self) -> None:
        """Say what is wrong."""
        allow(self.accept, why_not(self.options))

    def _fill_rois(self, finding: SourceSummary) -> None:
        """List the ROIs; the same ones keep their ticks."""
        offered = [(name, name, f"{count:,} voxels") for name, count in finding.rois.items() if name]
        names = [name for name, *_ in offered]
        if list(self.rois.values()) != names:
            self.rois.set_choices(offered, checked=names)

    def _fill_held_out(self, finding: SourceSummary, *, kept: tuple[str, str] | None) -> None:
        """List the rules; the one chosen stays, a list of ids too."""
        own = f"As recorded: {finding.held_out_rule} ({finding.n_held_out:,})"
        rules: list[tuple[str | None, str]] = [
            (OWN, own if finding.n_held_out else f"{DEFAULT_SHARE:.0%} drawn: none are set aside")
        ]
        if len(finding.repeats) > 1:
            rules.append((REPEATED, "Images with the most repeats"))
        rules += [(share, f"{float(share):.0%} drawn, of each category") for share in SHARE_STEPS]
        self._rules = [*rules, FILE_RULE]
        is_list = kept is not None and kept[0] is not None and Path(kept[0]).is_file()
        self.held_out.set_choices([kept, *self._rules] if kept and is_list else self._rules, kept and kept[0])


def suggest_id(finding: SourceSummary) -> str:
    """An id to start from: "nsd-subj01"."""
    name = "-".join(part for part in (finding.kind, finding.person) if part)
    if finding.kind in ("generic", "nifti"):
        name = Path(finding.source).stem
    return (
        "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)[:64].strip("-_") or "sub-01"
    )
