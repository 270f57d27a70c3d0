"""Images ranked and made from scratch in the real window, checked with the network by numpy, and written as a set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.base.services import open_services
from app.images import page as page_module
from app.images.page import CaptionBox, ChoiceGrid, ImagesPage
from app.images.work import Found
from app.shell.application import make_window
from app.shell.main_window import MainWindow
from app.widgets.basics import make_scroll
from core.datasets.photos import load_stimulus
from core.datasets.subject import load_responses, load_subject
from core.engine import Engine
from core.probes.synthesis_config import ImagesConfig
from core.probes.target import target_pattern
from core.progress import Progress, check_stop
from core.reports.pictures import Picture
from core.stimuli.as_is import read_items
from core.stimuli.config import SetConfig
from core.stimuli.manifest import read_manifest
from core.sweeps.choose import choose_images
from tests.core.commands.test_copied import run_python
from tests.helpers.open_window import open_window

LONG = 100_000
"""Milliseconds: torch may be loading on a busy machine."""
NETWORK, LAYER, LEFT = "alexnet", "features.4", Qt.MouseButton.LeftButton


@pytest.fixture
def open_real(qtbot: QtBot) -> Iterator[Callable[..., MainWindow]]:
    opened: list[MainWindow] = []

    def open_one(session_file: Path | None = None) -> MainWindow:
        session = open_services(engine=Engine(device="cpu"))
        for name, value in {"subject": "simulated", "network": NETWORK, "layer": LAYER}.items():
            session.settings.set(name, value)
        session.settings.set("auto_probe", False)
        opened.append(make_window(session, session_file))
        with qtbot.waitActive(opened[-1]):
            opened[-1].show()
            opened[-1].activateWindow()
        qtbot.waitUntil(lambda: session.state.clean is not None and isinstance(session.lane.state, Idle), timeout=LONG)
        return opened[-1]

    yield open_one
    for window in opened:
        window.close()
        window.deleteLater()


@pytest.fixture
def window(open_real: Callable[..., MainWindow]) -> MainWindow:
    return open_real()


def respond_by_hand(pixels: Sequence[np.ndarray], voxels: Sequence[int]) -> np.ndarray:
    """The mean predicted response of voxels: the network, pooled, then matrix products in float64."""
    encoder = Engine(device="cpu").open_encoder("simulated", NETWORK, LAYER)
    with torch.no_grad():
        features = encoder.network(torch.from_numpy(np.stack(pixels)))
        pooled = torch.nn.functional.adaptive_avg_pool2d(features, encoder.card.config.pool).flatten(1)
    parts = (encoder.mean, encoder.components, encoder.weights, encoder.intercept)
    mean, components, weights, intercept = (one.double().numpy() for one in parts if one is not None)
    responses = (pooled.double().numpy() - mean) @ components @ weights + intercept
    return np.asarray(responses[:, list(voxels)].mean(axis=1))


def read_png(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return (np.asarray(picture, dtype=np.float32) / 255).transpose(2, 0, 1)


def test_ranked_made_opened_and_written_as_they_are(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, session, subject = window.session.state, window.session, load_subject("simulated")
    session.controller.pick_roi("FFA")
    assert state.target is not None
    voxels = state.target.voxels
    page = window.tabs.page("images")
    assert isinstance(page, ImagesPage)
    form = page.form
    form.images.set_value("test:6")
    for box, number in ((form.top, 2), (form.n_steps, 3), (form.n_restarts, 2)):
        box.set_value(number)

    qtbot.mouseClick(window.explore.gallery.ranking[0], LEFT)  # one click from Explore
    assert window.tabs.current == "images"
    qtbot.waitUntil(lambda: page.found is not None and not page.busy, timeout=LONG)
    assert page.found is not None
    images = choose_images(subject, ["test:6"], seed=0)
    wanted = respond_by_hand([load_stimulus(one, 224).pixels for one in images], voxels)
    np.testing.assert_allclose(page.found.natural.predicted, wanted, atol=1e-4)
    order = np.argsort(-wanted)
    shown = [*order[:2], order[-1], order[-2]]  # the best, then the worst
    assert [one.image for one in page.found.recipes if one is not None] == [images[row] for row in shown]
    measured = np.nanmean(load_responses("simulated")[subject.image_ids.index(images[order[0]])][:, list(voxels)])
    first = page.grid.captions[0].text()  # type: ignore[attr-defined]
    assert first.startswith(f"1  {images[order[0]]}\n{wanted[order[0]]:+.3g} = ")
    assert f"measured {measured:+.3g}" in first
    assert f"response, {page.found.natural.unit}" in page.grid._names[0].text()
    np.testing.assert_array_equal(page.grid.pictures[3].pixels, load_stimulus(images[order[-2]], 224).levels)

    qtbot.mouseClick(page.grid.pictures[2], LEFT)
    assert window.tabs.current == "explore"
    qtbot.waitUntil(lambda: session.controller.image_key == images[order[-1]], timeout=LONG)

    window.actions_table.give("synthesise")
    qtbot.waitUntil(lambda: page.found is not None and page.found.made is not None and not page.busy, timeout=LONG)
    made = page.found.made
    assert made is not None
    files = [Path(one.image) for one in page.found.recipes[:2] if one is not None]
    values = respond_by_hand([read_png(file) for file in files], voxels)
    np.testing.assert_allclose(made.responses, values, atol=1e-4)
    assert values[0] >= values[1]
    captions = [page.grid.captions[place].text() for place in range(2)]  # type: ignore[attr-defined]
    assert ["super-stimulus" in one for one in captions] == [value > wanted.max() for value in values]
    natural = page.found.natural
    for caption, value in zip(captions, values, strict=True):
        assert f"{value:+.3g} = {(value - natural.mean) / natural.sd:+.2f} SD" in caption
    qtbot.mouseClick(page.grid.pictures[1], LEFT)
    qtbot.waitUntil(lambda: session.controller.image_key == str(files[1]), timeout=LONG)
    assert state.stimulus is not None
    np.testing.assert_array_equal(state.stimulus.levels, made.levels[1])

    monkeypatch.setattr(page_module, "ask_new_folder", lambda *_, **_more: tmp_path / "saved")
    qtbot.mouseClick(page.export, LEFT)
    qtbot.waitUntil(lambda: (tmp_path / "saved").exists(), timeout=LONG)
    saved = read_items(tmp_path / "saved" / "synthesis.json")
    for one, levels in zip(saved, made.levels, strict=True):
        np.testing.assert_array_equal(np.rint(255 * read_png(Path(one.image))).transpose(1, 2, 0), levels)

    window.tabs.open("images")
    window.actions_table.give("copy_python")  # what was begun last
    monkeypatch.chdir(tmp_path)
    copied = run_python(QGuiApplication.clipboard().text())
    np.testing.assert_array_equal(copied["made"].levels, made.levels)
    np.testing.assert_array_equal(copied["natural"].predicted, natural.predicted)

    assert not page.collect.isEnabled()
    for place in (0, 2, 4):  # the best restart, the best natural image, the worst
        page.grid.captions[place].click()  # type: ignore[attr-defined]
    qtbot.mouseClick(page.collect, LEFT)
    stimuli = window.features.stimuli
    qtbot.waitUntil(lambda: len(stimuli.tray.items) == 3, timeout=LONG)
    qtbot.waitUntil(lambda: all(stimuli.tray.preview(row) is not None for row in range(3)), timeout=LONG)
    assert [stimuli.tray.preview(row).shift for row in range(3)] == pytest.approx(  # type: ignore[union-attr]
        [values[0], wanted[order[0]], wanted[order[-1]]], abs=1e-4
    )
    assert "3 items · 3 files" in stimuli.page.summary.text()
    stimuli.page.choose(0)
    assert stimuli.page.meter.accessibleName() == "Budget: Shown as it is"
    stimuli.open_row(1)
    qtbot.waitUntil(lambda: session.controller.image_key == images[order[0]], timeout=LONG)
    stimuli.write_to(tmp_path / "set", SetConfig())
    qtbot.waitUntil(lambda: stimuli.written is not None, timeout=LONG)
    written = read_manifest(tmp_path / "set")
    assert [row.role for row in written.rows] == ["synthesised", "natural", "natural"]
    assert [row.origin.split(" by ")[0].split(" to ")[0] for row in written.rows] == [
        "synthesised, restart 1 of 2",
        "natural, rank 1 of 6",
        "natural, rank 6 of 6",
    ]
    by_hand = respond_by_hand([read_png(written.path(row)) for row in written.rows], voxels)
    np.testing.assert_allclose([row.predicted for row in written.rows], by_hand, atol=1e-4)
    np.testing.assert_allclose(by_hand, [values[0], wanted[order[0]], wanted[order[-1]]], atol=1e-4)
    in_sds = [(value - natural.mean) / natural.sd for value in by_hand]
    assert [row.level_reached for row in written.rows] == pytest.approx(in_sds, abs=1e-3)
    assert written.rows[0].licence == "made from scratch"


def strip(page: ImagesPage) -> list[object]:
    """What the page shows: whose it is, and every picture with its words."""
    pixels = [one.pixels.tobytes() for one in page.grid.pictures if one.pixels is not None]
    names = [one.text() for one in page.grid._names]
    return [page.whose.text(), names, [one.text() for one in page.grid.captions], pixels]  # type: ignore[attr-defined]


def test_a_saved_session_shows_the_same_form_and_the_same_images(
    open_real: Callable[..., MainWindow], qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, path = open_real(), tmp_path / "mine.probescope"
    window.session.controller.pick_roi("FFA")
    page = window.tabs.open("images")
    assert isinstance(page, ImagesPage)
    form = page.form
    page.form.images.setFocus()
    qtbot.keyClicks(form.images, "test:6")
    for box, number in ((form.top, 2), (form.n_steps, 3), (form.n_restarts, 2), (form.seed, 7), (form.contrast, 0.2)):
        box.setFocus()
        box.selectAll()
        qtbot.keyClicks(box, str(number))
    qtbot.mouseClick(page.make, LEFT)
    qtbot.waitUntil(lambda: page.found is not None and page.found.made is not None and not page.busy, timeout=LONG)
    window.session.controller.pick_roi("PPA")  # the answer stays that of FFA
    shown, fields = strip(page), form.values()
    assert len(page.grid.pictures) == 6 and "another target" in page.whose.text() and fields["seed"] == 7
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    window.actions_table.give("save_session")
    qtbot.waitUntil(lambda: window.windowTitle() == "mine[*] – Probescope")
    window.close()

    again = open_real(path)
    page = again.tabs.page("images")
    assert isinstance(page, ImagesPage)
    qtbot.waitUntil(lambda: page.found is not None and page.found.made is not None and not page.busy, timeout=LONG)
    assert again.tabs.current == "images" and page.form.values() == fields
    assert strip(page) == shown
    assert not again.features.sessions.is_modified()
    page.restore(replace(page.record(), encoder_sha256="0" * 64))
    qtbot.waitUntil(lambda: not page.busy, timeout=LONG)
    assert page.found is None and "another one than when the images were found" in page.work.error.text()


def test_of_a_stopped_synthesis_a_session_keeps_what_is_shown(
    made_up: tuple[MainWindow, list[bool]], qtbot: QtBot
) -> None:
    window, _ = made_up
    window.session.controller.pick_roi("FFA")
    window.actions_table.give("synthesise")
    page = window.tabs.page("images")
    assert isinstance(page, ImagesPage)
    qtbot.waitUntil(lambda: page.found is not None)
    asked = page.record().asked
    assert asked is not None and asked.synthesis is not None, "what runs is found again"
    page.run.click()
    qtbot.waitUntil(lambda: not page.busy)
    assert page.record().asked == replace(asked, synthesis=None)


@pytest.fixture
def made_up(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[MainWindow, list[bool]]]:
    """A window whose syntheses go on until the list holds something."""
    ends: list[bool] = []

    def iter_found(engine: Any, asked: ImagesConfig, *, should_stop: Any, **_: Any) -> Iterator[Progress[Found]]:
        card = engine.encoder_card(asked.subject, asked.network, asked.layer)
        number = 0
        while not ends:
            check_stop(should_stop)
            number += 1
            picture = Picture(np.full((8, 8, 3), number % 256, dtype=np.uint8), f"Restart 1\n{number}")
            yield Progress(1, 2, None, Found(asked, card, None, (("row", [picture]),), (None,)))  # type: ignore[arg-type]
        yield Progress(2, 2, 0.0, Found(asked, card, None, (("row", [picture]),), (None,)))  # type: ignore[arg-type]

    monkeypatch.setattr(page_module, "iter_found", iter_found)
    with open_window(qtbot, tmp_path) as made:
        yield made, ends


def test_without_a_target_nothing_begins_and_a_pattern_is_only_ranked(made_up: tuple[MainWindow, list[bool]]) -> None:
    window, _ = made_up
    page = window.tabs.page("images")
    assert isinstance(page, ImagesPage)
    page.begin(synthesises=False)
    assert not page.busy and "Click a voxel" in page.work.error.text()
    assert not page.run.isEnabled() and "Click a voxel" in page.run.toolTip()
    subject = window.session.state.subject
    assert subject is not None
    window.session.state.auto_probe = False
    window.session.state.target = target_pattern(subject.voxels, np.ones(subject.voxels.n_voxels), label="p")
    assert page.run.isEnabled() and not page.make.isEnabled() and "no pattern" in page.make.toolTip()


def test_steps_are_live_and_what_was_stopped_is_not_collected(
    made_up: tuple[MainWindow, list[bool]], qtbot: QtBot
) -> None:
    window, _ = made_up
    window.session.controller.pick_roi("FFA")
    window.actions_table.give("synthesise")
    page = window.tabs.page("images")
    assert isinstance(page, ImagesPage)
    qtbot.waitUntil(lambda: bool(page.grid.pictures))
    label, before = page.grid.pictures[0], page.grid.captions[0].text()  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: page.grid.captions[0].text() != before)  # type: ignore[attr-defined]
    assert page.grid.pictures[0] is label, "only the pixels changed"
    page.run.click()
    qtbot.waitUntil(lambda: not page.busy)
    assert page.work.note.text() == "Stopped."
    page.grid.captions[0].click()  # type: ignore[attr-defined]
    assert not page.collect.isEnabled() and "not finished" in page.collect.toolTip()
    assert not page.export.isEnabled()


def test_what_is_shown_says_whose_it_is(made_up: tuple[MainWindow, list[bool]], qtbot: QtBot) -> None:
    window, ends = made_up
    window.session.controller.pick_roi("FFA")
    window.actions_table.give("synthesise")
    page = window.tabs.page("images")
    assert isinstance(page, ImagesPage)
    qtbot.waitUntil(lambda: page.found is not None)
    assert "ROI FFA" in page.whose.text() and "another target" not in page.whose.text()
    window.session.controller.pick_roi("PPA")  # while it runs
    assert "ROI FFA" in page.whose.text() and "another target" in page.whose.text()
    assert "ROI PPA" in page.target.text()
    window.actions_table.give("rank_images")  # the new one takes its place
    qtbot.waitUntil(lambda: page.found is not None)
    assert "ROI PPA" in page.whose.text() and "another target" not in page.whose.text()
    network, layer = window.session.state.encoder
    other = next(one for one in window.session.catalogue.encoders_of("simulated") if one.network != network)
    window.session.controller.open_encoder(other.network, other.layer)
    assert f"{network} {layer}" in page.whose.text() and "another target" in page.whose.text()
    ends.append(True)
    qtbot.waitUntil(lambda: not page.busy)
    assert f"{network} {layer}" in page.whose.text() and "another target" in page.whose.text()


def test_many_images_with_long_names_scroll_down_only(qtbot: QtBot) -> None:
    page = ChoiceGrid()
    area = make_scroll(page)
    qtbot.addWidget(area)
    area.resize(900, 500)
    area.show()
    photo = np.zeros((64, 64, 3), dtype=np.uint8)
    long = [Picture(photo, f"{place}  {'a_very_long_name_' * 4}{place}.png\n+1.23 = +0.45 SD") for place in range(5)]
    page.show_pictures(
        [long, [Picture(photo, f"{place}  b.png\n+1.23 = +0.45 SD") for place in range(5)]], ["Best", "Worst"]
    )
    boxes: list[Any] = page.captions
    qtbot.waitUntil(lambda: page.width() == area.viewport().width() and "…" in boxes[0].text())
    for box in boxes:
        assert box.geometry().right() <= page.width()
        assert "+1.23 = +0.45 SD" in box.text()
    assert long[0].caption == boxes[0].toolTip()
    assert page.minimumSizeHint().width() <= area.viewport().width()


def test_a_number_without_room_is_left_out_rather_than_cut(qtbot: QtBot) -> None:
    box = CaptionBox("Restart 1\n+10.76 = +18.16 SD")
    qtbot.addWidget(box)
    box.show()
    for less, shown in ((0, "Restart 1\n+10.76 = +18.16 SD"), (4, "Restart 1\n+10.76")):
        box.resize(box.sizeHint().width() - less, box.height())
        assert box.text() == shown
