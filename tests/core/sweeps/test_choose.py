"""What a user names and what is offered in lists: images, folders of images, voxels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.datasets.subject import load_subject
from core.errors import BadInputError
from core.sweeps.choose import choose_images, offer_images, offer_voxels

SUBJECT = load_subject("simulated")


def test_a_folder_stands_for_its_images_in_the_order_people_count(tmp_path: Path) -> None:
    for name in ("img_10.png", "img_2.jpg"):
        Image.new("RGB", (40, 40)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("none")
    found = choose_images(SUBJECT, ["cat_chelsea", str(tmp_path)], seed=0)
    assert found == ("cat_chelsea", str(tmp_path / "img_2.jpg"), str(tmp_path / "img_10.png"))


def test_a_folder_without_images_is_refused_and_an_image_goes_before_a_folder_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cat_chelsea").mkdir()
    monkeypatch.chdir(tmp_path)
    assert choose_images(SUBJECT, ["cat_chelsea"], seed=0) == ("cat_chelsea",)
    with pytest.raises(BadInputError, match="a folder of pictures"):
        choose_images(SUBJECT, [str(tmp_path / "cat_chelsea")], seed=0)


def test_every_image_and_voxel_is_offered_once_with_what_it_is() -> None:
    drawn, *images = offer_images(SUBJECT)
    assert drawn == ("test:4", "4 held-out images, drawn with the seed")
    assert sorted(name for name, _ in images) == sorted(set(SUBJECT.image_ids))
    held_out = [words.endswith("held out") for _, words in images]
    assert held_out == sorted(held_out, reverse=True)
    assert sum(held_out) == len({name for name, test in zip(SUBJECT.image_ids, SUBJECT.test, strict=True) if test})
    voxels, table = offer_voxels(SUBJECT), SUBJECT.voxels
    assert [name for name, _ in voxels] == [str(number) for number in range(table.n_voxels)]
    last = int(np.flatnonzero(table.hemisphere == 1)[-1])
    assert (
        voxels[last][1] == f"voxel {last} · {table.roi[last]} · right · noise ceiling {table.noise_ceiling[last]:.2f}"
    )
