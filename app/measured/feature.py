"""The tab and command for measured responses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from app.widgets.desk import Desk, Drop, Feature, Paths, does
from app.widgets.tabs import WorkPage
from core.stimuli.manifest import MANIFEST

KEY = "measured"
TABLES = (".tsv", ".csv")


class Measured(Feature):
    """Adds the tab; its page, and what it imports, is made when it is first opened."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        desk.tabs.add(KEY, self._make_page)

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """The command that brings the tab to the front."""
        return {**super().commands(), "compare_measured": partial(self._desk.tabs.open, KEY)}

    @does("open_set")
    def ask_set(self) -> None:
        """Ask for the folder of a set, and bring the tab to the front with it."""
        from app.measured.page import MeasuredPage

        page = self._desk.tabs.open(KEY)
        if isinstance(page, MeasuredPage):
            page.form.open_set.click()

    def drops(self) -> Sequence[Drop]:
        """Sets and responses."""
        thing, promise = "stimulus sets and measured responses", "Compare {name} with its predictions"
        return (Drop(thing, promise, _is_measured, self.open_paths, takes_many=True),)

    def open_paths(self, paths: Paths) -> None:
        """Bring the tab to the front with sets and responses that were dropped."""
        from app.measured.page import MeasuredPage

        page = self._desk.tabs.open(KEY)
        if isinstance(page, MeasuredPage):
            page.open_paths(paths)

    def _make_page(self) -> WorkPage:
        from app.measured.page import MeasuredPage

        return MeasuredPage(self._session)


def _is_measured(paths: Paths) -> bool:
    """A written stimulus set, or tables of responses to one."""
    is_set = any(path.name == MANIFEST or (path / MANIFEST).is_file() for path in paths)
    return is_set or all(path.suffix.lower() in TABLES for path in paths)
