"""Runs the benchmarks of this folder, those without a `main` through pytest. Exits 1 if one is over its budget.

Run: python -m tests.benchmarks [--all] [NAME ...]     (make bench; names without "bench_")

Without --all each is as small as it can judge its budget, so that all take less than 15 minutes on two cores, and
those in `LONG`, which judge none or take long, are left out. The processor time of each is told, since the clock
tells of the machine's other work, too.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).parent
LONG = ("converged", "fit_large", "statistics", "threads")
SMALL = {
    "attack_family": ("--photos", "1", "--gradients", "10", "20", "--skip", "square"),
    "beside": ("--turns", "3"),
    "cancel": ("--turns", "3"),
    "cells": ("--large", "20000", "--cells", "80"),
    "extraction": ("--turns", "3", "--images", "24"),
    "fit": ("--turns", "1", "--no-peaks"),
    "import": ("--sessions", "3"),
    "memory": ("--cycles", "12"),
    "movie": ("--seconds", "3"),
    "peers": ("--turns", "2", "--networks", "alexnet:features.7", "alexnet", "mobilenet_v2", "efficientnet_lite0"),
    "step_over_floor": ("--turns", "5"),
    "window": ("--turns", "2"),
}
"""What each is asked for unless all is wanted."""


def command_of(path: Path, options: tuple[str, ...] = ()) -> list[str]:
    """How a benchmark is run, each in a process of its own so that none warms up for another."""
    if "\ndef main(" in path.read_text(encoding="utf-8"):
        return [sys.executable, "-m", f"tests.benchmarks.{path.stem}", *options]
    return [sys.executable, "-m", "pytest", str(path), "-m", "benchmark", "-q", "-s", "-p", "no:cacheprovider"]


def cpu_of_children() -> float:
    """Seconds of the processor that the processes which ended have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Run them one after another, and say how long each took."""
    known = {path.stem.removeprefix("bench_"): path for path in sorted(FOLDER.glob("bench_*.py"))}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*known, []])
    parser.add_argument("--all", action="store_true", help="the long ones, too, and each at its full size")
    options = parser.parse_args()
    chosen = options.names or [name for name in known if options.all or name not in LONG]
    failed, begun = [], time.perf_counter()
    for name in chosen:
        print(f"== {name}", flush=True)
        start, spent = time.perf_counter(), cpu_of_children()
        asked = command_of(known[name], () if options.all else SMALL.get(name, ()))
        if subprocess.run(asked, cwd=FOLDER.parent.parent, check=False).returncode:
            failed.append(name)
        print(f"   {time.perf_counter() - start:.0f} s, {cpu_of_children() - spent:.0f} s of processor", flush=True)
    took = f"{(time.perf_counter() - begun) / 60:.1f} minutes, {cpu_of_children() / 60:.1f} of processor"
    print(f"{len(chosen)} benchmarks in {took}.")
    print("All within their budgets." if not failed else f"Over budget or failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
