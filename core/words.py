"""Amounts as people say them. Never measures anything."""

from __future__ import annotations


def format_duration(seconds: float) -> str:
    """Write a duration as people say it.

    >>> format_duration(40), format_duration(720), format_duration(12600)
    ('40 s', '12 min', '3.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
