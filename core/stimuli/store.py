"""Finished probes in a folder, found by their recipe, so that a long plan resumes where it stopped.

Attack steps and the lower budgets are left out: a set needs what was delivered. A probe is used again only under the
same versions, number of threads and device.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import ProbeError
from core.paths import data_folder
from core.probes.files import load_probe, save_probe
from core.probes.probe import Probe, StepHistory
from core.stimuli.recipe import Recipe


@dataclass(frozen=True, slots=True)
class ProbeStore:
    """A folder of probes."""

    folder: Path

    def save(self, recipe: Recipe, probe: Probe) -> None:
        """Keep a probe. Raises StorageError if the disk is full or the folder cannot be written."""
        save_probe(trim(probe), self.folder / recipe.digest)

    def load(self, recipe: Recipe, *, circumstances: dict[str, str] | None = None) -> Probe | None:
        """The finished probe; None if there is none, it was damaged, or it was made under other `circumstances`.

        `circumstances`: versions and device that must be the same; None takes any.
        """
        try:
            probe = load_probe(self.folder / recipe.digest)
        except ProbeError:  # not there, or damaged: it is made again
            return None
        same = circumstances is None or probe.versions | {"device": probe.device} == circumstances
        return probe if same else None


def open_probe_store() -> ProbeStore:
    """The store of this computer's user."""
    return ProbeStore(data_folder() / "stimuli" / "probes")


def trim(probe: Probe) -> Probe:
    """A probe without attack steps and lower budgets."""
    history = probe.history
    empty = StepHistory(history.epsilon[:0], history.shift[:0], history.pixels[:0], history.responses[:0])
    budgets = np.zeros((0, 3, 1, 1), dtype=np.float32)
    return dataclasses.replace(probe, history=empty, rung_pixels=budgets)
