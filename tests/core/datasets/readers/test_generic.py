"""Own arrays described by a TOML file, and NIfTI sets. Answers: the numbers that were written."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import h5py
import nibabel
import numpy as np
import pytest
import zarr
from PIL import Image
from scipy.stats import zscore
from zarr.core.sync import cleanup_resources

from core.datasets.description import TEMPLATE, read_description
from core.datasets.image_store import open_image_store
from core.datasets.import_options import ImportOptions
from core.datasets.importer import iter_import
from core.datasets.kinds import detect_kind, plan_import
from core.datasets.subject import load_responses, load_subject
from core.datasets.subject_files import remove_subject
from core.datasets.summary import load_summary
from core.encoders.responses import estimate_noise_ceiling
from core.errors import BadInputError
from core.probes.target import target_voxel
from core.surfaces.atlas import load_atlas
from tests.helpers.recording_files import AFFINE, save_volume, write_csv, write_picture

DRAW = np.random.default_rng(7)
IDS = ["a", "b", "c", "d", "e"]
VALUES = DRAW.standard_normal((5, 3)).astype(np.float32)


def describe(folder: Path, text: str) -> Path:
    (folder / "subject.toml").write_text(text, encoding="utf-8")
    return folder / "subject.toml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(IDS):
        write_picture(tmp_path / "images" / f"{name}.png", number)
    np.save(tmp_path / "responses.npy", VALUES)
    return tmp_path


def run(source: Path, **options: object) -> None:
    asked = ImportOptions("mine", **options)  # type: ignore[arg-type]
    list(iter_import(plan_import("auto", source, asked), asked))


BASE = '[images]\nfolder = "images"\n[responses]\nfile = "{file}"\n'


def write_responses(folder: Path, ending: str) -> str:
    path = folder / f"table{ending}"
    if ending == ".npz":
        np.savez(path, only=VALUES)
    elif ending == ".h5":
        with h5py.File(path, "w") as file:
            file["deep/only"] = VALUES
    elif ending == ".zarr":
        zarr.save(path, VALUES)
    elif ending == ".csv":
        np.savetxt(path, VALUES, delimiter=",", header="v1,v2,v3", comments="", fmt="%.9g")
    else:
        np.save(path, VALUES.astype(">f8"))
    return path.name


@pytest.mark.parametrize("ending", [".npy", ".npz", ".h5", ".zarr", ".csv"])
def test_every_format_gives_the_same_rows(folder: Path, ending: str) -> None:
    run(describe(folder, BASE.format(file=write_responses(folder, ending))), held_out="0.2")
    np.testing.assert_allclose(load_responses("mine")[:, 0], VALUES, rtol=1e-6)
    cleanup_resources()  # the threads of zarr
    assert load_subject("mine").image_ids == tuple(IDS)


def test_the_template_is_read_and_imported(folder: Path) -> None:
    rows = [{"image": f"{name}.png", "category": "face", "test": int(name in "be")} for name in IDS]
    write_csv(folder / "images.csv", rows)
    voxels = [
        {"hemisphere": side, "vertex": at, "roi": "FFA", "noise_ceiling": 0.25}
        for side, at in (("left", 3), ("rh", 4), ("lh", 9))
    ]
    write_csv(folder / "voxels.csv", voxels)
    path = describe(folder, TEMPLATE)
    assert detect_kind(folder) == detect_kind(path) == "generic" and tomllib.loads(TEMPLATE)
    run(folder)
    subject = load_subject("mine")
    assert subject.test.tolist() == [False, True, False, False, True]
    assert subject.categories == ("face",) * 5 and set(subject.voxels.noise_ceiling.tolist()) == {0.25}
    assert subject.voxels.paint.tolist() == [[0, 3, 0], [1, 4, 1], [0, 9, 2]]
    assert subject.kind == "measured" and "measured" in subject.title


NUMBERED = ["0007", "12", "3", "40", "5"]


@pytest.mark.parametrize("header", ["image,v1,v2,v3", "ID,0,1,2", "stim_file,101,102,103"])
def test_a_titled_first_column_names_pictures_also_by_numbers(folder: Path, header: str) -> None:
    for number, name in enumerate(NUMBERED):
        write_picture(folder / "numbered" / f"{name}.png", number)
    text = BASE.format(file="table.csv").replace('"images"', '"numbered"')
    lines = [",".join(map(str, [NUMBERED[row], *VALUES[row]])) for row in (3, 0, 4, 2, 1)]
    (folder / "table.csv").write_text("\n".join([header, *lines]), encoding="utf-8")
    recording = plan_import("generic", describe(folder, text), ImportOptions("x"))
    assert not any("in the order of their names" in remark for remark in recording.remarks)
    (session,) = recording.sessions
    for image, row in zip(session.images, np.asarray(session.read()), strict=True):
        np.testing.assert_array_equal(row, VALUES[NUMBERED.index(recording.image_ids[image])])
    (folder / "table.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(BadInputError, match="named without doubt, got '40 for 3.png'. Write names with their ending"):
        plan_import("generic", describe(folder, text), ImportOptions("x"))
    (folder / "table.csv").write_text("\n".join([header, *lines]).replace("0007", "7"), encoding="utf-8")
    with pytest.raises(BadInputError, match="got '7'. Write names as those of the pictures"):
        plan_import("generic", describe(folder, text), ImportOptions("x"))


def test_numbers_of_rows_are_no_names_of_pictures_in_another_order(folder: Path) -> None:
    for number in range(1, 6):
        write_picture(folder / "numbered" / f"{number}.png", number)
    write_csv(folder / "list.csv", [{"image": f"{number}.png"} for number in (2, 1, 3, 4, 5)])
    lines = ["image,v1,v2,v3", *(",".join(map(str, [row + 1, *VALUES[row]])) for row in range(5))]
    (folder / "table.csv").write_text("\n".join(lines), encoding="utf-8")
    text = BASE.format(file="table.csv").replace('"images"', '"numbered"')
    (session,) = plan_import("generic", describe(folder, text), ImportOptions("x")).sessions
    np.testing.assert_array_equal(session.read(), VALUES)
    with pytest.raises(BadInputError, match="got '1 for 2.png'"):
        listed = text.replace("[responses]", 'list = "list.csv"\n[responses]')
        plan_import("generic", describe(folder, listed), ImportOptions("x"))
    (folder / "table.csv").write_text("v1,image\n" + "\n".join(f"{row},{row}.png" for row in "12345"))
    with pytest.raises(BadInputError, match="got '1.png'. Only the first column may hold names"):
        plan_import("generic", describe(folder, text), ImportOptions("x"))


def test_simulated_data_are_called_simulated(folder: Path) -> None:
    run(describe(folder, 'kind = "simulated"\ntitle = "Model"\n' + BASE.format(file="responses.npy")), held_out="0.2")
    assert (load_subject("mine").kind, load_subject("mine").title) == ("simulated", "Model (simulated)")


def test_repeats_are_averaged_and_give_the_noise_ceiling(folder: Path) -> None:
    repeats = (VALUES[:, None] + DRAW.standard_normal((5, 3, 3))).astype(np.float32)
    repeats[0, 2] = repeats[3, 1:] = np.nan
    np.save(folder / "repeats.npy", repeats)
    run(describe(folder, BASE.format(file="repeats.npy")), held_out="repeated")
    subject = load_subject("mine")
    np.testing.assert_allclose(load_responses("mine")[:, 0], np.nanmean(repeats, axis=1), rtol=1e-5)
    assert subject.n_trials.tolist() == [2, 3, 3, 1, 3] and subject.test.tolist() == [False, True, True, False, True]
    expected = estimate_noise_ceiling(repeats, scored=subject.test)
    np.testing.assert_allclose(subject.voxels.noise_ceiling, expected, rtol=1e-4)


def test_trials_are_standardised_within_sessions_they_need_not_be_sorted(folder: Path) -> None:
    shown = ["a", "b", "c", "d", "e", "a", "c", "b"]
    sessions = ["x", "y", "x", "y", "x", "y", "x", "y"]
    values = DRAW.normal(3, 2, (8, 2))
    np.save(folder / "trials.npy", values)
    write_csv(folder / "trials.csv", [{"image": i, "session": s} for i, s in zip(shown, sessions, strict=True)])
    text = BASE.format(file="trials.npy") + 'rows = "trials"\ntrials = "trials.csv"\nzscore = true\n'
    run(describe(folder, text), held_out="0.2")
    scored = np.empty_like(values)
    scored[0::2], scored[1::2] = zscore(values[0::2]), zscore(values[1::2])
    expected = [scored[[index for index, name in enumerate(shown) if name == one]].mean(axis=0) for one in IDS]
    np.testing.assert_allclose(load_responses("mine")[:, 0], expected, atol=1e-5)


def test_roi_averages_are_painted_on_their_parcels(folder: Path) -> None:
    run(describe(folder, BASE.format(file="responses.npy") + 'level = "rois"\nrois = ["PPA", "FFA", "XYZ"]\n'))
    voxels, atlas = load_subject("mine").voxels, load_atlas()
    painted = voxels.paint[voxels.paint[:, 2] == 1]
    assert sorted(painted[painted[:, 0] == 0, 1].tolist()) == atlas.vertices_in(0, "FFA").tolist()
    assert atlas.roi_of(int(voxels.hemisphere[0]), int(voxels.vertex[0])) == "PPA"
    assert voxels.vertex[2] == -1 and "no XYZ" in load_subject("mine").note


def test_images_may_come_from_an_hdf5_array(folder: Path) -> None:
    with h5py.File(folder / "stimuli.h5", "w") as file:
        file["images"] = np.broadcast_to(np.arange(9, dtype=np.uint8)[:, None, None, None], (9, 40, 40, 3))
    write_csv(folder / "images.csv", [{"image": row} for row in (8, 2, 4, 1, 0)])
    text = '[images]\nfile = "stimuli.h5"\nkey = "images"\nlist = "images.csv"\n[responses]\nfile = "responses.npy"\n'
    run(describe(folder, text), held_out="0.2")
    assert set(np.unique(open_image_store(load_subject("mine")).load("image-4", 40).levels)) == {4}


@pytest.mark.parametrize(
    ("rows", "first", "shown"),
    [((1, 2, 3, 4, 5), 1, 0), ((1, 2, 3, 4, 5), 0, 1), ((2, 6, 3, 4, 5), 1, 1), ((5, 1, 2, 3, 0), None, 5)],
)
def test_rows_of_images_counted_from_1_are_told_from_those_from_0(
    folder: Path, rows: tuple[int, ...], first: int | None, shown: int
) -> None:
    with h5py.File(folder / "stimuli.h5", "w") as file:
        file["images"] = np.broadcast_to(np.arange(20, 26, dtype=np.uint8)[:, None, None, None], (6, 40, 40, 3))
    write_csv(folder / "images.csv", [{"image": row} for row in rows])
    text = '[images]\nfile = "stimuli.h5"\nlist = "images.csv"\n{first}[responses]\nfile = "responses.npy"\n'
    if first is not None:
        with pytest.raises(BadInputError, match=r"Say under \[images\] whether its first row is image 0 or 1"):
            plan_import("generic", describe(folder, text.format(first="")), ImportOptions("x"))
    said = "" if first is None else f"first = {first}\n"
    run(describe(folder, text.format(first=said)), held_out="0.2")
    assert open_image_store(load_subject("mine")).load(f"image-{rows[0]}", 40).levels.max() == 20 + shown


def test_rows_without_a_row_0_are_told_to_count_from_0(folder: Path) -> None:
    with h5py.File(folder / "stimuli.h5", "w") as file:
        file["images"] = np.zeros((9, 40, 40, 3), dtype=np.uint8)
    write_csv(folder / "images.csv", [{"image": row} for row in (8, 2, 4, 1, 5)])
    text = '[images]\nfile = "stimuli.h5"\nlist = "images.csv"\n[responses]\nfile = "responses.npy"\n'
    remarks = plan_import("generic", describe(folder, text), ImportOptions("x")).remarks
    assert any("Rows of stimuli.h5 are counted from 0" in one for one in remarks)


@pytest.mark.parametrize("place", ["file", "folder"])
def test_pictures_of_levels_0_and_1_are_refused_at_the_import(folder: Path, place: str) -> None:
    levels = DRAW.integers(0, 2, (5, 40, 40, 3), dtype=np.uint8)
    with h5py.File(folder / "stimuli.h5", "w") as file:
        file["images"] = levels
    write_csv(folder / "images.csv", [{"image": row} for row in range(5)])
    for name, one in zip(IDS, levels, strict=True):
        Image.fromarray(one).save(folder / "images" / f"{name}.png")
    text = '[images]\nfile = "stimuli.h5"\nlist = "images.csv"\n[responses]\nfile = "responses.npy"\n'
    with pytest.raises(BadInputError, match="got 'none above 1 in .*multiply by 255"):
        run(describe(folder, text if place == "file" else BASE.format(file="responses.npy")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[images]\n", "either a folder or a file"),
        ('[images]\nfolder = "images"\n[response]\n', r"unknown key `response` \(did you mean 'responses'"),
        ('[images]\nfolder = "images"\n[responses]\nrows = "trial"\n', "one of images, trials, got 'trial'"),
        ('[images]\nfolder = "images"\n[responses]\nrows = "trials"\n', "given exactly when rows = 'trials'"),
        ("title = 3\n" + BASE.format(file="responses.npy"), "`title` must be a text, got 3"),
        ("title = \n", r"subject.toml is not a description of a recording in TOML, or is cut short \(Invalid value"),
        (BASE.format(file="nothing.npy"), "a file that is there"),
        (BASE.format(file="responses.npy") + 'level = "rois"\nrois = ["FFA"]\n', "3 names, one a column"),
    ],
)
def test_a_bad_description_is_one_clear_sentence(folder: Path, text: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        plan_import("generic", describe(folder, text), ImportOptions("x"))


def test_counts_that_differ_name_the_images(folder: Path) -> None:
    np.save(folder / "responses.npy", VALUES[:3])
    with pytest.raises(BadInputError, match=r"got '\(3, 3\) in responses.npy'. No row for d, e"):
        plan_import("generic", describe(folder, BASE.format(file="responses.npy")), ImportOptions("x"))
    np.save(folder / "responses.npy", np.tile(VALUES, (2, 1)))
    with pytest.raises(BadInputError, match="No image for rows 5 to 9"):
        plan_import("generic", folder, ImportOptions("x"))


def test_a_ceiling_in_percent_is_noticed(folder: Path) -> None:
    write_csv(folder / "voxels.csv", [{"noise_ceiling": 45.0}] * 3)
    text = BASE.format(file="responses.npy") + '[voxels]\ntable = "voxels.csv"\n'
    with pytest.raises(BadInputError, match=r"in \[0, 1\], got 45.0. Divide percent by 100"):
        plan_import("generic", describe(folder, text), ImportOptions("x"))
    assert read_description(folder / "subject.toml").voxels.table == folder / "voxels.csv"


def test_a_nifti_set_is_scored_within_its_files(folder: Path) -> None:
    shape = (3, 3, 2)
    first, second = DRAW.standard_normal((2, *shape, 4)).astype(">f4")
    mask, ffa = np.zeros((2, *shape), dtype=np.uint8)
    mask[0, 1, 1] = mask[2, 2, 0] = ffa[2, 2, 0] = 1
    for name, values in (("mask", mask), ("roi_FFA", ffa), ("betas_01", first), ("betas_02", second)):
        save_volume(folder / "set" / f"{name}.nii.gz", values)
    save_volume(folder / "set" / "ncsnr.nii.gz", np.full(shape, 2, dtype=np.float32))
    shown = ["a.png", "b.png", "c.png", "d.png", "a.png", "b.png", "e.png", "d.png"]
    write_csv(folder / "set" / "trials.csv", [{"image": name} for name in shown])
    run(folder / "set", images=folder / "images", held_out="repeated")
    subject = load_subject("mine")
    scored = np.concatenate([zscore(part[[0, 2], [1, 2], [1, 0]].T.astype(float)) for part in (first, second)])
    expected = [scored[[n for n, name in enumerate(shown) if name[0] == one]].mean(axis=0) for one in IDS]
    np.testing.assert_allclose(load_responses("mine")[:, 0], expected, atol=1e-5)
    assert subject.voxels.roi == ("", "FFA") and subject.voxels.hemisphere.tolist() == [0, int(AFFINE[0, 0] * 2 > 2.5)]
    np.testing.assert_allclose(subject.voxels.noise_ceiling, 4 / (4 + 1 / 2), rtol=1e-6)
    save_volume(folder / "set" / "betas_mean.nii.gz", np.zeros(shape, np.float32))
    with pytest.raises(BadInputError, match=r"all 4-D.*got '2 4-D and 1 3-D \(betas_mean.nii.gz\)'. Give a file"):
        plan_import("nifti", folder / "set", ImportOptions("x", images=folder / "images"))
    (folder / "set" / "betas_mean.nii.gz").unlink()
    save_volume(folder / "set" / "betas_02.nii.gz", np.zeros((3, 3, 3, 4), np.float32))
    with pytest.raises(BadInputError, match="Mask and betas must lie on one grid"):
        plan_import("nifti", folder / "set", ImportOptions("x", images=folder / "images"))


def test_an_roi_outside_the_mask_is_told_and_an_ncsnr_below_zero_refused(folder: Path) -> None:
    for name, values in (("mask", [1, 1, 0]), ("roi_A", [0, 0, 1]), ("ncsnr", [0.5, np.nan, -1])):
        save_volume(folder / f"{name}.nii", np.reshape(values, (3, 1, 1)).astype(np.float32))
    save_volume(folder / "betas_1.nii", DRAW.standard_normal((3, 1, 1, 5)))
    write_csv(folder / "trials.csv", [{"image": one} for one in IDS])
    recording = plan_import("nifti", folder, ImportOptions("x"))
    assert "roi_A.nii has no voxel inside the mask." in recording.remarks
    np.testing.assert_array_equal(recording.voxels.ncsnr, [0.5, np.nan])
    save_volume(folder / "mask.nii", np.ones((3, 1, 1), np.uint8))
    with pytest.raises(BadInputError, match=r"`ncsnr` must be at least 0, got -1"):
        plan_import("nifti", folder, ImportOptions("x"))


def test_lines_of_another_order_than_their_numbers_and_other_codes_of_a_test_are_refused(folder: Path) -> None:
    values = DRAW.standard_normal((5, 3))
    np.save(folder / "responses.npy", values)
    lines = "image,test\n" + "".join(f"{name},{{}}\n" for name in IDS)
    text = '[images]\nfolder = "images"\nlist = "list.csv"\n[responses]\nfile = "responses.npy"\n'
    (folder / "own.toml").write_text(text + '[voxels]\ntable = "voxels.csv"\n')
    options = ImportOptions("x")
    for number, told in (("2,0,1", "lines in the order of its column 'voxel'"), ("1,2,3", ""), ("5,9,5", "")):
        (folder / "list.csv").write_text(lines.format(1, 0, "", "FALSE", "TRUE"))
        (folder / "voxels.csv").write_text("voxel,roi\n" + "".join(f"{one},V{one}\n" for one in number.split(",")))
        if told:
            with pytest.raises(BadInputError, match=told):
                plan_import("generic", folder / "own.toml", options)
        else:
            held = plan_import("generic", folder / "own.toml", options).held_out
            assert held is not None and held.tolist() == [True, False, False, False, True]
    (folder / "list.csv").write_text(lines.format(1, 1, 2, 1, 2))
    with pytest.raises(BadInputError, match="`test` must be 0 or 1, got '2'"):
        plan_import("generic", folder / "own.toml", options)


BIDS = "sub-01_ses-{}_task-see_run-{}"


def test_names_of_bids_are_read_as_the_plain_ones(folder: Path) -> None:
    """Runs in the order of their numbers, each with its own events; fixations are no volumes."""
    func = folder / "set" / "sub-01" / "ses-1" / "func"
    runs = DRAW.standard_normal((11, 2, 2, 1, 5)).astype(np.float32)
    orders = [np.roll(IDS, number) for number in range(11)]
    for number, (betas, order) in enumerate(zip(runs, orders, strict=True), start=1):
        stem = BIDS.format(1, number)
        save_volume(func / f"{stem}_space-T1w_desc-betas_bold.nii.gz", betas)
        lines = [line for one in order for line in (f"{one}.png", "n/a")]
        write_csv(func / f"{stem}_events.tsv", [{"onset": at, "stim_file": one} for at, one in enumerate(lines)])
    anat = folder / "set" / "sub-01" / "anat"
    save_volume(anat / "sub-01_space-T1w_desc-brain_mask.nii.gz", np.ones((2, 2, 1), np.uint8))
    save_volume(anat / "sub-01_space-T1w_label-FFA_mask.nii.gz", np.eye(2, dtype=np.uint8)[..., None])
    assert detect_kind(folder / "set") == "nifti"
    options = ImportOptions("mine", images=folder / "images", held_out="0.2")
    recording = plan_import("nifti", folder / "set", options)
    assert (recording.participant, recording.voxels.roi) == ("01", ("FFA", "", "", "FFA"))
    list(iter_import(recording, options))
    scored = [zscore(run.reshape(4, 5).T.astype(float)) for run in runs]
    expected = [
        np.mean([rows[list(order).index(one)] for rows, order in zip(scored, orders, strict=True)], axis=0)
        for one in IDS
    ]
    np.testing.assert_allclose(load_responses("mine")[:, 0], expected, atol=1e-5)
    masks = (DRAW.random((11, 2, 2, 1)) < 0.95).astype(np.uint8)
    masks[2, 0, 1], masks[:, 1] = 0, 1
    for number, mask in enumerate(masks, start=1):
        save_volume(func / f"{BIDS.format(1, number)}_space-T1w_desc-brain_mask.nii.gz", mask)
    own = plan_import("nifti", folder / "set", options)
    assert own.voxels.n_voxels == int(masks.all(axis=0).sum())
    sizes = masks.reshape(11, -1).sum(axis=1)
    said = f"every mask of a run (11) are taken, {own.voxels.n_voxels} of {sizes.min()} to {sizes.max()}: sub-01"
    assert any(said in remark for remark in own.remarks)
    for session in (1, 2):
        save_volume(func / f"sub-01_ses-{session}_space-T1w_stat-ncsnr_statmap.nii.gz", np.ones((2, 2, 1)))
    with pytest.raises(BadInputError, match="`ncsnr` must be one map"):
        plan_import("nifti", folder / "set", options)
    for path in func.glob("*ncsnr*"):
        path.unlink()
    save_volume(func / f"{BIDS.format(1, 3)}_space-T1w_desc-aroma_mask.nii.gz", masks[0])
    with pytest.raises(BadInputError, match="must be one mask, got .* Name one with --mask"):
        plan_import("nifti", folder / "set", options)
    for path in func.glob("*_mask.nii.gz"):
        path.unlink()
    (func / f"{BIDS.format(1, 3)}_events.tsv").unlink()
    with pytest.raises(BadInputError, match="an events table beside sub-01_ses-1_task-see_run-3_space-T1w"):
        plan_import("nifti", folder / "set", options)
    write_csv(folder / "set" / "trials.csv", [{"image": f"{one}.png"} for order in orders for one in order])
    assert plan_import("nifti", folder / "set", options).n_trials.tolist() == [11] * 5
    save_volume(anat / "sub-01_desc-cortex_mask.nii.gz", np.ones((2, 2, 1), np.uint8))
    with pytest.raises(BadInputError, match="must be one mask, got .* Name one with --mask"):
        plan_import("nifti", folder / "set", options)
    assert plan_import("nifti", folder / "set", replace(options, mask="cortex")).voxels.n_voxels == 4
    save_volume(folder / "set" / "mask.nii.gz", np.eye(2, dtype=np.uint8)[..., None])
    assert plan_import("nifti", folder / "set", options).voxels.n_voxels == 2


@pytest.mark.parametrize("stem", ["betas_1", "betas_run-1", "sub-02_betas"])
def test_what_names_do_not_say_the_folders_of_people_and_sessions_do(folder: Path, stem: str) -> None:
    """Files of one name in several folders: nobody's betas are mixed, and sessions keep their own trials."""
    betas = {(who, ses): DRAW.standard_normal((2, 1, 1, 5)) for who in ("01", "02") for ses in (1, 2, 10)}
    for (who, ses), values in betas.items():
        place = folder / "set" / f"sub-{who}" / f"ses-{ses}"
        save_volume(place / f"{stem.replace('02', who)}.nii.gz", values.astype(np.float32))
        write_csv(place / "trials.csv", [{"image": name} for name in np.roll(IDS, ses)])
        save_volume(place.parent / "mask.nii.gz", np.ones((2, 1, 1), np.uint8))
    options = ImportOptions("mine", participant="02", images=folder / "images", held_out="0.2")
    recording = plan_import("nifti", folder / "set", options)
    assert (recording.people, recording.participant, recording.n_trials.tolist()) == (("01", "02"), "02", [3] * 5)
    assert [one.name for one in recording.sessions] == [f"sub-02/ses-{ses}/{stem}" for ses in (1, 2, 10)]
    list(iter_import(recording, options))
    rows = [np.roll(zscore(betas["02", ses].reshape(2, 5).T), -ses, axis=0) for ses in (1, 2, 10)]
    np.testing.assert_allclose(load_responses("mine")[:, 0], np.mean(rows, axis=0), atol=1e-5)
    save_volume(folder / "set" / "sub-02" / "ses-1" / "func" / f"{stem}.nii", np.ones((2, 1, 1, 5), np.uint8))
    with pytest.raises(BadInputError, match=f"each there once, got '{stem}.nii.*It lies there twice"):
        plan_import("nifti", folder / "set", options)
    (folder / "set" / "sub-02" / "ses-1" / "func" / f"{stem}.nii").unlink()
    save_volume(folder / "set" / "sub-02" / "anat" / "mask.nii.gz", np.ones((2, 1, 1), np.uint8))
    with pytest.raises(BadInputError, match="must be one mask, got"):
        plan_import("nifti", folder / "set", options)


