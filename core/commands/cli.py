"""The command line: every command by its name, and what an error becomes. Never holds the work of a command."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from core.checks import check_choice
from core.commands.options import Device, FromHost, Host, Run, about, read_words
from core.errors import Cancelled, ProbeError

if TYPE_CHECKING:
    from core.commands.movie import OpenCortex

DONE, BAD_INPUT, CANCELLED = 0, 2, 130

DESCRIPTION = """\
Probescope explores adversarial probes of ANN-based models of the visual brain: the smallest image changes that raise or
lower a voxel's, an ROI's or a pattern's predicted response. Without a sub-command it opens the window, with
FILE.probescope in its place that session.
Exit codes: 0 done, 2 bad input (one clear line), 130 cancelled."""

COMMANDS = {
    "probe": ("probe", "make one probe and export it as matched stimuli"),
    "fragility": ("sweeps", "how far predicted responses swing under small perturbations, against predictivity"),
    "discriminability": ("sweeps", "which measure tells encoders apart better, sensitivity or predictivity"),
    "transfer": ("sweeps", "what perturbations made on one encoder do to the others, with controls of equal norm"),
    "meaning": ("sweeps", "which ROIs, places and spatial frequencies the perturbations of each encoder touch"),
    "report": ("saved", "one HTML page of finished analyses: methods, formulas, figures, tables"),
    "study": ("study", "test the method itself on simulated voxels whose true axes are known"),
    "compare": ("compare", "compare measured responses with the shifts a stimulus set predicted"),
    "fit": ("fit", "fit an encoder of a subject's responses on a network's layer"),
    "import": (
        "imports",
        "import recordings: NSD, Algonauts 2023, BOLD5000, THINGS-fMRI, NIfTI betas, or your own arrays",
    ),
    "encoders": ("encoders", "list, show, import, export or remove encoders"),
    "list": ("listing", "list networks, subjects, rois, images, layers or encoders"),
    "networks": ("networks", "list, add, download, check or remove networks"),
    "surfaces": ("surfaces", "import, list, check and remove cortical surfaces of your own"),
    "stimuli plan": ("stimuli", "resolve a plan of matched stimuli and say what it costs; --out writes it"),
    "stimuli make": ("stimuli", "make the probes and write the set of matched stimuli"),
    "stimuli check": ("stimuli", "compare every file of a set with its manifest"),
    "package": (
        "package",
        "make a package of a stimulus set: BIDS, PsychoPy, jsPsych or Brain-Score, with seeded trial orders",
    ),
    "reproduce": ("saved", "run a saved probe again and compare every number"),
    "movie": ("movie", "film a saved probe: attack steps, epsilon sweep or turning cortex, as MP4, GIF or PNG files"),
    "figure": ("movie", "a saved probe as PNG, SVG or PDF: one page, or images, curve, ROIs, steps, cortex"),
    "robustify": ("robustify", "make a robust network by label-free adversarial fine-tuning"),
    "sessions": ("sessions", "list the sessions that can be opened again, or check a session file"),
    "doctor": ("doctor", "check versions, device, graphics, folders and weights"),
    "subjects": ("imports", "summarise, remove or relink imported subjects"),
    "rebuild": ("saved", "make a written set again from its manifest alone and compare it bit for bit"),
    "demo": ("cli", "load, pick, probe raise and lower, and export, through the real window; without a display too"),
}
"""Where each command is, and what it does; the function is called `run_` and the command's last word."""
GROUPS = {"stimuli": ("plan", "make", "check")}


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
    from core.commands.output import use_plain_letters

    use_plain_letters()
    try:
        session, rest = _take_session(arguments)
        code = prepare(rest, Host(open_window, run_demonstration, open_cortex, session))()
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


def prepare(arguments: Sequence[str], host: Host | None = None) -> Callable[[], int]:
    """What a command line asks for, ready to run. Raises BadInputError for words that cannot be read."""
    name, rest = _split_command(list(arguments))
    if any(word in ("-h", "--help") for word in rest[: rest.index("--") if "--" in rest else None]):
        from core.commands.reference import render_help

        return lambda: print(render_help(name)) or DONE
    if name in GROUPS:
        check_choice("WHAT", "", GROUPS[name], advice=f"`main.py {name} --help` tells what each does.")
    command = load_command(name)
    bound, expected = read_words(command, rest, name=f"main.py {name}".strip())
    more = {"host": host} if "host" in expected else {}
    return lambda: command(*bound.args, **bound.kwargs, **more)


def load_command(name: str) -> Run:
    """The function of a command; "" is the program without one."""
    place, _ = COMMANDS.get(name, ("cli", ""))
    module = importlib.import_module(f"core.commands.{place}")
    run: Run = getattr(module, f"run_{name.split()[-1] if name else 'window'}")
    return run


def run_window(
    *, device: Annotated[str, about("of the window: auto, cpu, cuda or mps")] = "auto", host: FromHost
) -> int:
    """Open the window."""
    return _need(host).open_window(device, _need(host).session)


def run_demo(
    *,
    out: Annotated[str, about("folder for the screenshot and the stimuli")] = "out/demo",
    device: Device = "auto",
    host: FromHost,
) -> int:
    """Run the demonstration."""
    return _need(host).run_demonstration(out, device)


def _need(host: Host | None) -> Host:
    if host is None:
        raise RuntimeError("The window and the demonstration are started by `run_command_line`.")
    return host


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
