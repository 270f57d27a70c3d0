"""The wheel: one name, everything under it, and a program that runs without the checkout."""

from __future__ import annotations

import ast
import base64
import csv
import hashlib
import io
import json
import os
import shutil
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numpy
import pytest
from PIL import Image

from tests.house import ROOT

OURS = ("app", "core", "docs", "main", "resources")
DATA = "resources/demo/subjects"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of the checkout: a build writes into its folder."""
    copy, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    for name in (*OURS, "packaging", "pyproject.toml", "README.md", "LICENSE", "NOTICE.md"):
        source = ROOT / name if name != "main" else ROOT / "main.py"
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    (copy / "build" / "lib" / "core").mkdir(parents=True)
    (copy / "build" / "lib" / "core" / "left_over.py").touch()
    run_pip("wheel", "--no-build-isolation", "--wheel-dir", str(out), str(copy))
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of a Python of its own: the installed wheel, and this Python's libraries without its checkout."""
    folder = tmp_path_factory.mktemp("python")
    venv.create(folder, symlinks=True)
    run_pip("--python", str(folder / "bin" / "python"), "install", str(wheel))
    packages = next(folder.glob("lib/*/site-packages"))
    libraries = {str(Path(numpy.__file__).parents[1]), *site.getsitepackages()}
    (packages / "libraries.pth").write_text("\n".join(sorted(libraries)))
    return packages


def run_pip(*words: str) -> None:
    """Call pip, which fetches nothing and sees nothing of the checkout."""
    command = [sys.executable, "-m", "pip", "--quiet", *words, "--no-deps", "--no-index"]
    done = subprocess.run(command, env=list_variables(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def list_variables() -> dict[str, str]:
    """This process's environment without the checkout."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def list_files(folder: Path, root: Path) -> set[str]:
    """Every file of a folder, but what Python compiled."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(root).as_posix() for path in files}


def run(
    installed: Path, *words: str, program: str = "python", home: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program of the Python with these packages outside the checkout."""
    environment = list_variables()
    if home:
        environment |= {"HOME": str(home), "PROBESCOPE_HOME": str(home / "own"), "XDG_DATA_HOME": str(home / "share")}
    command = [str(installed.parents[2] / "bin" / program), *words]
    return subprocess.run(command, cwd=home or installed, env=environment, capture_output=True, text=True, check=False)


def test_the_wheel_takes_no_name_but_its_own(installed: Path) -> None:
    assert {path.name for path in installed.iterdir() if path.suffix not in {".dist-info", ".pth"}} == {"probescope"}
    information = next(installed.glob("*.dist-info"))
    assert (information / "top_level.txt").read_text() == "probescope\n"
    started = (information / "entry_points.txt").read_text()
    assert started.count("= probescope.main:main") == started.count("= ") == 2


def test_every_file_of_the_checkout_is_there_and_no_left_over(installed: Path) -> None:
    folders = [ROOT / name for name in OURS if name != "main"]
    wanted = {"main.py", *(file for folder in folders for file in list_files(folder, ROOT))}
    found = list_files(installed / "probescope", installed / "probescope")
    assert found - wanted == {"__init__.py", "__main__.py", "py.typed"}
    assert wanted <= found


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
            names += [node.value] if isinstance(node, ast.Constant) and str(node.value).split(":")[0] in modules else []
            bare += [f"{path.name}: {name}" for name in names if name.split(".")[0] in OURS]
        plain = [one for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names if not one.asname]
        if any(one.name.startswith("probescope.") for one in plain):  # it binds another name than in the checkout
            bare += [f"{path.name}: {node.id}" for node in ast.walk(tree) if getattr(node, "id", "") in OURS]
    assert bare == []


def test_data_and_scripts_for_other_programs_are_not_written_anew(installed: Path) -> None:
    for place in ("resources/experiments/run_experiment.py", "resources/jspsych", DATA):
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
        "from probescope.core.cluster.kinds import WORKS\n"
        "[work.runner for work in WORKS]\n"
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


def test_the_installed_program_is_used_in_a_home_of_its_own(installed: Path, tmp_path: Path) -> None:
    def use(*words: str) -> str:
        done = run(installed, *words, program="probescope", home=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert use("--help").startswith("usage: probescope")
    told = {one["what"]: one for one in json.loads(use("doctor", "--json"))}
    assert told["data folder"]["found"] == str(tmp_path / "own" / "data")
    assert told["weights of mobilenet_v2"]["found"] == "found, checksum right"

    probe = ("probe", "--network", "mobilenet_v2", "--roi", "FFA", "--image", "cat_chelsea", "--epsilon", "3")
    use(*probe, "--steps", "2", "--out", "probe")
    original, raised = (
        numpy.asarray(Image.open(next((tmp_path / "probe" / "stimuli").glob(f"*_{role}.png"))), dtype=float)
        for role in ("original", "raise")
    )
    assert numpy.linalg.norm(raised - original) / 255 == pytest.approx(3, rel=0.02)  # the files are rounded to 8 bit

    entry = tmp_path / "share" / "applications" / "probescope.desktop"
    use("desktop")
    assert f'Exec="{installed.parents[2] / "bin" / "probescope-window"}" %f' in entry.read_text()
    use("desktop", "--remove")
    assert list_files(tmp_path / "share", tmp_path) == set()
