"""The `doctor` command: what is installed and works here, each problem with its cure. Never changes anything."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from core.commands.options import about
from core.commands.output import answer
from core.device import choose_device, describe_device
from core.errors import ProbeError
from core.networks.catalog import list_networks
from core.networks.spec import NetworkSpec
from core.paths import cache_folder, data_folder, log_folder

PACKAGES = (
    "torch", "torchvision", "timm", "numpy", "scipy", "PySide6-Essentials", "pyqtgraph",
    "pyvista", "vtk", "pillow", "safetensors", "scikit-image",
)  # fmt: skip
WHAT_WIDTH = 38
"""As wide as "weights of" the longest embedded network."""
GL_SECONDS = 60
"""A first OpenGL context through software takes a few seconds on a busy machine."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check: what was checked, what was found, and the remedy if it is a problem."""

    what: str
    found: str
    cure: str = ""


def run_doctor(*, json: Annotated[bool, about("print a JSON array of {what, found, cure}")] = False) -> int:
    """Print every result; returns 0, or 2 if something needs a remedy."""
    results = list(iter_results())
    lines = []
    for result in results:
        lines.append(f"{'!' if result.cure else ' '} {result.what:<{WHAT_WIDTH}} {result.found}")
        lines += [f"  {'':<{WHAT_WIDTH}} -> {result.cure}"] * bool(result.cure)
    answer([asdict(result) for result in results], "\n".join(lines), as_json=json)
    return 2 if any(result.cure for result in results) else 0


def iter_results() -> Iterator[CheckResult]:
    """Every check, in order."""
    yield CheckResult("Python", f"{platform.python_version()} on {platform.platform()}")
    yield from map(check_package, PACKAGES)
    yield check_torch()
    yield check_display()
    yield check_graphics()
    for name, folder in {"data": data_folder(), "cache": cache_folder(), "log": log_folder()}.items():
        yield check_writable(f"{name} folder", folder)
    yield from check_weights()


def check_package(name: str) -> CheckResult:
    """Whether a package is installed, and its version."""
    try:
        return CheckResult(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return CheckResult(name, "not installed", "Install Probescope again, as README.md says.")


def check_torch() -> CheckResult:
    """The device an attack would run on."""
    try:
        importlib.import_module("torchvision")  # it fits one release and build of torch
        return CheckResult("device", describe_device(choose_device("auto")))
    except (ImportError, OSError, RuntimeError) as error:
        cure = "Install both again in this environment, from the same index."
        return CheckResult("device", f"torch or torchvision does not load: {error}", cure)


def check_display() -> CheckResult:
    """Whether there is a screen to open the window on."""
    if not sys.platform.startswith("linux"):
        return CheckResult("display", "native")
    name = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    return CheckResult("display", name or "none: the window needs one; `main.py demo` starts a virtual one")


def check_graphics() -> CheckResult:
    """What draws the cortex, asked in a process of its own: a broken driver ends only that."""
    command = [sys.executable, "-c", "import pyvista; print(pyvista.GPUInfo().renderer)"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return CheckResult("graphics", "no answer", "Update the graphics driver.")
    if done.returncode != 0 or not done.stdout.strip():
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        cure = "Install libgl1 and libegl1, or a graphics driver."
        return CheckResult("graphics", f"VTK cannot draw: {reason}", cure)
    renderer = done.stdout.strip().splitlines()[-1]
    software = any(word in renderer.lower() for word in ("llvmpipe", "softpipe", "swrast", "software"))
    return CheckResult("graphics", f"{renderer} ({'software: slower frames' if software else 'hardware'})")


def check_writable(name: str, folder: Path) -> CheckResult:
    """Whether a file can be written where the program keeps its own."""
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            return CheckResult(name, str(folder))
    except OSError as error:
        cure = "Set PROBESCOPE_HOME to a folder you can write to."
        return CheckResult(name, f"{folder} cannot be written: {error.strerror}", cure)


def check_weights() -> Iterator[CheckResult]:
    """Whether every weights file is there, unaltered; what was never downloaded is no problem."""
    from core.networks.files.checkpoint import check_hash
    from core.networks.files.download import expected_hash

    waiting = []
    for spec in list_networks():
        if not spec.weights:
            continue
        if spec.url and not spec.installed:
            waiting.append(spec.id)
            continue
        try:
            check_hash(spec.weights_path, expected_hash(spec))
            yield CheckResult(f"weights of {spec.id}", "found, checksum right")
        except ProbeError as error:
            yield CheckResult(f"weights of {spec.id}", str(error), _cure_weights(spec))
    if waiting:
        yield CheckResult("networks to download", f"{len(waiting)} (`python main.py networks list`)")


def _cure_weights(spec: NetworkSpec) -> str:
    if not (spec.user or spec.url):
        return "Fetch the file again (git checkout resources/demo)."
    again = "import the file again" if spec.user else "download it again"
    return f"Remove it (`python main.py networks remove {spec.id}`) and {again}."
