"""The encoder card's window: it shows the card it is given, its points are voxels, what it saves can be read again."""

from __future__ import annotations

import csv
import io
import threading
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from pyqtgraph import TextItem
from PySide6.QtCore import QCoreApplication, QEventLoop, QPointF
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle, JobLane
from app.base.problems import Problems
from app.base.state import AppState
from app.encoders.card_window import CardWindow
from app.look.theme import DARK, LIGHT, use_theme
from core.datasets.subject import load_subject
from core.encoders.card import EncoderCard, OutsideScore, Provenance, RoiInterval
from core.encoders.card_table import roi_table
from core.encoders.files import list_encoders, load_card
from core.encoders.library import cards_of
from core.reports.inks import find_inks

KEY = ("simulated", "mobilenet_v2", "features.18")
ORDER = ("features.3", "features.13", "features.18")
PICKED: list[int] = []
SERVICES: Any = SimpleNamespace(
    state=AppState(),
    controller=SimpleNamespace(pick_voxel=PICKED.append),
    engine=SimpleNamespace(encoder_card=load_card),
    problems=Problems(),
)


@pytest.fixture
def window(qtbot: QtBot, lane: JobLane) -> CardWindow:
    made = CardWindow(cast(Any, SimpleNamespace(**vars(SERVICES), files=lane)), print)
    qtbot.addWidget(made)
    show(made, load_card(*KEY))
    with qtbot.waitExposed(made):
        made.show()
    return made


def show(window: CardWindow, card: EncoderCard) -> None:
    others = [config for config in list_encoders() if config.subject == KEY[0] and config != card.config]
    window.show_card(card, load_subject(KEY[0]), order=ORDER, others=others)
    window.take_layers(window.card, cards_of(KEY[0], KEY[1]))
    window.turns.finish()
    while not isinstance(window._services.files.state, Idle):
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)


def texts(window: CardWindow) -> list[str]:
    return [label.text() for label in window.findChildren(QLabel)]


def test_facts_name_the_encoder_and_where_its_data_come_from(window: CardWindow) -> None:
    card = load_card(*KEY)
    shown = texts(window)
    for wanted in ("simulated", "fitted here", card.sha256[:16], card.network_sha256[:16], f"{card.n_voxels:,}"):
        assert wanted in shown


def test_every_title_has_room_over_its_plot(window: CardWindow, qtbot: QtBot) -> None:
    """Also over a plot that was made and drawn before it was laid out."""
    for plot in window.figure.plots:
        title, box = plot.getPlotItem().titleLabel, plot.getPlotItem().vb
        assert title.item.boundingRect().height() <= title.size().height() and title.isVisible()
        assert title.mapRectToScene(title.rect()).bottom() <= box.mapRectToScene(box.rect()).top() + 1


def test_a_click_on_a_point_names_its_voxel(window: CardWindow) -> None:
    card, plot = load_card(*KEY), window.figure.plots[1]
    voxel = int(np.argmax(card.r2))
    place = plot.getPlotItem().vb.mapViewToScene(QPointF(float(card.noise_ceiling[voxel]), float(card.r2[voxel])))
    PICKED.clear()
    plot.pick_at(place)
    assert [voxel] == PICKED
    window.mark(voxel)
    x, y = plot._ring.getData()
    assert (x[0], y[0]) == pytest.approx((card.noise_ceiling[voxel], card.r2[voxel]))


def test_r2_is_drawn_against_the_noise_ceiling_with_the_line_of_equality(window: CardWindow) -> None:
    x, y = window.figure.plots[1].items["identity"].getData()
    assert x.tolist() == y.tolist()
    card = load_card(*KEY)
    points = window.figure.plots[1].items["front"].getData()
    np.testing.assert_allclose(points[0], card.noise_ceiling)
    np.testing.assert_allclose(points[1], card.r2)


def test_the_curve_has_every_layer_of_the_network(window: CardWindow) -> None:
    medians = [float(np.median(load_card(KEY[0], KEY[1], layer).r)) for layer in ORDER]
    assert window.figure.plots[3].items["All voxels"].getData()[1].tolist() == pytest.approx(medians)


def test_another_encoder_is_compared_voxel_by_voxel(window: CardWindow) -> None:
    index = window.other_box.findText("alexnet · features.11")
    window.other_box.setCurrentIndex(index)
    window.other_box.activated.emit(index)
    window.turns.finish()
    other = load_card(KEY[0], "alexnet", "features.11")
    window.tabs.setCurrentIndex(1)
    x, y = window.compare.plots[0].items["front"].getData()
    np.testing.assert_allclose(x, load_card(*KEY).r)
    np.testing.assert_allclose(y, other.r)
    assert any(text.startswith("Median difference") for text in texts(window))
    assert window.current_figure() is window.compare


