"""The timing template: one TOML file a lab edits and keeps, with tables [timing], [order] and [screen]."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path

from core.experiments.packages.orders import OrderConfig
from core.experiments.packages.timing import Screen, Timing
from core.files import replace_file
from core.headers import HeaderKind, read_record

HEADER = HeaderKind("a timing template in TOML", "Fix it, or write a new one.", syntax="toml")

COMMENTS = {
    "timing": "Seconds and keys. Published template: 2 s on, 2 s off.",
    "order": "Published template: 90 stimuli and 4 catch trials a run. runs = 0: as many as stimuli_per_run asks for. "
    'catch_kind: "dot" or "repeat". spacing: stimuli before a stimulus that never show the same source image.',
    "screen": "Measure width and distance. Leave degrees out for what the set says (else the published 8.4).",
}


@dataclass(frozen=True, slots=True)
class Template:
    """Everything that turns a set into an experiment."""

    timing: Timing = field(default_factory=Timing)
    order: OrderConfig = field(default_factory=OrderConfig)
    screen: Screen = field(default_factory=Screen)


def read_template(path: Path) -> Template:
    """Read a template; what it leaves out keeps its default.

    Raises BadInputError if it is no TOML, has an unknown table or key, or a value that cannot be used; StorageError if
    it cannot be read.
    """
    return read_record(path, Template, HEADER)


def write_template(template: Template, path: Path) -> Path:
    """Write a template that `read_template` reads back as it was; returns the path."""
    replace_file(path, lambda partial: partial.write_text(format_template(template), encoding="utf-8"))
    return path


def format_template(template: Template) -> str:
    """The text of a template: what is a text, a number or a truth value in JSON is the same in TOML."""
    parts = []
    for table, comment in COMMENTS.items():
        values = dataclasses.asdict(getattr(template, table))
        lines = [f"{name} = {json.dumps(value)}" for name, value in values.items() if value is not None]
        parts.append("\n".join([f"# {comment}", f"[{table}]", *lines]))
    return "\n\n".join(parts) + "\n"
