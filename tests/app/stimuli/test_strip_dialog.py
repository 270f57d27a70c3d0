"""The levels of a tray: what is said of each, its seed over all of them, and the picture that is saved."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from app.stimuli.page import StimuliPage
from app.stimuli.strip_dialog import StripDialog
from app.stimuli.tray import Tray
from app.stimuli.tray_painter import describe_level, title_of
from core.figures.level_figure import draw_strip
from core.images.stimulus import to_uint8
from core.probes.against import Against
from core.probes.budget import read_probe_budget
from core.probes.probe import Probe
from core.stimuli.level_strip import LevelCell, Strip
from core.stimuli.levels import read_level
from core.stimuli.preview import THUMBNAIL, ItemPreview
from core.stimuli.recipe import Recipe, recipe_of
from core.types import Direction
from tests.helpers.probes import make_probe


def make_level(level: float, *, seed: str = "cat", epsilon: float = 2.0) -> Probe:
    """A made-up probe that asks for a level; the mean is such that the first stands exactly at it."""
    probe = make_probe(44, 32, epsilon=epsilon)
    config = dataclasses.replace(probe.config, level=level, level_within=10.0)
    mean = probe.of_target(probe.perturbed) - level * probe.target_sd
    return dataclasses.replace(probe, config=config, target_mean=mean, stimulus_id=seed, stimulus_sha256=f"{seed:0>64}")


def preview_of(recipe: Recipe, probe: Probe, saved: float) -> ItemPreview:
    blank = np.zeros((THUMBNAIL, THUMBNAIL, 3), dtype=np.uint8)
    reading, budget = read_level(probe, saved=saved), read_probe_budget(probe)
    mark = recipe.digest
    return ItemPreview(mark, mark, {"original": blank}, budget, "z", 1.0, 1.0, 0.0, {}, (), mark, level=reading)


PROBES = [make_level(-1.0), make_level(2.0, epsilon=3.0)]


@pytest.fixture
def tray() -> Tray:
    """Two levels of a cat that are known, one of a dog, and one of a cat that is not."""
    made, others = Tray(), [make_level(2.0, seed="dog"), make_level(3.0)]
    recipes = [recipe_of(probe, probe.stimulus_id) for probe in [*PROBES, *others]]
    made.add(recipes)
    known = zip(recipes[:3], [*PROBES, others[0]], (-0.98, 1.5, 2.0), strict=True)
    made.take_previews([preview_of(*one) for one in known])
    return made


def test_a_row_says_its_level_and_its_seed_has_others(qtbot: QtBot, tray: Tray) -> None:
    assert "ROI FFA" in title_of(tray.items[0], 0) and title_of(tray.items[0], 0).endswith("at -1 SD")
    assert describe_level(tray.reading(1)) == ["Level +2 SD reached: +1.50 SD in 8 bits"]
    assert describe_level(tray.reading(3)) == []
    assert tray.rows_of_seed(0) == [0, 1]
    page = StimuliPage(tray)
    qtbot.addWidget(page)
    page.choose(3)
    assert not page.strip.isEnabled()
    page.choose(1)
    with qtbot.waitSignal(page.strip_requested) as asked:
        page.strip.click()
    assert asked.args == [1]
    assert "Level +2 SD reached" in page.warnings.text()


def test_the_probes_of_a_pair_say_which_way_each_encoder_goes() -> None:
    config = dataclasses.replace(make_probe(44, 32).config, against=Against("alexnet", "features.11"))
    for direction, agrees, words in (("raise", False, "lower"), ("lower", False, "raise"), ("raise", True, "raise")):
        second = Against("alexnet", "features.11", agrees=agrees)
        asked = dataclasses.replace(config, direction=Direction(direction), against=second)
        recipe = dataclasses.replace(recipe_of(PROBES[0], "cat"), config=asked)
        assert title_of(recipe, 0).endswith(f"{direction} {config.target.label}, {words} in alexnet features.11")


def test_levels_that_are_not_reached_are_told_before_writing(tray: Tray) -> None:
    """The fourth row's probe is first not made, and then found short of +3 SD."""
    assert tray.notes() == ["⚠ 1 of the levels are not made yet; which are reached is not known."]
    short = dataclasses.replace(make_level(2.2), config=make_level(3.0).config)
    tray.take_previews([preview_of(tray.items[3], short, 2.21)])
    heading, line = tray.notes()
    assert heading.startswith("Levels of mobilenet_v2 features.18 · ROI FFA")
    assert line == "  +3 SD: 0 of 1 reached, +2.21 SD at best, 0 hold in 8 bits", "levels that are reached are left out"


def strip() -> Strip:
    cells = []
    for probe, saved in zip(PROBES, (-0.98, 1.5), strict=True):
        reading = read_level(probe, saved=saved)
        assert reading is not None
        cells.append(LevelCell(reading, to_uint8(probe.clean_pixels), to_uint8(probe.perturbed_pixels)))
    return tuple(cells)


def test_a_strip_compares_all_levels_at_one_amplification() -> None:
    found = strip()
    assert [cell.reading.wanted for cell in found] == [-1.0, 2.0]
    changes = [255 * (one.perturbed_pixels - one.clean_pixels).transpose(1, 2, 0) for one in PROBES]
    assert np.abs(found[1].change - changes[1]).max() <= 1.01
    assert found[0].reading.image == "cat" and found[0].reading.side == 32
    words = [text.get_text() for axes in draw_strip(found).axes for text in (axes.title, *axes.texts)]
    assert {"−1 SD", "+2 SD", "8-bit −0.98", "8-bit +1.50", "L2 2", "L2 3"} <= set(words)


def test_the_picture_of_the_dialog_is_saved_as_it_is_drawn(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def write(_title: str, make: Callable[[], str]) -> None:
        written.append(make())

    found = strip()
    dialog = StripDialog(found, [cell.reading for cell in found], write=write)
    qtbot.addWidget(dialog)
    assert "+2 SD: 1 of 1 reached, L2 3, 0 hold in 8 bits" in dialog.lines.text()
    assert dialog.picture.pixels is not None and dialog.picture.pixels.std() > 10
    monkeypatch.setattr("app.stimuli.strip_dialog.ask_path", lambda *_: tmp_path / "cat.png")
    dialog.save.click()
    assert written == [f"Saved {tmp_path / 'cat.png'}"]
    assert np.asarray(Image.open(tmp_path / "cat.png")).std() > 10
