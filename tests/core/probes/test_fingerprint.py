"""A fingerprint by numpy and scipy: means, intervals and contrasts, from responses multiplied out by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy import stats

from core.datasets.photos import load_stimulus
from core.datasets.subject import load_subject
from core.probes import natural
from core.probes.fingerprint import Fingerprint, iter_fingerprint
from core.probes.natural import RESPONSES, iter_natural
from core.probes.target import target_weights
from core.progress import run_to_end
from core.types import VoxelTable
from tests.helpers.tiny_encoders import make_linear_encoder

SHIPPED = load_subject("simulated")
ENCODER = make_linear_encoder(side=32)
N = ENCODER.n_voxels
ROWS = [*np.flatnonzero(SHIPPED.test)[:7], *np.flatnonzero(~SHIPPED.test)[:5]]
IDS = tuple(SHIPPED.image_ids[row] for row in ROWS)
CATEGORIES = ("face", "house", "face", "face", "", "house", "lone", "face", "house", "face", "house", "face")
ROI = np.array([("odd", "even")[voxel % 2] for voxel in range(N)])
TABLE = VoxelTable(
    np.zeros(N, np.int8), np.zeros(N, np.int32), tuple(ROI), np.ones(N, np.float32), np.zeros((0, 3), np.int32)
)
SUBJECT = dataclasses.replace(
    SHIPPED,
    voxels=TABLE,
    image_ids=IDS,
    test=SHIPPED.test[ROWS],
    categories=CATEGORIES,
    n_trials=SHIPPED.n_trials[ROWS],
)
WEIGHTS = np.linspace(-1.0, 2.0, N)
TARGET = target_weights(TABLE, WEIGHTS, label="w")


@pytest.fixture(autouse=True)
def forget() -> None:
    RESPONSES.drop(lambda _: True)


def take(images: tuple[str, ...] = IDS) -> Fingerprint:
    return run_to_end(iter_fingerprint(ENCODER, SUBJECT, TARGET, images, should_stop=lambda: False))


def responses() -> np.ndarray:
    pixels = torch.from_numpy(np.stack([load_stimulus(image, 32).pixels for image in IDS]))
    with torch.no_grad():
        features = (pixels.flatten(1).double() - ENCODER.mean.double()) @ ENCODER.components.double()
        return (features @ ENCODER.weights.double() + ENCODER.intercept.double()).numpy()


def test_categories_are_those_by_hand() -> None:
    found, predicted = take(), responses() @ WEIGHTS.astype(np.float32).astype(float)
    order = sorted({"face", "house", "lone"}, key=lambda name: -np.mean(predicted[np.array(CATEGORIES) == name]))
    assert [one.category for one in found.categories] == order
    assert found.n_images == len(IDS)
    for one in found.categories:
        own = np.array(CATEGORIES) == one.category
        values, fresh = predicted[own], predicted[own & SUBJECT.test]
        assert (one.n_images, one.n_held_out) == (own.sum(), len(fresh))
        assert one.response == pytest.approx(values.mean(), abs=1e-5)
        in_sds = (values.mean() - ENCODER.target_mean(WEIGHTS)) / ENCODER.target_sd(WEIGHTS)
        assert one.response_sd == pytest.approx(in_sds, abs=1e-4, nan_ok=True)
        assert one.held_out == pytest.approx(fresh.mean() if len(fresh) else np.nan, abs=1e-5, nan_ok=True)
        if len(values) == 1:
            assert np.isnan([one.sd, one.low, one.high]).all()
            continue
        assert one.sd == pytest.approx(np.std(values, ddof=1), abs=1e-5)
        wanted = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
        assert (one.low, one.high) == pytest.approx(wanted, abs=1e-4)


def test_contrasts_with_rois_are_those_by_hand() -> None:
    found, all_voxels = take(), responses()
    predicted = all_voxels @ WEIGHTS.astype(np.float32).astype(float)
    preferred = np.array(CATEGORIES) == found.categories[0].category
    for name, one in zip(("odd", "even"), found.rois, strict=True):
        mean = all_voxels[:, name == ROI].mean(axis=1)
        assert (one.roi, one.n_voxels) == (name, (name == ROI).sum())
        assert one.r == pytest.approx(stats.pearsonr(predicted, mean).statistic, abs=1e-5)
        apart = (stats.zscore(predicted) - stats.zscore(mean))[preferred]
        assert one.contrast == pytest.approx(apart.mean(), abs=1e-4)
        wanted = stats.t.interval(0.95, len(apart) - 1, apart.mean(), stats.sem(apart))
        assert (one.low, one.high) == pytest.approx(wanted, abs=1e-3)


def test_images_of_no_category_leave_contrasts_unknown() -> None:
    found = take(("cat_chelsea", IDS[4]))
    assert found.categories == ()
    assert all(np.isnan(one.contrast) for one in found.rois)


def test_responses_to_all_that_was_seen_are_predicted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = take()
    monkeypatch.setattr(natural, "respond", lambda *_: pytest.fail("predicted again"))
    assert take() == first
    ranked = run_to_end(iter_natural(ENCODER, SUBJECT, TARGET, IDS, should_stop=lambda: False))
    assert len(ranked.predicted) == len(IDS)
    with pytest.raises(pytest.fail.Exception):
        take(IDS[:3])
