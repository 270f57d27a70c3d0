"""The commands `worker` and `cells`: work on a folder beside others, and see how far it is."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Annotated, Any

from core.checks import refusal
from core.claims import ClaimFolder
from core.commands.options import Device, Json, about, explained
from core.commands.output import answer, follow, format_table, stop_on_interrupt
from core.engine import Engine
from core.errors import Cancelled
from core.sweeps.cells import CellStore, find_store
from core.sweeps.plan import SWEEP
from core.sweeps.study.plan import STUDY
from core.words import count, format_duration

Folder = Annotated[Path, about("folder of an analysis or study", metavar="DIR")]
UNITS = {"": 60, "s": 1, "m": 60, "h": 3600, "d": 86400}
WORKER = """\
Begin the folder with the command of the analysis; its --begin computes nothing. Then start as many workers as you like,
one after the other or at once (`sbatch --array`): each computes cells that nobody else computes, and ends when none is
left. SIGTERM and the end of --lifetime stop it within an attack step, and others take up its cell."""
CELLS = "A cell whose process died is tried again twice; one that failed is tried again after --retry, or by --resume."


@explained(WORKER)
def run_worker(
    folder: Folder,
    /,
    *,
    lifetime: Annotated[str, about("stop by itself after so long: 90s, 55m, 12h")] = "",
    device: Device = "auto",
) -> int:
    """Work until nothing is left or time is over; returns 0. Raises ProbeError with one clear sentence otherwise."""
    end = time.monotonic() + read_duration(lifetime) if lifetime else float("inf")
    with stop_on_interrupt() as should_stop:
        work = Engine(device=device).iter_folder(folder, should_stop=lambda: should_stop() or time.monotonic() > end)
        try:
            follow(work, always=True)
        except Cancelled:
            if should_stop():
                raise
            print(f"The lifetime of {lifetime} is over.", file=sys.stderr)
    return 0


@explained(CELLS)
def run_cells(
    folder: Folder,
    /,
    *,
    failed: Annotated[bool, about("list every cell that failed, with its reason")] = False,
    retry: Annotated[bool, about("have the failed cells tried again by whoever works on the folder")] = False,
    json: Json = False,
) -> int:
    """Print how far the work is; returns 0. Raises ProbeError with one clear sentence otherwise."""
    folder = folder.expanduser()
    store: CellStore[Any, Any] = find_store(STUDY if (folder / STUDY.file).is_file() else SWEEP, folder)
    done, broken = store.find_ended()
    cells = {cell.key: cell.describe(store.config) for cell in store.cells()}
    running = list_running(store.claims(), {key: what for key, what in cells.items() if key not in done})
    failures = [{"cell": key} | describe_failure(store, key) for key in cells if key in broken]
    if retry:
        for key in broken:
            store.forget_failure(key)
    left = len(cells) - len(done) - len(broken)
    words = [count(len(cells), "cell"), f"{len(done)} done", f"{len(running)} running", f"{len(broken)} failed"]
    lines = [f"{', '.join(words)}, {left} to do or running."]
    lines += [format_table(running)] * bool(running)
    lines += [format_table(failures)] * bool(failures and failed)
    lines += [f"{count(len(broken), 'cell is', 'cells are')} tried again."] * bool(retry and broken)
    found = {"cells": len(cells), "done": len(done), "running": running, "failed": failures}
    return answer(found, "\n".join(lines), as_json=json)


def list_running(claims: ClaimFolder, cells: dict[str, str]) -> list[dict[str, Any]]:
    """What of some cells is computed now: cell, by whom, for how long, at which attempt."""
    rows = []
    for key, (holder, attempt) in claims.holders().items():
        if key not in cells:
            continue
        since = format_duration(max(0.0, claims.now() - holder.since)) if holder.since else "?"
        where = {"host": holder.host, "process": holder.pid, "for": since, "attempt": attempt}
        rows.append({"cell": key, "what": cells[key]} | where)
    return rows


def describe_failure(store: CellStore[Any, Any], key: str) -> dict[str, Any]:
    """Why a cell failed, and where."""
    one = store.failure(key)
    where = {"host": one.host, "device": one.device, "attempts": one.attempt}
    return {"what": one.what} | where | {"reason": one.reason}


def read_duration(text: str) -> float:
    """Seconds of "90s", "55m", "12h"; a number alone is in minutes. Raises BadInputError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip().lower())
    if found is None or not float(found[1]):
        raise refusal("lifetime", allowed="a number above 0 with s, m, h or d, as 55m", got=text)
    return float(found[1]) * UNITS[found[2]]
