"""A whole fit: its progress, its scores against a plain recomputation, its refusals, and that it can be stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from core.encoders.config import EncoderConfig
from core.encoders.files import load_encoder, user_encoders_folder
from core.encoders.fit import FitPlaces, FitProgress, FitSource, iter_fit
from core.encoders.noise_ceiling import estimate_noise_ceiling
from core.encoders.responses import average_repeats
from core.encoders.scored import ScoredImages
from core.encoders.solve import fit_encoder
from core.errors import BadInputError


def fit(config: EncoderConfig, tiny: Any, source: FitSource, folder: Path) -> list[FitProgress]:
    return list(iter_fit(config, network=tiny, source=source, places=FitPlaces(encoders=folder)))


def test_progress_counts_images_and_ends_with_the_card(
    config: EncoderConfig, tiny: Any, source: FitSource, tmp_path: Path
) -> None:
    records = fit(config, tiny, source, tmp_path)
    assert [record.done for record in records if record.stage == "features"] == [0, 16, 32, 48, 60]
    assert [record.stage for record in records[-4:]] == ["readout", "readout", "scores", "done"]
    assert [(record.done, record.total) for record in records if record.stage == "readout"] == [(0, 1), (1, 1)]
    assert all(record.result is None for record in records[:-1])
    card, path = records[-1].result, records[-1].path
    assert card is not None and path is not None
    assert (card.n_train, card.n_test, card.n_voxels, card.response_unit) == (45, 15, 7, "% signal change")
    assert path.name == "someone-tiny-second.safetensors" and path.is_file()
    assert "held-out r" in card.describe()


def test_scores_are_those_of_the_saved_encoder_on_the_held_out_images(
    config: EncoderConfig, tiny: Any, source: FitSource, tmp_path: Path
) -> None:
    fit(config, tiny, source, tmp_path)
    encoder = load_encoder("someone", "tiny", "second", network_module=tiny, n_voxels=7, folders=(tmp_path,))
    test = source.subject.test
    pixels = torch.from_numpy(np.stack([source.load(name).pixels for name in source.subject.image_ids]))
    predicted = encoder(pixels).numpy()
    measured = source.responses.mean(axis=1)
    card = encoder.card
    for voxel in range(7):
        r = np.corrcoef(predicted[test, voxel], measured[test, voxel])[0, 1]
        assert card.r[voxel] == pytest.approx(r, abs=1e-5)
        assert card.r2[voxel] == pytest.approx(max(r, 0) ** 2, abs=1e-5)
    np.testing.assert_allclose(card.reference_sd, predicted[~test].std(axis=0), rtol=1e-4)
    ceiling = estimate_noise_ceiling(source.responses, scored=test)
    np.testing.assert_allclose(card.noise_ceiling, ceiling, rtol=1e-5)
    sound = ceiling > 0.05
    np.testing.assert_allclose(card.r2_ceiling[sound], card.r2[sound] / card.noise_ceiling[sound], rtol=1e-6)
    assert np.median(card.r[:-1]) > 0.8  # linear in the features by construction


def test_readout_equals_scikit_learn_on_the_same_reduced_features(config: EncoderConfig, scored: ScoredImages) -> None:
    data = fit_encoder(config, scored)
    train = ~scored.test
    reduced = ((scored.features[train] - data.mean) @ data.components).astype(np.float64)
    reference = Ridge(alpha=data.card.alpha.astype(np.float64)).fit(reduced, scored.responses[train])
    np.testing.assert_allclose(data.weights, reference.coef_.T, atol=1e-5)
    np.testing.assert_allclose(data.intercept, reference.intercept_, atol=1e-5)
    assert set(data.card.alpha.tolist()) <= {float(np.float32(alpha)) for alpha in config.alphas}


def test_held_out_images_change_nothing_but_their_scores(config: EncoderConfig, scored: ScoredImages) -> None:
    features, responses = scored.features.copy(), scored.responses.copy()
    features[scored.test], responses[scored.test] = features[scored.test][::-1] * 3, -responses[scored.test]
    first, other = (
        fit_encoder(config, scored),
        fit_encoder(config, replace(scored, features=features, responses=responses)),
    )
    for name in ("mean", "components", "weights", "intercept", "covariance"):
        np.testing.assert_array_equal(getattr(first, name), getattr(other, name))
    assert first.card.sha256 != other.card.sha256


def test_the_same_fit_twice_is_the_same_file(config: EncoderConfig, scored: ScoredImages) -> None:
    assert fit_encoder(config, scored).card.sha256 == fit_encoder(config, scored).card.sha256


def test_without_repeats_the_subjects_own_ceiling_stands(
    config: EncoderConfig, tiny: Any, source: FitSource, tmp_path: Path
) -> None:
    single = replace(source, responses=source.responses[:, :1])
    card = fit(config, tiny, single, tmp_path)[-1].result
    assert card is not None
    np.testing.assert_array_equal(card.noise_ceiling, source.subject.voxels.noise_ceiling)


def test_missing_repeats_are_averaged_over_what_is_there() -> None:
    responses = np.array([[[1.0], [3.0]], [[5.0], [np.nan]]])
    assert average_repeats(responses).tolist() == [[2.0], [5.0]]
    responses[1] = np.nan
    with pytest.raises(BadInputError, match="at least one response of every voxel to every image"):
        average_repeats(responses)


def test_stopping_saves_nothing(config: EncoderConfig, tiny: Any, source: FitSource, tmp_path: Path) -> None:
    running = iter_fit(config, network=tiny, source=source, places=FitPlaces(encoders=tmp_path))
    next(running)
    next(running)
    running.close()
    assert tiny.n_shown == 16
    assert not list(tmp_path.iterdir())


def test_by_default_it_goes_to_the_users_encoders(config: EncoderConfig, tiny: Any, source: FitSource) -> None:
    path = list(iter_fit(config, network=tiny, source=source))[-1].path
    assert path is not None and path.parent == user_encoders_folder()


def test_a_copy_of_a_training_image_may_not_be_held_out(
    config: EncoderConfig, tiny: Any, source: FitSource, tmp_path: Path
) -> None:
    names = list(source.subject.image_ids)
    names[0] = "image-1"  # row 0 is held out, row 1 trained on
    copied = replace(source, subject=SimpleNamespace(**(vars(source.subject) | {"image_ids": tuple(names)})))
    with pytest.raises(BadInputError, match="1 shared images"):
        fit(config, tiny, copied, tmp_path)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"layer": "first"}, "`network` must be tiny first, got 'tiny second'"),
        ({"subject": "nobody"}, "`subject` must be nobody, got 'someone'"),
        ({"pool": 7}, "`pool` must be at most the side of the feature map, 6, got 7"),
        ({"n_folds": 46}, "`n_folds` must be at most the number of training images, 45, got 46"),
    ],
)
def test_what_does_not_fit_is_refused(
    config: EncoderConfig, tiny: Any, source: FitSource, change: dict[str, Any], text: str
) -> None:
    with pytest.raises(BadInputError, match=text):
        list(iter_fit(replace(config, **change), network=tiny, source=source))


def test_too_few_held_out_images_are_refused(config: EncoderConfig, tiny: Any, source: FitSource) -> None:
    few = replace(source, subject=SimpleNamespace(**(vars(source.subject) | {"test": np.arange(60) < 2})))
    with pytest.raises(BadInputError, match=r"at least 3 held-out images, and some to fit on, got '2 of 60'"):
        list(iter_fit(config, network=tiny, source=few))
