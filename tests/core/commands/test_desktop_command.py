"""`main.py desktop`: the entry says what the specification's rules make of it."""

from __future__ import annotations

import re
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest

from core.commands.desktop import quote_program, run_desktop
from core.errors import BadInputError
from core.paths import resources_folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder of data, and a Python with the program beside it in a folder with a difficult name."""
    beside = tmp_path / 'my 100% "$tools"'
    beside.mkdir()
    (beside / "probescope-window").touch()
    monkeypatch.setattr(sys, "executable", str(beside / "python"))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    return tmp_path


def read_back(value: str) -> str:
    """The program of `Exec`: first the escapes of a string, then the quotes of a command line, then the field codes."""
    found = re.fullmatch(r'"((?:[^"\\]|\\.)*)" %f', value.replace("\\\\", "\\"))
    assert found
    return re.sub(r"\\(.)", r"\1", found[1]).replace("%%", "%")


def test_the_entry_starts_the_program_beside_this_python(place: Path) -> None:
    assert run_desktop() == 0
    entry = RawConfigParser()
    entry.optionxform = str  # type: ignore[assignment,method-assign]
    entry.read(place / "share" / "applications" / "probescope.desktop", encoding="utf-8")
    values = dict(entry["Desktop Entry"])
    assert values["Type"] == "Application" and values["Terminal"] == "false"
    assert read_back(values["Exec"]) == str(Path(sys.executable).parent / "probescope-window")
    assert Path(values["Icon"]).read_bytes() == (resources_folder() / "icons" / "probescope.svg").read_bytes()


def test_it_is_taken_out_again_and_twice_is_no_error(place: Path) -> None:
    run_desktop()
    assert run_desktop(remove=True) == run_desktop(remove=True) == 0
    assert [path for path in (place / "share").rglob("*") if path.is_file()] == []


def test_a_program_that_is_not_installed_writes_nothing(place: Path) -> None:
    (Path(sys.executable).parent / "probescope-window").unlink()
    with pytest.raises(BadInputError, match="install Probescope with pip, pipx or uv"):
        run_desktop()
    assert not (place / "share").exists()


def test_other_systems_are_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(BadInputError, match=r"must be one of Linux, got 'darwin'\. Make a link"):
        run_desktop()


@pytest.mark.parametrize(
    ("path", "written"),
    [("/a/b", '"/a/b"'), ("/a b", '"/a b"'), ("/50%", '"/50%%"'), ("/a$b", r'"/a\\$b"'), (r"/a\b", r'"/a\\\\b"')],
)
def test_paths_are_quoted_as_the_specification_says(path: str, written: str) -> None:
    assert quote_program(Path(path)) == written
