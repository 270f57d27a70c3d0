"""Encoders in the real window: the card opens, follows and selects; a made-up engine answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.base.services import open_services
from app.shell.application import make_window
from app.shell.main_window import MainWindow
from core.encoders.files import load_card, user_encoders_folder
from core.encoders.library import export_encoder
from core.engine import Engine
from core.probes.target import TargetKind
from tests.helpers.fake_engine import SUBJECT, FakeEngine, make_catalogue


class ImportingEngine(FakeEngine):
    """Made up, but for imports, which run for real."""

    def iter_import(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        yield from Engine(device="cpu").iter_import(*arguments, **options)


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    offered = make_catalogue(tmp_path)
    named = replace(offered, load_subject=lambda name: replace(offered.load_subject(name), id=name))
    session = open_services(engine=cast(Engine, ImportingEngine()), catalogue=named)
    made = make_window(session)
    made.resize(1120, 720)
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    settle(made, qtbot)
    yield made
    made.close()
    made.deleteLater()


def settle(window: MainWindow, qtbot: QtBot) -> None:
    state = window.session.state
    qtbot.waitUntil(lambda: state.clean is not None, timeout=20_000)
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle), timeout=20_000)


def test_the_key_opens_the_card_and_it_follows_the_encoder(window: MainWindow, qtbot: QtBot) -> None:
    QTest.keyClick(window, Qt.Key.Key_I)
    card = window.features.encoders.card_window
    assert card is not None
    assert card.isVisible()
    assert card.card is window.session.state.card
    other = window.session.catalogue.encoders[-1]
    window.session.controller.open_encoder(other.network, other.layer)
    settle(window, qtbot)
    assert card.card is window.session.state.card
    assert card.card is not None
    assert card.card.config.network == other.network


def test_a_point_of_the_card_becomes_the_target(window: MainWindow, qtbot: QtBot) -> None:
    window.explore.controls.encoder.card_button.click()
    card = window.features.encoders.card_window
    assert card is not None
    window.session.state.auto_probe = False
    card.turns.finish()
    card.figure.plots[1].picked.emit(17)
    target = window.session.state.target
    assert target is not None
    assert (target.kind, target.voxels) == (TargetKind.VOXEL, (17,))
    shown = window.session.state.card
    assert shown is not None
    assert card.figure.plots[1]._ring.getData()[1].tolist() == pytest.approx([shown.r2[17]])


def test_the_card_puts_its_scores_on_the_cortex(window: MainWindow, qtbot: QtBot) -> None:
    window.features.encoders.show_card()
    card = window.features.encoders.card_window
    assert card is not None
    card.map_button.click()
    assert window.explore.cortex.current_map() == "r"


def test_tables_are_saved_where_the_user_says(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.features.encoders.show_card()
    card = window.features.encoders.card_window
    assert card is not None
    path = tmp_path / "voxels.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    card.table.save_voxels.click()
    qtbot.waitUntil(path.is_file, timeout=20_000)
    settle(window, qtbot)
    lines = path.read_text().splitlines()
    assert len(lines) == SUBJECT.voxels.n_voxels + 1
    shown = window.session.state.card
    assert shown is not None
    assert float(lines[1].split(",")[6]) == pytest.approx(float(np.float32(shown.r[0])), rel=1e-5)


def test_what_was_added_is_offered_and_the_choice_stays(window: MainWindow, qtbot: QtBot) -> None:
    from tests.helpers.imported_subject import write_imported

    before, form = window.session.state.encoder, window.explore.controls.encoder
    write_imported(means=np.zeros((3, 2)), source={"kind": "files", "path": "", "members": []}, images=["a", "b", "c"])
    window.session.controller.reread_catalogue()
    offered = [form.subject.itemData(index) for index in range(form.subject.count())]
    assert "mine" in offered
    assert form.subject.currentData() == "simulated"
    assert (form.network.currentData(), form.layer.currentData()) == before == window.session.state.encoder


def write_arrays(path: Path, n_features: int = 1280) -> Path:
    generator = np.random.default_rng(0)
    np.savez(
        path,
        weights=generator.standard_normal((n_features, 3)),
        vertex=np.arange(3),
        hemisphere=np.zeros(3, int),
        roi=np.array(["V1", "V1", "FFA"]),
    )
    return path


def drop(window: MainWindow, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(50, 50), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    window.features.drops.drop(event)


def open_assistant(window: MainWindow, qtbot: QtBot, path: Path) -> Any:
    drop(window, path)
    dialog = window.features.encoders.import_dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.readout is not None or dialog.work.error.isVisible(), timeout=20_000)
    return dialog


def test_dropped_weights_are_taken_in_and_opened(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    dialog = open_assistant(window, qtbot, write_arrays(tmp_path / "mine.npz"))
    assert "1,280 features → 3 voxels" in dialog.found.text()
    assert not dialog.import_button.isEnabled()
    assert dialog.import_button.toolTip() == "Give the new subject an id"
    dialog.new_subject.setText("lab1")
    dialog.response_unit.setText("z")
    dialog.network.setCurrentIndex(dialog.network.findData("mobilenet_v2"))
    dialog.layer.setCurrentText("features.18")
    dialog.n_reference.setValue(3)
    assert dialog.import_button.isEnabled()
    dialog.import_button.click()
    qtbot.waitUntil(lambda: window.features.encoders.import_dialog is None, timeout=60_000)
    assert window.session.state.encoder == ("mobilenet_v2", "features.18")
    card = load_card("lab1", "mobilenet_v2", "features.18")
    assert (card.n_voxels, card.response_unit) == (3, "z")
    assert card.provenance is not None
    assert card.provenance.n_reference == 3
    assert window.explore.controls.encoder.subject.currentData() == "lab1"
    assert window.features.encoders.import_dialog is None
    settle(window, qtbot)


def test_what_does_not_fit_is_said_in_the_assistant(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    dialog = open_assistant(window, qtbot, write_arrays(tmp_path / "mine.npz", n_features=77))
    dialog.new_subject.setText("lab1")
    dialog.network.setCurrentIndex(dialog.network.findData("mobilenet_v2"))
    dialog.layer.setCurrentText("features.18")
    dialog.import_button.click()
    qtbot.waitUntil(lambda: "weights are for 77 features" in dialog.work.error.text(), timeout=60_000)
    assert dialog.import_button.isEnabled()
    assert not list(user_encoders_folder().glob("*"))
    dialog.close()


def test_a_file_with_code_is_refused_in_the_assistant(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "evil.pkl"
    path.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    dialog = open_assistant(window, qtbot, path)
    qtbot.waitUntil(lambda: "asks to run 'os.system'" in dialog.work.error.text(), timeout=20_000)
    assert not dialog.import_button.isEnabled()
    dialog.close()


def test_a_dropped_picture_is_still_a_picture(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "picture_0.png"
    assert path.is_file()
    drop(window, path)
    qtbot.waitUntil(lambda: window.session.controller.image_key == str(path), timeout=20_000)
    assert window.features.encoders.import_dialog is None
    settle(window, qtbot)


def test_an_exported_folder_is_taken_in_at_once(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    out = tmp_path / "away"
    export_encoder("simulated-mobilenet_v2-features.18", out)
    drop(window, out)
    qtbot.waitUntil(lambda: len(list(user_encoders_folder().glob("*.safetensors"))) == 1, timeout=20_000)
    settle(window, qtbot)
    assert window.session.state.encoder == ("mobilenet_v2", "features.18")


def test_the_encoder_in_use_is_exported_as_numpy(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.session.controller.open_encoder("mobilenet_v2", "features.18")
    settle(window, qtbot)
    path = tmp_path / "mine.npz"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), "NumPy arrays (*.npz)"))
    monkeypatch.setattr("core.encoders.config.EncoderConfig.name", "simulated-mobilenet_v2-features.18")
    window.features.encoders.export_encoder()
    qtbot.waitUntil(path.is_file, timeout=20_000)
    settle(window, qtbot)
    with np.load(path, allow_pickle=False) as stored:
        assert "about" in stored.files
