"""Images of subjects, wherever they lie. Answers: the pixels that were written."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from core.datasets.image_store import find_stimulus, open_image_store
from core.datasets.photos import load_stimulus
from core.datasets.subject import load_subject
from core.encoders.fit import open_source
from core.errors import BadInputError, StorageError
from tests.helpers.imported_subject import write_imported

LEVELS = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
MEANS = np.arange(12, dtype=np.float32).reshape(3, 4)
IDS = ["a", "b", "c"]


def write_pictures(folder: Path) -> dict[str, object]:
    folder.mkdir()
    for name, levels in zip(IDS, LEVELS, strict=True):
        Image.fromarray(levels).save(folder / f"{name}.png")
    return {"kind": "files", "path": str(folder), "members": [f"{name}.png" for name in IDS]}


def write_hdf5(path: Path) -> dict[str, object]:
    with h5py.File(path, "w") as file:
        file["imgBrick"] = LEVELS
    return {"kind": "hdf5", "path": str(path), "members": ["2", "0", "1"], "key": "imgBrick"}


def test_a_shipped_subject_gives_the_very_pixels_of_the_catalogue() -> None:
    subject = load_subject("kay2017")
    stimulus = open_image_store(subject).load("kay_house", 64)
    assert stimulus.sha256 == load_stimulus("kay_house", 64).sha256 and stimulus.id == "kay_house"
    with pytest.raises(BadInputError, match=r"an image of subject 'kay2017', got 'kay_hous'. Did you mean 'kay_house'"):
        open_image_store(subject).load("kay_hous", 64)


def test_files_of_a_folder_are_read_by_id(tmp_path: Path) -> None:
    write_imported(means=MEANS, source=write_pictures(tmp_path / "images"), images=IDS)
    stimulus = open_image_store(load_subject("mine")).load("b", 64)
    np.testing.assert_array_equal(stimulus.levels, LEVELS[1])
    assert stimulus.id == "b"


def test_rows_of_an_hdf5_array_are_read_as_the_subject_numbers_them(tmp_path: Path) -> None:
    write_imported(means=MEANS, source=write_hdf5(tmp_path / "stimuli.hdf5"), images=IDS)
    store = open_image_store(load_subject("mine"))
    np.testing.assert_array_equal(store.load("a", 64).levels, LEVELS[2])
    half = Image.fromarray(LEVELS[0]).resize((32, 32), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(store.load("b", 32).levels, np.asarray(half))


def test_a_fit_gets_the_images_and_a_memory_map(tmp_path: Path) -> None:
    write_imported(means=MEANS, source=write_pictures(tmp_path / "images"), images=IDS)
    source = open_source("mine", size=64)
    assert isinstance(source.responses, np.memmap) and not source.responses.flags.writeable
    np.testing.assert_array_equal(source.responses[:, 0], MEANS)
    np.testing.assert_array_equal(source.load("c").levels, LEVELS[2])


def test_an_image_is_found_by_subject_and_id_among_all(tmp_path: Path) -> None:
    write_imported(means=MEANS, source=write_pictures(tmp_path / "images"), images=IDS)
    stimulus = find_stimulus("mine:a", 64)
    assert stimulus.id == "a" and (stimulus.levels == LEVELS[0]).all()
    assert find_stimulus("kay_house", 64).id == "kay_house"
    assert find_stimulus(tmp_path / "images" / "a.png", 64).id == "a"


def test_images_that_have_gone_are_named(tmp_path: Path) -> None:
    write_imported(means=MEANS, source=write_hdf5(tmp_path / "stimuli.hdf5"), images=IDS)
    store = open_image_store(load_subject("mine"))
    (tmp_path / "stimuli.hdf5").rename(tmp_path / "elsewhere.hdf5")
    with pytest.raises(StorageError, match=r"no longer at .*stimuli\.hdf5\. Bring the folder back, or say"):
        store.load("a", 64)
