"""The command line as a whole: its options, its help, its reference, and one sentence for every slip."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from core.commands import options
from core.commands.cli import COMMANDS, GROUPS, prepare, run_command_line
from core.commands.options import Given, describe_fields, takes
from core.commands.reference import list_lines, render_help, render_reference
from core.errors import BadInputError
from core.words import use_plain_letters

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = dict(
    line.split(": ", 1)
    for line in (Path(__file__).parent / "option_names.txt").read_text(encoding="utf-8").splitlines()
)
"""The options of version 0.3: scripts of users name them, so none may go."""


def run(*words: str) -> int:
    return run_command_line(words, open_window=lambda *_: 7, run_demonstration=lambda *_: 8)


def names_of(command: str) -> set[str]:
    return {word for line in list_lines(command) for word in line.label.replace(",", "").split() if word[:2] == "--"}


@pytest.mark.parametrize("command", GOLDEN)
def test_no_option_of_an_earlier_version_is_lost(command: str) -> None:
    assert set(GOLDEN[command].split()) - names_of("" if command == "main" else command) == set()


@pytest.mark.parametrize("command", ["", *COMMANDS, *GROUPS])
def test_help_names_every_option_and_what_it_is(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*command.split(), "--help") == 0
    told = capsys.readouterr()
    assert told.err == "" and told.out == render_help(command) + "\n"
    lines = [] if command in GROUPS else list_lines(command)
    assert all(line.label in told.out and len(line.help) > 1 for line in lines)
    assert not [line.help for line in lines if re.match(r"(\w+: )?(int|float|str|bool|Path|tuple of)\b", line.help)]
    listed = told.out.partition("show this help")[0] if command else told.out
    assert all(len(line) <= 120 for line in listed.splitlines())


def test_the_reference_is_what_the_program_says() -> None:
    written = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    assert written == render_reference(), "run: python -m core.commands.reference > docs/command-line.md"


SLIPS = {
    "command": (["prob"], "`command` must be one of probe", "Did you mean 'probe'?"),
    "part": (["stimuli", "mak"], "`WHAT` must be one of plan, make, check, strip, got 'mak'", "Did you mean 'make'?"),
    "no part": (["stimuli"], "`WHAT` must be one of plan, make, check", "`main.py stimuli --help`"),
    "option": (["doctor", "--jsno"], "unknown option '--jsno'", "Did you mean '--json'?"),
    "option with its value": (["report", "x", "--uot=y"], "unknown option '--uot=y'", "Did you mean '--out'?"),
    "required option": (["movie", "p.json", "--outt", "m.mp4"], "unknown option '--outt'", "Did you mean '--out'?"),
    "missing option": (["movie", "p.json"], "--out is missing: NAME.mp4", "`main.py movie --help`"),
    "missing option and value": (["movie", "p.json", "--fps"], "--fps needs a value", "`main.py movie --help`"),
    "missing word of a name": (["subjects", "summary"], "ID is missing: id of an imported subject", "--help"),
    "missing word": (["reproduce"], "PROBE is missing: the .json of a saved probe", "`main.py reproduce --help`"),
    "missing value": (["movie", "p.json", "--out"], "--out needs a value", "`main.py movie --help`"),
    "missing values": (["networks", "add", "x", "--mean", "1", "2"], "--mean needs 3 values", "--help"),
    "word too many": (["doctor", "x"], "unexpected word 'x'", "`main.py doctor --help`"),
    "name": (["sessions", "lst"], "must be one of list, check, got 'lst'", "Did you mean 'list'?"),
    "choice": (["package", "x", "--kind", "bidss"], "`kind` must be one of bids", "Did you mean 'bids'?"),
    "number": (["movie", "p.json", "--out", "m.mp4", "--fps", "fast"], "`fps` must be a number, got 'fast'", "--help"),
    "whole number": (["fit", "--folds", "2.5"], "`folds` must be a whole number, got '2.5'", "`main.py fit --help`"),
    "flag with a value": (["doctor", "--json=1"], "--json takes no value", "`main.py doctor --help`"),
    "shortened option": (["doctor", "--js"], "unknown option '--js'", "Did you mean '--json'?"),
    "option of the window": (["--devise", "cpu"], "unknown option '--devise'", "Did you mean '--device'?"),
}


@pytest.mark.parametrize(("words", "sentence", "advice"), SLIPS.values(), ids=SLIPS)
def test_a_slip_gets_one_sentence_and_help(
    words: list[str], sentence: str, advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.startswith("Error: ") and told.err.count("\n") == 1
    assert sentence in told.err and advice in told.err


def test_the_window_and_the_demonstration_are_the_callers() -> None:
    assert (run(), run("--device", "cpu"), run("demo", "--out", "x")) == (7, 7, 8)


def test_an_option_given_twice_takes_its_last_value(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="'last'"):
        prepare(["list", "rois", "--subject", "first", "--subject", "last"])()


KINDS = ("small", "large")


@dataclass(frozen=True)
class Config:
    """A config as the program has them.

    Parameters
    ----------
    n_steps : Steps of a run,
        at least 1.
    kind : One of `KINDS`; see `n_steps`.
    low, high : Bounds, in mm.
    shown : Whether it is shown.

    Raises
    ------
    BadInputError
        Never.
    """

    n_steps: int = 3
    kind: Literal["small", "large"] = "small"
    low: float = 0.0
    high: float = 1.0
    shown: bool = True


def test_options_come_from_a_config_and_its_docstring() -> None:
    told = describe_fields(Config)
    assert told["n_steps"] == "Steps of a run, at least 1." and told["low"] == told["high"] == "Bounds, in mm."
    assert told["kind"].startswith("One of small, large;")
    made = []

    @takes((Config, "n_steps kind low=least shown", {"least": "in mm, from 0"}))
    def command(*, given: Given) -> int:
        made.append((given.make(Config), given.of(Config), given.over(Config(n_steps=9))))
        return 0

    words = ["--least", "0.5", "--no-shown", "--kind", "LARGE"]
    bound, _ = options.parse_arguments(command, words, name="main.py test")
    assert command(*bound.args, **bound.kwargs) == 0
    config, typed, over = made[0]
    assert config == Config(kind="large", low=0.5, shown=False)
    assert typed == {"kind": "large", "low": 0.5, "shown": False} and over.n_steps == 9
    helped = {one.name: one.parameter.help for one in options.list_arguments(command)}
    assert helped["--least"] == "in mm, from 0" and helped["--kind"] == "one of small, large; see --steps."


@pytest.mark.parametrize("name", ["--least", "--low"])
def test_an_option_keeps_its_older_name(name: str) -> None:
    made = []

    @takes((Config, "low=least|low"))
    def command(*, given: Given) -> int:
        made.append(given.of(Config))
        return 0

    bound, _ = options.parse_arguments(command, [name, "0.5"], name="main.py test")
    assert command(*bound.args, **bound.kwargs) == 0 and made == [{"low": 0.5}]


def test_a_narrow_encoding_shows_plain_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    use_plain_letters()
    print("640 × 360 · −1 voxel ☃")
    sys.stdout.flush()
    assert written.getvalue() == b"640 x 360 - -1 voxel ?\n"


def test_a_name_that_is_no_utf8_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="utf-8"))
    use_plain_letters()
    print("café", os.fsdecode(b"caf\xe9"))
    sys.stdout.flush()
    assert written.getvalue() == "café caf?\n".encode()


def test_redirected_output_of_windows_does_not_end_in_a_traceback() -> None:
    told = subprocess.run(
        [sys.executable, "main.py", "list", "subjects"],
        cwd=ROOT,
        env=os.environ | {"PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        check=False,
    )
    assert (told.returncode, told.stderr) == (0, b"")


def test_help_of_every_command_needs_no_torch() -> None:
    code = (
        "import sys; from core.commands.reference import render_reference; render_reference(); "
        "heavy = {'torch', 'torchvision', 'timm', 'rich'} & set(sys.modules); assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_too_little_memory_for_a_library_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(text: str) -> int:
        def open_window(*_: object) -> int:
            raise ImportError(text)

        return run_command_line((), open_window=open_window, run_demonstration=lambda *_: 8)

    assert fail("libtorch_cpu.so: failed to map segment from shared object") == 2
    assert capsys.readouterr().err.startswith("Error: It does not fit into memory (libtorch_cpu.so")
    with pytest.raises(ImportError, match="No module named"):
        fail("No module named 'x'")
