"""The `figure` command: a saved probe as a figure for print. Never runs a probe, never draws a cortex by itself."""

from __future__ import annotations

import argparse
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from core.commands.movie import OpenCortex, add_look_options, resolve_look
from core.errors import BadInputError
from core.figures.figure_config import FigureConfig, FigureKind, find_figure_format
from core.figures.inks import THEMES
from core.figures.movie_frames import Cortex
from core.probes.probe import Probe

EXAMPLES = """\
figure PROBE.json --out probe.pdf                          one page: images, curve, spill-over, cortex, every setting
figure PROBE.json --what images --out images.svg           clean, perturbed, difference, with its scale
figure PROBE.json --what cortex --transparent --out c.png  the cortical map with its colour bar
figure PROBE.json --what cortex --out cortex.html          a page on which anyone turns the map in a browser
figure PROBE.json --what rois --out rois.csv               the spill-over table (also png, svg, pdf)
In an SVG text stays text that can be edited; a PDF embeds its letters; no file depends on when it was made."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `figure` to the program's sub-commands."""
    parser = subparsers.add_parser(
        "figure",
        help="a saved probe as PNG, SVG or PDF: one page, or images, curve, ROIs, steps, cortex",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = FigureConfig()
    parser.add_argument("probe", type=Path, help="the .json of a saved probe")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="NAME.png, .svg or .pdf; of rois also .csv, of cortex .html",
    )
    parser.add_argument("--what", default="probe", help=f"one of {', '.join(FigureKind)} (default: probe)")
    parser.add_argument("--width", type=float, default=0.0, help="cm; 0 is the usual width")
    parser.add_argument("--height", type=float, default=0.0, help="cm; 0 is the usual height")
    parser.add_argument("--font-size", type=float, default=default.font_size, help="points (default: %(default)g)")
    parser.add_argument("--theme", default="light", help=f"{' or '.join(THEMES)} (default: light, for print)")
    parser.add_argument("--dpi", type=float, default=default.dpi, help="dots an inch of pictures (%(default)g)")
    parser.add_argument("--transparent", action="store_true", help="no paper behind it")
    add_look_options(parser)
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Write the figure; returns 0. Raises ProbeError with one clear sentence otherwise."""
    from core.figures.figure import write_figure
    from core.probes.files import load_probe

    config = FigureConfig(
        kind=args.what,
        width_cm=args.width,
        height_cm=args.height,
        font_size=args.font_size,
        theme=args.theme,
        dpi=args.dpi,
        transparent=args.transparent,
        look=resolve_look(args),
    )
    find_figure_format(args.out, config.kind)
    probe = load_probe(args.probe)
    with _open_cortex(args.open_cortex, probe, config) as cortex:
        print(f"Saved {write_figure(probe, config, args.out, cortex=cortex)}")
    return 0


def _open_cortex(open_cortex: OpenCortex, probe: Probe, config: FigureConfig) -> AbstractContextManager[Cortex | None]:
    if not config.kind.needs_cortex:
        return nullcontext()
    if config.kind is FigureKind.CORTEX:
        return open_cortex(probe, config.look, config.theme)
    return _OrNothing(open_cortex(probe, config.look, config.theme))


class _OrNothing(AbstractContextManager["Cortex | None"]):
    """A cortex if it can be drawn; a page is worth having without it, and says so."""

    def __init__(self, opened: AbstractContextManager[Cortex]) -> None:
        self._opened = opened
        self._is_open = False

    def __enter__(self) -> Cortex | None:
        try:
            cortex = self._opened.__enter__()
        except BadInputError as error:
            print(f"Without the cortex: {error}", file=sys.stderr)
            return None
        self._is_open = True
        return cortex

    def __exit__(self, *raised: object) -> None:
        if self._is_open:
            self._opened.__exit__(*raised)  # type: ignore[arg-type]
