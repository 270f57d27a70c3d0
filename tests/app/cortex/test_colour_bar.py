"""What the colour bar says: limits, unit, and the span under the threshold."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QFontMetrics

from app.base.pictures import to_qimage
from app.cortex.colour_bar import ColourBar, bar_height, caption_lines, find_ticks
from app.look.fonts import bold, small
from core.figures.colour_key import ColourKey
from core.surfaces.colormap import find_colormap


def make_reading(name="polar", **changes):
    return ColourKey(find_colormap(name), "Shift", "SD", **({"limit": 2.0} | changes))


def test_diverging_bar_is_symmetric_about_zero() -> None:
    reading = make_reading(threshold=0.5)
    assert [text for _, text in find_ticks(reading)] == ["−2.00", "0", "+2.00"]
    values, bar = np.linspace(-2, 2, 256), reading.over("#102030")[0]
    assert ((bar == (16, 32, 48)).all(axis=1) == (np.abs(values) < 0.5)).all()


def test_sequential_bar_starts_at_zero() -> None:
    reading = make_reading("magma", threshold=0.5)
    assert [text for _, text in find_ticks(reading)] == ["0", "1.00", "2.00"]
    values, bar = np.linspace(0, 2, 256), reading.over("#102030")[0]
    assert ((bar == (16, 32, 48)).all(axis=1) == (values < 0.5)).all()


def test_how_many_lie_beyond_an_end_stands_under_its_number() -> None:
    ends = [text.splitlines() for _, text in find_ticks(make_reading(clipped=(3, 1234)))]
    assert ends == [["−2.00", "3 below"], ["0"], ["+2.00", "1,234 above"]]
    assert [text for _, text in find_ticks(make_reading("magma", clipped=(0, 19)))] == ["0", "1.00", "2.00\n19 above"]


def test_a_threshold_beyond_the_limit_hides_the_whole_bar() -> None:
    assert (make_reading(threshold=9.0).over("#102030") == (16, 32, 48)).all()


def test_the_bar_shows_the_fade_around_zero() -> None:
    reading, values = make_reading(fade=0.2), np.linspace(-2, 2, 256)
    cover = np.minimum(1, np.abs(values) / 0.4)[:, None]
    table = reading.colormap.table[np.minimum(255, (64 * (values + 2)).astype(int))]
    np.testing.assert_allclose(reading.over("#808080")[0], cover * table + (1 - cover) * 128, atol=1)
    assert (make_reading("magma", fade=0.2).over("#808080") == make_reading("magma").colormap.table).all()


def test_caption_leaves_out_an_empty_unit() -> None:
    assert make_reading().caption() == "Shift (SD)"
    assert ColourKey(find_colormap("polar"), "ROI", "", limit=1.0).caption() == "ROI"
    bracketed = ColourKey(find_colormap("polar"), "Response, clean", "z (simulated)", limit=1.0)
    assert bracketed.caption() == "Response, clean, z (simulated)", "no bracket within a bracket"


def test_the_image_holds_the_table() -> None:
    colormap = find_colormap("berlin")
    image = to_qimage(colormap.table[None])
    for column in (0, 77, 255):
        assert image.pixelColor(column, 0).getRgb()[:3] == tuple(colormap.table[column])


def test_it_draws_the_ends_and_clears_the_middle(qtbot) -> None:
    bar = ColourBar()
    qtbot.addWidget(bar)
    bar.resize(bar.sizeHint())
    bar.show_reading(make_reading(threshold=0.5))
    image = bar.grab().toImage()
    row = 23
    left, middle, right = (image.pixelColor(x, row).getRgb()[:3] for x in (20, 118, 215))
    assert left[2] > left[0] + 40
    assert right[0] > right[2] + 40
    assert max(middle) - min(middle) < 20
    assert bar.accessibleName() == "Colour bar: Shift (SD)"


@pytest.mark.parametrize("note", [" · contour Response, perturbed ≥ 1.5", " × Encoder r to 0.41", ""])
def test_a_second_map_stands_under_the_first_in_letters_as_large(qtbot, note: str) -> None:
    key = ColourKey(find_colormap("polar"), "Shift of the predicted response", "SD", limit=2.0, note=note)
    bar = ColourBar()
    qtbot.addWidget(bar)
    bare = bar.sizeHint().height()
    bar.show_reading(key)
    assert bar.sizeHint().height() == bar_height(key) == bare + (15 if note else 0)
    metrics = QFontMetrics(bold(small(bar.font())))
    assert all(metrics.horizontalAdvance(line) <= bar.sizeHint().width() for line in caption_lines(key))
    assert bar.accessibleName() == f"Colour bar: Shift of the predicted response (SD){note}"
