"""Fills the texts of resources/templates with values: pages (*.html, every value is escaped) and READMEs (*.md)."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from core.paths import resources_folder

if TYPE_CHECKING:
    from jinja2 import Environment


def fill_template(name: str, **values: object) -> str:
    """The text of a template; a value that it asks for and that is not given is an error."""
    return _environment().get_template(name).render(values)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=FileSystemLoader(resources_folder() / "templates"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
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
