"""Starts Probescope: the window without arguments, a sub-command with them. Never computes anything."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# OpenMP threads that spin while they wait would starve the window; it is read once, when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if len(sys.argv) == 1 or sys.argv[1].endswith(
    ".probescope"
):  # the window: BLAS threads of numpy would fight the attack for the cores
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import signal
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.figures.movie_config import CortexStyle
    from core.figures.movie_frames import Cortex
    from core.probes.probe import Probe

DEMO_FOLDER = "out/demo"
CANCELLED = 130


def main() -> int:
    """Run what the command line asks for. Returns the exit code: 0 done, 2 bad input, 130 cancelled."""
    _end_on_signals()
    try:
        from core.commands.cli import run_command_line  # within, so that Ctrl-C while it is read is no defect

        return run_command_line(
            sys.argv[1:], open_window=open_window, run_demonstration=run_demonstration, open_cortex=open_cortex
        )
    except KeyboardInterrupt:
        sys.stderr.write("Cancelled.\n")
        return CANCELLED


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Note signals instead of raising them: Qt and VTK, in whose code they would surface, end the program by others."""
    from app.base.endings import note_endings

    with note_endings() as endings:
        yield
    endings.check()


def _end_on_signals() -> None:
    """Let a closed terminal (SIGHUP) and a polite end (SIGTERM) leave by the same way as an error: cleaned up.

    What was to go on without its terminal (nohup) still does.
    """

    def leave(number: int, _frame: object) -> None:
        for one in endings:
            signal.signal(one, signal.SIG_IGN)  # once is enough: nothing may interrupt the cleaning up
        raise SystemExit(128 + number)

    endings = [one for name in ("SIGTERM", "SIGHUP") if (one := getattr(signal, name, None)) is not None]
    endings = [one for one in endings if signal.getsignal(one) is not signal.SIG_IGN]
    for one in endings:
        signal.signal(one, leave)


def open_window(device: str = "auto", session_file: Path | None = None) -> int:
    """Open the window, with a session if one is named; where there is no display, run the demonstration instead."""
    from app.base.virtual_display import has_display

    if not has_display():
        sys.stderr.write(f"There is no display: running the demonstration into {DEMO_FOLDER} instead.\n")
        return run_demonstration(DEMO_FOLDER, device)
    with _uninterrupted():
        from app.shell.application import run

        return run(device=device, session_file=session_file)


def run_demonstration(folder: str, device: str = "auto") -> int:
    """Run the demonstration through the real window, on a virtual display where there is none."""
    with _uninterrupted():
        from app.shell.demo_run import run_demo

        return run_demo(folder, device=device)


def open_cortex(probe: Probe, style: CortexStyle, theme: str) -> AbstractContextManager[Cortex]:
    """Draw a probe's cortex off screen, without a display."""
    with _uninterrupted():
        from app.figures.cortex_renderer import render_probe

    return render_probe(probe, style, theme=theme)


if __name__ == "__main__":
    sys.exit(main())
