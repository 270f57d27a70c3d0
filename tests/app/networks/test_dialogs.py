"""The dialogs about networks: what they show, what they ask for, and why a button is off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.base.jobs import JobLane
from app.base.services import Services
from app.networks.dialog import NetworksDialog
from app.networks.import_dialog import ImportNetworkDialog
from app.networks.robustify_dialog import RobustifyDialog
from core.errors import BadInputError, DownloadError
from core.networks.catalog import find_network, list_networks
from core.networks.files.download import DownloadProgress
from core.networks.manage import CheckReport
from core.networks.spec import LayerInfo
from core.robustify.config import RobustifyOptions
from core.robustify.train import RobustifyProgress
from tests.helpers.gated_work import GatedWork


@pytest.fixture
def session(lane: JobLane) -> Services:
    return cast(Services, SimpleNamespace(lane=lane, engine=SimpleNamespace(device="cpu")))


@pytest.fixture
def networks(qtbot: QtBot, session: Services) -> NetworksDialog:
    dialog = NetworksDialog(session, lambda *_: None, lambda: None)
    qtbot.addWidget(dialog)
    dialog.show_networks(list_networks())
    return dialog


def test_every_network_has_a_row_with_its_state(networks: NetworksDialog) -> None:
    table = networks.table
    assert table.row_keys() == [row.id for row in list_networks()]
    cells = [
        [table.item(row, column).text() for column in range(table.columnCount())] for row in range(table.rowCount())
    ]
    assert ["AlexNet", "standard", "embedded", "9 MB", "BSD-3-Clause"] in cells
    assert ["ResNet-50, robust L2 3", "robust", "not downloaded", "–", "MIT"] in cells


def test_the_search_finds_by_any_word(networks: NetworksDialog, qtbot: QtBot) -> None:
    qtbot.keyClicks(networks.search, "robust densenet")
    assert networks.table.row_keys() == ["densenet161_l2_3"]
    networks.search.clear()
    assert len(networks.table.row_keys()) == len(list_networks())


@pytest.mark.parametrize(
    ("network", "download", "check", "remove"),
    [
        ("alexnet", "It is already on this computer", "", "Embedded networks are permanent"),
        ("vit_b16", "", "Download it first", "It is not on this computer"),
    ],
)
def test_buttons_say_why_they_are_off(
    networks: NetworksDialog, network: str, download: str, check: str, remove: str
) -> None:
    networks.table.select_key(network)
    for button, reason in ((networks.download, download), (networks.check, check), (networks.remove, remove)):
        assert button.isEnabled() is (reason == "")
        assert reason in button.toolTip()


def test_downloading_shows_its_share_and_can_be_cancelled(
    networks: NetworksDialog, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks.show()
    networks.table.select_key("vit_b16")
    work, again, asked = GatedWork(), GatedWork(), []

    def get(network: str, **more: Any) -> Any:
        asked.append(network)
        return (work if len(asked) == 1 else again).make(**more)

    monkeypatch.setattr("app.networks.dialog.iter_get", get)
    qtbot.mouseClick(networks.download, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: asked == ["vit_b16"])
    work.send(DownloadProgress(3 * 2**20, 12 * 2**20))
    qtbot.waitUntil(lambda: networks.work.note.text() == "Downloaded 3.0 of 12.0 MB")
    assert networks.work.bar.share == 0.25
    assert not networks.download.isEnabled()
    qtbot.mouseClick(networks.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: networks.download.isEnabled())
    assert networks.work.note.text().startswith("Cancelled. The partial") and not networks.cancel.isVisible()
    qtbot.mouseClick(networks.download, Qt.MouseButton.LeftButton)
    again.send(DownloadError("The server answered 404."))
    qtbot.waitUntil(networks.work.error.isVisible)
    assert networks.work.error.text() == "The server answered 404." and networks.work.bar.share == 0


def test_layers_are_listed_with_shapes_and_searched(networks: NetworksDialog, qtbot: QtBot) -> None:
    networks.table.select_key("alexnet")
    details = networks.details
    assert details.table.row_keys() == list(find_network("alexnet").layers)
    rows = [LayerInfo(f"features.{n}", (64, 27, 27)) for n in range(12)]
    networks.show_layers("vgg16", rows)
    assert len(details.table.row_keys()) == 3, "an answer about another network is not shown"
    networks.show_layers("alexnet", rows)
    assert details.table.item(4, 1).text() == "64 × 27 × 27" and details.table.item(4, 2).text() == "offered"
    qtbot.keyClicks(details.search, "s.1")
    assert details.table.row_keys() == ["features.1", "features.10", "features.11"]
    assert details.heading.text() == "LAYERS (3 of 12)"


def test_a_failed_check_is_an_error_in_place(networks: NetworksDialog) -> None:
    networks.show()
    good = CheckReport("alexnet", "features.11", "0" * 64, (256, 13, 13), (("finite", ""), ("gradient", "")))
    networks.show_report(good)
    assert networks.work.note.text() == "alexnet can be probed at features.11 (256 × 13 × 13): 2 checks passed."
    networks.show_report(replace(good, checks=(("finite", ""), ("gradient", "No gradient reaches the pixels."))))
    assert networks.work.error.text() == "No gradient reaches the pixels." and networks.work.note.text() == ""


def test_the_import_form_gives_options(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lane: JobLane
) -> None:
    dialog, work, asked = ImportNetworkDialog(lane, lambda *_: None), GatedWork(), []

    def take_in(*what: Any) -> Any:
        asked.append(what)
        return work.make(should_stop=lambda: False)

    monkeypatch.setattr("app.networks.import_dialog.take_in", take_in)
    qtbot.addWidget(dialog)
    assert not dialog.bring.isEnabled() and "Choose a file" in dialog.bring.toolTip()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_args: (str(tmp_path / "a.ckpt"), ""))
    dialog.source.browse.click()
    dialog.architecture.setText(" resnet50 ")
    dialog.layers.setText("layer3, layer4")
    dialog.input_size.setValue(128)
    dialog.weights.setText("ema")
    dialog.normalisation.setText("0.5, 0.5 0.5")
    dialog.bring.click()
    assert "Mean and SD must be six numbers" in dialog.work.error.text()
    dialog.normalisation.setText("0.5, 0.5 0.5 0.25, 0.25, 0.2")
    dialog.tokens.setCurrentIndex(2)
    dialog.robust.setChecked(True)
    dialog.parent_network.setText(" alexnet ")
    dialog.show()
    qtbot.mouseClick(dialog.bring, Qt.MouseButton.LeftButton)
    assert not dialog.bring.isEnabled()
    qtbot.waitUntil(lambda: len(asked) == 1)
    ((source, wishes),) = asked
    assert source == str(tmp_path / "a.ckpt")
    assert (wishes.architecture, wishes.layers, wishes.input_size) == ("resnet50", ("layer3", "layer4"), 128)
    assert (wishes.weights, wishes.mean, wishes.std) == ("ema", (0.5, 0.5, 0.5), (0.25, 0.25, 0.2))
    assert (wishes.tokens, wishes.robust, wishes.trusted) == ("class", True, False)
    assert wishes.parent == "alexnet"
    work.send(BadInputError("a.ckpt is truncated."))
    qtbot.waitUntil(lambda: dialog.bring.isEnabled())
    assert dialog.work.error.text() == "a.ckpt is truncated."


def test_the_robustify_form_gives_options_and_follows_the_training(
    qtbot: QtBot, tmp_path: Path, session: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    dialog, work, asked = RobustifyDialog(session, lambda *what: told.extend(what)), GatedWork(), []

    def iter_run(options: RobustifyOptions, device: str, **more: Any) -> Any:
        asked.append(options)
        return work.make(**more)

    monkeypatch.setattr("core.robustify.run.iter_run", iter_run)
    qtbot.addWidget(dialog)
    assert "No network here can be trained" in dialog.start.toolTip()
    dialog.set_networks([find_network("alexnet"), find_network("mobilenet_v2")], "mobilenet_v2")
    assert "Choose a folder" in dialog.start.toolTip()
    dialog.images.setText(str(tmp_path))
    dialog.epsilon.setValue(1.5)
    dialog.n_images.setValue(500)
    dialog.seed.setValue(3)
    dialog.show()
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(asked) == 1)
    wishes = asked[0]
    assert (wishes.network, wishes.images, wishes.epsilon, wishes.n_images) == ("mobilenet_v2", tmp_path, 1.5, 500)
    assert wishes.seed == 3
    assert not dialog.images.isEnabled() and not dialog.start.isVisible() and dialog.stop.isVisible()
    for seen, loss in ((8, 2.0), (16, 1.0)):
        work.send(RobustifyProgress(seen, 500, 160, 1.5, loss, 0.1, 3.0, 60.0, saved=False))
    qtbot.waitUntil(lambda: dialog.work.note.text().startswith("16 of 500 photographs at 160 px"))
    assert dialog.work.bar.share == 16 / 500
    drawn, losses = dialog.loss.items["perturbed"].getData()
    assert (list(drawn), list(losses)) == ([8, 16], [2.0, 1.0])
    published = SimpleNamespace(records=(SimpleNamespace(epsilon=1.0, tuned=0.2, original=0.5),))
    work.finish(SimpleNamespace(network=SimpleNamespace(title="X", id="x"), published=published))
    qtbot.waitUntil(dialog.start.isVisible)
    kept = "Kept as X (x). Relative feature shift at L2 1: 0.20 (before: 0.50)."
    assert dialog.work.note.text() == kept and told == [kept, "x"] and dialog.loss.isVisible()


def test_a_status_tells_where_a_network_is() -> None:
    states = {name: find_network(name).state for name in ("alexnet", "resnet50")}
    assert states == {"alexnet": "embedded", "resnet50": "not downloaded"}


@pytest.mark.parametrize("width", [1000, 1160, 1500])
def test_the_longest_name_of_a_network_is_not_cut(networks: NetworksDialog, width: int) -> None:
    networks.resize(width, 660)
    networks.show()
    longest = max(networks.fontMetrics().horizontalAdvance(one.title) for one in list_networks())
    assert networks.table.columnWidth(0) >= longest
    assert networks.table.horizontalHeader().length() <= networks.table.viewport().width(), "with every column"
