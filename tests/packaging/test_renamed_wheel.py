"""The wheel: one name, everything under it, and a program that runs without the checkout."""

from __future__ import annotations

import ast
import base64
import csv
import hashlib
import io
import os
import shutil
import site
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy
import pytest

from tests.house import ROOT

OURS = ("app", "core", "docs", "main", "resources")
BUILD = "import renamed_wheel, sys; renamed_wheel.build_wheel(sys.argv[1])"
SKIPPED = ("demo", "screenshots")
SMALL = "resources/demo/subjects"
"""Of the embedded data only this is packed here: the rest is large."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of the checkout with little of the embedded data."""
    copy, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    skipped = shutil.ignore_patterns("__pycache__", *SKIPPED)
    for name in (*OURS, "packaging", "pyproject.toml", "README.md", "LICENSE", "NOTICE.md"):
        source = ROOT / name if name != "main" else ROOT / "main.py"
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=skipped)
        else:
            shutil.copy(source, copy)
    shutil.copytree(ROOT / SMALL, copy / SMALL)
    (copy / "build" / "lib" / "core").mkdir(parents=True)
    (copy / "build" / "lib" / "core" / "left_over.py").touch()
    environment = os.environ | {"PYTHONPATH": str(copy / "packaging")}
    command = [sys.executable, "-c", BUILD, str(out)]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def list_files(folder: Path, root: Path) -> set[str]:
    """Every file of a folder, but what Python compiled."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(root).as_posix() for path in files}


def run(installed: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the installed program outside the checkout; libraries of this Python, but nothing of its `.pth` files."""
    libraries = {str(Path(numpy.__file__).parents[1]), *site.getsitepackages()}
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(installed), *libraries])}
    return subprocess.run(
        [sys.executable, "-S", *words],
        cwd=installed.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_takes_no_name_but_its_own(installed: Path) -> None:
    assert {path.name for path in installed.iterdir() if path.suffix != ".dist-info"} == {"probescope"}
    information = next(installed.glob("*.dist-info"))
    assert (information / "top_level.txt").read_text() == "probescope\n"
    started = (information / "entry_points.txt").read_text()
    assert started.count("= probescope.main:main") == started.count("= ") == 2


def test_every_file_of_the_checkout_is_there_and_no_left_over(installed: Path) -> None:
    folders = [ROOT / name for name in OURS if name != "main"]
    wanted = {"main.py", *(file for folder in folders for file in list_files(folder, ROOT))}
    found = list_files(installed / "probescope", installed / "probescope")
    assert found - wanted == {"__init__.py", "__main__.py", "py.typed"}
    assert all(any(part in SKIPPED for part in Path(file).parts) for file in wanted - found)
    assert {file for file in wanted if file.startswith(SMALL)} <= found


def test_the_record_holds_every_file_with_its_checksum(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        own = next(name for name in packed.namelist() if name.endswith(".dist-info/RECORD"))
        rows = list(csv.reader(io.StringIO(packed.read(own).decode())))
        assert sorted(row[0] for row in rows) == sorted(packed.namelist())
        for place, checksum, size in rows:
            if place != own:
                content = packed.read(place)
                digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
                assert (checksum, int(size)) == (f"sha256={digest}", len(content))


def test_no_source_names_the_packages_as_the_checkout_does(installed: Path) -> None:
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for top in ("app", "core")
        for path in (ROOT / top).rglob("*.py")
    }
    bare: list[str] = []
    for path in (installed / "probescope").rglob("*.py"):
        if "experiments" in path.parts and "resources" in path.parts:
            continue  # for PsychoPy, which has a `core` of its own
        text = path.read_text(encoding="utf-8")
        assert "main.py" not in text, path
        tree = ast.parse(text)
        for node in ast.walk(tree):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.value] if isinstance(node, ast.Constant) and node.value in modules else []
            bare += [f"{path.name}: {name}" for name in names if name.split(".")[0] in OURS]
        plain = [one for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names if not one.asname]
        if any(one.name.startswith("probescope.") for one in plain):  # it binds another name than in the checkout
            bare += [f"{path.name}: {node.id}" for node in ast.walk(tree) if getattr(node, "id", "") in OURS]
    assert bare == []


def test_data_and_scripts_for_other_programs_are_not_written_anew(installed: Path) -> None:
    for place in ("resources/experiments/run_experiment.py", "resources/jspsych", SMALL):
        ours, theirs = ROOT / place, installed / "probescope" / place
        for path in [ours] if ours.is_file() else [path for path in ours.rglob("*") if path.is_file()]:
            assert (theirs / path.relative_to(ours)).read_bytes() == path.read_bytes()


def test_pages_name_the_installed_program(installed: Path) -> None:
    pages = list((installed / "probescope" / "docs").glob("*.md"))
    assert len(pages) == len(list((ROOT / "docs").glob("*.md")))
    for page in pages:
        assert "main.py" not in page.read_text(encoding="utf-8")
    assert "from probescope.core.engine import Engine" in (installed / "probescope/docs/python.md").read_text(
        encoding="utf-8"
    )


def test_the_installed_program_runs_and_imports_nothing_of_the_checkout(installed: Path) -> None:
    code = (
        "import sys; sys.argv = ['probescope', 'import', '--help']\n"
        "from probescope.main import main\n"
        "assert main() == 0\n"
        "from probescope.core.commands.table import COMMANDS, load_command\n"
        "[load_command(name) for name in COMMANDS]\n"
        "from probescope.core.datasets.kinds import MODULES, _open_reader\n"
        "[_open_reader(kind) for kind in MODULES]\n"
        "import probescope.app.base.problems as problems\n"
        "assert problems.OURS == ('probescope.app', 'probescope.core'), problems.OURS\n"
        f"assert not set(sys.modules) & set({OURS!r})\n"
    )
    done = run(installed, "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: probescope import")


def test_the_package_can_be_run_by_its_name(installed: Path) -> None:
    done = run(installed, "-m", "probescope", "list", "subjects")
    assert done.returncode == 0, done.stderr
    assert "simulated" in done.stdout
