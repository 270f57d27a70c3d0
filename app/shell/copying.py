"""Copies what the work space in front would run, as a command or as Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from app.explore.places import KEY
from app.widgets.copy_work import WAYS, copy_work
from app.widgets.desk import Feature
from app.widgets.tabs import WorkPage
from core.commands.works import ProbeWork


class Copying(Feature):
    """Finds it in the page in front."""

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """One a way."""
        return {f"copy_{way.lower()}": partial(self._copy, way) for way in WAYS}

    def _copy(self, way: str) -> None:
        with self._session.problems.shown():
            copy_work(self._find, way)
            self._desk.say(f"Copied what {self._desk.tabs.current.capitalize()} would run, as {way}.", "info")

    def _find(self) -> object:
        page = self._desk.tabs.page(self._desk.tabs.current)
        if self._desk.tabs.current != KEY and isinstance(page, WorkPage):
            return page.work_to_copy()
        state = self._session.state
        choice, sits = state.choice(), self._session.settings.flag("jury")
        jurors = tuple(key for key, one in state.votes.items() if sits and key[0] == choice.subject and not one.refused)
        return ProbeWork(choice, self._session.controller.image_key, jurors)
