"""The tray: recipes of the probes collected for a stimulus set, in order, with what is known of each.

A session keeps it through two methods: `Tray.recipes() -> list[dict]`, plain JSON, one a probe, and
`Tray.restore(list[dict])`, which puts them back; `Tray.changed` says that they are others now. A recipe holds the
probe's config, the key of its image and the hashes of image, network and encoder; finished probes lie in the store of
`core.stimuli.store` and are made again where they are gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.stimuli.levels import LevelReading, describe_readings
from core.stimuli.preview import ItemPreview
from core.stimuli.probe_warnings import ProbeWarning, WarningCode, find_duplicates, warn
from core.stimuli.recipe import Recipe, unpack_recipe


class Tray(QObject):
    """An ordered list of recipes, none twice; `changed` where it holds others, `previewed` where more is known."""

    changed = Signal()
    previewed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._items: list[Recipe] = []
        self._previews: dict[str, ItemPreview] = {}
        self._twins: dict[int, int] | None = None

    @property
    def items(self) -> tuple[Recipe, ...]:
        """The recipes, in order."""
        return tuple(self._items)

    def recipes(self) -> list[dict[str, Any]]:
        """The same as plain JSON, for a session file."""
        return [recipe.packed for recipe in self._items]

    def restore(self, recipes: Sequence[dict[str, Any]]) -> None:
        """Hold the recipes of a session file instead. Raises BadInputError, and stays as it was, if one is none."""
        self._items = [unpack_recipe(recipe) for recipe in recipes]
        self._tell()

    def add(self, recipes: Iterable[Recipe]) -> int:
        """Put recipes after the others; returns how many were new."""
        known = {recipe.digest for recipe in self._items}
        fresh = {recipe.digest: recipe for recipe in recipes if recipe.digest not in known}
        self._items += fresh.values()
        if fresh:
            self._tell()
        return len(fresh)

    def remove(self, rows: Iterable[int]) -> None:
        """Take rows out."""
        gone = set(rows)
        kept = [recipe for row, recipe in enumerate(self._items) if row not in gone]
        if len(kept) < len(self._items):
            self._items = kept
            self._tell()

    def move(self, row: int, by: int) -> int:
        """Move a row up (-1) or down (1); returns where it is now."""
        place = row + by
        if not (0 <= row < len(self._items) and 0 <= place < len(self._items)):
            return row
        self._items.insert(place, self._items.pop(row))
        self._tell()
        return place

    def take_previews(self, previews: Sequence[ItemPreview]) -> None:
        """Remember what is known of items."""
        self._previews |= {preview.digest: preview for preview in previews}
        self._twins = None
        self.previewed.emit()

    def previews(self) -> dict[str, ItemPreview]:
        """Everything known, by what it depends on."""
        return {preview.key: preview for preview in self._previews.values()}

    def preview(self, row: int) -> ItemPreview | None:
        """What is known of a row; None while its probe is not made."""
        return self._previews.get(self._items[row].digest)

    def reading(self, row: int) -> LevelReading | None:
        """What became of the level of a row; None while it is not known, and where it has none."""
        preview = self.preview(row)
        return None if preview is None else preview.level

    def readings(self) -> list[LevelReading]:
        """What became of every level that is known."""
        return [one for row in range(len(self._items)) if (one := self.reading(row)) is not None]

    def notes(self) -> list[str]:
        """What to know before a set is written: warnings, levels that a seed does not reach, what is not made yet."""
        n_items, known = len(self._items), self.readings()
        n_warned = sum(any(not one.is_remark for one in self.warnings(row)) for row in range(n_items))
        missed = {(one.series, one.wanted) for one in known if not one.reached}
        n_open = sum(recipe.config.level is not None for recipe in self._items) - len(known)
        return [
            *([f"⚠ {n_warned} of {n_items} items have warnings; they are listed in the README."] if n_warned else []),
            *([f"⚠ {n_open} of the levels are not made yet; which are reached is not known."] if n_open else []),
            *describe_readings(one for one in known if (one.series, one.wanted) in missed),
        ]

    def rows_of_seed(self, row: int) -> list[int]:
        """The rows that are levels of the same image, encoder and target as a row, of which something is known."""
        places = [(one.image_sha256, one.encoder_sha256, one.config.target) for one in self._items]
        return [other for other, place in enumerate(places) if place == places[row] and self.reading(other) is not None]

    def warnings(self, row: int) -> tuple[ProbeWarning, ...]:
        """What to know of a row, duplicates of earlier rows among it."""
        preview = self.preview(row)
        own = preview.warnings if preview is not None else ()
        twin = self.duplicates().get(row)
        return own if twin is None else (*own, warn(WarningCode.DUPLICATE, other=f"item {twin + 1}"))

    def duplicates(self) -> dict[int, int]:
        """Rows that show the pixels of an earlier one, and that one."""
        if self._twins is None:
            previews = [self.preview(row) for row in range(len(self._items))]
            marks = [
                f"unseen {row}" if preview is None else preview.fingerprint for row, preview in enumerate(previews)
            ]
            self._twins = find_duplicates(marks)
        return self._twins

    def _tell(self) -> None:
        held = {recipe.digest for recipe in self._items}
        self._previews = {digest: preview for digest, preview in self._previews.items() if digest in held}
        self._twins = None
        self.changed.emit()
