"""The mean predicted response over the reference images: the intercept of what was fitted here, else measured."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from core.encoders.card import Provenance, describe_unknown_mean, find_reference_mean
from core.encoders.config import EncoderConfig, ScoringConfig
from core.encoders.encoder import Encoder
from core.encoders.files import load_encoder_data, save_encoder, seal
from core.encoders.finish import predict
from core.encoders.importers.reference import complete
from core.encoders.scored import ScoredImages
from tests.helpers.tiny_encoders import fit_encoder, make_linear_encoder

IMPORTED = Provenance("arrays", "", "", ())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"reducer": "none"},
        {"reducer": "projection", "n_projected": 20},
        {"readout": "lasso", "alphas": (0.01, 0.1)},
        {"n_components": 5},
    ],
)
def test_of_a_fitted_encoder_it_is_the_intercept(
    config: EncoderConfig, scored: ScoredImages, changes: dict[str, Any]
) -> None:
    """The features are centred on the training images, so the weights add nothing to the mean there."""
    chosen = dataclasses.replace(config, **changes)
    data = fit_encoder(chosen, scored, ScoringConfig(n_bootstrap=0))
    predicted = predict(data, scored.features[~scored.test]).astype(np.float64)
    sd = predicted.std(axis=0)
    found = find_reference_mean(data.card, data.intercept)
    assert found is not None
    np.testing.assert_allclose(predicted.mean(axis=0), found, atol=1e-4 * sd.max())
    assert sd.max() > 0 and np.abs(found).max() > 0


def test_of_a_target_it_is_the_weighted_mean_of_its_voxels() -> None:
    encoder = make_linear_encoder()
    weights = np.array([0.5, 0.5, -1.0])
    assert encoder.target_mean(weights) == pytest.approx(float(encoder.intercept.double().numpy() @ weights), rel=1e-6)


def test_an_imported_encoder_knows_it_once_it_was_shown_reference_images(tmp_path: Any) -> None:
    """Its features are centred elsewhere: the intercept would be wrong by w . (mean of the reduced features)."""
    encoder = make_linear_encoder()
    data = dataclasses.replace(_data_of(encoder), card=dataclasses.replace(encoder.card, provenance=IMPORTED))
    assert math.isnan(Encoder(encoder.network, data).target_mean(np.ones(3)))
    reduced = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32) + 2
    shown = complete(data, reduced, title="forty images")
    by_hand = (reduced.astype(np.float64) @ data.weights + data.intercept).mean(axis=0)
    assert Encoder(encoder.network, shown).target_mean(np.ones(3)) == pytest.approx(by_hand.sum(), rel=1e-5)
    assert not np.allclose(by_hand, data.intercept, atol=0.1)
    again = load_encoder_data(save_encoder(seal(shown), tmp_path).with_suffix(".json"))
    np.testing.assert_array_equal(again.card.reference_mean, shown.card.reference_mean)


def test_the_sentence_names_the_cure() -> None:
    told = describe_unknown_mean(EncoderConfig("s01", "alexnet", "features.11"))
    assert told.endswith("`main.py encoders reference s01-alexnet-features.11`.")


def _data_of(encoder: Encoder) -> Any:
    from core.encoders.card import EncoderData

    names = ("mean", "components", "weights", "intercept", "covariance")
    return EncoderData(encoder.card, *(getattr(encoder, name).numpy() for name in names))