def test_events_are_of_the_run_of_their_number_in_the_order_of_onsets(folder: Path) -> None:
    for name in ("desc-betas_bold", "desc-betas_stat-variance_statmap"):
        save_volume(folder / "set" / f"sub-1_run-3_{name}.nii.gz", DRAW.standard_normal((2, 1, 1, 5)))
    save_volume(folder / "set" / "sub-1_mask.nii.gz", np.ones((2, 1, 1)))
    events, options = folder / "set" / "sub-1_run-03_events.tsv", ImportOptions("x", images=folder / "images")
    lines: list[dict[str, object]] = [{"onset": at, "stim_file": one} for at, one in enumerate(IDS)]
    write_csv(events, [{"onset": "n/a", "stim_file": "n/a"}, *lines])
    assert plan_import("nifti", folder / "set", options).sessions[0].images.tolist() == [0, 1, 2, 3, 4]
    write_csv(events, lines[::-1])
    with pytest.raises(BadInputError, match="events in the order of their onsets.*Sort its lines by onset"):
        plan_import("nifti", folder / "set", options)
    write_csv(events, lines[:4])
    with pytest.raises(BadInputError, match="4 volumes, one a line .* Write a line with n/a"):
        plan_import("nifti", folder / "set", options)


def test_masks_of_a_finer_grid_are_resampled_onto_that_of_the_betas_where_the_user_says_so(folder: Path) -> None:
    """Voxels of half the side: the one that holds the centre of a voxel of the betas (or comes next) counts."""
    betas, fine = DRAW.standard_normal((3, 3, 2, 5)).astype(np.float32), np.zeros((6, 6, 4), dtype=np.uint8)
    fine[2:4, 2:4, 2:4], fine[5, 5, 1] = 1, 1  # voxel (1, 1, 1); (2, 2, 0) by the corner behind its centre
    half = np.diag([0.5, 0.5, 0.5, 1.0])
    half[:3, 3] = -0.25
    half = AFFINE @ half
    save_volume(folder / "set" / "betas_1.nii.gz", betas)
    for name, values in (("mask", fine), ("roi_FFA", fine * (np.arange(6) > 4)[:, None, None])):
        nibabel.save(nibabel.Nifti1Image(values.astype(np.uint8), half), folder / "set" / f"{name}.nii.gz")
    write_csv(folder / "set" / "trials.csv", [{"image": f"{one}.png"} for one in IDS])
    with pytest.raises(BadInputError, match=r"betas_1\.nii\.gz.*Mask and betas must lie on one grid.*--resample"):
        plan_import("nifti", folder / "set", ImportOptions("x", images=folder / "images"))
    options = ImportOptions("mine", images=folder / "images", resample=True, held_out="0.2")
    recording = plan_import("nifti", folder / "set", options)
    assert recording.voxels.roi == ("", "FFA")
    assert "roi_FFA.nii.gz lies on another grid" in " ".join(recording.remarks)
    list(iter_import(recording, options))
    scored = zscore(betas[[1, 2], [1, 2], [1, 0]].T.astype(float))
    np.testing.assert_allclose(load_responses("mine")[:, 0], scored, atol=1e-5)


