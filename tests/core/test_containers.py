"""What would unpack to too much is refused before it is unpacked, in every container; what is whole is read."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import nibabel
import numpy as np
import pytest
import zarr
from scipy.io import savemat
from zarr.core.sync import cleanup_resources

from core import containers
from core.containers import inflate, load_arrays, reading
from core.datasets.array_files import open_array
from core.datasets.tables import read_table
from core.encoders.importers.img2fmri import read_img2fmri
from core.encoders.importers.open import read_readout
from core.errors import BadInputError, ProbeError, StorageError, WeightsError
from core.networks.files.checkpoint import read_state
from core.networks.files.export_file import load_export
from core.surfaces.gifti import read_gifti_shape
from core.surfaces.volumes import load_volume, open_brain

LIMIT = 2**20
MANY = 40 * 2**20
"""Bytes of zeros that each bomb holds."""


def write_zip(path: Path, member: str = "x.npy") -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, bytes(MANY))


def write_sparse_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (MANY, 100), "f8", chunks=(1000, 100), compression="gzip")


def write_sparse_zarr(path: Path) -> None:
    zarr.create_array(str(path), shape=(MANY, 100), dtype="f8", chunks=(1000, 100))


def write_mgz(path: Path) -> None:
    image = nibabel.freesurfer.MGHImage(np.zeros((MANY // 4, 1, 1), np.float32), np.eye(4))
    path.write_bytes(gzip.compress(image.to_bytes()))


def write_nifti(path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros((MANY // 2000, 500, 4), np.uint8), np.eye(4)), path)


def write_shape(path: Path) -> None:
    array = nibabel.gifti.GiftiDataArray(np.zeros(MANY // 4, np.float32), "NIFTI_INTENT_SHAPE")
    nibabel.save(nibabel.gifti.GiftiImage(darrays=[array]), path)


def open_zarr(path: Path) -> None:
    try:
        open_array(path)
    finally:
        cleanup_resources()  # the threads of zarr


BOMBS: dict[str, tuple[Callable[[Path], object], Callable[[Path], object]]] = {
    "x.npz": (write_zip, open_array),
    "e.npz": (write_zip, lambda path: read_readout([path])),
    "own.npz": (write_zip, load_arrays),
    "x.h5": (write_sparse_hdf5, open_array),
    "x.zarr": (write_sparse_zarr, open_zarr),
    "x.mat": (lambda path: savemat(path, {"x": np.zeros(MANY // 8)}, do_compression=True), open_array),
    "x.mgz": (write_mgz, open_brain),
    "x.nii.gz": (write_nifti, open_brain),
    "y.nii.gz": (write_nifti, load_volume),
    "x.shape.gii": (write_shape, read_gifti_shape),
    "x.pth": (lambda path: write_zip(path, "x/data.pkl"), read_state),
    "x.pt2": (lambda path: write_zip(path, "x/data.pkl"), load_export),
    "img2fmri-1.0.whl": (lambda path: write_zip(path, "img2fmri/x"), read_img2fmri),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_grows(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, read = BOMBS[name]
    write(tmp_path / name)
    monkeypatch.setattr(containers, "SMALL_CONTENT", LIMIT)
    tracemalloc.start()
    with pytest.raises(ProbeError, match=r"grows past [\d,]+ MiB when opened\. Give it uncompressed if it is whole"):
        read(tmp_path / name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MANY / 2


def test_noise_is_read_however_large_and_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "SMALL_CONTENT", 10)
    monkeypatch.setattr(containers, "LARGEST_CONTENT", 10)
    values = np.random.default_rng(0).standard_normal((50, 40)).astype(np.float32)
    np.savez_compressed(tmp_path / "x.npz", x=values)
    np.testing.assert_array_equal(open_array(tmp_path / "x.npz").read(0, 50), values)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", data=values, compression="gzip")
    np.testing.assert_array_equal(open_array(tmp_path / "x.h5").read(0, 50), values)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zlib.compress])
def test_packed_bytes_come_back(pack: Callable[[bytes], bytes]) -> None:
    content = np.random.default_rng(0).bytes(5000)
    assert inflate(pack(content)) == content
    assert inflate(content + b"x") == content + b"x", "bytes that are not packed stay"
    with pytest.raises(EOFError):
        inflate(pack(content)[:-9])


def test_gzip_files_one_behind_the_other_are_one() -> None:
    joined = gzip.compress(b"first ") + gzip.compress(b"second")
    assert inflate(joined) == gzip.decompress(joined) == b"first second"
    assert inflate(joined + bytes(20)) == b"first second", "as tar pads"
    large = np.random.default_rng(0).bytes(100_000)  # of more than one piece
    blocks = b"".join(gzip.compress(large[at : at + 700]) for at in range(0, len(large), 700))
    assert inflate(blocks) == large == inflate(gzip.compress(large, 0))
    with pytest.raises(EOFError):
        inflate(blocks[:-300])


@pytest.mark.parametrize(
    ("raised", "sentence"),
    [
        (zlib.error("Error -3"), "x.npz is truncated or no thing: Error -3. Copy it."),
        (RuntimeError("two\nlines."), "x.npz is truncated or no thing: two lines. Copy it."),
        (KeyError("a"), "x.npz is truncated or no thing: 'a' is missing. Copy it."),
        (
            IndexError("pop from empty list"),
            "x.npz is truncated or no thing: it does not hold what it should. Copy it.",
        ),
        (KeyError(120), "x.npz is truncated or no thing: unknown code 120. Copy it."),
        (NotImplementedError(), "x.npz is truncated or no thing: NotImplementedError. Copy it."),
        (MemoryError("4 TiB"), "x.npz does not fit into memory: 4 TiB. Close other programs."),
        (ValueError("Object arrays cannot be loaded"), "x.npz holds objects besides numbers, not plain arrays"),
        (PermissionError(13, "Permission denied"), "x.npz cannot be read: Permission denied. Copy it."),
    ],
)
def test_whatever_is_raised_is_one_sentence(raised: Exception, sentence: str) -> None:
    with pytest.raises(StorageError) as caught, reading("x.npz", "thing", error=StorageError, advice="Copy it."):
        raise raised
    assert str(caught.value).startswith(sentence) and caught.value.__cause__ is raised


@pytest.mark.parametrize("number", [0x110000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_numbers_that_are_no_letters_are_refused(tmp_path: Path, number: int) -> None:
    """Texts of them end the process, or fail in the oddest places."""
    np.savez(tmp_path / "x.npz", text=np.array([0x61, number], "<u4").view("<U2"), other=np.array(["b", ""]))
    with pytest.raises(
        StorageError, match=r"x\.npz is truncated or no \.npz file: text holds numbers that are no letters"
    ):
        load_arrays(tmp_path / "x.npz")
    np.testing.assert_array_equal(load_arrays(tmp_path / "x.npz", only=["other"])["other"], ["b", ""])


def test_a_sentence_that_is_said_already_stays() -> None:
    with pytest.raises(WeightsError, match="^said$"), reading("x", "thing"):
        raise WeightsError("said")


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.npy")
    with pytest.raises(BadInputError, match=r"x\.npy is truncated or no array file: it is a pipe or device"):
        open_array(tmp_path / "x.npy")


def test_a_table_of_protein_kinases_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("PK,r\na,1\n")
    assert read_table(tmp_path / "t.csv") == {"PK": ["a"], "r": ["1"]}


def test_an_archive_behind_something_else_is_looked_at_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch finds it by its end."""
    monkeypatch.setattr(containers, "SMALL_CONTENT", LIMIT)
    path = tmp_path / "x.pth"
    write_zip(path, "x/data.pkl")
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
    with pytest.raises(WeightsError, match="grows past"):
        read_state(path)
