"""From a probe in Explore through the tray to a written set, in the real window with the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.base.services import open_services
from app.shell.application import make_window
from app.shell.main_window import MainWindow
from app.stimuli.plan_dialog import PlanDialog
from app.widgets.new_folder_dialog import NewFolderDialog
from core.attacks.mask import Mask
from core.engine import Engine
from core.stimuli.manifest import read_manifest

LONG = 100_000
"""Milliseconds: torch may be loading on a busy machine."""


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    session = open_services(engine=Engine(device="cpu"))
    session.settings.set("network", "alexnet")  # the smallest, cut early
    session.settings.set("layer", "features.4")
    session.state.auto_probe = False
    made = make_window(session)
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    qtbot.waitUntil(lambda: session.state.clean is not None and isinstance(session.lane.state, Idle), timeout=LONG)
    yield made
    made.close()
    made.deleteLater()


def is_idle(window: MainWindow) -> bool:
    return isinstance(window.session.lane.state, Idle)


def test_a_probe_goes_through_the_tray_into_a_set_and_back(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    session, tools = window.session, window.features.stimuli
    session.controller.pick_roi("FFA")
    session.controller.probe()
    qtbot.waitUntil(lambda: session.state.probe is not None and is_idle(window), timeout=LONG)
    probe = session.state.probe
    assert probe is not None
    qtbot.keyClick(window, Qt.Key.Key_T)
    assert [recipe.config for recipe in tools.tray.items] == [probe.config]
    qtbot.keyClick(window, Qt.Key.Key_T)
    assert len(tools.tray.items) == 1

    tools.show_page()
    qtbot.waitUntil(lambda: tools.tray.preview(0) is not None and is_idle(window), timeout=LONG)
    preview = tools.tray.preview(0)
    assert preview is not None
    assert preview.shift == pytest.approx(probe.of_target(probe.shift), rel=0.05)
    assert list(preview.pictures) == ["original", "raise", "control_random", "control_sign_flip"]

    config = tools.page.config()
    assert config is not None
    tools.write_to(tmp_path / "set", config)
    qtbot.waitUntil(lambda: tools.written is not None, timeout=LONG)
    found = read_manifest(tmp_path / "set")
    assert [row.role for row in found.rows] == list(preview.pictures)
    assert found.rows[1].shift == pytest.approx(preview.shift, rel=1e-4), "the file does what the preview said"
    assert found.rows[0].source_key == session.controller.image_key

    session.controller.clear_target()
    tools.open_row(0)
    qtbot.waitUntil(lambda: session.state.probe is not None and is_idle(window), timeout=LONG)
    assert window.tabs.current == "explore"
    again = session.state.probe
    assert again is not None and again.config == probe.config


def test_a_plan_is_asked_for_with_its_cost(window: MainWindow, qtbot: QtBot) -> None:
    state = window.session.state
    assert state.subject is not None
    encoders = [(one.network, one.layer) for one in window.session.catalogue.encoders_of(state.subject.id)]
    dialog = PlanDialog(state.subject, encoders, current=state.encoder, image="", parent=window)
    qtbot.addWidget(dialog)
    assert dialog.plan is not None
    assert dialog.cost.text().startswith("4 images x 2 targets x 1 direction x 1 budget x 1 encoder = 8 probes")
    assert dialog.wish().get("mask") is None
    mask = Mask(box=(0.0, 0.0, 0.5, 1.0))
    masked = PlanDialog(state.subject, encoders, current=state.encoder, image="", mask=mask, parent=window)
    qtbot.addWidget(masked)
    assert masked.plan is not None and masked.plan.mask == mask and "inside the mask" in masked.grey.text()
    masked.masked.setChecked(False)
    assert masked.plan is not None and masked.plan.mask is None
    dialog.images.setText("no_such_image")
    dialog.budgets.setText("linf:8")
    dialog.tell()
    assert dialog.plan is None and not dialog.add.isEnabled()
    assert "Did you mean 8/255?" in dialog.problem.text()


def test_a_folder_that_is_there_cannot_be_written_over(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "my_set").mkdir()
    about = ("my set", "1 item", "")
    dialog = NewFolderDialog("Write stimulus set", "my_set", about=about, verb="Write", folder=tmp_path)
    qtbot.addWidget(dialog)
    assert dialog.folder() == tmp_path / "my_set"
    assert not dialog.go.isEnabled()
    dialog.field.setText(str(tmp_path / "other"))
    assert dialog.go.isEnabled()
