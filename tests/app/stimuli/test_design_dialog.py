"""The dialog on a real lane: refusals beside the button, the tray's probes or a set simulated, plots and sentences."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.base.jobs import JobLane
from app.stimuli import design_dialog
from app.stimuli.design_dialog import DesignDialog, group_tray
from app.stimuli.tray import Tray
from core.errors import BadInputError
from core.experiments.measured.design import Design, DesignConfig, Groups, Question, group_plan, iter_design
from core.experiments.measured.planned import plan_set
from core.probes.against import Against
from core.probes.probe import ProbeConfig
from core.probes.target import Target, TargetKind
from core.progress import Progress
from core.stimuli.levels import LevelReading
from core.stimuli.manifest import ManifestRow, read_manifest
from core.stimuli.preview import ItemPreview
from core.stimuli.recipe import Recipe
from core.types import NormName
from tests.app.stimuli.test_tray import make_preview, make_recipe
from tests.helpers.measured_sets import write_levels, write_rivals


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


def test_levels_and_rivals_of_the_tray_are_grouped_as_the_written_set_is(tmp_path: Path) -> None:
    """The tray of a written set's own recipes and predictions leads to the very same groups."""
    for made in (write_levels(tmp_path / "levels", n_seeds=4), write_rivals(tmp_path / "rivals", n_images=4)):
        plan, tray = plan_set(read_manifest(made)), Tray()
        recipes = [recipe_like(probe.perturbed.row) for probe in plan.probes]
        tray.add(recipes)
        known = zip(recipes, (probe.perturbed.row for probe in plan.probes), strict=True)
        tray.take_previews([preview_like(recipe, row) for recipe, row in known])
        n_files = round(len(plan.stimuli) / len(plan.probes))
        (_, found), wanted = group_tray(tray, n_files=n_files), group_plan(plan)
        assert list(found) == list(wanted) and Question.SHIFT not in found
        for question, groups in wanted.items():
            for one, other in zip(found[question], groups, strict=True):
                for name in ("images", "first", "second", "level", "clean", "n_files"):
                    np.testing.assert_allclose(getattr(one, name), getattr(other, name), err_msg=f"{question} {name}")


def recipe_like(row: ManifestRow) -> Recipe:
    second = None
    if row.against:
        second = Against(*row.against.split(), agrees=row.against_direction == row.direction)
    target = Target(TargetKind.ROI, row.target, row.voxels, row.weights)
    asked = {"direction": row.direction, "level": row.level, "against": second}
    config = ProbeConfig(row.subject, row.network, row.layer, target, **asked)  # type: ignore[arg-type]
    number = int(row.source_image.split("_")[1])
    return dataclasses.replace(make_recipe(number), config=config)


def preview_like(recipe: Recipe, row: ManifestRow) -> ItemPreview:
    transfer = {where: one.shift_sd for where, one in row.transfer.items()}
    known = dataclasses.replace(make_preview(recipe), shift_sd=row.shift_sd, transfer=transfer)
    if row.level is None or row.level_reached is None:
        return known
    reading = LevelReading("", row.source_image, row.level, row.level_reached, row.level_reached, 1.0, NormName.L2)
    return dataclasses.replace(known, level=reading)


def test_a_tray_of_two_subjects_cannot_be_judged_on_one_brain(tmp_path: Path) -> None:
    row = plan_set(read_manifest(write_rivals(tmp_path / "set", n_images=4))).probes[0].perturbed.row
    rows, tray = (row, dataclasses.replace(row, subject="another")), Tray()
    tray.add([recipe_like(one) for one in rows])
    tray.take_previews([preview_like(recipe, row) for recipe in tray.items])
    with pytest.raises(BadInputError, match="`set` must be of one subject, got 'simulated, another'"):
        group_tray(tray, n_files=3)


def test_a_set_is_simulated_and_shown(qtbot: QtBot, lane: JobLane, tmp_path: Path, monkeypatch) -> None:
    def few(name: str, groups: Groups, config: DesignConfig, **more: Any) -> Iterator[Progress[Design]]:
        return iter_design(name, groups, dataclasses.replace(config, n_simulations=20), **more)

    monkeypatch.setattr(design_dialog, "iter_design", few)
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
    qtbot.waitUntil(lambda: "Which model is right, slope 1" in dialog.answer.words.text(), timeout=120_000)
    assert dialog.answer.choice.count() == 3
    dialog.answer.choice.setCurrentIndex(2)
    assert dialog.answer.view.shown.title == "which model is right: slope 0.25"
