"""Subjects in the user's folder. Answers: what was written by hand."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from core.datasets.subject import is_shipped, list_subjects, load_responses, load_subject
from core.errors import StorageError
from tests.helpers.imported_subject import write_imported

SOURCE = {"kind": "files", "path": "/nowhere", "members": ["a.png", "b.png"]}
MEANS = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=np.float32)


def test_an_imported_subject_stands_after_the_shipped_ones() -> None:
    write_imported(means=MEANS, source=SOURCE, images=["a", "b"])
    assert [info.id for info in list_subjects()] == ["simulated", "kay2017", "mine"]
    assert is_shipped("kay2017") and not is_shipped("mine")


def test_it_says_what_was_shown_and_how_often() -> None:
    write_imported(means=MEANS, source=SOURCE, images=["a", "b"])
    subject = load_subject("mine")
    assert subject.categories == ("face", "face") and subject.n_trials.tolist() == [3, 3]
    assert subject.test.tolist() == [False, True]
    np.testing.assert_array_equal(load_responses("mine"), MEANS[:, None])


def test_the_shipped_subjects_have_groups_and_repeats_too() -> None:
    simulated, kay = load_subject("simulated"), load_subject("kay2017")
    assert set(simulated.n_trials.tolist()) == {3} and set(kay.n_trials.tolist()) == {1}
    assert dict(zip(kay.image_ids, kay.categories, strict=True))["kay_house"] == "place"
    assert len(simulated.categories) == len(simulated.image_ids) and "" not in simulated.categories


def test_a_subject_imported_again_is_read_again() -> None:
    folder = write_imported(means=MEANS, source=SOURCE, images=["a", "b"])
    assert load_subject("mine") is load_subject("mine")
    header = json.loads((folder / "subject.json").read_text(encoding="utf-8")) | {"title": "Another"}
    (folder / "subject.json").write_text(json.dumps(header), encoding="utf-8")
    os.utime(folder / "subject.json", ns=(1, 1))
    assert load_subject("mine").title == "Another"


def test_a_damaged_one_never_hides_the_others_and_says_what_to_do() -> None:
    folder = write_imported(means=MEANS, source=SOURCE, images=["a", "b"])
    (folder / "responses.npy").write_bytes(b"cut")
    with pytest.raises(StorageError, match=r"responses\.npy is truncated or no \.npy file: .* import it again"):
        load_responses("mine")
    np.save(folder / "responses.npy", np.zeros(3))
    with pytest.raises(StorageError, match=r"its responses are float64 \(3,\)"):
        load_responses("mine")
    (folder / "subject.json").write_text("{", encoding="utf-8")
    assert [info.id for info in list_subjects()] == ["simulated", "kay2017"]
    with pytest.raises(StorageError, match="Remove the subject and import it again"):
        load_subject("mine")


def test_a_half_written_folder_is_no_subject() -> None:
    folder = write_imported(means=MEANS, source=SOURCE, images=["a", "b"])
    folder.rename(folder.with_name(".mine.1234.part"))
    assert [info.id for info in list_subjects()] == ["simulated", "kay2017"]
