"""The jsPsych package: a page that runs in a browser from a folder, without a server."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from core.experiments.packages.plan import PackagePlan, TimedTrial
from core.experiments.packages.presentation import condition, settings
from core.experiments.packages.tables import Cell
from core.paths import resources_folder

PAGE = ("index.html", "experiment.js", "experiment.css")
LIBRARY = (
    "jspsych.js",
    "plugin-preload.js",
    "plugin-html-keyboard-response.js",
    "plugin-image-keyboard-response.js",
    "versions.json",
)
LICENCE = "MIT-jspsych.txt"
SUMMARY = "a page for any browser, from a folder without a server: fixation, stimuli, catch trials, keys, data to save"
HOW_TO = """
## How to run it

1. Open `index.html` in a browser (Chromium, Chrome, Edge or Firefox); nothing is installed, no network is needed.
2. Choose participant and run (`index.html?participant=2&run=1` chooses them), press Start, then the trigger key.
3. At the end the data are saved to the downloads: `sub-01_task-probe_run-01.csv`, one line a trial, times in seconds
   but for jsPsych's own `rt` and `time_elapsed`, which are in milliseconds. Escape stops a run and saves what there is.
4. Sizes hold for the screen described in `timing.toml` (its own resolution), at any zoom. A browser cannot measure a
   screen: make the package with the numbers of the screen it is shown on.

To collect data online, put the whole folder on any web server. jsPsych is included (MIT licence,
`jspsych/LICENCE.txt`); its versions and hashes stand in `jspsych/versions.json`.
"""


def write_jspsych(plan: PackagePlan, folder: Path) -> None:
    """Write page, library and trials."""
    source, library = resources_folder() / "jspsych", folder / "jspsych"
    library.mkdir()
    for name in PAGE:
        shutil.copyfile(source / name, folder / name)
    for name in LIBRARY:
        shutil.copyfile(source / name, library / name)
    shutil.copyfile(resources_folder() / "licences" / LICENCE, library / "LICENCE.txt")
    trials = [[[_describe_trial(trial) for trial in plan.timed(run)] for run in runs] for runs in plan.participants]
    text = json.dumps({"settings": settings(plan), "participants": trials}, ensure_ascii=False)
    (folder / "plan.js").write_text(f"const PLAN = {text};\n", encoding="utf-8")


def _describe_trial(trial: TimedTrial) -> dict[str, Cell]:
    """What a trial has not is an empty text: jsPsych would write the word null into its data."""
    return {name: "" if value is None else value for name, value in condition(trial).items()}
