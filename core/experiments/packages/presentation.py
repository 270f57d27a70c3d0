"""The packages that show stimuli on a screen: a script for PsychoPy Coder, and a jsPsych page for any browser.

The page runs from a folder, without a server. Neither program is imported.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.experiments.packages.orders import TrialKind
from core.experiments.packages.plan import OF_STIMULUS, Cell, PackagePlan, TimedTrial, write_table
from core.headers import write_json
from core.paths import resources_folder
from core.stimuli.manifest import ManifestRow
from core.words import protect_cell

OF_TRIAL: dict[str, Callable[[TimedTrial], Cell]] = {
    "trial": lambda trial: trial.number,
    "onset": lambda trial: trial.onset,
    "duration": lambda trial: trial.duration,
    "trial_kind": lambda trial: str(trial.kind),
    "role": lambda trial: trial.trial_type,
    "is_catch": lambda trial: int(trial.kind is TrialKind.CATCH),
}
OF_PICTURE: dict[str, Callable[[ManifestRow], Cell]] = {
    "image_file": lambda row: row.file,
    "width_ratio": lambda row: round(row.width_px / row.picture_px, 6),
    "height_ratio": lambda row: round(row.height_px / row.picture_px, 6),
    **OF_STIMULUS,
}
CONDITION_COLUMNS = (*OF_TRIAL, *OF_PICTURE)
"""Columns of a run, in order: legal names of Python, the same for every package."""
SCRIPT, SETTINGS, CONDITIONS = "run_experiment.py", "settings.json", "conditions"
PAGE = ("index.html", "experiment.js", "experiment.css")
"""Beside the library, which is the rest of its folder."""


def write_psychopy(plan: PackagePlan, folder: Path) -> None:
    """Write conditions, settings and script."""
    for participant, runs in enumerate(plan.participants, 1):
        for number, run in enumerate(runs, 1):
            path = folder / CONDITIONS / f"sub-{participant:02d}_run-{number:02d}.csv"
            write_table(path, CONDITION_COLUMNS, map(condition, plan.timed(run)))
    write_json(folder / SETTINGS, settings(plan), indent=2)
    shutil.copyfile(resources_folder() / "experiments" / SCRIPT, folder / SCRIPT)


def write_jspsych(plan: PackagePlan, folder: Path) -> None:
    """Write page, library and trials."""
    library = folder / "jspsych"
    library.mkdir()
    for file in (resources_folder() / "jspsych").iterdir():
        shutil.copyfile(file, (folder if file.name in PAGE else library) / file.name)
    shutil.copyfile(resources_folder() / "licences" / "MIT-jspsych.txt", library / "LICENCE.txt")
    trials = [[[_describe_trial(trial) for trial in plan.timed(run)] for run in runs] for runs in plan.participants]
    text = json.dumps({"settings": settings(plan), "participants": trials}, ensure_ascii=False)
    (folder / "plan.js").write_text(f"const PLAN = {text};\n", encoding="utf-8")


def _describe_trial(trial: TimedTrial) -> dict[str, object]:
    """What a trial has not is an empty text: jsPsych would write the word null into its data."""
    return {name: "" if value is None else protect_cell(value) for name, value in condition(trial).items()}


def condition(trial: TimedTrial) -> dict[str, Cell]:
    """One trial as a row of `CONDITION_COLUMNS`; a trial without a picture leaves its columns empty.

    `width_ratio` and `height_ratio` are the sides of the file in widths of the picture, which is what the degrees of
    visual angle are stated for: a background around it makes the file larger.
    """
    row = trial.row
    picture = {name: None if row is None else find(row) for name, find in OF_PICTURE.items()}
    return {name: find(trial) for name, find in OF_TRIAL.items()} | picture


def settings(plan: PackagePlan) -> dict[str, Any]:
    """Everything that is the same for all trials."""
    screen = plan.template.screen
    return {
        "name": plan.stimuli.name,
        "participants": len(plan.participants),
        "runs": plan.n_runs,
        **asdict(plan.template.timing),
        "instructions": plan.instructions,
        "degrees": plan.degrees,
        "picture_width_px": round(screen.pixels(plan.degrees), 2),
        "screen_width_cm": screen.width_cm,
        "screen_distance_cm": screen.distance_cm,
        "screen_px": [screen.width_px, screen.height_px],
        "grey": screen.grey,
    }
