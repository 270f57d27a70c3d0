"""Pictures found by name: the wrong one of two is never taken silently."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.datasets.image_files import find_names, list_pictures, match_pictures, name_images
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


def test_folders_that_are_links_are_searched_and_rings_of_them_end(tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "faces").mkdir(parents=True)
    (tmp_path / "elsewhere" / "faces" / "1.png").write_bytes(b"a")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "one").symlink_to("../elsewhere/faces")
    (tmp_path / "images" / "two").symlink_to(tmp_path / "elsewhere" / "faces")
    (tmp_path / "images" / "itself").symlink_to(".")
    (tmp_path / "elsewhere" / "faces" / "back").symlink_to(tmp_path / "images")
    found = list_pictures(tmp_path / "images")
    assert {"one/1.png", "two/1.png"} <= set(found) and len(found) == 2
    assert match_pictures(tmp_path / "images", ["two/1.png"]).members == ("two/1.png",)


def test_pictures_whose_content_is_absent_are_counted_by_name(folder: Path) -> None:
    (folder / "4.png").symlink_to(".git/annex/objects/4.png")
    assert "4.png" in list_pictures(folder)
    with pytest.raises(BadInputError, match=r"each of 2 images, got '1 of them'.*datalad get`: 4.png"):
        match_pictures(folder, ["dog/1.png", "4.png"])


def test_pictures_are_listed_as_people_count(tmp_path: Path) -> None:
    for name in ("run10/1.png", "run2/pic10.png", "run2/pic9.png", "Run1/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert list_pictures(tmp_path) == ["Run1/a.png", "run2/pic9.png", "run2/pic10.png", "run10/1.png"]


KNOWN = ["faces/anna.png", "houses/anna.png", "faces/Bruder\u0308.jpg", "gabor_c0.25.png", "top.png"]


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("faces/anna.png", [0]),
        ("FACES\\ANNA.PNG", [0]),
        ("anna.png", [0, 1]),
        ("anna", [0, 1]),
        ("br\u00fcder", []),
        ("bru\u0308der", []),
        ("Br\u00fcder.JPG", []),
        ("gabor_c0.25", [3]),
        ("gabor_c0", []),
        ("/data/mine/top.png", [4]),
        ("C:\\mine\\faces\\anna.png", [0]),
        ("other/gabor_c0.25.png", [3]),
        ("cars/anna.png", []),
        ("", []),
    ],
)
def test_what_a_name_may_mean(name: str, places: list[int]) -> None:
    assert find_names([name], KNOWN) == [places]


def test_accents_are_one_however_they_are_composed() -> None:
    composed, apart = "fr\u00e9d\u00e9ric.png", "fre\u0301de\u0301ric.png"
    assert find_names([composed, apart, "FR\u00c9D\u00c9RIC"], [apart]) == [[0]] * 3


@pytest.mark.parametrize(
    ("paths", "ids"),
    [
        (["faces/1.png", "faces/2.png"], ("1", "2")),
        (["faces/1.png", "houses/1.png", "houses/2.png"], ("faces/1", "houses/1", "2")),
        (["a/1.png", "a/1.jpg", "b/1.png"], ("a/1.png", "a/1.jpg", "b/1")),
        (["e\u0301.png"], ("\u00e9",)),
        (["1.png", "1.png"], ("1.png", "1.png")),
    ],
)
def test_ids_tell_pictures_apart_with_as_little_as_it_takes(paths: list[str], ids: tuple[str, ...]) -> None:
    assert name_images(paths) == ids
