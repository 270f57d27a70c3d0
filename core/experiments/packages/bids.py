"""The BIDS package: stimuli/, planned events of every run with their sidecar. Never writes measured data.

Brain Imaging Data Structure (Gorgolewski et al. 2016, doi 10.1038/sdata.2016.44), task events.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.experiments.packages.plan import OF_STIMULUS, Cell, PackagePlan, TimedTrial, write_table
from core.headers import write_json
from core.paths import resources_folder
from core.stimuli.manifest import STIMULI

BIDS_VERSION = "1.10.0"
TASK = "probe"
"""Label of the task in file names."""


def write_bids(plan: PackagePlan, folder: Path) -> None:
    """Write description, participants, events and sidecars into a folder that holds stimuli/."""
    about = json.loads((resources_folder() / "experiments" / "bids_events.json").read_text(encoding="utf-8"))
    labels = [f"sub-{number:02d}" for number in range(1, len(plan.participants) + 1)]
    written_by = {"Name": "Probescope", "Description": "Planned events; no data were measured yet"}
    of_set = {"Name": plan.stimuli.name, "BIDSVersion": BIDS_VERSION, "DatasetType": "raw", "GeneratedBy": [written_by]}
    write_json(folder / "dataset_description.json", of_set, indent=2)
    people = {"participant_id": {"Description": "Label of the participant"}}
    write_json(folder / "participants.json", people, indent=2)
    participants: list[dict[str, Cell]] = [{"participant_id": label} for label in labels]
    write_table(folder / "participants.tsv", ["participant_id"], participants, delimiter="\t")
    (folder / ".bidsignore").write_text("manifest.json\nmanifest.csv\ntiming.toml\nSET_README.md\n", encoding="utf-8")
    write_json(folder / f"task-{TASK}_events.json", _describe_events(plan, about), indent=2)
    for label, runs in zip(labels, plan.participants, strict=True):
        for number, run in enumerate(runs, 1):
            path = folder / label / "func" / f"{label}_task-{TASK}_run-{number:02d}_events.tsv"
            events = map(_describe_event, plan.timed(run))
            write_table(path, list(about["columns"]), events, delimiter="\t", missing="n/a")


def _describe_event(trial: TimedTrial) -> dict[str, Cell]:
    shown: dict[str, Cell] = {"onset": trial.onset, "duration": trial.duration, "trial_type": trial.trial_type}
    if trial.row is not None:
        shown |= {name: find(trial.row) for name, find in OF_STIMULUS.items()}
        shown["stim_file"] = trial.row.file.removeprefix(f"{STIMULI}/")
    return shown


def _describe_events(plan: PackagePlan, about: dict[str, Any]) -> dict[str, Any]:
    trials = (trial for runs in plan.participants for run in runs for trial in plan.timed(run))
    columns, levels, screen = about["columns"], about["levels"], plan.template.screen
    columns["trial_type"]["Levels"] = {
        name: levels.get(name, f"Control of equal norm: {name.removeprefix('control_').replace('_', ' ')}")
        for name in dict.fromkeys(trial.trial_type for trial in trials)
    }
    height_cm = screen.width_cm * screen.height_px / screen.width_px
    presentation = {  # sizes in metres, as the standard asks for
        "ScreenDistance": screen.distance_cm / 100,
        "ScreenSize": [screen.width_cm / 100, round(height_cm / 100, 4)],
        "ScreenResolution": [screen.width_px, screen.height_px],
    }
    named = {"TaskName": TASK, "TaskDescription": about["TaskDescription"], "Instructions": plan.instructions}
    return {**named, **columns, "StimulusPresentation": presentation}
