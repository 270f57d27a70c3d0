"""The timing template: one TOML file a lab edits and keeps, with tables [timing], [order] and [screen]. Never plans."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from core.checks import check_choice, refusal
from core.errors import StorageError
from core.experiments.packages.orders import CatchKind, OrderConfig
from core.experiments.packages.timing import Screen, Timing
from core.files import replace_file

Config = TypeVar("Config", Timing, OrderConfig, Screen)

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

    Raises
    ------
    BadInputError
        If it is no TOML, has an unknown table or key, or a value that cannot be used.
    StorageError
        If it cannot be read.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StorageError(f"{path} cannot be read ({error.strerror or error}). Choose a timing template.") from error
    except (ValueError, RecursionError) as error:
        allowed = "a TOML file"
        raise refusal("timing", allowed=allowed, got=str(path), advice=f"{error}.") from error
    for name in tables:
        check_choice("table", name, COMMENTS)
    return Template(
        timing=_read_table(Timing, tables.get("timing", {}), "timing"),
        order=_read_table(OrderConfig, tables.get("order", {}), "order"),
        screen=_read_table(Screen, tables.get("screen", {}), "screen"),
    )


def write_template(template: Template, path: Path) -> None:
    """Write a template that `read_template` reads back as it was."""
    replace_file(path, lambda partial: partial.write_text(word_template(template), encoding="utf-8"))


def word_template(template: Template) -> str:
    """The text of a template."""
    parts = []
    for table, comment in COMMENTS.items():
        values = dataclasses.asdict(getattr(template, table))
        lines = [f"{name} = {_word_value(value)}" for name, value in values.items() if value is not None]
        parts.append("\n".join([f"# {comment}", f"[{table}]", *lines]))
    return "\n\n".join(parts) + "\n"


def _read_table(kind: type[Config], values: Any, table: str) -> Config:
    if not isinstance(values, Mapping):
        raise refusal(table, allowed="a table of the template", got=values)
    fields = {one.name: one for one in dataclasses.fields(kind)}
    given: dict[str, Any] = {}
    for name, value in values.items():
        check_choice(f"key of [{table}]", name, fields)
        given[name] = _fit_type(name, value, default=fields[name].default)
    return kind(**given)


def _fit_type(name: str, value: Any, *, default: Any) -> Any:
    """TOML tells 2 from 2.0; a lab does not."""
    if isinstance(default, CatchKind):
        return CatchKind(check_choice(name, value, list(CatchKind)))
    if (isinstance(default, float) or default is None) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def _word_value(value: Any) -> str:
    """A JSON text, number or truth value is TOML as well."""
    return json.dumps(str(value) if isinstance(value, str) else value)
