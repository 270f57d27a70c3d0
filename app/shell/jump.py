"""One line of the command palette."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Jump:
    """One line of the palette.

    Parameters
    ----------
    kind : str
        "Command", "ROI", "Image" and so on.
    title, detail : str
        What is searched, and what stands beside it.
    go : function
        Does it.
    reason : str
        Why it cannot be done now; empty if it can.
    key : str
        Its keyboard shortcut.
    """

    kind: str
    title: str
    detail: str
    go: Callable[[], object]
    reason: str = ""
    key: str = ""
