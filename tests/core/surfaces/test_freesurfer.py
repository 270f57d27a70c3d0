"""FreeSurfer's binary files. Answers: what nibabel writes and reads, patches written by hand, both byte orders."""

from __future__ import annotations

import struct

import nibabel.freesurfer
import numpy as np
import pytest

from core.errors import BadInputError, StorageError
from core.surfaces.freesurfer import read_curvature, read_patch, read_triangles
from tests.helpers.surface_files import CONFORMED, CRAS, SURFACE, write_patch

HALF = SURFACE.right


def write_surface(path, **options):
    nibabel.freesurfer.write_geometry(path, HALF.geometries["pial"], HALF.faces, "made by a test", **options)
    return path


def swapped(data: bytes, start: int, width: int = 4) -> bytes:
    """The words of a file from `start` on in the other byte order."""
    body = np.frombuffer(data[start:], dtype=f">u{width}").astype(f"<u{width}").tobytes()
    return data[:start] + body


def test_a_surface_is_what_nibabel_wrote(tmp_path) -> None:
    mesh = read_triangles(write_surface(tmp_path / "rh.pial"))
    points, faces = nibabel.freesurfer.read_geometry(tmp_path / "rh.pial")
    np.testing.assert_array_equal(mesh.points, points)
    np.testing.assert_array_equal(mesh.faces, faces)
    np.testing.assert_array_equal(mesh.to_scanner, np.eye(4))


def test_the_offset_of_the_volume_is_read_from_the_end_of_the_file(tmp_path) -> None:
    mesh = read_triangles(write_surface(tmp_path / "rh.pial", volume_info=CONFORMED))
    np.testing.assert_allclose(
        mesh.to_scanner, [[1, 0, 0, CRAS[0]], [0, 1, 0, CRAS[1]], [0, 0, 1, CRAS[2]], [0, 0, 0, 1]]
    )


def test_coordinates_flagged_as_scanner_ras_stay(tmp_path) -> None:
    path = write_surface(tmp_path / "rh.pial", volume_info=CONFORMED)
    data = path.read_bytes()
    flag = struct.pack(">3i", 2, 0, 20)
    assert data.count(flag) == 1
    path.write_bytes(data.replace(flag, struct.pack(">3i", 2, 1, 20)))
    np.testing.assert_array_equal(read_triangles(path).to_scanner, np.eye(4))


def test_a_volume_geometry_marked_invalid_moves_nothing(tmp_path) -> None:
    path = write_surface(tmp_path / "rh.pial", volume_info=CONFORMED | {"valid": "0  # volume info invalid"})
    np.testing.assert_array_equal(read_triangles(path).to_scanner, np.eye(4))


def test_a_little_endian_surface_is_read_the_same(tmp_path) -> None:
    big = write_surface(tmp_path / "rh.pial").read_bytes()
    little = tmp_path / "rh.little"
    little.write_bytes(swapped(big, big.index(b"\n\n") + 2))
    np.testing.assert_array_equal(read_triangles(little).points, HALF.geometries["pial"])
    np.testing.assert_array_equal(read_triangles(little).faces, HALF.faces)


def test_curvature_is_what_nibabel_wrote_in_both_orders_and_the_old_format(tmp_path) -> None:
    path = tmp_path / "rh.curv"
    nibabel.freesurfer.write_morph_data(path, HALF.curvature)
    np.testing.assert_array_equal(read_curvature(path), HALF.curvature)
    path.write_bytes(swapped(path.read_bytes(), 3))
    np.testing.assert_array_equal(read_curvature(path), HALF.curvature)
    old = tmp_path / "rh.old"
    old.write_bytes((3).to_bytes(3, "big") + (1).to_bytes(3, "big") + struct.pack(">3h", -150, 0, 25))
    np.testing.assert_allclose(read_curvature(old), [-1.5, 0, 0.25])


@pytest.mark.parametrize("order", [">", "<"])
def test_a_patch_gives_its_vertices_from_zero(tmp_path, order) -> None:
    write_patch(tmp_path / "rh.flat.patch.3d", HALF, order=order)
    patch = read_patch(tmp_path / "rh.flat.patch.3d")
    used = np.unique(HALF.flat_faces)
    np.testing.assert_array_equal(patch.vertices, used)
    np.testing.assert_allclose(patch.points, HALF.geometries["flat"][used], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "read"), [("rh.pial", read_triangles), ("rh.curv", read_curvature), ("rh.flat.patch.3d", read_patch)]
)
def test_truncated_files_are_refused(tmp_path, name, read) -> None:
    path = tmp_path / name
    write_surface(tmp_path / "rh.pial")
    nibabel.freesurfer.write_morph_data(tmp_path / "rh.curv", HALF.curvature)
    write_patch(tmp_path / "rh.flat.patch.3d", HALF)
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(BadInputError, match=f"{name} is truncated: it announces .* vertices and ends after"):
        read(path)
    path.write_bytes(path.read_bytes()[:5])
    with pytest.raises(BadInputError, match=name):
        read(path)


def test_other_files_are_refused_by_name(tmp_path) -> None:
    path = tmp_path / "lh.pial"
    path.write_bytes(b"no surface at all")
    with pytest.raises(BadInputError, match=r"lh\.pial is no FreeSurfer surface"):
        read_triangles(path)
    with pytest.raises(BadInputError, match=r"lh\.pial is no FreeSurfer patch"):
        read_patch(path)
    with pytest.raises(BadInputError, match=r"lh\.pial is no FreeSurfer curvature"):
        read_curvature(path)
    path.write_bytes(b"\xff\xff\xff quadrangles")
    with pytest.raises(BadInputError, match="holds quadrangles or curvature"):
        read_triangles(path)
    with pytest.raises(StorageError, match="cannot be read"):
        read_triangles(tmp_path / "absent")


def test_a_patch_that_numbers_from_zero_is_refused(tmp_path) -> None:
    path = tmp_path / "lh.flat.patch.3d"
    path.write_bytes(struct.pack(">2i", -1, 1) + struct.pack(">i3f", 0, 1, 2, 0))
    with pytest.raises(BadInputError, match="numbers its vertices from 1"):
        read_patch(path)
