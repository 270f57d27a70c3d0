"""Natural images ranked for a target: predictions multiplied out by hand, measured means by numpy."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from core.datasets.photos import load_stimulus
from core.datasets.subject import load_responses, load_subject
from core.errors import BadInputError
from core.probes.natural import NaturalImages, iter_natural, list_seen
from core.probes.target import target_weights
from core.progress import run_to_end
from tests.helpers.tiny_encoders import make_linear_encoder

SUBJECT = load_subject("simulated")
WEIGHTS = np.array([0.0, 1.0, -0.5])


def rank(*images: str) -> NaturalImages:
    encoder = make_linear_encoder(side=32)
    weights = np.zeros(len(SUBJECT.voxels.roi_names) and SUBJECT.voxels.n_voxels)
    weights[:3] = WEIGHTS
    target = target_weights(SUBJECT.voxels, weights, label="w")
    return run_to_end(iter_natural(encoder, SUBJECT, target, images, should_stop=lambda: False))


def test_predicted_and_measured_responses_are_those_by_hand() -> None:
    held_out = [SUBJECT.image_ids[row] for row in np.flatnonzero(SUBJECT.test)[:3]]
    images = [*held_out, SUBJECT.image_ids[int(np.flatnonzero(~SUBJECT.test)[0])], "cat_chelsea"]
    found, encoder = rank(*images), make_linear_encoder(side=32)
    pixels = np.stack([load_stimulus(image, 32).pixels for image in images])
    with torch.no_grad():
        features = (torch.from_numpy(pixels).flatten(1) - encoder.mean) @ encoder.components
        wanted = (features @ encoder.weights + encoder.intercept).double().numpy() @ WEIGHTS
    np.testing.assert_allclose(found.predicted, wanted, atol=1e-5)
    rows = [SUBJECT.image_ids.index(image) for image in images[:4]]
    measured = np.nanmean(np.asarray(load_responses("simulated")[rows][:, :, :3], dtype=np.float64), axis=1) @ WEIGHTS
    np.testing.assert_allclose(found.measured[:4], measured)
    assert found.fitted.tolist()[:4] == [False] * 3 + [True]
    assert found.order() == np.argsort(-wanted).tolist()
    assert found.order("measured") == np.argsort(-found.measured).tolist()


def test_what_the_subject_never_saw_has_no_measured_response() -> None:
    seen = set(list_seen(SUBJECT))
    assert len(seen) == len(set(SUBJECT.image_ids))
    found = rank(next(iter(seen)))
    unseen = dataclasses.replace(found, measured=np.array([np.nan]))
    with pytest.raises(BadInputError, match="None of the images was shown"):
        unseen.order("measured")
    with pytest.raises(BadInputError, match="at least one"):
        rank()
