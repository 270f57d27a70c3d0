"""kill -9 while saving, exporting or probing: the last saved state opens and nothing half-written is shown."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from core.errors import ProbeError
from core.files import remove_leftovers
from core.probes.files import load_probe
from core.session.autosave import AutosaveState, list_autosaves
from core.session.files import read_session
from core.session.reference import find_file
from core.stimuli.manifest import read_manifest

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

NAME = "mine.probescope"
LONGEST_DELAY = 0.04
"""Seconds; two or three pieces of work of a child."""

MOST_OPERATIONS = 60
"""File operations; a save takes about fifteen, an export fifty."""


class Killer:
    """Starts children and kills them."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdin is not None and process.stdout is not None
        self._stdin: IO[str] = process.stdin
        self._stdout: IO[str] = process.stdout
        assert self._stdout.readline() == "ready\n"

    def run(self, activity: str, folder: Path, *, seed: int) -> int:
        """Let a child work and die; returns the number of the last piece of work it had acknowledged."""
        chance = random.Random(seed)
        by_operation = chance.random() < 0.5
        die_at = chance.randint(1, MOST_OPERATIONS) if by_operation else 0
        wish = {"activity": activity, "folder": str(folder), "die_at": die_at}
        self._stdin.write(json.dumps(wish) + "\n")
        self._stdin.flush()
        child = int(self._stdout.readline())
        note = folder / "acknowledged"
        _wait_until(lambda: note.is_file() and note.stat().st_size > 0)
        if not by_operation:
            _let_pass(chance.uniform(0, LONGEST_DELAY))
            os.kill(child, signal.SIGKILL)
        assert int(self._stdout.readline()) == -signal.SIGKILL
        return len(note.read_text().split()) - 1


def _wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def _let_pass(seconds: float) -> None:
    """The random moment itself; nothing is waited for."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        time.sleep(0.0005)


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where there is such a place: what a killed process wrote is seen there as on any disk, only sooner."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as made:
        yield Path(made)


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    command = [sys.executable, "-m", "tests.helpers.killed_child"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield Killer(process)
        assert process.stdin is not None
        process.stdin.close()


def check_autosave(folder: Path, acknowledged: int) -> None:
    """One crashed window, whose last saved state opens with its probe."""
    (left,) = list_autosaves(folder / "autosave")
    assert left.state is AutosaveState.CRASHED
    assert left.session is not None, left.problem
    check_session(left.path, acknowledged)
    assert [path for path in (folder / "autosave").iterdir() if path.name.startswith(".")] == []


def check_session(path: Path, acknowledged: int) -> None:
    record = read_session(path).record
    assert int(record.layout["number"]) in (acknowledged, acknowledged + 1)
    if record.probe is not None:
        found = find_file(record.probe)
        assert found is not None, "the session refers to a probe that is not there"
        assert load_probe(found).config.subject


def check_exports(folder: Path, acknowledged: int) -> None:
    """Every set that is shown is whole; what is not whole is hidden and goes with the next cleaning."""
    exports = folder / "exports"
    shown = sorted(path.name for path in exports.iterdir() if not path.name.startswith("."))
    assert len(shown) in (acknowledged + 1, acknowledged + 2)
    for name in shown:
        assert len(read_manifest(exports / name).rows) == 4
    hidden = [path for path in exports.iterdir() if path.name.startswith(".")]
    assert len(hidden) <= 1
    assert sorted(remove_leftovers(exports)) == sorted(hidden)
    assert sorted(path.name for path in exports.iterdir()) == shown


@pytest.mark.parametrize("seed", range(40))
def test_killed_while_saving_the_last_saved_session_opens(killer: Killer, folder: Path, seed: int) -> None:
    acknowledged = killer.run("save", folder, seed=seed)
    check_autosave(folder, acknowledged)
    check_session(folder / NAME, acknowledged)


@pytest.mark.parametrize("seed", range(40, 75))
def test_killed_while_exporting_no_half_written_set_is_shown(killer: Killer, folder: Path, seed: int) -> None:
    acknowledged = killer.run("export", folder, seed=seed)
    check_autosave(folder, acknowledged)
    check_exports(folder, acknowledged)


@pytest.mark.parametrize("seed", range(75, 100))
def test_killed_while_probing_the_last_saved_session_opens(killer: Killer, folder: Path, seed: int) -> None:
    check_autosave(folder, killer.run("probe", folder, seed=seed))


def test_a_writer_that_writes_in_place_is_caught(killer: Killer, folder: Path) -> None:
    """The control: the same kills and the same check find a file that is written over piece by piece."""
    assert _catches(killer, "write_in_place", folder, lambda one, last: check_session(one / NAME, last))


def test_a_set_written_in_place_is_caught(killer: Killer, folder: Path) -> None:
    """The control of the exports: a set made under its own name is seen half-written."""
    assert _catches(killer, "export_in_place", folder, check_exports)


def _catches(killer: Killer, activity: str, folder: Path, check: Callable[[Path, int], None]) -> bool:
    """Whether the check fails for four of at most thirty kills."""
    caught = 0
    for seed in range(30):
        one = folder / str(seed)
        one.mkdir()
        acknowledged = killer.run(activity, one, seed=seed)
        try:
            check(one, acknowledged)
        except (ProbeError, AssertionError):
            caught += 1
            if caught == 4:
                return True
    return False
