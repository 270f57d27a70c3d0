"""The names of the window's colours; app/look/theme.py has their values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Theme:
    """Every colour the window uses, by its meaning, as "#rrggbb"."""

    name: str
    is_dark: bool
    window: str
    panel: str
    raised: str
    hover: str
    field: str
    line: str
    line_strong: str
    grid: str
    text: str
    muted: str
    faint: str
    accent: str
    accent_hover: str
    accent_soft: str
    on_accent: str
    warm: str
    cool: str
    good: str
    warning: str
    warning_soft: str
    danger: str
    danger_soft: str
