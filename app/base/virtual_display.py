"""Starts a virtual X display where there is none, for the demonstration and the tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from core.errors import StorageError

SCREEN = "1600x1000x24"
START_SECONDS = 10.0
"""A busy machine takes a second or two to bring Xvfb up."""


class VirtualDisplay:
    """An Xvfb of our own, with `DISPLAY` pointing at it until it is stopped.

    Raises StorageError if Xvfb is not installed or does not start.
    """

    def __init__(self, *, screen: str = SCREEN) -> None:
        program = shutil.which("Xvfb")
        if program is None:
            raise StorageError("There is no display and no virtual one: `Xvfb` is missing. Install the package xvfb.")
        reading, writing = os.pipe()
        command = [program, "-displayfd", str(writing), "-screen", "0", screen, "-nolisten", "tcp", "-noreset"]
        # In a session of its own: Ctrl-C in the terminal would end it before the program that draws on it.
        self._server = subprocess.Popen(
            command, pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        self._previous = os.environ.get("DISPLAY")
        os.close(writing)
        try:
            self.name = self._wait(reading)
        except BaseException:  # Ctrl-C, too
            self.stop()
            raise
        os.environ["DISPLAY"] = self.name

    def _wait(self, reading: int) -> str:
        with os.fdopen(reading) as answer:
            number = answer.readline().strip()  # returns when the server is ready, or empty when it died
        if not number:
            raise StorageError("Xvfb did not start. `Xvfb -displayfd 1` in a terminal shows why.")
        return f":{number}"

    def stop(self) -> None:
        """End the server and give `DISPLAY` back what it held."""
        self._server.terminate()
        self._server.wait(timeout=START_SECONDS)
        if self._previous is None:
            os.environ.pop("DISPLAY", None)
        else:
            os.environ["DISPLAY"] = self._previous


def has_display(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether windows can be shown: always off Linux; on Linux if Wayland or a living X server answers."""
    if not sys.platform.startswith("linux"):
        return True
    if environment.get("QT_QPA_PLATFORM", "").startswith(("offscreen", "minimal")):
        return False
    if environment.get("WAYLAND_DISPLAY"):
        return True
    return _answers(environment.get("DISPLAY", ""))


def _answers(display: str) -> bool:
    host, _, number = display.rpartition(":")
    number = number.partition(".")[0]
    if not number.isdigit():
        return False
    if host and not host.startswith("unix") and not Path(display).exists():
        return _connects(socket.AF_INET, (host, 6000 + int(number)))
    name = f"/tmp/.X11-unix/X{number}"
    return _connects(socket.AF_UNIX, name) or _connects(socket.AF_UNIX, f"\0{name}")


def _connects(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(address)
        except OSError:
            return False
    return True
