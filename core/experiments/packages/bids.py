"""The BIDS package: stimuli/, planned events of every run with their sidecar. Never writes measured data.

Brain Imaging Data Structure (Gorgolewski et al. 2016, doi 10.1038/sdata.2016.44), task events.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.experiments.packages.plan import OF_STIMULUS, Cell, PackagePlan, TimedTrial, write_table
from core.experiments.packages.timing import Screen
from core.headers import write_json
from core.stimuli.manifest import STIMULI

BIDS_VERSION = "1.10.0"
TASK = "probe"
"""Label of the task in file names."""
EVENTS_DESCRIPTIONS = {
    "onset": {"Description": "Planned onset, from the trigger that starts the run", "Units": "s"},
    "duration": {"Description": "Planned time the stimulus is on (for a blank: the whole trial)", "Units": "s"},
    "trial_type": {"LongName": "Role of the stimulus in its pair, or catch or blank"},
    "stim_file": {"Description": "File shown, relative to stimuli/"},
    "stimulus_id": {"Description": "Its id in manifest.json and manifest.csv"},
    "pair_id": {"Description": "Shared by the stimuli made from one original by one probe"},
    "source_image": {"Description": "Original the stimulus was made from"},
    "level_wanted": {"Description": "Level set: the level its pair was made for", "Units": "SD"},
    "level_reached": {
        "Description": "Predicted response to this file, in SDs of the clean reference responses from their mean",
        "Units": "SD",
    },
}
LEVELS = {
    "original": "Unperturbed image, saved like the others",
    "raise": "Perturbed to raise the target's predicted response",
    "lower": "Perturbed to lower the target's predicted response",
    "catch": "The participant is to press a key; leave it out of the analysis or model it apart",
    "blank": "Fixation alone",
}


def write_bids(plan: PackagePlan, folder: Path) -> None:
    """Write description, participants, events and sidecars into a folder that holds stimuli/."""
    labels = [f"sub-{number:02d}" for number in range(1, len(plan.participants) + 1)]
    written_by = {"Name": "Probescope", "Description": "Planned events; no data were measured yet"}
    of_set = {"Name": plan.stimuli.name, "BIDSVersion": BIDS_VERSION, "DatasetType": "raw", "GeneratedBy": [written_by]}
    write_json(folder / "dataset_description.json", of_set, indent=2)
    people = {"participant_id": {"Description": "Label of the participant"}}
    write_json(folder / "participants.json", people, indent=2)
    participants: list[dict[str, Cell]] = [{"participant_id": label} for label in labels]
    write_table(folder / "participants.tsv", ["participant_id"], participants, delimiter="\t")
    (folder / ".bidsignore").write_text("manifest.json\nmanifest.csv\ntiming.toml\nSET_README.md\n", encoding="utf-8")
    write_json(folder / f"task-{TASK}_events.json", _describe_events(plan), indent=2)
    for label, runs in zip(labels, plan.participants, strict=True):
        for number, run in enumerate(runs, 1):
            path = folder / label / "func" / f"{label}_task-{TASK}_run-{number:02d}_events.tsv"
            columns = list(EVENTS_DESCRIPTIONS)
            write_table(path, columns, map(_describe_event, plan.timed(run)), delimiter="\t", missing="n/a")


def _describe_event(trial: TimedTrial) -> dict[str, Cell]:
    shown: dict[str, Cell] = {"onset": trial.onset, "duration": trial.duration, "trial_type": trial.trial_type}
    if trial.row is not None:
        shown |= {name: find(trial.row) for name, find in OF_STIMULUS.items()}
        shown["stim_file"] = trial.row.file.removeprefix(f"{STIMULI}/")
    return shown


def _describe_events(plan: PackagePlan) -> dict[str, Any]:
    trials = (trial for runs in plan.participants for run in runs for trial in plan.timed(run))
    used = dict.fromkeys(trial.trial_type for trial in trials)
    described: dict[str, Any] = {name: dict(text) for name, text in EVENTS_DESCRIPTIONS.items()}
    described["trial_type"]["Levels"] = {
        name: LEVELS.get(name, f"Control of equal norm: {name.removeprefix('control_').replace('_', ' ')}")
        for name in used
    }
    return {
        "TaskName": TASK,
        "TaskDescription": "Participants look at the fixation point and press a key at every catch trial.",
        "Instructions": plan.instructions,
        **described,
        "StimulusPresentation": _describe_presentation(plan.template.screen),
    }


def _describe_presentation(screen: Screen) -> dict[str, Any]:
    """Sizes in metres, as the standard asks for."""
    height_cm = screen.width_cm * screen.height_px / screen.width_px
    return {
        "ScreenDistance": screen.distance_cm / 100,
        "ScreenSize": [screen.width_cm / 100, round(height_cm / 100, 4)],
        "ScreenResolution": [screen.width_px, screen.height_px],
    }
