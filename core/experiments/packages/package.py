"""Writes a plan as a package that runs tomorrow: BIDS, PsychoPy, jsPsych or Brain-Score. Never overwrites anything.

Every package holds what it needs (pictures checked against the manifest while they are copied), the manifest, the
template it was made with and a README that says how to run it. Same set, template and kind: same bytes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from core.errors import BadInputError
from core.experiments.packages.bids import write_bids
from core.experiments.packages.brainscore import write_brainscore
from core.experiments.packages.orders import OrderConfig
from core.experiments.packages.plan import PackagePlan
from core.experiments.packages.presentation import write_jspsych, write_psychopy
from core.experiments.packages.template import Template, format_template
from core.files import check_free, hash_file, new_folder
from core.progress import Progress, ShouldStop, check_stop, never_stop
from core.stimuli.manifest import MANIFEST, README, SET_README, TABLE, ManifestRow
from core.templates import fill_template

TEMPLATE_NAME = "timing.toml"


class PackageKind(StrEnum):
    """Who reads the package."""

    BIDS = "bids"
    PSYCHOPY = "psychopy"
    JSPSYCH = "jspsych"
    BRAINSCORE = "brainscore"


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of package; `resources/templates/package_KIND.md` says how to use it.

    Parameters
    ----------
    title : As menus say it.
    summary : What it is for, in one line.
    write : Writes everything but pictures, manifest, template and README into a folder.
    copies_pictures, has_trials : Whether it holds the pictures as files, and trial orders.
    """

    title: str
    summary: str
    write: Callable[[PackagePlan, Path], None]
    copies_pictures: bool = True
    has_trials: bool = True


FORMATS: Mapping[PackageKind, Format] = {
    PackageKind.BIDS: Format(
        "BIDS", "stimuli/ and the planned events of every run, beside which the BOLD files go", write_bids
    ),
    PackageKind.PSYCHOPY: Format(
        "PsychoPy",
        "conditions of every run and a script for PsychoPy Coder: trigger, fixation, stimuli, catch responses, data",
        write_psychopy,
    ),
    PackageKind.JSPSYCH: Format(
        "jsPsych",
        "a page for any browser, from a folder without a server: fixation, stimuli, catch trials, keys, data to save",
        write_jspsych,
    ),
    PackageKind.BRAINSCORE: Format(
        "Brain-Score",
        "a StimulusSet: a CSV of metadata and a zip of numbered pictures",
        write_brainscore,
        copies_pictures=False,
        has_trials=False,
    ),
}


def fit_template(template: Template, kind: PackageKind) -> Template:
    """The template for a kind: one without trials leaves out their order, which could only be refused."""
    if FORMATS[kind].has_trials:
        return template
    return replace(template, order=OrderConfig(catch_per_run=0, spacing=0))


def iter_package(
    plan: PackagePlan, kind: PackageKind, folder: Path, *, should_stop: ShouldStop = never_stop
) -> Iterator[Progress[Path]]:
    """Write a package; `folder` appears only when everything is in it.

    Raises BadInputError if the folder holds something, or a picture is not the one the manifest names; StorageError if
    it cannot be written, and nothing half-written stays; Cancelled if `should_stop` says so, and nothing stays.
    """
    made = FORMATS[kind]
    target = Path(folder).expanduser().absolute()
    check_free(target)
    if plan.stimuli.folder in (target, *target.parents):
        raise BadInputError(
            f"{target} lies inside the set itself, which stays as it was written. Choose another folder."
        )
    rows, total = plan.stimuli.rows, len(plan.stimuli.rows) + 1
    with new_folder(target) as partial:
        for done, row in enumerate(rows):
            check_stop(should_stop)
            yield Progress(done, total, what=row.file)
            _take_picture(plan.stimuli.path(row), row, partial if made.copies_pictures else None)
        yield Progress(len(rows), total, what="trials and tables" if made.has_trials else "tables")
        for name in (MANIFEST, TABLE):
            shutil.copyfile(plan.stimuli.folder / name, partial / name)
        if (plan.stimuli.folder / README).is_file():
            shutil.copyfile(plan.stimuli.folder / README, partial / SET_README)
        made.write(plan, partial)
        if made.has_trials:
            (partial / TEMPLATE_NAME).write_text(format_template(plan.template), encoding="utf-8")
        (partial / README).write_text(_format_readme(plan, kind), encoding="utf-8")
    yield Progress(total, total, result=target, what="done")


def _format_readme(plan: PackagePlan, kind: PackageKind) -> str:
    """The README in Markdown; the same for the same plan."""
    made, stimuli = FORMATS[kind], plan.stimuli
    return fill_template(
        "package_readme.md",
        stimuli=stimuli,
        kind=kind,
        title=made.title,
        has_trials=made.has_trials,
        facts=plan.describe() if made.has_trials else (plan.describe_set(),),
        warnings=plan.warnings() if made.has_trials else (),
        manifest=MANIFEST,
        table=TABLE,
        sha256=hash_file(stimuli.folder / MANIFEST),
    )


def _take_picture(path: Path, row: ManifestRow, folder: Path | None) -> None:
    """Check a picture against its row, in the package if it is copied there."""
    taken = path if folder is None else folder / row.file
    if folder is not None:
        taken.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, taken)
    if hash_file(taken) != row.file_sha256:
        raise BadInputError(
            f"{path} was changed since the set was read. Make the package from the set as it was written."
        )
