"""The BOLD5000 and THINGS importers. Answers: means and z-scores worked out from what was written."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.stats import zscore

from core.datasets.image_store import open_image_store
from core.datasets.import_options import ImportOptions
from core.datasets.importer import iter_import
from core.datasets.kinds import detect_kind, plan_import
from core.datasets.subject import load_responses, load_subject
from core.datasets.summary import load_summary
from core.errors import BadInputError
from tests.helpers.recording_files import save_volume, write_csv, write_pandas_table, write_picture

NAMES = ["COCO_train2014_000000000009.jpg", "n01440764_10110.JPEG", "kitchen3.jpg", "pond1.jpg"]
RUN = 37


def run(kind: str, source: Path, **options: object) -> None:
    asked = ImportOptions("mine", **options)  # type: ignore[arg-type]
    list(iter_import(plan_import(kind, source, asked), asked))


@pytest.fixture
def bold(tmp_path: Path) -> tuple[Path, list[str], dict[str, np.ndarray]]:
    draw, n_trials = np.random.default_rng(2), 3 * RUN
    shown = [NAMES[index] for index in [0, 1, 2, *[3] * (n_trials - 3)]]
    betas = {f"{side}{roi}": draw.normal(5, 2, (n_trials, 2)) for side in ("LH", "RH") for roi in ("EarlyVis", "PPA")}
    for name, values in betas.items():
        path = tmp_path / "py" / f"CSI1_GLMbetas-TYPED-FITHRF-GLMDENOISE-RR_allses_{name}.npy"
        path.parent.mkdir(exist_ok=True)
        np.save(path, values)
    (tmp_path / "CSI1_imgnames.txt").write_text("\n".join([*shown[:-1], f"rep_{shown[-1]}"]) + "\n")
    for number, name in enumerate(NAMES):
        write_picture(tmp_path / "Presented_Stimuli" / ("COCO", "ImageNet", "Scene", "Scene")[number] / name, number)
    return tmp_path, shown, betas


def test_bold5000_is_scored_within_sessions_and_holds_out_what_was_repeated(
    bold: tuple[Path, list[str], dict[str, np.ndarray]],
) -> None:
    source, shown, betas = bold
    for session, n_runs in (("CSI1_sess01", 1), ("CSI1_sess02", 2)):
        for number in range(n_runs):
            path = source / "Stimuli_Presentation_Lists" / "CSI1" / session / f"{session}_run{number:02d}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
    assert detect_kind(source) == "bold5000"
    run("auto", source)
    subject, responses = load_subject("mine"), load_responses("mine")
    values = np.concatenate([betas[name] for name in ("LHEarlyVis", "LHPPA", "RHEarlyVis", "RHPPA")], axis=1)
    scored = np.concatenate([zscore(values[:RUN]), zscore(values[RUN:])])
    assert subject.voxels.roi == ("EarlyVis",) * 2 + ("PPA",) * 2 + ("EarlyVis",) * 2 + ("PPA",) * 2
    assert subject.voxels.hemisphere.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    for row, identity in enumerate(subject.image_ids):
        trials = [index for index, name in enumerate(shown) if Path(name).stem == identity]
        np.testing.assert_allclose(responses[row, 0], scored[trials].mean(axis=0), atol=1e-5)
    assert dict(zip(subject.image_ids, subject.categories, strict=True))["pond1"] == "place"
    assert [name for name, test in zip(subject.image_ids, subject.test, strict=True) if test] == ["pond1"]
    assert open_image_store(subject).load("pond1", 40).source.endswith("Scene/pond1.jpg")


def test_bold5000_without_presentation_lists_says_so(bold: tuple[Path, list[str], dict[str, np.ndarray]]) -> None:
    run("bold5000", bold[0])
    assert "over all trials, not within sessions" in load_summary("mine").remarks[0]


def test_bold5000_names_and_betas_must_match(bold: tuple[Path, list[str], dict[str, np.ndarray]]) -> None:
    source = bold[0]
    (source / "CSI1_imgnames.txt").write_text("pond1.jpg\n" * 5)
    with pytest.raises(BadInputError, match=r"must be 5 trials, got '\(111, 2\) in CSI1"):
        plan_import("bold5000", source, ImportOptions("x"))
    (source / "CSI1_imgnames.txt").write_text("lake7.jpg\n" * 111)
    with pytest.raises(BadInputError, match=r"0 of them'\. Not in .*: lake7.jpg"):
        plan_import("bold5000", source, ImportOptions("x"))


TRIALS = [
    ("dog_12s", "train", 1),
    ("cat_01b", "test", 1),
    ("cup_03s", "train", 1),
    ("cat_01b", "test", 2),
    ("ant_01b", "train", 2),
]
VALUES = np.random.default_rng(4).standard_normal((4, len(TRIALS)))


@pytest.fixture
def things(tmp_path: Path) -> Path:
    folder = tmp_path / "betas_csv"
    rows = [
        {
            "trial_type": kind,
            "session": session,
            "run": 1,
            "subject_id": 1,
            "trial_id": number,
            "stimulus": f"{name}.jpg",
        }
        for number, (name, kind, session) in enumerate(TRIALS)
    ]
    write_csv(folder / "sub-01_StimulusMetadata.csv", rows)
    voxels = [
        {
            "voxel_id": n,
            "subject_id": 1,
            "voxel_x": n,
            "voxel_y": 2,
            "voxel_z": 3,
            "nc_singletrial": nc,
            "nc_testset": 0,
        }
        | {"V1": v1, "lFFA": left, "rFFA": right}
        for n, (nc, v1, left, right) in enumerate([(20, 1, 1, 0), (50, 0, 1, 0), (0, 0, 0, 0), (100, 0, 0, 1)])
    ]
    write_csv(folder / "sub-01_VoxelMetadata.csv", voxels)
    write_pandas_table(folder / "sub-01_ResponseData.h5", VALUES)
    for name, _, _ in TRIALS:
        write_picture(tmp_path / "object_images" / name.rpartition("_")[0] / f"{name}.jpg")
    return tmp_path


@pytest.mark.parametrize("with_number", [False, True])
def test_things_averages_trials_of_voxels_in_rois(things: Path, with_number: bool) -> None:
    (things / "betas_csv/sub-01_ResponseData.h5").unlink()
    write_pandas_table(things / "betas_csv/sub-01_ResponseData.h5", VALUES, with_number=with_number)
    run("auto", things)
    subject, responses = load_subject("mine"), load_responses("mine")[:, 0]
    assert subject.image_ids == ("ant_01b", "cat_01b", "cup_03s", "dog_12s")
    chosen = VALUES[[0, 1, 3]]
    expected = [chosen[:, 4], chosen[:, [1, 3]].mean(axis=1), chosen[:, 2], chosen[:, 0]]
    np.testing.assert_allclose(responses, expected, rtol=1e-5)
    assert subject.voxels.roi == ("V1", "FFA", "FFA") and subject.categories == ("ant", "cat", "cup", "dog")
    assert subject.test.tolist() == [False, True, False, False] and subject.n_trials.tolist() == [1, 2, 1, 1]
    # nc = s / (s + 1) of one trial gives s; of the mean of two, s / (s + 1/2): .25 / .75, 1 / 1.5, almost 1
    np.testing.assert_allclose(subject.voxels.noise_ceiling, [1 / 3, 2 / 3, 1], atol=1e-5)


def test_things_voxels_of_a_right_roi_lie_on_the_right(things: Path) -> None:
    run("things", things)
    assert load_subject("mine").voxels.hemisphere.tolist() == [0, 0, 1]


def test_things_voxels_lie_where_the_brain_mask_says(things: Path) -> None:
    """x grows by -2 mm a column from 3 mm: columns 0 and 1 are right of the middle, 3 is left of it."""
    save_volume(things / "sub-01_space-T1w_brainmask.nii.gz", np.ones((4, 4, 4), np.int16), MIRRORED)
    run("things", things)
    assert load_subject("mine").voxels.hemisphere.tolist() == [1, 1, 0]


MIRRORED = np.diag([-2.0, 2.0, 2.0, 1.0]) + np.array([[0, 0, 0, 3.0], *np.zeros((3, 4))])


def test_things_voxels_in_another_order_are_refused(things: Path) -> None:
    with h5py.File(things / "betas_csv/sub-01_ResponseData.h5", "r+") as file:
        file["ResponseData/axis1"][:] = file["ResponseData/axis1"][()][::-1]
    with pytest.raises(BadInputError, match="rows in the order of their numbers"):
        run("things", things)


def test_things_keeps_every_voxel_if_asked(things: Path) -> None:
    run("things", things, mask="all")
    assert load_subject("mine").voxels.roi == ("V1", "FFA", "", "FFA")


def test_things_tables_must_match(things: Path) -> None:
    (things / "betas_csv/sub-01_ResponseData.h5").unlink()
    write_pandas_table(things / "betas_csv/sub-01_ResponseData.h5", VALUES[:, :3])
    with pytest.raises(BadInputError, match="a table of 4 voxels and 5 trials"):
        plan_import("things", things, ImportOptions("x"))
