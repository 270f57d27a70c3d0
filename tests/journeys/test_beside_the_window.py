"""What reads, lists and writes files does so in another thread than the window's, whatever asked for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

import app.sessions.feature
import core.datasets.subject
import core.encoders.files
import core.stimuli.plan
from app.base.jobs import Idle
from app.base.services import open_services
from app.shell.application import make_window
from app.shell.main_window import MainWindow
from core.engine import Engine
from core.kept import Kept
from core.session.files import read_session
from core.sweeps.config import EncoderName, Question, SweepConfig, TargetName
from tests.helpers.imported_subject import write_imported
from tests.helpers.sweeps import make_up_sweep

LONG = 120_000
NAMES = (EncoderName("simulated", "alexnet", "features.4"), EncoderName("simulated", "mobilenet_v2", "features.18"))


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    session = open_services(engine=Engine(device="cpu"))
    session.state.auto_probe = False
    made = make_window(session)
    with qtbot.waitExposed(made):
        made.show()
    qtbot.waitUntil(lambda: session.state.clean is not None and isinstance(session.lane.state, Idle), timeout=LONG)
    yield made
    made.close()
    made.deleteLater()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Callable[[object, str], list[bool]]:
    """Give a function of a module, and get a list that notes of each of its calls whether Qt's thread made it."""
    own = threading.get_ident()

    def start(module: object, name: str) -> list[bool]:
        noted, work = [], getattr(module, name)

        def noting(*args: Any, **options: Any) -> Any:
            noted.append(threading.get_ident() == own)
            return work(*args, **options)

        monkeypatch.setattr(module, name, noting)
        return noted

    return start


def test_files_are_read_listed_and_written_beside_the_window(
    window: MainWindow,
    qtbot: QtBot,
    tmp_path: Path,
    watch: Callable[[object, str], list[bool]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state, form = window.session.state, window.explore.controls.encoder

    monkeypatch.setattr(core.encoders.files, "_CARDS", Kept(10**9, measure=lambda _card: 0))
    reads = watch(core.encoders.files, "load_encoder_data")
    form.encoder_chosen.emit("alexnet", "features.4")
    qtbot.waitUntil(lambda: state.encoder == ("alexnet", "features.4"))
    assert reads and not any(reads), "the encoder that was chosen"
    assert state.card is not None and state.card.config.network == "alexnet"

    lists = watch(core.stimuli.plan, "find_stimulus")
    targets = (TargetName(-1, "FFA"), TargetName(5, ""))
    config = SweepConfig(Question.FRAGILITY, NAMES, ("cat_chelsea", "face_054"), targets, ladder=(0.5, 1.0), n_steps=2)
    window.features.stimuli.add_analysis(make_up_sweep(config))
    qtbot.waitUntil(lambda: len(window.features.stimuli.tray.items) == 8)
    assert lists and not any(lists), "the images of the probes behind an analysis"
    window.features.stimuli.page.looking.cancel()

    writes = watch(app.sessions.feature, "write_session")
    with qtbot.waitSignal(window.session.controller.noted):
        assert window.features.sessions._write(tmp_path / "mine.probescope")
    assert writes == [False], "the session"
    assert len(read_session(tmp_path / "mine.probescope").record.tray) == 8

    arrays = watch(core.datasets.subject, "load_arrays")
    write_imported(
        means=np.zeros((3, 4)),
        source={"kind": "files", "path": str(tmp_path), "members": ["a"] * 3},
        images=list("abc"),
    )
    form.subject_chosen.emit("mine")
    qtbot.waitUntil(lambda: state.subject is not None and state.subject.id == "mine")
    assert arrays and not any(arrays), "the subject that was chosen"
