"""The `movie` command: films a saved probe. Never runs one, and leaves pictures of the cortex to whom can draw them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from core.commands.interrupt import stop_on_interrupt
from core.figures.inks import THEMES
from core.figures.movie_config import (
    HEMISPHERES,
    MAPS,
    SIDES_SEEN,
    CortexLook,
    Motion,
    MovieConfig,
    MovieKind,
    check_movie,
    parse_size,
)
from core.figures.movie_frames import Cortex
from core.probes.probe import Probe
from core.surfaces.mesh import GEOMETRIES

OpenCortex = Callable[[Probe, CortexLook, str], AbstractContextManager[Cortex]]
"""Given a probe, a look and a theme, something that draws its cortex for as long as the block lasts."""

EXAMPLES = """\
movie PROBE.json --kind steps --out steps.mp4              image, difference and shift, step by step
movie PROBE.json --kind steps --cortex --out steps.gif     with the cortical map following
movie PROBE.json --kind epsilon --out ladder.mp4           the rungs of the ladder, in log epsilon
movie PROBE.json --kind cortex --out turn.mp4              the shift on the turning cortex
movie PROBE.json --kind cortex --motion unfold --map r --out frames     a folder of PNG files: fold, inflate, flatten
MP4 is H.264 (yuv420p), which browsers, PowerPoint and Keynote play. Every frame says whose responses it shows."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `movie` to the program's sub-commands."""
    default = MovieConfig()
    parser = subparsers.add_parser(
        "movie",
        help="film a saved probe: attack steps, epsilon sweep or turning cortex, as MP4, GIF or PNG files",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("probe", type=Path, help="the .json of a saved probe")
    parser.add_argument("--kind", default="steps", help=f"one of {', '.join(MovieKind)} (default: steps)")
    parser.add_argument("--out", type=Path, required=True, help="NAME.mp4, NAME.gif, or a new folder for PNG files")
    parser.add_argument("--fps", type=float, default=default.fps, help="frames a second (default: %(default)g)")
    parser.add_argument("--seconds", type=float, default=default.seconds, help="length (default: %(default)g)")
    parser.add_argument("--hold", type=float, default=default.hold, help="seconds the end stands still (%(default)g)")
    parser.add_argument("--size", default=f"{default.width}x{default.height}", help="pixels (default: %(default)s)")
    parser.add_argument("--loops", type=int, default=0, help="showings; 0: a GIF for ever, an MP4 once (default: 0)")
    parser.add_argument("--theme", default="light", help=f"{' or '.join(THEMES)} (default: light)")
    parser.add_argument("--cortex", action="store_true", help="steps: let the cortical map follow")
    add_look_options(parser)
    parser.add_argument("--motion", default="turn", help=f"cortex: {' or '.join(Motion)} (default: turn)")
    parser.add_argument("--estimate", action="store_true", help="only tell the size and the time it would take")
    parser.set_defaults(run=run)
    return parser


def add_look_options(parser: argparse.ArgumentParser) -> None:
    """What the cortex shows, for movies and figures."""
    look = CortexLook()
    parser.add_argument("--map", default=look.map, help=f"one of {', '.join(MAPS)} (default: {look.map})")
    parser.add_argument("--surface", default=look.geometry, help=f"one of {', '.join(GEOMETRIES)} ({look.geometry})")
    parser.add_argument("--hemispheres", default=look.hemispheres, help=f"{', '.join(HEMISPHERES)} (default: both)")
    parser.add_argument("--view", default=look.view, help=f"one of {', '.join(SIDES_SEEN)} (default: {look.view})")
    parser.add_argument(
        "--gate", type=float, default=look.gate_r, help="dim voxels of a lower held-out r (%(default)g)"
    )
    parser.add_argument("--no-outlines", action="store_true", help="draw no outlines of ROIs")
    parser.add_argument("--no-labels", action="store_true", help="write no names of ROIs")


def resolve_look(args: argparse.Namespace) -> CortexLook:
    """The look the options describe."""
    return CortexLook(
        map=args.map,
        geometry=args.surface,
        hemispheres=args.hemispheres,
        view=args.view,
        motion=getattr(args, "motion", Motion.TURN),
        outlines=not args.no_outlines,
        labels=not args.no_labels,
        gate_r=args.gate,
    )


def resolve_movie(args: argparse.Namespace) -> MovieConfig:
    """The movie the options describe."""
    width, height = parse_size(args.size)
    return MovieConfig(
        kind=args.kind,
        fps=args.fps,
        seconds=args.seconds,
        hold=args.hold,
        width=width,
        height=height,
        loops=args.loops,
        theme=args.theme,
        with_cortex=args.cortex,
        look=resolve_look(args),
    )


def run(args: argparse.Namespace) -> int:
    """Film the probe; returns 0. Raises ProbeError with one clear sentence otherwise."""
    from core.figures.movie import estimate_movie, iter_movie
    from core.figures.movie_file import check_place
    from core.probes.files import load_probe

    config = resolve_movie(args)
    kind = check_place(args.out)
    probe = load_probe(args.probe)
    check_movie(config, probe)
    report = None
    with stop_on_interrupt() as should_stop, _open_cortex(args, probe, config) as cortex:
        estimate = estimate_movie(probe, config, kind, cortex=cortex, should_stop=should_stop)
        print(f"{config.describe()}: {estimate.describe()}", file=None if args.estimate else sys.stderr)
        if args.estimate:
            return 0
        for progress in iter_movie(probe, config, args.out, cortex=cortex, should_stop=should_stop):
            report = progress.result or report
            if sys.stderr.isatty():
                print(f"\rframe {progress.frame} of {progress.n_frames}", end="", file=sys.stderr, flush=True)
    if report is None:
        raise RuntimeError("The movie ended without a report.")
    print(report.describe())
    return 0


def _open_cortex(args: argparse.Namespace, probe: Probe, config: MovieConfig) -> AbstractContextManager[Cortex | None]:
    if not config.needs_cortex:
        return nullcontext()
    open_cortex: OpenCortex = args.open_cortex
    return open_cortex(probe, config.look, config.theme)
