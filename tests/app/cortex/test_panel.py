"""The toolbar of the cortex: what is chosen is what is shown, both ways."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import Qt

from app.cortex.panel import CortexPanel
from app.look.theme import DARK, LIGHT, apply_theme
from core.figures.probe_maps import ProbeMap
from tests.helpers.accessibility import walk_focus
from tests.helpers.cortex import make_atlas, make_cortex, make_table
from tests.helpers.cortex_actors import drawn, line_points


@pytest.fixture
def panel(qtbot):
    panel = CortexPanel()
    panel.view.set_surface(make_cortex())
    panel.view.set_voxels(make_table(make_cortex()))
    panel.view.set_atlas(make_atlas(make_cortex()))
    qtbot.addWidget(panel)
    yield panel
    panel.view.canvas.close_canvas()


@pytest.fixture
def styled(qapp):
    yield
    qapp.setStyleSheet("")


def show(panel, *, diverging=True, limit=2.0):
    values = np.linspace(-limit, limit, make_table(make_cortex()).n_voxels)
    panel.view.set_map(ProbeMap(values, title="Shift", unit="SD", diverging=diverging, limit=limit))


def test_choosing_a_map_tells_its_name(panel, qtbot) -> None:
    assert panel.current_map() == "shift"
    with qtbot.waitSignal(panel.map_changed) as blocker:
        panel.map_box.setCurrentIndex(4)
    assert blocker.args == ["r"]
    assert panel.current_map() == "r"


def test_the_roi_map_is_shown_without_values(panel) -> None:
    show(panel)
    panel.set_map("roi")
    assert panel.view.colour_bar.reading is None
    assert not panel.threshold.isEnabled()
    panel.set_map("shift")
    assert panel.view.colour_bar.reading is not None


def test_choosers_follow_the_view_and_the_view_the_choosers(panel) -> None:
    panel.view.set_named_view("flat")
    assert (panel.geometry_box.currentData(), panel.view_box.currentData()) == ("flat", "flat")
    panel.geometry_box.setCurrentIndex(panel.geometry_box.findData("pial"))
    assert panel.view.geometry_name == "pial"
    panel.hemispheres.button("left").click()
    assert panel.view.hemispheres == "left"
    panel.view.set_hemispheres("right")
    assert panel.hemispheres.value() == "right"


def test_the_threshold_is_a_share_of_the_limit_and_follows_it(panel) -> None:
    show(panel, limit=2.0)
    panel.threshold.setValue(25)
    assert panel.view.colour_bar.reading.threshold == pytest.approx(0.5)
    show(panel, limit=8.0)
    assert panel.view.colour_bar.reading.threshold == pytest.approx(2.0)


def test_the_colour_map_button_offers_maps_of_the_kind_shown(panel) -> None:
    show(panel, diverging=True)
    box = panel.colormap_button
    offered = box.values()
    assert offered[0] == "polar"
    box.setCurrentIndex(1)
    box.activated.emit(1)
    assert panel.view.colour_bar.reading.colormap.name == offered[1]
    show(panel, diverging=False)
    assert "magma" in box.values()


def test_outlines_and_names_can_be_switched_off(panel) -> None:
    panel.outlines_button.toggle()
    with drawn(panel.view.canvas.scene) as renderer:
        assert not len(line_points(renderer, "outlines", 0))
    assert panel.view.canvas.draw().annotations.labels
    panel.labels_button.toggle()
    assert not panel.view.canvas.draw().annotations.labels
    panel.outlines_button.toggle()
    with drawn(panel.view.canvas.scene) as renderer:
        assert len(line_points(renderer, "outlines", 0))


def stands_whole(tools) -> bool:
    """Whether the tools on the line are next to each other, each as wide as it needs, and no higher than the line."""
    shown = sorted((one for one in tools._tools if one.parentWidget() is tools), key=lambda one: one.x())
    shown_edges = [(one.x(), one.x() + one.width()) for one in shown]
    wide = all(one.width() >= min(one.minimumSizeHint().width(), one.maximumWidth()) for one in shown)
    apart = all(here[1] < after[0] for here, after in pairwise(shown_edges)) and shown_edges[-1][1] <= tools.width()
    return wide and apart and all(one.y() >= 0 and one.y() + one.height() <= tools.height() for one in shown)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("larger", [1.0, 1.25])
def test_the_tools_stand_whole_on_one_line_or_in_the_menu(panel, styled, qapp, qtbot, theme, larger) -> None:
    apply_theme(qapp, theme)
    qapp.setStyleSheet(qapp.styleSheet().replace("font-size: 9.5pt", f"font-size: {9.5 * larger}pt"))
    panel.show()
    tools, counts = panel.tools, {}
    for width in (480, 520, 610, 830, 1400, 520):
        panel.resize(int(width * larger), 500)
        qtbot.waitUntil(lambda: tools.width() == panel.width() and stands_whole(tools))
        assert tools.height() < 2 * panel.map_box.height()
        n_shown = sum(one.parentWidget() is tools for one in tools._tools)
        assert n_shown + sum(one.parentWidget() is tools.menu for one in tools._tools) == len(tools._tools)
        assert tools.more.isVisible() == (n_shown < len(tools._tools))
        assert counts.setdefault(width, n_shown) == n_shown
        stops = [one for one in walk_focus(panel) if one.isVisible() and one.parentWidget() is tools]
        assert [one.x() for one in stops] == sorted(one.x() for one in stops), "Tab goes from left to right"
    assert list(counts.values()) == sorted(counts.values()) and counts[1400] == len(tools._tools)


def test_a_tool_in_the_menu_works_and_escape_closes_it(panel, qtbot) -> None:
    show(panel)
    panel.show()
    panel.resize(520, 500)
    qtbot.waitUntil(lambda: panel.path_button.parentWidget() is panel.tools.menu)
    qtbot.mouseClick(panel.tools.more, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(panel.path_button.isVisible)
    with qtbot.waitSignal(panel.look_changed):
        qtbot.mouseClick(panel.path_button, Qt.MouseButton.LeftButton)
    assert panel.path_button.isChecked() and panel.tools.menu.isVisible()
    qtbot.keyClick(panel.tools.menu, Qt.Key.Key_Escape)
    assert not panel.tools.menu.isVisible()


def test_geometries_the_surface_lacks_are_switched_off_with_the_reason(panel) -> None:
    surface = make_cortex()
    none = np.empty((0, 3), dtype=np.int32)
    halves = []
    for side in (0, 1):
        half = surface.side(side)
        halves.append(replace(half, geometries={"pial": half.geometries["pial"]}, flat_faces=none))
    panel.view.set_surface(replace(surface, left=halves[0], right=halves[1]))
    assert panel.geometry_box.currentData() == "pial"
    for box, name, enabled in (
        (panel.geometry_box, "pial", True),
        (panel.geometry_box, "flat", False),
        (panel.geometry_box, "sphere", False),
        (panel.view_box, "flat", False),
        (panel.view_box, "lateral", True),
    ):
        item = box.model().item(box.findData(name))
        assert item.isEnabled() == enabled
        assert bool(item.toolTip()) == (not enabled)
    panel.view.set_surface(surface)
    assert panel.geometry_box.model().item(panel.geometry_box.findData("flat")).isEnabled()
