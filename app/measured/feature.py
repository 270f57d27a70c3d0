"""The tab and command for measured responses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from app.widgets.desk import Content, Desk, Drop, Feature, Loaded, Paths, does
from app.widgets.tabs import WorkPage
from core.session.record import STIMULUS_SET
from core.stimuli.manifest import MANIFEST

if TYPE_CHECKING:
    from app.measured.page import MeasuredPage

KEY = "measured"
TABLES = (".tsv", ".csv")


class Measured(Feature):
    """Adds the tab; its page, and what it imports, is made when it is first opened."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._page: MeasuredPage | None = None
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
        return (Drop(thing, promise, self._takes, self.open_paths, takes_many=True),)

    def _takes(self, paths: Paths) -> bool:
        """A written stimulus set, or tables of responses to one; while the page is in front, of any format."""
        from core.experiments.measured.trials import takes

        is_set = any(path.name == MANIFEST or (path / MANIFEST).is_file() for path in paths)
        is_known = any(map(takes, paths)) and self._desk.tabs.current == KEY
        return is_set or is_known or all(path.suffix.lower() in TABLES for path in paths)

    def open_paths(self, paths: Paths) -> None:
        """Bring the tab to the front with sets and responses that were dropped."""
        from app.measured.page import MeasuredPage

        page = self._desk.tabs.open(KEY)
        if isinstance(page, MeasuredPage):
            page.open_paths(paths)

    def capture(self) -> Content:
        """Files and settings of the page, if it was opened."""
        return {"measured": None if self._page is None else self._page.record()}

    def restore(self, loaded: Loaded) -> None:
        """Open the files a session kept, those that are there."""
        record = loaded.record.measured
        files = {} if record is None else {what: path for what in record.files if (path := loaded.places.get(what))}
        if record is not None and STIMULUS_SET in files:
            self._desk.tabs.page(KEY)
            if self._page is not None:
                self._page.restore(files, record)

    def _make_page(self, parent: QWidget) -> WorkPage:
        from app.measured.page import MeasuredPage

        page = self._page = MeasuredPage(self._session, parent)
        page.form.reread.connect(self.changed)
        page.form.changed.connect(self.changed)
        return page
