"""Files of every kind a laboratory may have, read back to the numbers they were made of; what does not fit is told."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import h5py
import nibabel
import numpy as np
import pytest
from scipy import stats

from core.datasets.import_options import ImportOptions
from core.datasets.kinds import plan_import
from core.errors import BadInputError
from core.experiments.measured.measured import MatchOptions, Measured, find_columns, zscore
from core.experiments.measured.planned import MeasuredPlan, plan_set
from core.experiments.measured.trial import ReadOptions, name_stimulus
from core.experiments.measured.trial_arrays import read_array
from core.experiments.measured.trials import open_measured
from core.experiments.packages.presentation import CONDITION_COLUMNS
from core.probes.target import Target, TargetKind
from core.stimuli.manifest import read_manifest
from tests.helpers.measured_sets import write_set
from tests.helpers.recording_files import write_picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("sets") / "set", n_images=4, directions=("raise",))


@pytest.fixture(scope="module")
def plan(folder: Path) -> MeasuredPlan:
    return plan_set(read_manifest(folder))


@pytest.fixture(scope="module")
def ids(plan: MeasuredPlan) -> list[str]:
    return [stimulus.id for stimulus in plan.stimuli]


VALUES = np.arange(12) / 4.0
"""What was measured of the twelve stimuli, in the manifest's order."""


def write_table(path: Path, header: str, lines: list[str]) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def open_with(folder: Path, path: Path, reading: ReadOptions | None = None, **matching: object) -> Measured:
    return open_measured(folder, [path], reading or ReadOptions(), MatchOptions(**matching))  # type: ignore[arg-type]


def means(measured: Measured) -> np.ndarray:
    """The mean of every stimulus, in the manifest's order."""
    repeats = next(iter(measured.repeats.values()))
    return np.nanmean(repeats, axis=1)[[measured.picture_of[one.id] for one in measured.plan.stimuli]]


def test_a_wide_table_is_read(folder: Path, ids: list[str], tmp_path: Path) -> None:
    lines = [f"{one},{value}" for one, value in zip(ids, VALUES, strict=True)]
    measured = open_with(folder, write_table(tmp_path / "m.csv", "stimulus,FFA", lines))
    assert means(measured) == pytest.approx(VALUES)
    assert measured.findings.repeats == ((1, 12),)
    assert (measured.findings.missing, measured.findings.unknown) == ((), ())


def test_a_long_table_is_read_and_its_repeats_kept(folder: Path, ids: list[str], tmp_path: Path) -> None:
    lines = [
        f"{one}\t{roi}\t{value + extra}"
        for one, value in zip(ids, VALUES, strict=True)
        for extra in (-0.5, 0.5)
        for roi in ("FFA", "V1")
    ]
    measured = open_with(folder, write_table(tmp_path / "m.tsv", "stimulus\troi\tresponse", lines))
    assert means(measured) == pytest.approx(VALUES)
    assert measured.findings.repeats == ((2, 12),)
    assert measured.findings.columns == (("ROI FFA (3 voxels)", "column 'FFA'"),)


def test_a_psychopy_table_is_read_by_its_files_and_the_chosen_column(
    folder: Path, ids: list[str], tmp_path: Path
) -> None:
    lines = [
        f"stimuli/{one}.png,{value},space,P01,{number}"
        for number, (one, value) in enumerate(zip(ids, VALUES, strict=True))
    ]
    lines.append(",,,P01,99")
    path = write_table(tmp_path / "m.csv", "stim_file,key_resp.rt,key_resp.keys,participant,trials.thisN", lines)
    measured = open_with(folder, path, target_columns={"": "key_resp.rt"}, unit="s")
    assert means(measured) == pytest.approx(VALUES)
    assert measured.findings.n_skipped == 1
    assert measured.findings.sessions == (("P01", 12),)
    assert "key_resp.keys" in measured.findings.notes[0]


