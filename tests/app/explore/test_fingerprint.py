"""The fingerprint in the real window: follows the target, predicts once, and the newest target wins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.explore.fingerprint import FingerprintWindow
from app.shell.main_window import MainWindow
from core.probes import fingerprint
from core.probes.fingerprint import CategoryResponse, Fingerprint, RoiContrast
from core.probes.target import Target
from core.progress import Progress
from tests.helpers.open_window import open_window

ASKED: list[str] = []


def answer(_encoder: object, _subject: object, target: Target, _images: Sequence[str], **_more: Any) -> Iterator[Any]:
    ASKED.append(target.name)
    yield Progress(1, 2, 1.0)
    height = float(len(target.voxels))
    face = CategoryResponse("face", 9, 4, height, height - 1, height + 1, 0.5, (height - 1) / 2, height + 0.25)
    lone = CategoryResponse("place", 1, 0, -1.0, np.nan, np.nan, np.nan, -1.0, np.nan)
    beside = RoiContrast("PPA", 3, -0.5, 2.0, 1.0, 3.0)
    yield Progress(2, 2, 0.0, Fingerprint(target, "z", 12, (face, lone), (beside,), 1.0, 2.0))


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    ASKED.clear()
    monkeypatch.setattr(fingerprint, "iter_fingerprint", answer)
    with open_window(qtbot, tmp_path) as made:
        yield made


def test_it_follows_the_target_and_stands_beside_its_probe(window: MainWindow, qtbot: QtBot) -> None:
    state = window.session.state
    window.session.controller.pick_roi("FFA")
    qtbot.waitUntil(lambda: state.probe is not None and not state.is_probing)
    window.actions_table.give("fingerprint")
    (shown,) = window.findChildren(FingerprintWindow)
    qtbot.waitUntil(lambda: shown.found is not None)
    bars, fresh, own = shown.categories.shown.series
    assert shown.found is not None
    assert state.target is not None
    assert state.probe is not None
    height = len(state.target.voxels)
    np.testing.assert_allclose(bars.y, [(height - 1) / 2, -1.0])
    assert bars.low is not None
    np.testing.assert_allclose(bars.low, [(height - 2) / 2, np.nan])
    np.testing.assert_allclose(fresh.y, [(height - 0.75) / 2, np.nan])
    clean, perturbed = (state.probe.of_target(one) for one in (state.probe.clean, state.probe.perturbed))
    np.testing.assert_allclose(own.y, [(clean - 1) / 2, (perturbed - 1) / 2])
    contrast, r = shown.contrasts.shown.series
    assert (list(contrast.y), list(r.y)) == ([2.0], [-0.5])
    shown._encoder = ("another", "encoder", "once")
    shown._draw()
    assert not len(shown.categories.shown.series[2].y), "a probe stands beside the fingerprint of its own encoder only"
    window.session.controller.pick_roi("PPA")
    qtbot.waitUntil(lambda: shown.found is not None and shown.found.target == state.target)
    assert ASKED[0] == "FFA"
    assert ASKED[-1] == "PPA"
    assert "PPA" in shown.whose.text()
    shown.close()
    window.session.controller.pick_roi("FFA")
    assert not shown.work.busy
