"""The tray keeps recipes in order, once each, and its page says what is known of them."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from pytestqt.qtbot import QtBot

from app.look.theme import DARK, LIGHT, use_theme
from app.stimuli.page import StimuliPage
from app.stimuli.set_form import SetForm
from app.stimuli.tray import Tray
from app.stimuli.tray_painter import describe_shift, describe_warnings, name_role
from core.errors import BadInputError
from core.probes.budget import read_probe_budget
from core.stimuli.config import SetConfig
from core.stimuli.controls import ControlKind
from core.stimuli.layout import Enlarging, Layout, Matching
from core.stimuli.preview import THUMBNAIL, ItemPreview, preview_key
from core.stimuli.probe_warnings import ProbeWarning, WarningCode
from core.stimuli.recipe import Recipe, recipe_of
from tests.helpers.probes import make_probe

PROBE = make_probe(44, 32)
FIRST = recipe_of(PROBE, "cat_chelsea")


def make_recipe(number: int) -> Recipe:
    return dataclasses.replace(
        FIRST, image=f"image_{number}", image_id=f"image_{number}", image_sha256=f"{number:064d}"
    )


def make_preview(recipe: Recipe, *, fingerprint: str = "", warnings: tuple[ProbeWarning, ...] = ()) -> ItemPreview:
    roles = ("original", "raise", "control_random", "control_sign_flip")
    pictures = {role: np.full((THUMBNAIL, THUMBNAIL, 3), 60 * n, dtype=np.uint8) for n, role in enumerate(roles)}
    mark = fingerprint or recipe.digest
    return ItemPreview(
        mark,
        recipe.digest,
        pictures,
        read_probe_budget(PROBE),
        "z",
        1.5,
        2.0,
        0.25,
        {"alexnet l4": 0.5},
        warnings,
        mark,
    )


@pytest.fixture
def tray() -> Tray:
    made = Tray()
    made.add([make_recipe(number) for number in range(3)])
    return made


@pytest.fixture
def page(qtbot: QtBot, tray: Tray) -> StimuliPage:
    made = StimuliPage(tray)
    qtbot.addWidget(made)
    made.resize(1200, 700)
    made.show()
    return made


def ids(tray: Tray) -> list[str]:
    return [recipe.image_id for recipe in tray.items]


def test_keys_move_open_and_remove_what_is_chosen(qtbot: QtBot, tray: Tray, page: StimuliPage) -> None:
    tray.add([make_recipe(number) for number in range(3)])
    page.choose(0)
    with qtbot.waitActive(page):
        page.activateWindow()
    page.list.setFocus()
    qtbot.waitUntil(page.list.hasFocus)
    first, *rest = ids(tray)
    qtbot.keyClick(page.list, Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier)
    assert ids(tray) == [rest[0], first, *rest[1:]] and page.chosen_rows() == [1]
    qtbot.keyClick(page.list, Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier)
    assert ids(tray) == [first, *rest] and page.chosen_rows() == [0]
    with qtbot.waitSignal(page.open_requested) as asked:
        qtbot.keyClick(page.list, Qt.Key.Key_Return)
    assert asked.args == [0]
    qtbot.keyClick(page.list, Qt.Key.Key_Delete)
    assert ids(tray) == rest
    qtbot.mouseClick(page.down, Qt.MouseButton.LeftButton)
    assert ids(tray) == [rest[1], rest[0], *rest[2:]]


def test_what_is_in_the_tray_is_not_added_again(qtbot: QtBot, tray: Tray) -> None:
    with qtbot.assertNotEmitted(tray.changed):
        assert tray.add([make_recipe(1)]) == 0
    assert tray.add([make_recipe(1), make_recipe(7)]) == 1
    assert ids(tray) == ["image_0", "image_1", "image_2", "image_7"]


def test_rows_are_moved_and_removed(tray: Tray) -> None:
    assert tray.move(0, 1) == 1
    assert ids(tray) == ["image_1", "image_0", "image_2"]
    assert tray.move(2, 1) == 2, "the last stays last"
    tray.remove([0, 2])
    assert ids(tray) == ["image_0"]
    tray.remove(range(len(tray.items)))
    assert tray.items == ()


def test_a_session_keeps_the_tray_as_json(tray: Tray) -> None:
    kept = json.loads(json.dumps(tray.recipes()))
    other = Tray()
    other.restore(kept)
    assert other.items == tray.items


def test_half_a_session_leaves_the_tray_as_it_was(tray: Tray) -> None:
    before = tray.items
    with pytest.raises(BadInputError, match="not the recipe of a probe"):
        tray.restore([*tray.recipes(), {"image": "cat"}])
    assert tray.items == before


def test_equal_pixels_are_told_with_the_item_they_repeat(tray: Tray) -> None:
    tray.take_previews([make_preview(make_recipe(n), fingerprint="same" if n != 1 else "") for n in range(3)])
    assert tray.duplicates() == {2: 0}
    assert [warning.text for warning in tray.warnings(2)] == ["The same pixels as item 1."]
    assert tray.warnings(0) == ()


def test_words_do_not_need_colour() -> None:
    assert describe_warnings(()) == "✓ no warnings"
    warned = (ProbeWarning(WarningCode.CLIPPED, "..."), ProbeWarning(WarningCode.EIGHT_BIT, "..."))
    assert describe_warnings(warned) == "⚠ clipped · 8 bits"
    assert describe_shift(None) == "waiting for its preview"
    assert describe_shift(make_preview(FIRST)) == "shift +1.5 z = +2.00 SD · controls up to 0.25"
    lower = dataclasses.replace(make_preview(FIRST), shift=-1.5, shift_sd=-2.0)
    assert describe_shift(lower) == "shift −1.5 z = −2.00 SD · controls up to 0.25"
    assert name_role("control_sign_flip") == "sign flip"


def test_the_page_counts_items_files_and_warnings(page: StimuliPage, tray: Tray) -> None:
    assert page.summary.text() == "3 items · 12 files"
    tray.take_previews([make_preview(make_recipe(0), warnings=(ProbeWarning(WarningCode.CLIPPED, "Clipped: 9%"),))])
    assert page.summary.text() == "3 items · 12 files · ⚠ 1 with warnings"
    blend = page.form.controls.values().index(ControlKind.CONTRAST_BLEND)
    page.form.controls.item(blend).setCheckState(Qt.CheckState.Checked)
    assert page.summary.text().startswith("3 items · 15 files")


def test_one_item_is_shown_in_detail(page: StimuliPage, tray: Tray) -> None:
    tray.take_previews([make_preview(make_recipe(0), warnings=(ProbeWarning(WarningCode.CLIPPED, "Clipped: 9%"),))])
    page.choose(0)
    assert page.transfer.item(0, 1).text() == "+2.00" and page.transfer.item(1, 0).text() == "alexnet l4"
    assert "⚠ Clipped: 9%" in page.warnings.text()
    assert next(row.name for row in page.meter.rows) == "L₂"
    page.choose(1)
    assert page.transfer.rowCount() == 0 and page.meter.rows == ()


def test_something_is_always_chosen_and_stays_so_when_items_come(page: StimuliPage, tray: Tray) -> None:
    assert page.chosen_rows() == [0]
    page.choose(1)
    tray.add([make_recipe(7)])
    assert page.chosen_rows() == [1]
    tray.remove([1, 2, 3])
    assert page.chosen_rows() == [0]


def test_cards_are_painted_in_both_themes(qtbot: QtBot, page: StimuliPage, tray: Tray) -> None:
    """The second thumbnail's grey is found where it stands; an item that is not made has none."""
    tray.take_previews([make_preview(make_recipe(0))])
    for theme in (DARK, LIGHT):
        use_theme(theme)
        picture = QPixmap(page.list.viewport().size())
        page.list.viewport().render(picture)
        image = picture.toImage()
        box = page.list.visualRect(page.model.index(0))
        at = box.topLeft() + box.topLeft().__class__(2 + 10 + 78 + 36, 2 + 10 + 36)
        assert image.pixelColor(at).getRgb()[:3] == (60, 60, 60)
        below = at + at.__class__(0, box.height())
        assert image.pixelColor(below).name() == theme.raised


