"""The shipped subjects. Answers: the published table, definitions, and the axes that made them."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulated_axes import LATE, load_true_axes
from simulated_subject import LEAST_NCSNR, MOST_NCSNR, draw_noise_levels, smooth_fields
from simulated_voxels import LEAST_INSIDE, STAGE_OF_ROI, choose_voxels, load_retinotopy, part_inside

import core.datasets.subject as module
from core.datasets.photos import find_image
from core.datasets.subject import Subject, list_subjects, load_responses, load_subject
from core.errors import BadInputError, StorageError
from core.paths import demo_folder
from core.surfaces.atlas import load_atlas
from core.surfaces.paint import VoxelMap
from core.surfaces.store import load_fsaverage5

SUBJECTS = ("simulated", "kay2017")
MOST_BYTES = 16_000_000


@pytest.fixture(scope="module")
def simulated() -> Subject:
    return load_subject("simulated")


@pytest.fixture(scope="module")
def responses() -> np.ndarray:
    return load_responses("simulated")


def files_of(name: str) -> dict[str, np.ndarray]:
    with np.load(demo_folder() / "subjects" / "simulated" / name, allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}


def test_both_subjects_are_listed_and_named_for_what_they_are() -> None:
    infos = list_subjects()
    assert [(info.id, info.kind) for info in infos] == [("simulated", "simulated"), ("kay2017", "measured")]
    assert "imulated" in infos[0].title and "no brain was measured" in infos[0].note
    assert "measured" in infos[1].title and "two ROIs" in infos[1].note


@pytest.mark.parametrize("identity", SUBJECTS)
def test_parts_fit_together(identity: str) -> None:
    subject, responses = load_subject(identity), load_responses(identity)
    assert responses.dtype == np.float32 and np.isfinite(responses).all()
    assert responses.shape[0] == len(subject.image_ids) == len(subject.test)
    assert responses.shape[2] == subject.voxels.n_voxels == len(subject.voxels.roi)
    assert all(find_image(identity).path.is_file() for identity in subject.image_ids)
    assert len(set(subject.image_ids)) == len(subject.image_ids)
    assert 0.15 < subject.test.mean() < 0.25
    assert ((subject.voxels.noise_ceiling >= 0) & (subject.voxels.noise_ceiling <= 1)).all()
    VoxelMap(subject.voxels, *load_fsaverage5().n_vertices)


def test_files_are_small() -> None:
    assert sum(file.stat().st_size for file in (demo_folder() / "subjects").rglob("*")) < MOST_BYTES


def test_simulated_voxels_lie_in_their_roi_on_their_side(simulated: Subject) -> None:
    atlas = load_atlas()
    table = simulated.voxels
    for side, vertex, roi in zip(table.hemisphere, table.vertex, table.roi, strict=True):
        assert atlas.roi_of(int(side), int(vertex)) == roi
    places = set(zip(table.hemisphere.tolist(), table.vertex.tolist(), strict=True))
    assert len(places) == table.n_voxels and table.roi_names == atlas.names
    # A swap of the sides must not go unseen: VWFA is left only, and right and left voxels of an ROI differ in number.
    assert set(table.hemisphere[table.voxels_in("VWFA")]) == {0}
    assert Counter(table.hemisphere[table.voxels_in("EBA")].tolist()) == {0: 170, 1: 120}


def test_voxels_are_chosen_by_their_receptive_field(simulated: Subject) -> None:
    atlas, fields = load_atlas(), load_retinotopy()
    chosen = choose_voxels(atlas, fields)
    assert np.array_equal(chosen.paint, simulated.voxels.paint) and chosen.roi == simulated.voxels.roi
    for roi in atlas.names:
        members = chosen.vertex[(np.asarray(chosen.roi) == roi) & (chosen.hemisphere == 1)]
        inside = part_inside(fields, 1, vertices=atlas.vertices_in(1, roi)) >= LEAST_INSIDE
        expected = atlas.vertices_in(1, roi)[inside if roi in STAGE_OF_ROI else slice(None)]
        assert np.array_equal(members, expected)


def test_fields_are_smooth_and_never_cross_sides(simulated: Subject) -> None:
    surface = load_fsaverage5()
    table = simulated.voxels
    first = smooth_fields(table, surface, n_fields=300, draw=np.random.default_rng(0))
    np.testing.assert_allclose(first.var(), 1, atol=0.05)
    points = surface.left.geometries["sphere"][table.vertex[:60]]
    distance = np.linalg.norm(points[:, None] - points, axis=2)
    correlation = np.corrcoef(first[:60])
    assert correlation[(distance > 0) & (distance < 5)].min() > 0.7
    right = np.flatnonzero(table.hemisphere == 1)[0]
    assert abs(np.corrcoef(first[[0, right]])[0, 1]) < 0.25


def test_noise_levels_span_their_range(simulated: Subject) -> None:
    ncsnr = 1 / draw_noise_levels(simulated.voxels, load_fsaverage5(), seed=3)
    assert ncsnr.min() == pytest.approx(LEAST_NCSNR) and ncsnr.max() == pytest.approx(MOST_NCSNR)
    assert np.median(ncsnr) == pytest.approx(np.sqrt(LEAST_NCSNR * MOST_NCSNR), rel=0.01)


def test_the_signal_has_sd_1_and_the_noise_its_level(responses: np.ndarray) -> None:
    stored = files_of("responses.npz")
    np.testing.assert_allclose(stored["signal"].astype(np.float64).std(axis=0), 1, atol=2e-3)
    noise = responses - stored["signal"].astype(np.float32)[:, np.newaxis]
    np.testing.assert_allclose(noise.std(axis=(0, 1)) / stored["noise_sd"], 1, atol=0.06)


def test_noise_ceilings_agree_with_the_true_ones(simulated: Subject, responses: np.ndarray) -> None:
    ncsnr = 1 / files_of("responses.npz")["noise_sd"]
    true = ncsnr**2 / (ncsnr**2 + 1 / responses.shape[1])
    error = simulated.voxels.noise_ceiling - true
    assert abs(error.mean()) < 0.01 and np.abs(error).max() < 0.15


def test_the_noise_is_the_same_everywhere(responses: np.ndarray) -> None:
    stored = files_of("responses.npz")
    draw = np.random.RandomState(int(stored["seed"])).standard_normal(responses.shape[2] + 1)
    expected = stored["signal"][0].astype(np.float32) + stored["noise_sd"] * draw[:-1].astype(np.float32)
    np.testing.assert_allclose(responses[0, 0], expected, rtol=1e-5, atol=1e-6)


def test_axes_are_kept_and_early_ones_look_at_the_opposite_field(simulated: Subject) -> None:
    axes = load_true_axes(demo_folder() / "subjects" / "simulated" / "axes.npz")
    table = simulated.voxels
    is_early = np.array([roi in STAGE_OF_ROI for roi in table.roi])
    assert np.array_equal(axes.stage != LATE, is_early)
    assert (axes.mixture[is_early] != 0).any(axis=1).all() and (axes.late[~is_early] != 0).any(axis=1).all()
    v1 = table.voxels_in("V1")
    side = np.where(table.hemisphere[v1] == 0, 1, -1)
    assert (axes.centre[v1, 0] * side > -1e-3).all()


@pytest.mark.parametrize(
    ("roi", "group"),
    [("FFA", "face"), ("OFA", "face"), ("EBA", "body"), ("PPA", "place"), ("RSC", "place"), ("VWFA", "word")],
)
def test_category_areas_prefer_their_category(simulated: Subject, responses: np.ndarray, roi: str, group: str) -> None:
    groups = np.array([find_image(identity).group for identity in simulated.image_ids])
    mean = responses[:, :, simulated.voxels.voxels_in(roi)].mean(axis=(1, 2))
    means = {name: mean[groups == name].mean() for name in set(groups.tolist())}
    assert max(means, key=means.__getitem__) == group


def test_the_measured_betas_are_the_published_ones() -> None:
    subject, responses = load_subject("kay2017"), load_responses("kay2017")
    assert responses.shape == (114, 1, 2) and subject.response_unit == "% signal change"
    assert subject.voxels.roi == ("FFA", "VWFA")
    face = subject.image_ids.index("kay_face")
    # FFA and VWFA betas of the full-contrast face, from the published table.
    np.testing.assert_allclose(responses[face, 0], [2.6786141, 0.75426406], rtol=1e-6)
    np.testing.assert_allclose(subject.voxels.noise_ceiling, [0.935, 0.349], atol=5e-4)
    assert subject.voxels.hemisphere.tolist() == [1, 0]


def test_measured_rois_are_painted_on_whole_parcels() -> None:
    shown, atlas = VoxelMap(load_subject("kay2017").voxels, *load_fsaverage5().n_vertices), load_atlas()
    for voxel, roi in enumerate(("FFA", "VWFA")):
        for side in (0, 1):
            assert np.array_equal(np.flatnonzero(shown.voxels(side) == voxel), atlas.vertices_in(side, roi))
        assert shown.voxel_at(*shown.vertex_of(voxel)) == voxel


def test_designed_stimuli_are_never_held_out() -> None:
    subject = load_subject("kay2017")
    held = {identity for identity, test in zip(subject.image_ids, subject.test, strict=True) if test}
    assert all(identity.startswith("kay_niko") for identity in held)


def test_an_unknown_subject_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(BadInputError, match=r"got 'simulatd'. Did you mean 'simulated'\?"):
        load_subject("simulatd")
    with pytest.raises(BadInputError, match="one of kay2017, simulated"):
        load_responses("kay2018")


def test_damaged_files_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "subjects" / "broken"
    shutil.copytree(demo_folder() / "subjects" / "kay2017", folder)
    monkeypatch.setattr(module, "demo_folder", lambda: tmp_path)
    np.savez(folder / "responses.npz", signal=np.zeros((2, 2)))
    with pytest.raises(StorageError, match="broken is damaged: 'n_repeats' is missing"):
        load_responses("broken")
    header = json.loads((folder / "subject.json").read_text(encoding="utf-8"))
    del header["images"]
    (folder / "subject.json").write_text(json.dumps(header), encoding="utf-8")
    with pytest.raises(StorageError, match="subject.json lacks `images`"):
        load_subject("broken")
    (folder / "subject.json").write_text("{", encoding="utf-8")
    with pytest.raises(StorageError, match=r"subject\.json is not the header of a subject, or is cut short"):
        list_subjects()


def test_a_missing_repeat_stays_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "subjects" / "gaps"
    shutil.copytree(demo_folder() / "subjects" / "kay2017", folder)
    monkeypatch.setattr(module, "demo_folder", lambda: tmp_path)
    values = np.array([[[1.0], [np.nan]]])
    np.savez(folder / "responses.npz", responses=values)
    np.testing.assert_array_equal(load_responses("gaps"), values.astype(np.float32))
    assert replace(load_subject("gaps"), id="other").id == "other"
