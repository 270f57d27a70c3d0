"""Copies what the work space in front would run, as a command or as Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.explore.places import KEY
from app.widgets.copy_work import WAYS, copy_work
from app.widgets.desk import Feature, does
from app.widgets.tabs import WorkPage
from core.errors import BadInputError

if TYPE_CHECKING:
    from core.commands.copied import Runnable


class Copying(Feature):
    """One method a command."""

    @does("copy_command")
    def copy_command(self) -> None:
        """Copy it for a shell."""
        self._copy("command")

    @does("copy_python")
    def copy_python(self) -> None:
        """Copy it as a script."""
        self._copy("python")

    def _copy(self, way: str) -> None:
        with self._session.problems.shown():
            copy_work(self._find, way)
            self._desk.say(f"Copied what {self._desk.tabs.current.capitalize()} would run, {WAYS[way][5:]}.", "info")

    def _find(self) -> Runnable:
        from core.commands.copied import copy_probe

        tabs = self._desk.tabs
        if tabs.current == KEY:
            return copy_probe(self._session.state.choice(), self._session.controller.image_key)
        page = tabs.page(tabs.current)
        if not isinstance(page, WorkPage):
            raise BadInputError("Nothing here can be copied as a command.")
        return page.as_text()
