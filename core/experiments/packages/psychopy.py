"""The PsychoPy package: a conditions file per run and a script for PsychoPy Coder. Never imports PsychoPy."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.experiments.packages.plan import PackagePlan
from core.experiments.packages.presentation import CONDITION_COLUMNS, condition, settings
from core.experiments.packages.tables import write_table
from core.headers import write_json
from core.paths import resources_folder

SCRIPT, SETTINGS, CONDITIONS = "run_experiment.py", "settings.json", "conditions"
SUMMARY = "conditions of every run and a script for PsychoPy Coder: trigger, fixation, stimuli, catch responses, data"
HOW_TO = """
## How to run it

1. Measure the screen's width and the eye's distance to it; write them into `settings.json` (`screen_width_cm`,
   `screen_distance_cm`, `screen_px`).
2. Open `run_experiment.py` in PsychoPy Coder and press Run, or type
   `python run_experiment.py --participant 1 --run 1` with PsychoPy's Python (`--windowed` for a try at the desk).
3. The instructions stay until the trigger key; from it all onsets count. Escape stops a run, and keeps its data.
4. Data are in `data/sub-01_task-probe_run-01.csv`: one line a trial with planned and real onset, key and reaction time.
   A run done again gets a name of its own; nothing is overwritten.

Gamma: the pictures are sRGB, as on any ordinary display. Do not linearise the screen unless the set's README says so.
"""


def write_psychopy(plan: PackagePlan, folder: Path) -> None:
    """Write conditions, settings and script."""
    for participant, runs in enumerate(plan.participants, 1):
        for number, run in enumerate(runs, 1):
            path = folder / CONDITIONS / f"sub-{participant:02d}_run-{number:02d}.csv"
            write_table(path, CONDITION_COLUMNS, map(condition, plan.timed(run)))
    write_json(folder / SETTINGS, settings(plan), indent=2)
    shutil.copyfile(resources_folder() / "experiments" / SCRIPT, folder / SCRIPT)
