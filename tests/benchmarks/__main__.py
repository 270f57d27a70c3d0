"""Runs every benchmark of this folder, those without a `main` through pytest. Exits 1 if one is over its budget."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def command_of(path: Path) -> list[str]:
    """How a benchmark is run, each in a process of its own so that none warms up for another."""
    if "\ndef main(" in path.read_text(encoding="utf-8"):
        return [sys.executable, "-m", f"tests.benchmarks.{path.stem}"]
    return [sys.executable, "-m", "pytest", str(path), "-m", "benchmark", "-q", "-s", "-p", "no:cacheprovider"]


def main() -> int:
    """Run them one after another."""
    failed = []
    for path in sorted(FOLDER.glob("bench_*.py")):
        print(f"== {path.stem}", flush=True)
        if subprocess.run(command_of(path), cwd=FOLDER.parent.parent, check=False).returncode:
            failed.append(path.stem)
    print("All within their budgets." if not failed else f"Over budget or failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
