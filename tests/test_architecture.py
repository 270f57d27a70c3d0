"""The rooms and who may enter them: imports are read from the source, lazy ones included; light modules are run."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

QT = {"PySide6", "shiboken6", "qtpy", "superqt", "pyqtgraph", "pyvista", "pyvistaqt", "vtk", "vtkmodules"}
HEAVY = {"torch", "torchvision", "timm"}

LEVELS = (
    {"errors", "types"},
    {"checks", "files", "headers", "structuring", "progress", "seeds", "paths", "templates"}
    | {"pickled_arrays", "unpickle"},
    {"device"},
    {"images", "surfaces", "datasets"},
    {"networks"},
    {"encoders"},
    {"attacks"},
    {"probes", "robustify"},
    {"sweeps"},
    {"stimuli"},
    {"figures", "reports", "experiments", "session"},
    {"engine"},
    {"commands"},
)
LEVEL_OF = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}

LIGHT = (
    "core.attacks.config",
    "core.attacks.objective_config",
    "core.attacks.presets",
    "core.checks",
    "core.commands.cli",
    "core.datasets.image_store",
    "core.datasets.importer",
    "core.datasets.kinds",
    "core.datasets.photos",
    "core.datasets.subject",
    "core.encoders.card",
    "core.encoders.config",
    "core.encoders.files",
    "core.encoders.fit_request",
    "core.engine",
    "core.errors",
    "core.experiments.packages.package",
    "core.images.read",
    "core.images.stimulus",
    "core.networks.catalog",
    "core.networks.import_wishes",
    "core.networks.manage",
    "core.networks.user_networks",
    "core.paths",
    "core.probes.probe",
    "core.probes.target",
    "core.stimuli.look",
    "core.stimuli.make",
    "core.stimuli.manifest",
    "core.stimuli.one_probe",
    "core.stimuli.plan",
    "core.session.autosave",
    "core.session.check",
    "core.session.files",
    "core.session.recent",
    "core.surfaces.atlas",
    "core.surfaces.importer",
    "core.surfaces.paint",
    "core.surfaces.placing",
    "core.surfaces.store",
    "core.surfaces.template",
    "core.types",
    "main",
)
"""Modules the window imports before its first paint."""


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imported_names(path: Path) -> Iterator[tuple[str, int]]:
    """Every absolute name a file imports anywhere, in functions and under TYPE_CHECKING too, with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and _calls_import(node):
            yield node.args[0].value, node.lineno  # type: ignore[attr-defined]


def _calls_import(node: ast.Call) -> bool:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in {"import_module", "__import__"} and bool(node.args) and isinstance(node.args[0], ast.Constant)


def offences(room: str, forbidden: set[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules(room)
        for name, line in imported_names(path)
        if name.split(".")[0] in forbidden
    ]


def test_core_knows_no_window() -> None:
    assert offences("core", QT | {"app", "main"}) == []


def test_the_window_knows_no_torch() -> None:
    assert offences("app", HEAVY | {"main"}) == []


def test_inside_core_imports_only_go_down() -> None:
    upward = []
    for path in modules("core"):
        here = LEVEL_OF.get(path.relative_to(ROOT / "core").parts[0].removesuffix(".py"))
        if path.name == "__init__.py" or here is None:
            continue
        for name, line in imported_names(path):
            parts = name.split(".")
            if parts[0] == "core" and LEVEL_OF[parts[1]] > here:
                upward.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert upward == []


def test_every_room_of_core_has_its_level() -> None:
    rooms = {path.relative_to(ROOT / "core").parts[0].removesuffix(".py") for path in modules("core")}
    assert rooms - {"__init__"} - set(LEVEL_OF) == set()


@pytest.mark.parametrize("room", ["app", "core"])
def test_init_files_stay_empty(room: str) -> None:
    assert [str(path) for path in modules(room) if path.name == "__init__.py" and path.read_text().strip()] == []


def test_packaging_does_not_shadow_the_library_of_that_name() -> None:
    assert not (ROOT / "packaging" / "__init__.py").exists()


@pytest.mark.parametrize("room", ["app", "core"])
def test_every_module_says_what_it_is(room: str) -> None:
    silent = [str(path) for path in modules(room) if path.name != "__init__.py" and _docstring(path) is None]
    assert silent == []


def _docstring(path: Path) -> str | None:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("room", ["app", "core"])
def test_no_file_is_too_long(room: str) -> None:
    lengths = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules(room)}
    assert {path: lines for path, lines in lengths.items() if lines > 400} == {}


def test_light_modules_import_no_torch() -> None:
    code = (
        "import importlib, sys\n"
        f"for name in {LIGHT!r}:\n"
        "    importlib.import_module(name)\n"
        f"    heavy = sorted({HEAVY | QT!r} & set(sys.modules))\n"
        "    assert not heavy, f'{name} imports {heavy}'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_window_is_imported_without_torch() -> None:
    code = f"import sys, app.shell.main_window; heavy = {HEAVY!r} & set(sys.modules); assert not heavy, sorted(heavy)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_starter_holds_openmp_threads_back_before_anything_is_imported() -> None:
    tree = ast.parse((ROOT / "main.py").read_text(encoding="utf-8"))
    first = next(node for node in tree.body if not _is_prologue(node))
    assert "OMP_WAIT_POLICY" in ast.unparse(first)


def _is_prologue(node: ast.stmt) -> bool:
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    stdlib = isinstance(node, ast.Import | ast.ImportFrom) and ast.unparse(node) in {
        "import os",
        "import sys",
        "from pathlib import Path",
        "from __future__ import annotations",
    }
    return docstring or stdlib
