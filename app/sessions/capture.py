"""Gathers the record of a session from the features, and compares two. Never writes it, never changes anything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from app.base.desk import Feature
from core.session.record import SessionRecord, ViewRecord

SELECTED = ("subject", "network", "layer", "image", "target", "direction", "attack", "aim")
"""What a probe belongs to."""

GROUPS = (
    ("subject", "surface", "network", "layer", "encoder_sha256", "target", "aim"),
    *((name,) for name in ("image", "direction", "attack", "gate_r", "auto_probe", "analyses", "tray")),
)
"""Fields that only make sense together."""


def capture_record(parts: Iterable[Feature], tab: str) -> SessionRecord:
    """Everything open now, less the probe on screen, which whoever saves hands over."""
    values = {name: value for part in parts for name, value in part.capture().items()}
    return SessionRecord(**values, tab=tab)


def essence(record: SessionRecord) -> SessionRecord:
    """What the user would miss: a session counts as changed if this differs, not if the cortex was turned."""
    return replace(record, probe=None, view=ViewRecord(map=record.view.map), tab="", layout={}, surface="")


def merge_unchanged(opened: SessionRecord, after: SessionRecord, now: SessionRecord) -> SessionRecord:
    """What to save of a session of which not everything could be opened: nothing that was left out is lost.

    Parameters
    ----------
    opened : SessionRecord
        As the file had it.
    after : SessionRecord
        As the window showed it once it was open.
    now : SessionRecord
        As the window shows it now. What did not change since then is kept as the file had it.
    """
    values: dict[str, Any] = {}
    for group in GROUPS:
        if all(getattr(now, name) == getattr(after, name) for name in group):
            values |= {name: getattr(opened, name) for name in group}
    merged = replace(now, **values)
    if all(getattr(merged, name) == getattr(opened, name) for name in SELECTED):
        merged = replace(merged, probe=opened.probe)
    return merged
