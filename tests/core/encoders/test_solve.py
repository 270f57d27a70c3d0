"""Readouts by batches: nested folds, left-out categories, second sets, regions, resuming; each by brute force."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from himalaya.ridge import RidgeCV
from sklearn.linear_model import Ridge

from core.array_cache import ArrayCache
from core.encoders import solve
from core.encoders.card import EncoderData
from core.encoders.config import EncoderConfig, RoiRegion, ScoringConfig
from core.encoders.crossval import choose_in_batch, make_folds, prepare_folds
from core.encoders.fit import hash_fit
from core.encoders.ridge import decompose, find_leading_axes
from core.encoders.scored import ScoredImages, SecondSet, plan_tasks
from core.encoders.solve import iter_solve
from core.errors import BadInputError, Cancelled
from core.types import VoxelTable
from tests.helpers.tiny_encoders import fit_encoder
from tests.helpers.voxels import make_voxels

NAMES = ("mean", "components", "weights", "intercept", "covariance")


def same(first: EncoderData, second: EncoderData) -> bool:
    return first.card.sha256 == second.card.sha256 and all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in NAMES
    )


def plain_r(predicted: np.ndarray, measured: np.ndarray) -> list[float]:
    return [np.corrcoef(predicted[:, voxel], measured[:, voxel])[0, 1] for voxel in range(measured.shape[1])]


def test_penalties_equal_himalaya_on_the_same_folds() -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(120, 30))
    noise = generator.normal(size=(120, 40)) * np.geomspace(0.1, 20, 40)
    responses = features @ generator.normal(size=(30, 40)) / 3 + noise
    folds = make_folds([str(row) for row in range(120)], 5, seed=0)
    alphas = tuple(np.logspace(-1, 4, 11).tolist())
    chosen = choose_in_batch(prepare_folds(features, folds), responses, alphas=alphas)
    splits = [(np.setdiff1d(np.arange(120), fold), fold) for fold in folds]
    reference = RidgeCV(alphas=alphas, fit_intercept=True, cv=splits)
    reference.fit(features, responses)
    np.testing.assert_allclose(chosen.alpha, reference.best_alphas_)  # folds of one size: mean and sum agree


def test_few_images_and_few_features_solve_the_same_problem() -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(30, 29))
    wide = np.hstack([features, np.zeros((30, 5))])  # the same problem through the other Gram matrix
    responses = generator.normal(size=(30, 3))
    folds = make_folds([str(row) for row in range(30)], 5, seed=0)
    primal = choose_in_batch(prepare_folds(features, folds), responses, alphas=(0.1, 10.0))
    dual = choose_in_batch(prepare_folds(wide, folds), responses, alphas=(0.1, 10.0))
    np.testing.assert_array_equal(primal.alpha, dual.alpha)
    np.testing.assert_allclose(primal.cv_r, dual.cv_r, atol=1e-9)


def test_leading_axes_span_those_of_the_eigendecomposition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.encoders.ridge.ROWS_AT_ONCE", 37)
    generator = np.random.default_rng(3)
    spectrum = np.geomspace(10, 0.01, 200)
    features = (generator.normal(size=(300, 200)) * spectrum + 4.0).astype(np.float32)
    exact, found = decompose(features), find_leading_axes(features, 10)
    np.testing.assert_allclose(found[2], exact.eigenvalues[:10], rtol=1e-4)
    cosines = np.linalg.svd(exact.axes[:, :10].T @ found[1], compute_uv=False)
    np.testing.assert_allclose(cosines, 1.0, atol=1e-4)
    np.testing.assert_array_equal(found[1], find_leading_axes(features, 10)[1])


def test_a_large_reducer_goes_through_the_leading_axes(
    monkeypatch: pytest.MonkeyPatch, config: EncoderConfig, scored: ScoredImages
) -> None:
    exact = fit_encoder(config, scored)
    monkeypatch.setattr("core.encoders.ridge.EXACT_SIDE", 20)
    found = fit_encoder(config, scored)
    np.testing.assert_allclose(found.card.r, exact.card.r, atol=0.02)
    assert not np.array_equal(found.weights, exact.weights)


def test_nested_scores_equal_a_plain_loop(config: EncoderConfig, scored: ScoredImages) -> None:
    scoring = ScoringConfig(n_outer=4, seed=2)
    data = fit_encoder(config, scored, scoring)
    tasks = plan_tasks(scoring, images=scored.images, test=scored.test, categories=())
    outer = [task for task in tasks if task.kind == "nested"]
    assert sorted(np.concatenate([task.predict for task in outer]).tolist()) == np.flatnonzero(~scored.test).tolist()
    predicted = np.empty_like(scored.responses)
    for task in outer:
        rows = np.concatenate([task.train, task.predict])
        test = np.arange(len(rows)) >= len(task.train)
        part = replace(
            scored,
            features=scored.features[rows],
            responses=scored.responses[rows],
            images=tuple(scored.images[row] for row in rows),
            test=test,
        )
        fold = fit_encoder(config, part)
        assert fold.components is not None
        predicted[task.predict] = (part.features[test] - fold.mean) @ fold.components @ fold.weights + fold.intercept
    train = ~scored.test
    np.testing.assert_allclose(data.card.nested_r, plain_r(predicted[train], scored.responses[train]), atol=1e-5)
    assert same(replace(data, card=fit_encoder(config, scored).card), fit_encoder(config, scored))


def test_without_held_out_images_the_nested_scores_are_the_scores(config: EncoderConfig, scored: ScoredImages) -> None:
    nothing = replace(scored, test=np.zeros(60, dtype=bool))
    with pytest.raises(BadInputError, match=r"`test` must be some held-out images, got 0.*--nested"):
        fit_encoder(config, nothing)
    card = fit_encoder(config, nothing, ScoringConfig(n_outer=5, n_bootstrap=50)).card
    assert (card.scored_on, card.n_train, card.n_test) == ("nested", 60, 0)
    assert card.nested_r is not None and card.r_low is not None and card.r_high is not None
    np.testing.assert_array_equal(card.r, card.nested_r)
    assert (card.r_low <= card.r + 0.02).all() and (card.r <= card.r_high + 0.02).all()
    assert np.median(card.r) > 0.7 and "nested r" in card.describe()


def test_shuffled_responses_score_around_zero(config: EncoderConfig, scored: ScoredImages) -> None:
    scores = []
    for seed in range(8):
        shuffled = np.random.default_rng(seed).permutation(scored.responses)
        nothing = replace(scored, responses=shuffled, test=np.zeros(60, dtype=bool))
        card = fit_encoder(replace(config, seed=seed), nothing, ScoringConfig(n_outer=5, seed=seed)).card
        scores.append(np.median(card.r))
    # A leak of the left-out images into penalties or components would push these up; centring alone pulls them down.
    assert -0.35 < np.mean(scores) < 0.05


def test_repeats_of_an_image_never_split_in_any_fold(config: EncoderConfig, scored: ScoredImages) -> None:
    images = tuple(str(number // 2) for number in range(60))
    test = np.repeat(np.arange(30) % 5 == 0, 2)
    tasks = plan_tasks(
        ScoringConfig(n_outer=4, categories=("face",)),
        images=images,
        test=test,
        categories=tuple("face" if number % 7 == 0 else "" for number in range(60)),
    )
    assert len(tasks) == 6
    for task in tasks:
        assert not {images[row] for row in task.train} & {images[row] for row in task.predict}


def test_a_left_out_category_by_brute_force(config: EncoderConfig, scored: ScoredImages) -> None:
    categories = tuple("face" if number % 3 == 0 else "place" for number in range(60))
    data = fit_encoder(config, replace(scored, categories=categories), ScoringConfig(categories=("face",)))
    (outside,) = data.card.outside
    face = np.asarray(categories) == "face"
    part = replace(
        scored,
        features=scored.features[~face],
        responses=scored.responses[~face],
        images=tuple(name for name, out in zip(scored.images, face, strict=True) if not out),
        test=scored.test[~face],
    )
    fold = fit_encoder(config, part)
    assert fold.components is not None
    predicted = (scored.features - fold.mean) @ fold.components @ fold.weights + fold.intercept
    within = scored.test & ~face
    np.testing.assert_allclose(outside.r, plain_r(predicted[face], scored.responses[face]), atol=1e-5)
    np.testing.assert_allclose(outside.r_within, plain_r(predicted[within], scored.responses[within]), atol=1e-5)
    assert (outside.kind, outside.name, outside.n_images, outside.n_within) == (
        "category",
        "face",
        20,
        int(within.sum()),
    )
    assert same(replace(data, card=fit_encoder(config, scored).card), fit_encoder(config, scored))


@pytest.mark.parametrize(
    ("categories", "wanted", "text"),
    [
        (("face",) * 30 + ("place",) * 30, "fase", "must be one of face, place, got 'fase'. Did you mean 'face'"),
        (("",) * 60, "face", "`holdout_category` must be empty for images without categories, got 'face'"),
        (("face",) * 58 + ("place",) * 2, "place", r"a category of at least 3 images, got 'place \(2\)'"),
        (("face",) * 60, "face", "a category that leaves some training images, got 'face'"),
    ],
)
def test_a_category_that_cannot_be_left_out_is_refused(
    config: EncoderConfig, scored: ScoredImages, categories: tuple[str, ...], wanted: str, text: str
) -> None:
    with pytest.raises(BadInputError, match=text):
        fit_encoder(config, replace(scored, categories=categories), ScoringConfig(categories=(wanted,)))


def second_set(scored: ScoredImages, voxels: VoxelTable, rows: slice) -> SecondSet:
    names = tuple(f"new {name}" for name in scored.images[rows])
    return SecondSet("other", scored.features[rows], scored.responses[rows], names, voxels)


def run(config: EncoderConfig, data: ScoredImages, *others: SecondSet, **more: Any) -> EncoderData:
    scoring = more.pop("scoring", ScoringConfig())
    last = list(iter_solve(config, data, scoring=scoring, second_sets=others, **more))[-1]
    assert last.result is not None
    return last.result


def test_a_second_set_of_the_same_voxels_is_scored_voxel_by_voxel(config: EncoderConfig, scored: ScoredImages) -> None:
    table = make_voxels()
    data = replace(scored, voxels=table)
    result = run(config, data, second_set(scored, table, slice(10, 40)))
    (outside,) = result.card.outside
    assert result.components is not None
    predicted = (scored.features - result.mean) @ result.components @ result.weights + result.intercept
    np.testing.assert_allclose(outside.r, plain_r(predicted[10:40], scored.responses[10:40]), atol=1e-5)
    np.testing.assert_allclose(outside.r_within, result.card.r, atol=1e-6)
    assert (outside.rois, outside.n_images, outside.n_within) == ((), 30, 15)


def test_a_second_set_of_other_voxels_is_scored_by_the_means_of_shared_rois(
    config: EncoderConfig, scored: ScoredImages
) -> None:
    data = replace(scored, voxels=make_voxels())
    two = make_voxels(("FFA", "EBA"))
    other = replace(second_set(scored, two, slice(10, 40)), responses=scored.responses[10:40, [2, 0]])
    result = run(config, data, other)
    (outside,) = result.card.outside
    assert result.components is not None and outside.rois == ("FFA",)
    predicted = (scored.features - result.mean) @ result.components @ result.weights + result.intercept
    members = make_voxels().voxels_in("FFA")
    wanted = np.corrcoef(predicted[10:40, members].mean(axis=1), scored.responses[10:40, 2])[0, 1]
    assert outside.r.tolist() == pytest.approx([wanted], abs=1e-5)


def test_a_second_set_without_a_shared_roi_or_new_images_is_refused(
    config: EncoderConfig, scored: ScoredImages
) -> None:
    data = replace(scored, voxels=make_voxels())
    strange = replace(second_set(scored, make_voxels(("EBA",)), slice(10, 40)), responses=scored.responses[10:40, :1])
    with pytest.raises(BadInputError, match="`second_set` must be a record of the same voxels, or with an ROI"):
        run(config, data, strange)
    known = replace(second_set(scored, make_voxels(), slice(0, 40)), images=scored.images[:40])
    assert run(config, data, known).card.outside[0].n_images == 10  # the held-out ones among them
    only = np.flatnonzero(~scored.test)[:9]
    taught = SecondSet(
        "known", scored.features[only], scored.responses[only], tuple(scored.images[i] for i in only), make_voxels()
    )
    with pytest.raises(BadInputError, match="at least 3 images that are not trained on, got 'known with 0'"):
        run(config, data, taught)


@pytest.mark.parametrize("reducer", ["pca", "none"])
def test_an_roi_with_a_region_reads_nothing_else(config: EncoderConfig, scored: ScoredImages, reducer: str) -> None:
    table = make_voxels()
    config = replace(config, reducer=reducer, n_components=0, regions=(RoiRegion("FFA", -1, 0, 1, 1),))
    data = replace(scored, voxels=table, grid=(5, 3, 3))
    whole = fit_encoder(config, data)
    upper = np.flatnonzero(np.tile(np.arange(9) < 6, 5))  # the centre row lies on y = 0 and is inside
    members = table.voxels_in("FFA")
    mixing = np.eye(45) if whole.components is None else whole.components
    chain = mixing.astype(np.float64) @ whole.weights
    assert not chain[np.setdiff1d(np.arange(45), upper)][:, members].any()
    part = replace(scored, features=scored.features[:, upper], responses=scored.responses[:, members])
    part = replace(part, noise_ceiling=scored.noise_ceiling[members])
    alone = fit_encoder(replace(config, regions=()), part)
    np.testing.assert_allclose(whole.card.r[members], alone.card.r, atol=1e-5)
    others = np.setdiff1d(np.arange(7), members)
    plain = fit_encoder(replace(config, regions=()), scored)
    np.testing.assert_allclose(whole.card.r[others], plain.card.r[others], atol=1e-5)
    predicted = (scored.features - whole.mean) @ chain + whole.intercept
    np.testing.assert_allclose(whole.card.r, plain_r(predicted[scored.test], scored.responses[scored.test]), atol=1e-5)
    np.testing.assert_allclose(whole.card.reference_sd, predicted[~scored.test].std(axis=0), rtol=1e-4)


def test_unreduced_ridge_equals_scikit_learn_on_the_features(config: EncoderConfig, scored: ScoredImages) -> None:
    data = fit_encoder(replace(config, reducer="none"), scored)
    train = ~scored.test
    features = scored.features[train].astype(np.float64)
    scale = features.var(axis=0).mean()
    reference = Ridge(alpha=data.card.alpha.astype(np.float64) * scale).fit(features, scored.responses[train])
    np.testing.assert_allclose(data.weights, reference.coef_.T, atol=1e-5)
    assert data.components is None and data.rank == 45


def test_batches_of_voxels_change_nothing(
    config: EncoderConfig, scored: ScoredImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit_encoder(config, scored)
    cut_small(monkeypatch)
    parts = fit_encoder(config, scored)
    np.testing.assert_allclose(whole.weights, parts.weights, atol=1e-6)
    np.testing.assert_array_equal(whole.card.alpha, parts.card.alpha)


def cut_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solve, "NUMBERS_AT_ONCE", 1)
    monkeypatch.setattr(solve, "LEAST_VOXELS_AT_ONCE", 2)


@pytest.mark.parametrize("n_done", [1, 3, 5, 9])
@pytest.mark.parametrize("readout", ["ridge", "lasso"])
def test_a_resumed_fit_is_bit_identical(
    config: EncoderConfig,
    scored: ScoredImages,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    n_done: int,
    readout: str,
) -> None:
    cut_small(monkeypatch)
    config, scoring = replace(config, readout=readout, alphas=(0.1, 1.0)), ScoringConfig(n_outer=2, n_bootstrap=20)
    whole = fit_encoder(config, scored, scoring)
    store = ArrayCache(tmp_path / "fit")
    running = iter_solve(config, scored, scoring=scoring, store=store)
    while next(running).done < n_done:
        pass
    running.close()
    again = ArrayCache(tmp_path / "fit")
    assert same(run(config, scored, scoring=scoring, store=again), whole)
    assert again.n_reused >= n_done
    fresh = [field.name for field in fields(whole.card) if isinstance(getattr(whole.card, field.name), np.ndarray)]
    assert len(fresh) >= 10


def test_a_damaged_batch_is_solved_again(
    config: EncoderConfig, scored: ScoredImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch)
    whole = run(config, scored, store=ArrayCache(tmp_path))
    for number, path in enumerate(sorted(tmp_path.glob("*.npz"))):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 255
        path.write_bytes(content if number % 2 else content[:30])
    again = ArrayCache(tmp_path)
    assert same(run(config, scored, store=again), whole)
    assert again.n_reused == 0


def test_a_full_disk_keeps_no_batches_and_stops_nothing(
    config: EncoderConfig, scored: ScoredImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    whole = fit_encoder(config, scored)
    monkeypatch.setattr(np, "savez", fill)
    assert same(run(config, scored, store=ArrayCache(tmp_path)), whole)
    assert not list(tmp_path.iterdir())


def test_another_fit_has_another_store(config: EncoderConfig, scored: ScoredImages) -> None:
    scoring = ScoringConfig()
    changed = scored.responses.copy()
    changed[3, 2] += 1e-3
    keys = [
        hash_fit(config, scoring, scored),
        hash_fit(replace(config, n_folds=4), scoring, scored),
        hash_fit(config, ScoringConfig(n_outer=2), scored),
        hash_fit(config, scoring, replace(scored, responses=changed)),
        hash_fit(config, scoring, replace(scored, features=scored.features * 2)),
        hash_fit(config, scoring, replace(scored, test=~scored.test)),
        hash_fit(config, scoring, replace(scored, network_sha256="f" * 64)),
    ]
    assert len(set(keys)) == len(keys)
    assert keys[0] == hash_fit(config, scoring, replace(scored, responses=scored.responses.copy()))


def test_stopping_ends_within_a_batch(config: EncoderConfig, scored: ScoredImages) -> None:
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 20

    with pytest.raises(Cancelled):
        list(iter_solve(config, scored, scoring=ScoringConfig(), should_stop=stop))
    assert len(asked) == 21


def test_responses_in_a_memory_map_are_fitted_where_they_lie(
    config: EncoderConfig, scored: ScoredImages, tmp_path: Path
) -> None:
    rounded = scored.responses.astype(np.float32)
    mapped = np.memmap(tmp_path / "responses", dtype=np.float32, mode="w+", shape=(60, 1, 7))
    mapped[:, 0] = rounded
    one = fit_encoder(config, replace(scored, responses=rounded))
    assert same(fit_encoder(config, replace(scored, responses=mapped[:, 0])), one)


@pytest.mark.parametrize("readout", ["ridge", "elastic-net"])
def test_a_voxel_that_never_varies_has_r_zero_and_no_weights(
    config: EncoderConfig, scored: ScoredImages, readout: str
) -> None:
    responses = scored.responses.copy()
    responses[:, 2] = 0.1  # its mean over the rows is not exactly 0.1
    data = fit_encoder(
        replace(config, readout=readout), replace(scored, responses=responses), ScoringConfig(n_outer=2, n_bootstrap=20)
    )
    card = data.card
    assert card.nested_r is not None and card.r_low is not None
    scores = (card.r[2], card.r2[2], card.cv_r[2], card.nested_r[2], card.r_low[2], card.reference_sd[2])
    assert scores == (0,) * 6 and data.intercept[2] == np.float32(0.1) and not data.weights[:, 2].any()
    assert all(np.isfinite(getattr(card, name)).all() for name in ("r", "cv_r", "alpha", "reference_sd"))


def test_voxels_with_nan_are_counted_and_refused(config: EncoderConfig, scored: ScoredImages) -> None:
    responses = scored.responses.copy()
    responses[3, 5] = responses[9, 1] = np.nan
    with pytest.raises(BadInputError, match=r"`responses` must be finite.*got '2 of 7 voxels with NaN, the first 1'"):
        fit_encoder(config, replace(scored, responses=responses))


def test_too_many_unreduced_features_are_refused(
    config: EncoderConfig, scored: ScoredImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solve, "LARGEST_RANK", 44)
    with pytest.raises(BadInputError, match="`reducer` must be 'pca' or 'projection' for more than 44 features"):
        fit_encoder(replace(config, reducer="none"), scored)


def test_where_memory_runs_out_fewer_voxels_are_solved_at_once(
    config: EncoderConfig, scored: ScoredImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, solve_batch, seen = run(config, scored), solve.solve_batch, []

    def solve_few(*given: Any, **named: Any) -> Any:
        if given[2].shape[1] > 2:
            raise MemoryError
        seen.append(given[2].shape[1])
        return solve_batch(*given, **named)

    monkeypatch.setattr(solve, "solve_batch", solve_few)
    parts = run(config, scored)
    assert seen and max(seen) <= 2
    for name in NAMES:
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-5, atol=1e-7)
