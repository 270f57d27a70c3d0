"""Rows told / right, printed as they come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(slots=True)
class Report:
    """Rows told / right as they come, and how many were off."""

    n_rows: int = 0
    off: list[str] = field(default_factory=list)

    def section(self, title: str) -> None:
        """A heading."""
        print(f"\n{title}\n{'':4}{'':52} {'told':>14} {'right':>14} {'off by':>9}", flush=True)

    def compare(self, name: str, told: float | Array, right: float | Array, *, tolerance: float) -> None:
        """One row; arrays show their largest difference, in parts of the largest right value."""
        one, other = np.asarray(told, dtype=np.float64), np.asarray(right, dtype=np.float64)
        both = np.isfinite(one) | np.isfinite(other)
        size = float(np.abs(other[both]).max()) if both.any() else 0.0
        difference = float(np.abs(one - other)[both].max() / max(size, 1e-12)) if both.any() else 0.0
        shown = [f"{float(value):.6g}" if value.ndim == 0 else f"{value.size} numbers" for value in (one, other)]
        self._row(name, *shown, f"{difference:.1e}", bad=not difference <= tolerance)

    def at_least(self, name: str, told: float, right: float, *, share: float) -> None:
        """One row that may exceed `right` but not fall below `share` of it."""
        self._row(name, f"{told:.6g}", f"{right:.6g}", f"{told / right:.3f} x", bad=not told >= share * right)

    def at_most(self, name: str, told: float, bound: float) -> None:
        """One row that must not exceed a bound, rounding of float32 apart."""
        self._row(name, f"{told:.6g}", f"<= {bound:.6g}", "", bad=not told <= bound * (1 + 1e-5) + 1e-9)

    def skip(self, what: str) -> None:
        """What is not computed here, and why."""
        print(f"    not computed: {what}", flush=True)

    def _row(self, name: str, told: str, right: str, off: str, *, bad: bool) -> None:
        self.n_rows += 1
        if bad:
            self.off.append(name)
        print(f"{'OFF' if bad else 'ok':4}{name:52} {told:>14} {right:>14} {off:>9}", flush=True)
