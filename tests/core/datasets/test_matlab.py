"""MATLAB's older files, read by tags: the answers are scipy's for whole files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from core.datasets.array_files import open_array
from core.datasets.matlab import read_matlab
from core.errors import BadInputError

DRAW = np.random.default_rng(3)
VALUES = {
    "double": DRAW.standard_normal((7, 4)),
    "single": DRAW.standard_normal((3, 5)).astype(np.float32),
    "whole": np.arange(-6, 6, dtype=np.int16).reshape(3, 2, 2),
    "bytes": DRAW.integers(0, 256, (1, 9), dtype=np.uint8),
    "wide": np.array([[2**62, -(2**62)]], dtype=np.int64),
    "truth": np.array([[True, False, True]]),
    "x": np.array([[0.5]]),
}


@pytest.mark.parametrize("packed", [True, False])
def test_arrays_are_scipys(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "held.mat"
    others = {"s": {"inner": VALUES["double"]}, "text": "abc", "cells": np.array([1, "b"], dtype=object)}
    savemat(path, VALUES | others | {"complex": np.array([[1 + 2j]])}, do_compression=packed)
    found, wanted = read_matlab(path), loadmat(path)
    assert list(found) == list(VALUES)
    for name, values in found.items():
        np.testing.assert_array_equal(values, wanted[name])
        assert values.shape == wanted[name].shape
    opened = open_array(path, key="whole")
    np.testing.assert_array_equal(opened.read(0, 3), VALUES["whole"].astype(np.float32))


def test_big_endian_and_doubles_stored_in_few_bytes_are_read(tmp_path: Path) -> None:
    """As MATLAB writes whole doubles: class double, values uint8; by hand, in both byte orders."""
    for order, mark in (("<", b"IM"), (">", b"MI")):

        def element(kind: int, content: bytes, order: str = order) -> bytes:
            tag = np.array([kind, len(content)], f"{order}u4").tobytes()
            return tag + content + bytes(-len(content) % 8)

        body = element(6, np.array([6, 0], f"{order}u4").tobytes()) + element(
            5, np.array([2, 3], f"{order}i4").tobytes()
        )
        short = np.array([(4 << 16) | 1], f"{order}u4").tobytes() + b"beta"  # a name that fits in its tag
        body += short + element(2, bytes([1, 2, 3, 4, 5, 6]))
        version = np.array([0x0100], f"{order}u2").tobytes()
        path = tmp_path / "whole.mat"
        path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + version + mark + element(14, body))
        found = read_matlab(path)["beta"]
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, [[1, 3, 5], [2, 4, 6]])
        np.testing.assert_array_equal(found, loadmat(path)["beta"])


def test_a_type_that_is_none_is_refused(tmp_path: Path) -> None:
    """Over such a byte scipy's reader ends the process by a signal."""
    path = tmp_path / "bad.mat"
    savemat(path, {"x": VALUES["double"]})
    whole = path.read_bytes()
    at = whole.rindex(np.array([9, 8 * 28], "<u4").tobytes())
    for kind in (0, 8, 10, 11, 200, 60000):
        path.write_bytes(whole[:at] + np.array([kind], "<u4").tobytes() + whole[at + 4 :])
        with pytest.raises(BadInputError, match=r"bad\.mat is truncated or no array file"):
            open_array(path)
