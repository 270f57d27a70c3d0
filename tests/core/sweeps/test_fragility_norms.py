"""Agreement of two norms, and the cost of a sweep from measured step_seconds: answers known beforehand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from core.encoders.estimate import READ_SECONDS
from core.sweeps.config import EncoderName, Question, SweepConfig, TargetName
from core.sweeps.fragility import agree_norms, mean_over_known
from core.sweeps.plan import estimate_cost, list_cells, time_cell
from core.types import NormName

ALEXNET = tuple(EncoderName("simulated", "alexnet", layer) for layer in ("features.4", "features.7"))


def make_config(*, norms: tuple[NormName, ...] = (NormName.L2,)) -> SweepConfig:
    targets = tuple(TargetName(-1, roi) for roi in ("FFA", "V1", "PPA", "EBA"))
    return SweepConfig(
        Question.FRAGILITY, ALEXNET, ("cat_chelsea", "face_054"), targets, norms=norms, ladder=(1.0,), n_bootstrap=40
    )


def make_sweep(second: Any) -> Any:
    config = make_config(norms=(NormName.L2, NormName.LINF))
    first = np.random.default_rng(0).uniform(1, 2, (2, 4, 2, 1))
    values = (first, second(first))
    return SimpleNamespace(config=config, labels=("a", "b"), sensitivity=lambda norm: values[norm])


def test_norms_that_agree_but_for_a_factor_correlate_perfectly_in_every_resample() -> None:
    found = agree_norms(cast(Any, make_sweep(lambda first: 3 * first)))
    assert len(found) == 3  # each encoder, then all
    for one in found:
        assert one.value == pytest.approx(1)
        assert one.low == pytest.approx(1)


def test_norms_that_agree_in_part_have_an_interval_around_the_plain_correlation() -> None:
    noise = np.random.default_rng(1).uniform(0, 1, (2, 4, 2, 1))
    sweep = make_sweep(lambda first: first + noise)
    first, second = (sweep.sensitivity(norm)[..., -1].mean(axis=2).ravel() for norm in (0, 1))
    overall = agree_norms(sweep)[-1]
    assert overall.value == pytest.approx(np.corrcoef(first, second)[0, 1])
    assert overall.low < overall.value < overall.high


def test_one_norm_has_nothing_to_agree_with() -> None:
    assert agree_norms(cast(Any, SimpleNamespace(config=make_config()))) == ()


def test_means_leave_out_what_is_unknown() -> None:
    values = np.asarray([[1.0, np.nan], [3.0, np.nan]])
    assert mean_over_known(values, axis=0).tolist()[0] == 2
    assert np.isnan(mean_over_known(values, axis=0)[1])


def test_the_cost_follows_the_measured_pace_of_each_network() -> None:
    config = make_config()
    slow = dict.fromkeys([(one.network, one.layer) for one in ALEXNET], 0.3)
    cells = list_cells(config)
    first = [cell for cell in cells if cell.encoder == 0]
    assert estimate_cost(config, slow).seconds == pytest.approx(sum(time_cell(config, cell, slow) for cell in cells))
    faster = slow | {("alexnet", "features.7"): 0.1}
    saved = estimate_cost(config, slow).seconds - estimate_cost(config, faster).seconds
    second = sum(time_cell(config, cell, slow) for cell in cells if cell not in first)
    reading = config.n_test * READ_SECONDS  # of the images that r is measured on, whatever the network
    assert saved == pytest.approx((second - reading) * 2 / 3)
    assert "at the speed measured here" in estimate_cost(config, slow).describe()
    assert "MobileNetV2's speed" in estimate_cost(config).describe()
