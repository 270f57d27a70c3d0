"""A whole fit: its progress, its scores against a plain recomputation, its refusals, and that it can be stopped."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from core.encoders.config import EncoderConfig, ScoringConfig
from core.encoders.files import load_encoder, user_encoders_folder
from core.encoders.fit import FitPlaces, FitProgress, FitSource, iter_fit
from core.encoders.fit_request import DEFAULT_PROJECTED, FitOptions
from core.encoders.pooling import SparseProjection
from core.encoders.responses import average_repeats, estimate_noise_ceiling
from core.encoders.scored import ScoredImages
from core.errors import BadInputError
from core.images.stimulus import Stimulus, make_stimulus
from core.networks.load import load_network
from core.networks.named import spec_of_function
from tests.core.encoders.test_projection import dense
from tests.helpers.tiny_encoders import fit_encoder
from tests.helpers.user_network import make_small
from tests.helpers.voxels import make_voxels


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


def test_a_killed_fit_goes_on_with_its_features_and_batches(
    config: EncoderConfig, tiny: Any, source: FitSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.encoders.solve.NUMBERS_AT_ONCE", 1)
    monkeypatch.setattr("core.encoders.solve.LEAST_VOXELS_AT_ONCE", 2)
    whole = fit(config, tiny, source, tmp_path / "whole")[-1].result
    tiny.n_shown = 0
    places = FitPlaces(encoders=tmp_path / "killed", cache=tmp_path / "cache")
    running = iter_fit(config, network=tiny, source=source, places=places)
    while (record := next(running)).stage == "features" or record.done < 2:
        pass
    running.close()
    assert tiny.n_shown == 60 and not (tmp_path / "killed").exists()
    again = list(iter_fit(config, network=tiny, source=source, places=places))[-1]
    assert tiny.n_shown == 60
    assert whole is not None and again.result is not None and again.result.sha256 == whole.sha256
    assert not list((tmp_path / "cache" / "fits").glob("*"))


def test_without_resuming_the_old_batches_are_thrown_away(
    config: EncoderConfig, tiny: Any, source: FitSource, tmp_path: Path
) -> None:
    places = FitPlaces(encoders=tmp_path, cache=tmp_path / "cache", resume=False)
    running = iter_fit(config, network=tiny, source=source, places=places)
    while next(running).stage != "scores":
        pass
    running.close()
    (store,) = (tmp_path / "cache" / "fits").iterdir()
    (store / "old").write_text("")
    running = iter_fit(config, network=tiny, source=source, places=places)
    while next(running).stage != "scores":
        pass
    running.close()
    assert not (store / "old").exists() and list(store.glob("encoder*-0.npz"))


def test_a_cache_that_vanishes_half_way_stops_no_fit(
    config: EncoderConfig, tiny: Any, source: FitSource, tmp_path: Path
) -> None:
    whole = fit(config, tiny, source, tmp_path / "whole")[-1].result
    places = FitPlaces(encoders=tmp_path / "out", cache=tmp_path / "cache")
    running = iter_fit(config, network=tiny, source=source, places=places)
    records = [next(running) for _ in range(3)]
    shutil.rmtree(tmp_path / "cache")
    records += list(running)
    assert whole is not None and records[-1].result is not None and records[-1].result.sha256 == whole.sha256


def test_what_is_wrong_is_said_before_any_image_is_shown(
    config: EncoderConfig, tiny: Any, source: FitSource, tmp_path: Path
) -> None:
    responses = source.responses.copy()
    responses[3, :, 5] = np.nan
    subject = source.subject
    without = replace(source, subject=SimpleNamespace(**(vars(subject) | {"test": np.zeros(60, dtype=bool)})))
    strange = replace(source, subject=SimpleNamespace(**(vars(subject) | {"voxels": make_voxels(("EBA",)), "id": "x"})))
    cases: list[tuple[str, dict[str, Any]]] = [
        ("got '1 of 7 voxels with NaN, the first 5'", {"source": replace(source, responses=responses)}),
        ("must be one of face, place, got 'fase'", {"scoring": ScoringConfig(categories=("fase",))}),
        ("score by a nested cross-validation", {"source": without}),
        ("`second_set` must be a record of the same voxels", {"second": [strange]}),
        ("`n_folds` must be at most the number of training images, 45", {"config": replace(config, n_folds=99)}),
        ("below the number of pooled features, 45", {"config": replace(config, n_projected=64)}),
    ]
    for text, change in cases:
        asked = {"config": config, "source": source} | change
        with pytest.raises(BadInputError, match=text):
            list(iter_fit(asked.pop("config"), network=tiny, places=FitPlaces(encoders=tmp_path), **asked))
    assert tiny.n_shown == 0


def test_a_second_record_goes_through_the_same_network(
    config: EncoderConfig, tiny: Any, source: FitSource, tmp_path: Path
) -> None:
    names = tuple(f"image-{number}" for number in range(100, 130))
    record = SimpleNamespace(id="other", image_ids=names, voxels=source.subject.voxels, test=np.zeros(30, dtype=bool))
    other = FitSource(record, source.responses[:30], source.load)
    running = iter_fit(config, network=tiny, source=source, second=[other], places=FitPlaces(encoders=tmp_path))
    records = list(running)
    assert records[0].total == 90 and tiny.n_shown == 90
    card = records[-1].result
    assert card is not None
    encoder = load_encoder("someone", "tiny", "second", network_module=tiny, folders=(tmp_path,))
    predicted = encoder(torch.from_numpy(np.stack([source.load(name).pixels for name in names]))).numpy()
    measured = other.responses.mean(axis=1)
    wanted = [np.corrcoef(predicted[:, voxel], measured[:, voxel])[0, 1] for voxel in range(7)]
    np.testing.assert_allclose(card.outside[0].r, wanted, atol=1e-5)


@pytest.mark.parametrize(("reducer", "n_projected"), [("projection", 24), ("pca", 24), ("none", 0)])
def test_the_saved_encoder_predicts_what_was_scored_whatever_the_reducer(
    config: EncoderConfig, tiny: Any, source: FitSource, tmp_path: Path, reducer: str, n_projected: int
) -> None:
    config = replace(config, reducer=reducer, n_projected=n_projected)
    card = fit(config, tiny, source, tmp_path)[-1].result
    encoder = load_encoder("someone", "tiny", "second", network_module=tiny, n_voxels=7, folders=(tmp_path,))
    test = source.subject.test
    pixels = torch.from_numpy(np.stack([source.load(name).pixels for name in source.subject.image_ids]))
    predicted, measured = encoder(pixels).numpy(), source.responses.mean(axis=1)
    wanted = [np.corrcoef(predicted[test, voxel], measured[test, voxel])[0, 1] for voxel in range(7)]
    assert card is not None and np.median(card.r[:-1]) > 0.5
    np.testing.assert_allclose(card.r, wanted, atol=1e-5)
    np.testing.assert_allclose(card.reference_sd, predicted[~test].std(axis=0), rtol=1e-3)
    assert encoder.target_sd(np.eye(7)[0]) == pytest.approx(card.reference_sd[0], rel=1e-3)


def test_by_default_all_features_are_read_as_by_a_ridge_on_them(tiny: Any, scored: ScoredImages) -> None:
    config = EncoderConfig("someone", "tiny", "second", pool=3)
    data = fit_encoder(config, scored)
    assert data.components is not None and data.rank == min(scored.features.shape[1], int((~scored.test).sum()) - 1)
    scale = 1 / np.linalg.norm(data.components[:, 0].astype(np.float64))  # axes of length 1, divided by one scale
    train = ~scored.test
    reference = Ridge(alpha=data.card.alpha.astype(np.float64) * scale**2)
    reference.fit(scored.features[train].astype(np.float64), scored.responses[train])
    wanted = reference.predict(scored.features.astype(np.float64))
    found = (scored.features - data.mean) @ data.components @ data.weights + data.intercept
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert np.median(data.card.cv_r) >= np.median(fit_encoder(replace(config, n_components=2), scored).card.cv_r)


@pytest.mark.parametrize(("reducer", "n_projected"), [("pca", 0), ("none", 0), ("pca", 160), ("projection", 160)])
def test_layers_joined_are_read_out_together(source: FitSource, tmp_path: Path, reducer: str, n_projected: int) -> None:
    """Each counts alike, however large its features: scikit-learn's ridge on both layers of the network, by hand."""
    spec = spec_of_function("tests.helpers.user_network:make_small", "tests.helpers.user_network.make_small")
    network, layer = load_network(spec, "second+last"), "second+last"
    seen: dict[str, torch.Tensor] = {}
    small = make_small().eval()
    for name in ("second", "last"):
        small.get_submodule(name).register_forward_hook(lambda _m, _a, out, name=name: seen.update({name: out}))

    def draw(name: str) -> Stimulus:
        levels = np.kron(source.load(name).levels, np.ones((3, 3, 1), np.uint8))[:32, :32]
        return make_stimulus(name, np.ascontiguousarray(levels))

    pixels = torch.from_numpy(np.stack([draw(name).pixels for name in source.subject.image_ids]))
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (spec.mean, spec.std))
    with torch.no_grad():
        small((pixels - mean) / std)
    features = torch.cat([seen["second"].flatten(1), seen["last"].flatten(1)], dim=1).double().numpy()
    widths = tuple(seen[name][0].numel() for name in ("second", "last"))
    assert network.widths == widths and widths[0] > 80 > widths[1], "what each layer is projected to"
    asked = FitOptions(n_components=0, reducer=reducer, n_projected=n_projected)
    config = asked.configure("someone", spec.id, layer, network.feature_shape)
    assert network.feature_shape == features.shape[1:] and config.balanced
    few = FitOptions(largest_pooled=100).configure("someone", spec.id, layer, network.feature_shape)
    assert few.n_projected == DEFAULT_PROJECTED, "no map that could be pooled"
    signal = features @ np.random.default_rng(1).normal(size=(features.shape[1], 7))
    responses = (signal / signal.std(axis=0)).astype(np.float32)[:, None]
    shown = replace(source, load=draw, responses=responses)
    *_, last = iter_fit(config, network=network, source=shown, places=FitPlaces(encoders=tmp_path))
    assert last.result is not None and (n_projected or np.median(last.result.r) > 0.9)
    encoder = load_encoder("someone", spec.id, layer, network_module=network, folders=(tmp_path,))
    first, second = np.split(features, widths[:1], axis=1)
    if n_projected:
        first = first @ dense(SparseProjection(widths[0], 80, seed=config.seed))
    train = ~source.subject.test
    equal = np.hstack([block / np.sqrt(block[train].var(axis=0).sum()) for block in (first, second)])
    n_reduced = np.linalg.matrix_rank(equal[train] - equal[train].mean(axis=0)) if reducer == "pca" else equal.shape[1]
    unit = 2 / n_reduced  # the mean variance of what the penalty is on: both layers have a variance of 1 in all
    reference = Ridge(alpha=encoder.card.alpha.astype(np.float64) * unit).fit(equal[train], responses[train, 0])
    np.testing.assert_allclose(encoder(pixels).numpy(), reference.predict(equal), atol=2e-3)
    assert "layers of equal variance" in encoder.card.config.describe()


@pytest.mark.parametrize("reducer", ["pca", "none"])
def test_a_layer_with_larger_features_counts_no_more_unless_layers_stand_as_they_are(
    config: EncoderConfig, scored: ScoredImages, reducer: str
) -> None:
    loud = scored.features.copy()
    loud[:, :20] *= 64
    blocks, joined = (replace(scored, features=one, widths=(20, 25)) for one in (scored.features, loud))
    config = replace(config, reducer=reducer, n_components=0, balanced=True)
    quiet, same = (fit_encoder(config, one).card.cv_r for one in (blocks, joined))
    np.testing.assert_allclose(same, quiet, atol=1e-4)
    before = [fit_encoder(replace(config, balanced=False), one).card.cv_r for one in (blocks, joined)]
    assert np.abs(before[0] - before[1]).max() > 0.01
