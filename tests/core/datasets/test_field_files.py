"""Files as laboratories have them: spreadsheets, pandas, R, MATLAB, masks of another orientation. Answers: by hand."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import h5py
import nibabel
import numpy as np
import pytest
import zarr
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from scipy.io import savemat
from zarr.core.sync import cleanup_resources

from core.datasets.array_files import open_array
from core.datasets.image_files import match_pictures
from core.datasets.image_store import find_stimulus, open_image_store
from core.datasets.import_options import ImportOptions
from core.datasets.importer import iter_import
from core.datasets.kinds import inspect_source, plan_import
from core.datasets.readers.generic import place_table
from core.datasets.recording import UNUSED
from core.datasets.subject import Subject, load_responses, load_subject
from core.datasets.tables import read_table, refuse_codes, to_integers, to_numbers
from core.errors import BadInputError
from core.images.read import read_image
from core.surfaces.volumes import load_volume
from core.types import NO_SIDE
from tests.helpers.recording_files import write_csv, write_picture

VALUES = np.array([[0.5, -1.25], [2.0, np.nan], [-0.75, 3.0]])
DRAW = np.random.default_rng(4)

TABLES = {
    "semicolons": b"image;r\na.png;0,5\nb.png;-1,25e1\n",
    "semicolons below an empty line, beside a time": b"\n\nimage;r;at\na.png;0,5;12.30\nb.png;-1,25e1;9.15\n",
    "sep line": b"sep=;\r\nimage;r\r\na.png;0.5\r\nb.png;-12.5\r\n",
    "utf-16 with tabs": "image\tr\na.png\t0,5\nb.png\t-12,5\n".encode("utf-16"),
    "empty rows": b"image,r\na.png,0.5\n,\n , \nb.png,-12.5\n,\n",
    "byte order mark": b"\xef\xbb\xbfimage,r\na.png,0.5\n\nb.png,-12.5\n",
}


@pytest.mark.parametrize("content", TABLES.values(), ids=TABLES)
def test_a_spreadsheets_table_is_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    table = read_table(tmp_path / "t.csv", needs=("image", "r"))
    assert table["image"] == ["a.png", "b.png"]
    assert to_numbers(table["r"], "r").tolist() == [0.5, -12.5]


def test_windows_letters_words_for_nothing_and_truths_are_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("image,test\nÜbung.png,TRUE\ncafé.png,n/a\nx,False\n".encode("cp1252"))
    table = read_table(tmp_path / "t.csv")
    assert table["image"][:2] == ["Übung.png", "café.png"]
    np.testing.assert_array_equal(to_numbers(table["test"], "test"), [1, np.nan, 0])
    with pytest.raises(BadInputError, match="`row` must be whole numbers, got '2.5'"):
        to_integers(["1", "2.0", "2.5", ""], "row")
    (tmp_path / "t.csv").write_bytes(b"image\n\x81\x8d\n")
    with pytest.raises(BadInputError, match="no CSV.*Save it again in UTF-8"):
        read_table(tmp_path / "t.csv")


ARRAYS = {
    "no header": "0.5,-1.25\n2,NA\n-0.75,3\n",
    "pandas with index": ",v0,v1\n0,0.5,-1.25\n1,2.0,\n2,-0.75,3.0\n",
    "pandas with numbers and index": ",0,1\n0,0.5,-1.25\n1,2.0,\n2,-0.75,3.0\n",
    "pandas with numbers": "0,1\n0.5,-1.25\n2.0,\n-0.75,3.0\n",
    "R": '"","V1","V2"\n"1",0.5,-1.25\n"2",2,NA\n"3",-0.75,3\n',
    "empty cells": "v0,v1\n0.5,-1.25\n2.0,\n-0.75,3.0\n",
    "what a spreadsheet could not divide": "v0,v1\n0.5,-1.25\n2.0,#DIV/0!\n-0.75,3.0\n",
    "dashes": "v0,v1\n0.5,-1.25\n2.0,--\n-0.75,3.0\n",
    "semicolons": "v0;v1\n0,5;-1,25\n2,0;NaN\n-0,75;3,0\n",
    "semicolons without header": "0,5;-1,25\n2,0;NaN\n-0,75;3,0\n",
    "index with a name": "trial,v0,v1\n1,0.5,-1.25\n2,2.0,#N/A\n3,-0.75,3.0\n",
    "numbers from 1 as header": "1,2\n0.5,-1.25\n2.0,\n-0.75,3.0\n",
    "row numbers without header": "0,0.5,-1.25\n1,2.0,-\n2,-0.75,3.0\n",
}


@pytest.mark.parametrize("text", ARRAYS.values(), ids=ARRAYS)
def test_a_text_file_of_numbers_is_read_without_its_names(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.csv").write_text(text)
    opened = open_array(tmp_path / "r.csv")
    assert opened.shape == (3, 2)
    np.testing.assert_array_equal(opened.read(0, 3), VALUES.astype(np.float32))


def test_commas_beside_decimal_points_are_no_decimal_commas(tmp_path: Path) -> None:
    (tmp_path / "r.tsv").write_text("0.5\t1,234\n2.0\t1,5\n")
    with pytest.raises(BadInputError, match="must be numbers, got '1,5'"):
        open_array(tmp_path / "r.tsv")
    (tmp_path / "t.csv").write_text("image;r\na;1.234\nb;0,5\n")
    assert read_table(tmp_path / "t.csv")["r"] == ["1.234", "0,5"]
    (tmp_path / "t.tsv").write_text("image\tr\na\t1,234\nb\t567\n")
    assert read_table(tmp_path / "t.tsv")["r"] == ["1,234", "567"]
    (tmp_path / "t.tsv").write_text("image\tr\na\t1,234\nb\t0,567\n")
    assert read_table(tmp_path / "t.tsv")["r"] == ["1.234", "0.567"]
    (tmp_path / "t.csv").write_text("image;r\n0.5.png;0,5\n1.5_b.png;-12,5\n")
    assert to_numbers(read_table(tmp_path / "t.csv")["r"], "r").tolist() == [0.5, -12.5]
    with pytest.raises(BadInputError, match="must be numbers, got '1_0'"):
        to_numbers(["2", "1_0"], "weights")


@pytest.mark.parametrize("held", [{"s": {"x": np.ones(3)}}, {"c": np.array([["a", np.ones(2)]], dtype=object)}])
def test_a_matlab_file_without_arrays_says_so(tmp_path: Path, held: dict[str, object]) -> None:
    savemat(tmp_path / "r.mat", held)
    with pytest.raises(BadInputError, match=r"r.mat holds objects besides numbers, or nothing: structures, cells"):
        open_array(tmp_path / "r.mat")


def write_hdf5(path: Path, key: str, values: np.ndarray, *, by_matlab: bool) -> None:
    with h5py.File(path, "w", userblock_size=512 if by_matlab else 0) as file:
        file[key] = values.T if by_matlab else values
        if by_matlab:
            file[key].attrs["MATLAB_class"] = np.bytes_(b"double")


@pytest.mark.parametrize("name", ["new.mat", "renamed.h5", "old.mat", "table.npy", "v2.zarr", "v3.zarr"])
def test_files_of_matlab_tables_and_groups_are_read(tmp_path: Path, name: str) -> None:
    path, values, key = tmp_path / name, DRAW.standard_normal((4, 4)).astype(np.float32), "betas/responses"
    if name == "old.mat":
        key = "responses"
        savemat(path, {"responses": values, "other": np.zeros(2)})
    elif name == "table.npy":
        key = ""
        fields = [(roi, np.float32) for roi in "abcd"]
        np.save(path, np.array([tuple(row) for row in values], dtype=fields))
    elif path.suffix == ".zarr":
        group = zarr.open_group(path, mode="w", zarr_format=int(name[1]))
        group.create_array(key, data=values)
        group.create_array("other", data=np.zeros(2))
    else:
        write_hdf5(path, key, values, by_matlab=True)
    np.testing.assert_array_equal(open_array(path, key=key).read(1, 3), values[1:3])
    cleanup_resources()  # the threads of zarr


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"scale_factor": 1.0, "_FillValue": np.nan}, ""),
        ({"_FillValue": -9999.0}, "_FillValue"),
        ({"scale_factor": 0.01, "add_offset": 3.0}, "scale_factor and add_offset"),
    ],
)
@pytest.mark.parametrize("ending", [".h5", ".zarr"])
def test_values_that_netcdf_would_unpack_are_not_taken_as_they_are(
    tmp_path: Path, attributes: dict[str, float], said: str, ending: str
) -> None:
    path = tmp_path / f"r{ending}"
    if ending == ".h5":
        with h5py.File(path, "w") as file:
            file["r"] = VALUES
            file["r"].attrs.update(attributes)
    else:
        zarr.open_group(path, mode="w").create_array("r", data=VALUES).attrs.update(attributes)
    if said:
        with pytest.raises(BadInputError, match=f"must be plain numbers, .*to be unpacked by {said}'"):
            open_array(path)
    else:
        np.testing.assert_array_equal(open_array(path).read(0, 3), VALUES.astype(np.float32))
    cleanup_resources()


def describe(folder: Path, text: str) -> Path:
    np.save(folder / "responses.npy", DRAW.standard_normal((5, 3)))
    (folder / "mine.toml").write_text(text + '[responses]\nfile = "responses.npy"\n')
    return folder / "mine.toml"


def test_the_one_array_of_images_is_used_whatever_its_name(tmp_path: Path) -> None:
    write_hdf5(tmp_path / "s.h5", "stimuli", np.zeros((5, 40, 40, 3), np.uint8), by_matlab=False)
    write_csv(tmp_path / "images.csv", [{"image": row} for row in range(5)])
    source = describe(tmp_path, '[images]\nfile = "s.h5"\nlist = "images.csv"\n')
    assert plan_import("generic", source, ImportOptions("x")).images.key == "stimuli"
    write_hdf5(tmp_path / "s.h5", "stimuli", np.zeros((5, 40, 40, 3), np.float32), by_matlab=False)
    with pytest.raises(BadInputError, match="8-bit levels.*got 'float32 in s.h5'"):
        plan_import("generic", source, ImportOptions("x"))


def test_rois_without_a_name_and_trials_without_an_image_are_left_out(tmp_path: Path) -> None:
    for name in "abcd":
        write_picture(tmp_path / "images" / f"{name}_c0.25.png")
    write_csv(tmp_path / "voxels.csv", [{"roi": roi} for roi in ("FFA", "n/a", "NaN")])
    shown = ["a_c0.25", "b_c0.25.png", "n/a", "c_c0.25.png", "d_c0.25.PNG"]
    write_csv(tmp_path / "trials.csv", [{"image": name} for name in shown])
    text = 'rows = "trials"\ntrials = "trials.csv"\n[voxels]\ntable = "voxels.csv"\n'
    source = describe(tmp_path, '[images]\nfolder = "images"\n')
    source.write_text(source.read_text() + text)
    recording = plan_import("generic", source, ImportOptions("x"))
    assert recording.voxels.roi == ("FFA", "", "")
    assert recording.sessions[0].images.tolist() == [0, 1, UNUSED, 2, 3]


def test_columns_are_found_in_any_case_and_others_are_told(tmp_path: Path) -> None:
    values = (DRAW.standard_normal((12, 3)) + np.repeat([[0.0], [9.0]], 6, axis=0)).astype(np.float32)
    source = write_own(tmp_path, LOCALISER, values, trials=LOCALISER * 2)
    write_csv(
        tmp_path / "images.csv",
        [
            {"image": name, "Category": kind, "TEST": kind == "face"}
            for name, kind in zip(LOCALISER, KINDS, strict=True)
        ],
    )
    shown = enumerate(LOCALISER * 2)
    write_csv(tmp_path / "trials.csv", [{"Image": name, "Session": at // 6, "run": at // 3} for at, name in shown])
    write_csv(tmp_path / "voxels.csv", [{"ROI": roi, "Hemisphere": "L"} for roi in ("FFA", "-", "PPA\nleft")])
    source.write_text(source.read_text() + 'zscore = true\n[voxels]\ntable = "voxels.csv"\n')
    subject = bring_in(source, held_out="own")
    assert subject.categories == ("face", "", "", "house", "house", "face")
    assert subject.test.tolist() == [True, False, False, False, False, True]
    assert subject.voxels.roi == ("FFA", "", "PPA left") and subject.voxels.hemisphere.tolist() == [0, 0, 0]
    assert "Columns of trials.csv that are not used: run." in subject.note
    sessions = values.reshape(2, 6, 3).astype(float)
    scored = (sessions - sessions.mean(axis=1, keepdims=True)) / sessions.std(axis=1, keepdims=True)
    np.testing.assert_allclose(load_responses("mine")[:, 0], scored.mean(axis=0), atol=1e-5)
    write_csv(tmp_path / "voxels.csv", [{"hemisphere": 1} for _ in range(3)])
    with pytest.raises(BadInputError, match="left or right, got '1 in every line'"):
        plan_import("generic", source, ImportOptions("x"))


def test_two_pictures_of_one_name_and_size_are_told_apart(tmp_path: Path) -> None:
    for folder, seed in (("a", 1), ("b", 2), ("c", 1)):
        write_picture(tmp_path / folder / "1.bmp", seed)
    with pytest.raises(BadInputError, match="one picture a name, got '1.bmp'. a/1.bmp, b/1.bmp, c/1.bmp differ"):
        match_pictures(tmp_path, ["1.bmp"])
    (tmp_path / "b" / "1.bmp").unlink()
    assert match_pictures(tmp_path, ["1.bmp"]).members == ("a/1.bmp",)


def test_names_of_other_systems_find_their_pictures(tmp_path: Path) -> None:
    for name in ("faces/one.png", unicodedata.normalize("NFD", "café.png"), "gabor_c0.5.png"):
        write_picture(tmp_path / name)
    found = match_pictures(tmp_path, ["faces\\one.PNG", "café.png", "gabor_c0.5"])
    assert [unicodedata.normalize("NFC", name) for name in found.members] == [
        "faces/one.png",
        "café.png",
        "gabor_c0.5.png",
    ]


def test_masks_of_another_orientation_and_sessions_without_zeros_are_put_right(tmp_path: Path) -> None:
    shape, affine = (5, 4, 3), np.array([[-2.0, 0, 0, 4], [0, 2, 0, -3], [0, 0, 2, 0], [0, 0, 0, 1]])
    inside = np.zeros(shape, np.uint8)
    inside[1, 2, 1] = inside[4, 0, 2] = 1
    mask = nibabel.Nifti1Image(inside, affine)
    turn = ornt_transform(io_orientation(affine), axcodes2ornt("RAS"))
    nibabel.save(mask.as_reoriented(turn), tmp_path / "mask.nii.gz")
    betas = DRAW.standard_normal((11, *shape, 5)).astype(np.float32)
    for number, values in enumerate(betas, start=1):
        image = nibabel.Nifti1Image(values, affine)
        nibabel.save(image.as_reoriented(turn) if number == 3 else image, tmp_path / f"betas_{number}.nii.gz")
    for name in "abcde":
        write_picture(tmp_path / "images" / f"{name}.png")
    write_csv(tmp_path / "trials.csv", [{"image": f"{name}.png"} for _ in betas for name in "abcde"])
    options = ImportOptions("mine", held_out="0.2")
    recording = plan_import("nifti", tmp_path, options)
    assert [session.name for session in recording.sessions][1:3] == ["betas_2", "betas_3"]
    list(iter_import(recording, options))
    expected = betas[:, [4, 1], [0, 2], [2, 1]]  # session, voxel in the order of the mask, trial
    scored = (expected - expected.mean(axis=2, keepdims=True)) / expected.std(axis=2, keepdims=True)
    np.testing.assert_allclose(load_responses("mine")[:, 0], scored.mean(axis=0).T, atol=1e-5)
    nibabel.save(nibabel.Nifti1Image(inside, np.diag([2.0, 2, 2, 1])), tmp_path / "mask.nii.gz")
    with pytest.raises(BadInputError, match="betas_1.nii.gz.*another space"):
        plan_import("nifti", tmp_path, options)
    for name in ("mask", *(f"betas_{number}" for number in range(1, 12))):
        values = inside if name == "mask" else betas[0]
        nibabel.save(nibabel.Nifti1Image(values, None), tmp_path / f"{name}.nii.gz")
    recording = plan_import("nifti", tmp_path, options)
    assert recording.voxels.places.hemisphere.tolist() == [NO_SIDE, NO_SIDE]
    assert "do not say where they lie" in recording.remarks[-1]


def write_own(folder: Path, names: list[str], responses: np.ndarray, *, trials: list[str] | None = None) -> Path:
    """Pictures, a list of them and an array, as a laboratory describes its own."""
    for seed, name in enumerate(names):
        write_picture(folder / "images" / name, seed)
    write_csv(folder / "images.csv", [{"image": name} for name in names])
    np.save(folder / "responses.npy", responses)
    text = '[images]\nfolder = "images"\nlist = "images.csv"\n[responses]\nfile = "responses.npy"\n'
    if trials is not None:
        write_csv(folder / "trials.csv", [{"image": name} for name in trials])
        text += 'rows = "trials"\ntrials = "trials.csv"\n'
    (folder / "mine.toml").write_text(text)
    return folder / "mine.toml"


def bring_in(source: Path, kind: str = "generic", *, held_out: str = "0.2") -> Subject:
    options = ImportOptions("mine", held_out=held_out)
    list(iter_import(plan_import(kind, source, options), options))
    return load_subject("mine")


KINDS = ["face", "n/a", "NaN", "house", "house", "face"]
LOCALISER = [f"{kind}/{number}.png" for kind in ("faces", "houses") for number in (1, 2, 3)]


def test_the_same_names_in_several_folders_are_images_of_their_own(tmp_path: Path) -> None:
    trials = ["houses/2.png", "faces\\1.PNG", *LOCALISER, "houses/2"]
    values = DRAW.standard_normal((len(trials), 3)).astype(np.float32)
    subject = bring_in(write_own(tmp_path, LOCALISER, values, trials=trials))
    assert subject.image_ids == tuple(name.removesuffix(".png") for name in LOCALISER)
    means = load_responses("mine")[:, 0]
    np.testing.assert_allclose(means[4], (values[0] + values[6] + values[8]) / 3, rtol=1e-5)
    np.testing.assert_allclose(means[0], (values[1] + values[2]) / 2, rtol=1e-5)
    expected = read_image(tmp_path / "images/houses/2.png", size=40).levels
    for key in ("mine:houses/2", "mine:houses\\2.PNG"):
        found = find_stimulus(key, 40)
        assert found.id == "houses/2"
        np.testing.assert_array_equal(found.levels, expected)
    with pytest.raises(BadInputError, match=r"an image of subject 'mine', got '2'"):
        find_stimulus("mine:2", 40)
    write_csv(tmp_path / "trials.csv", [{"image": name} for name in ["2.png", *trials[1:]]])
    with pytest.raises(BadInputError, match=r"images of the list, got '2.png'. It may be each of faces/2, houses/2"):
        plan_import("generic", tmp_path / "mine.toml", ImportOptions("x"))


def test_categories_and_held_out_lists_may_name_files(tmp_path: Path) -> None:
    write_own(tmp_path, LOCALISER, DRAW.standard_normal((6, 3)))
    write_csv(
        tmp_path / "kinds.csv", [{"image": name.upper(), "category": name.partition("/")[0]} for name in LOCALISER]
    )
    (tmp_path / "held.txt").write_text("faces/1.png\nhouses\\3.png\n")
    options = ImportOptions("mine", categories=tmp_path / "kinds.csv", held_out=str(tmp_path / "held.txt"))
    list(iter_import(plan_import("generic", tmp_path / "mine.toml", options), options))
    subject = load_subject("mine")
    assert subject.categories == ("faces",) * 3 + ("houses",) * 3
    assert subject.test.tolist() == [True, False, False, False, False, True]


def test_a_folder_without_a_list_is_taken_as_people_count_and_says_so(tmp_path: Path) -> None:
    names = [f"pic{number}.png" for number in range(1, 13)]
    values = DRAW.standard_normal((12, 3)).astype(np.float32)
    source = write_own(tmp_path, names, values)
    source.write_text('[images]\nfolder = "images"\n[responses]\nfile = "responses.npy"\n')
    told = "Rows are the pictures of the folder in the order of their names: "
    told += "pic1.png, pic2.png, pic3.png, pic4.png, ..., pic12.png."
    assert told in inspect_source(source, options=ImportOptions("x")).remarks
    subject = bring_in(source)
    assert subject.image_ids == tuple(name.removesuffix(".png") for name in names) and told in subject.note
    np.testing.assert_allclose(load_responses("mine")[:, 0], values, rtol=1e-6)


@pytest.mark.parametrize("content", [b"/annex/objects/SHA256E-s1--00.png", b""], ids=["pointer", "empty"])
def test_what_is_no_picture_is_refused_before_responses_are_read(tmp_path: Path, content: bytes) -> None:
    source = write_own(tmp_path, LOCALISER, DRAW.standard_normal((6, 3)))
    (tmp_path / "images" / "houses" / "2.png").write_bytes(content)
    with pytest.raises(BadInputError, match=r"2.png"):
        bring_in(source)


@pytest.mark.parametrize("zscore", [False, True])
def test_a_trial_without_values_is_left_out_and_not_the_voxels(tmp_path: Path, zscore: bool) -> None:
    trials = [name for name in LOCALISER for _ in range(3)]
    values = DRAW.standard_normal((18, 4)).astype(np.float32)
    values[7], values[2, 1] = np.nan, np.nan
    source = write_own(tmp_path, LOCALISER, values, trials=trials)
    source.write_text(source.read_text() + f"zscore = {str(zscore).lower()}\n")
    subject = bring_in(source)
    assert subject.n_trials.tolist() == [2, 3, 2, 3, 3, 3] and subject.voxels.n_voxels == 4
    assert "Trials without a value in any voxel are left out, 1: 8 of all trials." in subject.note
    kept = np.delete(values, [2, 7], axis=0).astype(float)
    scored = (kept - kept.mean(axis=0)) / kept.std(axis=0) if zscore else kept
    parts = np.split(scored, np.cumsum([2, 3, 2, 3, 3]))
    np.testing.assert_allclose(load_responses("mine")[:, 0], [part.mean(axis=0) for part in parts], atol=1e-5)
    counts = np.array([len(part) for part in parts])
    noise = np.mean([part.var(axis=0, ddof=1) for part in parts], axis=0)
    squared = np.maximum(scored.var(axis=0) - noise, 0) / noise
    expected = squared / (squared + np.mean(1 / counts[subject.test]))
    np.testing.assert_allclose(subject.voxels.noise_ceiling, expected, atol=1e-5)


def test_repeats_that_were_not_run_do_not_count_in_z_scores(tmp_path: Path) -> None:
    values = DRAW.standard_normal((6, 2, 3)).astype(np.float32) + 5
    values[4, 1] = np.nan
    source = write_own(tmp_path, LOCALISER, values)
    source.write_text(source.read_text() + "zscore = true\n")
    assert bring_in(source).n_trials.tolist() == [2, 2, 2, 2, 1, 2]
    both = values.astype(float)
    scored = (both - np.nanmean(both, axis=0)) / np.nanstd(both, axis=0)
    np.testing.assert_allclose(load_responses("mine")[:, 0], np.nanmean(scored, axis=1), atol=1e-5)


def test_what_misses_values_is_left_out_with_its_image_or_its_voxel_whichever_is_less(tmp_path: Path) -> None:
    """A blank row, a cell without a value, an infinite one, and a voxel outside of the brain."""
    values = DRAW.standard_normal((12, 6)).astype(np.float32)
    values[3], values[5, 1], values[:, 4], values[6, 5] = np.nan, np.nan, np.nan, np.inf
    names = [f"houses/{number}.png" for number in range(12)]
    subject = bring_in(write_own(tmp_path, names, values))
    assert "Trials without a value in any voxel are left out, 1: 4 of images 1 to 12." in subject.note
    assert "Trials that miss values, of 1 voxel in all, are left out, 1: 6 of images 1 to 12." in subject.note
    assert "Images without another trial are left out, 1: 3." in subject.note
    rows, voxels = np.delete(np.arange(12), [3, 5]), [0, 1, 2, 3]
    assert subject.image_ids == tuple(str(row) for row in rows)
    assert subject.images is not None and subject.images.members == tuple(names[row] for row in rows)
    np.testing.assert_array_equal(load_responses("mine")[:, 0], values[np.ix_(rows, voxels)])
    values[:4, 1] = np.nan  # of more trials than voxels
    values[3] = DRAW.standard_normal(6)
    options = ImportOptions("again")
    list(iter_import(plan_import("generic", write_own(tmp_path / "again", names, values), options), options))
    assert load_responses("again").shape == (12, 1, 3)
    values[:4, 1] = 0.5  # of one trial again
    options = ImportOptions("voxels", bad_voxels="drop")
    list(iter_import(plan_import("generic", write_own(tmp_path / "voxels", names, values), options), options))
    assert load_responses("voxels").shape == (12, 1, 3)


def test_the_row_of_a_spreadsheet_without_one_value_keeps_its_voxel(tmp_path: Path) -> None:
    rows = DRAW.standard_normal((12, 6)).round(4)
    lines = ['"","V1","V2","V3","V4","V5","V6"']
    lines += [f'"{number}",{",".join(map(str, row))}' for number, row in enumerate(rows, start=1)]
    lines[4] = lines[4].replace(str(rows[3, 2]), "NA")
    source = write_own(tmp_path, [f"{number}.png" for number in range(12)], rows)
    (tmp_path / "responses.csv").write_text("\n".join(lines))
    source.write_text(source.read_text().replace("responses.npy", "responses.csv"))
    assert bring_in(source).voxels.n_voxels == 6
    np.testing.assert_array_equal(load_responses("mine")[:, 0], np.delete(rows, 3, axis=0).astype(np.float32))


def test_a_volume_without_values_is_left_out_of_a_nifti_set(tmp_path: Path) -> None:
    betas = DRAW.standard_normal((2, 2, 2, 2, 6)).astype(np.float32)
    betas[1, ..., 4] = betas[0, ..., 1] = np.nan
    zeroed = np.nan_to_num(betas)  # as AFNI writes trials that were censored
    nibabel.save(nibabel.Nifti1Image(np.ones((2, 2, 2), np.uint8), np.eye(4)), tmp_path / "mask.nii")
    for number, session in enumerate(betas):
        nibabel.save(nibabel.Nifti1Image(session, np.eye(4)), tmp_path / f"betas_{number}.nii")
    for name in "abcdef":
        write_picture(tmp_path / "images" / f"{name}.png")
    write_csv(tmp_path / "trials.csv", [{"image": name} for name in [*"a", "n/a", *"cdefabcdef"]])
    labels = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    for name, values in (("atlas", labels % 3), ("mask", labels // 7 * 2)):
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / f"roi_{name}.nii")
    subject = bring_in(tmp_path, "nifti")
    assert "roi_atlas.nii holds 2 labels, 1 to 2: taken as one ROI." in subject.note
    assert "roi_mask" not in subject.note
    assert subject.n_trials.tolist() == [2, 1, 2, 2, 1, 2] and subject.voxels.n_voxels == 8
    rows = betas.reshape(2, 8, 6).transpose(0, 2, 1).astype(float)
    scored = (rows - np.nanmean(rows, axis=1, keepdims=True)) / np.nanstd(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(load_responses("mine")[:, 0], np.nanmean(scored, axis=0), atol=1e-5)
    for number, session in enumerate(zeroed):
        nibabel.save(nibabel.Nifti1Image(session, np.eye(4)), tmp_path / f"betas_{number}.nii")
    options = ImportOptions("again")
    list(iter_import(plan_import("nifti", tmp_path, options), options))
    np.testing.assert_array_equal(load_responses("again"), load_responses("mine"))


@pytest.mark.parametrize("name", ["glm.npy", "glm.hdf5", "glm.mat"])
def test_betas_of_glmsingle_are_read_as_volumes_of_trials(tmp_path: Path, name: str) -> None:
    betas = DRAW.standard_normal((2, 3, 2, 6)).astype(np.float32)
    betas[1, 2, 0] = np.nan  # outside the brain
    source = write_own(tmp_path, LOCALISER, betas)
    if name == "glm.npy":
        np.save(tmp_path / name, {"betasmd": betas, "R2": betas[..., 0], "meta": "text"}, allow_pickle=True)  # type: ignore[arg-type]
    else:
        write_hdf5(tmp_path / name, "betasmd", betas, by_matlab=name == "glm.mat")
    source.write_text(source.read_text().replace("responses.npy", name) + 'key = "betasmd"\n')
    assert bring_in(source).voxels.n_voxels == 11
    columns = np.delete(betas.reshape(12, 6).T, 10, axis=1)
    np.testing.assert_array_equal(load_responses("mine")[:, 0], columns)


LAYOUTS = {
    "(n, height, width, 3)": (0, 1, 2, 3),
    "(n, 3, height, width)": (0, 3, 1, 2),
    "(height, width, 3, n)": (1, 2, 3, 0),
}


@pytest.mark.parametrize("by_matlab", [False, True])
@pytest.mark.parametrize("axes", LAYOUTS)
def test_arrays_of_images_stand_upright_whichever_way_their_axes_lie(
    tmp_path: Path, axes: str, by_matlab: bool
) -> None:
    images = DRAW.integers(0, 256, (6, 40, 48, 3), dtype=np.uint8)
    write_hdf5(tmp_path / "s.h5", "stimuli", images.transpose(LAYOUTS[axes]), by_matlab=by_matlab)
    write_csv(tmp_path / "images.csv", [{"image": row} for row in (0, 1, 2, 3, 5)])
    source = describe(tmp_path, '[images]\nfile = "s.h5"\nlist = "images.csv"\n')
    subject = bring_in(source)
    assert (f"are taken as {axes}: look whether" in subject.note) is (axes != "(n, height, width, 3)")
    found = open_image_store(subject).load("image-5", 40).levels
    np.testing.assert_array_equal(found, images[5, :, 4:44])


def test_a_volume_alone_in_its_file_has_a_place_or_is_refused(tmp_path: Path) -> None:
    values = np.ones((3, 3, 3, 1, 1), np.float32)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "one.nii")
    assert load_volume(tmp_path / "one.nii").shape == (3, 3, 3)
    nibabel.save(nibabel.Nifti1Image(values, None), tmp_path / "nowhere.nii")
    with pytest.raises(BadInputError, match="nowhere.nii does not say where it lies"):
        load_volume(tmp_path / "nowhere.nii")


NAMED = {"pandas": ",v0,v1", "R": "Unnamed: 0,0,1", "titled": "image,left,right", "bare": ""}


@pytest.mark.parametrize("head", NAMED.values(), ids=NAMED)
def test_rows_named_by_pictures_are_those_of_the_pictures(tmp_path: Path, head: str) -> None:
    values = DRAW.standard_normal((6, 2)).round(3)
    source = write_own(tmp_path, LOCALISER, values)
    order = [3, 0, 5, 1, 4, 2]
    lines = [head] * bool(head) + [f"{LOCALISER[at]},{values[at, 0]},{values[at, 1]}" for at in order]
    (tmp_path / "responses.csv").write_text("\n".join(lines))
    source.write_text(source.read_text().replace("responses.npy", "responses.csv"))
    bring_in(source)
    np.testing.assert_allclose(load_responses("mine")[:, 0], values, rtol=1e-6)


def test_rows_named_by_something_else_are_refused(tmp_path: Path) -> None:
    values = DRAW.standard_normal((6, 2)).round(3)
    source = write_own(tmp_path, LOCALISER, values, trials=LOCALISER)
    named = [*LOCALISER[1:], LOCALISER[0]]
    lines = [f"{name},{one},{other}" for name, (one, other) in zip(named, values, strict=True)]
    (tmp_path / "responses.csv").write_text("\n".join([",v0,v1", *lines]))
    source.write_text(source.read_text().replace("responses.npy", "responses.csv"))
    with pytest.raises(BadInputError, match=rf"the trials of the table, {LOCALISER[0]} there, got '{LOCALISER[1]} in"):
        bring_in(source)
    (tmp_path / "responses.csv").write_text("\n".join([",v0,v1", *lines]).replace(LOCALISER[2], "V1"))
    with pytest.raises(BadInputError, match=r"`responses.csv` must be rows named by images of the list, got 'V1'"):
        bring_in(source)


NUMBERED = {"titled": "image_nr,v0,v1", "bare": "", "pandas": ",v0,v1"}


@pytest.mark.parametrize("start", [0, 1, 101])
@pytest.mark.parametrize("head", NUMBERED.values(), ids=NUMBERED)
def test_numbers_of_rows_in_another_order_are_no_voxel(tmp_path: Path, head: str, start: int) -> None:
    values = DRAW.standard_normal((6, 2)).round(3)
    source = write_own(tmp_path, LOCALISER, values)
    lines = [head] * bool(head) + [f"{start + at},{values[at, 0]},{values[at, 1]}" for at in (3, 0, 5, 1, 4, 2)]
    (tmp_path / "responses.csv").write_text("\n".join(lines))
    source.write_text(source.read_text().replace("responses.npy", "responses.csv"))
    with pytest.raises(BadInputError, match=f"rows named without doubt, got '{start + 3} for {LOCALISER[0]}'. .*leave"):
        bring_in(source)


def test_whole_numbers_in_the_only_column_are_responses(tmp_path: Path) -> None:
    source = write_own(tmp_path, LOCALISER, np.zeros((6, 1)))
    (tmp_path / "responses.csv").write_text("rank\n3\n1\n6\n2\n5\n4\n")
    source.write_text(source.read_text().replace("responses.npy", "responses.csv"))
    bring_in(source)
    assert load_responses("mine")[:, 0, 0].tolist() == [3, 1, 6, 2, 5, 4]


@pytest.mark.parametrize("first", ["voxel", ""])
def test_columns_titled_by_pictures_are_no_voxels_though_there_are_as_many(tmp_path: Path, first: str) -> None:
    values = DRAW.standard_normal((6, 6)).round(3)
    source = write_own(tmp_path, LOCALISER, values)
    lines = [f"{first},{','.join(LOCALISER)}", *(f"{at},{','.join(map(str, row))}" for at, row in enumerate(values.T))]
    (tmp_path / "responses.csv").write_text("\n".join(lines))
    source.write_text(source.read_text().replace("responses.npy", "responses.csv"))
    with pytest.raises(BadInputError, match=r"It is transposed: write transposed = true"):
        bring_in(source)


@pytest.mark.parametrize("name", ["trial_number", "Trial Index", "row_id"])
def test_trials_in_another_order_than_their_numbers_are_refused(tmp_path: Path, name: str) -> None:
    source = write_own(tmp_path, LOCALISER, DRAW.standard_normal((6, 2)), trials=LOCALISER)
    write_csv(tmp_path / "trials.csv", [{name: 6 - at, "image": image} for at, image in enumerate(LOCALISER)])
    with pytest.raises(BadInputError, match=f"lines in the order of its column '{name}', got 'another'"):
        bring_in(source)


def test_a_picture_may_be_called_as_what_is_missing(tmp_path: Path) -> None:
    names = ["none.png", "na.png", "null.png", *LOCALISER]
    values = DRAW.standard_normal((9, 2)).astype(np.float32)
    shown = [name.removesuffix(".png") for name in names]
    subject = bring_in(write_own(tmp_path, names, values, trials=shown))
    assert subject.image_ids[:3] == ("none", "na", "null")
    np.testing.assert_array_equal(load_responses("mine")[:, 0], values)


def test_a_share_is_held_out_where_every_image_is_a_category_of_its_own(tmp_path: Path) -> None:
    names = [f"{number}.png" for number in range(10)]
    source = write_own(tmp_path, names, DRAW.standard_normal((10, 2)))
    write_csv(tmp_path / "images.csv", [{"image": name, "category": f"thing {name}"} for name in names])
    assert bring_in(source).test.sum() == 2


@pytest.mark.parametrize("code", [-999, 9999, -32768, 1e20, np.float32(9.96921e36), -np.finfo(np.float32).max])
def test_a_number_that_stands_for_a_missing_value_is_no_response(tmp_path: Path, code: float) -> None:
    values = DRAW.standard_normal((6, 3)).astype(np.float32)
    values[2, 1], values[4, 0] = code, np.nan
    with pytest.raises(BadInputError, match=r"NaN where there is none \(others are at most .*Write NaN in place of it"):
        bring_in(write_own(tmp_path, LOCALISER, values))
    refuse_codes(values / 2, "no code")
    refuse_codes(np.append(values, code / 9.9), "beside others of its size")
    refuse_codes(np.array([[np.nan, np.nan], [0.0, -0.0]]), "nothing")


def write_sessions(folder: Path, order: list[tuple[str, int]]) -> list[np.ndarray]:
    """Three sessions of four trials of a NIfTI set whose table names sessions and images in an order."""
    shape = (2, 2, 2)
    nibabel.save(nibabel.Nifti1Image(np.ones(shape, np.uint8), np.eye(4)), folder / "mask.nii.gz")
    betas = [DRAW.standard_normal((*shape, 4)).astype(np.float32) for _ in range(3)]
    for number, values in enumerate(betas, start=1):
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), folder / f"betas_{number}.nii.gz")
    for name in range(4):
        write_picture(folder / "images" / f"{name}.png", name)
    write_csv(folder / "trials.csv", [{"Session": session, "image": f"{name}.png"} for session, name in order])
    return betas


SESSIONS = [(session, name) for session in ("ses-2", "ses-9", "ses-10") for name in range(4)]


def test_trials_of_other_sessions_than_their_file_are_refused(tmp_path: Path) -> None:
    for order in (sorted(SESSIONS, key=lambda line: line[1]), SESSIONS[::-1]):
        write_sessions(tmp_path, order)
        with pytest.raises(
            BadInputError, match=r"`trials.csv` must be a session in each file, in order, got 'another'"
        ):
            plan_import("nifti", tmp_path, ImportOptions("mine"))
    days = {"ses-2": "pre", "ses-9": "post", "ses-10": "later"}
    for named in (
        SESSIONS,
        [(days[session], name) for session, name in SESSIONS],
        [("1", name) for _, name in SESSIONS],
    ):
        betas = np.stack(write_sessions(tmp_path, named)).reshape(3, 8, 4)
        scored = (betas - betas.mean(axis=2, keepdims=True)) / betas.std(axis=2, keepdims=True)
        options = ImportOptions(f"s{len(set(named))}{named[0][0]}", held_out="0.25")
        list(iter_import(plan_import("nifti", tmp_path, options), options))
        np.testing.assert_allclose(load_responses(options.subject)[:, 0], scored.mean(axis=0).T, atol=1e-5)


def test_points_in_metres_are_not_taken_for_millimetres() -> None:
    points = {"x": ["-0.040", "0.041"], "y": ["-0.08", "n/a"], "z": ["-0.010", "0.01"]}
    with pytest.raises(BadInputError, match="`x, y, z` must be in mm, got 'all within 1 of 0'. Multiply metres by"):
        place_table(points, "fsaverage5", 2)
    in_mm = {axis: [str(1000 * float(text)) for text in texts] for axis, texts in points.items() if axis != "y"}
    places = place_table(in_mm | {"y": ["-80", "-70"]}, "fsaverage5", 2)
    assert places.hemisphere[1] == 1