def test_the_table_is_made_beside_the_window(window: CardWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    def noting(*what: Any) -> str:
        threads.append(threading.get_ident())
        return roi_table(*what)

    monkeypatch.setattr("app.encoders.card_window.roi_table", noting)
    show(window, load_card(*KEY))
    assert threads and threading.get_ident() not in threads


def test_the_table_and_its_copy_are_the_scores_by_roi(window: CardWindow) -> None:
    window.table.copy_button.click()
    rows = list(csv.DictReader(io.StringIO(QGuiApplication.clipboard().text())))
    voxels, card = load_subject(KEY[0]).voxels, load_card(*KEY)
    assert [row["roi"] for row in rows] == list(voxels.roi_names)
    wanted = float(np.median(card.r[voxels.voxels_in(rows[0]["roi"])]))
    assert float(rows[0]["r_median"]) == pytest.approx(wanted, rel=1e-5)
    assert window.table.table.item(0, 0).text() == rows[0]["roi"]
    assert window.table.table.item(0, 2).text() == f"{wanted:.2f}"


@pytest.mark.parametrize("theme", [DARK, LIGHT])
def test_the_figure_is_saved_as_png_and_as_svg(window: CardWindow, tmp_path: Path, theme: object) -> None:
    use_theme(theme)  # type: ignore[arg-type]
    window.current_figure().save_picture(tmp_path / "card.png")
    picture = QImage(str(tmp_path / "card.png"))
    places = product(range(0, picture.width(), 7), range(0, picture.height(), 7))
    colours = {picture.pixelColor(*place).name() for place in places}
    assert find_inks(theme.name).paper in colours  # type: ignore[attr-defined]
    assert len(colours) > 3
    window.current_figure().save_picture(tmp_path / "card.svg")
    drawn = (tmp_path / "card.svg").read_text()
    assert drawn.startswith("<?xml")
    assert drawn.count("<path") + drawn.count("<use") > 100


def test_optional_scores_are_shown_where_a_card_has_them(window: CardWindow) -> None:
    card = load_card(*KEY)
    outside = OutsideScore("category", "face", 30, 40, (), np.full_like(card.r, 0.25), np.full_like(card.r, 0.75))
    show(window, replace(card, roi_intervals=(RoiInterval("V1", 0.31, 0.42),), n_bootstrap=200, outside=(outside,)))
    [drawn] = [one for one in window.figure.plots[0].shown.series if one.name.startswith("interval")]
    foot = next(one.foot for one in window.figure.plots[0].shown.series if one.name == "V1")
    assert (*drawn.left, *drawn.right, *drawn.y) == pytest.approx((0.31, 0.42, foot - 0.03))
    assert window.table.outside.item(0, 0).text() == "Left-out category: face"
    assert [window.table.outside.item(0, column).text() for column in (1, 2, 3)] == ["30", "0.25", "0.75"]
    assert window.table.table.columnCount() == 9


def test_a_card_without_scores_says_so(window: CardWindow) -> None:
    card = load_card(*KEY)
    nothing = np.full_like(card.r, np.nan)
    provenance = Provenance("arrays", "Our lab", "CC0", (("mine.npz", "f" * 64),), reference="9 shipped photographs")
    show(
        window,
        replace(card, r=nothing, r2=nothing, r2_ceiling=nothing, cv_r=nothing, alpha=nothing, provenance=provenance),
    )
    assert {"imported", "Our lab", "9 shipped photographs"} <= set(texts(window))
    assert not window.score_box.isEnabled()
    for plot, word in (
        (window.figure.plots[2], "Unknown: fitted"),
        (window.figure.plots[1], "Scores or noise ceiling"),
    ):
        said = [item for item in plot.getPlotItem().items if isinstance(item, TextItem)]
        assert [item.textItem.toPlainText().startswith(word) for item in said] == [True]


def test_one_roi_can_be_brought_to_the_front(window: CardWindow) -> None:
    index = window.roi_box.findText("FFA")
    window.roi_box.setCurrentIndex(index)
    window.roi_box.activated.emit(index)
    window.turns.finish()
    n_voxels = len(load_subject(KEY[0]).voxels.voxels_in("FFA"))
    assert len(window.figure.plots[1].items["front"].getData()[0]) == n_voxels


def test_a_point_under_the_pointer_is_described(window: CardWindow) -> None:
    card, plot = load_card(*KEY), window.figure.plots[1]
    voxel = int(np.argmax(card.r2))
    place = plot.getPlotItem().vb.mapViewToScene(QPointF(float(card.noise_ceiling[voxel]), float(card.r2[voxel])))
    text = plot.describe(plot.key_at(place))
    assert text.startswith(f"Voxel {voxel:,} · {load_subject(KEY[0]).voxels.roi[voxel]}")
    assert f"r² {card.r2[voxel]:.3g}" in text
    assert plot.key_at(plot.getPlotItem().vb.mapViewToScene(QPointF(0.01, 0.8))) is None
    show(window, replace(card, r_low=card.r - 0.1, r_high=card.r + 0.1))
    assert f"r between {card.r[voxel] - 0.1:.2f} and {card.r[voxel] + 0.1:.2f}" in window.describe_voxel(voxel)


def test_no_turn_of_the_event_loop_makes_more_than_one_plot(qtbot: QtBot, lane: JobLane) -> None:
    made = CardWindow(cast(Any, SimpleNamespace(**vars(SERVICES), files=lane)), print)
    qtbot.addWidget(made)
    made.show_card(load_card(*KEY), load_subject(KEY[0]), order=ORDER, others=[])
    counts, drawn = [0], set[str]()
    while made.turns.isActive():
        made.turns.timeout.emit()
        plots = [*made.figure.plots, *made.compare.plots]
        counts.append(len(plots))
        now = {plot.shown.title for plot in plots} - {""}
        assert len(now - drawn) <= 1
        drawn |= now
    assert counts[-1] == 5 and max(np.diff(counts)) == 1
    assert {"Median r by layer", "r² against noise ceiling", "r of two encoders"} <= drawn
