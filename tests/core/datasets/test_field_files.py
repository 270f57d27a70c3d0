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
from core.datasets.import_options import ImportOptions
from core.datasets.importer import iter_import
from core.datasets.kinds import plan_import
from core.datasets.recording import UNUSED
from core.datasets.subject import load_responses
from core.datasets.tables import read_table, to_numbers
from core.errors import BadInputError
from core.surfaces.volumes import load_volume
from tests.helpers.recording_files import write_csv, write_picture

VALUES = np.array([[0.5, -1.25], [2.0, np.nan], [-0.75, 3.0]])
DRAW = np.random.default_rng(4)

TABLES = {
    "semicolons": b"image;r\na.png;0,5\nb.png;-1,25e1\n",
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
    "semicolons": "v0;v1\n0,5;-1,25\n2,0;NaN\n-0,75;3,0\n",
}


@pytest.mark.parametrize("text", ARRAYS.values(), ids=ARRAYS)
def test_a_text_file_of_numbers_is_read_without_its_names(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.csv").write_text(text)
    opened = open_array(tmp_path / "r.csv")
    assert opened.shape == (3, 2)
    np.testing.assert_array_equal(opened.read(0, 3), VALUES.astype(np.float32))


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
        nibabel.save(nibabel.Nifti1Image(values, affine), tmp_path / f"betas_{number}.nii.gz")
    for name in "abcde":
        write_picture(tmp_path / "images" / f"{name}.png")
    write_csv(tmp_path / "trials.csv", [{"image": f"{name}.png"} for _ in betas for name in "abcde"])
    options = ImportOptions("mine", held_out="0.2")
    recording = plan_import("nifti", tmp_path, options)
    assert [session.name for session in recording.sessions][1:3] == ["betas_2", "betas_3"]
    list(iter_import(recording, options))
    expected = betas[:, [1, 4], [2, 0], [1, 2]]  # session, voxel, trial
    scored = (expected - expected.mean(axis=2, keepdims=True)) / expected.std(axis=2, keepdims=True)
    np.testing.assert_allclose(load_responses("mine")[:, 0], scored.mean(axis=0).T, atol=1e-5)
    nibabel.save(nibabel.Nifti1Image(inside, np.diag([2.0, 2, 2, 1])), tmp_path / "mask.nii.gz")
    with pytest.raises(BadInputError, match="mask.nii.gz.*another space"):
        plan_import("nifti", tmp_path, options)


def test_a_volume_alone_in_its_file_has_a_place_or_is_refused(tmp_path: Path) -> None:
    values = np.ones((3, 3, 3, 1, 1), np.float32)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "one.nii")
    assert load_volume(tmp_path / "one.nii").shape == (3, 3, 3)
    nibabel.save(nibabel.Nifti1Image(values, None), tmp_path / "nowhere.nii")
    with pytest.raises(BadInputError, match="nowhere.nii does not say where it lies"):
        load_volume(tmp_path / "nowhere.nii")
