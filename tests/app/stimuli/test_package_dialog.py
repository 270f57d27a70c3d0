"""The package dialog on a real lane: a set is read, plans follow the fields, packages of every kind are written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.base.jobs import Failed, JobLane
from app.stimuli.feature import Packages
from app.stimuli.package_dialog import PackageDialog, PackageForm
from core.experiments.packages.orders import CatchKind, OrderConfig
from core.experiments.packages.package import PackageKind
from core.experiments.packages.template import Template, read_template, write_template
from core.experiments.packages.timing import Screen, Timing
from tests.helpers.desks import make_desk
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
def newest() -> list[Path]:
    return []


@pytest.fixture
def tools(qtbot: QtBot, defects: list[Failed], newest: list[Path]) -> Iterator[Packages]:
    lane = JobLane()
    problems = SimpleNamespace(show_failed=defects.append)
    desk = make_desk(qtbot, SimpleNamespace(lane=lane, controller=Controller(), problems=problems))
    made = Packages(desk, lambda: newest[-1] if newest else None)
    yield made
    if made.dialog is not None:
        made.dialog.hide()
    lane.shutdown()
    assert defects == []


def open_set(qtbot: QtBot, tools: Packages, folder: Path) -> PackageDialog:
    tools.show_dialog(str(folder))
    dialog = tools.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.make.isEnabled() or bool(dialog.work.error.text()))
    return dialog


def test_the_fields_give_back_the_template_they_were_given(qtbot: QtBot) -> None:
    form = PackageForm()
    qtbot.addWidget(form)
    assert form.value() == Template()
    with qtbot.waitSignal(form.changed):
        form.set_value(OTHER)
    assert form.value() == OTHER


def test_nothing_can_be_made_without_a_set(qtbot: QtBot, tools: Packages) -> None:
    tools.show_dialog()
    assert tools.dialog is not None and not tools.dialog.make.isEnabled()
    assert tools.dialog.make.toolTip() == "Choose a stimulus set first"


def test_the_command_opens_the_set_that_was_written_last(
    qtbot: QtBot, tools: Packages, newest: list[Path], tmp_path: Path
) -> None:
    newest.append(write_set(tmp_path / "newest", n_images=7))
    tools.commands()["make_package"]()
    dialog = tools.dialog
    assert dialog is not None and dialog.isVisible()
    qtbot.waitUntil(dialog.make.isEnabled)
    assert dialog.out.text() == str(tmp_path / "newest-bids")


def test_durations_and_refusals_follow_the_fields(qtbot: QtBot, tools: Packages, tmp_path: Path) -> None:
    dialog = open_set(qtbot, tools, write_set(tmp_path / "a_set", n_images=7))
    assert "Each run lasts 1 min 56 s" in dialog.duration.text()
    dialog.form.repeats.setValue(2)
    assert not dialog.make.isEnabled()
    qtbot.waitUntil(lambda: "Each run lasts 3 min 20 s" in dialog.duration.text())
    dialog.form.degrees.setValue(6.0)
    qtbot.waitUntil(lambda: "made to be shown 8.4 deg wide" in dialog.warnings.text())
    dialog.form.spacing.setValue(9)
    qtbot.waitUntil(lambda: "Spacing must be at most 6, not 9" in dialog.work.error.text())
    assert not dialog.make.isEnabled() and "spacing" in dialog.make.toolTip()
    dialog.form.spacing.setValue(5)
    dialog.form.trigger_key.setText("%")
    qtbot.waitUntil(lambda: "Trigger key must be one lower-case letter" in dialog.work.error.text())
    dialog.form.trigger_key.setText("5")
    qtbot.waitUntil(dialog.make.isEnabled)
    assert not dialog.work.error.text()


@pytest.mark.parametrize("kind", list(PackageKind))
def test_a_package_is_written_beside_the_set_and_its_folder_can_be_opened(
    qtbot: QtBot, tools: Packages, tmp_path: Path, kind: PackageKind, monkeypatch: pytest.MonkeyPatch
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
    assert (target / "README.md").is_file() and "Wrote" in dialog.work.note.text() and dialog.cancel.isHidden()
    assert dialog.out.text() == f"{target}-2"
    dialog.open_folder.click()
    assert opened == [str(target)]


def test_a_folder_that_holds_something_is_refused_and_kept(qtbot: QtBot, tools: Packages, tmp_path: Path) -> None:
    dialog = open_set(qtbot, tools, write_set(tmp_path / "a_set", n_images=7))
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine", encoding="utf-8")
    dialog.out.setText(str(tmp_path / "taken"))
    dialog.make.click()
    qtbot.waitUntil(lambda: "nothing is overwritten" in dialog.work.error.text())
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["mine.txt"]
    assert dialog.make.isEnabled()


def test_an_edited_set_is_refused(qtbot: QtBot, tools: Packages, tmp_path: Path) -> None:
    folder = write_set(tmp_path / "a_set", n_images=7)
    next((folder / "stimuli").iterdir()).write_bytes(b"edited")
    dialog = open_set(qtbot, tools, folder)
    assert "was changed after writing" in dialog.work.error.text() and not dialog.make.isEnabled()


def test_templates_are_loaded_and_saved(
    qtbot: QtBot, tools: Packages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    dialog.form.seed.setValue(12)
    dialog.save.click()
    assert read_template(saved) == dataclasses.replace(OTHER, order=dataclasses.replace(OTHER.order, seed=12))
    (tmp_path / "lab.toml").write_text("[timing]\non = 2\n", encoding="utf-8")
    dialog.load.click()
    assert "has an unknown key `timing.on`; allowed is one of" in dialog.work.error.text()


def test_a_cancelled_package_leaves_nothing(qtbot: QtBot, tools: Packages, tmp_path: Path) -> None:
    dialog = open_set(qtbot, tools, write_set(tmp_path / "a_set", n_images=300, side=8))
    dialog.make.click()
    dialog.cancel.click()
    qtbot.waitUntil(lambda: "Cancelled. Nothing was written." in dialog.work.note.text())
    assert [path.name for path in tmp_path.iterdir()] == ["a_set"] and dialog.make.isEnabled()


def test_a_kind_without_trials_is_not_refused_for_their_order(qtbot: QtBot, tools: Packages, tmp_path: Path) -> None:
    dialog = open_set(qtbot, tools, write_set(tmp_path / "a_set", n_images=7))
    dialog.form.repeats.setValue(2)
    dialog.form.spacing.setValue(30)
    qtbot.waitUntil(lambda: "spacing" in dialog.work.error.text())
    dialog.kind.setCurrentIndex(dialog.kind.findData(PackageKind.BRAINSCORE))
    qtbot.waitUntil(dialog.make.isEnabled)
    dialog.kind.setCurrentIndex(dialog.kind.findData(PackageKind.BIDS))
    qtbot.waitUntil(lambda: "spacing" in dialog.work.error.text())
    assert not dialog.make.isEnabled()


def test_a_typed_folder_is_kept_when_the_kind_changes(qtbot: QtBot, tools: Packages, tmp_path: Path) -> None:
    dialog = open_set(qtbot, tools, write_set(tmp_path / "a_set", n_images=7))
    typed = tmp_path / "mine"
    dialog.out.setText(str(typed))
    for kind in PackageKind:
        dialog.kind.setCurrentIndex(dialog.kind.findData(kind))
        assert dialog.out_folder() == typed
    dialog.out.setText("")
    dialog.kind.setCurrentIndex(dialog.kind.findData(PackageKind.BIDS))
    assert dialog.out_folder() == tmp_path / "a_set-bids", "an empty field is filled again"
    dialog.out.setText(str(typed))
    qtbot.waitUntil(dialog.make.isEnabled)
    dialog.make.click()
    qtbot.waitUntil(lambda: not dialog.open_folder.isHidden())
    assert (typed / "README.md").is_file()
    assert dialog.out_folder() == tmp_path / "a_set-bids", "what was typed is written, and taken now"
    dialog.out.setText(str(tmp_path / "for_the_first_set"))
    other = write_set(tmp_path / "b_set", n_images=7)
    dialog.start(str(other))
    qtbot.waitUntil(dialog.make.isEnabled)
    assert dialog.out_folder() == tmp_path / "b_set-bids", "another set has a name of its own"
