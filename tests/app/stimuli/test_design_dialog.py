"""The dialog on a real lane: refusals beside the button, the tray's probes or a set simulated, plots and sentences."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.base.jobs import JobLane
from app.stimuli.design_dialog import DesignDialog, group_tray
from app.stimuli.tray import Tray
from core.errors import BadInputError
from core.experiments.measured.design import Question
from tests.app.stimuli.test_tray import make_preview, make_recipe
from tests.helpers.measured_sets import write_rivals


@pytest.fixture
def lane() -> Iterator[JobLane]:
    made = JobLane()
    yield made
    made.shutdown()


def test_the_tray_is_simulated_once_every_probe_is_made(qtbot: QtBot, lane: JobLane) -> None:
    tray = Tray()
    recipes = [make_recipe(number) for number in range(4)]
    tray.add(recipes)
    tray.take_previews([make_preview(recipe) for recipe in recipes[:3]])
    dialog = DesignDialog(lane, lambda: group_tray(tray, n_files=3))
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.run.click()
    assert "not '3 of 4'" in dialog.work.error.text()
    tray.take_previews([make_preview(recipe) for recipe in recipes])
    name, groups = group_tray(tray, n_files=3)
    assert name == "tray" and list(groups) == [Question.SHIFT]
    np.testing.assert_array_equal(groups[Question.SHIFT][0].first, 2.0)


def test_a_set_is_simulated_and_shown(qtbot: QtBot, lane: JobLane, tmp_path: Path, monkeypatch) -> None:
    folder = write_rivals(tmp_path / "set", n_images=6)
    dialog = DesignDialog(lane, lambda: group_tray(Tray(), n_files=3))
    qtbot.addWidget(dialog)
    dialog.show()
    with pytest.raises(BadInputError, match="of made probes"):
        group_tray(Tray(), n_files=3)
    dialog.open_set(folder)
    dialog.ceiling.set_value(0.0)
    dialog.run.click()
    assert "Noise ceiling must be given" in dialog.work.error.text()
    dialog.ceiling.set_value(40.0)
    dialog.run.click()
    qtbot.waitUntil(lambda: bool(dialog.answer.words.text()), timeout=120_000)
    assert "Which model is right, slope 1" in dialog.answer.words.text()
    assert dialog.answer.choice.count() == 3
    dialog.answer.choice.setCurrentIndex(2)
    assert dialog.answer.view.shown.title == "which model is right: slope 0.25"
