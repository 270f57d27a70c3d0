"""Which steps of an attack are kept: every k-th where they are many or large, and only those of the best run."""

from __future__ import annotations

import numpy as np
import pytest

from core.probes import run
from core.probes.run import HistoryRecorder, RecordedStep


def record(recorder: HistoryRecorder, restart: int, *, steps: int, start: int = 0) -> None:
    for step in range(1, steps + 1):
        made = np.full((1, 1, 3), step, np.uint8), np.full(4, step, np.float32)
        recorder.add(
            RecordedStep(restart, 1.0, 10 * restart + step, *made, np.nan), taken=start + step, ends_run=step == steps
        )


def test_large_responses_leave_fewer_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "MOST_RESPONSES", 16)
    recorder = HistoryRecorder(2, 10, n_voxels=4)
    for _ in range(2):
        record(recorder, 0, steps=10)
        recorder.end_run(0)
        recorder.end_budget()
    assert recorder.finish().shift.tolist() == [5, 10, 5, 10]


@pytest.mark.parametrize(("best", "kept"), [((0, 0, 2), 2), ((0, 1, 1), 1), ((-1, -1, -1), 0), ((-1, 1, 1), 1)])
def test_the_best_run_is_kept_and_the_others_are_dropped_as_they_end(best: tuple[int, ...], kept: int) -> None:
    recorder = HistoryRecorder(1, 3, n_voxels=4)
    for restart, found in enumerate(best):
        record(recorder, restart, steps=3, start=3 * restart)
        recorder.end_run(found)
        assert len(recorder._budget) == 3
    recorder.end_budget()
    assert recorder.finish().shift.tolist() == [10 * kept + step for step in (1, 2, 3)]
