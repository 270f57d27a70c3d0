"""Tables of trials as text: comma or tab separated, the same bytes everywhere."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from core.words import protect_cell

Cell = str | int | float | None


def write_table(
    path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Cell]], *, delimiter: str = ",", missing: str = ""
) -> None:
    """Write rows under `columns` (UTF-8, line ends \\n); None becomes `missing`, whole floats lose their ".0"."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_format_value(row.get(name), missing) for name in columns] for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(buffer.getvalue(), encoding="utf-8", newline="")


def _format_value(value: Cell, missing: str) -> str:
    if value is None:
        return missing
    return str(int(value) if isinstance(value, float) and value.is_integer() else protect_cell(value))
