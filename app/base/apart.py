"""Does work in a process of its own, so that what holds Python's lock there keeps no thread of the window waiting.

Matplotlib holds it for up to 100 ms at a time. The process is started where it is first needed; it ends when nothing
was asked of it for a while, when the job that asked is stopped, and with the program.
"""

from __future__ import annotations

import signal
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Lock
from typing import ParamSpec, TypeVar

from core.errors import Cancelled, ProbeError
from core.progress import ShouldStop, check_stop

IDLE_SECONDS, LOOK_SECONDS, GRACE_SECONDS = 120.0, 0.05, 5.0
"""Until the unused process ends, between two looks at whether to stop, and for it to clean up when it is."""
DIED = "The process that drew it ended, as when memory runs out. Close other programs, then try again."

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


class Apart:
    """One process, which does one thing at a time for any thread."""

    def __init__(self) -> None:
        self._lock, self._used = Lock(), 0.0
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None

    def run(
        self, should_stop: ShouldStop, work: Callable[Asked, Answer], *args: Asked.args, **options: Asked.kwargs
    ) -> Answer:
        """What a function of a module gives there, or raises; Cancelled, and the process ends, if it is to stop.

        Raises ProbeError if the process dies.
        """
        with self._lock:
            try:
                pipe = self._open()
                pipe.send((work, args, options))
                while not pipe.poll(LOOK_SECONDS):
                    check_stop(should_stop)
                is_answer, answer = pipe.recv()
            except (EOFError, OSError) as error:
                self._end()
                raise ProbeError(DIED) from error
            except Cancelled:
                self._end()
                raise
            self._used = time.monotonic()
        if not is_answer:
            raise answer
        return answer  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the process once it has done what it is at; the next work starts another."""
        with self._lock:
            self._end()

    def _open(self) -> Connection:
        leaves = time.monotonic() - self._used > IDLE_SECONDS - GRACE_SECONDS
        if leaves or self._process is None or self._pipe is None or not self._process.is_alive():
            self._end()
            spawning = get_context("spawn")
            self._pipe, theirs = spawning.Pipe()
            self._process = spawning.Process(target=_serve, args=(theirs,), daemon=True)
            self._process.start()
            theirs.close()
        return self._pipe

    def _end(self) -> None:
        if self._process is not None and self._pipe is not None:
            self._process.terminate()
            self._process.join(GRACE_SECONDS)
            self._process.kill()
            self._process.join()
            self._pipe.close()
        self._process = self._pipe = None


def _serve(pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # which removes a half-written file
    while pipe.poll(IDLE_SECONDS):
        try:
            work, args, options = pipe.recv()
        except EOFError:  # the program is gone
            return
        try:
            answer = True, work(*args, **options)
        except Exception as error:  # noqa: BLE001 - crosses to the thread that asked
            error.add_note(traceback.format_exc())
            answer = False, error
        pipe.send(answer)