def test_keys_move_remove_and_open(qtbot: QtBot, page: StimuliPage, tray: Tray) -> None:
    page.list.setFocus()
    page.choose(2)
    page.up.click()
    assert ids(tray) == ["image_0", "image_2", "image_1"]
    assert page.chosen_rows() == [1]
    with qtbot.waitSignal(page.open_requested) as opened:
        page.open.click()
    assert opened.args == [1]
    at = page.list.visualRect(page.model.index(0)).center()
    qtbot.mouseClick(page.list.viewport(), Qt.MouseButton.LeftButton, pos=at)
    with qtbot.waitSignal(page.open_requested) as opened:
        qtbot.mouseDClick(page.list.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert opened.args == [0]
    page.remove.click()
    assert ids(tray) == ["image_2", "image_1"], "the item that was clicked is gone"


def test_an_empty_tray_says_how_to_fill_it(page: StimuliPage, tray: Tray) -> None:
    tray.remove(range(len(tray.items)))
    assert page.stack.currentIndex() == 0
    assert not page.run.isEnabled()
    assert page.run.toolTip() == "Add a probe to the tray first"


def test_the_form_speaks_configs(qtbot: QtBot) -> None:
    form = SetForm()
    qtbot.addWidget(form)
    form.set_encoders([("alexnet", "features.4"), ("mobilenet_v2", "features.18")])
    layout = Layout(448, 800, 600, (20, 20, 20), Enlarging.EXACT, 8.4, Matching.CONTRAST)
    wanted = SetConfig("mine", (ControlKind.RANDOM, ControlKind.OTHER_IMAGE), layout, (("alexnet", "features.4"),))
    form.set_value(wanted)
    assert form.value() == wanted


def test_a_form_that_cannot_be_met_says_why(page: StimuliPage) -> None:
    for row in range(page.form.controls.count()):
        page.form.controls.item(row).setCheckState(Qt.CheckState.Unchecked)
    assert page.config() is None
    assert "A probe is read against a control" in page.form.problem.text()
    assert not page.run.isEnabled()


def test_looks_are_found_by_all_they_depend_on() -> None:
    recipes = [make_recipe(0), make_recipe(1)]
    plain = SetConfig()
    key = preview_key(recipes, 0, plain)
    assert key == preview_key(recipes[:1], 0, plain), "without the control of another image the others do not matter"
    with_other = SetConfig(controls=(ControlKind.RANDOM, ControlKind.OTHER_IMAGE))
    assert len({key, preview_key(recipes, 0, with_other), preview_key(recipes[:1], 0, with_other)}) == 3
    assert preview_key(recipes, 0, SetConfig(gate=0.5)) != key
