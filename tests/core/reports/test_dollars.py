"""Words of the user in figures: dollars, backslashes and angle brackets are drawn as they are; read back from SVGs."""

from __future__ import annotations

import re
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest

from core.errors import StorageError
from core.reports.draw_plot import draw_grid, draw_key, draw_pictures, inline_svg, say_whose, write_figures
from core.reports.pictures import Picture
from core.reports.plot import Plot, Series

ODD = r"V1 $x_$ ${ \frac{ $a^$ <b>&"
VALUES = np.array([0.1, 1.0, 30.0])


def texts(svg: str) -> list[str]:
    found = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(one.itertext()) for one in found]


def draw() -> mpl.figure.Figure:
    series = (Series(VALUES, VALUES, 0, name=f"line {ODD}"),)
    ticks = tuple((float(at), f"{number} {ODD}") for number, at in enumerate(VALUES))
    plots = [
        Plot(f"x {ODD}", f"y {ODD}", series, title=f"title {ODD}", legend="", y_log=True),
        Plot(f"x {ODD}", "y", series, x_ticks=ticks, y_ticks=ticks),
    ]
    figure = draw_grid(plots)
    say_whose(figure, f"whose {ODD}")
    draw_key(figure, [(f"key {ODD}", "#000000", "o")], columns=1, size=6)
    return figure


@pytest.mark.parametrize("usetex", [False, True])
def test_every_word_is_drawn_as_it_is(usetex: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mpl.rcParams, "text.usetex", usetex)
    shown = texts(inline_svg(draw()))
    for start in ("x", "y", "title", "line", "whose", "key", "0", "1", "2"):
        assert f"{start} {ODD}" in shown, start
    picture = Picture(np.zeros((4, 4, 3), np.uint8), f"caption {ODD}")
    shown = texts(inline_svg(draw_pictures([[picture]], ["$name$"], f"head {ODD}")))
    assert {f"caption {ODD}", "$name$", f"head {ODD}"} <= set(shown)


def test_numbers_along_logarithmic_axes_are_plain() -> None:
    shown = texts(inline_svg(draw_grid([Plot("x", "y", (Series(VALUES, VALUES, 0),), x_log=True, y_log=True)])))
    assert {"0.1", "1", "10"} <= set(shown) and not any(re.search(r"\$|mathdefault", text) for text in shown)


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow past 2,000 bytes, as on a disk that is full."""
    handler, limits = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_full_disk_leaves_no_figure_and_names_it(suffix: str, tmp_path: Path, small_files: None) -> None:
    figure = draw()
    with pytest.raises(StorageError, match=rf"No space is left to write .*figure\.{suffix}"):
        write_figures({"figure": figure}, tmp_path, (suffix,))
    assert list(tmp_path.iterdir()) == []
