"""Pairs of encoders that can be told apart: closed forms of linear encoders, and what "not within budget" means."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from core.attacks.config import AttackConfig
from core.encoders.encoder import Encoder
from core.errors import BadInputError
from core.reports.analysis_tables import tabulate
from core.reports.answer_plots import plot_pairs
from core.sweeps.attack_curve import AttackCurve, run_pair
from core.sweeps.config import EncoderName, Question, SweepConfig, TargetName
from core.sweeps.disagreement import PairTable, analyse_disagreement, find_smallest
from core.sweeps.gather import Sweep
from core.sweeps.plan import PAIR, Cell, estimate_cost, list_cells
from core.types import Direction, NormName
from tests.helpers.tiny_encoders import make_linear_encoder, make_mid_grey

NAMES = tuple(EncoderName("simulated", "alexnet", layer) for layer in ("features.4", "features.7", "features.11"))
BUDGETS = (0.1, 0.2, 0.4)
FIRST = np.asarray([1, 0, 0], np.float32)


def configure(**changes: Any) -> SweepConfig:
    basic = {"ladder": BUDGETS, "n_steps": 2, "n_test": 12, "directions": tuple(Direction), "encoders": NAMES}
    basic |= {"targets": (TargetName(-1, "FFA"), TargetName(-1, "V1")), "images": ("cat_chelsea", "face_054")}
    return SweepConfig(Question.DISAGREEMENT, **basic | changes)


def make_axis(value: int, sd: float) -> Encoder:
    """A linear encoder whose voxel 0 reads one pixel value, over an SD."""
    encoder = make_linear_encoder()
    encoder.weights.copy_(torch.eye(3))
    encoder.components[:, 0] = torch.eye(192)[value]
    encoder.covariance.mul_(sd**2)
    return encoder


def test_orthogonal_axes_move_apart_by_the_closed_form_at_every_budget() -> None:
    pair, sds = (make_axis(0, 0.5), make_axis(1, 0.5)), 0.5
    curve = AttackCurve(FIRST, -1, AttackConfig(epsilon=0.4), BUDGETS, ((pair[1], FIRST),))
    pixels = np.stack([make_mid_grey().pixels] * 10)
    keys = [str(number) for number in range(10)]
    found = run_pair(pair[0], pixels, curve, sharpness=4.0, keys=keys, should_stop=lambda: False)
    wanted = np.asarray(BUDGETS) / np.sqrt(2) / sds
    assert found["shift"].shape == found["control"].shape == (2, 10, 3) and found["to_gain"].shape == (10, 3)
    np.testing.assert_allclose(found["shift"][0], np.broadcast_to(-wanted, (10, 3)), rtol=2e-3)
    np.testing.assert_allclose(found["shift"][1], np.broadcast_to(wanted, (10, 3)), rtol=2e-3)
    assert np.abs(found["control"]).max() < 0.5 * wanted[-1]
    assert not np.allclose(found["control"][:, 0], found["control"][:, 1]), "each image has a control of its own"


def test_the_smallest_budget_is_the_first_that_reaches_the_size() -> None:
    median = np.asarray([[0.5, 1.0, 2.0], [1.5, 0.9, 2.0], [0.1, 0.2, 0.99], [np.nan] * 3])
    np.testing.assert_array_equal(find_smallest(median, BUDGETS, 1.0), [0.2, 0.1, np.inf, np.nan])


class Store:
    """Cells with made-up shifts: pair (a, b) moves apart by epsilon x (1 + a + b) x (1 + target) x (1 + image)."""

    def load(self, cell: Cell) -> dict[str, Any]:
        if cell.kind != PAIR:
            return {"predicted": np.zeros((0, 2)), "measured": np.zeros((0, 2)), "noise_ceiling": np.full(2, np.nan)}
        assert cell.other is not None and cell.target is not None
        sign = 1 if cell.direction == 0 else -1
        images = np.asarray([1, 2, 6])[:, np.newaxis] * np.asarray(BUDGETS)
        moved = images * (1 + cell.encoder + cell.other) * (1 + cell.target)
        shift = np.stack([sign * moved, -sign * (moved + 0.1 * cell.direction)])  # type: ignore[operator]
        return {"shift": shift, "control": np.zeros_like(shift), "to_gain": np.full((3, 3), 0.01)}


def make_sweep(config: SweepConfig) -> Sweep:
    shape = (3, 2, len(config.directions), 1, 3)
    names = [one.name for one in dataclasses.fields(Sweep) if one.name not in ("config", "store")]
    arrays: dict[str, Any] = {name: np.ones((*shape, 3)) for name in names}
    arrays["sd"] = np.ones(shape[:-1])
    return Sweep(config, Store(), **arrays)  # type: ignore[arg-type]


def test_matrices_hold_medians_over_images_and_targets_by_roi() -> None:
    config = configure(images=("cat_chelsea", "face_054", "face_071"), decided_sd=1.0)
    answer = analyse_disagreement(make_sweep(config), ("FFA", "V1"))
    every, ffa, v1 = answer.tables
    assert [one.roi for one in answer.tables] == ["all", "FFA", "V1"]
    for table, factors in ((ffa, [1, 2, 6]), (v1, [2, 4, 12]), (every, [1, 2, 6, 2, 4, 12])):
        for a, b in ((0, 1), (0, 2), (1, 2), (2, 1)):
            wanted = np.outer(np.asarray(factors) * (1 + a + b), BUDGETS)
            np.testing.assert_allclose(table.smaller[a, b], np.median(wanted, axis=0))
            np.testing.assert_allclose(table.share[a, b], (wanted >= 1).mean(axis=0))
        assert np.isnan(table.smaller[0, 0]).all() and np.isnan(table.smallest[1, 1])
    # of FFA the median image moves by 2 epsilon (1 + a + b): 0.2 .. 1.6 for 0 and 1; 0.8 .. 3.2 for 1 and 2
    assert ffa.smallest[0, 1] == 0.4 and ffa.smallest[1, 0] == 0.4 and ffa.smallest[1, 2] == 0.2
    assert np.isinf(
        analyse_disagreement(make_sweep(dataclasses.replace(config, decided_sd=9.0)), ("FFA", "V1"))
        .tables[0]
        .smallest[0, 1]
    )


def test_one_direction_fills_half_and_the_tables_say_what_is_out_of_reach() -> None:
    config = configure(images=("cat_chelsea", "face_054", "face_071"), directions=(Direction.RAISE,), decided_sd=2.0)
    sweep = make_sweep(config)
    answer = analyse_disagreement(sweep, ("FFA", "V1"))
    known = ~np.isnan(answer.tables[0].smallest)
    np.testing.assert_array_equal(known, np.triu(np.ones((3, 3), dtype=bool), k=1))
    summary, along, alone = tabulate(answer, sweep)
    assert len(summary.rows) == 3 * 3 and len(along.rows) == 3 * 3 * 3 and len(alone.rows) == 3 * 2
    row = next(dict(zip(summary.columns, one, strict=True)) for one in summary.rows if one[1] == "FFA")
    assert (row["raised"], row["lowered"], row["note"]) == (NAMES[0].label, NAMES[1].label, "not within budget")
    assert np.isnan(row["epsilon at 2 SD"])
    plot = plot_pairs(answer, answer.tables[1])[0]
    assert plot.fields is not None and np.isnan(plot.fields[0, 1]) and len(plot.series) == 1, "one pair is framed"
    assert "dashed: not within 0.4" in plot.title


def test_every_pair_is_a_cell_of_its_own_beside_each_encoder_alone() -> None:
    config = configure()
    cells = list_cells(config)
    pairs = {(one.encoder, one.other) for one in cells if one.kind == PAIR}
    assert pairs == {(0, 1), (0, 2), (1, 2)}
    assert sum(one.kind == PAIR for one in cells) == 3 * 2 * 2
    assert len({one.key for one in cells}) == len(cells)
    told = next(one for one in cells if one.kind == PAIR).describe(config)
    assert told == "attack on alexnet features.4 against alexnet features.7, raise ROI FFA"
    single = estimate_cost(dataclasses.replace(config, question=Question.FRAGILITY))
    assert estimate_cost(config).n_steps == single.n_steps + 12 * 2 * 3 * 2


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"encoders": NAMES[:1]}, "at least 2.*name a second one"),
        ({"encoders": (NAMES[0], NAMES[0])}, "each named once"),
        ({"encoders": (NAMES[0], NAMES[1]._replace(subject="other"))}, "`encoders` must be of one subject"),
        ({"decided_sd": 0.0}, "`decided` must be"),
        ({"sharpness": -1.0}, "`sharpness` must be"),
    ],
)
def test_what_cannot_be_asked_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInputError, match=told):
        dataclasses.replace(configure(), **changes)


def test_a_table_is_told_by_norm_and_roi() -> None:
    assert [one.name for one in dataclasses.fields(PairTable)][:2] == ["norm", "roi"]
    assert configure(norms=tuple(NormName)).budgets(NormName.LINF, 224)[-1] < 0.01
