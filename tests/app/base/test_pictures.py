"""Every writer of a picture or plot: a write that fails is told in one sentence and leaves the old file whole."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.base.pictures import save_image, save_window_picture
from app.encoders.card_figure import Figure
from app.look.icons import glyph_file
from app.widgets.image_view import ImageView
from app.widgets.plot_view import PlotView
from core.datasets.subject import load_subject
from core.errors import BadInputError, StorageError
from core.figures.figure import write_figure
from core.figures.figure_config import FigureConfig, FigureKind
from core.reports.draw_plot import FORMATS, save_plots
from core.reports.plot import Plot, Series
from tests.helpers.probes import make_probe

OLD = b"the old file"
FAILURES = {errno.ENOSPC: "No space is left to write", errno.EACCES: "no permission", errno.EROFS: "no permission"}


def save_window(qtbot: QtBot, path: Path) -> None:
    label = QLabel("the window")
    qtbot.addWidget(label)
    save_window_picture(label, path)


def save_pane(qtbot: QtBot, path: Path) -> None:
    view = ImageView("clean")
    qtbot.addWidget(view)
    view.set_pixels(np.zeros((8, 8, 3), dtype=np.uint8))
    said: list[str] = []
    view.said.connect(said.append)
    if not view.save(path):
        raise StorageError(said[0])


def save_answer(qtbot: QtBot, path: Path) -> None:
    plot = PlotView("shift against epsilon")
    qtbot.addWidget(plot)
    save_plots([plot.shown], path, caption="Simulated subject")


def save_card(qtbot: QtBot, path: Path) -> None:
    figure = Figure("scores")
    qtbot.addWidget(figure)
    assert len(list(figure.iter_draw([Plot("x", "y")]))) == 2, "one step makes the view, one draws"
    figure.save_picture(path)


def save_probe_figure(qtbot: QtBot, path: Path) -> None:
    probe = make_probe(table=load_subject("simulated").voxels, size=32)
    write_figure(probe, FigureConfig(kind=FigureKind.CURVE, dpi=40), path)


PLACES = {"window": save_window, "pane": save_pane, "plot": save_answer, "card": save_card, "figure": save_probe_figure}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_picture_takes_the_place_of_the_old_one(
    place: Callable[[QtBot, Path], None], qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(OLD)
    place(qtbot, path)
    assert not QImage(str(path)).isNull()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("number", FAILURES)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_write_that_fails_is_told_and_leaves_the_old_file(
    place: Callable[[QtBot, Path], None], number: int, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(OLD)

    def fail(partial: Path, content: bytes) -> int:
        with partial.open("wb") as file:
            file.write(content[:10])
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched, pytest.raises(StorageError, match=FAILURES[number]) as caught:
        patched.setattr(Path, "write_bytes", fail)
        place(qtbot, path)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only_is_told(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(OLD)
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(StorageError, match="no permission"):
            save_image(QImage(4, 4, QImage.Format.Format_RGB32), path)
        assert path.read_bytes() == OLD
    finally:
        tmp_path.chmod(stat.S_IRWXU)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_plot_is_written_in_every_format_with_whose_responses_it_shows(kind: str, tmp_path: Path) -> None:
    path, shown = tmp_path / f"a.{kind}", Plot("epsilon", "shift", (Series([0.0, 1.0], [0.0, 2.0], 0, line="-"),))
    save_plots([shown], path, caption="one & two")
    starts = {"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}
    assert path.read_bytes().startswith(starts[kind])
    if kind == "svg":
        assert all(words in path.read_text(encoding="utf-8") for words in ("epsilon", "shift", "one &amp; two"))


def test_a_format_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="`format` must be one of svg, pdf, png"):
        save_plots([Plot("", "")], tmp_path / "a.gif", caption="")


def test_glyphs_lie_in_a_folder_that_nobody_else_can_write(qapp: object) -> None:
    path = Path(glyph_file("check", "#123456"))
    assert path.read_bytes().count(b"#123456")
    assert stat.S_IMODE(path.parent.stat().st_mode) == stat.S_IRWXU