@pytest.mark.parametrize(("column", "sides"), [("x", [0, 1, 1]), ("hemisphere", [1, 0, 1])])
def test_the_side_of_a_voxel_is_what_the_table_says_or_the_sign_of_x(
    folder: Path, column: str, sides: list[int]
) -> None:
    values = {"x": ["-3.5", "2", "40"], "hemisphere": ["right", "left", "rh"]}[column]
    write_csv(folder / "voxels.csv", [{column: value, "roi": "V1"} for value in values])
    run(describe(folder, BASE.format(file="responses.npy") + '[voxels]\ntable = "voxels.csv"\n'))
    assert load_subject("mine").voxels.hemisphere.tolist() == sides


def test_an_ncsnr_that_is_unknown_gives_no_ceiling_instead_of_zero(folder: Path) -> None:
    write_csv(folder / "voxels.csv", [{"ncsnr": value, "roi": "V1"} for value in ("1", "", "0")])
    run(describe(folder, BASE.format(file="responses.npy") + '[voxels]\ntable = "voxels.csv"\n'))
    np.testing.assert_array_equal(load_subject("mine").voxels.noise_ceiling, [0.5, np.nan, 0.0])
    assert load_summary("mine").noise_ceiling_median == 0.25


def test_a_voxel_that_says_no_side_has_none(folder: Path) -> None:
    run(describe(folder, BASE.format(file="responses.npy")))
    voxels = load_subject("mine").voxels
    assert voxels.hemisphere.tolist() == [-1, -1, -1] and voxels.sides.tolist() == ["", "", ""]
    assert target_voxel(voxels, 1).label == "voxel 1"
    write_csv(folder / "voxels.csv", [{"vertex": at, "roi": "V1"} for at in (1, 2, 3)])
    text = BASE.format(file="responses.npy") + '[voxels]\nsurface = "fsaverage5"\ntable = "voxels.csv"\n'
    planned = plan_import("generic", describe(folder, text), ImportOptions("x"))
    assert [planned.voxels.places.hemisphere.tolist(), planned.voxels.places.vertex.tolist()] == [[-1, -1, -1]] * 2
    assert "names vertices but not their hemisphere" in planned.remarks[-1]


