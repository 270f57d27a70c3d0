"""Smallest perturbations at a level: |y - f(x)| / ||w||_dual on linear encoders, and bounds on a network."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from core.attacks.config import AttackConfig
from core.encoders.encoder import Encoder
from core.errors import BadInputError, Cancelled
from core.probes.files import load_probe, save_probe
from core.probes.levels import SHORT, iter_wanted
from core.probes.min_norm import iter_min_norm
from core.probes.probe import LEVEL_TOLERANCE, Probe, ProbeConfig
from core.probes.reproduce import iter_reproduce
from core.types import Direction, NormName
from tests.helpers.tiny_encoders import (
    make_config,
    make_conv_encoder,
    make_linear_encoder,
    make_mid_grey,
    make_photo,
    pixel_weights,
)

BOTH = pytest.mark.parametrize("norm", list(NormName))


def ask(
    encoder: Encoder, level: float, *, norm: NormName = NormName.L2, largest: float = 3.0, **attack: object
) -> ProbeConfig:
    config = make_config(encoder, AttackConfig(norm=norm, epsilon=largest, **attack))  # type: ignore[arg-type]
    return dataclasses.replace(config, level=level)


def find(encoder: Encoder, config: ProbeConfig, *, grey: bool = False) -> Probe:
    stimulus = make_mid_grey() if grey else make_photo(seed=2)
    *_, last = iter_wanted(encoder, stimulus, config, should_stop=lambda: False)
    assert last.result is not None
    return last.result


def stand(encoder: Encoder, probe: Probe) -> tuple[float, float, float]:
    """sigma and mu of voxel 0 by hand, and the level of the clean image."""
    sigma = float(np.linalg.norm(encoder.weights[:, 0].double().numpy()))
    mean = float(encoder.intercept[0])
    return sigma, mean, (float(probe.clean[0]) - mean) / sigma


@BOTH
@pytest.mark.parametrize("off", [-0.11, 0.08])
def test_a_linear_encoder_needs_the_gap_over_the_dual_norm(norm: NormName, off: float) -> None:
    """Mid grey has room on both sides: no pixel meets a bound."""
    encoder = make_linear_encoder()
    start = stand(encoder, find(encoder, ask(encoder, 0.0, norm=norm, largest=1.0), grey=True))[2]
    probe = find(encoder, ask(encoder, start + off, norm=norm, largest=1.0), grey=True)
    sigma, mean, clean = stand(encoder, probe)
    goal = mean + (start + off) * sigma
    weights = pixel_weights(encoder).ravel()
    exact = abs(goal - float(probe.clean[0])) / float(np.linalg.norm(weights, 2 if norm is NormName.L2 else 1))
    size = probe.l2 if norm is NormName.L2 else probe.linf
    assert size == pytest.approx(exact, rel=1e-3)
    assert probe.config.attack.epsilon == pytest.approx(size, rel=1e-5)
    assert probe.config.direction is (Direction.RAISE if off > 0 else Direction.LOWER)
    assert float(probe.perturbed[0]) == pytest.approx(goal, abs=0.005 * sigma)
    assert probe.level_reached == pytest.approx(start + off, abs=0.005) and clean == pytest.approx(start)
    assert probe.reaches_level


def test_an_image_that_stands_at_the_level_is_left_as_it_is() -> None:
    encoder = make_linear_encoder()
    start = stand(encoder, find(encoder, ask(encoder, 0.0), grey=True))[2]
    probe = find(encoder, ask(encoder, start + 0.9 * LEVEL_TOLERANCE), grey=True)
    assert np.array_equal(probe.perturbed_pixels, probe.clean_pixels)
    assert probe.config.attack.epsilon == 0.0 and probe.reaches_level
    beyond = find(encoder, ask(encoder, start + 1.1 * LEVEL_TOLERANCE), grey=True)
    assert beyond.l2 > 0 and beyond.level_reached == pytest.approx(start + 1.1 * LEVEL_TOLERANCE, abs=0.005)


@BOTH
def test_a_level_out_of_reach_is_left_at_the_largest_budget(norm: NormName) -> None:
    encoder = make_linear_encoder()
    largest = 0.01
    probe = find(encoder, ask(encoder, 50.0, norm=norm, largest=largest), grey=True)
    sigma, _, clean = stand(encoder, probe)
    weights = pixel_weights(encoder).ravel()
    best = clean + largest * float(np.linalg.norm(weights, 2 if norm is NormName.L2 else 1)) / sigma
    assert not probe.reaches_level
    assert probe.level_reached == pytest.approx(best, rel=1e-3)
    assert probe.config.attack.epsilon == pytest.approx(largest, rel=1e-5)


@BOTH
@pytest.mark.parametrize("level", [1.9, 2.3, 2.9, 3.3])
@pytest.mark.parametrize("quantise", [False, True])
def test_on_a_network_every_level_is_met(norm: NormName, level: float, quantise: bool) -> None:
    encoder = make_conv_encoder()
    probe = find(encoder, ask(encoder, level, norm=norm, largest=0.9, quantise=quantise, n_steps=20))
    assert probe.level_reached == pytest.approx(level, abs=LEVEL_TOLERANCE if quantise else 0.006)
    assert probe.perturbed_pixels.min() >= 0 and probe.perturbed_pixels.max() <= 1
    if quantise:
        levels = 255 * probe.perturbed_pixels.astype(np.float64)
        assert np.abs(levels - np.round(levels)).max() < 1e-3


@BOTH
def test_no_smaller_than_what_halving_the_budget_finds(norm: NormName) -> None:
    """The bisection of the smallest budget for a shift, told the same shift, finds nothing smaller than 5 %."""
    encoder = make_conv_encoder()
    probe = find(encoder, ask(encoder, 2.0, norm=norm, largest=1.0, n_steps=40))
    wanted = (probe.of_target(probe.perturbed) - probe.of_target(probe.clean)) / probe.target_sd
    asked = make_config(
        encoder, dataclasses.replace(probe.config.attack, epsilon=1.0), direction=probe.config.direction
    )
    asked = dataclasses.replace(asked, wanted_shift_sd=abs(wanted))
    *_, last = iter_min_norm(encoder, make_photo(seed=2), asked, should_stop=lambda: False)
    assert last.result is not None and last.result.reaches_wanted_shift
    assert probe.config.attack.epsilon <= SHORT * last.result.config.attack.epsilon


def test_a_finished_level_reproduces_from_its_file(tmp_path: object) -> None:
    encoder = make_conv_encoder()
    probe = find(encoder, ask(encoder, 2.3, n_steps=10))
    loaded = load_probe(save_probe(probe, tmp_path / "level"))  # type: ignore[operator]
    assert (loaded.config.level, loaded.config.level_within) == (2.3, 3.0)
    *_, last = iter_reproduce(encoder, loaded, should_stop=lambda: False)
    assert last.result is not None and last.result.identical


def test_a_stop_is_heard_while_searching() -> None:
    encoder, asked = make_conv_encoder(), 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 30

    with pytest.raises(Cancelled):
        list(iter_wanted(encoder, make_photo(), ask(encoder, 1.5), should_stop=stop))
    assert asked == 31


def test_an_unknown_mean_or_sd_is_refused() -> None:
    encoder = make_linear_encoder()
    encoder.covariance.fill_(math.nan)
    with pytest.raises(BadInputError, match="SD over the reference images is not known"):
        find(encoder, ask(encoder, 0.5))
