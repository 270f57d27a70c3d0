"""Chooses a stimulus set, measured files and how they are compared; shows what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QWidget

from app.widgets.ask_path import ask_files, ask_open
from app.widgets.basics import allow, make_button, make_column, make_heading, make_label, make_row, show_text
from app.widgets.form import MOST_SEED, Choice, Count, Flag, Form, Pick, Text
from app.widgets.recent_button import RecentButton
from core.experiments.measured.compare_config import Cluster, CompareConfig
from core.experiments.measured.measured import MatchOptions, MatchSummary
from core.experiments.measured.planned import MeasuredPlan, Scale
from core.experiments.measured.trial import ARRAY_ENDINGS, ENDINGS, VOLUME_ENDINGS, ReadOptions
from core.session.files import SETS, list_recent
from core.session.record import STIMULUS_SET
from core.stimuli.manifest import MANIFEST

BY_NAME = ("", "found by name")
COLUMN_TIP = "Which column is compared with the targets: found by its name, or the same for all"
SCALES = (
    (Scale.UNIT, "Response unit", "Predicted shifts in the unit of the predicted responses"),
    (Scale.SD, "SD", "In SDs of each network's own predictions over clean images"),
)
CLUSTERS = (
    (Cluster.PROBE, "Probes", "Intervals and sign test over probes"),
    (Cluster.IMAGE, "Images", "Probes of one image share its original: resample them together"),
)
TEMPLATE_TIP = "Write a CSV with a line for each stimulus, to fill in"
PRACTICE_TIP = "Write SIMULATED responses to practise with, and open them"
MOST_SENTENCES = 9
"""Found sentences shown; the tooltip holds all."""


class MeasuredForm(Form):
    """Edits `ReadOptions`, `MatchOptions` and `CompareConfig`.

    `reread` asks to open the files again, `changed` to join them again; the page does what its buttons say.
    """

    reread = Signal()

    unknown = Flag("Ignore unknown ids")
    resample = Flag(
        "Resample masks",
        "Bring masks of another grid onto that of the responses, by the nearest voxel",
        row="Other grids",
    )
    column = Choice("Measured column", COLUMN_TIP, choices=(BY_NAME,))
    unit = Text(
        "Unit",
        "Unit of the measured responses: z, % signal change, s",
        first="z",
        settled=True,
        name="Unit of the responses",
    )
    zscore = Flag(
        "z-score each session", "Scale every column to mean 0 and SD 1 over the trials of each session", row=" "
    )
    control = Choice("Control", "Which control of equal realised norm the perturbed stimuli are compared with")
    scale = Pick("Predicted in", choices=SCALES)
    cluster = Pick("Count", choices=CLUSTERS)
    seed = Count("Seed", "Seed of the resamples for the intervals", most=MOST_SEED)

    def __init__(self) -> None:
        super().__init__()
        self.folder: Path | None = None
        self.paths: tuple[Path, ...] = ()
        self._ids: tuple[Path, ...] = ()
        self._masks: tuple[Path, ...] = ()
        self._make_fields()
        self._lay_out()
        self.show_plan(None)
        self.show_findings(None)
        self._show_files()

    def reading(self) -> ReadOptions:
        """How the files are to be read."""
        masks = tuple((mask.name.split(".nii")[0], mask) for mask in self._masks)
        return ReadOptions(ids=self._ids, rois=masks, resample=self.resample.value())

    def matching(self) -> MatchOptions:
        """How they are to be joined with the set; unknown ids are shown, not refused."""
        column = self.column.value()
        return MatchOptions(
            target_columns={"": column} if column else {},
            ignore_unknown=True,
            zscore=self.zscore.value(),
            unit=self.unit.value() or "measured unit",
        )

    def config(self) -> CompareConfig:
        """How measured and predicted shifts are to be compared."""
        return self.make_config(CompareConfig, control=self.control.currentText())

    def files(self) -> dict[str, Path]:
        """What is open, by the names of `MeasuredRecord`."""
        if self.folder is None:
            return {}
        manifest = self.folder if self.folder.suffix == ".json" else self.folder / MANIFEST
        listed = (("responses", self.paths), ("ids", self._ids), ("mask", self._masks))
        numbered = {f"{what} {number}": path for what, paths in listed for number, path in enumerate(paths, start=1)}
        return {STIMULUS_SET: manifest} | numbered

    def open(self, files: Mapping[str, Path]) -> None:
        """The reverse of `files`."""
        with QSignalBlocker(self):
            self.take_set(files[STIMULUS_SET].parent)
            for what, take in (("responses", self.take_files), ("ids", self.take_ids), ("mask", self.take_masks)):
                if paths := [path for name, path in files.items() if name.startswith(f"{what} ")]:
                    take(paths)
        self.reread.emit()

    def start_folder(self) -> Path:
        """Where files are looked for first: beside those that are open."""
        known = self.paths[0] if self.paths else self.folder
        return known.parent if known is not None else Path.home()

    def take_set(self, folder: Path) -> None:
        """Choose a set: its folder or its manifest."""
        self.folder = folder
        self.set_name.setText(folder.parent.name if folder.suffix == ".json" else folder.name)
        self.set_name.setToolTip(str(folder))
        self.reread.emit()

    def take_files(self, paths: Sequence[Path]) -> None:
        """Choose measured files; several are read one below the other."""
        self.paths = tuple(paths)
        self._show_files()
        self.column.set_value("")
        self.unknown.set_value(False)
        self.reread.emit()

    def take_ids(self, paths: Sequence[Path]) -> None:
        """Choose what names the trials of betas: a file for each measured one, or the runs of a single one."""
        self._ids = tuple(paths)
        self.ids_button.setText(paths[0].name if len(paths) == 1 else f"{len(paths)} files")
        self.reread.emit()

    def take_masks(self, paths: Sequence[Path]) -> None:
        """Choose the ROI masks of volumes; a file's name is the ROI's."""
        self._masks = tuple(paths)
        self.masks_button.setText(", ".join(path.name.split(".nii")[0] for path in paths))
        self.reread.emit()

    def take_resample(self, *_: object) -> None:
        """Whether masks of other grids are resampled."""
        self.reread.emit()

    def show_plan(self, plan: MeasuredPlan | None) -> None:
        """List the controls of a set; None before there is one."""
        self.control.set_choices([(role, role) for role in plan.control_roles] if plan is not None else [])
        for button, tip in ((self.template, TEMPLATE_TIP), (self.practice, PRACTICE_TIP)):
            allow(button, "" if plan is not None else "Open a stimulus set first", tip)
        if plan is not None:
            count = f"{len(plan.probes)} probes, {len(plan.stimuli)} stimuli, "
            count += f"{len(plan.networks)} network{'s' if len(plan.networks) > 1 else ''}"
            self.about.show()
            self.about.setText(f"{count}. Predicted in {plan.response_unit}, subject {', '.join(plan.subjects)}.")

    def show_columns(self, columns: Sequence[str]) -> None:
        """List the measured columns; the chosen one stays if it is there."""
        self.column.set_choices([BY_NAME, *((name, name) for name in columns)], self.column.value())

    def show_findings(self, findings: MatchSummary | None) -> None:
        """Say what the files hold of the set."""
        lines = findings.describe() if findings is not None else ()
        rest = len(lines) - MOST_SENTENCES
        shown = [*lines[:MOST_SENTENCES], *([f"… and {rest} more; see the report."] if rest > 0 else [])]
        self._say("\n".join(shown))
        self.found.setToolTip("\n".join(lines) if rest > 0 else "")
        self.unknown.setVisible(bool(findings is not None and findings.unknown))

    def refuse(self, text: str) -> None:
        """Say why the files cannot be used."""
        self._say("", problem=text)
        self.unknown.hide()

    def _say(self, found: str, *, problem: str = "") -> None:
        """Show what was found, or why nothing can be; what is empty takes no room."""
        show_text(self.found, found)
        show_text(self.problem, problem)
        self._found_heading.setVisible(bool(found or problem))

    def _make_fields(self) -> None:
        self.set_name = make_label("No set yet", "muted", wraps=True)
        self.files_name = make_label("No file yet", "muted", wraps=True)
        tip = "The folder of a written stimulus set, or its manifest.json"
        self.open_set = make_button("Open set…", do=self._ask_set, tip=tip)
        self.earlier = RecentButton("Earlier…", list_sets, self.take_set, self.open_set.click)
        ask = partial(self._ask, "Open responses", f"Responses ({' '.join('*' + ending for ending in ENDINGS)})")
        tip = "CSV, TSV, JSON, npy, npz, HDF5 or NIfTI; several files are read together"
        self.open_files = make_button("Open responses…", do=partial(ask, self.take_files), tip=tip)
        self.about = make_label("", "faint", wraps=True)
        self.about.hide()
        ask = partial(self._ask, "Open the trials' ids", "Ids or events (*.txt *.csv *.tsv)", self.take_ids)
        self.ids_button = make_button("Choose…", do=ask, tip="Text files with one id a line, or BIDS events tables")
        ask = partial(self._ask, "Open ROI masks", "NIfTI (*.nii *.nii.gz)", self.take_masks)
        tip = "NIfTI masks; the mean inside each is compared, named as the file"
        self.masks_button = make_button("Choose…", do=ask, tip=tip)
        self.template, self.practice = make_button("Empty table…"), make_button("Simulate…")
        self._found_heading = make_heading("Found")
        self.found = make_label("", "muted", wraps=True)
        self.problem = make_label("", "field-error", wraps=True)

    def _lay_out(self) -> None:
        self._betas = QWidget()
        self._betas_rows = self.make_rows(
            ("Ids of the trials", self.ids_button), ("ROI masks", self.masks_button), "resample"
        )
        self._betas.setLayout(self._betas_rows)
        options = self.make_rows("column", "unit", "zscore", "control", "scale", "cluster", "seed")
        parts = (
            make_row(make_heading("Stimulus set"), -1, self.earlier, self.open_set),
            self.set_name,
            self.about,
            make_row(make_heading("Responses"), -1, self.open_files),
            self.files_name,
            self._betas,
            make_row(self.template, self.practice),
            self._found_heading,
            self.found,
            self.unknown,
            self.problem,
            make_heading("Compare"),
        )
        self.setLayout(make_column(*parts, options))

    def take_control(self, *_: object) -> None:
        """How they are compared needs no new reading of the files."""

    take_scale = take_cluster = take_seed = take_control

    def _show_files(self) -> None:
        names = [path.name.lower() for path in self.paths]
        volumes = any(name.endswith(VOLUME_ENDINGS) for name in names)
        self._betas.setVisible(volumes or any(name.endswith(ARRAY_ENDINGS) for name in names))
        self._betas_rows.setRowVisible(self.masks_button, volumes)
        self.show_row("resample", volumes)
        shown = ", ".join(path.name for path in self.paths[:3])
        more = f" and {len(self.paths) - 3} more" if len(self.paths) > 3 else ""
        self.files_name.setText(shown + more or "No file yet")
        self.files_name.setToolTip("\n".join(str(path) for path in self.paths))
        self.unknown.hide()

    def _ask_set(self) -> None:
        if chosen := ask_open(self, "Open a stimulus set", self.start_folder()):
            self.take_set(chosen)

    def _ask(self, title: str, pattern: str, take: Callable[[Sequence[Path]], None], *_clicked: bool) -> None:
        if chosen := ask_files(self, title, self.start_folder(), f"{pattern};;All files (*)"):
            take(chosen)


def list_sets() -> list[tuple[Path, str]]:
    """The sets written or opened last, with their places."""
    return [(path, f"{path.name} in {path.parent}") for path in list_recent(SETS)]
