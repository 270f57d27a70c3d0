"""The study of the method: spaces, readouts and orders with known answers, and one small study from end to end."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr, spearmanr, ttest_1samp

from core.attacks import falling
from core.commands.cli import run_command_line
from core.errors import BadInputError, StorageError
from core.sweeps.cells import load_store
from core.sweeps.statistics import Interval
from core.sweeps.study.config import (
    CANDIDATES,
    TEACHERS,
    CandidateSet,
    LayerName,
    Relation,
    StudyConfig,
    find_relation,
    make_quick,
    parse_layers,
)
from core.sweeps.study.evaluate import ConditionResult, measure_candidates, rank_correlations, sum_up_recordings
from core.sweeps.study.hypotheses import HYPOTHESES, Outcome, Status
from core.sweeps.study.plan import STUDY, TRUTH, StudyStore, list_study
from core.sweeps.study.run import Space, draw_axes, fit_readout, make_encoder, measure_overlap, reduce_features
from tests.helpers.tiny_encoders import make_linear_encoder


def make_space(n_components: int = 4) -> Space:
    n_features = make_linear_encoder().network.n_features
    draw = np.random.default_rng(0)
    train, test = (draw.normal(size=(n, n_features)) for n in (60, 20))
    return reduce_features(train, test, n_components)


def test_reduced_features_are_principal_components_of_mean_variance_one() -> None:
    space = make_space()
    covariance = np.cov(space.train.T, bias=True)
    assert np.allclose(covariance, np.diag(np.diag(covariance)), atol=1e-10)
    assert np.trace(covariance) / 4 == pytest.approx(1)


def test_true_signals_have_sd_one_and_a_noiseless_fit_finds_their_axes() -> None:
    space = make_space()
    axes = draw_axes(space, 3, "t", seed=1)
    assert np.allclose((space.train @ axes).std(axis=0), 1)
    weights, intercept = fit_readout(space, space.train @ axes)
    assert np.allclose(weights, axes, atol=1e-3)
    assert np.allclose(intercept, 0, atol=1e-3)


def test_two_teachers_of_equal_size_do_not_share_their_axes() -> None:
    space = make_space()
    assert not np.allclose(draw_axes(space, 3, "a", seed=1), draw_axes(space, 3, "b", seed=1))


def test_the_encoder_of_a_space_predicts_its_scores() -> None:
    space, network = make_space(), make_linear_encoder().network
    axes = draw_axes(space, 3, "t", seed=1)
    encoder = make_encoder(network, space, axes, np.zeros(3))
    side = network.input_size
    pixels = np.random.default_rng(2).uniform(size=(5, 3, side, side)).astype(np.float32)
    expected = (pixels.reshape(5, -1) - space.mean) @ space.components @ axes
    with torch.no_grad():
        assert np.allclose(encoder(torch.from_numpy(pixels)).numpy(), expected, atol=1e-4)
    assert encoder.target_sd(np.asarray([1.0, 0, 0])) == pytest.approx(1, rel=1e-3)


def test_by_default_every_teacher_is_crossed_with_the_same_candidates_and_none_is_its_own_truth() -> None:
    config = StudyConfig()
    assert not set(config.teachers) & set(config.candidates)
    assert {name.network for name in config.teachers} == {name.network for name in config.candidates}
    sister = TEACHERS[1]
    kinds = [find_relation(sister, name) for name in CANDIDATES]
    assert kinds[:2] == [Relation.RELATIVE, Relation.OWN]
    assert set(kinds[2:]) == {Relation.OTHER}
    assert [len(config.candidates_for(sister, candidate_set)) for candidate_set in CandidateSet] == [6, 4, 4]


def make_cells(n_candidates: int = 3) -> tuple[list[dict[str, Any]], Any]:
    draw = np.random.default_rng(3)
    cells = []
    for _ in range(n_candidates):
        cell = {name: draw.uniform(0.1, 1, (2, 5)) for name in ("sensitivity", "control", "overlap")}
        cell |= {name: draw.normal(size=(30, 2)) for name in ("predicted", "measured", "signal")}
        cells.append(cell | {"shown": draw.uniform(size=(2, 5, 2))})
    return cells, draw.uniform(1, 2, (2, 5))


def test_measures_are_the_plain_means_and_ratios() -> None:
    cells, truth = make_cells()
    found = measure_candidates(cells, truth, count=0, seed=0)
    one = cells[1]
    assert found.sensitivity[0, 1] == pytest.approx(one["sensitivity"].mean())
    own = [one["shown"][voxel, :, voxel].sum() for voxel in range(2)]
    other = [one["shown"][voxel, :, 1 - voxel].sum() for voxel in range(2)]
    assert found.transfer[0, 1] == pytest.approx(sum(own) / truth.sum())
    assert found.selectivity[0, 1] == pytest.approx((sum(own) - sum(other)) / truth.sum())
    r = [pearsonr(one["predicted"][:, voxel], one["measured"][:, voxel]).statistic for voxel in range(2)]
    assert found.r[0, 1] == pytest.approx(np.mean(r))


def test_resamples_are_drawn_together_for_all_candidates() -> None:
    cells, truth = make_cells(1)
    found = measure_candidates([cells[0], cells[0]], truth, count=50, seed=0)
    assert np.array_equal(found.transfer[:, 0], found.transfer[:, 1])
    assert found.r[:, 0].std() > 0


def make_results(ranks: list[list[float]]) -> list[ConditionResult]:
    """A result a teacher and noise level, with that rank correlation."""
    key, pick = "predictivity / axes", {"predictivity": CANDIDATES[0], "axes": CANDIDATES[0]}
    return [
        ConditionResult(
            TEACHERS[teacher], float(noise), CandidateSet.ALL, pick, pick, {key: Interval(rank, np.nan, np.nan)}, 0.25
        )
        for teacher, of_teacher in enumerate(ranks)
        for noise, rank in enumerate(of_teacher)
    ]


def test_intervals_over_recordings_are_over_teachers_and_repeats_of_one_add_nothing() -> None:
    ranks = [0.1, 0.5, 0.3, 0.9]
    expected = ttest_1samp(ranks, 0).confidence_interval(0.95)
    for n_levels in (1, 3):
        found = sum_up_recordings(CandidateSet.ALL, make_results([[one] * n_levels for one in ranks]), confidence=0.95)
        rank = found.ranks["predictivity / axes"]
        assert (rank.value, rank.low, rank.high) == pytest.approx((0.45, expected.low, min(expected.high, 1.0)))
        assert (found.n_recordings, found.n_teachers, found.note) == (4 * n_levels, 4, "")


def test_two_teachers_give_no_interval_but_a_sentence_with_the_number() -> None:
    found = sum_up_recordings(CandidateSet.ALL, make_results([[0.1, 0.2], [0.5, 0.6]]), confidence=0.95)
    assert found.ranks["predictivity / axes"].value == pytest.approx(0.35)
    assert np.isnan(found.ranks["predictivity / axes"].low)
    assert found.note == "An interval over teachers needs 3 of them, got 2."


def test_rank_correlations_are_those_of_scipy_row_by_row() -> None:
    first, second = np.random.default_rng(4).normal(size=(2, 6, 5))
    expected = [spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)]
    assert np.allclose(rank_correlations(first, second), expected)


def test_the_overlap_of_perturbations_is_their_cosine() -> None:
    first = np.random.default_rng(5).normal(size=(2, 3, 4, 4))
    assert np.allclose(measure_overlap(first, -2 * first), -1)
    assert np.allclose(measure_overlap(first, np.zeros_like(first)), 0)


@pytest.mark.parametrize(
    ("number", "interval", "status"),
    [
        (1, (1.2, 1.1, 1.3), Status.HOLDS),
        (1, (0.7, 0.5, 0.9), Status.FAILS),
        (1, (1.1, 0.9, 1.3), Status.UNDECIDED),
        (3, (0.02, 0.0, 0.05), Status.HOLDS),
        (3, (0.2, 0.15, 0.3), Status.FAILS),
        (4, (np.nan, np.nan, np.nan), Status.UNKNOWN),
    ],
)
def test_an_outcome_is_read_off_its_interval(number: int, interval: tuple[float, ...], status: Status) -> None:
    outcome = Outcome(HYPOTHESES[number - 1], TEACHERS[0], 1.0, CandidateSet.ALL, Interval(*interval))
    assert outcome.status is status


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"candidates": (*CANDIDATES, TEACHERS[0])}, "`candidates` must be no teacher's layer"),
        ({"candidates": CANDIDATES[:2]}, "at least two of networks other than the teacher mobilenet_v2,"),
        ({"noise": (0.0,)}, "`noise` must be"),
        ({"noise": (1.0, 1.0)}, "each named once"),
        ({"n_components": 400}, "below the 400 training images"),
        ({"epsilon": 0.0}, "`epsilon` must be"),
    ],
)
def test_a_study_that_cannot_be_run_is_refused(change: dict[str, Any], text: str) -> None:
    with pytest.raises(BadInputError, match=text):
        StudyConfig(**change)


def test_a_network_alone_names_its_layers_and_a_slip_is_helped() -> None:
    assert parse_layers(["alexnet"]) == (LayerName("alexnet", "features.7"),)
    teachers = (LayerName("alexnet", "features.7"),)
    layers = [name.layer for name in parse_layers(["alexnet"], teachers=teachers)]
    assert layers == ["features.4", "features.11"]
    with pytest.raises(BadInputError, match="`layer` must be one of features.4"):
        parse_layers(["alexnet:features.5"])


SMALL = (
    "--teachers mobilenet_v2_robust:features.3 --candidates alexnet:features.4,alexnet:features.7,"
    "efficientnet_lite0:blocks.1 --noise 0.5 "
    "--voxels 2 --train 12 --test 8 --components 4 --images 2 --steps 2 --bootstrap 20"
)


def call_study(*options: str) -> int:
    idle = cast(Any, SimpleNamespace())
    return run_command_line(["study", *SMALL.split(), *options], open_window=idle, run_demonstration=idle)


def test_one_command_makes_the_page_and_a_lost_cell_is_made_again_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(falling, "LEAST_STEPS", 1)  # figures for the two steps taken
    out = tmp_path / "out"
    assert call_study("--out", str(out), "--cost") == 0
    assert not out.exists()
    assert "10 cells" not in capsys.readouterr().out
    assert call_study("--out", str(out), "--json") == 0
    spoken = capsys.readouterr()
    assert "attack steps on single images, about" in spoken.err.splitlines()[1]  # the cost first
    assert any("Which criterion finds the candidate" in line for line in json.loads(spoken.out)["answer"])
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Everything here is simulated" in page
    assert {path.name for path in (out / "figures").glob("*.svg")} == {"axes.svg", "criteria.svg", "findings.svg"}
    table = (out / "tables" / "candidates.csv").read_bytes()
    row = next(csv.DictReader(io.StringIO(table.decode())))
    cell = np.load(out / "cells" / "candidate-000-000-000.npz")
    assert float(row["to gain (share)"]) == pytest.approx(cell["to_gain"].max(), rel=1e-4)
    assert "attacks on candidates would still gain over 5%" in page

    store = load_store(STUDY, out)
    last = list_study(store.config)[-1]
    (out / "cells" / f"{last.key}.npz").unlink()
    with pytest.raises(BadInputError, match="lacks 1 cells"):
        load_store(STUDY, out)
    assert call_study("--out", str(out), "--resume") == 0
    assert (out / "tables" / "candidates.csv").read_bytes() == table
    with_other_seed = ("--out", str(out), "--resume", "--seed", "1")
    assert call_study(*with_other_seed) == 2
    assert "seed differs" in capsys.readouterr().err


def test_a_broken_cell_says_what_to_do(tmp_path: Path) -> None:
    store = StudyStore(tmp_path, make_quick(), {}, STUDY)
    cell = list_study(store.config)[0]
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells" / f"{cell.key}.npz").write_bytes(b"nothing")
    with pytest.raises(StorageError, match="Delete it and resume"):
        store.load(cell)


def test_a_study_under_linf_keeps_to_its_budget_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert call_study("--out", str(out), "--norm", "linf", "--epsilon", "2/255") == 0
    assert "Linf epsilon 2/255" in capsys.readouterr().err
    store = load_store(STUDY, out)
    truth = next(cell for cell in store.cells() if cell.kind == TRUTH)
    largest = np.abs(store.load(truth)["delta"].astype(float)).max(axis=(2, 3, 4))
    assert np.allclose(largest, 2 / 255, rtol=1e-3), "Linf budgets are used up, in every voxel and image"
    page = " ".join((out / "report.html").read_text(encoding="utf-8").split())
    assert "PGD, Linf epsilon 2/255, 2 falling steps; the budget is 2.00 grey levels RMS at most" in page


def test_a_norm_alone_has_the_usual_budget_at_equal_rms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call_study("--out", str(tmp_path / "out"), "--norm", "linf", "--cost") == 0
    assert f"Linf epsilon {1 / (3 * 224**2) ** 0.5:.4g}, " in capsys.readouterr().err
    assert call_study("--out", str(tmp_path / "out"), "--norm", "linf", "--epsilon", "2", "--cost") == 2
    assert "Did you mean 2/255?" in capsys.readouterr().err