@pytest.mark.parametrize("right", ["1", "TRUE", "true"])
def test_data_of_this_programs_own_packages_are_read(right: str, folder: Path, ids: list[str], tmp_path: Path) -> None:
    """The columns of a run, what was pressed, a catch trial and a blank; the answers are right for the first six."""
    header = [*CONDITION_COLUMNS, "real_onset", "response", "correct"]
    rows = [
        {"trial_kind": "stimulus", "image_file": f"stimuli/{one}.png", "stimulus_id": one, "is_catch": "0"}
        for one in ids
    ]
    catch = {"trial_kind": "catch", "image_file": f"stimuli/{ids[0]}.png", "stimulus_id": ids[0], "is_catch": "1"}
    rows = [*rows, catch, {"trial_kind": "blank", "is_catch": "0"}]
    common = {
        "trial": "1",
        "onset": "4",
        "duration": "2",
        "width_ratio": "1",
        "real_onset": "4.01",
        "response": "space",
    }
    with (tmp_path / "m.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header, restval="")
        writer.writeheader()
        for number, row in enumerate(rows):
            writer.writerow(common | row | {"correct": right if number < 6 else {"1": "0"}.get(right, "false")})
    measured = open_with(folder, tmp_path / "m.csv")
    assert means(measured) == pytest.approx([1.0] * 6 + [0.0] * 6)
    assert measured.findings.n_skipped == 2
    assert measured.findings.columns[0][1] == "column 'correct'"


def test_jspsych_data_are_read_and_fixation_is_no_stimulus(folder: Path, ids: list[str], tmp_path: Path) -> None:
    trials = [
        trial
        for one, value in zip(ids, VALUES, strict=True)
        for trial in (
            {"stimulus": "<p>+</p>", "rt": None},
            {"stimulus": f"stimuli/{one}.png", "rt": value, "response": "j"},
        )
    ]
    (tmp_path / "m.json").write_text(json.dumps(trials))
    measured = open_with(folder, tmp_path / "m.json", target_columns={"": "rt"})
    assert means(measured) == pytest.approx(VALUES)
    assert measured.findings.n_skipped == 12


@pytest.mark.parametrize("kind", ["npy", "npz", "h5", "turned"])
def test_betas_are_read_in_the_order_of_the_events(kind: str, folder: Path, ids: list[str], tmp_path: Path) -> None:
    """BIDS events with a blank and a catch trial, which have no beta."""
    lines = [f"{4 * n}\t2\tstimulus\tstimuli/{one}.png" for n, one in enumerate(ids)]
    lines[2:2] = ["7\t2\tblank\tn/a", f"9\t2\tcatch\tstimuli/{ids[0]}.png"]
    events = write_table(tmp_path / "events.tsv", "onset\tduration\ttrial_type\tstim_file", lines)
    betas = np.stack([VALUES, -VALUES], axis=1)
    path = tmp_path / f"betas.{'npy' if kind == 'turned' else kind}"
    if kind == "npz":
        np.savez(path, betas)
    elif kind == "h5":
        with h5py.File(path, "w") as file:
            file["betas"] = betas
    else:
        np.save(path, betas.T if kind == "turned" else betas)
    reading = ReadOptions(ids=(events,), columns=("FFA", "PPA"))
    measured = open_with(folder, path, reading)
    assert means(measured) == pytest.approx(VALUES)
    assert (kind == "turned") == ("was turned" in " ".join(measured.findings.notes))


def test_betas_of_every_event_are_read_too(folder: Path, ids: list[str], tmp_path: Path) -> None:
    """The same events, with rows for the blank and the catch trial."""
    lines = [f"4\t2\tstimulus\tstimuli/{one}.png" for one in ids]
    lines[2:2] = ["7\t2\tblank\tn/a", f"9\t2\tcatch\tstimuli/{ids[0]}.png"]
    events = write_table(tmp_path / "events.tsv", "onset\tduration\ttrial_type\tstim_file", lines)
    np.save(tmp_path / "betas.npy", np.insert(VALUES, 2, [99.0, 99.0]))
    measured = open_with(folder, tmp_path / "betas.npy", ReadOptions(ids=(events,)))
    assert means(measured) == pytest.approx(VALUES)
    assert measured.findings.n_skipped == 2


@pytest.mark.parametrize("joined", [True, False])
def test_runs_have_events_of_their_own(joined: bool, folder: Path, ids: list[str], tmp_path: Path) -> None:
    halves = ids[:5], ids[5:]
    names = [write_table(tmp_path / f"run{number}.txt", half[0], half[1:]) for number, half in enumerate(halves)]
    parts = [VALUES] if joined else [VALUES[:5], VALUES[5:]]
    paths = [tmp_path / f"betas{number}.npy" for number in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        np.save(path, part)
    measured = open_measured(folder, paths, ReadOptions(ids=tuple(names)), MatchOptions())
    assert means(measured) == pytest.approx(VALUES)
    assert [count for _, count in measured.findings.sessions] == [5, 7]
    with pytest.raises(BadInputError, match="one file for each measured file"):
        open_measured(folder, [*paths, paths[0], paths[0]], ReadOptions(ids=tuple(names)), MatchOptions())


def test_an_npz_file_may_hold_its_ids_and_columns(folder: Path, ids: list[str], tmp_path: Path) -> None:
    np.savez(
        tmp_path / "m.npz", ids=np.array(ids), columns=np.array(["V1", "FFA"]), responses=np.stack([-VALUES, VALUES], 1)
    )
    assert means(open_with(folder, tmp_path / "m.npz")) == pytest.approx(VALUES)


def test_all_voxels_of_the_subject_are_weighted_as_the_target_is(folder: Path, ids: list[str], tmp_path: Path) -> None:
    """The FFA of the set is voxels 3, 4 and 5 of the simulated subject, which has 1844."""
    betas = np.random.default_rng(0).normal(size=(12, 1844)).astype(np.float32)
    np.save(tmp_path / "betas.npy", betas)
    write_table(tmp_path / "betas_ids.txt", ids[0], ids[1:])
    measured = open_with(folder, tmp_path / "betas.npy")
    assert means(measured) == pytest.approx(betas[:, [3, 4, 5]].mean(axis=1), rel=1e-5)


def test_ids_of_another_case_or_composed_otherwise_are_those_of_the_set(
    folder: Path, ids: list[str], tmp_path: Path
) -> None:
    betas = np.random.default_rng(0).normal(size=(12, 1)).astype(np.float32)
    np.save(tmp_path / "betas.npy", betas)
    write_table(tmp_path / "betas_ids.txt", ids[0].upper(), [f"stimuli/{one}.PNG" for one in ids[1:]])
    assert means(open_with(folder, tmp_path / "betas.npy")) == pytest.approx(betas[:, 0], rel=1e-5)


@pytest.mark.parametrize("ending", ["_events.tsv", ".tsv"])
@pytest.mark.parametrize("given", [(10, 11, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9), tuple(range(12, 0, -1))])
def test_runs_sorted_by_letters_are_taken_as_people_count_and_others_as_given(
    folder: Path, ids: list[str], tmp_path: Path, given: tuple[int, ...], ending: str
) -> None:
    order = range(1, 13) if given[0] == 10 else given
    betas = np.random.default_rng(1).normal(size=(12, 1)).astype(np.float32)
    np.save(tmp_path / "betas.npy", betas[[number - 1 for number in order]])
    for number, one in enumerate(ids, start=1):
        write_table(tmp_path / f"run-{number}{ending}", "onset\tstim_file", [f"0\t{one}"])
    reading = ReadOptions(ids=tuple(tmp_path / f"run-{number}{ending}" for number in given))
    measured = open_with(folder, tmp_path / "betas.npy", reading)
    assert means(measured) == pytest.approx(betas[:, 0], rel=1e-5)
    first, second, *_ = order
    told = f"Ids are in the order of run-{first}{ending}, run-{second}{ending},"
    assert any(note.startswith(told) for note in measured.findings.notes)
    files = [tmp_path / f"run-{number}_betas.npy" for number in given]
    for number, path in zip(given, files, strict=True):
        np.save(path, betas[[number - 1]])
    measured = open_measured(folder, sorted(files), replace(reading, ids=tuple(sorted(reading.ids))), MatchOptions())
    assert means(measured) == pytest.approx(betas[:, 0], rel=1e-5)


def test_volumes_are_averaged_inside_the_mask(folder: Path, ids: list[str], tmp_path: Path) -> None:
    volume = np.random.default_rng(1).normal(size=(3, 4, 5, 12)).astype(np.float32)
    mask = np.zeros((3, 4, 5), dtype=np.uint8)
    mask[1, 2:4, 0] = 1
    for name, data in (("betas", volume), ("ffa", mask)):
        nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), tmp_path / f"{name}.nii.gz")
    write_table(tmp_path / "ids.txt", ids[0], ids[1:])
    reading = ReadOptions(ids=(tmp_path / "ids.txt",), rois=(("FFA", tmp_path / "ffa.nii.gz"),))
    expected = volume[1, 2:4, 0].mean(axis=0)
    assert means(open_with(folder, tmp_path / "betas.nii.gz", reading)) == pytest.approx(expected, rel=1e-5)
    turned = nibabel.load(tmp_path / "ffa.nii.gz").as_reoriented(np.array([[2, -1], [0, 1], [1, -1]]))
    nibabel.save(turned, tmp_path / "ffa.nii.gz")
    assert means(open_with(folder, tmp_path / "betas.nii.gz", reading)) == pytest.approx(expected, rel=1e-5)
    whole = ReadOptions(ids=(tmp_path / "ids.txt",), mask=tmp_path / "ffa.nii.gz", columns=())
    trials = read_array(tmp_path / "betas.nii.gz", whole, known=frozenset(ids), n_voxels=2)
    order = np.argwhere(np.asarray(turned.dataobj))  # of the mask's own file
    there = (nibabel.affines.apply_affine(turned.affine, order)).astype(int)
    np.testing.assert_allclose(trials.values, volume[tuple(there.T)].T, rtol=1e-6)
    with pytest.raises(BadInputError, match="--roi"):
        open_with(folder, tmp_path / "betas.nii.gz", ReadOptions(ids=(tmp_path / "ids.txt",)))


