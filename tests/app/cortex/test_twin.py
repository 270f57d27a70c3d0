"""A second cortex with another subject's voxels: turned with the first, about its own middle, with its own voxels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.cortex.twin import TwinView
from app.cortex.view import CortexView
from core.figures.probe_maps import ProbeMap
from core.surfaces.atlas import load_atlas
from core.surfaces.placing import Placed
from core.surfaces.store import load_surface
from tests.helpers.cortex import make_atlas, make_cortex, make_table
from tests.helpers.fake_engine import make_cortex_table


@pytest.fixture
def pair(qtbot: QtBot) -> Iterator[tuple[CortexView, TwinView]]:
    first = CortexView()
    cortex = make_cortex()
    first.set_surface(cortex)
    first.set_atlas(make_atlas(cortex))
    first.set_voxels(make_table(cortex))
    twin = TwinView(first)
    for view in (first, twin):
        qtbot.addWidget(view)
        view.resize(400, 300)
    twin.show()
    yield first, twin
    for view in (first, twin):
        view.close()


def test_it_shows_its_own_subject_and_follows_the_camera(pair: tuple[CortexView, TwinView], qtbot: QtBot) -> None:
    first, twin = pair
    table = make_cortex_table()
    own = Placed(load_surface("fsaverage5"), table, load_atlas())
    twin.place(own)
    assert twin.surface is own.surface and twin.painter.voxels is not None
    assert twin.painter.voxels.table is table
    twin.set_map(ProbeMap(np.ones(table.n_voxels, np.float32), title="A", unit="SD", diverging=True))
    before = np.asarray(twin.canvas.pose.centre) - first.canvas.pose.centre
    first.canvas.input.orbited.emit(0.2, 0.1)
    first.canvas.input.zoomed.emit(1.5, None)
    mine, other = twin.canvas.pose, first.canvas.pose
    assert (mine.azimuth, mine.elevation, mine.scale) == (other.azimuth, other.elevation, other.scale)
    np.testing.assert_allclose(np.asarray(mine.centre) - other.centre, before, atol=1e-4)
    twin.canvas.input.zoomed.emit(2.0, None)
    assert first.canvas.pose.scale == twin.canvas.pose.scale, "either leads"


def test_a_click_there_is_no_target_here(pair: tuple[CortexView, TwinView], qtbot: QtBot) -> None:
    first, twin = pair
    twin.place(Placed(load_surface("fsaverage5"), make_cortex_table(), load_atlas()))
    picked: list[int] = []
    first.voxel_picked.connect(picked.append)
    with qtbot.waitSignal(first.refused, check_params_cb=lambda text: "another subject" in text):
        twin.voxel_picked.emit(7)
    assert not picked
    twin.place(None)
    assert twin.surface is first.surface
    twin.voxel_picked.emit(3)
    assert picked == [3]


def test_another_kind_of_map_has_the_same_share_of_its_limit_hidden(
    pair: tuple[CortexView, TwinView], qtbot: QtBot
) -> None:
    first, twin = pair
    twin.place(None)
    values = np.linspace(-1, 1, make_table(make_cortex()).n_voxels).astype(np.float32)
    first.set_map(ProbeMap(values, title="Shift", unit="SD", diverging=True, limit=2.0))
    twin.set_map(ProbeMap(values, title="Response", unit="%", diverging=True, limit=10.0))
    first.set_threshold(0.5)
    assert twin.colour_bar.reading is not None and twin.colour_bar.reading.threshold == pytest.approx(2.5)
    twin.set_map(ProbeMap(values, title="Shift", unit="SD", diverging=True, limit=2.0))
    assert twin.colour_bar.reading is not None and twin.colour_bar.reading.threshold == 0.5
