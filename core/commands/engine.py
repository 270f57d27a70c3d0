"""What commands share that let cells be computed elsewhere: the option, the engine, what is said on leaving."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeVar

from core.cluster.where import ENGINES, Where
from core.commands.options import about
from core.commands.output import follow
from core.engine import Engine
from core.errors import Cancelled

Record = TypeVar("Record")
At = Annotated[str, about(f"where cells are computed: {ENGINES}")]


def make_engine(where: Where, device: str) -> Engine:
    """The engine of this computer; the device is that of the workers where these are elsewhere."""
    return Engine(device="auto" if where.is_elsewhere else device, n_processes=where.n_processes)


def follow_work(work: Iterable[Record], where: Where, folder: Path) -> Record:
    """Follow work to its end; Ctrl-C only leaves what is computed elsewhere, and says so."""
    try:
        return follow(work, always=True)
    except Cancelled:
        if where.is_elsewhere:
            words = f"The work goes on. `main.py cells {folder}` shows how far it is, --stop ends it."
            print(words, file=sys.stderr)
        raise
