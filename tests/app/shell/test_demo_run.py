"""The demonstration replaces what an earlier one wrote, and nothing else."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.base.jobs import Idle
from app.shell import demo_run
from app.shell.demo_run import MARK, PICTURES, SETS, remove_earlier, wait_for
from core.errors import BadInputError, StorageError
from tests.helpers.stimulus_sets import write_set


def write_demonstration(folder: Path) -> None:
    for name in SETS:
        write_set(folder / name)
        (folder / name / "image0-t0.json").write_text("{}", encoding="utf-8")
    for name in PICTURES:
        (folder / name).write_bytes(b"picture")


def list_files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_what_an_earlier_one_wrote_goes_and_what_lies_beside_it_stays(tmp_path: Path) -> None:
    write_demonstration(tmp_path)
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    remove_earlier(tmp_path)
    assert list_files(tmp_path) == {"notes.txt", MARK}
    (tmp_path / PICTURES[0]).write_bytes(b"of one that was stopped early")
    remove_earlier(tmp_path)
    assert list_files(tmp_path) == {"notes.txt", MARK}
    remove_earlier(tmp_path / "new")
    assert list_files(tmp_path / "new") == {MARK}


@pytest.mark.parametrize("name", ["raise/notes.txt", "lower/stimuli/mine.png", "lower"])
def test_a_file_of_the_user_is_in_the_way_of_nothing_being_removed(tmp_path: Path, name: str) -> None:
    if "/" in name:
        write_demonstration(tmp_path)
    (tmp_path / name).write_text("mine", encoding="utf-8")
    before = set(tmp_path.rglob("*"))
    with pytest.raises(BadInputError, match=rf"{Path(name).name}.*nothing is overwritten"):
        remove_earlier(tmp_path)
    assert set(tmp_path.rglob("*")) == before


def test_pictures_of_the_user_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "stimuli.png").write_bytes(b"mine")
    with pytest.raises(BadInputError, match="stimuli.png"):
        remove_earlier(tmp_path)


def test_a_probe_may_take_as_long_as_it_advances(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that jumps by a minute whenever it is asked; the probe does a step between two looks, then no more."""
    clock, state, looks = itertools.count(step=60), SimpleNamespace(progress=None), itertools.count()
    window: Any = SimpleNamespace(session=SimpleNamespace(state=state, lane=SimpleNamespace(state=Idle())))
    monkeypatch.setattr(demo_run, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(demo_run, "_rest", lambda _: setattr(state, "progress", min(next(looks), 20)))
    wait_for("the probe", window, lambda: state.progress == 20)
    assert next(clock) > 20 * 60
    with pytest.raises(StorageError, match="Gave up on the probe after 240 s without a step"):
        wait_for("the probe", window, lambda: False)
