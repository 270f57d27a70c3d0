"""The rooms and who may enter them: imports are read from the source, lazy ones included; light modules are run."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.house import ROOT, circles, count_lines, file_imports, imported_names, module_name, modules, parse

QT = {"PySide6", "shiboken6", "qtpy", "superqt", "pyqtgraph", "pyvista", "vtk", "vtkmodules"}
HEAVY = {"torch", "torchvision", "timm"}

LEVELS = (
    {"errors", "types", "words"},
    {"checks", "containers", "pickled_values"},
    {"files", "kept", "progress", "seeds", "paths", "device", "unpickle", "statistics", "structuring"},
    {"array_cache", "claims", "headers", "templates"},
    {"images", "surfaces"},
    {"datasets"},
    {"networks"},
    {"encoders"},
    {"attacks"},
    {"robustify", "probes"},
    {"sweeps"},
    {"stimuli"},
    {"cluster"},
    {"reports"},
    {"figures", "experiments", "session"},
    {"engine"},
    {"commands"},
)
"""Rooms of core, lowest first; a room imports only from levels below its own."""
LEVEL_OF = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}

APP_LEVELS = (
    {"base"},
    {"look"},
    {"widgets"},
    {"cortex", "images", "stimuli", "measured", "networks", "recordings"},
    {"explore"},
    {"figures", "encoders", "analyses"},
    {"sessions"},
    {"shell"},
)
APP_LEVEL_OF = {room: level for level, rooms in enumerate(APP_LEVELS) for room in rooms}
APP_ARROWS = {
    "explore": {"cortex"},
    "figures": {"explore", "cortex"},
    "encoders": {"explore"},
    "analyses": {"explore"},
    "sessions": {"explore", "analyses"},
}
"""Which features may import which others; the shell may import all, and everybody what is no feature."""

PLAIN_ROOMS = {"base", "look", "widgets"}
STARTERS = {"app/shell/application.py", "app/shell/demo_run.py"}
"""What starts the program makes the main window; nobody else knows it."""

SUB_ROOMS = {
    "core.datasets.readers": "above",
    "core.encoders.importers": "above",
    "core.experiments.measured": "beside",
    "core.experiments.packages": "beside",
    "core.networks.files": "below",
    "core.sweeps.study": "above",
}
"""Where a folder inside a room stands: above the room's own files it imports them and is never imported by them; below
it is imported by them, and imports only `BELOW_ALL`; beside, neither. Never do two of them import each other."""

BELOW_ALL = {"core.networks.spec", "core.networks.truncate"}
"""Files of a room that its lowest folder may import: they import nothing of the room's others."""

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
    "core.networks.import_options",
    "core.networks.manage",
    "core.paths",
    "core.probes.probe",
    "core.probes.target",
    "core.stimuli.preview",
    "core.stimuli.make",
    "core.stimuli.manifest",
    "core.stimuli.write",
    "core.stimuli.plan",
    "core.session.autosave",
    "core.session.files",
    "core.session.reference",
    "core.surfaces.atlas",
    "core.surfaces.importer",
    "core.surfaces.paint",
    "core.surfaces.placing",
    "core.surfaces.store",
    "core.types",
    "main",
)
"""Modules the window imports before its first paint."""


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
    for name, targets in file_imports().items():
        if not name.startswith("core."):
            continue
        here = _room(name)
        rooms = {_room(target) for target in targets} - {here}
        wrong = {room for room in rooms if LEVEL_OF[room] >= LEVEL_OF[here]}
        upward += [f"{name} imports {room}" for room in wrong]
    assert upward == []


def _room(module: str) -> str:
    return module.split(".")[1]


def test_folders_inside_a_room_keep_their_place() -> None:
    wrong = []
    for name, targets in file_imports().items():
        for target in targets:
            here, there = _sub_room(name), _sub_room(target)
            if here == there or name.split(".")[:2] != target.split(".")[:2]:
                continue
            if not _may_import(here, there, target):
                wrong.append(f"{name} imports {target}")
    assert wrong == []


def _sub_room(module: str) -> str:
    folder = ".".join(module.split(".")[:3])
    return folder if folder in SUB_ROOMS else ""


def _may_import(here: str, there: str, target: str) -> bool:
    """Whether a folder ("" for the room itself) may import a file of another folder of the same room."""
    if here and there:
        return False
    if not here:
        return SUB_ROOMS[there] == "below"
    return SUB_ROOMS[here] == "above" or target in BELOW_ALL


@pytest.mark.parametrize("room", ["app", "core"])
def test_no_files_of_a_tree_import_each_other_in_a_circle(room: str) -> None:
    """Imports for type checking and those inside functions count."""
    own = {name: targets for name, targets in file_imports().items() if name.split(".")[0] == room}
    assert circles(own) == []


def test_every_room_of_core_has_its_level() -> None:
    rooms = {path.relative_to(ROOT / "core").parts[0].removesuffix(".py") for path in modules("core")}
    assert rooms - {"__init__"} - set(LEVEL_OF) == set()


def app_imports() -> Iterator[tuple[str, str, str]]:
    """Every import of one room of the window by another: both rooms, and where."""
    for path in modules("app"):
        parts = path.relative_to(ROOT / "app").parts
        for name, line in imported_names(path):
            there = name.split(".")
            if len(parts) > 1 and there[0] == "app" and there[1] != parts[0]:
                yield parts[0], there[1], f"{path.relative_to(ROOT)}:{line} imports {name}"


def test_every_file_of_the_window_is_in_a_room_with_a_level() -> None:
    assert {path.name for path in (ROOT / "app").glob("*.py")} == {"__init__.py"}
    assert {path.relative_to(ROOT / "app").parts[0] for path in modules("app")} - {"__init__.py"} == set(APP_LEVEL_OF)


def test_inside_the_window_imports_only_go_down() -> None:
    assert [where for here, there, where in app_imports() if APP_LEVEL_OF[there] >= APP_LEVEL_OF[here]] == []


def test_features_import_no_feature_but_along_the_arrows() -> None:
    sideways = [
        where
        for here, there, where in app_imports()
        if here != "shell" and there not in PLAIN_ROOMS and there not in APP_ARROWS.get(here, set())
    ]
    assert sideways == []


def test_nobody_knows_the_main_window() -> None:
    knowing = {
        str(path.relative_to(ROOT))
        for path in modules("app")
        for name, _ in imported_names(path)
        if name.startswith("app.shell.main_window")
    }
    assert knowing - STARTERS == set()


def test_the_main_window_stays_small() -> None:
    assert len((ROOT / "app" / "shell" / "main_window.py").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize("room", ["app", "core"])
def test_init_files_stay_empty(room: str) -> None:
    assert [str(path) for path in modules(room) if path.name == "__init__.py" and path.read_text().strip()] == []


def test_packaging_does_not_shadow_the_library_of_that_name() -> None:
    assert not (ROOT / "packaging" / "__init__.py").exists()


@pytest.mark.parametrize("room", ["app", "core"])
def test_every_module_says_what_it_is(room: str) -> None:
    files = [path for path in modules(room) if path.name != "__init__.py"]
    assert [str(path) for path in files if ast.get_docstring(parse(path)) is None] == []


@pytest.mark.parametrize("room", ["app", "core"])
def test_no_file_is_too_long(room: str) -> None:
    lengths = {module_name(path): count_lines(path) for path in modules(room)}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


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
