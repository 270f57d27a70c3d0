"""The Algonauts 2023 importer. Answers: the small arrays that were written."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from core.datasets.image_store import open_image_store
from core.datasets.import_options import ImportOptions
from core.datasets.importer import iter_import
from core.datasets.kinds import detect_kind, inspect_source, plan_import
from core.datasets.subject import load_responses, load_subject
from core.errors import BadInputError, WeightsError
from tests.helpers.recording_files import N_FSAVERAGE, write_algonauts

LEFT = np.random.default_rng(0).standard_normal((8, 3)).astype(">f4")
RIGHT = np.random.default_rng(1).standard_normal((8, 2)).astype(np.float32)
VERTICES = ([4, 77, 100_000], [4, 99])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_algonauts(tmp_path / "subj03", LEFT, RIGHT, VERTICES)
    return tmp_path / "subj03"


def test_rows_stay_with_their_images_left_before_right(folder: Path) -> None:
    asked = ImportOptions("alg03", held_out="0.25")
    list(iter_import(plan_import("auto", folder.parent, asked), asked))
    subject = load_subject("alg03")
    np.testing.assert_array_equal(load_responses("alg03")[:, 0], np.concatenate([LEFT, RIGHT], axis=1))
    assert subject.image_ids[2] == "nsd-00021" and int(subject.test.sum()) == 2
    assert subject.voxels.roi == ("OFA", "", "", "", "V1v")
    assert subject.voxels.hemisphere.tolist() == [0, 0, 0, 1, 1]
    assert subject.voxels.vertex[[0, 1, 3, 4]].tolist() == [4, 77, 4, 99]
    assert np.isnan(subject.voxels.noise_ceiling).all()
    assert open_image_store(subject).load("nsd-00021", 40).source.endswith("train-0003_nsd-00021.png")


def test_the_kind_is_found_from_the_folder_of_all_or_one(folder: Path) -> None:
    assert detect_kind(folder) == detect_kind(folder.parent) == "algonauts2023"
    finding = inspect_source(folder, options=ImportOptions("x"))
    assert finding.n_images == 8 and finding.rois == {"OFA": 1, "": 3, "V1v": 1} and not finding.has_noise_ceiling


def test_a_missing_image_is_named(folder: Path) -> None:
    (folder / "training_split/training_images/train-0005_nsd-00035.png").unlink()
    with pytest.raises(BadInputError, match="7 images and 8 rows in lh_training_fmri.npy'. train-0005 is missing"):
        plan_import("algonauts2023", folder, ImportOptions("x"))


def test_masks_of_another_length_or_space_are_refused(folder: Path) -> None:
    mask = folder / "roi_masks" / "lh.floc-faces_challenge_space.npy"
    np.save(mask, np.zeros(N_FSAVERAGE))
    with pytest.raises(BadInputError, match=r"lh.floc-faces_challenge_space.npy` must be 3 numbers.*another space"):
        plan_import("algonauts2023", folder, ImportOptions("x"))
    np.save(folder / "roi_masks" / "rh.all-vertices_fsaverage_space.npy", np.ones(N_FSAVERAGE))
    with pytest.raises(BadInputError, match="must be 2 vertices, as rh_training_fmri.npy has, got '163,842 in"):
        plan_import("algonauts2023", folder, ImportOptions("x"))


class Bomb:
    """Would leave a file behind if it were unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, ("/tmp/probescope-bomb-went-off", "w")


def test_code_in_a_mapping_never_runs(folder: Path) -> None:
    path = folder / "roi_masks" / "mapping_floc-faces.npy"
    np.save(path, np.array({1: Bomb()}, dtype=object), allow_pickle=True)
    assert b"open" in path.read_bytes() and pickle.HIGHEST_PROTOCOL
    with pytest.raises(WeightsError, match=r"mapping_floc-faces\.npy"):
        plan_import("algonauts2023", folder, ImportOptions("x"))
    assert not Path("/tmp/probescope-bomb-went-off").exists()


def test_responses_that_are_no_array_of_numbers_are_refused(folder: Path) -> None:
    path = folder / "training_split" / "training_fmri" / "lh_training_fmri.npy"
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(BadInputError, match=r"lh_training_fmri\.npy holds objects besides numbers"):
        plan_import("algonauts2023", folder, ImportOptions("x"))
    path.write_bytes(b"\x93NUMPY\x09\x09")
    with pytest.raises(BadInputError, match="no array file"):
        plan_import("algonauts2023", folder, ImportOptions("x"))
