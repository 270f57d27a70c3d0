"""Empty tables for a laboratory to fill in, and simulated responses to practise with. Never calls them measured.

Simulated responses follow what one network predicted of the set's own files:

    m(x) = clean + gain * shift_truth(x) + noise * sigma * N(0, 1)

sigma is the SD of the target's predicted response over the clean reference images. The true axes of the shipped
simulated subject cannot be asked about new pictures, since the network they lie in is not shipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from core.checks import check_choice, check_count, refusal
from core.experiments.measured.planned import MeasuredPlan
from core.experiments.measured.trial import SIMULATED
from core.files import check_new, replace_file
from core.probes.target import Target
from core.reports.table import write_csv
from core.seeds import make_stream

NO_TRUTH = "none"
"""A truth in which no picture changes anything: noise only."""


MOST_REPEATS = 1000


@dataclass(frozen=True, slots=True)
class SimulateOptions:
    """How responses are simulated.

    Parameters
    ----------
    truth : The network whose predictions are true, "network layer" as in the set; "" for each probe's own, "none" for
        no effect at all.
    gain : Measured shift for one predicted; below 0 the target moves against every prediction.
    noise : SD of the noise of one trial, in SDs of the target's predicted response; 0 or more.
    n_repeats, n_sessions : Times each stimulus is shown, over how many sessions.
    """

    truth: str = ""
    gain: float = 1.0
    noise: float = 1.0
    n_repeats: int = 3
    n_sessions: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        check_count("repeats", self.n_repeats, largest=MOST_REPEATS)
        check_count("sessions", self.n_sessions)
        if not (np.isfinite(self.noise) and self.noise >= 0):
            raise refusal("noise", allowed="a finite number of at least 0", got=self.noise)
        if not np.isfinite(self.gain):
            raise refusal("gain", allowed="a finite number", got=self.gain)

    def describe(self) -> str:
        """One line of settings."""
        truth = self.truth or "each probe's own network"
        return (
            f"truth {truth}, gain {self.gain:g}, noise {self.noise:g} SD, {self.n_repeats} repeats, "
            f"{self.n_sessions} sessions, seed {self.seed}"
        )


def write_template(plan: MeasuredPlan, path: Path, *, n_repeats: int = 1) -> Path:
    """Write an empty table: a line for each showing of each stimulus, a column for each target. Returns the file.

    Raises BadInputError if the file is there already: it may be filled in; StorageError if it cannot be written.
    """
    check_count("repeats", n_repeats, largest=MOST_REPEATS)
    columns = name_targets(plan)
    rows = [
        [stimulus.id, "", repeat, *("" for _ in columns)]
        for stimulus in plan.stimuli
        for repeat in range(1, n_repeats + 1)
    ]
    return _write_table(path, ["stimulus", "session", "repeat", *columns.values()], rows)


def simulate_responses(plan: MeasuredPlan, path: Path, options: SimulateOptions) -> Path:
    """Write simulated responses as a table like the template, with a column that calls every line simulated.

    Raises BadInputError if the truth is not a network of the set, or the file is there already; StorageError if it
    cannot be written.
    """
    if options.truth:
        check_choice("truth", options.truth, (*plan.networks, NO_TRUTH))
    columns = name_targets(plan)
    stream = make_stream(options.seed, "simulated responses", len(plan.stimuli))
    sigma = _spread_of_targets(plan)
    rows = []
    for repeat in range(options.n_repeats):
        session = f"session {1 + repeat % options.n_sessions}"
        for stimulus in plan.stimuli:
            noise = options.noise * sigma[stimulus.target] * stream.standard_normal()
            told = stimulus.shifts.get(options.truth or stimulus.network, (np.nan, np.nan))[0]
            shift = 0.0 if options.truth == NO_TRUTH else told
            value = stimulus.row.clean + options.gain * shift + noise
            cells = [repr(float(value)) if target == stimulus.target else "" for target in columns]
            rows.append([stimulus.id, session, repeat + 1, *cells, SIMULATED])
    return _write_table(path, ["stimulus", "session", "repeat", *columns.values(), SIMULATED], rows)


def name_targets(plan: MeasuredPlan) -> dict[Target, str]:
    """A column for each target, named so that reading finds it again: the ROI, "voxel 12", else the target's label."""
    names = {}
    for target in plan.targets:
        if target.kind == "roi" and target.roi:
            names[target] = target.roi
        elif target.kind == "voxel" and len(target.voxels) == 1:
            names[target] = f"voxel {target.voxels[0]}"
        else:
            names[target] = target.label
    return names


def _spread_of_targets(plan: MeasuredPlan) -> dict[Target, float]:
    """SD of each target's predicted response by its own network: shift / shift in SDs; 1 where it is not known."""
    spread = dict.fromkeys(plan.targets, 1.0)
    for stimulus in plan.stimuli:
        shift, in_sds = stimulus.shifts[stimulus.network]
        if np.isfinite(in_sds) and in_sds != 0:
            spread[stimulus.target] = abs(shift / in_sds)
    return spread


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    import pandas as pd  # kept from the window's start

    target = path.expanduser()
    check_new("out", target)
    table = pd.DataFrame(rows, columns=header, dtype=object)
    replace_file(target, partial(write_csv, table))
    return target
