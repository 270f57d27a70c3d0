"""The study of the method: axes, readouts and verdicts with known answers, and one small study from end to end."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from core.commands.cli import run_command_line
from core.errors import BadInputError
from core.sweeps.study import (
    Space,
    StudyConfig,
    StudyRow,
    draw_axes,
    fit_readout,
    judge_study,
    make_encoder,
    reduce_features,
)
from tests.helpers.tiny_encoders import make_linear_encoder


def make_space(n_components: int = 4) -> Space:
    network = make_linear_encoder().network
    draw = np.random.default_rng(0)
    train, test = (draw.normal(size=(n, network.n_features)) for n in (60, 20))
    return reduce_features(network, train, test, n_components)


def test_reduced_features_are_principal_components_of_mean_variance_one() -> None:
    space = make_space()
    covariance = np.cov(space.train.T, bias=True)
    assert np.allclose(covariance, np.diag(np.diag(covariance)), atol=1e-10)
    assert np.trace(covariance) / 4 == pytest.approx(1)


def test_true_signals_have_sd_one_and_a_noiseless_fit_finds_their_axes() -> None:
    space = make_space()
    axes = draw_axes(space, 3, seed=1)
    assert np.allclose((space.train @ axes).std(axis=0), 1)
    weights, intercept = fit_readout(space, space.train @ axes)
    assert np.allclose(weights, axes, atol=1e-3)
    assert np.allclose(intercept, 0, atol=1e-3)


def test_the_encoder_of_a_space_predicts_its_scores() -> None:
    space = make_space()
    axes = draw_axes(space, 3, seed=1)
    encoder = make_encoder(space, axes, np.zeros(3))
    side = encoder.network.input_size
    pixels = np.random.default_rng(2).uniform(size=(5, 3, side, side)).astype(np.float32)
    expected = (pixels.reshape(5, -1) - space.mean) @ space.components @ axes
    with torch.no_grad():
        assert np.allclose(encoder(torch.from_numpy(pixels)).numpy(), expected, atol=1e-4)
    assert encoder.target_sd(np.asarray([1.0, 0, 0])) == pytest.approx(1, rel=1e-3)


def test_a_verdict_names_the_nearest_and_what_each_measure_picks() -> None:
    def row(network: str, r: float, sensitivity: float, truth: float) -> StudyRow:
        return StudyRow("t", 1.0, network, r, r, sensitivity, truth, 0.0)

    (found,) = judge_study([row("a", 0.5, 3.0, 0.1), row("b", 0.4, 1.0, 0.6), row("c", 0.3, 2.0, 0.2)])
    assert (found.nearest, found.by_r, found.by_sensitivity) == ("b", "a", "b")
    assert found.rank_sensitivity == pytest.approx(1)
    assert found.rank_r == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"networks": ("alexnet", "mobilenet_v2")}, "at least two networks beside the teacher mobilenet_v2"),
        ({"noise": (0.0,)}, "`noise` must be"),
        ({"n_components": 300}, "below the 240 training images"),
    ],
)
def test_a_study_that_cannot_be_run_is_refused(change: dict[str, Any], text: str) -> None:
    with pytest.raises(BadInputError, match=text):
        StudyConfig(**change)


def test_one_command_makes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = "--teachers mobilenet_v2_robust --networks alexnet,mobilenet_v2 --noise 0.5 --voxels 2 --train 12"
    small = [*options.split(), "--components", "4", "--images", "2", "--steps", "2", "--out", str(tmp_path / "out")]
    idle = cast(Any, SimpleNamespace())
    assert run_command_line(["study", *small], open_window=idle, run_demonstration=idle) == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Everything here is simulated" in page
    assert "truth in mobilenet_v2_robust, noise 0.5" in capsys.readouterr().out
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names >= {"verdicts.csv", "candidates.csv", "study.svg", "study.json", "report.html"}
