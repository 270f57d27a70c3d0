"""A scheduler of dask with two workers in a process of its own, so that it can be killed. No test."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Scheduler:
    """Its process and address."""

    process: subprocess.Popen[str]
    address: str


def keep_thread() -> None:
    """Start the thread of dask that stays for all tests, before one of them looks for threads that it has left."""
    import distributed

    distributed.utils._offload_executor.submit(int).result()


@contextmanager
def started(**options: Any) -> Iterator[Scheduler]:
    """Run one; `options` of `distributed.LocalCluster`."""
    keep_thread()
    words = [sys.executable, "-m", __name__, json.dumps(options)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield Scheduler(process, process.stdout.readline().strip())
        finally:
            process.stdin.close()
            process.wait(30)


def main() -> None:
    """Tell the address, and end when stdin does."""
    from distributed import LocalCluster

    usual = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "silence_logs": 60}
    with LocalCluster(processes=True, **usual | json.loads(sys.argv[1])) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
