"""Folds parts of the work space away, so that the rest has room on a small or dense screen. Never closes one for good.

What does not fit even then scrolls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtWidgets import QWidget

from app.base.settings import Settings
from app.widgets.basics import announce, available_size

COMPACT_WIDTH = 1264
"""Narrower, controls, cortex and images do not fit side by side."""

SETTING = "folded_panels"
NONE_FOLDED = "none"
"""Written where the user folded nothing, to tell it from a first start."""


class Folds:
    """Which parts are folded: controls with the gallery, images, responses."""

    def __init__(self, settings: Settings, parts: Mapping[str, QWidget]) -> None:
        self._settings = settings
        self._parts = dict(parts)

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """The commands that fold."""
        return {f"toggle_{name}": partial(self.toggle, name) for name in self._parts}

    def restore(self) -> None:
        """Fold what was folded last; at a first start on a narrow screen, the controls."""
        kept = self._settings.text(SETTING)
        narrow = not kept and available_size().width() < COMPACT_WIDTH
        folded = {"controls"} if narrow else set(kept.split())
        for name, part in self._parts.items():
            part.setHidden(name in folded)

    def toggle(self, name: str) -> None:
        """Fold a part away, or bring it back."""
        part = self._parts[name]
        part.setHidden(not part.isHidden())
        self._keep()
        announce(part.window(), f"{name.capitalize()} {'hidden' if part.isHidden() else 'shown'}")

    def show_all(self) -> None:
        """Bring every part back."""
        for part in self._parts.values():
            part.show()
        self._keep()

    def _keep(self) -> None:
        folded = [name for name, part in self._parts.items() if part.isHidden()]
        self._settings.set(SETTING, " ".join(folded) or NONE_FOLDED)