@pytest.mark.parametrize("shape", [(3, 5), (3, 2, 5)])
def test_a_transposed_array_is_recognised_and_the_cure_named(folder: Path, shape: tuple[int, ...]) -> None:
    np.save(folder / "responses.npy", np.ones(shape))
    with pytest.raises(BadInputError, match=r"5 images.*got '\(3, .*5\) in responses.npy'. It is transposed: write"):
        plan_import("generic", describe(folder, BASE.format(file="responses.npy")), ImportOptions("x"))


def test_a_square_array_says_which_axis_was_taken_and_can_be_turned(folder: Path) -> None:
    values = DRAW.standard_normal((5, 5)).astype(np.float32)
    np.save(folder / "square.npy", values)
    for option, taken, right in (("", "first", values), ("transposed = true\n", "last", values.T)):
        recording = plan_import(
            "generic", describe(folder, BASE.format(file="square.npy") + option), ImportOptions("x")
        )
        assert any(f"The {taken} axis of square.npy (5, 5) is taken as images" in one for one in recording.remarks)
        np.testing.assert_array_equal(recording.sessions[0].read(), right)


@pytest.mark.parametrize("shape", [(3, 5), (3, 2, 5)])
def test_a_turned_array_is_turned_where_the_description_says_so(folder: Path, shape: tuple[int, ...]) -> None:
    values = DRAW.standard_normal(shape).astype(np.float32)
    np.save(folder / "turned.npy", values)
    text = BASE.format(file="turned.npy") + "transposed = true\n"
    sessions = plan_import("generic", describe(folder, text), ImportOptions("x")).sessions
    for repeat, session in enumerate(sessions):
        np.testing.assert_array_equal(session.read(), values.T if len(shape) == 2 else values.T[:, repeat])
    (folder / "table.csv").write_text("a,b,c,d,e\n1,2,3,4,5\n")
    with pytest.raises(BadInputError, match="Save the table itself turned"):
        plan_import("generic", describe(folder, text.replace("turned.npy", "table.csv")), ImportOptions("x"))


