"""Where the cells of an analysis or study were computed, and what it means if not all were on the same device."""

from __future__ import annotations

from typing import Any

from core.reports.table import Table, make_table
from core.sweeps.cells import CellStore

TOLERANCE = (
    "Rounding sends attacks slightly other ways there, so that differences of up to 1 % of a shift mean nothing "
    "(measured: 0.4 % at most between AVX-512 and SSE arithmetic, AlexNet, L2 epsilon 3; GPUs were not measured)."
)


def tabulate_computed(store: CellStore[Any, Any]) -> Table:
    """Computers, devices and versions, with how many cells each computed and in what time."""
    rows = (
        {"computer": made.host, "device": made.device, "versions": made.circumstances[1], "cells": n_cells}
        | {"hours": made.seconds / 3600}
        for made, n_cells in store.count_made()
    )
    return make_table("computed", "Where it was computed", rows)


def describe_computed(computed: Table) -> str:
    """One or two sentences: the device and versions, or that there are several and how far numbers may differ."""
    devices, versions = (list(dict.fromkeys(computed.frame[name])) for name in ("device", "versions"))
    told = f"Device {' and '.join(devices)}; {' and '.join(versions)}."
    if len(devices) == len(versions) == 1:
        return told
    return f"{told} The cells are of several devices or versions, as the last table says. {TOLERANCE}"
