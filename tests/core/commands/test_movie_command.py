"""The `movie` command on a saved, made-up probe; a painted cortex stands in for the renderer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest

from core.commands.cli import run_command_line
from core.figures.colour_key import ColourKey
from core.figures.movie_config import CortexStyle
from core.figures.movie_frames import Shot
from core.figures.probe_page import CortexModel
from core.probes.files import save_probe
from core.probes.probe import Probe
from core.surfaces.colormap import find_colormap
from core.types import ByteArray
from tests.helpers.cortex_model import make_model
from tests.helpers.probes import make_probe


class Paint:
    key = ColourKey(find_colormap("polar"), "Shift", "SD", 2.0)
    note = ""

    def draw(self, shot: Shot, size: tuple[int, int]) -> ByteArray:
        return np.full((size[1], size[0], 3), 90, dtype=np.uint8)

    def model(self) -> CortexModel:
        return make_model(self.key)

    def still(self, size: tuple[int, int]) -> ByteArray:
        return np.full((size[1], size[0], 4), 255, dtype=np.uint8)


looks: list[tuple[CortexStyle, str]] = []


@contextmanager
def open_paint(probe: Probe, style: CortexStyle, theme: str) -> Iterator[Paint]:
    looks.append((style, theme))
    yield Paint()


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_probe(make_probe(n_voxels=44), tmp_path_factory.mktemp("probe") / "mine")


def run(*words: str | Path) -> int:
    def never(*_: str) -> int:
        raise AssertionError("opened the window")

    return run_command_line(
        [str(word) for word in words], open_window=never, run_demonstration=never, open_cortex=open_paint
    )


SHORT = ("--seconds", "1", "--hold", "0.2", "--fps", "10", "--size", "640x360")


def test_the_command_writes_what_it_says(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "steps.mp4"
    assert run("movie", saved, "--out", out, *SHORT) == 0
    told = capsys.readouterr()
    assert f"Saved 10 frames, {out.stat().st_size / 1e3:.0f} kB, to {out}" in told.out
    assert "steps, 10 frames, 1 s at 10 frames a second, 640 × 360: about" in told.err
    with av.open(str(out)) as movie:
        assert sum(1 for _ in movie.decode(video=0)) == 10


def test_an_estimate_writes_nothing(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("movie", saved, "--out", tmp_path / "a.gif", "--estimate", *SHORT) == 0
    assert "to make" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_the_cortex_is_asked_for_as_the_options_say(saved: Path, tmp_path: Path) -> None:
    looks.clear()
    options = ("--kind", "cortex", "--motion", "unfold", "--map", "control", "--theme", "dark", "--gate", "0")
    assert run("movie", saved, "--out", tmp_path / "frames", *options, *SHORT) == 0
    style, theme = looks[0]
    assert (style.motion, style.map, style.gate_r, theme) == ("unfold", "control", 0.0, "dark")
    assert len(list((tmp_path / "frames").glob("*.png"))) == 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "film.avi"), "`out` must be NAME.mp4, NAME.gif or a folder"),
        (("--out", "film.mp4", "--size", "big"), "`size` must be WIDTHxHEIGHT"),
        (("--out", "film.mp4", "--map", "shft"), "Did you mean 'shift'?"),
        (("--out", "film.mp4", "--kind", "epsilon"), "Run it again, or render its steps"),
        (("--out", "film.mp4", "--kind", "cortex", "--surface", "flat"), "choose --motion unfold"),
    ],
)
def test_what_cannot_be_filmed_is_one_clear_line(
    saved: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    assert run("movie", saved, *options) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def test_the_figure_command_writes_a_page(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "images.svg"
    assert run("figure", saved, "--what", "images", "--out", out) == 0
    assert capsys.readouterr().out == f"Saved {out}\n"
    assert "difference" in out.read_text(encoding="utf-8")


def test_a_figure_of_an_unknown_kind_is_one_clear_line(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("figure", saved, "--what", "imges", "--out", "a.svg") == 2
    told = capsys.readouterr().err
    assert "Did you mean 'images'?" in told
    assert told.count("\n") == 1