def test_trials_of_zeros_are_missing_ones_unless_counts_or_few(folder: Path) -> None:
    values = DRAW.standard_normal((5, 20)).round(3)
    values[3] = 0
    path = describe(folder, BASE.format(file="zeros.npy"))
    np.save(folder / "zeros.npy", values)
    with pytest.raises(BadInputError, match="got '0 in all 20 voxels, in 1 trials'. Write NaN"):
        run(path)
    for others in (values[:, :19], np.rint(values * 9)):
        np.save(folder / "zeros.npy", others)
        run(path, held_out="0.2")
        np.testing.assert_allclose(load_responses("mine")[:, 0], others, atol=1e-6)
        remove_subject("mine")


def test_a_noise_ceiling_is_no_ratio_of_sds_and_indices_are_no_mm(folder: Path) -> None:
    text = BASE.format(file="responses.npy") + '[voxels]\nsurface = "fsaverage5"\ntable = "voxels.csv"\n'
    lines = [{"x": 30 + row, "y": 40, "z": 20 + row, "ncsnr": 35 + row} for row in range(3)]
    write_csv(folder / "voxels.csv", lines)
    with pytest.raises(BadInputError, match="`ncsnr` must be the SD of the signal over that of the noise, got 'over"):
        plan_import("generic", describe(folder, text), ImportOptions("x"))
    for shift, told in ((0, True), (0.5, False)):
        write_csv(folder / "voxels.csv", [line | {"x": line["x"] + shift, "ncsnr": 0.4} for line in lines])
        remarks = plan_import("generic", describe(folder, text), ImportOptions("x")).remarks
        assert any("they are taken as mm" in one for one in remarks) is told


