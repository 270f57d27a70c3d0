"""Moved data are found by hash, and no other file is taken for them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import BadInputError, StorageError
from core.session.files import ANALYSES, MOST, SETS, add_recent, list_recent
from core.session.record import ImageRecord, SessionRecord
from core.session.reference import Known, check_same, find_file, find_missing, refer_to

IDS: list[Any] = [(SimpleNamespace(id=name),) for name in ("s01", "alexnet", "face_01")]
FITTED: Any = SimpleNamespace(subject="s01", network="alexnet", layer="fc")
KNOWN = Known(IDS[0], IDS[1], (FITTED,), IDS[2])


def make(path: Path, text: str = "the very image") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_its_own_place_comes_first(tmp_path: Path) -> None:
    reference = refer_to(make(tmp_path / "a.png"))
    assert find_file(reference) == tmp_path / "a.png"


def test_a_file_of_the_same_name_and_size_is_not_taken(tmp_path: Path) -> None:
    reference = refer_to(make(tmp_path / "a.png", "one"))
    make(tmp_path / "a.png", "two")
    make(tmp_path / "other" / "a.png", "six")
    assert find_file(reference, [tmp_path / "other"]) is None


def test_a_renamed_file_is_found_in_a_folder_below(tmp_path: Path) -> None:
    reference = refer_to(make(tmp_path / "a.png"))
    moved = (tmp_path / "a.png").rename(make(tmp_path / "new" / "deep" / "b.png"))
    make(tmp_path / "new" / "decoy.png", "the very imagf")
    assert find_file(reference, [tmp_path / "new"]) == moved


def test_where_it_was_is_looked_at_too(tmp_path: Path) -> None:
    reference = refer_to(make(tmp_path / "a.png"))
    elsewhere = replace(reference, path=tmp_path / "gone" / "a.png", was_at=tmp_path / "a.png")
    assert find_file(elsewhere) == tmp_path / "a.png"


def test_an_unknown_size_is_no_obstacle(tmp_path: Path) -> None:
    reference = replace(refer_to(make(tmp_path / "a.png")), n_bytes=0)
    assert find_file(reference) == tmp_path / "a.png"


def test_the_wrong_file_is_refused_with_both_hashes(tmp_path: Path) -> None:
    reference = refer_to(make(tmp_path / "a.png"))
    other = make(tmp_path / "b.png", "another")
    with pytest.raises(
        BadInputError, match=rf"b.png is another file than the session's a.png.*{reference.sha256[:12]}"
    ):
        check_same(reference, other)
    assert check_same(reference, tmp_path / "a.png") == tmp_path / "a.png"
    with pytest.raises(StorageError, match="cannot be read"):
        check_same(reference, tmp_path / "c.png")


def test_everything_missing_is_told(tmp_path: Path) -> None:
    reference = refer_to(make(tmp_path / "a.png"))
    (tmp_path / "a.png").unlink()
    record = SessionRecord(subject="s02", network="vgg16", image=ImageRecord("a", reference), probe=reference)
    assert [one.what for one in find_missing(record, KNOWN)] == ["subject", "network", "image", "probe"]


@pytest.mark.parametrize(
    ("record", "missing"),
    [
        (SessionRecord(), []),
        (SessionRecord(subject="s01", network="alexnet", layer="fc", image=ImageRecord("face_01")), []),
        (SessionRecord(subject="s01", network="alexnet", layer="conv"), ["encoder"]),
        (SessionRecord(image=ImageRecord("face_02")), ["image"]),
        (SessionRecord(image=ImageRecord("s01:img_3")), []),
        (SessionRecord(image=ImageRecord("s09:img_3")), ["image"]),
    ],
)
def test_names_are_looked_up(record: SessionRecord, missing: list[str]) -> None:
    assert [one.what for one in find_missing(record, KNOWN)] == missing


def test_recent_sessions_are_newest_first_and_only_those_that_are_there(tmp_path: Path) -> None:
    paths = [make(tmp_path / f"{number}.probescope") for number in range(MOST + 2)]
    for path in [*paths, paths[5]]:
        add_recent(path)
    assert list_recent()[0] == paths[5]
    assert len(list_recent()) == MOST
    paths[5].unlink()
    assert list_recent()[0] == paths[-1]


def test_a_pipe_is_no_file_to_wait_for(tmp_path: Path) -> None:
    reference = refer_to(make(tmp_path / "a.png"))
    (tmp_path / "a.png").unlink()
    os.mkfifo(tmp_path / "a.png")
    assert find_file(replace(reference, n_bytes=0)) is None


def test_a_name_no_file_can_have_is_not_there(tmp_path: Path) -> None:
    reference = refer_to(make(tmp_path / "a.png"))
    assert find_file(replace(reference, path=tmp_path / "a\0b")) is None
    assert find_file(replace(reference, path=tmp_path / ("n" * 300))) is None


def test_folders_of_sets_and_analyses_are_kept_apart_from_sessions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path / "home"))
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        add_recent(tmp_path / name, SETS)
    assert list_recent(SETS) == (tmp_path / "second", tmp_path / "first")
    assert list_recent() == list_recent(ANALYSES) == ()
    (tmp_path / "second").rmdir()
    assert list_recent(SETS) == (tmp_path / "first",)