def test_voxels_without_any_value_are_no_part_of_a_mask(folder: Path, ids: list[str], tmp_path: Path) -> None:
    volume = np.random.default_rng(1).normal(size=(3, 4, 5, 12)).astype(np.float32)
    volume[1, 3, 0] = np.nan
    mask = np.zeros((3, 4, 5), dtype=np.uint8)
    mask[1, 1:4, 0] = 2
    for name, data in (("betas", volume), ("ffa", mask)):
        nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), tmp_path / f"{name}.nii")
    write_table(tmp_path / "ids.txt", ids[0], ids[1:])
    reading = ReadOptions(ids=(tmp_path / "ids.txt",), rois=(("FFA", tmp_path / "ffa.nii"),))
    measured = open_with(folder, tmp_path / "betas.nii", reading)
    assert means(measured) == pytest.approx(volume[1, 1:3, 0].mean(axis=0), rel=1e-5)
    assert "1 of 3 voxels of FFA have no value in any trial: left out." in measured.findings.notes


def test_voxels_of_a_coarser_mask_are_means_of_the_finer_volumes_inside(
    folder: Path, ids: list[str], tmp_path: Path
) -> None:
    volume = np.random.default_rng(1).normal(size=(4, 4, 2, 12)).astype(np.float32)
    coarse, move = np.zeros((2, 2, 1), dtype=np.uint8), np.diag([2.0, 2, 2, 1])
    coarse[0, 1, 0] = coarse[1, 0, 0] = 1
    move[:3, 3] = 0.5
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), tmp_path / "betas.nii")
    nibabel.save(nibabel.Nifti1Image(coarse, move), tmp_path / "mask.nii")
    write_table(tmp_path / "ids.txt", ids[0], ids[1:])
    plain = ReadOptions(ids=(tmp_path / "ids.txt",), mask=tmp_path / "mask.nii")
    with pytest.raises(BadInputError, match=r"--resample"):
        read_array(tmp_path / "betas.nii", plain, known=frozenset(ids), n_voxels=2)
    trials = read_array(tmp_path / "betas.nii", replace(plain, resample=True), known=frozenset(ids), n_voxels=2)
    expected = [volume[:2, 2:].mean(axis=(0, 1, 2)), volume[2:, :2].mean(axis=(0, 1, 2))]
    np.testing.assert_allclose(trials.values, np.transpose(expected), rtol=1e-5, atol=1e-7)
    assert trials.columns == ("voxel 0", "voxel 1") and "2 voxels above 0 became 16." in trials.notes[0]
    fine, half = np.ones((8, 8, 4), dtype=np.uint8), np.diag([0.5, 0.5, 0.5, 1.0])
    nibabel.save(nibabel.Nifti1Image(fine, half), tmp_path / "mask.nii")
    with pytest.raises(BadInputError, match=r"each of whose 256 voxels holds .* got '32 that do"):
        read_array(tmp_path / "betas.nii", replace(plain, resample=True), known=frozenset(ids), n_voxels=2)


