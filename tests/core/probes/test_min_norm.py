"""The smallest budget that reaches a shift, against k sigma / ||w|| on linear encoders."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from core.attacks.config import AttackConfig, AttackMethod
from core.encoders.encoder import Encoder
from core.errors import BadInputError, Cancelled
from core.probes.files import load_probe, save_probe
from core.probes.min_norm import iter_min_norm
from core.probes.probe import MIN_NORM_TOLERANCE, Probe, ProbeConfig, ProbeProgress
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


def search(encoder: Encoder, config: ProbeConfig, *, grey: bool = True) -> tuple[Probe, list[ProbeProgress]]:
    stimulus = make_mid_grey() if grey else make_photo(seed=2)
    records = list(iter_min_norm(encoder, stimulus, config, should_stop=lambda: False))
    assert records[-1].result is not None
    return records[-1].result, records


def smallest(encoder: Encoder, norm: NormName, wanted: float) -> float:
    """k sigma / ||w||_dual, sigma of voxel 0 from the identity covariance of the reduced features."""
    sigma = float(np.linalg.norm(encoder.weights[:, 0].double().numpy()))
    return wanted * sigma / float(np.linalg.norm(pixel_weights(encoder).ravel(), 2 if norm is NormName.L2 else 1))


def ask(encoder: Encoder, norm: NormName, wanted: float, *, largest: float, **changes: object) -> ProbeConfig:
    attack = AttackConfig(norm=norm, epsilon=largest, n_steps=4)
    return dataclasses.replace(make_config(encoder, attack), wanted_shift_sd=wanted, **changes)  # type: ignore[arg-type]


@BOTH
@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("room", [1.01, 1.7, 13.0, 300.0])
def test_linear_encoder_needs_k_sigma_over_the_dual_norm(norm: NormName, direction: Direction, room: float) -> None:
    """From a largest budget just enough to one far above, beyond the epsilon grid's lowest budget."""
    encoder, wanted = make_linear_encoder(), 0.02
    exact = smallest(encoder, norm, wanted)
    probe, _ = search(encoder, ask(encoder, norm, wanted, largest=room * exact, direction=direction))
    found = probe.config.attack.epsilon
    assert exact * (1 - 1e-5) <= found <= exact * (1 + MIN_NORM_TOLERANCE)
    assert probe.reaches_wanted_shift
    moved = direction.sign * (probe.of_target(probe.perturbed) - probe.of_target(probe.clean))
    assert moved / probe.target_sd == pytest.approx(wanted, rel=1.05 * MIN_NORM_TOLERANCE)


@BOTH
def test_a_shift_out_of_reach_is_reported_with_the_largest_budget(norm: NormName) -> None:
    encoder, wanted = make_linear_encoder(), 0.02
    largest = 0.9 * smallest(encoder, norm, wanted)
    probe, _ = search(encoder, ask(encoder, norm, wanted, largest=largest))
    assert probe.config.attack.epsilon == largest
    assert not probe.reaches_wanted_shift


@pytest.mark.parametrize("method", [AttackMethod.PGD, AttackMethod.APGD, AttackMethod.FGSM])
def test_on_a_network_the_budget_reaches_and_a_little_less_does_not(method: AttackMethod) -> None:
    encoder = make_conv_encoder()
    config = ask(encoder, NormName.L2, 0.2, largest=2.0)
    config = dataclasses.replace(config, attack=dataclasses.replace(config.attack, method=method))
    probe, _ = search(encoder, config, grey=False)
    assert probe.reaches_wanted_shift
    lower = probe.config.ladder[-2]
    assert probe.config.attack.epsilon <= 2.0
    assert abs(probe.curve.shift[-2]) < 0.2 * probe.target_sd <= abs(probe.curve.shift[-1]) * (1 + 1e-4)
    assert lower < probe.config.attack.epsilon


def test_what_is_found_is_an_ordinary_probe_that_reproduces(tmp_path: object) -> None:
    encoder = make_conv_encoder()
    probe, _ = search(encoder, ask(encoder, NormName.L2, 0.2, largest=2.0), grey=False)
    loaded = load_probe(save_probe(probe, tmp_path / "probe"))  # type: ignore[operator]
    assert loaded.config.wanted_shift_sd == 0.2
    *_, last = iter_reproduce(encoder, loaded, should_stop=lambda: False)
    assert last.result is not None and last.result.identical


def test_progress_only_grows_and_ends_with_the_probe() -> None:
    encoder = make_conv_encoder()
    _, records = search(encoder, ask(encoder, NormName.L2, 0.2, largest=2.0), grey=False)
    steps = [record.step for record in records]
    assert steps == sorted(steps) and steps[-1] == records[-1].n_steps
    assert len({record.n_steps for record in records}) == 1
    assert {record.stage for record in records} == {"search", "clean", "attack", "controls", "done"}


def test_a_stop_is_heard_while_searching() -> None:
    encoder, asked = make_conv_encoder(), 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 30

    with pytest.raises(Cancelled):
        list(iter_min_norm(encoder, make_photo(), ask(encoder, NormName.L2, 0.5, largest=2.0), should_stop=stop))
    assert asked == 31


def test_a_target_of_unknown_sd_is_refused() -> None:
    encoder = make_linear_encoder()
    encoder.covariance.fill_(math.nan)
    with pytest.raises(BadInputError, match="SD over the reference images is not known"):
        search(encoder, ask(encoder, NormName.L2, 0.5, largest=2.0))
