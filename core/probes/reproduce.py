"""Runs a saved probe again and compares every number bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.encoders.encoder import Encoder
from core.errors import BadInputError
from core.headers import split_arrays
from core.images.stimulus import Stimulus
from core.probes.levels import iter_wanted
from core.probes.probe import Probe, ProbeConfig
from core.probes.respond import describe_versions
from core.progress import Progress
from core.words import name_differences

ADDED = ("curve.to_gain", "curve.restart_spread", "curve.n_gradients", "history.second_shift_sd")
"""Arrays that were added after version 0.3."""


@dataclass(frozen=True, slots=True, eq=False)
class Reproduction:
    """What a repetition gave.

    Parameters
    ----------
    probe : The new one.
    differing : Names of the arrays with at least one other bit; empty if it reproduced.
    largest_shift_change : Largest change of a voxel's shift, in the response's unit.
    circumstances : What is not as it was, such as "torch 2.9 instead of 2.8"; the usual reason for a difference.
    """

    probe: Probe
    differing: tuple[str, ...]
    largest_shift_change: float
    circumstances: tuple[str, ...]

    @property
    def identical(self) -> bool:
        """Whether every number came out bit for bit."""
        return not self.differing

    def describe(self) -> str:
        """One sentence for the user."""
        if self.identical:
            return "Reproduced bit for bit."
        changed = "; ".join(self.circumstances) or "same versions and device"
        return f"Not identical: the shift differs by up to {self.largest_shift_change:.2g} ({changed})."


def iter_reproduce(
    encoder: Encoder, probe: Probe, *, should_stop: Callable[[], bool], others: Sequence[Encoder] = ()
) -> Iterator[Progress[Reproduction]]:
    """Run a probe again from its own clean pixels and configuration; `others` are the further encoders attacked.

    Raises BadInputError if the network or the encoder is not the one that was probed; Cancelled as soon as
    `should_stop()` is true.
    """
    hashes = (probe.network_sha256, probe.encoder_sha256, *probe.ensemble_sha256)
    check_same_encoders(encoder, others, hashes, config=probe.config)
    stimulus = Stimulus(probe.stimulus_id, probe.clean_pixels, probe.stimulus_sha256)
    for progress in iter_wanted(encoder, stimulus, probe.config, should_stop=should_stop, others=others):
        result = None if progress.result is None else compare(probe, progress.result)
        yield Progress(progress.step, progress.n_steps, progress.seconds_left, result)


def compare(old: Probe, new: Probe) -> Reproduction:
    """Compare two runs of one probe, array by array, as bits."""
    before, after = split_arrays(old)[1], split_arrays(new)[1]
    names = sorted(before.keys() | after.keys())
    added = {name for name in ADDED if not before[name].size}  # files of version 0.3 lack them
    differing = tuple(name for name in names if name not in added and not _same_bits(before.get(name), after.get(name)))
    then, now = old.versions | {"device": old.device}, describe_versions() | {"device": new.device}
    return Reproduction(new, differing, float(np.abs(new.shift - old.shift).max()), name_differences(then, now))


def check_same_encoders(
    encoder: Encoder, others: Sequence[Encoder], hashes: Sequence[str], *, config: ProbeConfig
) -> None:
    """Raise BadInputError unless network and encoders are those that were probed.

    `hashes`: of the network, the encoder and the further encoders of the ensemble, when they were probed.
    """
    names = ["network", "encoder", *(f"encoder of {name}" for name in config.others)]
    found = [encoder.network.sha256, encoder.card.sha256, *(other.card.sha256 for other in others)]
    for what, now, then in zip(names, found, hashes, strict=True):
        if now != then:
            raise BadInputError(
                f"The {what} here ({now[:12]}) is not the one that was probed ({then[:12]}). Install the {what} of "
                f"{config.network} {config.layer} that the probe was made with."
            )


def _same_bits(before: np.ndarray | None, after: np.ndarray | None) -> bool:
    if before is None or after is None or before.dtype != after.dtype or before.shape != after.shape:
        return False
    return before.tobytes() == after.tobytes()