@pytest.mark.parametrize("side", [1.0, 2.0])
def test_voxels_of_a_turned_mask_on_another_grid_are_numbered_as_at_the_import(
    ids: list[str], tmp_path: Path, side: float
) -> None:
    """The mask's own order, by hand: its voxels one after another, and in each the voxels of the betas inside it."""
    betas = np.random.default_rng(1).normal(size=(4, 4, 2, 12)).astype(np.float32)
    affine = np.diag([-side, side, side, 1.0])  # to the left, while the betas run to the right
    affine[:3, 3] = np.array([3.4, 0.4, 0.4]) + np.array([-0.5, 0.5, 0.5]) * (side - 1)
    mask = np.ones((int(4 / side), int(4 / side), int(2 / side)), dtype=np.uint8)
    mask[0, 1] = 0
    nibabel.save(nibabel.Nifti1Image(betas, np.eye(4)), tmp_path / "betas_1.nii")
    nibabel.save(nibabel.Nifti1Image(mask, affine), tmp_path / "mask.nii")
    for one in ids[:12]:
        write_picture(tmp_path / "images" / f"{one}.png")
    write_table(tmp_path / "trials.csv", "image", ids[:12])
    points = np.rint((np.argwhere(np.ones((4, 4, 2))) - affine[:3, 3]) / np.diag(affine)[:3]).astype(int)
    rows = [(*there, *here) for there, here in zip(points, np.ndindex(4, 4, 2), strict=True) if mask[tuple(there)]]
    expected = np.transpose([betas[tuple(row[3:])] for row in sorted(map(tuple, rows))])
    (session,) = plan_import("nifti", tmp_path, ImportOptions("x", resample=True)).sessions
    np.testing.assert_array_equal(np.concatenate(list(session.read())), expected)
    write_table(tmp_path / "ids.txt", ids[0], ids[1:12])
    options = ReadOptions(ids=(tmp_path / "ids.txt",), mask=tmp_path / "mask.nii", resample=True)
    read = partial(read_array, tmp_path / "betas_1.nii", options, known=frozenset(ids))
    np.testing.assert_allclose(read(n_voxels=expected.shape[1]).values, expected, rtol=1e-6)
    with pytest.raises(BadInputError, match="one of the subject's 5 voxels.*without those left out then"):
        read(n_voxels=5)


