"""The `movie` and `figure` commands: a saved probe rendered, or drawn for print.

Pictures of the cortex are left to the caller of the command line, who can draw them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

from core.commands.options import FromHost, Given, Host, ProbeFile, about, announce, explained, takes
from core.commands.output import finish, stop_on_interrupt
from core.errors import BadInputError
from core.figures.figure_config import FigureConfig, FigureKind, find_figure_format
from core.figures.movie_config import CortexStyle, MovieConfig, check_movie, parse_size
from core.figures.movie_frames import Cortex
from core.files import check_file
from core.probes.probe import Probe

STYLE = "map geometry=surface hemispheres view gate_r=gate outlines labels path"
MOVIES = """\
movie PROBE.json --kind steps --out steps.mp4              image, difference and shift, step by step
movie PROBE.json --kind steps --cortex --out steps.gif     with the cortical map following
movie PROBE.json --kind epsilon --out budgets.mp4          the epsilon grid, in log epsilon
movie PROBE.json --kind cortex --out turn.mp4              the shift on the turning cortex
movie PROBE.json --kind cortex --motion unfold --map r --out frames     a folder of PNG files: fold, inflate, flatten
MP4 is H.264 (yuv420p), which browsers, PowerPoint and Keynote play. Every frame says whose responses it shows."""
FIGURES = """\
figure PROBE.json --out probe.pdf                          one page: images, curve, spill-over, cortex, every setting
figure PROBE.json --out probe.html                         a page to play with: steps, cortex, numbers, in one file
figure PROBE.json --what images --out images.svg           clean, perturbed, difference, with its scale
figure PROBE.json --what cortex --transparent --out c.png  the cortical map with its colour bar
figure PROBE.json --what cortex --out cortex.html          a page on which anyone turns the map in a browser
figure PROBE.json --what rois --out rois.csv               the spill-over table (also png, svg, pdf)
In an SVG text stays text that can be edited; a PDF embeds its letters; no file depends on when it was made."""


@explained(MOVIES)
@takes((MovieConfig, "kind fps seconds hold loops theme with_cortex=cortex"), (CortexStyle, f"{STYLE} motion"))
def run_movie(
    probe: ProbeFile,
    /,
    *,
    out: Annotated[Path, about("NAME.mp4, NAME.gif, or a new folder for PNG files")],
    size: Annotated[str, about("width and height in pixels, even numbers")] = "1280x720",
    estimate: Annotated[bool, about("only print the size and the time it would take")] = False,
    host: FromHost,
    given: Given,
) -> int:
    """Render the probe; returns 0. Raises ProbeError with one clear sentence otherwise."""
    from core.figures.movie import estimate_movie, iter_movie
    from core.figures.movie_file import check_place
    from core.probes.files import load_probe

    width, height = parse_size(size)
    config = given.make(MovieConfig, width=width, height=height, style=given.make(CortexStyle))
    announce(config)
    kind = check_place(out)
    saved = load_probe(probe)
    check_movie(config, saved)
    with stop_on_interrupt() as should_stop, open_cortex(host, saved, config) as cortex:
        cost = estimate_movie(saved, config, kind, cortex=cortex, should_stop=should_stop)
        print(f"{config.describe()}: {cost.describe()}", file=None if estimate else sys.stderr)
        if estimate:
            return 0
        report = finish(lambda stop: iter_movie(saved, config, out, cortex=cortex, should_stop=stop))
    print(report.describe())
    return 0


@explained(FIGURES)
@takes(
    (FigureConfig, "kind=what width_cm=width height_cm=height font_size theme dpi transparent"), (CortexStyle, STYLE)
)
def run_figure(
    probe: ProbeFile,
    /,
    *,
    out: Annotated[Path, about("NAME.png, .svg or .pdf; of rois also .csv, of probe and cortex .html")],
    host: FromHost,
    given: Given,
) -> int:
    """Write the figure; returns 0. Raises ProbeError with one clear sentence otherwise."""
    from core.figures.figure import write_figure
    from core.probes.files import load_probe

    config = given.make(FigureConfig, style=given.make(CortexStyle))
    announce(config)
    find_figure_format(out, config.kind)
    check_file(out)
    saved = load_probe(probe)
    with open_cortex(host, saved, config) as cortex:
        print(f"Saved {write_figure(saved, config, out, cortex=cortex)}")
    return 0


@contextmanager
def open_cortex(host: Host, probe: Probe, config: MovieConfig | FigureConfig) -> Iterator[Cortex | None]:
    """The cortex if it is needed; of a whole page, which is worth having without it, only if it can be drawn."""
    with ExitStack() as stack:
        cortex = None
        try:
            if config.needs_cortex if isinstance(config, MovieConfig) else config.kind.needs_cortex:
                if host.open_cortex is None:
                    raise RuntimeError("Pictures of the cortex come from the caller of `run_command_line`.")
                cortex = stack.enter_context(host.open_cortex(probe, config.style, config.theme))
        except BadInputError as error:
            if config.kind is not FigureKind.PROBE:
                raise
            print(f"Without the cortex: {error}", file=sys.stderr)
        yield cortex
