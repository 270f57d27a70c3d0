"""A plot fits its view: a long title is broken, and names and legend lie beside what they name."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QFontMetricsF, QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.look.plotting import plot_font
from app.look.theme import DARK, LIGHT, Theme, use_theme
from app.widgets.plot_view import LineView, PlotView
from core.reports.plot import Plot, Series

TITLE = "ε at which both of a pair move by one SD · all targets · dashed: not within the largest · twenty images"
X = np.array([1.0, 2.0, 3.0])
NAMES = ("attack", "random control", "sign flip")


def show(qtbot: QtBot, view: PlotView, *sizes: tuple[int, int]) -> None:
    qtbot.addWidget(view)
    view.show()
    for size in sizes:
        view.resize(*size)
        QApplication.processEvents()


@pytest.mark.parametrize("widths", [(320,), (900, 320), (320, 900, 320)])
def test_a_long_title_never_pushes_the_plot_out_of_its_view(qtbot: QtBot, widths: tuple[int, ...]) -> None:
    view = PlotView()
    view.whose = "Simulated subject"
    view.show_plot(Plot("x", "y", (Series(X, X, size=4),), title=TITLE))
    show(qtbot, view, *((width, 300) for width in widths))
    title, box = view.getPlotItem().titleLabel.item, view.getPlotItem().vb
    assert box.sceneBoundingRect().right() <= view.width()
    assert title.sceneBoundingRect().right() <= view.width()
    assert title.sceneBoundingRect().bottom() <= box.sceneBoundingRect().top() + 1
    assert title.document().size().height() > 2.5 * title.document().firstBlock().layout().lineAt(0).height()


def test_wide_names_at_an_axis_never_push_the_plot_out_of_its_view(qtbot: QtBot) -> None:
    view = PlotView()
    view.whose = "Simulated subject"
    show(qtbot, view, (420, 300))
    names = [(float(place), f"alexnet features.{place}") for place in range(2)]
    fields = np.array([[np.nan, 1.0], [np.nan, np.nan]])
    view.show_plot(Plot("lowered", "raised", title=TITLE[:52], fields=fields, x_ticks=names, y_ticks=names))
    view.grab()  # an axis measures its names when it draws them
    QApplication.processEvents()
    assert view.getPlotItem().vb.sceneBoundingRect().right() <= view.width()


def test_a_name_longer_than_its_low_axis_stands_on_two_lines(qtbot: QtBot) -> None:
    view = PlotView()
    view.show_plot(Plot("x", "shift of the target, z (simulated)", (Series(X, X, size=4),)))
    show(qtbot, view, (420, 300), (420, 130))
    axis = view.getPlotItem().getAxis("left")
    assert axis.label.boundingRect().width() <= axis.size().height() + 1
    assert axis.label.document().size().height() > 1.5 * axis.label.document().firstBlock().layout().lineAt(0).height()


@pytest.mark.parametrize("bottom", [True, False])
@pytest.mark.parametrize("height", [62, 100, 200])
def test_numbers_at_the_ends_of_an_axis_are_whole(qtbot: QtBot, height: int, *, bottom: bool) -> None:
    view = PlotView()
    ends = [(-1.0, "-1"), (1.0, "1")]
    view.show_plot(Plot("x", "y", (Series(X, X, size=4),), y_range=(-1.0, 1.0), y_ticks=ends, right=(1.0, "SD")))
    view.getPlotItem().showAxis("bottom", bottom)
    show(qtbot, view, (419, height), (420, height))
    box, half = view.getPlotItem().vb.sceneBoundingRect(), QFontMetricsF(plot_font()).height() / 2
    assert box.top() >= half - 1
    assert box.bottom() + half <= view.height() + 1


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_a_name_fits_its_low_axis_in_another_theme_and_is_left_out_where_two_lines_are_too_short(
    qtbot: QtBot, theme: Theme
) -> None:
    view = PlotView()
    view.show_plot(Plot("x", "shift of the target, z (simulated)", (Series(X, X, size=4),)))
    show(qtbot, view)
    axis = view.getPlotItem().getAxis("left")
    for height, is_shown in ((300, True), (140, True), (80, False)):
        view.resize(420, height)
        use_theme(theme)
        QApplication.processEvents()
        assert axis.label.isVisible() is is_shown
        assert not is_shown or axis.label.boundingRect().width() <= axis.size().height() + 1


@pytest.mark.parametrize("height", [180, 300, 700])
def test_no_point_lies_under_the_legend(qtbot: QtBot, height: int) -> None:
    view = PlotView()
    view.show_plot(Plot("x", "y", tuple(Series(X, X, number, f"encoder {number}", size=4) for number in range(3))))
    show(qtbot, view, (420, height))
    box = view.getPlotItem().vb
    highest = box.mapViewToScene(QPointF(3.0, 3.0)).y()
    assert highest >= view.legend.sceneBoundingRect().bottom() - 1


@pytest.mark.parametrize("width", [240, 300, 500])
def test_names_at_the_ends_of_lines_are_whole_and_a_narrow_view_has_one_axis(qtbot: QtBot, width: int) -> None:
    view = LineView("Shift")
    lines = tuple(Series(X, factor * X, name=name, line="-") for factor, name in enumerate(NAMES))
    view.show_plot(Plot("x", "y", lines, ends=True, right=(2.0, "SD")))
    show(qtbot, view, (900, 300), (width, 300))
    inside = view.getPlotItem().vb.sceneBoundingRect()
    wide = max(label.sceneBoundingRect().width() for label in view._names.values())
    assert view.getPlotItem().getAxis("right").isVisible() is (width == 500)
    assert inside.width() >= 2 * wide
    assert all(label.sceneBoundingRect().right() <= inside.right() + 1 for label in view._names.values())


def growing(n_points: int, *, upright: tuple[float, ...] = (2.0,)) -> Plot:
    """A curve of which so many points are known, over levels."""
    x = np.linspace(1, 3, 9)[:n_points]
    series = (Series(x, x**2, "warm", "attack", line="-", size=4), Series(x, -x, 1, "points", size=6))
    return Plot("x", "y", series, across=(0, 1), upright=upright, shaded=((1.2, 1.6),), x_range=(1.0, 3.0))


def picture_of(qtbot: QtBot, *plots: Plot, anew: bool = False) -> QImage:
    view = PlotView()
    show(qtbot, view, (420, 300))
    for plot in plots:
        if anew:
            view._told.clear()
        view.show_plot(plot)
        QApplication.processEvents()
    return view.grab().toImage()


def test_a_plot_whose_data_grow_keeps_its_frame_and_looks_as_if_made_anew(qtbot: QtBot, monkeypatch) -> None:
    laid_out, tell = Counter[str](), PlotView._tell

    def count(self, name, do, *values):
        tell(self, name, lambda *given: (laid_out.update([name]), do(*given)), *values)

    monkeypatch.setattr(PlotView, "_tell", count)
    plots = [*map(growing, range(2, 10)), growing(9, upright=(2.5,))]
    before, frame = picture_of(qtbot, *plots[:-1]), laid_out.copy()
    laid_out.clear()
    after = picture_of(qtbot, *plots)
    assert set(frame.values()) == {1, 2} and laid_out - frame == {"levels": 1}
    assert before == picture_of(qtbot, *plots[:-1], anew=True)
    assert after == picture_of(qtbot, *plots, anew=True) and after != before


def test_a_plot_without_data_is_drawn_once(qtbot: QtBot, monkeypatch) -> None:
    view = PlotView()
    show(qtbot, view, (420, 300))
    drawn, draw = list[Plot](), PlotView._draw
    monkeypatch.setattr(PlotView, "_draw", lambda self: (drawn.append(self.shown), draw(self)))
    bare, other = Plot("x", "y", across=(0,)), Plot("x", "z", across=(0,))
    for plot in (bare, bare, growing(3), bare, bare, other):
        view.show_plot(plot)
    assert [plot.y for plot in drawn] == ["y", "y", "y", "z"] and drawn[1].series
