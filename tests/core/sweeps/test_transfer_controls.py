"""Controls of a transfer: copies, ensembles, other sizes, the climb cache, equal results for any batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from core.attacks import falling
from core.attacks.config import AttackConfig
from core.datasets.subject import load_subject
from core.engine import Engine
from core.errors import BadInputError
from core.images.transform import resize_pixels
from core.paths import cache_folder
from core.probes.spill_over import RoiPool
from core.reports.analysis_tables import tabulate
from core.reports.answer_plots import mean_into
from core.sweeps import attack_curve, choose
from core.sweeps.attack_curve import AttackCurve, run_curve
from core.sweeps.cell_view import CellChoice, read_cell
from core.sweeps.choose import choose_control_encoders
from core.sweeps.config import AttackKind, EncoderName, Question, SweepConfig, TargetName
from core.sweeps.gather import load_sweep
from core.sweeps.plan import CURVE, FIT, REFITTED, SCORE, UNTRAINED, Cell, list_cells
from core.sweeps.refit import split_rows
from core.sweeps.run import check_sweep
from core.sweeps.score import ScoreSettings, ScoringEncoder, score
from core.sweeps.statistics import UNKNOWN
from core.sweeps.transfer import Case, TransferAnswer, TransferTable, analyse_transfer
from core.types import FloatArray, NormName
from tests.core.sweeps.test_attack_curve import LADDER, grey
from tests.helpers.tiny_encoders import SIDE, make_conv_encoder, make_linear_encoder, make_table, pixel_weights

EARLY, LATER = EncoderName("simulated", "alexnet", "features.4"), EncoderName("simulated", "alexnet", "features.7")
LAST = EncoderName("simulated", "alexnet", "features.11")


def make(**changes: object) -> SweepConfig:
    first = SweepConfig(
        Question.TRANSFER,
        (EARLY, LATER, LAST),
        ("cat_chelsea", "face_054"),
        (TargetName(-1, "FFA"),),
        ladder=(1.0,),
        n_steps=1,
        n_test=6,
        n_bootstrap=20,
        n_refit=24,
    )
    return replace(first, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole transfer with copies, an ensemble and both norms."""
    folder = tmp_path_factory.mktemp("transfer")
    config = make(attacks=(AttackKind.PGD, AttackKind.ENSEMBLE), norms=tuple(NormName), refitted=(0,), untrained=(0,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(falling, "LEAST_STEPS", 1)  # a figure for the one step taken
        list(Engine(device="cpu").iter_sweep(config, folder / "out"))
    return folder / "out"


def test_copies_untrained_sources_and_ensembles_have_their_rows(finished: Path) -> None:
    sweep = load_sweep(finished)
    answer = analyse_transfer(sweep, ("FFA",))
    assert [case.label for case in answer.cases] == [
        "L2, PGD",
        "L2, ensemble of the others",
        "Linf, PGD",
        "Linf, ensemble of the others",
    ]
    first, ensemble = answer.cases[0].tables[0], answer.cases[1].tables[0]
    assert first.sources == (*sweep.labels, f"{sweep.labels[0]} untrained")
    assert np.allclose(np.diagonal(first.square), 1)
    assert abs(first.ratio[3, 0]) < 0.5, "random weights do not make the probes of trained ones"
    assert ensemble.sources == tuple(f"all but {label}" for label in sweep.labels)
    # T to the copy, from the stored shifts: what A's perturbations do to it over what its own do.
    scored, own = (
        sweep.store.load(Cell(SCORE, 0, 0, 0, 0))["shift"][3, 0],
        sweep.store.load(Cell(CURVE, 0, 0, 0, 0, copy=REFITTED)),
    )
    expected = scored.mean() / (own["shift"][:, -1] / own["sd"]).mean()
    assert first.copies[0].value == pytest.approx(expected)
    assert 0 < first.copies[0].value < 1
    assert np.isnan(first.copies[1].value)
    assert {(fit.copy, fit.n_train) for fit in answer.fits} == {(REFITTED, 24), (UNTRAINED, 24)}
    assert max(case.worst_size for case in answer.cases) < 0.01
    assert answer.related.all(), "three layers of one network"
    for case in answer.cases[::2]:  # one step reaches a quarter of the budget; the control is of full size
        assert case.delivered[3] == pytest.approx(1, abs=0.01)


def test_means_of_kinds_leave_relatives_out_and_rows_name_them() -> None:
    ratio = np.asarray([[1.0, 0.6, 0.2], [0.5, 1.0, 0.1], [0.3, 0.4, 1.0]])
    related = np.asarray([[True, True, False], [True, True, False], [False, False, True]])
    raw, to_gain = np.zeros((6, 3, 3)), np.asarray([0.04, np.nan, 0.06])
    table = TransferTable("all", ("a", "b", "c"), ratio, ratio, ratio, raw, (UNKNOWN,) * 3, to_gain)
    case = Case(NormName.L2, AttackKind.PGD, (table,), np.zeros((2, 4)), (0, 1, 2), 0.0, np.asarray([1.0, 0.7, 1.0]))
    answer = TransferAnswer(("a", "b", "c"), (case,), (), (), (False, True, False), related)
    assert answer.mean_between(table, True, False) == pytest.approx((0.3, 0.1))
    assert answer.mean_between(table, False, False) == pytest.approx((0.25, 0.25))
    assert np.isnan(answer.mean_between(table, True, True)).all()
    first, kinds, *_ = tabulate(answer, cast(Any, None))
    notes = dict(zip([row[3:5] for row in first.rows], [row[5] for row in first.rows], strict=True))
    assert notes["a", "b"] == "related networks" and notes["a", "c"] == "" and notes["a", "a"] == "own weights"
    assert notes["b", "a"] == "related networks, delivered at 70% of epsilon, convergence not known"
    assert notes["c", "a"] == "not converged"
    assert ("robust", "standard", pytest.approx(0.3), pytest.approx(0.1)) in [row[3:] for row in kinds.rows]


def test_what_a_source_would_still_gain_is_the_worst_of_its_attacks(finished: Path) -> None:
    sweep = load_sweep(finished)
    for case in analyse_transfer(sweep, ("FFA",)).cases[:1]:
        by_hand = sweep.to_gain[:, :, :, 0, :, -1].max(axis=(1, 2, 3))
        assert np.array_equal(case.tables[0].to_gain[:3], by_hand) and np.isfinite(by_hand).all()


def test_the_ensemble_leaves_its_recipient_out(finished: Path) -> None:
    sweep = load_sweep(finished)
    answer = analyse_transfer(sweep, ("FFA",))
    ensemble = answer.cases[1].tables[0].raw[0]
    for left_out in range(3):
        others = [one for one in range(3) if one != left_out]
        assert ensemble[left_out, left_out] < ensemble[left_out, others].max(), "attacked encoders move farther"
        assert mean_into(answer.cases[1], left_out) == answer.cases[1].tables[0].ratio[left_out, left_out]
        assert mean_into(answer.cases[0], left_out) == pytest.approx(
            answer.cases[0].tables[0].ratio[others, left_out].mean()
        )
    whole = answer.cases[0].tables[0].raw[0]
    assert answer.cases[1].tables[0].ratio[0, 0] == pytest.approx(ensemble[0, 0] / whole[0, 0])


def test_a_cell_holds_the_images_and_the_maps_of_both_encoders(finished: Path) -> None:
    sweep = load_sweep(finished)
    view = read_cell(sweep, CellChoice(0, 1, image=1))
    stored = sweep.store.load(Cell(SCORE, 0, 0, 0, 0))
    assert [one.label for one in view.maps] == [sweep.labels[0], sweep.labels[1]]
    table = load_subject("simulated").voxels
    for number, one in enumerate(view.maps):
        assert one.values.shape == (table.n_voxels,)
        assert np.allclose(RoiPool(table).means(one.values), stored[f"roi_{number}"][1], atol=2e-3), "float16"
    assert view.shift[0] == pytest.approx(stored["shift"][1, 0, 1])
    moved = view.perturbed.astype(float) - view.clean
    assert np.abs(moved - view.change).max() <= 0.5 + 1e-6
    assert len(read_cell(sweep, CellChoice(2, 2)).maps) == 1
    assert len(read_cell(sweep, CellChoice(3, 1)).maps) == 2, "the untrained network's row"


def test_a_second_analysis_takes_its_perturbations_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make(encoders=(EARLY, LATER))
    list(Engine(device="cpu").iter_sweep(config, tmp_path / "transfer"))

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("attacked again")

    monkeypatch.setattr("core.sweeps.attack_curve.run_curve", fail)
    for question in (Question.MEANING, Question.FRAGILITY):
        list(Engine(device="cpu").iter_sweep(replace(config, question=question), tmp_path / question))
    first, second = (load_sweep(tmp_path / name) for name in ("transfer", "meaning"))
    assert np.array_equal(*(one.store.load(Cell(CURVE, 0, 0, 0, 0))["delta"] for one in (first, second)))
    assert "delta" not in load_sweep(tmp_path / "fragility").store.load(Cell(CURVE, 0, 0, 0, 0))
    with pytest.raises(BadInputError, match="4 cells .* failed.* AssertionError: attacked again"):
        list(Engine(device="cpu").iter_sweep(replace(config, seed=5), tmp_path / "other"))


def test_the_climbs_used_longest_ago_are_dropped_first(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setattr(attack_curve, "MOST_BYTES", 20_000)
    cache = attack_curve.curve_cache()
    folder = cache_folder() / "climbs"
    for number in range(3):
        cache.put(str(number), {"shift": np.full(1000, float(number))})
        if (folder / f"{number}.npz").is_file():
            os.utime(folder / f"{number}.npz", (number, number))
    assert cache.get("0") is None
    kept = cache.get("2")
    assert kept is not None
    assert kept["shift"][0] == 2
    os.utime(folder / "2.npz", (2, 2))
    assert cache.get("1") is not None, "which is now the last used"
    cache.put("3", {"shift": np.zeros(1000)})
    assert [number for number in range(4) if (folder / f"{number}.npz").is_file()] == [1, 3]
    (folder / "3.npz").write_bytes(b"damaged")
    assert cache.get("3") is None


def test_an_ensemble_of_linear_encoders_climbs_along_the_mean_of_their_scaled_weights() -> None:
    """The gain of the first is epsilon w . g / ||g||, g the mean of weights in SDs."""
    encoders = [make_linear_encoder(seed=seed) for seed in (1, 2, 3)]
    aim = np.eye(3, dtype=np.float32)[0]
    attack = AttackConfig(epsilon=LADDER[-1], n_steps=4)
    curve = AttackCurve(aim, 1, attack, LADDER, tuple((one, aim) for one in encoders[1:]))
    found = run_curve(encoders[0], grey(2), curve, keys=["a", "b"], should_stop=lambda: False)
    weights = [pixel_weights(one).ravel() for one in encoders]
    mean = np.mean([w / one.target_sd(aim) for w, one in zip(weights, encoders, strict=True)], axis=0)
    expected = LADDER[-1] * weights[0] @ mean / np.linalg.norm(mean)
    assert np.allclose(found["shift"][:, -1], expected, rtol=1e-3)


def test_the_stored_gradient_is_the_encoders_own() -> None:
    encoder = make_linear_encoder()
    curve = AttackCurve(np.eye(3, dtype=np.float32)[0], -1, AttackConfig(epsilon=LADDER[-1], n_steps=2), LADDER)
    found = run_curve(encoder, grey(2), curve, keys=["a", "b"], should_stop=lambda: False)
    weights = pixel_weights(encoder)
    assert np.allclose(found["gradient"][0], -weights / np.abs(weights).max(), atol=1e-3)


def recipients_of(side: int) -> list[ScoringEncoder]:
    made = [make_linear_encoder(seed=1), make_linear_encoder(seed=2, side=side)]
    aim = np.eye(3, dtype=np.float32)[0]
    return [ScoringEncoder(one, aim, one.target_sd(aim), RoiPool(make_table(3))) for one in made]


def test_a_recipient_of_another_size_sees_the_resampled_perturbation_and_equal_controls() -> None:
    recipients = recipients_of(2 * SIDE)
    pixels = np.random.default_rng(1).uniform(0.3, 0.7, (2, 3, SIDE, SIDE)).astype(np.float32)
    delta = np.random.default_rng(0).normal(0, 0.02, pixels.shape).astype(np.float32)
    settings = ScoreSettings(NormName.L2, 0, ("a", "b"))
    found = score(recipients, pixels, delta, settings=settings, should_stop=lambda: False)
    moved = resize_pixels(pixels + delta, 2 * SIDE) - resize_pixels(pixels, 2 * SIDE)
    weights = pixel_weights(recipients[1].encoder)
    expected = (moved * weights).sum(axis=(1, 2, 3)) / recipients[1].sd
    assert np.allclose(found["shift"][1, 0], expected, rtol=1e-3, atol=1e-4)
    assert np.allclose(found["l2"][1, 0], np.linalg.norm(moved.reshape(2, -1), axis=1), rtol=1e-4)
    for number in (0, 1):
        assert np.allclose(found["l2"][number, 1:], found["l2"][number, :1], rtol=1e-3), "controls of equal size"


def test_budgets_of_another_size_or_norm_have_equal_rms_change() -> None:
    config = make(ladder=(0.5, 3.0), norms=tuple(NormName))
    assert config.budgets(NormName.L2, 224) == (0.5, 3.0)
    for side in (224, 384):
        change = np.full((3, side, side), config.budgets(NormName.LINF, side)[1])
        assert np.linalg.norm(change) == pytest.approx(config.budgets(NormName.L2, side)[1])
        assert np.sqrt(np.mean(change**2)) == pytest.approx(3.0 / np.sqrt(3 * 224 * 224))


def score_with(encoder_dtype: torch.dtype, n_images: int) -> FloatArray:
    """Shifts of the first `n_images` of five images."""
    encoder = make_conv_encoder().to(encoder_dtype)
    aim = np.eye(5, dtype=np.float32)[0]
    recipient = ScoringEncoder(encoder, aim, encoder.target_sd(aim), RoiPool(make_table(5)))
    draw = np.random.default_rng(0)
    pixels, delta = grey(5), draw.normal(0, 0.02, (5, 3, SIDE, SIDE)).astype(np.float32)
    keys = tuple("abcde"[:n_images])
    settings = ScoreSettings(NormName.L2, 0, keys)
    found = score([recipient], pixels[:n_images], delta[:n_images], settings=settings, should_stop=lambda: False)
    return np.delete(found["shift"][0], 4, axis=0)  # the delta of another image depends on the images by design


TOLERANCE = 2e-4
"""SDs: what rounding in float32 and the order of sums in a batch may change in a shift of about one SD."""


def test_scores_are_equal_for_any_batch_and_precision() -> None:
    alone, together = score_with(torch.float32, 1), score_with(torch.float32, 5)
    assert np.allclose(alone[:, 0], together[:, 0], atol=TOLERANCE)
    assert np.allclose(score_with(torch.float64, 5), together, atol=TOLERANCE), "another device rounds, no more"


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_the_perturbations_are_equal_for_any_batch_and_device(at_once: int) -> None:
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    found = []
    for device in devices:
        encoder = make_conv_encoder().to(device)
        curve = AttackCurve(np.eye(5, dtype=np.float32)[0], 1, AttackConfig(epsilon=LADDER[-1], n_steps=3), LADDER)
        keys = list("abcde")
        found.append(run_curve(encoder, grey(5), curve, keys=keys, should_stop=lambda: False, at_once=at_once))
    reference = run_curve(make_conv_encoder(), grey(5), curve, keys=keys, should_stop=lambda: False, at_once=5)
    for one in found:
        assert np.allclose(one["delta"], reference["delta"], atol=TOLERANCE)
        assert np.allclose(one["shift"], reference["shift"], rtol=1e-3, atol=TOLERANCE)


def test_halves_are_random_disjoint_from_what_scores_them_and_repeatable() -> None:
    held_out = np.zeros(40, dtype=bool)
    held_out[::4] = True
    train, test = split_rows(held_out, 1000, 5, seed=1)
    assert len(train) == 15, "half of 30"
    assert not held_out[train].any()
    assert held_out[test].all()
    assert len(test) == 5
    again, other = split_rows(held_out, 1000, 5, seed=1)[0], split_rows(held_out, 1000, 5, seed=2)[0]
    assert np.array_equal(train, again)
    assert not np.array_equal(train, other)
    train, test = split_rows(np.zeros(40, dtype=bool), 8, 5, seed=1)
    assert (len(train), len(test)) == (8, 5)
    assert not set(train) & set(test), "nothing is held out: scored on the other half"


def test_an_imported_encoder_has_no_copy_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    card = choose.load_card(*EARLY)
    monkeypatch.setattr(choose, "load_card", lambda *_: replace(card, provenance=object()))  # type: ignore[arg-type]
    found = choose_control_encoders([EARLY])
    assert (found.refitted, found.untrained) == ((), ())
    assert found.reasons == (
        "alexnet features.4 has no re-fitted copy and no untrained network: it was imported, and how it was fitted "
        "cannot be repeated here.",
    )


def test_every_copy_costs_a_fit_and_a_climb_a_target_and_is_never_a_source_of_scores() -> None:
    plain, more = list_cells(make()), list_cells(make(refitted=(0, 1), untrained=(0,)))
    added = [cell for cell in more if cell not in plain]
    kinds = [(cell.kind, cell.copy) for cell in added]
    assert sorted(kinds) == sorted(
        [(FIT, REFITTED), (CURVE, REFITTED)] * 2 + [(FIT, UNTRAINED), (CURVE, UNTRAINED), (SCORE, UNTRAINED)]
    )
    assert len({cell.key for cell in more}) == len(more)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"attacks": ("ensemble", "pgd")}, "another one before ensemble"),
        ({"attacks": ("pgd", "ensemble"), "encoders": (EARLY, LATER)}, "at least 3 for an ensemble"),
        ({"attacks": ("pgd", "mi"), "question": Question.MEANING}, "Only transfer compares attacks"),
        ({"attacks": ("pgd", "pgd")}, "each named once"),
    ],
)
def test_attacks_that_answer_nothing_are_refused(changes: dict[str, object], text: str) -> None:
    with pytest.raises(BadInputError, match=text):
        make(**changes)


def test_an_ensemble_of_other_sizes_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.sweeps import run

    find = run.find_network
    monkeypatch.setattr(
        run, "find_network", lambda name: replace(find(name), input_size=96 if name == "mobilenet_v2" else 224)
    )
    config = make(encoders=(EARLY, LATER, EncoderName("simulated", "mobilenet_v2", "features.18")))
    check_sweep(config)
    with pytest.raises(BadInputError, match="networks of one input size for an ensemble"):
        check_sweep(replace(config, attacks=(AttackKind.PGD, AttackKind.ENSEMBLE)))
