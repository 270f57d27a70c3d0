"""The command line: every command by its name, and what an error becomes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.checks import check_choice
from core.commands.table import COMMANDS, GROUPS, load_command
from core.device import explain
from core.errors import Cancelled, ProbeError
from core.words import use_plain_letters

if TYPE_CHECKING:
    from core.commands.options import Host, OpenCortex

DONE, BAD_INPUT, CANCELLED = 0, 2, 130


def run_command_line(
    arguments: Sequence[str],
    *,
    open_window: Callable[[str, Path | None], int],
    run_demonstration: Callable[[str, str], int],
    open_cortex: OpenCortex | None = None,
) -> int:
    """Run one command. Returns its exit code; only defects leave as exceptions.

    The window, the demonstration and pictures of the cortex come from the caller, since nothing here may know Qt.
    """
    use_plain_letters()
    try:
        session, rest = _take_session(arguments)
        if not rest:
            return open_window("auto", session)  # at once: what reads options takes as long to import as the window
        from core.commands.options import Host

        code = prepare(rest, Host(open_window, run_demonstration, open_cortex, session))()
        sys.stdout.flush()
    except ProbeError as error:
        print("Error:", " ".join(str(error).split()), file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        # The reader has left, as `| head` does; what Python still holds for it goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (OSError, RuntimeError, MemoryError, ImportError) as error:
        said: Exception | str = explain(error)
        if said is error and isinstance(error, OSError):  # of a disk or a name on it, as too long a one; no number's
            said = f"{error.filename or 'A file'} cannot be used ({error.strerror or error}). Choose another place."
        elif said is error:
            raise
        print("Error:", said, file=sys.stderr)
        return BAD_INPUT
    except (Cancelled, KeyboardInterrupt):
        print("Cancelled.", file=sys.stderr)
        return CANCELLED
    return code


def prepare(arguments: Sequence[str], host: Host | None = None) -> Callable[[], int]:
    """What a command line asks for, ready to run. Raises BadInputError for words that cannot be read."""
    from core.commands.options import parse_arguments

    name, rest = _split_command(list(arguments))
    if any(word in ("-h", "--help") for word in rest[: rest.index("--") if "--" in rest else None]):
        from core.commands.reference import render_help

        return lambda: print(render_help(name)) or DONE
    if name in GROUPS:
        check_choice("WHAT", "", GROUPS[name], advice=f"`main.py {name} --help` explains each.")
    command = load_command(name)
    bound, expected = parse_arguments(command, rest, name=f"main.py {name}".strip())
    more = {"host": host} if "host" in expected else {}
    return lambda: command(*bound.args, **bound.kwargs, **more)


def _take_session(arguments: Sequence[str]) -> tuple[Path | None, Sequence[str]]:
    """A session file in the place of a sub-command, checked before the window opens, and the other arguments."""
    if not arguments or not arguments[0].endswith(".probescope"):
        return None, arguments
    from core.session.files import read_session

    return read_session(Path(arguments[0])).path, arguments[1:]


def _split_command(words: list[str]) -> tuple[str, list[str]]:
    """The command and its words; "" where the first is an option."""
    if not words or words[0].startswith("-"):
        return "", words
    name = check_choice("command", words[0], [*dict.fromkeys(name.split()[0] for name in COMMANDS)])
    if name not in GROUPS or len(words) < 2 or words[1].startswith("-"):
        return name, words[1:]
    return f"{name} {check_choice('WHAT', words[1], GROUPS[name])}", words[2:]