def test_more_repeats_than_voxels_are_turned_axes_unless_the_voxels_are_listed(folder: Path) -> None:
    np.save(folder / "responses.npy", DRAW.standard_normal((5, 3, 2)))
    text = BASE.format(file="responses.npy")
    with pytest.raises(BadInputError, match=r"got '\(5, 3, 2\) in responses.npy'. More repeats than voxels"):
        plan_import("generic", describe(folder, text), ImportOptions("x"))
    write_csv(folder / "voxels.csv", [{"roi": "FFA"}, {"roi": "VWFA"}])
    planned = plan_import("generic", describe(folder, text + '[voxels]\ntable = "voxels.csv"\n'), ImportOptions("x"))
    assert len(planned.sessions) == 3 and list(planned.voxels.roi) == ["FFA", "VWFA"]


def test_what_the_axes_of_repeats_are_taken_for_is_told(folder: Path) -> None:
    """Two voxels of three repeats would look the same."""
    np.save(folder / "responses.npy", DRAW.standard_normal((5, 2, 3)))
    remarks = plan_import("generic", describe(folder, BASE.format(file="responses.npy")), ImportOptions("x")).remarks
    assert "Responses are taken as 5 images, 2 repeats, 3 voxels." in remarks


@pytest.mark.parametrize(
    ("rows", "columns", "told"),
    [
        ([0, 1, 2, 3, 4], [0, 1, 2], None),
        ([40, 10, 30, 20, 0], [b"V1", b"FFA", b"PPA"], None),
        ([3, 1, 4, 2, 5], [0, 1, 2], "rows in the order of their numbers"),
        ([0, 1, 2, 3, 4], [2, 1, 0], "columns in the order of their numbers"),
    ],
)
def test_tables_of_pandas_are_read_in_the_order_of_their_numbers_only(
    folder: Path, rows: list[int], columns: list[object], told: str | None
) -> None:
    with h5py.File(folder / "table.h5", "w") as file:
        group = file.create_group("table")
        group["axis0"], group["axis1"], group["block0_items"] = columns, rows, columns
        group["block0_values"] = VALUES
    text = BASE.format(file="table.h5") + 'key = "table/block0_values"\n'
    if told is not None:
        with pytest.raises(BadInputError, match=f"`table.h5` must be {told}"):
            plan_import("generic", describe(folder, text), ImportOptions("x"))
        return
    run(describe(folder, text), held_out="0.2")
    np.testing.assert_allclose(load_responses("mine")[:, 0], VALUES, rtol=1e-6)


