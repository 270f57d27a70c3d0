"""What a dask worker does with a folder: what any process does, until nothing is left. Claims share out the cells."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Callable
from pathlib import Path

from core.claims import ClaimFolder
from core.errors import Cancelled, ProbeError
from core.progress import ShouldStop
from core.sweeps.cells import CLAIMS_NAME, IncompleteError
from core.sweeps.workers import BROKEN_DEVICE

TOPIC = "probescope"
"""Of what workers that cannot begin tell the scheduler: their address, and one sentence."""
NAP_SECONDS = 2.0
"""Before a task that could not be done is handed back."""
LOCK = threading.Lock()
"""A worker with several threads computes one cell at a time all the same."""


def do_task(work: Callable[[ShouldStop], None], folder: str) -> None:
    """Do work on a folder until nothing is left of it, or somebody asks all to stop.

    What cannot be done here, or not now, goes back to the scheduler.
    """
    from distributed import Reschedule, Status, get_worker

    worker = get_worker()
    task = worker.get_current_task()

    def should_stop() -> bool:
        state = worker.state.tasks.get(task)
        is_leaving = worker.status not in (Status.running, Status.paused)
        return is_leaving or state is None or state.state == "cancelled"

    with LOCK:
        try:
            work(should_stop)
        except IncompleteError:
            return  # whoever watches tells what failed
        except Cancelled:
            if not ClaimFolder(Path(folder) / CLAIMS_NAME).is_stopped:
                raise Reschedule from None
        except (ProbeError, OSError) as error:
            said = str(error) if platform.node() in str(error) else f"On {platform.node()}: {error}"
            worker.log_event(TOPIC, [worker.address, said])
            end = time.monotonic() + NAP_SECONDS
            while time.monotonic() < end and not should_stop():
                time.sleep(NAP_SECONDS / 20)
            raise Reschedule from None
        except RuntimeError as error:
            if BROKEN_DEVICE in str(error):
                os._exit(1)  # a new process starts in its place
            raise
