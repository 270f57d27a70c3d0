"""What can go wrong in an import, and that nothing half-imported stays. Answers: hand-made recordings."""

from __future__ import annotations

import dataclasses
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from core.datasets.import_options import ImportOptions, choose_held_out
from core.datasets.importer import iter_import, resolve_categories
from core.datasets.kinds import detect_kind, plan_import
from core.datasets.photos import find_image
from core.datasets.recording import RecordedSession, Recording, VoxelPlan
from core.datasets.subject import ImageSource, list_subjects, load_responses, load_subject, user_subjects_folder
from core.datasets.subject_files import remove_subject
from core.datasets.summary import format_counts, load_summary
from core.errors import BadInputError, StorageError
from core.surfaces.paint import Places
from tests.helpers.recording_files import write_picture

IDS = ("a", "b", "c", "d", "e")
SOME_PICTURE = str(find_image("cat_chelsea").path)


def make_recording(values: np.ndarray, *, images: tuple[str, ...] = IDS, zscore: bool = False) -> Recording:
    """One session, an image a trial."""
    n_voxels = values.shape[1]
    vertex = np.arange(n_voxels, dtype=np.int32)
    paint = np.stack([np.zeros_like(vertex), vertex, vertex], axis=1)
    return Recording(
        kind="generic",
        source=Path("/nowhere"),
        title="Made for a test",
        note="",
        citation="",
        licence="",
        response_unit="z",
        voxels=VoxelPlan(
            Places("fsaverage5", np.zeros(n_voxels, np.int8), vertex, paint), ("",) * (n_voxels - 1) + ("FFA",)
        ),
        sessions=(RecordedSession("session 1", np.arange(len(images)), values.copy),),
        image_ids=images,
        categories=("",) * len(images),
        images=ImageSource("files", Path("/nowhere"), (SOME_PICTURE,) * len(images)),
        zscore=zscore,
        is_simulated=True,
    )


def nothing_left() -> bool:
    folder = user_subjects_folder()
    return not folder.is_dir() or not list(folder.iterdir())


VALUES = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
DEFAULT = ImportOptions("mine", held_out="0.2")


@pytest.mark.parametrize("zscore", [False, True])
def test_missing_and_constant_voxels_are_left_out_and_told(zscore: bool) -> None:
    values = VALUES.copy()
    values[2, 0] = np.nan
    values[:, 2] = 7.0
    list(iter_import(make_recording(values, zscore=zscore), DEFAULT))
    subject, summary = load_subject("mine"), load_summary("mine")
    assert (summary.n_missing, summary.n_constant, summary.n_voxels) == (1, 1, 2)
    assert subject.voxels.vertex.tolist() == [1, 3] and subject.voxels.roi == ("", "FFA")
    assert subject.voxels.paint.tolist() == [[0, 1, 0], [0, 3, 1]]
    responses = load_responses("mine")[:, 0]
    assert responses.shape == (5, 2)
    if not zscore:
        np.testing.assert_array_equal(responses, values[:, [1, 3]])


def test_bad_voxels_can_be_refused_instead() -> None:
    values = VALUES.copy()
    values[0, 1] = np.inf
    with pytest.raises(BadInputError, match="1 voxels with missing values, 0 constant ones.*--bad-voxels drop"):
        list(iter_import(make_recording(values), ImportOptions("mine", held_out="0.2", bad_voxels="refuse")))
    with pytest.raises(BadInputError, match="some that vary"):
        list(iter_import(make_recording(np.zeros((5, 3))), DEFAULT))
    assert nothing_left()


def test_a_repeated_id_is_named() -> None:
    with pytest.raises(BadInputError, match="without repeated ids, got 'b'"):
        list(iter_import(make_recording(VALUES, images=("a", "b", "c", "b", "e")), DEFAULT))
    assert nothing_left()


def test_cancelling_leaves_nothing() -> None:
    progress = iter_import(make_recording(VALUES), DEFAULT)
    assert next(progress).stage == "reading" and not nothing_left()
    next(progress)
    progress.close()
    assert nothing_left()


def test_an_id_in_use_is_refused_before_anything_is_read() -> None:
    list(iter_import(make_recording(VALUES), DEFAULT))
    before = np.array(load_responses("mine"))
    with pytest.raises(BadInputError, match=r"a new id, got 'mine'.*subjects remove mine"):
        list(iter_import(make_recording(VALUES * 2), DEFAULT))
    np.testing.assert_array_equal(load_responses("mine"), before)
    with pytest.raises(BadInputError, match="kay2017 ships with the program"):
        list(iter_import(make_recording(VALUES), ImportOptions("kay2017")))


@pytest.mark.parametrize("identity", ["", "a b", "../x", ".x", "x" * 65, "a:b"])
def test_an_id_that_is_no_name_is_refused(identity: str) -> None:
    with pytest.raises(BadInputError, match="letters, digits"):
        ImportOptions(identity)


def fail_with(error: OSError) -> Callable[..., None]:
    def fail(*_args: object) -> None:
        raise error

    return fail


