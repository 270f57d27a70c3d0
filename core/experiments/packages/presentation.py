"""What the screen programs of PsychoPy and jsPsych need of a plan: settings and rows of trials."""

from __future__ import annotations

from typing import Any

from core.experiments.packages.orders import TrialKind
from core.experiments.packages.plan import PackagePlan, TimedTrial
from core.experiments.packages.tables import Cell

CONDITION_COLUMNS = (
    "trial",
    "onset",
    "duration",
    "trial_kind",
    "role",
    "is_catch",
    "image_file",
    "width_ratio",
    "height_ratio",
    "stimulus_id",
    "pair_id",
    "source_image",
)
"""Columns of a run, in order: legal names of Python, the same for every package."""


def condition(trial: TimedTrial) -> dict[str, Cell]:
    """One trial as a row of `CONDITION_COLUMNS`; a trial without a picture leaves its columns empty.

    `width_ratio` and `height_ratio` are the sides of the file in widths of the picture, which is what the degrees of
    visual angle are stated for: a background around it makes the file larger.
    """
    shown: dict[str, Cell] = dict.fromkeys(CONDITION_COLUMNS)
    shown |= {
        "trial": trial.number,
        "onset": trial.onset,
        "duration": trial.duration,
        "trial_kind": str(trial.kind),
        "role": trial.trial_type,
        "is_catch": int(trial.kind is TrialKind.CATCH),
    }
    if trial.row is not None:
        shown |= {
            "image_file": trial.row.file,
            "width_ratio": round(trial.row.width_px / trial.row.picture_px, 6),
            "height_ratio": round(trial.row.height_px / trial.row.picture_px, 6),
            "stimulus_id": trial.row.id,
            "pair_id": trial.row.pair_id,
            "source_image": trial.row.source_image,
        }
    return shown


def settings(plan: PackagePlan) -> dict[str, Any]:
    """Everything that is the same for all trials."""
    timing, screen = plan.template.timing, plan.template.screen
    return {
        "name": plan.stimuli.name,
        "participants": len(plan.participants),
        "runs": plan.n_runs,
        "stimulus_seconds": timing.stimulus_seconds,
        "gap_seconds": timing.gap_seconds,
        "lead_in_seconds": timing.lead_in_seconds,
        "lead_out_seconds": timing.lead_out_seconds,
        "trigger_key": timing.trigger_key,
        "response_key": timing.response_key,
        "instructions": plan.instructions,
        "degrees": plan.degrees,
        "picture_width_px": round(screen.pixels(plan.degrees), 2),
        "screen_width_cm": screen.width_cm,
        "screen_distance_cm": screen.distance_cm,
        "screen_px": [screen.width_px, screen.height_px],
        "grey": screen.grey,
    }
