"""What a dask worker does with one cell. The claims in the folder say who is at it, dask only where it is tried."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Callable
from functools import lru_cache

from core.errors import Cancelled, ProbeError
from core.progress import ShouldStop
from core.sweeps.workers import BROKEN_DEVICE, Ended, Hand

TOPIC = "probescope"
"""Of what workers that cannot begin tell the scheduler: their address, and one sentence."""
NAP_SECONDS = 2.0
"""Before a task that could not be done is handed back."""
LOCK = threading.Lock()
"""A worker with several threads computes one cell at a time all the same."""


@lru_cache(maxsize=1)
def keep_hand(open_hand: Callable[[str, str], Hand], folder: str, device: str) -> Hand:
    """The work of a folder on a device, which stays open for further cells."""
    return open_hand(folder, device)


def do_task(open_hand: Callable[[str, str], Hand], folder: str, key: str, device: str) -> str:
    """Do one cell; returns an `Ended`. A task that cannot be done here, or not now, goes back to the scheduler."""
    from distributed import Reschedule, Status, get_worker

    worker = get_worker()
    task = worker.get_current_task()

    def should_stop() -> bool:
        state = worker.state.tasks.get(task)
        is_leaving = worker.status not in (Status.running, Status.paused)
        return is_leaving or state is None or state.state == "cancelled"

    with LOCK:
        try:
            ended = keep_hand(open_hand, folder, device).do(key, should_stop)
        except (ProbeError, OSError) as error:
            said = str(error) if platform.node() in str(error) else f"On {platform.node()}: {error}"
            keep_hand.cache_clear()
            worker.log_event(TOPIC, [worker.address, said])
            ended = Ended.LATER
        except Cancelled:
            raise Reschedule from None
        except RuntimeError as error:
            if BROKEN_DEVICE in str(error):
                os._exit(1)  # a new process starts in its place
            raise
        if ended is Ended.LATER:
            _nap(should_stop)
            raise Reschedule
    return ended.value


def _nap(should_stop: ShouldStop) -> None:
    end = time.monotonic() + NAP_SECONDS
    while time.monotonic() < end and not should_stop():
        time.sleep(NAP_SECONDS / 20)
