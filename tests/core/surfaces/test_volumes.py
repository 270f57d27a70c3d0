"""FreeSurfer's overlays, and volumes of any orientation on one grid. Answers: nibabel's own turning."""

from __future__ import annotations

import itertools
from pathlib import Path

import nibabel
import numpy as np
import pytest
import scipy.ndimage

from core.errors import BadInputError
from core.surfaces.volumes import (
    count_trials,
    describe_forms,
    grid_of,
    iter_trials,
    load_volume,
    open_brain,
    read_labels,
    read_map,
    shared_grid,
)
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


SHAPE = (4, 5, 6)
OBLIQUE = np.array([[-2.0, 0.3, 0.1, 14], [0.3, 1.9, -0.4, -60], [0.1, 0.4, 2.2, 31], [0, 0, 0, 1]])
MAP = np.random.default_rng(2).integers(0, 90, SHAPE).astype(np.float32)
BETAS = np.random.default_rng(3).standard_normal((*SHAPE, 7)).astype(np.float32)
CHOSEN = np.array([3, 50, 51, 119])


def write_nifti(path: Path, values: np.ndarray, affine: np.ndarray | None = OBLIQUE, *, turn: str = "") -> Path:
    """A volume, its axes turned to run as `turn` says, such as "RAS"."""
    image = nibabel.Nifti1Image(values, affine)
    if turn:
        wanted = nibabel.orientations.axcodes2ornt(turn)
        image = image.as_reoriented(nibabel.orientations.ornt_transform(nibabel.io_orientation(affine), wanted))
    nibabel.save(image, path)
    return path


TURNS = ["".join(axes) for order in itertools.permutations(["RL", "AP", "SI"]) for axes in itertools.product(*order)]


@pytest.mark.parametrize("turn", TURNS)
def test_volumes_of_all_48_orientations_come_onto_one_grid(tmp_path: Path, turn: str) -> None:
    grid = grid_of(write_nifti(tmp_path / "betas.nii", BETAS))
    turned = write_nifti(tmp_path / "turned.nii", MAP, turn=turn)
    np.testing.assert_array_equal(read_map(turned, grid), MAP.ravel())
    betas = write_nifti(tmp_path / "again.nii", BETAS, turn=turn)
    np.testing.assert_array_equal(next(iter_trials(betas, grid, CHOSEN)), BETAS.reshape(-1, 7)[CHOSEN].T)


@pytest.mark.parametrize("moved", [1.0, 0.5, 0.1])
def test_another_grid_of_the_same_shape_is_refused_with_both_affines(tmp_path: Path, moved: float) -> None:
    away = OBLIQUE.copy()
    away[:3, 3] += moved * OBLIQUE[:3, 0]
    grid = grid_of(write_nifti(tmp_path / "betas.nii", BETAS))
    with pytest.raises(BadInputError, match=r"map of shape \(4, 5, 6\), affine .* got 'shape \(4, 5, 6\), affine"):
        read_map(write_nifti(tmp_path / "mask.nii", MAP, away), grid)
    with pytest.raises(BadInputError, match="one grid"):
        read_map(write_nifti(tmp_path / "mask.nii", MAP[:, :, :5]), grid)


