"""An analysis that the window has a scheduler compute shows the answer that this computer's own cells would give."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.analyses.page import AnalysisPage
from app.base.services import open_services
from core.datasets.subject import load_subject
from core.encoders.config import EncoderConfig
from core.engine import Engine
from core.sweeps.answer import answer_sweep
from core.sweeps.cells import find_store
from core.sweeps.config import EncoderName, Question, SweepConfig, TargetName
from core.sweeps.gather import load_sweep
from core.sweeps.plan import SWEEP
from core.sweeps.transfer import TransferAnswer
from tests.helpers.dask_cluster import keep_thread, started

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
keep_thread()
KEYS = (("alexnet", "features.4"), ("alexnet", "features.7"))
LONG = 100_000
"""Milliseconds: torch may be loading on a busy machine."""


def test_a_transfer_computed_by_a_scheduler_is_answered(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path / "home"))
    encoders = tuple(EncoderName("simulated", *key) for key in KEYS)
    config = SweepConfig(
        Question.TRANSFER,
        encoders,
        ("cat_chelsea", "face_054"),
        (TargetName(-1, "FFA"),),
        ladder=(1.0,),
        n_steps=1,
        n_test=8,
        n_bootstrap=20,
    )
    session = open_services(engine=Engine(device="cpu"))
    page = AnalysisPage(Question.TRANSFER, session)
    qtbot.addWidget(page)
    with started(n_workers=1) as scheduler:
        page.form.set_subject(load_subject("simulated"), [EncoderConfig(*name) for name in encoders], KEYS)
        page.form.set_value(config)
        page.where.set_value(scheduler.address)
        page.start()
        qtbot.waitUntil(lambda: page.finished is not None or bool(page.work.error.text()), timeout=LONG)
    session.close()
    assert page.work.error.text() == "" and page.finished is not None
    assert page.work.note.text().startswith("Done.") and page.stack.currentIndex() == 1
    store = find_store(SWEEP, page.finished.folder)
    assert os.getpid() not in {store.made(cell).process for cell in store.cells()}, "all of it was computed elsewhere"
    far, near = page.finished.answer, answer_sweep(load_sweep(_compute_here(config, tmp_path / "here")))
    assert isinstance(far, TransferAnswer) and isinstance(near, TransferAnswer)
    for mine, theirs in zip(far.cases[0].tables, near.cases[0].tables, strict=True):
        np.testing.assert_allclose(mine.square, theirs.square, atol=1e-3)


def _compute_here(config: SweepConfig, folder: Path) -> Path:
    list(Engine(device="cpu").iter_sweep(config, folder))
    return folder
