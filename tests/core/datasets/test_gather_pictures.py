"""Pictures among files and folders: as people count, what is none is named, folders of them are no recordings."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from core.datasets.image_files import LOOKED_AT
from core.datasets.image_store import gather_pictures
from core.datasets.kinds import is_image


def write_picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 64), (10, 20, 30)).save(path)
    return path


def never() -> bool:
    return False


def test_pictures_come_as_people_count_and_the_rest_is_named(tmp_path: Path) -> None:
    ten, two = write_picture(tmp_path / "10.png"), write_picture(tmp_path / "2.png")
    inside = [write_picture(tmp_path / "more" / name) for name in ("face_1.png", "face_9.png", "face_10.png")]
    broken, song = tmp_path / "broken.png", tmp_path / "song.mp3"
    broken.write_bytes(b"none")
    song.write_bytes(b"ID3")
    found, others = gather_pictures([ten, song, tmp_path / "more", two, broken], should_stop=never)
    assert found == [str(path) for path in (two, ten, *inside)]
    assert sorted(others) == ["broken.png", "song.mp3"]


def test_it_stops_where_it_is_told_to(tmp_path: Path) -> None:
    paths = [write_picture(tmp_path / f"{number}.png") for number in range(5)]
    asked = iter([False, False, True])
    assert gather_pictures(paths, should_stop=lambda: next(asked))[0] == [str(path) for path in paths[:2]]


@pytest.mark.parametrize(
    ("names", "is_one"),
    [
        (("a.png", "b.JPG"), True),
        (("faces/a.png", "houses/b.png"), True),
        (("a.png", "notes.txt", ".DS_Store"), True),
        (("notes.txt",), False),
        ((), False),
        (("a.png", "mine.toml"), False),
        (("images/a.png", "training_split/training_fmri/lh_training_fmri.npy"), False),
    ],
)
def test_a_folder_of_pictures_is_no_recording(tmp_path: Path, names: tuple[str, ...], is_one: bool) -> None:
    for name in names:
        write = write_picture if name.lower().endswith(("png", "jpg")) else lambda path: path.touch()
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / name)
    assert is_image(tmp_path) is is_one


def test_of_a_huge_folder_only_the_first_entries_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(LOOKED_AT + 5):
        (tmp_path / f"{number}.png").touch()
    monkeypatch.setattr("core.datasets.kinds.detect_kind", lambda _source: pytest.fail("the whole folder was read"))
    assert is_image(tmp_path)