def test_a_full_disk_is_told_and_nothing_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(os, "posix_fallocate", fail_with(full))
    with pytest.raises(StorageError, match="No space is left to write .*mine"):
        list(iter_import(make_recording(VALUES), DEFAULT))
    assert nothing_left()
    monkeypatch.undo()
    usage = shutil.disk_usage("/")._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(StorageError, match="No space is left"):
        list(iter_import(make_recording(VALUES), DEFAULT))


def test_a_source_that_goes_away_half_way_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name in IDS:
        write_picture(tmp_path / "images" / f"{name}.png")
    np.save(tmp_path / "responses.npy", VALUES)
    (tmp_path / "s.toml").write_text('[images]\nfolder = "images"\n[responses]\nfile = "responses.npy"\n')
    recording = plan_import("generic", tmp_path, DEFAULT)
    progress = iter_import(recording, DEFAULT)
    next(progress)
    shutil.rmtree(tmp_path)
    with pytest.raises(StorageError, match=r"responses.npy cannot be read: .* Nothing of it was kept"):
        list(progress)
    assert nothing_left()


def test_a_wrong_number_of_trials_is_named() -> None:
    recording = make_recording(VALUES)
    short = RecordedSession("session 1", np.arange(5), VALUES[:4].copy)
    with pytest.raises(BadInputError, match=r"5 trials of 4 voxels in session 1, got \(4, 4\)"):
        list(iter_import(dataclasses.replace(recording, sessions=(short,)), DEFAULT))


def test_an_unknown_kind_or_folder_is_refused_with_help(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="one of generic.*got 'nds'. Did you mean 'nsd'"):
        plan_import("nds", tmp_path, DEFAULT)
    with pytest.raises(BadInputError, match="a recording of a known kind.*import template"):
        detect_kind(tmp_path)
    with pytest.raises(BadInputError, match="that is there"):
        detect_kind(tmp_path / "gone")


def test_held_out_rules(tmp_path: Path) -> None:
    kinds, n_trials = ("x",) * 10 + ("y",) * 10, np.array([3] * 2 + [1] * 18)
    images = tuple(f"i{number}" for number in range(20))

    def choose(rule: str, own: np.ndarray | None = None) -> list[int]:
        sessions = (RecordedSession("all", np.repeat(np.arange(20), n_trials), list),)
        recording = make_recording(np.zeros((20, 1), np.float32), images=images)
        recording = dataclasses.replace(recording, categories=kinds, held_out=own, sessions=sessions)
        return np.flatnonzero(choose_held_out(ImportOptions("m", held_out=rule), recording)).tolist()

    assert choose("repeated") == [0, 1]
    drawn = choose("0.2")
    assert len([row for row in drawn if row < 10]) == len([row for row in drawn if row >= 10]) == 2
    assert choose("own", np.arange(20) == 7) == [7] and len(choose("own")) == 4
    (tmp_path / "test.txt").write_text("i3\ni19\n")
    assert choose(str(tmp_path / "test.txt")) == [3, 19]
    (tmp_path / "test.txt").write_text("i3\nz\ny\n")
    with pytest.raises(BadInputError, match="got 'y'. 2 ids of the file are unknown"):
        choose(str(tmp_path / "test.txt"))
    with pytest.raises(BadInputError, match="share between 0 and 1.*got '1.5'"):
        ImportOptions("m", held_out="1.5")


def test_categories_come_from_a_table(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_text("image\tcategory\na\tface\nd\tplace\n")
    named = resolve_categories(make_recording(VALUES), tmp_path / "c.tsv")
    assert named.categories == ("face", "", "", "place", "")
    (tmp_path / "c.tsv").write_text("image\tcategory\nq\tface\n")
    with pytest.raises(BadInputError, match="names none of them"):
        resolve_categories(named, tmp_path / "c.tsv")


def test_removing_takes_imported_ones_only() -> None:
    list(iter_import(make_recording(VALUES), DEFAULT))
    assert load_subject("mine").kind == "simulated"
    with pytest.raises(BadInputError, match="kay2017 ships with the program and stays"):
        remove_subject("kay2017")
    with pytest.raises(BadInputError, match="got 'mime'. Did you mean 'mine'"):
        remove_subject("mime")
    remove_subject("mine")
    assert "mine" not in [info.id for info in list_subjects()] and nothing_left()


def test_an_import_stops_within_a_session() -> None:
    given: list[int] = []

    def blocks() -> Iterator[np.ndarray]:
        for row in range(5):
            given.append(row)
            yield VALUES[row : row + 1]

    recording = make_recording(VALUES)
    session = RecordedSession("session 1", np.arange(5), blocks)
    progress = iter_import(dataclasses.replace(recording, sessions=(session,)), DEFAULT)
    assert [next(progress).done for _ in range(3)] == [0.0, 0.2, 0.4]
    progress.close()
    assert given == [0, 1] and nothing_left()
    list(iter_import(dataclasses.replace(recording, sessions=(session,)), DEFAULT))
    np.testing.assert_array_equal(load_responses("mine")[:, 0], VALUES)


def test_many_categories_are_told_by_their_largest() -> None:
    counts = {f"c{number}": number for number in range(100)}
    text = format_counts(counts, "unknown")
    assert text.startswith("c99 99, c98 98, ") and text.endswith("c76 76, and 76 more")
    assert format_counts({"": 3, "face": 9}, "unknown") == "unknown 3, face 9"
