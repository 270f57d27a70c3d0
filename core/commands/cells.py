"""The commands `worker` and `cells`: work on a folder beside others, and see how far it is."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Annotated, Any

from core.checks import refusal
from core.cluster.kinds import find_work
from core.commands.options import Device, Json, about, explained
from core.commands.output import answer, follow, format_table, stop_on_interrupt
from core.engine import Engine
from core.errors import Cancelled
from core.sweeps.overview import Overseer, WorkerState
from core.words import count

Folder = Annotated[Path, about("folder of an analysis, study, search or set", metavar="DIR")]
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
    workers: Annotated[bool, about("list every process that works on it, or did")] = False,
    retry: Annotated[bool, about("have the failed cells tried again, and take --stop back")] = False,
    stop: Annotated[bool, about("have all who work on the folder stop within half a minute; nothing is lost")] = False,
    json: Json = False,
) -> int:
    """Print how far the work is; returns 0. Raises ProbeError with one clear sentence otherwise."""
    store = find_work(folder)
    if stop:
        store.claims().stop()
    overseer = Overseer(store, counts_steps=workers)
    seen = overseer.look()
    if retry:
        overseer.retry()
    listed = [describe_worker(one) for one in seen.workers] if workers else []
    tables = (seen.running, seen.failed if failed else (), listed)
    lines, n_failed = [seen.describe(), *map(format_table, filter(None, tables))], len(seen.failed)
    lines += [f"{count(n_failed, 'cell is', 'cells are')} tried again."] * bool(retry and n_failed)
    found = {"cells": seen.n_cells, "done": seen.n_done, "running": seen.running, "failed": seen.failed}
    return answer(found | ({"workers": listed} if workers else {}), "\n".join(lines), as_json=json)


def describe_worker(one: WorkerState) -> dict[str, Any]:
    """A process: where, at what, how fast and how large."""
    speed = round(one.steps_per_second, 1) or None
    done = {"done": one.n_done, "steps/s": speed, "memory": f"{one.memory / 1e9:.1f} GB" if one.memory else None}
    return {"host": one.host, "process": one.process, "device": one.device, "cell": one.cell} | done


def read_duration(text: str) -> float:
    """Seconds of "90s", "55m", "12h"; a number alone is in minutes. Raises BadInputError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip().lower())
    if found is None or not float(found[1]):
        raise refusal("lifetime", allowed="a number above 0 with s, m, h or d, as 55m", got=text)
    return float(found[1]) * UNITS[found[2]]
