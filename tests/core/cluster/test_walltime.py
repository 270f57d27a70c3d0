"""The end of a worker's walltime inside a real attack: its cell is given back at once, and nothing is noted of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from core.cluster.client import connect
from core.engine import work_elsewhere
from core.sweeps.cells import begin_store
from core.sweeps.config import EncoderName, Question, SweepConfig, TargetName
from core.sweeps.plan import CURVE, SWEEP
from tests.helpers.dask_cluster import keep_thread, started

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
keep_thread()
PROMPT, LONG = 20.0, 100.0
"""Seconds: far below those of the attack and of a claim's lease; torch may be loading on a busy machine."""


def end_lifetime(dask_worker: Any) -> None:
    """What a worker does by itself when its `--lifetime` is over."""
    dask_worker.loop.add_callback(dask_worker.close_gracefully)


def wait_for(is_so: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_cell_of_an_attack_is_given_back(tmp_path: Path) -> None:
    config = SweepConfig(
        Question.FRAGILITY,
        (EncoderName("simulated", "alexnet", "features.4"),),
        ("cat_chelsea", "face_054"),
        (TargetName(-1, "FFA"),),
        n_steps=1000,
    )
    store = begin_store(SWEEP, config, tmp_path / "sweep")
    cell = next(one for one in store.cells() if one.kind == CURVE)
    claims = store.claims()
    with started(n_workers=1) as scheduler, connect(scheduler.address) as (client, _):
        future = client.submit(work_elsewhere, str(store.folder), "cpu", pure=False)
        wait_for(lambda: "core/attacks" in str(client.call_stack()), LONG)
        assert cell.key in claims.holders() and not future.done()
        client.run(end_lifetime)
        wait_for(lambda: not claims.holders(), PROMPT)
    assert claims.keys() == set()
    done, failed = store.find_ended()
    assert cell.key not in done and not failed
