"""The NSD importer. Answers: z-scores of scipy, means by brute force, the noise-ceiling formula by hand."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import nibabel
import numpy as np
import pytest
from scipy.stats import zscore

import core.datasets.readers.nsd as layout
from core.datasets.image_store import open_image_store
from core.datasets.import_options import ImportOptions
from core.datasets.importer import iter_import
from core.datasets.kinds import detect_kind, inspect_source, plan_import
from core.datasets.readers.roi_labels import NSD_CODES
from core.datasets.subject import load_responses, load_subject
from core.datasets.summary import load_summary
from core.errors import BadInputError, StorageError
from tests.helpers.recording_files import (
    AFFINE,
    N_FSAVERAGE,
    NSD_SHAPE,
    NSD_TRIALS,
    nsd_betas_folder,
    save_mgh,
    save_volume,
    write_nsd_design,
    write_nsd_hdf5,
    write_nsd_maps,
)

ORDER = [1, 2, 1, 3, 2, 4, 1, 5, 2, 3, 5, 6, 1, 1, 1, 1, 1, 1]
"""1-based numbers of the images shown: two sessions, and a third that is not there."""
IMAGES = [4, 9, 12, 2, 20, 7, 1, 1]
"""1-based stimuli: image 1 is row 3 of nsd_stimuli.hdf5."""
SHARED = [9, 12, 20, 19]
DRAW = np.random.default_rng(0)
BETAS = [DRAW.integers(-3000, 3000, (*NSD_SHAPE, NSD_TRIALS)).astype(np.int16) for _ in range(2)]
ROWS = [3, 8, 11, 1, 19, 6]
"""Of images 1 to 6, from 0."""


@pytest.fixture(autouse=True)
def short_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "TRIALS_A_SESSION", NSD_TRIALS)
    monkeypatch.setattr(layout, "N_SESSIONS", {1: 3})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_nsd_design(tmp_path, ORDER, IMAGES, SHARED)
    general = np.zeros(NSD_SHAPE, dtype=np.int16)
    general[0, 1, 1] = general[1, 2, 0] = general[2, 3, 1] = 1
    faces, streams = np.full(NSD_SHAPE, -1, dtype=np.int16), np.zeros(NSD_SHAPE, dtype=np.int16)
    faces[1, 2, 0], streams[1, 2, 0], streams[2, 3, 1] = 2, 5, 7
    write_nsd_maps(tmp_path, {"nsdgeneral": general, "floc-faces": faces, "streams": streams}, np.ones(NSD_SHAPE))
    for session, betas in enumerate(BETAS, start=1):
        write_nsd_hdf5(tmp_path, session, betas)
    return tmp_path


def average(values: list[np.ndarray]) -> dict[int, np.ndarray]:
    """Means by row of nsd_stimuli of sessions (n_trials, n_voxels), z-scored within each, one trial after another."""
    trials = defaultdict(list)
    for session, betas in enumerate(values):
        for trial, scored in enumerate(zscore(betas.astype(np.float64), axis=0)):
            trials[IMAGES[ORDER[session * NSD_TRIALS + trial] - 1] - 1].append(scored)
    return {row: np.mean(found, axis=0) for row, found in trials.items()}


def run(source: Path, **options: object) -> None:
    asked = ImportOptions("nsd01", **options)  # type: ignore[arg-type]
    *_, last = iter_import(plan_import("auto", source, asked), asked)
    assert last.stage == "done"


def test_a_volume_is_scored_and_averaged_as_by_hand(root: Path) -> None:
    run(root)
    subject, responses = load_subject("nsd01"), load_responses("nsd01")
    expected = average([np.stack([b[0, 1, 1], b[1, 2, 0], b[2, 3, 1]], axis=1) for b in BETAS])
    assert subject.image_ids == tuple(f"nsd-{row:05d}" for row in sorted(ROWS))
    np.testing.assert_allclose(responses[:, 0], [expected[row] for row in sorted(ROWS)], atol=1e-5)
    assert dict(zip(subject.image_ids, subject.n_trials.tolist(), strict=True)) == {
        "nsd-00003": 3, "nsd-00008": 3, "nsd-00011": 2, "nsd-00001": 1, "nsd-00019": 2, "nsd-00006": 1
    }  # fmt: skip


def test_shared_images_are_held_out_and_set_the_noise_ceiling(root: Path) -> None:
    run(root)
    subject = load_subject("nsd01")
    held = [name for name, test in zip(subject.image_ids, subject.test, strict=True) if test]
    assert held == ["nsd-00008", "nsd-00011", "nsd-00019"]
    left = (1 / 3 + 1 / 2 + 1 / 2) / 3  # one image of 3 trials, two of 2
    np.testing.assert_allclose(subject.voxels.noise_ceiling, 1 / (1 + left), rtol=1e-6)


def test_rois_sides_and_missing_sessions_are_told(root: Path) -> None:
    run(root)
    subject, summary = load_subject("nsd01"), load_summary("nsd01")
    assert subject.voxels.roi == ("", "FFA-1", "parietal")
    assert subject.voxels.hemisphere.tolist() == [0, 0, 1] and subject.surface == ""
    assert summary.missing_sessions == ("session 03",) and summary.repeats == {"3": 2, "2": 2, "1": 2}
    assert summary.measured and summary.held_out_rule == "the images all subjects saw"


def test_images_come_lazily_from_the_stimulus_file(root: Path) -> None:
    run(root)
    stimulus = open_image_store(load_subject("nsd01")).load("nsd-00011", 40)
    assert set(np.unique(stimulus.levels)) == {11}


def test_volumes_in_nifti_give_the_same(root: Path) -> None:
    run(root)
    before = np.array(load_responses("nsd01"))
    for session, betas in enumerate(BETAS, start=1):
        (nsd_betas_folder(root) / f"betas_session{session:02d}.hdf5").unlink()
        save_volume(nsd_betas_folder(root) / f"betas_session{session:02d}.nii.gz", betas)
    asked = ImportOptions("again")
    list(iter_import(plan_import("nsd", root, asked), asked))
    np.testing.assert_array_equal(before, load_responses("again"))


def test_maps_of_another_orientation_are_turned_to_the_betas(root: Path) -> None:
    run(root)
    turn = nibabel.orientations.axcodes2ornt("PIL")
    for path in (root / "nsddata/ppdata/subj01/func1pt8mm/roi").glob("*.nii.gz"):
        image = nibabel.load(path)
        orientation = nibabel.orientations.ornt_transform(nibabel.io_orientation(image.affine), turn)
        nibabel.save(nibabel.Nifti1Image(image.get_fdata(), image.affine).as_reoriented(orientation), path)
    asked = ImportOptions("turned")
    list(iter_import(plan_import("nsd", root, asked), asked))
    inside = nibabel.load(root / "nsddata/ppdata/subj01/func1pt8mm/roi/nsdgeneral.nii.gz")
    places = nibabel.affines.apply_affine(np.linalg.inv(AFFINE) @ inside.affine, np.argwhere(inside.get_fdata() > 0))
    order = np.argsort(np.argsort(np.ravel_multi_index(np.rint(places).astype(int).T, NSD_SHAPE)))
    assert order.tolist() != [0, 1, 2], "the mask's own file numbers the voxels, as in `compare --mask`"
    np.testing.assert_array_equal(load_responses("nsd01")[..., order], load_responses("turned"))
    before, after = load_subject("nsd01").voxels, load_subject("turned").voxels
    assert after.roi == tuple(np.array(before.roi)[order])
    assert after.hemisphere.tolist() == before.hemisphere[order].tolist()


def test_betas_of_another_grid_than_the_maps_are_refused(root: Path) -> None:
    write_nsd_hdf5(root, 1, BETAS[0].transpose(1, 0, 2, 3))
    with pytest.raises(BadInputError, match=r"betas_session01.hdf5.*of the maps, \(2, 4, 3\), got \(6, 2, 3, 4\)"):
        plan_import("nsd", root, ImportOptions("x"))


def test_rois_of_another_grid_are_resampled_onto_that_of_the_betas_where_the_user_says_so(root: Path) -> None:
    """Voxels of a third of the side, so that the middle one of each three lies where one of the betas does."""
    third = AFFINE @ nibabel.affines.from_matvec(np.eye(3) / 3, np.full(3, -1 / 3))
    faces = np.zeros(NSD_SHAPE, dtype=np.int16)
    faces[0, 1, 1], faces[2, 3, 1] = 1, 2
    folder = root / "nsddata" / "ppdata" / "subj01" / "func1pt8mm" / "roi"
    save_volume(folder / "floc-faces.nii.gz", faces.repeat(3, 0).repeat(3, 1).repeat(3, 2), third)
    with pytest.raises(BadInputError, match=r"floc-faces\.nii\.gz.*resampled \(`--resample`, or Resample"):
        plan_import("nsd", root, ImportOptions("x"))
    recording = plan_import("nsd", root, ImportOptions("x", resample=True))
    assert recording.voxels.roi == ("OFA", "ventral", "FFA-1")
    (said,) = (remark for remark in recording.remarks if "another grid" in remark)
    assert said.startswith("floc-faces.nii.gz lies on another grid") and said.endswith("54 voxels above 0 became 2.")


def test_numbers_places_rois_and_responses_agree_on_a_grid_that_all_maps_were_brought_to(root: Path) -> None:
    """Maps of another side, turned; the answer is the nearest voxel by both affines, one after another."""
    coarse = AFFINE @ nibabel.affines.from_matvec([[0, 0, 1.5], [0, -1.5, 0], [1.5, 0, 0]], [0, 3, 0])
    shape, far = (3, 3, 2), np.linalg.inv(coarse) @ AFFINE
    labels = {
        "nsdgeneral": (DRAW.random(shape) < 0.7).astype(np.int16),
        "streams": DRAW.integers(0, 8, shape).astype(np.int16),
        "floc-faces": np.where(DRAW.random(shape) < 0.4, DRAW.integers(1, 6, shape), 0).astype(np.int16),
    }
    folder = root / "nsddata" / "ppdata" / "subj01" / "func1pt8mm" / "roi"
    for name, values in labels.items():
        save_volume(folder / f"{name}.nii.gz", values, coarse)
    for number, betas in enumerate(BETAS, start=1):
        (nsd_betas_folder(root) / f"betas_session{number:02d}.hdf5").unlink()
        save_volume(nsd_betas_folder(root) / f"betas_session{number:02d}.nii.gz", betas)
    found = []
    for voxel in np.argwhere(np.ones(NSD_SHAPE)):
        at = tuple(np.rint(far[:3, :3] @ voxel + far[:3, 3]).astype(int))
        if min(at) >= 0 and (np.array(at) < shape).all() and labels["nsdgeneral"][at]:
            face, stream = labels["floc-faces"][at], labels["streams"][at]
            roi = NSD_CODES["floc-faces"].get(face) or NSD_CODES["streams"].get(stream, "")
            found.append((np.ravel_multi_index(at, shape), len(found), tuple(voxel), roi))
    found.sort()
    assert [one[1] for one in found] != list(range(len(found)))
    asked = ImportOptions("moved", resample=True)
    list(iter_import(plan_import("nsd", root, asked), asked))
    voxels, responses = load_subject("moved").voxels, load_responses("moved")[:, 0]
    assert voxels.roi == tuple(one[3] for one in found)
    assert voxels.hemisphere.tolist() == [int((AFFINE @ [*one[2], 1])[0] > 0) for one in found]
    expected = average([np.stack([betas[one[2]] for one in found], axis=1) for betas in BETAS])
    np.testing.assert_allclose(responses, [expected[row] for row in sorted(expected)], atol=1e-4)


def test_hdf5_is_read_where_a_session_is_there_in_both_forms(root: Path) -> None:
    """NIfTI has to be unpacked from its start for every part."""
    save_volume(nsd_betas_folder(root) / "betas_session01.nii.gz", BETAS[0])
    found = layout.find_files(root, ImportOptions("x")).sessions
    assert [path.name for path in found.values()] == ["betas_session01.hdf5", "betas_session02.hdf5"]


def test_fsaverage_overlays_are_big_endian_and_land_on_the_template(tmp_path: Path) -> None:
    write_nsd_design(tmp_path, ORDER[:NSD_TRIALS], IMAGES, SHARED)
    values = np.zeros((N_FSAVERAGE, NSD_TRIALS), dtype=np.float32)
    chosen = np.array([5, 10_241, 20_000])
    values[chosen] = DRAW.standard_normal((3, NSD_TRIALS))
    for side in ("lh", "rh"):
        save_mgh(nsd_betas_folder(tmp_path, "fsaverage") / f"{side}.betas_session01.mgh", values * (1 + (side == "rh")))
        general = np.zeros(N_FSAVERAGE, dtype=np.int32)
        general[chosen] = 1
        label = tmp_path / "nsddata" / "freesurfer" / "fsaverage" / "label"
        save_mgh(label / f"{side}.nsdgeneral.mgz", general)
        save_mgh(label / f"{side}.floc-places.mgz", general * (2 if side == "rh" else 0))
    run(tmp_path)
    subject = load_subject("nsd01")
    expected = average([np.tile(values[chosen].T, 2)])
    np.testing.assert_allclose(load_responses("nsd01")[:, 0], [expected[row] for row in sorted(expected)], atol=1e-5)
    assert subject.voxels.hemisphere.tolist() == [0, 0, 0, 1, 1, 1] and subject.surface == "fsaverage5"
    assert subject.voxels.vertex[[0, 1, 3, 4]].tolist() == [5, 10_241, 5, 10_241]
    assert 0 <= subject.voxels.vertex[2] < 10_242
    assert subject.voxels.roi == ("", "", "", "PPA", "PPA", "PPA")


def test_inspection_finds_the_kind_and_reads_no_beta(root: Path) -> None:
    for path in nsd_betas_folder(root).glob("*02.hdf5"):
        path.write_bytes(path.read_bytes()[:600])  # only the first session's header is looked at
    finding = inspect_source(root / "nsddata_betas" / "ppdata" / "subj01", options=ImportOptions("x"))
    assert (finding.kind, finding.person, finding.people) == ("nsd", "subj01", ("subj01",))
    assert (finding.n_images, finding.n_trials, finding.n_voxels) == (6, 12, 3)
    assert finding.rois == {"": 1, "FFA-1": 1, "parietal": 1} and finding.missing_sessions == ("session 03",)
    assert detect_kind(root) == "nsd"


def test_only_the_chosen_rois_are_kept(root: Path) -> None:
    run(root, rois=("FFA-1",))
    assert load_subject("nsd01").voxels.roi == ("FFA-1",)
    with pytest.raises(BadInputError, match="got 'FFA1'. Did you mean 'FFA-1'"):
        plan_import("nsd", root, ImportOptions("x", rois=("FFA1",)))


def test_a_mask_of_another_space_is_refused(root: Path) -> None:
    save_volume(root / "nsddata/ppdata/subj01/func1pt8mm/roi/nsdgeneral.nii.gz", np.ones((3, 4, 5), np.int16))
    with pytest.raises(BadInputError, match=r"nsdgeneral.* must be a map of shape \(3, 4, 2\).*another space"):
        plan_import("nsd", root, ImportOptions("x"))


def test_an_unknown_code_is_refused(root: Path) -> None:
    save_volume(root / "nsddata/ppdata/subj01/func1pt8mm/roi/floc-faces.nii.gz", np.full(NSD_SHAPE, 9, np.int16))
    with pytest.raises(BadInputError, match="`floc-faces` must be codes 1 to 5, got 9"):
        plan_import("nsd", root, ImportOptions("x"))


def test_a_session_cut_short_leaves_nothing(root: Path) -> None:
    write_nsd_hdf5(root, 2, BETAS[1][..., :4])
    asked = ImportOptions("nsd01")
    with pytest.raises(BadInputError, match=r"6 trials of 3 voxels in session 02, got \(4, 3\)"):
        list(iter_import(plan_import("nsd", root, asked), asked))
    (nsd_betas_folder(root) / "betas_session02.hdf5").write_bytes(b"no hdf5")
    with pytest.raises(StorageError, match=r"session02.hdf5 is truncated or no HDF5 file of betas"):
        list(iter_import(plan_import("nsd", root, asked), asked))
    with pytest.raises(BadInputError):
        load_subject("nsd01")


def test_what_is_missing_is_named(root: Path) -> None:
    (root / "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5").unlink()
    with pytest.raises(BadInputError, match="nsd_stimuli.hdf5.*--images"):
        plan_import("nsd", root, ImportOptions("x"))
    (root / "nsddata/experiments/nsd/nsd_expdesign.mat").unlink()
    with pytest.raises(BadInputError, match="nsd_expdesign.mat"):
        plan_import("nsd", root, ImportOptions("x"))
    with pytest.raises(BadInputError, match="got 'subj02'"):
        plan_import("nsd", root, ImportOptions("x", participant="subj02"))
