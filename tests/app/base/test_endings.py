"""Signals are noted, asked for, and handled as before afterwards."""

from __future__ import annotations

import os
import signal

import pytest

from app.base.endings import note_endings
from app.base.virtual_display import VirtualDisplay


@pytest.mark.parametrize(("name", "raised", "code"), [("SIGINT", KeyboardInterrupt, 130), ("SIGTERM", SystemExit, 143)])
def test_a_signal_is_noted_and_raised_where_it_is_asked_for(name: str, raised: type[BaseException], code: int) -> None:
    number = getattr(signal, name)
    before = signal.signal(number, signal.default_int_handler)  # ignored where the tests run in the background
    try:
        with note_endings() as endings:
            endings.check()
            os.kill(os.getpid(), number)
            assert endings.number == number
            with pytest.raises(raised) as caught:
                endings.check()
            assert getattr(caught.value, "code", 130) == code
        assert signal.getsignal(number) is signal.default_int_handler
        with note_endings() as endings:
            endings.check()
    finally:
        signal.signal(number, before)


def test_a_display_is_no_part_of_the_terminals_group_and_an_interrupted_start_leaves_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    previous = os.environ.get("DISPLAY")
    display = VirtualDisplay()
    try:
        assert os.getpgid(display._server.pid) != os.getpgid(0)
    finally:
        display.stop()
        assert display._server.poll() is not None
    started: list[VirtualDisplay] = []

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    stop = VirtualDisplay.stop
    monkeypatch.setattr(VirtualDisplay, "_wait", interrupt)
    monkeypatch.setattr(VirtualDisplay, "stop", lambda self: (started.append(self), stop(self)))
    with pytest.raises(KeyboardInterrupt):
        VirtualDisplay()
    assert len(started) == 1 and started[0]._server.poll() is not None
    assert os.environ.get("DISPLAY") == previous
