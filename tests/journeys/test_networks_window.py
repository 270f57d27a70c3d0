"""Networks through the real window: import a file, see it refused, check it, list its layers, remove it, robustify."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.base.services import open_services
from app.shell.application import make_window
from app.shell.main_window import MainWindow
from core.engine import Engine
from core.networks.catalog import find_network, list_user_networks
from core.robustify import publish
from tests.core.networks.conftest import build_random
from tests.helpers.fake_engine import FakeEngine, make_catalogue


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    engine = FakeEngine()
    engine.device = "cpu"
    session = open_services(engine=cast(Engine, engine), catalogue=make_catalogue(tmp_path))
    made = make_window(session)
    made.resize(1120, 720)
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    qtbot.waitUntil(lambda: session.state.clean is not None, timeout=20_000)
    qtbot.waitUntil(lambda: isinstance(session.lane.state, Idle))
    yield made
    made.close()
    made.deleteLater()


def wait_idle(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle), timeout=60_000)


def test_a_weights_file_is_imported_checked_and_removed(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "small.pth"
    torch.save(build_random("torchvision", "squeezenet1_1").state_dict(), path)
    window.actions_table.action("networks").trigger()
    tools = window.features.networks
    networks = tools.networks
    assert networks is not None and networks.isVisible()
    qtbot.mouseClick(networks.bring, Qt.MouseButton.LeftButton)
    form = tools.importing
    assert form is not None
    form.source.setText(str(path))
    qtbot.mouseClick(form.bring, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Say which network they belong to" in form.work.error.text())
    form.architecture.setText("torchvision:squeezenet1_1")
    qtbot.mouseClick(form.bring, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not form.isVisible(), timeout=60_000)
    wait_idle(window, qtbot)
    assert networks.chosen is not None and networks.chosen.id == "small"
    assert find_network("small") in window.session.catalogue.networks
    qtbot.mouseClick(networks.check, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "checks passed" in networks.work.note.text(), timeout=60_000)
    qtbot.mouseClick(networks.layers, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "features.12.expand3x3" in networks.details.table.row_keys(), timeout=60_000)
    qtbot.mouseClick(networks.remove, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Removed small" in networks.work.note.text())
    assert list_user_networks() == () and "small" not in networks.table.row_keys()
    assert cast(FakeEngine, window.session.engine).n_asked["forget_network"] == 1


def test_a_failed_download_is_told_in_place(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBESCOPE_OFFLINE", "1")
    window.actions_table.action("networks").trigger()
    networks = window.features.networks.networks
    assert networks is not None
    networks.table.select_key("resnet50")
    qtbot.mouseClick(networks.download, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "PROBESCOPE_OFFLINE is set" in networks.work.error.text())
    assert networks.download.isEnabled()


def test_robustifying_keeps_a_network(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "MEASURED_PHOTOS", 1)
    monkeypatch.setattr(publish, "MEASURED_EPSILONS", (1.0,))
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(2):
        pixels = np.random.default_rng(index).integers(0, 256, (60, 80, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    window.actions_table.action("robustify").trigger()
    form = window.features.networks.robustify
    assert form is not None
    form.set_networks([find_network("alexnet")], "alexnet")
    form.images.setText(str(folder))
    form.n_images.setValue(8)
    form.title.setText("AlexNet of mine")
    qtbot.mouseClick(form.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Kept as AlexNet of mine" in form.work.note.text(), timeout=60_000)
    wait_idle(window, qtbot)
    kept = find_network("alexnet_robust")
    assert kept.robust and kept in window.session.catalogue.networks
    form.images.setText(str(tmp_path / "none"))
    qtbot.mouseClick(form.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "must be a folder with photographs" in form.work.error.text())


def test_without_the_dialog_a_note_says_what_was_kept(window: MainWindow, qtbot: QtBot) -> None:
    record = SimpleNamespace(epsilon=1.0, tuned=0.2, original=0.5)
    done = SimpleNamespace(network=find_network("alexnet"), published=SimpleNamespace(records=(record,)))
    with qtbot.waitSignal(window.session.controller.noted) as told:
        window.features.networks.show_robustify()
        form = window.features.networks.robustify
        assert form is not None
        form._take_trained(done)
    assert "L2 1: 0.20 (before: 0.50)" in told.args[0]


def test_a_network_file_dropped_on_the_window_opens_the_import_form(window: MainWindow, tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    path.write_bytes(b"anything")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    action, buttons, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.features.drops.drop(QDropEvent(QPointF(50, 50), action, data, buttons, keys))
    form = window.features.networks.importing
    assert form is not None and form.isVisible() and form.source.text() == str(path)
    form.reject()
