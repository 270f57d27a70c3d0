"""The cortex drawn off screen, checked against what must be seen: pixels, colours, the window's own picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.cortex.colour import blend_table
from app.figures.cortex_renderer import CortexRenderer, render_probe, unfolding_at
from core.datasets.subject import load_subject
from core.encoders.files import load_card
from core.errors import BadInputError
from core.figures.colour_key import ColourKey
from core.figures.movie_config import CortexStyle, MovieConfig
from core.figures.movie_frames import Shot, open_frames
from core.probes.probe import Probe
from core.reports.inks import DARK, LIGHT
from core.surfaces.colormap import ColourRange, find_colormap
from core.types import ByteArray
from tests.helpers.probes import make_probe

SIZE = (320, 200)
PLAIN = CortexStyle(outlines=False, labels=False, gate_r=0.0)


@pytest.fixture(scope="module")
def probe() -> Probe:
    return make_probe(table=load_subject("simulated").voxels, size=32)


@pytest.fixture(scope="module")
def renderer(probe: Probe, qapp: object) -> Iterator[CortexRenderer]:
    with render_probe(probe, PLAIN, theme="light") as opened:
        opened.draw(Shot(), SIZE)  # its thread begins with the first picture
        yield opened


def paper_share(picture: ByteArray) -> float:
    return float((picture == 255).all(axis=2).mean())


def test_a_picture_has_the_size_and_the_paper_asked_for(renderer: CortexRenderer) -> None:
    picture = renderer.draw(Shot(), SIZE)
    assert picture.shape == (200, 320, 3)
    assert (picture[0, 0] == (255, 255, 255)).all()
    assert 0.3 < paper_share(picture) < 0.9


def test_every_picture_is_the_one_asked_for_and_not_the_one_before(renderer: CortexRenderer) -> None:
    first = renderer.draw(Shot(progress=0.0), SIZE)
    turned = renderer.draw(Shot(progress=0.3), SIZE)
    again = renderer.draw(Shot(progress=0.0), SIZE)
    assert np.array_equal(first, again)
    assert np.abs(first.astype(int) - turned).mean() > 5


def test_a_turned_cortex_stays_in_sight(renderer: CortexRenderer) -> None:
    for progress in np.arange(0, 1, 0.125):
        picture = renderer.draw(Shot(progress=float(progress)), SIZE)
        edges = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        assert (edges == 255).all()


def test_a_whole_turn_ends_where_it_began(renderer: CortexRenderer) -> None:
    start, end = renderer.draw(Shot(progress=0.0), SIZE), renderer.draw(Shot(progress=0.999999), SIZE)
    assert np.abs(start.astype(int) - end).mean() < 0.5


def test_the_map_follows_the_steps_on_one_scale(renderer: CortexRenderer, probe: Probe) -> None:
    clean, early, late = (renderer.draw(Shot(step=step), SIZE) for step in (-1, 0, probe.history.n_steps - 1))
    vivid = [int((picture[..., 0].astype(int) - picture[..., 2] > 60).sum()) for picture in (clean, early, late)]
    assert vivid[0] < 10  # no shift, no colour
    assert vivid[0] <= vivid[1] < vivid[2]
    assert renderer.key is not None
    largest = np.abs(probe.history.responses[-1] - probe.clean) / probe.reference_sd
    assert renderer.key.limit == pytest.approx(np.percentile(largest, 99), rel=0.05)


def test_values_take_the_colours_of_the_key(probe: Probe, qtbot: QtBot) -> None:
    shift = np.full_like(probe.clean, 10.0)
    with render_probe(replace(probe, perturbed=probe.clean + shift), PLAIN, theme="light") as renderer:
        chosen = ColourRange(0.0, 1.0, 2.5)
        renderer.use_colours(ColourKey(find_colormap("RdBu_r"), "Shift", "SD", limit=2.5, chosen=chosen))
        picture, key = renderer.draw(Shot(), (640, 400)), renderer.key
    assert key is not None and key.colormap.name == "RdBu_r"
    assert (key.limit, key.chosen, key.clipped) == (2.5, chosen, (0, len(shift))), "as it was chosen in the window"
    end = key.colormap.table[-1].astype(int)
    pure = np.abs(picture[..., :3].astype(int) - end).sum(axis=2)
    assert (pure < 60).sum() > 500  # the strongest colour, lit from the front


def test_it_unfolds_from_the_folded_to_the_flat_shape_and_back(probe: Probe, qtbot: QtBot) -> None:
    style = replace(PLAIN, motion="unfold", geometry="pial")
    with render_probe(probe, style, theme="light") as renderer:
        shares = [paper_share(renderer.draw(Shot(progress=at), SIZE)) for at in (0.0, 0.5, 0.99)]
        flat = renderer.draw(Shot(progress=0.5), SIZE)
    with render_probe(probe, replace(PLAIN, geometry="flat"), theme="light") as still:
        assert np.abs(flat.astype(int) - still.draw(Shot(), SIZE)).mean() < 2
    assert shares[0] == pytest.approx(shares[2], abs=0.01)
    assert shares[1] != pytest.approx(shares[0], abs=0.01)


def test_the_unfolding_rests_at_both_ends() -> None:
    assert [unfolding_at(at, 2) for at in (0.0, 0.05, 0.5, 0.47, 0.97)] == [0, 0, 2, 2, 0]
    way = [unfolding_at(at, 2) for at in np.linspace(0, 0.5, 50)]
    assert way == sorted(way)


def test_names_are_written_and_outlines_drawn_only_if_wanted(probe: Probe, qtbot: QtBot) -> None:
    pictures = []
    for style in (PLAIN, replace(PLAIN, outlines=True), replace(PLAIN, labels=True)):
        with render_probe(probe, style, theme="light") as renderer:
            pictures.append(renderer.draw(Shot(), SIZE))
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_a_picture_can_be_see_through(renderer: CortexRenderer) -> None:
    picture = renderer.still(SIZE)
    assert picture.shape == (200, 320, 4)
    assert picture[0, 0, 3] == 0
    assert (picture[..., 3] == 255).mean() > 0.1


def test_the_pane_lies_on_the_paper_of_the_page(probe: Probe, qtbot: QtBot) -> None:
    for inks in (LIGHT, DARK):
        config = MovieConfig(kind="cortex", seconds=1, width=640, height=360, theme=inks.name, style=PLAIN)
        with render_probe(probe, PLAIN, theme=inks.name) as renderer:
            frame = open_frames(probe, config, renderer).frame(3)
        paper = tuple(int(inks.paper[at : at + 2], 16) for at in (1, 3, 5))
        assert (frame[180, 2] == paper).all()


def test_a_surface_without_a_flat_map_says_so(probe: Probe, qtbot: QtBot, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="voxels"), render_probe(make_probe(n_voxels=44), PLAIN, theme="light"):
        pass


def test_a_page_gets_what_makes_the_colours_of_the_picture(probe: Probe, qtbot: QtBot) -> None:
    """Underlay, table and voxels, composed by hand, give the painter's own colours, dimmed ones too."""
    card = load_card(probe.config.subject, probe.config.network, probe.config.layer)
    known = replace(probe, encoder_sha256=card.sha256)
    with render_probe(known, replace(PLAIN, gate_r=0.3), theme="dark") as renderer:
        model = renderer.model()
    assert model.key is not None and model.dimmed is not None and model.dimmed.any()
    table = model.blend(model.key)
    for mesh in model.meshes:
        assert len(mesh.points) == len(mesh.colours) == len(mesh.underlay) == len(mesh.voxels) == len(mesh.places)
        rows = np.clip(128 * (probe.shift_sd / model.key.limit + 1), 0, 255).astype(int)
        shown = mesh.voxels >= 0
        found = table[model.dimmed.astype(int), rows][mesh.voxels[shown]]
        under = mesh.underlay[shown].astype(float)
        size = np.abs(probe.shift_sd)[mesh.voxels[shown]]
        cover = found[:, 3:] * np.clip(size / (model.key.fade * model.key.limit), 0, 1)[:, None]
        expected = under + cover * (found[:, :3] - under)
        assert np.abs(mesh.colours[shown, :3] - expected).max() <= 1.01
        assert np.array_equal(mesh.colours[~shown, :3], mesh.underlay[~shown])
    roi = np.asarray(load_subject("simulated").voxels.roi)
    places, voxels = np.asarray(model.meshes[0].places), model.meshes[0].voxels
    assert (places[voxels >= 0] == roi[voxels[voxels >= 0]])[roi[voxels[voxels >= 0]] != ""].all()


def test_the_table_of_a_page_is_the_colour_map_evenly_in_value() -> None:
    key = ColourKey(find_colormap("RdBu_r"), "Shift", "SD", 1.7)
    table = blend_table(key)
    assert np.array_equal(table[0, :, :3], key.colormap.table)
    assert (table[0, :, 3] > table[1, :, 3]).all()


def test_the_path_goes_up_to_the_step_shown(renderer: CortexRenderer, probe: Probe, qapp: object) -> None:
    style = replace(PLAIN, path=True)
    with render_probe(probe, style, theme="light") as opened:
        changed = [
            int((opened.draw(Shot(step=step), SIZE) != renderer.draw(Shot(step=step), SIZE)).any(axis=2).sum())
            for step in (-1, 0, probe.history.n_steps - 1)
        ]
        assert changed[0] == 0, "no step, no path"
        assert 0 < changed[1] <= changed[2]
        still = opened.draw(Shot(), SIZE)
    assert (still != renderer.draw(Shot(), SIZE)).any()
