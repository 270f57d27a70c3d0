"""`main.py sessions` and `main.py FILE.probescope`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.commands.cli import run_command_line
from core.session.autosave import Autosave
from core.session.files import add_recent, write_session
from core.session.record import ImageRecord, SessionRecord
from core.session.reference import refer_to

opened: list[tuple[str, Path | None]] = []


def run(*words: str | Path) -> int:
    opened.clear()

    def open_window(device: str, session: Path | None) -> int:
        opened.append((device, session))
        return 0

    return run_command_line([*map(str, words)], open_window=open_window, run_demonstration=lambda *_: 1)


def test_a_session_file_opens_in_the_window(tmp_path: Path) -> None:
    path = tmp_path / "mine.probescope"
    write_session(SessionRecord(), path)
    assert run(path, "--device", "cpu") == 0
    assert opened == [("cpu", path)]
    assert run("--device", "cpu") == 0
    assert opened == [("cpu", None)]


def test_a_file_that_is_no_session_opens_no_window(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.probescope").write_text("{}")
    assert run(tmp_path / "bad.probescope") == 2
    assert run(tmp_path / "none.probescope") == 2
    assert opened == []
    assert "bad.probescope is not a session of Probescope" in capsys.readouterr().err


def test_the_list_tells_named_and_autosaved_sessions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("sessions", "list") == 0
    assert capsys.readouterr().out == "No session was saved yet.\n"
    path = tmp_path / "mine.probescope"
    write_session(SessionRecord(image=ImageRecord("face_01")), path)
    add_recent(path)
    autosave = Autosave()
    autosave.save(SessionRecord(), named=path)
    assert run("sessions", "list", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["state"], row["holds"]) for row in rows] == [("named", "no target · face_01"), ("open", "no target")]
    assert rows[0]["path"] == str(path)
    assert rows[1]["note"].startswith(f"of {path}, process ")
    autosave.close(keep=True)
    assert run("sessions", "list") == 0
    assert "closed" in capsys.readouterr().out


def test_check_finds_what_is_missing_and_where_it_moved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = tmp_path / "cat.png"
    image.write_text("pixels")
    path = tmp_path / "mine.probescope"
    record = SessionRecord(subject="simulated", image=ImageRecord("cat", refer_to(image)))
    write_session(record, path)
    assert run("sessions", "check", path) == 0
    assert "Everything it needs is here." in capsys.readouterr().out
    moved = tmp_path / "moved"
    moved.mkdir()
    image.rename(moved / "renamed.png")
    assert run("sessions", "check", path, "--json") == 2
    (missing,) = json.loads(capsys.readouterr().out)["missing"]
    assert missing["what"] == "image"
    assert run("sessions", "check", path, "--data", moved) == 0


def test_check_needs_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("sessions", "check") == 2
    assert "`check` must be followed by FILE" in capsys.readouterr().err