def test_unknown_ids_are_named_and_can_be_left_out(folder: Path, ids: list[str], tmp_path: Path) -> None:
    lines = [f"{one},1" for one in [*ids, "face_of_another_set"]]
    path = write_table(tmp_path / "m.csv", "stimulus,FFA", lines)
    with pytest.raises(BadInputError, match=r"face_of_another_set.*--ignore-unknown"):
        open_with(folder, path)
    measured = open_with(folder, path, ignore_unknown=True)
    assert measured.findings.unknown == ("face_of_another_set",)
    assert measured.findings.n_matched == 12


def test_a_file_of_another_set_is_refused_even_so(folder: Path, tmp_path: Path) -> None:
    path = write_table(tmp_path / "m.csv", "stimulus,FFA", ["a,1", "b,2"])
    with pytest.raises(BadInputError, match="Is it the file of this set"):
        open_with(folder, path, ignore_unknown=True)


def test_missing_ids_and_values_are_counted(folder: Path, ids: list[str], tmp_path: Path) -> None:
    lines = [f"{one},{value}" for one, value in zip(ids[1:], ["nan", "", *range(9)], strict=True)]
    findings = open_with(folder, write_table(tmp_path / "m.csv", "stimulus,FFA", lines)).findings
    assert findings.missing == (ids[0],)
    assert findings.n_nan == 2
    assert any(ids[0] in line for line in findings.describe())