def test_the_rounding_of_a_qform_is_no_other_grid(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(MAP, None)
    turn, _ = np.linalg.qr(OBLIQUE[:3, :3])
    affine = nibabel.affines.from_matvec(turn * 1.8, OBLIQUE[:3, 3])
    image.set_qform(affine, 1)
    nibabel.save(image, tmp_path / "qform.nii")
    grid = grid_of(write_nifti(tmp_path / "sform.nii", BETAS, affine))
    assert not np.array_equal(grid.affine, nibabel.load(tmp_path / "qform.nii").affine)
    np.testing.assert_array_equal(read_map(tmp_path / "qform.nii", grid), MAP.ravel())


def test_a_map_alone_along_further_axes_is_one_map(tmp_path: Path) -> None:
    grid = grid_of(write_nifti(tmp_path / "betas.nii", BETAS))
    for further in (1, (1, 1), (1, 1, 1)):
        path = write_nifti(tmp_path / "map.nii", MAP.reshape(*SHAPE, *np.atleast_1d(further)))
        np.testing.assert_array_equal(read_labels(path, grid), MAP.ravel())
    with pytest.raises(BadInputError, match=r"one map, got \(4, 5, 6, 7\)"):
        read_map(tmp_path / "betas.nii", grid)


@pytest.mark.parametrize("shape", [(7, 1), (1, 7), (7, 1, 1)])
def test_betas_along_a_fifth_axis_are_trials(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = write_nifti(tmp_path / "betas.nii", BETAS.reshape(*SHAPE, *shape))
    assert count_trials(path) == 7
    read = np.concatenate(list(iter_trials(path, grid_of(path), CHOSEN, scale=2.0)))
    np.testing.assert_array_equal(read, 2 * BETAS.reshape(-1, 7)[CHOSEN].T)


def test_trials_along_two_axes_are_refused(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "betas.nii", np.stack([BETAS, BETAS], axis=-1))
    with pytest.raises(BadInputError, match="volumes along one axis"):
        count_trials(path)


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("unit", ["meter", "micron", "mm", "unknown"])
def test_affines_are_in_mm_whatever_unit_the_header_names(tmp_path: Path, unit: str, factor: float) -> None:
    affine = OBLIQUE.copy()
    affine[:3] *= factor
    image = nibabel.Nifti1Image(MAP, affine)
    image.header.set_xyzt_units(unit)
    nibabel.save(image, tmp_path / "map.nii")
    np.testing.assert_allclose(grid_of(tmp_path / "map.nii").affine, OBLIQUE, rtol=1e-5)
    np.testing.assert_allclose(load_volume(tmp_path / "map.nii").affine, OBLIQUE, rtol=1e-5)


def test_a_unit_of_time_that_is_none_leaves_that_of_space(tmp_path: Path) -> None:
    affine = OBLIQUE.copy()
    affine[:3] *= 1e-3
    image = nibabel.Nifti1Image(MAP, affine)
    image.header["xyzt_units"] = 56 + 1
    nibabel.save(image, tmp_path / "map.nii")
    np.testing.assert_allclose(grid_of(tmp_path / "map.nii").affine, OBLIQUE, rtol=1e-5)


def test_voxels_of_two_metres_are_of_two_millimetres(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(MAP, OBLIQUE)
    image.header.set_xyzt_units("meter")
    nibabel.save(image, tmp_path / "map.nii")
    np.testing.assert_allclose(grid_of(tmp_path / "map.nii").affine, OBLIQUE, rtol=1e-6)


def test_files_without_a_place_go_together_only_with_their_like(tmp_path: Path) -> None:
    nowhere = grid_of(write_nifti(tmp_path / "betas.nii", BETAS, None))
    assert not nowhere.is_placed
    np.testing.assert_array_equal(read_map(write_nifti(tmp_path / "map.nii", MAP, None), nowhere), MAP.ravel())
    placed = write_nifti(tmp_path / "placed.nii", MAP)
    with pytest.raises(BadInputError, match=r"placed.nii.*set here, and unset in"):
        read_map(placed, nowhere)
    with pytest.raises(BadInputError, match=r"map.nii.*sform unset"):
        read_map(tmp_path / "map.nii", grid_of(placed))
    nibabel.save(nibabel.AnalyzeImage(MAP, np.eye(4)), tmp_path / "old.img")
    with pytest.raises(BadInputError, match="does not say where it lies"):
        load_volume(tmp_path / "old.img")


def test_a_row_of_voxels_is_turned_too(tmp_path: Path) -> None:
    line, flipped = np.arange(6, dtype=np.float32).reshape(6, 1, 1), np.diag([-2.0, 2, 2, 1])
    flipped[0, 3] = 10
    grid = grid_of(write_nifti(tmp_path / "betas.nii", line, np.diag([2.0, 2, 2, 1])))
    np.testing.assert_array_equal(read_map(write_nifti(tmp_path / "map.nii", line, flipped), grid), line.ravel()[::-1])


def test_what_is_no_volume_or_flat_is_refused(tmp_path: Path) -> None:
    time = nibabel.cifti2.SeriesAxis(0, 1, 2)
    cortex = nibabel.cifti2.BrainModelAxis.from_mask(np.ones(4, bool), "CIFTI_STRUCTURE_CORTEX_LEFT")
    nibabel.save(nibabel.Cifti2Image(np.ones((2, 4), np.float32), (time, cortex)), tmp_path / "run.dtseries.nii")
    with pytest.raises(BadInputError, match="a volume of three axes"):
        grid_of(tmp_path / "run.dtseries.nii")
    image = nibabel.Nifti1Image(MAP, None)
    image.header["sform_code"], image.header["srow_x"], image.header["srow_y"] = 1, [2, 0, 0, 0], [2, 0, 0, 0]
    nibabel.save(nibabel.Nifti1Image(MAP, None, image.header), tmp_path / "flat.nii")
    assert not grid_of(tmp_path / "flat.nii").is_placed


def test_a_file_that_says_twice_where_it_lies_is_told(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.ones((3, 4, 5), np.float32), np.diag([2.0, 2, 2, 1]))
    image.set_sform(np.diag([2.0, 2, 2, 1]), 4)
    image.set_qform(np.array([[-2.0, 0, 0, 4], [0, 2, 0, 0.5], [0, 0, 2, 0], [0, 0, 0, 1]]), 1)
    nibabel.save(image, tmp_path / "two.nii")
    told = describe_forms(tmp_path / "two.nii")
    assert told.startswith("two.nii says twice where it lies, up to 4.03 apart: the sform (code 4) is used")
    np.testing.assert_array_equal(grid_of(tmp_path / "two.nii").affine, np.diag([2.0, 2, 2, 1]))
    image.set_qform(np.diag([2.0, 2, 2, 1]) + np.eye(4, k=3) * 0.5, 1)
    nibabel.save(image, tmp_path / "near.nii")
    save_mgh(tmp_path / "a.mgh", VALUES)
    assert [describe_forms(tmp_path / name) for name in ("near.nii", "a.mgh")] == ["", ""]


COARSE = np.array([[1.25, 0, 0, 6.0], [0, 1.25, 0, -64.0], [0, 0, 1.25, 29.0], [0, 0, 0, 1]])
COARSE_SHAPE = (9, 12, 13)


def coordinates() -> np.ndarray:
    """Where the voxels of the coarse grid lie in the indices of the oblique one, by hand."""
    points = [COARSE @ [*index, 1] for index in np.ndindex(COARSE_SHAPE)]
    return np.linalg.solve(OBLIQUE, np.transpose(points))[:3]


def write_other_grids(folder: Path) -> tuple[Path, Path]:
    betas = write_nifti(folder / "betas.nii", np.ones((*COARSE_SHAPE, 2), dtype=np.float32), COARSE)
    return write_nifti(folder / "map.nii", MAP), betas


def test_labels_of_another_grid_take_the_nearest_voxel_where_the_user_says_so(tmp_path: Path) -> None:
    path, betas = write_other_grids(tmp_path)
    grid = shared_grid(path, betas, resample=True)
    assert grid.shape == COARSE_SHAPE
    nearest = np.floor(coordinates() + 0.5).astype(int)
    inside = ((nearest >= 0) & (nearest < np.reshape(SHAPE, (3, 1)))).all(axis=0)
    expected = np.where(inside, MAP[tuple(np.where(inside, nearest, 0))], 0)
    assert 5 < inside.sum() < len(inside)
    np.testing.assert_array_equal(read_labels(path, grid), expected)
    counts = f"{(MAP > 0).sum():,} voxels above 0 became {(expected > 0).sum():,}."
    (said,) = grid.resampled or ()
    assert said.startswith("map.nii lies on another grid (shape (4, 5, 6), affine [[-2.0, ") and said.endswith(counts)
    assert "resampled onto that of the betas (the nearest voxel counts)" in said


def test_amounts_of_another_grid_are_linear_and_what_is_unknown_stays_out(tmp_path: Path) -> None:
    path, betas = write_other_grids(tmp_path)
    values = MAP.copy()
    values[:2] = np.nan
    write_nifti(path, values)
    found = read_map(path, shared_grid(path, betas, resample=True), order=1)
    where = coordinates()
    inner = (where[0] > 2) & (where[1:] > 0).all(axis=0) & (np.array(SHAPE) - 1 > where.T).all(axis=1)
    assert inner.sum() > 3
    wanted = scipy.ndimage.map_coordinates(MAP.astype(float), where, order=1)
    np.testing.assert_allclose(found[inner], wanted[inner], rtol=1e-6)
    assert np.isnan(found[where[0] < 1]).all(), "between voxels without a value"


def test_without_leave_another_grid_is_refused_and_betas_always(tmp_path: Path) -> None:
    path, betas = write_other_grids(tmp_path)
    with pytest.raises(BadInputError, match=r"map\.nii.*resampled \(`--resample`, or Resample in the window\)"):
        read_map(path, shared_grid(betas, betas, resample=False))
    with pytest.raises(BadInputError, match="one grid"):
        next(iter_trials(betas, shared_grid(path, path, resample=True), CHOSEN))
    away = OBLIQUE.copy()
    away[:3, 3] += 400
    with pytest.raises(BadInputError, match="a map that overlaps the grid it is resampled onto"):
        read_map(write_nifti(path, MAP, away), shared_grid(betas, betas, resample=True))


def test_a_turned_map_is_turned_and_not_resampled(tmp_path: Path) -> None:
    path, betas = write_nifti(tmp_path / "map.nii", MAP, turn="LPS"), write_nifti(tmp_path / "betas.nii", BETAS)
    grid = shared_grid(betas, betas, resample=True)
    np.testing.assert_array_equal(read_map(path, grid), MAP.ravel())
    assert grid.resampled == []


def test_a_map_resampled_by_its_sform_tells_that_its_qform_says_otherwise(tmp_path: Path) -> None:
    path, betas = write_other_grids(tmp_path)
    for one in (path, betas):
        image = nibabel.load(one)
        image.set_qform(image.affine + 3 * np.eye(4, k=3), 1)
        nibabel.save(image, tmp_path / f"two_{one.name}")
    grid = shared_grid(tmp_path / "two_map.nii", tmp_path / "two_betas.nii", resample=True)
    read_map(tmp_path / "two_map.nii", grid)
    told = " ".join(grid.resampled or ())
    assert "two_map.nii says twice where it lies" in told and "two_betas.nii says twice" in told


def test_labels_may_be_scaled_integers_and_are_whole_again(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image((MAP * 10).astype(np.int32), OBLIQUE)
    image.header.set_slope_inter(0.1, 0)
    nibabel.save(image, tmp_path / "scaled.nii")
    np.testing.assert_array_equal(read_labels(tmp_path / "scaled.nii", grid_of(tmp_path / "scaled.nii")), MAP.ravel())
