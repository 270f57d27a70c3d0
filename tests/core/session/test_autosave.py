"""Autosaves of several windows: who has one open, what a crash leaves, what is taken over, what goes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import StorageError
from core.paths import data_folder
from core.session.autosave import (
    MOST_KEPT,
    Autosave,
    AutosaveState,
    claim,
    clean_up,
    forget,
    forget_claimed,
    list_autosaves,
    list_crashed,
)
from core.session.lock import is_held, name_holder, take_lock
from core.session.record import SessionRecord
from tests.helpers.probes import make_probe

ROOT = Path(__file__).resolve().parents[3]


def leave_one(root: Path) -> None:
    """A process that autosaves and ends without closing."""
    code = (
        "import os; from pathlib import Path; from core.session.autosave import Autosave\n"
        "from core.session.record import SessionRecord\n"
        f"Autosave(Path({str(root)!r})).save(SessionRecord(subject='left'), named=Path('/data/mine.probescope'))\n"
        "os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 9


def test_nothing_is_made_before_the_first_save(tmp_path: Path) -> None:
    autosave = Autosave(tmp_path / "autosave")
    autosave.close(keep=True)
    assert not (tmp_path / "autosave").exists()
    assert list_autosaves(tmp_path / "autosave") == ()


def test_an_open_window_is_not_offered(tmp_path: Path) -> None:
    autosave = Autosave(tmp_path)
    autosave.save(SessionRecord(subject="mine"))
    (found,) = list_autosaves(tmp_path)
    assert found.state is AutosaveState.OPEN
    assert found.holder.startswith(f"process {os.getpid()} on ")
    assert list_crashed(tmp_path) == ()
    with pytest.raises(StorageError, match="is open in another window"):
        forget(found)
    autosave.close(keep=False)


def test_two_windows_save_side_by_side(tmp_path: Path) -> None:
    first, second = Autosave(tmp_path), Autosave(tmp_path)
    first.save(SessionRecord(subject="one"), probe=make_probe(44, 48))
    second.save(SessionRecord(subject="two"))
    subjects = {one.session.record.subject for one in list_autosaves(tmp_path) if one.session is not None}
    assert subjects == {"one", "two"}
    first.close(keep=False)
    (left,) = list_autosaves(tmp_path)
    assert left.session is not None and left.session.record.subject == "two"
    second.close(keep=False)
    assert list(tmp_path.iterdir()) == []


def test_a_window_closed_in_order_can_be_opened_again_but_is_no_crash(tmp_path: Path) -> None:
    autosave = Autosave(tmp_path)
    autosave.save(SessionRecord(subject="mine"))
    autosave.close(keep=True)
    (found,) = list_autosaves(tmp_path)
    assert found.state is AutosaveState.CLOSED
    assert list_crashed(tmp_path) == ()


def test_only_the_newest_closed_ones_are_kept(tmp_path: Path) -> None:
    for number in range(MOST_KEPT + 2):
        autosave = Autosave(tmp_path)
        autosave.save(SessionRecord(subject=str(number)))
        autosave.close(keep=True)
    kept = [one.session.record.subject for one in list_autosaves(tmp_path) if one.session is not None]
    assert kept == [str(number) for number in range(MOST_KEPT + 1, 1, -1)]


def test_what_a_dead_process_left_is_offered_once(tmp_path: Path) -> None:
    leave_one(tmp_path)
    (found,) = list_crashed(tmp_path)
    assert found.session is not None
    assert found.session.record.subject == "left"
    assert found.session.named == "/data/mine.probescope"
    lock = claim(found)
    assert lock is not None
    assert claim(found) is None, "another window was faster"
    assert list_crashed(tmp_path) == ()
    forget_claimed(found, lock)
    assert list(tmp_path.iterdir()) == []


def test_forgetting_removes_it_for_good(tmp_path: Path) -> None:
    leave_one(tmp_path)
    forget(*list_crashed(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_autosave_is_listed_with_its_problem(tmp_path: Path) -> None:
    leave_one(tmp_path)
    (found,) = list_crashed(tmp_path)
    found.path.write_text("{")
    (again,) = list_crashed(tmp_path)
    assert again.session is None
    assert "cut short" in again.problem


def test_leftovers_of_dead_processes_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    dead, alive = tmp_path / f".x.{done.pid}-01234567.part", tmp_path / f".y.{os.getpid()}-01234567.part"
    dead.mkdir()
    (dead / "half").touch()
    alive.mkdir()
    (tmp_path / ".hidden").touch()
    list_autosaves(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([alive.name, ".hidden"])


def test_everything_half_written_under_the_users_data_goes(tmp_path: Path) -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    cells, exports = data_folder() / "analyses" / "fragility-0" / "cells", tmp_path / "exports"
    half = [cells / f".c.npz.{done.pid}.part", exports / f".set.{done.pid}-01234567.part"]
    whole = [cells / "c.npz", exports / "set"]
    for path in (*half, *whole):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert sorted(clean_up(exports)) == sorted(half)
    assert all(path.exists() for path in whole) and not any(path.exists() for path in half)


def test_a_lock_is_free_again_when_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = take_lock(path)
    assert lock is not None and is_held(path) and take_lock(path) is None
    lock.release()
    lock.release()
    assert not path.exists() and not is_held(path)
    assert name_holder(path) == "another process"