def test_identical_files_share_their_trials(tmp_path: Path) -> None:
    """Raise and lower of one image have the same original; it was shown once."""
    folder = write_set(tmp_path / "set", n_images=1)
    names = [row.id for row in read_manifest(folder).rows]
    shown = [name for name in names if name != "image_0-lower-FFA-l2-3-mobilenet_v2_original"]
    lines = [f"{one},{number}" for number, one in enumerate(shown)]
    measured = open_with(folder, write_table(tmp_path / "m.csv", "stimulus,FFA", lines))
    assert measured.findings.missing == ()
    assert measured.findings.shared == 1
    assert means(measured)[3] == means(measured)[0]


def test_zscores_are_those_of_scipy_in_each_session() -> None:
    draw = np.random.default_rng(2)
    values = draw.normal(size=(20, 3))
    values[4, 1] = np.nan
    sessions = ["a", "b"] * 10
    found = zscore(values, sessions)
    for session in "ab":
        rows = [number for number, one in enumerate(sessions) if one == session]
        assert found[rows] == pytest.approx(stats.zscore(values[rows], ddof=1, nan_policy="omit"), nan_ok=True)


def test_a_session_too_short_for_a_zscore_is_refused(folder: Path, ids: list[str], tmp_path: Path) -> None:
    lines = [f"{one},{'late' if one == ids[0] else 'early'},1" for one in ids]
    path = write_table(tmp_path / "m.csv", "stimulus,session,FFA", lines)
    with pytest.raises(BadInputError, match="late"):
        open_with(folder, path, zscore=True)


def test_several_files_are_sessions(folder: Path, ids: list[str], tmp_path: Path) -> None:
    paths = [write_table(tmp_path / f"run{run}.csv", "stimulus,FFA", [f"{one},{run}" for one in ids]) for run in (1, 3)]
    measured = open_measured(folder, paths, ReadOptions(), MatchOptions())
    assert measured.findings.sessions == (("run1.csv", 12), ("run3.csv", 12))
    assert means(measured) == pytest.approx(np.full(12, 2.0))


BAD_FILES = {
    "missing": (None, "a file that is there"),
    "empty": ("", "`measured` must be a table with a column"),
    "no ids": ("a,b\n1,2\n", "--id-column"),
    "no numbers": ("stimulus,key\n{id},j\n", "a column of numbers"),
    "ragged": ("stimulus,FFA\n{id},1,2\n", "2 fields a line"),
    "long texts": ("stimulus,key\n{id}," + 2000 * "j" + "\n", "^.{,400}$"),
    "no target": ("stimulus,V1,V2\n{id},1,2\n", "--target-column"),
}


