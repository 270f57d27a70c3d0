"""The help of every command and the command line reference, rendered from signatures and configs.

python -m core.commands.reference > docs/command-line.md
"""

from __future__ import annotations

import sys
import textwrap
from enum import Enum
from pathlib import Path
from typing import NamedTuple, get_args, get_origin

from cyclopts import Argument

from core.commands.options import choices_of, list_arguments, strip_optional
from core.commands.table import COMMANDS, DESCRIPTION, GROUPS, load_command

WIDTH, LEFT = 120, 26
KINDS = {int: "INT", float: "NUMBER", str: "TEXT", Path: "PATH"}
INTRODUCTION = """\
# Command line

Every command and option of `python main.py`, written by `python -m core.commands.reference` from the program itself.
`python main.py COMMAND --help` prints the same.
"""


class Line(NamedTuple):
    """An option or word of a command, as it is listed."""

    label: str
    help: str


def list_lines(name: str) -> list[Line]:
    """What a command takes, in order."""
    return [_describe(argument) for argument in list_arguments(load_command(name))]


def render_help(name: str) -> str:
    """The help of a command; of the whole program for ""."""
    parts = [f"usage: main.py {name} {_usage(name)}".rstrip().replace("  ", " ")]
    parts += [COMMANDS[name][1] if name in COMMANDS else DESCRIPTION if not name else ""]
    if name not in GROUPS:
        lines = list_lines(name)
        words = [line for line in lines if not line.label.startswith("-")]
        parts.append("\n".join(_pair(line.label, line.help) for line in words))
        options = [*(line for line in lines if line not in words), Line("--help, -h", "show this help")]
        parts.append("options:\n" + "\n".join(_pair(line.label, line.help) for line in options))
    if not name or name in GROUPS:
        start = f"{name} " if name else ""
        texts = {one.removeprefix(start): text for one, (_, text) in COMMANDS.items() if one.startswith(start)}
        parts.append("sub-commands:\n" + "\n".join(_pair(f"  {one}", text) for one, text in texts.items()))
    return "\n\n".join(part for part in [*parts, _explanation(name)] if part)


def render_reference() -> str:
    """The command line reference, in Markdown."""
    parts = [INTRODUCTION, DESCRIPTION + "\n", _table("")]
    for name, (_, text) in COMMANDS.items():
        parts += [f"## {name}\n", f"{text[0].upper()}{text[1:]}.\n", _table(name)]
        if text := _explanation(name):
            parts.append(f"```text\n{text}\n```\n")
    return "\n".join(parts)


def _table(name: str) -> str:
    cells = [(line.label.replace("|", r"\|"), line.help.replace("|", r"\|")) for line in list_lines(name)]
    rows = [f"| `{label}` | {text} |" for label, text in cells]
    return "\n".join(["| option | meaning |", "| --- | --- |", *rows, ""])


def _usage(name: str) -> str:
    if name in GROUPS:
        return f"{{{','.join(GROUPS[name])}}} ..."
    found = list_arguments(load_command(name)) if name else []
    needed = [_label(one) for one in found if one.required or not one.name.startswith("-")]
    return " ".join(["[COMMAND] [options]" if not name else "[options]", *needed])


def _describe(argument: Argument) -> Line:
    text = (argument.parameter.help or "").rstrip(".")
    choices, default = choices_of(argument.hint), argument.field_info.default
    if choices and not all(word in text for word in choices):
        text = f"{text}; one of {', '.join(choices)}" if text else f"one of {', '.join(choices)}"
    if argument.required:
        text += " (required)"
    elif (
        default not in (None, "", (), [], argument.field_info.empty)
        and argument.hint is not bool
        and "default" not in text
    ):
        text += f" (default: {_format_default(default)})"
    return Line(_label(argument), text)


def _label(argument: Argument) -> str:
    hint, name = strip_optional(argument.hint), ", ".join(argument.names)
    if hint is bool:
        return name
    inner = get_args(hint) if get_origin(hint) in (tuple, list) else (hint,)
    kinds = [argument.parameter.metavar or KINDS.get(kind, "TEXT") for kind in inner if kind is not Ellipsis]
    many = "..." if Ellipsis in inner and argument.parameter.consume_multiple is not None else ""
    if name.startswith("-"):
        return f"{name} {' '.join(kinds)}{many}"
    label = argument.parameter.metavar or name
    return label if argument.required else f"[{label}{'...' if Ellipsis in inner else ''}]"


def _format_default(value: object) -> str:
    if isinstance(value, tuple | list):
        return " ".join(map(_format_default, value))
    return f"{value:g}" if isinstance(value, float) else str(value.value if isinstance(value, Enum) else value)


def _pair(label: str, text: str) -> str:
    lines = textwrap.wrap(text, WIDTH - LEFT) or [""]
    first = [f"  {label}"] if len(label) > LEFT - 4 else []
    start = " " * LEFT if first else f"  {label}".ljust(LEFT)
    body = [start + lines[0], *(" " * LEFT + line for line in lines[1:])]
    return "\n".join(line.rstrip() for line in [*first, *body])


def _explanation(name: str) -> str:
    return "" if name in GROUPS else getattr(load_command(name), "explanation", "")


if __name__ == "__main__":
    sys.stdout.write(render_reference())
