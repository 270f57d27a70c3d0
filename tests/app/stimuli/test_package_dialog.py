"""The package dialog on a real lane: a set is read, plans follow the fields, packages of every kind are written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from app.base.jobs import Failed, JobLane
from app.stimuli.package_dialog import PackageDialog
from app.stimuli.package_feature import PackageTools
from app.stimuli.package_form import PackageForm
from core.experiments.packages.orders import CatchKind, OrderConfig
from core.experiments.packages.package import PackageKind
from core.experiments.packages.template import Template, read_template, write_template
from core.experiments.packages.timing import Screen, Timing
from tests.helpers.stimulus_sets import write_set

OTHER = Template(
    Timing(1.5, 0.25, 3.0, 4.0, "t", "space"),
    OrderConfig(2, 3, 4, 50, 5, 6, CatchKind.REPEAT, 3, 11),
    Screen(6.5, 45.0, 80.0, 1280, 1024, 0.25),
)


class Controller(QObject):
    noted = Signal(str)


@pytest.fixture
def defects() -> list[Failed]:
    return []


@pytest.fixture
def tools(qtbot: QtBot, defects: list[Failed]) -> Iterator[PackageTools]:
    window: Any = QWidget()
    qtbot.addWidget(window)
    lane = JobLane()
    problems = SimpleNamespace(show_failed=defects.append)
    window.session = SimpleNamespace(lane=lane, controller=Controller(window), problems=problems)
    window.tray_tools = SimpleNamespace(written=None)
    made = PackageTools(window)
    yield made
    if made.dialog is not None:
        made.dialog.hide()
    lane.shutdown()
    assert defects == []


def open_set(qtbot: QtBot, tools: PackageTools, folder: Path) -> PackageDialog:
    tools.show_dialog(str(folder))
    dialog = tools.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.make.isEnabled() or bool(dialog.error.text()))
    return dialog


def test_the_fields_give_back_the_template_they_were_given(qtbot: QtBot) -> None:
    form = PackageForm()
    qtbot.addWidget(form)
    assert form.value() == Template()
    with qtbot.waitSignal(form.changed):
        form.set_value(OTHER)
    assert form.value() == OTHER


def test_nothing_can_be_made_without_a_set(qtbot: QtBot, tools: PackageTools) -> None:
    tools.show_dialog()
    assert tools.dialog is not None and not tools.dialog.make.isEnabled()
    assert tools.dialog.make.toolTip() == "Choose a stimulus set first"


def test_the_button_opens_the_set_that_was_written_last(qtbot: QtBot, tools: PackageTools, tmp_path: Path) -> None:
    button = tools.make_button()
    qtbot.addWidget(button)
    tools._window.tray_tools.written = write_set(tmp_path / "newest", n_images=7)
    button.click()
    dialog = tools.dialog
    assert dialog is not None and dialog.isVisible()
    qtbot.waitUntil(dialog.make.isEnabled)
    assert dialog.out.text() == str(tmp_path / "newest-bids")


def test_durations_and_refusals_follow_the_fields(qtbot: QtBot, tools: PackageTools, tmp_path: Path) -> None:
    dialog = open_set(qtbot, tools, write_set(tmp_path / "a_set", n_images=7))
    assert "Each run lasts 1 min 56 s" in dialog.duration.text()
    dialog.form.counts["repeats"].setValue(2)
    assert not dialog.make.isEnabled()
    qtbot.waitUntil(lambda: "Each run lasts 3 min 20 s" in dialog.duration.text())
    dialog.form.degrees.setValue(6.0)
    qtbot.waitUntil(lambda: "made to be shown 8.4 deg wide" in dialog.warnings.text())
    dialog.form.counts["spacing"].setValue(9)
    qtbot.waitUntil(lambda: "`spacing` must be at most 6, got 9" in dialog.error.text())
    assert not dialog.make.isEnabled() and "spacing" in dialog.make.toolTip()
    dialog.form.counts["spacing"].setValue(5)
    dialog.form.keys["trigger_key"].setText("%")
    qtbot.waitUntil(lambda: "`trigger_key` must be one lower-case letter" in dialog.error.text())
    dialog.form.keys["trigger_key"].setText("5")
    qtbot.waitUntil(dialog.make.isEnabled)
    assert not dialog.error.text()


@pytest.mark.parametrize("kind", list(PackageKind))
def test_a_package_is_written_beside_the_set_and_its_folder_can_be_opened(
    qtbot: QtBot, tools: PackageTools, tmp_path: Path, kind: PackageKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    dialog = open_set(qtbot, tools, write_set(tmp_path / "a_set", n_images=7))
    dialog.kind.setCurrentIndex(dialog.kind.findData(kind))
    assert dialog.form.isEnabled() == (kind is not PackageKind.BRAINSCORE)
    target = tmp_path / f"a_set-{kind}"
    assert dialog.out.text() == str(target)
    qtbot.waitUntil(dialog.make.isEnabled)
    dialog.make.click()
    assert not dialog.make.isEnabled() and not dialog.cancel.isHidden()
    qtbot.waitUntil(lambda: not dialog.open_folder.isHidden())
    assert (target / "README.md").is_file() and "Wrote" in dialog.note.text() and dialog.cancel.isHidden()
    assert dialog.out.text() == f"{target}-2"
    dialog.open_folder.click()
    assert opened == [str(target)]


def test_a_folder_that_holds_something_is_refused_and_kept(qtbot: QtBot, tools: PackageTools, tmp_path: Path) -> None:
    dialog = open_set(qtbot, tools, write_set(tmp_path / "a_set", n_images=7))
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine", encoding="utf-8")
    dialog.out.setText(str(tmp_path / "taken"))
    dialog.make.click()
    qtbot.waitUntil(lambda: "nothing is overwritten" in dialog.error.text())
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["mine.txt"]
    assert dialog.make.isEnabled()


def test_an_edited_set_is_refused(qtbot: QtBot, tools: PackageTools, tmp_path: Path) -> None:
    folder = write_set(tmp_path / "a_set", n_images=7)
    next((folder / "stimuli").iterdir()).write_bytes(b"edited")
    dialog = open_set(qtbot, tools, folder)
    assert "was changed after writing" in dialog.error.text() and not dialog.make.isEnabled()


def test_templates_are_loaded_and_saved(
    qtbot: QtBot, tools: PackageTools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_template(OTHER, tmp_path / "lab.toml")
    saved = tmp_path / "saved.toml"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "lab.toml"), ""))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(saved), ""))
    tools.show_dialog()
    dialog = tools.dialog
    assert dialog is not None
    dialog.load.click()
    assert dialog.form.value() == OTHER
    dialog.form.counts["seed"].setValue(12)
    dialog.save.click()
    assert read_template(saved) == dataclasses.replace(OTHER, order=dataclasses.replace(OTHER.order, seed=12))
    (tmp_path / "lab.toml").write_text("[timing]\non = 2\n", encoding="utf-8")
    dialog.load.click()
    assert "has an unknown key `timing.on`; allowed is one of" in dialog.error.text()


def test_a_cancelled_package_leaves_nothing(qtbot: QtBot, tools: PackageTools, tmp_path: Path) -> None:
    dialog = open_set(qtbot, tools, write_set(tmp_path / "a_set", n_images=300, side=8))
    dialog.make.click()
    dialog.cancel.click()
    qtbot.waitUntil(lambda: "Cancelled. Nothing was written." in dialog.note.text())
    assert [path.name for path in tmp_path.iterdir()] == ["a_set"] and dialog.make.isEnabled()


def test_a_kind_without_trials_is_not_refused_for_their_order(
    qtbot: QtBot, tools: PackageTools, tmp_path: Path
) -> None:
    dialog = open_set(qtbot, tools, write_set(tmp_path / "a_set", n_images=7))
    dialog.form.counts["repeats"].setValue(2)
    dialog.form.counts["spacing"].setValue(30)
    qtbot.waitUntil(lambda: "spacing" in dialog.error.text())
    dialog.kind.setCurrentIndex(dialog.kind.findData(PackageKind.BRAINSCORE))
    qtbot.waitUntil(dialog.make.isEnabled)
    dialog.kind.setCurrentIndex(dialog.kind.findData(PackageKind.BIDS))
    qtbot.waitUntil(lambda: "spacing" in dialog.error.text())
    assert not dialog.make.isEnabled()
