"""The window and the demonstration, which the caller brings, since nothing in core may know Qt."""

from __future__ import annotations

from typing import Annotated

from core.commands.options import Device, FromHost, about


def run_window(
    *, device: Annotated[str, about("of the window: auto, cpu, cuda or mps")] = "auto", host: FromHost
) -> int:
    """Open the window."""
    return host.open_window(device, host.session)


def run_demo(
    *,
    out: Annotated[str, about("folder for the screenshot and the stimuli")] = "out/demo",
    device: Device = "auto",
    host: FromHost,
) -> int:
    """Run the demonstration."""
    return host.run_demonstration(out, device)
