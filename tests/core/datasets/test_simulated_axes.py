"""Axes of simulated voxels. Answers: scikit-learn, brute force, and a picture that is bright on one side only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from simulated_axes import (
    EARLY_STAGES,
    IMAGE_SPAN,
    LATE,
    ChannelAxes,
    TeacherFeatures,
    TrueAxes,
    load_true_axes,
    receptive_field,
    solve_channel_axes,
    standardise,
)
from simulated_preferences import solve_components, solve_preference
from sklearn.decomposition import PCA

SIDES = {"layer1": 16, "layer2": 8, "layer3": 4}
N_AXES, N_FEATURES = 3, 10


def make_axes(*, centre: tuple[float, float], stage: int = 0) -> TrueAxes:
    """One early voxel at `centre` on channel axis 1, and one late voxel on feature 2."""
    channels = {name: ChannelAxes(np.zeros(5, np.float32), np.ones((5, N_AXES), np.float32)) for name in EARLY_STAGES}
    return TrueAxes(
        stage=np.array([stage, LATE], dtype=np.int8),
        centre=np.array([centre, (0, 0)], dtype=np.float32),
        sigma=np.array([1.0, 1.0], dtype=np.float32),
        mixture=np.array([[0, 1, 0], [0, 0, 0]], dtype=np.float32),
        channels=channels,
        pooled_mean=np.ones(N_FEATURES, dtype=np.float32),
        basis=np.eye(N_FEATURES, 4, dtype=np.float32),
        late=np.array([[0, 0, 0, 0], [0, 0, 1, 0]], dtype=np.float32),
        offset=np.zeros(2, dtype=np.float32),
        scale=np.ones(2, dtype=np.float32),
    )


def make_features(*, n_images: int = 1) -> TeacherFeatures:
    maps = {stage: np.zeros((n_images, N_AXES, side, side), dtype=np.float32) for stage, side in SIDES.items()}
    return TeacherFeatures(maps, np.ones((n_images, N_FEATURES), dtype=np.float32))


@pytest.mark.parametrize("stage", [0, 1, 2])
@pytest.mark.parametrize(
    ("centre", "half"), [((3, 0), "right"), ((-3, 0), "left"), ((0, 3), "top"), ((0, -3), "bottom")]
)
def test_a_voxel_sees_its_own_part_of_the_image(stage: int, centre: tuple[float, float], half: str) -> None:
    features = make_features(n_images=2)
    bright = features.maps[EARLY_STAGES[stage]]
    middle = bright.shape[-1] // 2
    rows, columns = {
        "right": (slice(None), slice(middle, None)),
        "left": (slice(None), slice(None, middle)),
        "top": (slice(None, middle), slice(None)),
        "bottom": (slice(middle, None), slice(None)),
    }[half]
    bright[0, 1, rows, columns] = 1
    bright[1, 1] = 1 - bright[0, 1]
    seen, unseen = make_axes(centre=centre, stage=stage).signal(features)[:, 0]
    assert seen > 0.97 and unseen < 0.03


def test_a_receptive_field_is_a_gaussian_over_the_image() -> None:
    field = receptive_field((1.5, -2.0), 0.8, side=12)
    assert field.sum() == pytest.approx(1)
    row, column = np.unravel_index(field.argmax(), field.shape)
    assert (column + 0.5) / 12 * IMAGE_SPAN - IMAGE_SPAN / 2 == pytest.approx(1.5)
    assert IMAGE_SPAN / 2 - (row + 0.5) / 12 * IMAGE_SPAN == pytest.approx(-2.0, abs=0.51)
    assert field[row, column + 1] / field[row, column] == pytest.approx(np.exp(-0.5 * (1 / 0.8) ** 2), rel=1e-5)


def test_a_late_voxel_is_its_axis() -> None:
    features = make_features(n_images=4)
    features.pooled[:, 2] = [1, 2, 3, 5]
    np.testing.assert_allclose(make_axes(centre=(0, 0)).signal(features)[:, 1], [0, 1, 2, 4], atol=1e-6)


def test_standardising_gives_mean_0_and_sd_1() -> None:
    raw = np.random.default_rng(0).normal(5, 3, (500, 4)).astype(np.float32)
    raw[:, 3] = 2
    offset, scale = standardise(raw)
    done = (raw - offset) / scale
    np.testing.assert_allclose(done.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(done.std(axis=0), [1, 1, 1, 0], atol=1e-4)


def test_axes_survive_their_file(tmp_path: Path) -> None:
    axes = make_axes(centre=(1, 2))
    np.savez(tmp_path / "axes.npz", allow_pickle=False, **axes.to_arrays())
    loaded = load_true_axes(tmp_path / "axes.npz")
    for name, values in axes.to_arrays().items():
        assert np.array_equal(loaded.to_arrays()[name], values), name


def test_channel_axes_are_half_whitened_principal_axes() -> None:
    draw = np.random.default_rng(1)
    places = (draw.standard_normal((4000, 6)) @ draw.standard_normal((6, 6)) + 3).astype(np.float32)
    axes = solve_channel_axes(places, 3)
    scores = axes.project(places.T[np.newaxis, :, :, np.newaxis])[0, :, :, 0].T
    known = PCA(3).fit(places)
    np.testing.assert_allclose(scores.var(axis=0), np.sqrt(known.explained_variance_), rtol=1e-2)
    correlations = [abs(np.corrcoef(scores[:, k], known.transform(places)[:, k])[0, 1]) for k in range(3)]
    assert min(correlations) > 0.999


def test_components_have_unit_variance_and_span_what_pca_spans() -> None:
    draw = np.random.default_rng(2)
    pooled = (draw.standard_normal((60, 5)) @ draw.standard_normal((5, 30)) * np.arange(1, 31)).astype(np.float32)
    components = solve_components(pooled, 5)
    np.testing.assert_allclose(components.scores.std(axis=0), 1, rtol=1e-3)
    known = PCA(5).fit_transform((pooled - pooled.mean(0)) / pooled.std(0))
    for k in range(5):
        assert abs(np.corrcoef(known[:, k], components.scores[:, k])[0, 1]) > 0.999


def test_a_preference_ranks_groups_as_asked() -> None:
    draw = np.random.default_rng(3)
    groups = ["face"] * 20 + ["body"] * 60 + ["food"] * 120
    scores = draw.standard_normal((200, 4)) * 0.3
    scores[:20, 0] += 2
    scores[20:80, 1] += 2
    axis = solve_preference(scores, groups, {"face": 1.0, "body": 0.5})
    response = scores @ axis
    means = [response[start:stop].mean() for start, stop in ((0, 20), (20, 80), (80, 200))]
    assert means[0] > means[1] > means[2]
    assert response.std() == pytest.approx(1)
