"""Pictures found by name: the wrong one of two is never taken silently."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.datasets.image_files import list_pictures, match_pictures
from core.errors import BadInputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in {
        "cat/1.png": b"a",
        "dog/1.png": b"bb",
        "dog/2.png": b"c",
        "copy/2.png": b"c",
        "3.jpg": b"d",
        "3.png": b"ee",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_copies_are_one_picture_and_a_path_says_which(folder: Path) -> None:
    found = match_pictures(folder, ["2.png", "2", "dog/1.png", "3.png"])
    assert found.members == ("copy/2.png", "copy/2.png", "dog/1.png", "3.png")
    assert list_pictures(folder) == ["3.jpg", "3.png", "cat/1.png", "copy/2.png", "dog/1.png", "dog/2.png"]


@pytest.mark.parametrize("name", ["1.png", "1", "3"])
def test_a_name_of_two_different_pictures_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(BadInputError, match=f"one picture a name, got '{name}'.*differ"):
        match_pictures(folder, [name])


def test_a_picture_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(BadInputError, match="9.png"):
        match_pictures(folder, ["2.png", "9.png"])
