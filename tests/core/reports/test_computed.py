"""Where cells were computed: told by computer, device and versions, and a mixture is said to be one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.reports.analysis_package import describe_computed, tabulate_computed
from core.sweeps.work import Made
from tests.helpers.simulated_cells import begin

LAPTOP = Made("laptop", "cpu (AVX2)", {"torch": "2.8", "threads": "2"}, 1800.0)
NODE = Made("node7", "cuda (GPU H200, 139 GiB)", {"torch": "2.9", "threads": "2"}, 36.0)


def describe(folder: Path, *made: Made) -> tuple[str, tuple[tuple[object, ...], ...]]:
    store = begin(folder, n_cells=len(made))
    for cell, one in zip(store.cells(), made, strict=True):
        store.save(cell, {"value": np.zeros(1)}, one)
    table = tabulate_computed(store)
    return describe_computed(table), table.rows


def test_one_device_is_told_in_one_sentence(tmp_path: Path) -> None:
    said, rows = describe(tmp_path, LAPTOP, LAPTOP)
    assert said == "Device cpu (AVX2); torch 2.8, threads 2."
    assert rows == (("laptop", "cpu (AVX2)", "torch 2.8, threads 2", 2, 1.0),)


def test_several_devices_or_versions_are_a_declared_fact(tmp_path: Path) -> None:
    said, rows = describe(tmp_path, LAPTOP, NODE, NODE)
    assert said.startswith(
        "Device cpu (AVX2) and cuda (GPU H200, 139 GiB); torch 2.8, threads 2 and torch 2.9, threads 2."
    )
    assert "up to 1 % of a shift mean nothing" in said
    assert [row[3:] for row in rows] == [(1, 0.5), (2, 0.02)]
