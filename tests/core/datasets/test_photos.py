"""The shipped images: ids, groups, licences, files. Answers from the files themselves and from Pillow."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.datasets.photos import GROUPS, NETWORK_SIZE, find_image, list_images, load_stimulus
from core.errors import BadInputError

MOST_BYTES = 20_000_000


def test_ids_are_unique_and_every_file_is_there() -> None:
    infos = list_images()
    assert len({info.id for info in infos}) == len(infos)
    assert all(info.path.is_file() and info.licence and info.original for info in infos)
    assert sum(info.path.stat().st_size for info in infos) < MOST_BYTES


def test_every_asked_group_is_there_and_split() -> None:
    photos = [info for info in list_images() if info.set == "photos"]
    counts = Counter((info.group, info.split) for info in photos)
    assert len(photos) > 1000
    for group in set(GROUPS) - {"other"}:
        assert counts[group, "train"] >= 20 and counts[group, "test"] >= 5
    assert {info.group for info in photos} <= set(GROUPS)
    assert 0.15 < np.mean([info.split == "test" for info in photos]) < 0.25


def test_a_dozen_curated_images_come_first_and_are_held_out() -> None:
    infos = list_images()
    assert [info.curated for info in infos[:12]] == [True] * 12
    assert not any(info.curated for info in infos[12:])
    assert all(info.split == "test" for info in infos[:12])
    assert len({info.group for info in infos[:12]}) >= 6


def test_no_photograph_is_twice_in_the_set() -> None:
    hashes = Counter(info.path.read_bytes() for info in list_images())
    assert max(hashes.values()) == 1


def test_a_shipped_image_is_loaded_as_it_is_stored() -> None:
    stimulus = load_stimulus("cat_chelsea")
    with Image.open(find_image("cat_chelsea").path) as stored:
        assert np.array_equal(stimulus.levels, np.asarray(stored.convert("RGB")))
    assert stimulus.id == "cat_chelsea" and stimulus.notes == ()
    assert stimulus.pixels.shape == (3, NETWORK_SIZE, NETWORK_SIZE)
    assert load_stimulus("cat_chelsea", 96).pixels.shape == (3, 96, 96)


def test_a_file_of_the_user_is_loaded_by_its_path(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), (1, 2, 3)).save(tmp_path / "mine.png")
    stimulus = load_stimulus(tmp_path / "mine.png", 32)
    assert stimulus.id == "mine" and (stimulus.levels == (1, 2, 3)).all()
    assert load_stimulus(str(tmp_path / "mine.png"), 32).sha256 == stimulus.sha256


def test_an_unknown_image_is_refused_with_the_nearest_id() -> None:
    with pytest.raises(BadInputError, match=r"got 'cat_chelsae'. Did you mean 'cat_chelsea'\?"):
        load_stimulus("cat_chelsae")
    with pytest.raises(BadInputError, match="Did you mean 'cat_chelsea'"):
        find_image("chelsea_cat")


def test_a_name_that_no_manifest_could_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="`image` must be a file whose name is UTF-8 text"):
        load_stimulus(tmp_path / "caf\udce9.png")  # of the bytes "caf\xe9.png"
    with pytest.raises(BadInputError, match="File name too long"):
        load_stimulus("n" * 300)
    with pytest.raises(BadInputError, match="must be the id of a shipped image or the path"):
        load_stimulus("a\0b")
