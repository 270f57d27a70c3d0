"""The command line: one parser for all sub-commands, and what an error becomes. Never holds the work of a command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from core.commands import doctor, fit, listing, probe, reproduce, robustify
from core.errors import Cancelled, ProbeError

DONE, BAD_INPUT, CANCELLED = 0, 2, 130

DESCRIPTION = """\
Probescope explores adversarial probes of ANN-based models of the visual brain: the smallest image changes that raise or
lower a voxel's, an ROI's or a pattern's predicted response. Without a sub-command it opens the window.
Exit codes: 0 done, 2 bad input (one clear line), 130 cancelled."""


class _OneLineParser(argparse.ArgumentParser):
    """Refuses bad options with one line instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message}. `{self.prog} --help` shows what is allowed.\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser of the program with every sub-command."""
    parser = _OneLineParser(
        prog="main.py", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", dest="window_device", default="auto", help="of the window: auto, cpu, cuda or mps")
    subparsers = parser.add_subparsers(title="sub-commands", metavar="COMMAND", parser_class=_OneLineParser)
    for command in (probe, fit, listing, reproduce, robustify, doctor):
        command.add_parser(subparsers)
    _add_demo(subparsers)
    return parser


def run_command_line(
    arguments: Sequence[str],
    *,
    open_window: Callable[[str], int],
    run_demonstration: Callable[[str, str], int],
) -> int:
    """Run one command. Returns its exit code; only defects leave as exceptions."""
    args = build_parser().parse_args(arguments)
    try:
        if not hasattr(args, "run"):
            return open_window(args.window_device)
        if args.run is _run_demo:
            return run_demonstration(args.out, args.device)
        return int(args.run(args))
    except ProbeError as error:
        print(f"Error: {error}", file=sys.stderr)
        return BAD_INPUT
    except (Cancelled, KeyboardInterrupt):
        print("Cancelled.", file=sys.stderr)
        return CANCELLED


def _add_demo(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "demo", help="load, pick, probe raise and lower, and export, through the real window; without a display too"
    )
    parser.add_argument("--out", default="out/demo", help="folder for the screenshot and the stimuli")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.set_defaults(run=_run_demo)


def _run_demo(_args: argparse.Namespace) -> int:
    raise RuntimeError("The demonstration needs the window; `run_command_line` starts it.")
