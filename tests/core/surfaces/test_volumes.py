"""FreeSurfer's overlays. Answers: nibabel."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from core.errors import BadInputError
from core.surfaces.volumes import open_brain
from tests.helpers.recording_files import save_mgh

VALUES = np.random.default_rng(1).standard_normal((7, 3)).astype(np.float32)


@pytest.mark.parametrize("ending", ["mgh", "mgz"])
def test_numbers_shape_and_affine_are_those_of_nibabel(tmp_path: Path, ending: str) -> None:
    affine = np.array([[-2.0, 0, 0, 5], [0, 0, 3, -6], [0, -1, 0, 7], [0, 0, 0, 1]])
    volume = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    path = tmp_path / f"volume.{ending}"
    nibabel.save(nibabel.freesurfer.MGHImage(volume, affine), path)
    opened = open_brain(path)
    np.testing.assert_array_equal(opened.dataobj, volume)
    np.testing.assert_allclose(opened.affine, affine, atol=1e-5)
    assert opened.shape == (3, 4, 5)
    save_mgh(tmp_path / f"overlay.{ending}", VALUES)
    overlay = open_brain(tmp_path / f"overlay.{ending}")
    assert overlay.shape == (7, 1, 1, 3)
    np.testing.assert_array_equal(np.asarray(overlay.dataobj[:, 0, 0, 1:]), VALUES[:, 1:])


def test_a_header_in_the_wrong_byte_order_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lh.wrong.mgh"
    save_mgh(path, VALUES)
    content = path.read_bytes()
    path.write_bytes(np.frombuffer(content[:28], ">i4").astype("<i4").tobytes() + content[28:])
    with pytest.raises(BadInputError, match=r"lh.wrong.mgh is truncated or no FreeSurfer MGH file: version 16777216"):
        open_brain(path)


def test_data_cut_short_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "lh.short.mgh"
    save_mgh(path, VALUES)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(BadInputError, match="300 bytes are too few"):
        open_brain(path)
