"""Times alternatives turn by turn, so that other work on the machine falls on all of them. Never judges a ratio."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Clock = Callable[[], float]


def cpu_seconds() -> float:
    """Processor time of this process: other work on the machine lengthens it far less than the clock on the wall."""
    return time.process_time()


def wall_seconds() -> float:
    """Time on the wall, the one that counts where a GPU does the work."""
    return time.perf_counter()


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of each alternative, paired turn by turn: (n_turns,) arrays by name."""

    seconds: dict[str, np.ndarray]

    def median_ms(self, name: str) -> float:
        """Median of one alternative in milliseconds."""
        return 1e3 * float(np.median(self.seconds[name]))

    def ratio(self, name: str, over: str) -> str:
        """Median of the paired ratios with its quartiles: "1.03 (1.01 to 1.06)"."""
        low, middle, high = self.quartiles(name, over)
        return f"{middle:.3f} ({low:.3f} to {high:.3f})"

    def quartiles(self, name: str, over: str) -> tuple[float, float, float]:
        """Quartiles of the paired ratios."""
        low, middle, high = np.percentile(self.seconds[name] / self.seconds[over], [25, 50, 75])
        return float(low), float(middle), float(high)


def time_interleaved(
    tasks: Mapping[str, Callable[[], object]], n_turns: int, *, clock: Clock = cpu_seconds, n_warm: int = 2
) -> Timing:
    """Run every task once a turn, in an order that rotates, and time each run.

    Parameters
    ----------
    tasks : mapping of name to callable
        A task on a GPU must wait for its own answer.
    n_turns : int
        Turns counted, after `n_warm` that are not.
    clock : callable
        `cpu_seconds` or `wall_seconds`.
    """
    names = list(tasks)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(-n_warm, n_turns):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            gc.collect()
            start = clock()
            tasks[name]()
            if turn >= 0:
                taken[name].append(clock() - start)
    return Timing({name: np.asarray(values) for name, values in taken.items()})


def set_one_thread() -> None:
    """One thread: on a shared machine the only setting whose processor time means something."""
    import torch

    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    torch.set_num_threads(1)
