"""The form for a whole encoder: what it asks for, why its button is off, and one taken in for real."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.base.jobs import JobLane
from app.base.services import Services
from app.encoders.whole_dialog import WholeEncoderDialog
from core.datasets.photos import load_stimulus
from core.datasets.subject import list_subjects
from core.datasets.subject_files import remove_subject
from core.encoders.card import EncoderCard
from core.encoders.library import remove_encoder
from core.engine import Engine
from core.networks.manage import remove_network
from tests.helpers.whole_encoders import N_VOXELS, SIDE, draw_weights


def make_dialog(qtbot: QtBot, lane: JobLane, told: list[EncoderCard]) -> WholeEncoderDialog:
    catalogue = SimpleNamespace(subjects=list_subjects())
    services = SimpleNamespace(lane=lane, engine=Engine(device="cpu"), catalogue=catalogue)
    dialog = WholeEncoderDialog(cast(Services, services), told.append)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_it_says_what_is_missing_and_asks_for_what_is_typed(qtbot: QtBot, lane: JobLane) -> None:
    dialog = make_dialog(qtbot, lane, [])
    assert not dialog.add.isEnabled() and "name a function" in dialog.add.toolTip()
    qtbot.keyClicks(dialog.module, "my_lab.models:make_encoder")
    assert dialog.add.isEnabled()
    module, options, whole, request = dialog.asked()
    assert module == "my_lab.models:make_encoder" and not options.trusted and whole.voxels is None
    assert (request.new_subject, request.response_unit, request.n_reference) == ("make_encoder", "not stated", 120)
    dialog.subject.setCurrentIndex(1)
    assert not dialog.new_subject.isVisible()
    assert dialog.asked()[3].subject == "simulated"
    qtbot.mouseClick(dialog.add, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "only if you trust" in dialog.work.error.text() and not dialog.work.busy)


def test_a_function_with_a_table_is_taken_in(qtbot: QtBot, lane: JobLane, tmp_path: Path) -> None:
    told: list[EncoderCard] = []
    dialog = make_dialog(qtbot, lane, told)
    table = tmp_path / "voxels.csv"
    table.write_text("hemisphere,vertex\n" + "".join(f"left,{vertex}\n" for vertex in range(N_VOXELS)))
    typed: dict[Any, str] = {
        dialog.module: "tests.helpers.whole_encoders:make_linear",
        dialog.voxels: str(table),
        dialog.surface: "fsaverage5",
        dialog.response_unit: "z",
    }
    for field, text in typed.items():
        qtbot.keyClicks(field, text)
    dialog.input_size.set_value(SIDE)
    dialog.n_reference.set_value(3)
    dialog.trusted.setChecked(True)
    with qtbot.waitSignal(dialog.accepted, timeout=30_000):
        qtbot.mouseClick(dialog.add, Qt.MouseButton.LeftButton)
    (card,) = told
    config, stimulus = card.config, load_stimulus("cat_chelsea", size=SIDE)
    try:
        found = Engine(device="cpu").predict(config.subject, config.network, config.layer, stimulus)
        np.testing.assert_allclose(found, draw_weights() @ stimulus.pixels.ravel() + 1, rtol=1e-5)
        assert card.response_unit == "z"
        assert card.provenance is not None and card.provenance.n_reference == 3
    finally:
        remove_encoder(config.name)
        remove_network(config.network)
        remove_subject(config.subject)
