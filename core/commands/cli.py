"""The command line: one parser for all sub-commands, and what an error becomes. Never holds the work of a command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from core.checks import check_choice, suggest
from core.commands import (
    compare,
    discriminability,
    doctor,
    encoders,
    figure,
    fit,
    fragility,
    imports,
    listing,
    meaning,
    movie,
    networks,
    package,
    probe,
    report,
    reproduce,
    robustify,
    sessions,
    stimuli,
    study,
    surfaces,
    transfer,
)
from core.errors import Cancelled, ProbeError
from core.session.files import ENDING, read_session

DONE, BAD_INPUT, CANCELLED = 0, 2, 130

DESCRIPTION = """\
Probescope explores adversarial probes of ANN-based models of the visual brain: the smallest image changes that raise or
lower a voxel's, an ROI's or a pattern's predicted response. Without a sub-command it opens the window, with
FILE.probescope in its place that session.
Exit codes: 0 done, 2 bad input (one clear line), 130 cancelled."""


class _OneLineParser(argparse.ArgumentParser):
    """Refuses bad options with one line instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Leave with exit code 2."""
        end = "" if message.endswith("?") else "."
        self.exit(BAD_INPUT, f"{self.prog}: {message}{end} `{self.prog} --help` shows what is allowed.\n")


def build_parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser of the program, and that of every sub-command by its name."""
    parser: argparse.ArgumentParser = _OneLineParser(
        prog="main.py",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--device", dest="window_device", default="auto", help="of the window: auto, cpu, cuda or mps")
    subparsers = parser.add_subparsers(title="sub-commands", metavar="COMMAND")
    analyses = (fragility, discriminability, transfer, meaning, report, study)
    for command in (
        probe,
        *analyses,
        compare,
        fit,
        imports,
        encoders,
        listing,
        networks,
        surfaces,
        stimuli,
        package,
        reproduce,
        movie,
        figure,
        robustify,
        sessions,
        doctor,
    ):
        command.add_parser(subparsers)
    imports.add_subjects_parser(subparsers)
    stimuli.add_rebuild_parser(subparsers)
    _add_demo(subparsers)
    for sub in subparsers.choices.values():
        sub.allow_abbrev = False  # a shortened option is a slip waiting for a second option of that start
    return parser, dict(subparsers.choices)


def run_command_line(
    arguments: Sequence[str],
    *,
    open_window: Callable[[str, Path | None], int],
    run_demonstration: Callable[[str, str], int],
    open_cortex: movie.OpenCortex | None = None,
) -> int:
    """Run one command. Returns its exit code; only defects leave as exceptions.

    The window, the demonstration and pictures of the cortex come from the caller, since nothing here may know Qt.
    """
    try:
        session, rest = _take_session(arguments)
        args = _parse(rest)
        if not hasattr(args, "run"):
            return open_window(args.window_device, session)
        if args.run is _run_demo:
            return run_demonstration(args.out, args.device)
        args.open_cortex = open_cortex
        code = int(args.run(args))
        sys.stdout.flush()
    except ProbeError as error:
        print("Error:", " ".join(str(error).split()), file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        # The reader has left, as `| head` does; what Python still holds for it goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:  # of a disk or a name on it, as too long a one; never of a number
        what = error.filename or "A file"
        print(f"Error: {what} cannot be used ({error.strerror or error}). Choose another place.", file=sys.stderr)
        return BAD_INPUT
    except (Cancelled, KeyboardInterrupt):
        print("Cancelled.", file=sys.stderr)
        return CANCELLED
    return code


def _take_session(arguments: Sequence[str]) -> tuple[Path | None, Sequence[str]]:
    """A session file in the place of a sub-command, checked before the window opens, and the other arguments."""
    first = next(iter(arguments), "")
    if not first.endswith(ENDING):
        return None, arguments
    return read_session(Path(first)).path, arguments[1:]


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the options. Raises BadInputError for an unknown sub-command and leaves with one line for a bad option."""
    parser, commands = build_parser()
    first = next(iter(arguments), "")
    if first and not first.startswith("-"):
        check_choice("command", first, commands)
    args, unknown = parser.parse_known_args(arguments)
    if unknown:
        _refuse_option(commands.get(first, parser), unknown[0])
    return args


def _refuse_option(parser: argparse.ArgumentParser, word: str) -> NoReturn:
    known = [option for action in parser._actions for option in action.option_strings]
    advice = suggest(word.partition("=")[0], known)
    parser.error(f"unknown option {word!r}" + (f". {advice}" if advice else ""))


def _add_demo(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "demo", help="load, pick, probe raise and lower, and export, through the real window; without a display too"
    )
    parser.add_argument("--out", default="out/demo", help="folder for the screenshot and the stimuli")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.set_defaults(run=_run_demo)


def _run_demo(_args: argparse.Namespace) -> int:
    raise RuntimeError("The demonstration needs the window; `run_command_line` starts it.")
