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
    "pyvista", "pyvistaqt", "vtk", "pillow", "safetensors", "scikit-image",
)  # fmt: skip
WHAT_WIDTH = 32
"""As wide as "weights of" the longest embedded network."""
GL_SECONDS = 60
"""A first OpenGL context through software takes a few seconds on a busy machine."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what, what was found, and the cure if it is a problem."""

    what: str
    found: str
    cure: str = ""


def run_doctor(*, json: Annotated[bool, about("print a JSON array of {what, found, cure}")] = False) -> int:
    """Print every finding; returns 0, or 2 if something needs a cure."""
    findings = list(iter_findings())
    lines = []
    for finding in findings:
        lines.append(f"{'!' if finding.cure else ' '} {finding.what:<{WHAT_WIDTH}} {finding.found}")
        lines += [f"  {'':<{WHAT_WIDTH}} -> {finding.cure}"] * bool(finding.cure)
    answer([asdict(finding) for finding in findings], "\n".join(lines), as_json=json)
    return 2 if any(finding.cure for finding in findings) else 0


def iter_findings() -> Iterator[Finding]:
    """Everything looked at, in order."""
    yield Finding("Python", f"{platform.python_version()} on {platform.platform()}")
    yield from map(check_package, PACKAGES)
    yield check_torch()
    yield check_display()
    yield check_graphics()
    for name, folder in (
        ("data folder", data_folder()),
        ("cache folder", cache_folder()),
        ("log folder", log_folder()),
    ):
        yield check_writable(name, folder)
    yield from check_weights()


def check_package(name: str) -> Finding:
    """Whether a package is installed, and its version."""
    try:
        return Finding(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "not installed", "Run `make run` again, or `pip install .` in the project's folder.")


def check_torch() -> Finding:
    """The device an attack would run on."""
    try:
        return Finding("device", describe_device(choose_device("auto")))
    except (ImportError, OSError) as error:
        return Finding("device", f"torch does not load: {error}", "Install torch again in this environment.")


def check_display() -> Finding:
    """Whether there is a screen to open the window on."""
    if not sys.platform.startswith("linux"):
        return Finding("display", "native")
    name = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    return Finding("display", name or "none: the window needs one; `make run` starts a virtual one")


def check_graphics() -> Finding:
    """What draws the cortex, asked in a process of its own: a broken driver ends only that."""
    command = [sys.executable, "-m", "app.base.gl_probe"]
    root = Path(__file__).resolve().parent.parent.parent
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=GL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return Finding("graphics", "no answer", "Update the graphics driver.")
    if done.returncode != 0 or not done.stdout.strip():
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return Finding("graphics", f"VTK cannot draw: {reason}", "Install libgl1 and libegl1, or a graphics driver.")
    renderer = done.stdout.strip().splitlines()[-1]
    software = any(word in renderer.lower() for word in ("llvmpipe", "softpipe", "swrast", "software"))
    return Finding("graphics", f"{renderer} ({'software: slower frames' if software else 'hardware'})")


def check_writable(name: str, folder: Path) -> Finding:
    """Whether a file can be written where the program keeps its own."""
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            return Finding(name, str(folder))
    except OSError as error:
        cure = "Set PROBESCOPE_HOME to a folder you can write to."
        return Finding(name, f"{folder} cannot be written: {error.strerror}", cure)


def check_weights() -> Iterator[Finding]:
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
            yield Finding(f"weights of {spec.id}", "found, checksum right")
        except ProbeError as error:
            yield Finding(f"weights of {spec.id}", str(error), _cure_weights(spec))
    if waiting:
        yield Finding("networks to download", f"{len(waiting)} (`python main.py networks list`)")


def _cure_weights(spec: NetworkSpec) -> str:
    if spec.user:
        return f"Remove it (`python main.py networks remove {spec.id}`) and import the file again."
    if spec.url:
        return f"Remove it (`python main.py networks remove {spec.id}`) and download it again."
    return "Fetch the file again (git checkout resources/demo)."
