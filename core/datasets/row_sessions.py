"""Cuts arrays of responses by rows into parts that fit in memory. Never reads more than one part."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from core.datasets.array_files import ArrayFile
from core.datasets.recording import RecordedSession
from core.types import BoolArray, IntArray

VALUES_AT_ONCE = 16_000_000
"""Numbers read at once: 64 MB."""


def cut_rows(
    arrays: Sequence[ArrayFile], images: IntArray, *, kept: BoolArray, what: str = "images"
) -> tuple[RecordedSession, ...]:
    """Parts of arrays (n_rows, n_columns) that stand side by side; `kept` chooses among all columns."""
    n_rows, n_columns = len(images), sum(array.shape[1] for array in arrays)
    step = max(1, VALUES_AT_ONCE // max(n_columns, 1))
    return tuple(
        RecordedSession(
            f"{what} {start + 1:,} to {min(start + step, n_rows):,}",
            images[start : start + step],
            partial(read_rows, arrays, start, min(start + step, n_rows), kept=kept),
        )
        for start in range(0, n_rows, step)
    )


def read_rows(arrays: Sequence[ArrayFile], start: int, stop: int, *, kept: BoolArray) -> npt.NDArray[np.float32]:
    """Rows start to stop of arrays side by side, the kept columns only."""
    values = np.concatenate([array.read(start, stop) for array in arrays], axis=1)
    return values if kept.all() else values[:, kept]
