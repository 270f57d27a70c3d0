"""The dialogs of movies and figures alone: what they ask for, refuse and show."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QScrollArea
from pytestqt.qtbot import QtBot

from app.base.jobs import JobLane
from app.figures.dialogs import FigureDialog, MovieDialog
from app.figures.feature import read_frames
from app.figures.forms import StyleForm
from core.figures.figure_config import FigureConfig, FigureKind
from core.figures.movie_config import CortexStyle, MovieConfig, MovieFormat
from core.progress import Progress
from tests.helpers.gated_work import GatedWork


def make_movie_dialog(qtbot: QtBot) -> MovieDialog:
    dialog = MovieDialog()
    qtbot.addWidget(dialog)
    dialog.form.start_with(CortexStyle(), theme="light", sweep_refusal="")
    return dialog


def test_untouched_fields_ask_for_the_usual_movie(qtbot: QtBot) -> None:
    dialog = make_movie_dialog(qtbot)
    assert dialog.config() == MovieConfig()
    assert dialog.form.movie_format() is MovieFormat.MP4


def test_fields_become_the_movie(qtbot: QtBot) -> None:
    dialog = make_movie_dialog(qtbot)
    form = dialog.form
    form.kind.button("cortex").click()
    form.cortex_style.set_value(CortexStyle(map="r", motion="unfold", hemispheres="right", labels=False))  # type: ignore[arg-type]
    form.dimensions.setCurrentIndex(1)
    form.fps.setValue(25)
    form.loops.setValue(3)
    form.theme.setCurrentIndex(1)
    config = form.value()
    assert (config.kind, config.size, config.fps, config.loops, config.theme) == ("cortex", (1920, 1080), 25, 3, "dark")
    assert (config.style.map, config.style.motion, config.style.hemispheres, config.style.labels) == (
        "r",
        "unfold",
        "right",
        False,
    )


def test_fields_that_do_not_fit_say_why(qtbot: QtBot) -> None:
    dialog = make_movie_dialog(qtbot)
    dialog.form.seconds.setValue(2)
    dialog.form.hold.setValue(5)
    assert dialog.config() is None
    assert "shorter than the movie's 2 s" in dialog.work.error.text()


def test_only_what_matters_can_be_changed(qtbot: QtBot) -> None:
    dialog = make_movie_dialog(qtbot)
    form = dialog.form
    assert not form.cortex_style.isEnabled()
    form.with_cortex.setChecked(True)
    assert form.cortex_style.isEnabled()
    assert not form.cortex_style.motion.isEnabled()
    form.kind.button("epsilon").click()
    assert not form.with_cortex.isEnabled()
    assert not form.value().with_cortex
    form.format.setCurrentIndex(1)
    assert form.loops.text() == "forever"


def test_a_preview_is_asked_for_once_after_a_rest(qtbot: QtBot) -> None:
    dialog = make_movie_dialog(qtbot)
    asked: list[float] = []
    dialog.preview_requested.connect(lambda _config, place: asked.append(place))
    with qtbot.waitSignal(dialog.estimate_requested):
        for place in (10, 20, 30):
            dialog.place.setValue(place)
    assert asked == [0.3]
    dialog.show_preview(np.zeros((36, 64, 3), dtype=np.uint8))
    assert dialog.preview.pixels is not None


def test_while_filming_only_stopping_is_offered(qtbot: QtBot, lane: JobLane) -> None:
    dialog = make_movie_dialog(qtbot)
    work = GatedWork()
    dialog.work.run(lane, "movie", work.make, title="Rendering…", on_done=lambda _last: None, read=read_frames)
    work.send(Progress(5, 20, 3.0))
    qtbot.waitUntil(lambda: dialog.work.note.text() == "Frame 5 of 20, 3 s left")
    assert dialog.work.bar.share == pytest.approx(0.25)
    assert dialog.stop.isEnabled()
    assert not dialog.save.isEnabled()
    assert not dialog.form.isEnabled()
    dialog.show()
    dialog.close()
    qtbot.waitUntil(lambda: not dialog.work.busy)


def make_figure_dialog(qtbot: QtBot, what: FigureKind) -> FigureDialog:
    dialog = FigureDialog()
    qtbot.addWidget(dialog)
    dialog.start_with(CortexStyle(), what)
    return dialog


@pytest.mark.parametrize("what", list(FigureKind))
def test_every_figure_starts_with_its_usual_size(qtbot: QtBot, what: FigureKind) -> None:
    dialog = make_figure_dialog(qtbot, what)
    config = dialog.config()
    assert config is not None
    assert config.kind is what
    assert config.inches == pytest.approx(FigureConfig(kind=what).inches)


def test_sizes_are_given_in_centimetres_or_inches(qtbot: QtBot) -> None:
    dialog = make_figure_dialog(qtbot, FigureKind.CURVE)
    dialog.width_box.setValue(12.7)
    dialog.unit.setCurrentIndex(1)
    assert dialog.width_box.text() == "5.00 in"
    config = dialog.config()
    assert config is not None
    assert config.width_cm == pytest.approx(12.7)


def test_a_table_is_offered_for_rois_alone(qtbot: QtBot) -> None:
    dialog = make_figure_dialog(qtbot, FigureKind.CURVE)
    assert dialog.format.findData("csv") < 0
    dialog.kind.setCurrentIndex(dialog.kind.findData(FigureKind.ROIS))
    dialog.format.setCurrentIndex(dialog.format.findData("csv"))
    assert not dialog.dpi.isEnabled()
    dialog.kind.setCurrentIndex(dialog.kind.findData(FigureKind.CORTEX))
    assert (dialog.format.findData("csv"), dialog.format.findData("html")) == (-1, 3)


def test_a_whole_probe_can_be_a_page(qtbot: QtBot) -> None:
    dialog = make_figure_dialog(qtbot, FigureKind.PROBE)
    dialog.format.setCurrentIndex(dialog.format.findData("html"))
    assert dialog.ending() == "html"
    assert not dialog.dpi.isEnabled() and dialog.theme.isEnabled()


@pytest.mark.parametrize("make", [FigureDialog, MovieDialog])
def test_the_form_beside_the_picture_is_whole(qtbot: QtBot, make: type[FigureDialog] | type[MovieDialog]) -> None:
    dialog = make()
    qtbot.addWidget(dialog)
    dialog.show()
    style, area = dialog.findChild(StyleForm), dialog.findChild(QScrollArea)
    assert style is not None
    assert area is not None
    view, fields = area.viewport(), (style.path, style.map, style.gate_r)
    qtbot.waitUntil(lambda: all(one.mapTo(view, QPoint(one.width(), 0)).x() <= view.width() for one in fields))
    assert all(one.width() >= one.minimumSizeHint().width() for one in fields)
