"""Runs the benchmarks of this folder, those without a `main` through pytest. Exits 1 if one is over its budget.

Run: python -m tests.benchmarks [--all] [NAME ...]     (make bench; names without "bench_")

Those in `LONG` judge no budget of the window and take an hour: they run with --all or by name.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).parent
LONG = ("converged", "fit_large", "statistics")


def command_of(path: Path) -> list[str]:
    """How a benchmark is run, each in a process of its own so that none warms up for another."""
    if "\ndef main(" in path.read_text(encoding="utf-8"):
        return [sys.executable, "-m", f"tests.benchmarks.{path.stem}"]
    return [sys.executable, "-m", "pytest", str(path), "-m", "benchmark", "-q", "-s", "-p", "no:cacheprovider"]


def main() -> int:
    """Run them one after another, and say how long each took."""
    known = {path.stem.removeprefix("bench_"): path for path in sorted(FOLDER.glob("bench_*.py"))}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*known, []])
    parser.add_argument("--all", action="store_true", help="the long ones, too")
    options = parser.parse_args()
    chosen = options.names or [name for name in known if options.all or name not in LONG]
    failed, begun = [], time.perf_counter()
    for name in chosen:
        print(f"== {name}", flush=True)
        start = time.perf_counter()
        if subprocess.run(command_of(known[name]), cwd=FOLDER.parent.parent, check=False).returncode:
            failed.append(name)
        print(f"   {time.perf_counter() - start:.0f} s", flush=True)
    print(f"{len(chosen)} benchmarks in {(time.perf_counter() - begun) / 60:.1f} minutes.")
    print("All within their budgets." if not failed else f"Over budget or failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
