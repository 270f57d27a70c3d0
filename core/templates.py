"""The words of reports: formulas, and the texts of resources/templates filled in.

Pages are *.html, where every value is escaped, READMEs are *.md, where no value opens a tag.
"""

from __future__ import annotations

import math
import tomllib
from functools import lru_cache
from typing import TYPE_CHECKING

from core.paths import resources_folder

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.nodes import EvalContext


@lru_cache(maxsize=1)
def _formulas() -> dict[str, dict[str, str]]:
    return tomllib.loads((resources_folder() / "formulas.toml").read_text(encoding="utf-8"))


def read_formulas(what: str) -> dict[str, str]:
    """What each number is, with its formula and unit, by a heading of the file, as a question."""
    return _formulas()[what]


def fill_template(name: str, **values: object) -> str:
    """The text of a template; a value that it asks for and that is not given is an error."""
    return _environment().get_template(name).render(values)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_eval_context, select_autoescape

    @pass_eval_context
    def close_tags(context: EvalContext, value: object) -> object:
        return value if context.autoescape or not isinstance(value, str) else value.replace("<", "&lt;")

    environment = Environment(
        loader=FileSystemLoader(resources_folder() / "templates"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        finalize=close_tags,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["number"] = format_number
    return environment


def format_number(value: object) -> str:
    """A value as tables for reading show it: numbers to four digits, – for unknown."""
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else "–" if math.isnan(value) else "∞"
    return str(value)
