"""What an import of the size of a subject costs: made-up NSD volumes (simulated), time, peak memory and disk.

Run: python -m tests.benchmarks.bench_import [--sessions N] [--voxels N]

The import runs in a process of its own; its peak memory is what Linux counts for that process, against a second
one that only loads the importer.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.helpers.recording_files import write_nsd_design, write_nsd_hdf5, write_nsd_maps

SHAPE = (40, 40, 20)
TRIALS = 750
MOST_MEMORY_MB = 300
"""Beside the two arrays of one session (raw and float64 blocks), nothing may grow with the number of sessions."""

IMPORT = """
import json, sys, time
from pathlib import Path
from core.datasets.import_options import ImportOptions
from core.datasets.importer import iter_import
from core.datasets.kinds import plan_import
import h5py, nibabel, scipy.io, core.datasets.readers.nsd
start = time.perf_counter()
if sys.argv[1]:
    options = ImportOptions("bench")
    *_, last = iter_import(plan_import("nsd", Path(sys.argv[1]), options), options)
status = Path("/proc/self/status").read_text()  # ru_maxrss would count the process that started this one
peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps({"seconds": time.perf_counter() - start, "peak_mb": peak}))
"""


def write_recording(root: Path, *, n_sessions: int, n_voxels: int) -> None:
    """Every image three times over the sessions, betas of noise."""
    draw = np.random.default_rng(0)
    n_images = n_sessions * TRIALS // 3
    order = draw.permutation(np.repeat(np.arange(1, n_images + 1), 3)).tolist()
    write_nsd_design(root, order, list(range(1, n_images + 1)), list(range(1, n_images // 10)))
    general = (np.arange(np.prod(SHAPE)) < n_voxels).reshape(SHAPE).astype(np.int16)
    write_nsd_maps(root, {"nsdgeneral": general}, np.ones(SHAPE))
    for session in range(1, n_sessions + 1):
        write_nsd_hdf5(root, session, draw.integers(-3000, 3000, (*SHAPE, TRIALS)).astype(np.int16))


def run(source: str, home: str) -> dict[str, float]:
    """Seconds and peak memory (MB) of a process that imports `source`, or only loads what it needs."""
    environment = os.environ | {"PROBESCOPE_HOME": home}
    ran = subprocess.run(
        [sys.executable, "-c", IMPORT, source], env=environment, capture_output=True, text=True, check=True
    )
    measured: dict[str, float] = json.loads(ran.stdout)
    return measured


def main(arguments: list[str] | None = None) -> bool:
    """Print the costs; whether the memory keeps its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--voxels", type=int, default=20_000)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        root, home = Path(folder) / "nsd", Path(folder) / "home"
        root.mkdir()
        start = time.perf_counter()
        write_recording(root, n_sessions=asked.sessions, n_voxels=asked.voxels)
        print(f"  wrote {asked.sessions} sessions x {TRIALS} trials in {time.perf_counter() - start:.0f} s")
        empty, whole = run("", str(home)), run(str(root), str(home))
        disk = sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) / 2**20
    added = whole["peak_mb"] - empty["peak_mb"]
    print(
        f"  imported {asked.sessions} x {TRIALS} x {asked.voxels:,} in {whole['seconds']:.1f} s, {disk:.0f} MB on disk"
    )
    print(f"  peak memory {whole['peak_mb']:.0f} MB, {added:.0f} MB above the libraries (bound {MOST_MEMORY_MB} MB)")
    return added <= MOST_MEMORY_MB


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
