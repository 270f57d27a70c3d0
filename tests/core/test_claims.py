"""Claims on pieces of work: one holder each, stale ones taken over once, ages by the file system's clock alone."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from core.claims import BEAT_SECONDS, LEASE_SECONDS, Claim, ClaimFolder, Holder, read_holder
from core.errors import StorageError

ELSEWHERE = {"host": "node7", "pid": 4711, "space": "", "since": 0.0}


def claim_elsewhere(folder: Path, key: str, *, age: float = 0.0, attempt: int = 1) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{key}.{attempt}"
    path.write_text(json.dumps(ELSEWHERE))
    os.utime(path, (time.time() - age,) * 2)
    return path


def dead_process() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_a_piece_has_one_holder_until_it_is_given_back_or_done(tmp_path: Path) -> None:
    mine, other = ClaimFolder(tmp_path / "claims"), ClaimFolder(tmp_path / "claims")
    claim = mine.take("a")
    assert claim is not None and claim.attempt == 1
    assert other.take("a") is None
    free = other.take("b")
    claim.give_back()
    again = other.take("a")
    assert free is not None and again is not None and again.attempt == 1
    assert other.keys() == {"a", "b"}
    holder, attempt = other.holders()["a"]
    assert (holder.pid, attempt) == (os.getpid(), 1)
    assert abs(holder.since - time.time()) < 60
    again.finish()
    free.finish()
    assert list((tmp_path / "claims").iterdir()) == []


def test_the_claim_of_a_dead_process_is_taken_over_at_once_and_counted(tmp_path: Path) -> None:
    folder = ClaimFolder(tmp_path)
    for attempt in (1, 2, 3):
        claim = folder.take("a")
        assert claim is not None and claim.attempt == attempt
        path = folder.path("a", attempt)
        path.write_text(path.read_text().replace(str(os.getpid()), str(dead_process())))
    assert folder.holders() == {}
    last = folder.take("a")
    assert last is not None and last.attempt == 4
    assert folder.take("a") is None
    last.finish()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("field", ["host", "space"])
def test_a_process_of_another_computer_or_container_cannot_be_asked(tmp_path: Path, field: str) -> None:
    folder = ClaimFolder(tmp_path)
    assert folder.take("a") is not None
    path = folder.path("a", 1)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"pid": dead_process(), field: "another"}))
    assert folder.take("a") is None, "its number says nothing here"


@pytest.mark.parametrize(("age", "is_taken"), [(LEASE_SECONDS - 60, False), (LEASE_SECONDS + 60, True)])
def test_a_claim_that_nobody_touches_is_stale_in_the_end(tmp_path: Path, age: float, is_taken: bool) -> None:
    claim_elsewhere(tmp_path, "a", age=age)
    assert (ClaimFolder(tmp_path).take("a") is not None) is is_taken


def test_a_damaged_or_half_written_claim_is_somebodys(tmp_path: Path) -> None:
    path = claim_elsewhere(tmp_path, "a")
    for content in ("", "{", "[]", '{"host": 3, "more": 1}', "null", '{"pid": "x"}'):
        path.write_text(content)
        assert read_holder(path) == Holder()
        assert ClaimFolder(tmp_path).take("a") is None
    os.utime(path, (time.time() - LEASE_SECONDS - 60,) * 2)
    assert ClaimFolder(tmp_path).take("a") is not None


def test_two_that_find_the_same_claim_stale_do_not_both_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = claim_elsewhere(tmp_path, "a", age=2 * LEASE_SECONDS)
    first, second = ClaimFolder(tmp_path), ClaimFolder(tmp_path)
    plain, found = ClaimFolder.is_stale, list[Claim | None]()

    def look(folder: ClaimFolder, path: Path) -> bool:
        answer = plain(folder, path)
        if folder is second and path == stale:  # between its look and its own claim, another takes over
            found.append(first.take("a"))
        return answer

    monkeypatch.setattr(ClaimFolder, "is_stale", look)
    assert second.take("a") is None
    assert found[0] is not None and found[0].attempt == 2


def test_one_that_was_only_slow_gives_back_no_more_than_its_own(tmp_path: Path) -> None:
    slow, other = ClaimFolder(tmp_path), ClaimFolder(tmp_path)
    claim = slow.take("a")
    assert claim is not None
    os.utime(slow.path("a", 1), (time.time() - 2 * LEASE_SECONDS,) * 2)
    path = slow.path("a", 1)
    path.write_text(json.dumps(ELSEWHERE))
    os.utime(path, (time.time() - 2 * LEASE_SECONDS,) * 2)
    assert other.take("a") is not None
    claim.give_back()
    assert ClaimFolder(tmp_path).take("a") is None


@pytest.mark.parametrize("ahead", [3600.0, -3600.0])
def test_the_clock_of_this_computer_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    plain = time.time
    claim_elsewhere(tmp_path, "fresh")
    claim_elsewhere(tmp_path, "stale", age=LEASE_SECONDS + 60)
    monkeypatch.setattr("time.time", lambda: plain() + ahead)
    folder = ClaimFolder(tmp_path)
    assert folder.take("fresh") is None
    assert folder.take("stale") is not None


def test_the_clock_of_the_file_system_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file server an hour behind: what was just written looks an hour old to this computer."""
    plain = ClaimFolder._write

    def write(folder: ClaimFolder, path: Path, content: bytes) -> float:
        then = plain(folder, path, content) - 3600
        os.utime(path, (then, then))
        return then

    monkeypatch.setattr(ClaimFolder, "_write", write)
    claim_elsewhere(tmp_path, "fresh", age=3600)
    assert ClaimFolder(tmp_path).take("fresh") is None


def test_a_holder_that_is_asked_to_stop_touches_its_claims(tmp_path: Path) -> None:
    now = [1000.0]
    folder = ClaimFolder(tmp_path, clock=lambda: now[0])
    assert folder.take("a") is not None
    path, ask = folder.path("a", 1), folder.watch(lambda: False)
    os.utime(path, (0, 0))
    ask()
    touched = path.stat().st_mtime
    assert touched > 0
    os.utime(path, (0, 0))
    now[0] += BEAT_SECONDS / 2
    ask()
    assert path.stat().st_mtime == 0, "not each time"
    now[0] += BEAT_SECONDS
    ask()
    assert path.stat().st_mtime >= touched
    path.unlink()
    now[0] += 2 * BEAT_SECONDS
    assert ask() is False, "taken away by somebody: no error"


def test_a_full_disk_leaves_no_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = ClaimFolder(tmp_path)
    folder.now()
    with monkeypatch.context() as patch:
        patch.setattr("os.write", full)
        with pytest.raises(StorageError, match="No space is left"):
            folder.take("a")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_looked_at_without_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claim_elsewhere(tmp_path, "a")
    plain = os.open

    def forbid(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, "Permission denied")
        return plain(path, flags, *more, **named)

    monkeypatch.setattr("os.open", forbid)
    assert ClaimFolder(tmp_path).holders()["a"][0].host == "node7"
    with pytest.raises(StorageError, match="no permission"):
        ClaimFolder(tmp_path).take("b")


def test_what_processes_held_that_were_ended_is_free_again(tmp_path: Path) -> None:
    folder = ClaimFolder(tmp_path)
    assert folder.take("a") is not None
    claim_elsewhere(tmp_path, "b")
    folder.forget({os.getpid(), 4711})
    assert folder.keys() == {"b"}