def test_a_square_array_is_taken_as_it_is(folder: Path) -> None:
    values = DRAW.standard_normal((5, 5)).astype(np.float32)
    np.save(folder / "responses.npy", values)
    run(describe(folder, BASE.format(file="responses.npy")), held_out="0.2")
    np.testing.assert_allclose(load_responses("mine")[:, 0], values, rtol=1e-6)


@pytest.mark.parametrize("typed", [True, False])
def test_rows_that_are_means_of_repeats_raise_the_noise_ceiling(folder: Path, typed: bool) -> None:
    write_csv(folder / "voxels.csv", [{"ncsnr": value, "roi": "V1"} for value in ("1", "2", "0")])
    text = BASE.format(file="responses.npy") + ("" if typed else "averaged = 3\n")
    path = describe(folder, text + '[voxels]\ntable = "voxels.csv"\n')
    run(path, **({"averaged": 3} if typed else {}))
    subject = load_subject("mine")  # NC = ncsnr^2 / (ncsnr^2 + 1 / 3)
    np.testing.assert_allclose(subject.voxels.noise_ceiling, [1 / (1 + 1 / 3), 4 / (4 + 1 / 3), 0.0], rtol=1e-6)
    assert "Each row is the mean of 3 repeats, as stated." in subject.note


def test_repeats_that_were_measured_set_the_ceiling_themselves(folder: Path) -> None:
    repeats = (VALUES[:, None] + DRAW.standard_normal((5, 2, 3))).astype(np.float32)
    np.save(folder / "repeats.npy", repeats)
    run(describe(folder, BASE.format(file="repeats.npy") + "averaged = 4\n"), held_out="0.4")
    subject = load_subject("mine")
    expected = estimate_noise_ceiling(repeats, scored=subject.test)  # the noise of a mean of 4 is in their spread
    np.testing.assert_allclose(subject.voxels.noise_ceiling, expected, rtol=1e-4)


@pytest.mark.parametrize("name", ["mask.nii", "roi_FFA.nii"])
def test_a_map_of_probabilities_is_no_mask(folder: Path, name: str) -> None:
    for each in ("mask.nii", "roi_FFA.nii"):
        save_volume(folder / each, np.ones((3, 1, 1), np.uint8))
    save_volume(folder / name, np.array([0.2, 0.7, 1]).reshape(3, 1, 1).astype(np.float32))
    save_volume(folder / "betas_1.nii", DRAW.standard_normal((3, 1, 1, 5)).astype(np.float32))
    write_csv(folder / "trials.csv", [{"image": f"{one}.png"} for one in IDS])
    with pytest.raises(BadInputError, match=rf"`{name}` must be a mask or labels of whole numbers, got 0\.2"):
        plan_import("nifti", folder, ImportOptions("x"))