@pytest.mark.parametrize(("text", "clue"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_table_gets_a_sentence(text: str | None, clue: str, folder: Path, ids: list[str], tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    if text is not None:
        path.write_text(text.replace("{id}", ids[0]))
    with pytest.raises(BadInputError, match=clue):
        open_with(folder, path)


def test_betas_need_their_ids_in_the_right_number(folder: Path, ids: list[str], tmp_path: Path) -> None:
    np.save(tmp_path / "betas.npy", np.ones((11, 1)))
    with pytest.raises(BadInputError, match="--ids"):
        open_with(folder, tmp_path / "betas.npy")
    write_table(tmp_path / "ids.txt", ids[0], ids[1:])
    with pytest.raises(BadInputError, match="12 rows"):
        open_with(folder, tmp_path / "betas.npy", ReadOptions(ids=(tmp_path / "ids.txt",)))


def test_pickled_betas_are_refused(folder: Path, ids: list[str], tmp_path: Path) -> None:
    np.save(tmp_path / "betas.npy", np.array([{"betas": 1}], dtype=object), allow_pickle=True)
    write_table(tmp_path / "ids.txt", ids[0], ids[1:])
    with pytest.raises(BadInputError, match="plain numbers"):
        open_with(folder, tmp_path / "betas.npy", ReadOptions(ids=(tmp_path / "ids.txt",)))


def test_an_edited_set_is_refused(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", n_images=1)
    picture = next((folder / "stimuli").iterdir())
    picture.write_bytes(picture.read_bytes() + b" ")
    with pytest.raises(BadInputError, match="changed after writing"):
        open_with(folder, tmp_path / "m.csv")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("stimuli/a-l2-0.5_raise.png", "a-l2-0.5_raise"),
        (r"C:\exp\a-l2-0.5_raise.PNG", "a-l2-0.5_raise"),
        (" a-l2-0.5_raise ", "a-l2-0.5_raise"),
        ("n/a", ""),
        ("<p>+</p>", ""),
        ('<p><img src="stimuli/a-l2-0.5_raise.png" width=300></p>', "a-l2-0.5_raise"),
        ("<img src='stimuli/a-l2-0.5_raise.png'>", "a-l2-0.5_raise"),
        ("https://example.org/exp/stimuli/a-l2-0.5_raise.png?v=3", "a-l2-0.5_raise"),
    ],
)
def test_an_id_is_found_in_a_field(text: str, name: str) -> None:
    assert name_stimulus(text) == name


def test_a_wished_column_wins_and_a_slip_is_told() -> None:
    target = Target(TargetKind.VOXEL, "voxel 12 (left V1)", (12,), (1.0,))
    columns = ("v12", "V1", "rt")
    assert columns[find_columns(target, columns, {})[0][0]] == "v12"
    assert columns[find_columns(target, columns, {"V1": "rt"})[0][0]] == "rt"
    assert columns[find_columns(target, columns, {target.label: "V1", "": "rt"})[0][0]] == "V1"
    with pytest.raises(BadInputError, match="Did you mean 'rt'"):
        find_columns(target, columns, {"": "rtt"})
    roi = Target(TargetKind.ROI, "ROI FFA (2 voxels)", (1, 2), (0.5, 0.5), roi="FFA")
    for columns in (("FFA", "ffa"), ("ffa", "FFA"), ("rt", "Ffa")):
        assert columns[find_columns(roi, columns, {})[0][0]] in ("FFA", "Ffa")


def test_no_other_column_takes_the_place_of_one_with_a_slip(folder: Path, ids: list[str], tmp_path: Path) -> None:
    """The target's column with a decimal comma was left out as text, and the reaction times compared instead."""
    lines = [f'{one},"0,{number}",0.4' for number, one in enumerate(ids)]
    path = write_table(tmp_path / "m.csv", "stimulus,FFA,rt", lines)
    with pytest.raises(BadInputError, match="`column FFA` must be of numbers, got '0,0'. Write numbers with decimal"):
        open_with(folder, path)


def test_a_column_wished_for_no_target_is_told(folder: Path, ids: list[str], tmp_path: Path) -> None:
    path = write_table(tmp_path / "m.csv", "stimulus,FFA", [f"{one},1" for one in ids])
    with pytest.raises(BadInputError, match="`target_column` must be one of FFA, .* got 'FAA'"):
        open_with(folder, path, target_columns={"FAA": "FFA"})


def test_two_columns_of_one_name_are_told(folder: Path, ids: list[str], tmp_path: Path) -> None:
    path = write_table(tmp_path / "m.csv", "stimulus,FFA,FFA", [f"{one},1,2" for one in ids])
    with pytest.raises(BadInputError, match="m.csv has two columns of that name: rename or remove one"):
        open_with(folder, path)


def test_a_spreadsheets_semicolons_and_decimal_commas_are_read(folder: Path, ids: list[str], tmp_path: Path) -> None:
    path = write_table(tmp_path / "m.csv", "stimulus;FFA", [f"{one};0,5" for one in ids])
    assert means(open_with(folder, path)) == pytest.approx(np.full(12, 0.5))


def test_sessions_with_means_of_their_own_are_told(folder: Path, ids: list[str], tmp_path: Path) -> None:
    """By one-way analysis of variance as scipy does it, at p < .001; not where sessions were z-scored."""
    draw = np.random.default_rng(0)
    for offset, told in ((0.0, False), (3.0, True)):
        values = {name: draw.normal(size=len(ids)) + shift for name, shift in (("s1", 0.0), ("s2", offset))}
        lines = [f"{one},{name},{value}" for name, own in values.items() for one, value in zip(ids, own, strict=True)]
        table = write_table(tmp_path / f"{offset}.csv", "stimulus,session,FFA", lines)
        assert told == (stats.f_oneway(*values.values()).pvalue < 0.001)
        assert told == any("Sessions differ" in note for note in open_with(folder, table).findings.notes)
        assert not any("Sessions differ" in note for note in open_with(folder, table, zscore=True).findings.notes)
