"""Work in another process: its answer, its errors, its end."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from app.base.apart import Apart
from core.checks import refusal
from core.datasets.subject import load_subject
from core.errors import BadInputError, Cancelled, ProbeError
from core.figures.figure import draw_cortex, preview_figure, shrink, write_figure
from core.figures.figure_config import FigureConfig, FigureKind
from core.files import new_folder
from core.types import ByteArray
from tests.core.figures.test_figure import PaintedCortex
from tests.helpers.probes import make_probe


@pytest.fixture
def apart() -> Iterator[Apart]:
    made = Apart()
    yield made
    made.close()


class SizedCortex(PaintedCortex):
    """Another picture at every size."""

    def still(self, size: tuple[int, int]) -> ByteArray:
        picture = super().still(size)
        picture[..., 1] = size[0] % 251
        return picture


def refuse() -> None:
    raise refusal("epsilon", allowed="at least 0", got=-1).spoken("in plain words")


def fail() -> None:
    raise KeyError("a defect")


def write_for_ever(out: Path, begun: Path) -> None:
    with new_folder(out):
        begun.touch()
        while True:
            time.sleep(0.01)


def name_clips(svg: str) -> str:
    """The same file with its clip paths counted: their names are hashes of places with all digits, and the layout's
    solver answers differently in the last one from process to process."""
    names = dict.fromkeys(re.findall(r'clipPath id="(\w+)"', svg))
    for number, name in enumerate(names):
        svg = svg.replace(name, f"clip_{number}")
    return svg


def is_alive(process: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(process, 0)
        return True
    return False


def test_work_is_done_in_one_other_process_until_it_is_closed(apart: Apart) -> None:
    first = apart.run(lambda: False, os.getpid)
    assert first != os.getpid()
    assert apart.run(lambda: False, divmod, 7, 2) == (3, 1)
    assert apart.run(lambda: False, os.getpid) == first
    apart.close()
    assert not is_alive(first)
    assert apart.run(lambda: False, os.getpid) != first


def test_an_error_there_is_the_same_error_here(apart: Apart) -> None:
    with pytest.raises(BadInputError, match="epsilon") as there:
        apart.run(lambda: False, refuse)
    with pytest.raises(BadInputError) as here:
        refuse()
    assert (str(there.value), there.value.plain) == (str(here.value), here.value.plain)
    with pytest.raises(KeyError) as defect:
        apart.run(lambda: False, fail)
    assert "in fail" in defect.value.__notes__[0]


def test_what_is_stopped_ends_and_leaves_nothing_half_written(apart: Apart, tmp_path: Path) -> None:
    process, begun = apart.run(lambda: False, os.getpid), tmp_path / "begun"
    with pytest.raises(Cancelled):
        apart.run(begun.is_file, write_for_ever, tmp_path / "out", begun)
    assert not is_alive(process)
    assert list(tmp_path.iterdir()) == [begun]


def test_a_process_that_dies_is_told_and_replaced(apart: Apart) -> None:
    with pytest.raises(ProbeError, match="memory"):
        apart.run(lambda: False, os.kill, apart.run(lambda: False, os.getpid), signal.SIGKILL)
    assert apart.run(lambda: False, abs, -1) == 1


@pytest.mark.parametrize("kind", [FigureKind.PROBE, FigureKind.CORTEX])
def test_a_figure_is_the_same_wherever_it_is_drawn(apart: Apart, tmp_path: Path, kind: FigureKind) -> None:
    probe, config, cortex = (
        make_probe(table=load_subject("simulated").voxels, size=64),
        FigureConfig(kind),
        SizedCortex(),
    )
    there, here = tmp_path / "there.svg", tmp_path / "here.svg"
    apart.run(lambda: False, write_figure, probe, config, there, cortex=draw_cortex(cortex, config))
    write_figure(probe, config, here, cortex=cortex)
    assert name_clips(there.read_text()) == name_clips(here.read_text())
    drawn = draw_cortex(cortex, shrink(config, 300))
    picture = apart.run(lambda: False, preview_figure, probe, config, width=300, cortex=drawn)
    assert np.array_equal(picture, preview_figure(probe, config, width=300, cortex=cortex))
    assert draw_cortex(cortex, FigureConfig(FigureKind.CURVE)) is None
