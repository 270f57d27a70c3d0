"""Whole probes with every objective, method and option: told numbers follow from pixels, and repeat bit for bit."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from core.attacks.config import AttackConfig, AttackMethod
from core.attacks.objective_config import ObjectiveConfig, ObjectiveKind
from core.encoders.encoder import Encoder
from core.errors import BadInputError, Cancelled
from core.headers import hash_table
from core.probes.files import HEADER, load_probe, save_probe
from core.probes.probe import Probe, ProbeConfig
from core.probes.reproduce import iter_reproduce
from core.probes.run import iter_probe
from core.probes.target import Target, TargetKind, target_contrast, target_pattern, target_roi, target_voxel
from core.types import Direction, NormName
from tests.helpers.tiny_encoders import (
    NAMES,
    make_conv_encoder,
    make_encoder,
    make_linear_encoder,
    make_mid_grey,
    make_photo,
    make_table,
    pixel_weights,
)

PATTERN = np.asarray([0.5, np.nan, -1.0, 2.0, np.nan])
FAST = AttackConfig(epsilon=0.8, n_steps=4)


def finish(encoder: Encoder, config: ProbeConfig, *, seed: int = 1, others: tuple[Encoder, ...] = ()) -> Probe:
    *_, last = iter_probe(encoder, make_photo(seed=seed), config, should_stop=lambda: False, others=others)
    assert last.result is not None
    return last.result


def make_target(kind: ObjectiveKind) -> Target:
    table = make_table(5)
    return target_pattern(table, PATTERN, label="pattern p") if kind.is_pattern else target_voxel(table, 2)


def configure(kind: ObjectiveKind, **changes: object) -> ProbeConfig:
    config = ProbeConfig(*NAMES, make_target(kind), attack=FAST, objective=ObjectiveConfig(kind))
    return dataclasses.replace(config, **changes)  # type: ignore[arg-type]


def reported_by_hand(kind: ObjectiveKind, responses: np.ndarray, clean: np.ndarray) -> float:
    chosen = ~np.isnan(PATTERN)
    if kind is ObjectiveKind.DISTANCE:
        return -float(np.square(responses[chosen] - PATTERN[chosen]).sum())
    change = (responses - clean)[chosen]
    size = np.linalg.norm(change)
    return float(change @ PATTERN[chosen] / size / np.linalg.norm(PATTERN[chosen])) if size else 0.0


@pytest.mark.parametrize("kind", [ObjectiveKind.DISTANCE, ObjectiveKind.COSINE])
@pytest.mark.parametrize("direction", list(Direction))
def test_the_curve_of_a_pattern_tells_the_objective_itself(kind: ObjectiveKind, direction: Direction) -> None:
    encoder = make_conv_encoder()
    probe = finish(encoder, configure(kind, direction=direction))
    before = reported_by_hand(kind, probe.clean.astype(float), probe.clean.astype(float))
    for number, pixels in enumerate(probe.rung_pixels):
        responses = encoder(torch.tensor(pixels)[None])[0].double().detach().numpy()
        expected = reported_by_hand(kind, responses, probe.clean.astype(float)) - before
        assert probe.curve.shift[number] == pytest.approx(expected, rel=1e-3, abs=1e-4)
    assert direction.sign * probe.curve.shift[-1] > 0
    np.testing.assert_allclose(probe.curve.objective, direction.sign * probe.curve.shift, rtol=1e-12)
    assert abs(probe.curve.control_shift[-1]) < abs(probe.curve.shift[-1])
    reached = (direction.sign * probe.history.shift).max()
    assert reached == pytest.approx(direction.sign * probe.curve.shift[-1], rel=1e-3)


def test_first_order_of_a_nonlinear_objective_is_epsilon_times_its_gradients_dual_norm() -> None:
    encoder = make_conv_encoder()
    probe = finish(encoder, configure(ObjectiveKind.DISTANCE))
    leaf = torch.tensor(probe.clean_pixels)[None].double().requires_grad_(True)
    chosen = ~np.isnan(PATTERN)
    responses = make_conv_encoder().double()(leaf)[:, torch.from_numpy(chosen)]
    (-(responses - torch.from_numpy(PATTERN[chosen])).square().sum()).backward()
    expected = probe.curve.epsilon * float(leaf.grad.norm())  # type: ignore[union-attr]
    np.testing.assert_allclose(probe.curve.first_order, expected, rtol=1e-4)
    np.testing.assert_allclose(probe.curve.linearity, probe.curve.shift / expected, rtol=1e-4)


def test_a_cosine_has_no_first_order_and_no_linearity() -> None:
    probe = finish(make_conv_encoder(), configure(ObjectiveKind.COSINE))
    assert np.isnan(probe.curve.first_order).all() and np.isnan(probe.curve.linearity).all()
    assert np.isfinite(probe.curve.shift).all()


def test_a_selective_probe_tells_the_targets_own_shift_and_the_penalised_one_beside_it() -> None:
    encoder = make_conv_encoder()
    weight = 0.5
    probe = finish(
        encoder, configure(ObjectiveKind.SELECTIVE, objective=ObjectiveConfig(ObjectiveKind.SELECTIVE, weight))
    )
    change = probe.perturbed.astype(float) - probe.clean
    assert probe.curve.shift[-1] == pytest.approx(change[2], rel=1e-5)
    others = [0, 1, 3, 4]
    penalty = np.square(change[others] / probe.reference_sd[others]).mean()
    assert probe.curve.objective[-1] == pytest.approx(change[2] - weight * probe.target_sd * penalty, rel=1e-5)
    plain = finish(encoder, configure(ObjectiveKind.TARGET))
    np.testing.assert_allclose(probe.curve.first_order, plain.curve.first_order, rtol=1e-5)


def test_plain_probes_store_no_objective_beside_the_shift() -> None:
    assert finish(make_conv_encoder(), configure(ObjectiveKind.TARGET)).curve.objective.shape == (0,)


def test_a_contrast_is_one_weighting_with_both_labels() -> None:
    table = make_table(4)
    target = target_contrast(table, target_voxel(table, 0), "FFA", weight=0.5)
    assert target.kind is TargetKind.CONTRAST
    np.testing.assert_allclose(target.vector(4), [1, 0, -0.25, -0.25])
    assert target.label == "voxel 0 (left V1) − 0.5 × ROI FFA (2 voxels)"
    with pytest.raises(BadInputError, match="`contrast` must be another ROI than the target"):
        target_contrast(table, target_roi(table, "V1"), "V1", weight=1.0)
    with pytest.raises(BadInputError, match="`contrast weight` must be a finite number above 0, got -1"):
        target_contrast(table, target_voxel(table, 0), "FFA", weight=-1.0)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (np.ones(3), r"`pattern` must be 5 numbers, one a voxel"),
        (np.full(5, np.nan), "`pattern` must be finite and not all zero"),
        (np.zeros(5), "`pattern` must be finite and not all zero"),
        (np.asarray([1, np.inf, 0, 0, 0]), "`pattern` must be finite and not all zero"),
    ],
)
def test_bad_patterns_are_refused(pattern: np.ndarray, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        target_pattern(make_table(5), pattern, label="p")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": ObjectiveConfig(ObjectiveKind.DISTANCE)}, "`objective` must be target or selective unless"),
        ({"ensemble": ("tiny",)}, "`ensemble` must be other networks, got 'tiny'"),
        ({"ensemble": ("a", "a")}, "Name each further network once"),
        ({"wanted_shift_sd": -1.0}, r"`wanted shift` must be in \[0, 1000\]"),
    ],
)
def test_bad_combinations_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        configure(ObjectiveKind.TARGET, **changes)


def test_a_pattern_takes_no_wish_in_sds() -> None:
    with pytest.raises(BadInputError, match="A pattern has no SD to count its shift in"):
        configure(ObjectiveKind.COSINE, wanted_shift_sd=1.0)


EVERY_WAY = [
    configure(ObjectiveKind.SELECTIVE),
    configure(ObjectiveKind.DISTANCE),
    configure(ObjectiveKind.COSINE, direction=Direction.LOWER),
    configure(ObjectiveKind.TARGET, attack=dataclasses.replace(FAST, method=AttackMethod.APGD)),
    configure(ObjectiveKind.TARGET, attack=dataclasses.replace(FAST, method=AttackMethod.SQUARE, n_queries=30)),
    configure(ObjectiveKind.TARGET, attack=dataclasses.replace(FAST, momentum=1.0, diversity=0.5, translation=1)),
]


@pytest.mark.parametrize("config", EVERY_WAY, ids=lambda config: config.describe()[:60])
def test_every_way_survives_saving_and_reproduces_bit_for_bit(config: ProbeConfig, tmp_path: Path) -> None:
    encoder = make_conv_encoder()
    loaded = load_probe(save_probe(finish(encoder, config), tmp_path / "probe"))
    assert loaded.config == config
    *_, last = iter_reproduce(encoder, loaded, should_stop=lambda: False)
    assert last.result is not None and last.result.describe() == "Reproduced bit for bit."


def test_a_file_from_before_these_fields_loads_and_reproduces_bit_for_bit(tmp_path: Path) -> None:
    """The header and arrays of the first version, field for field, rebuilt from a plain probe of today."""
    from safetensors.numpy import load_file, save

    encoder = make_conv_encoder()
    path = save_probe(finish(encoder, configure(ObjectiveKind.TARGET)), tmp_path / "probe")
    arrays = load_file(path.with_suffix(".safetensors"))
    del arrays["curve.objective"]
    packed = save(arrays)
    path.with_suffix(".safetensors").write_bytes(packed)
    header = json.loads(path.read_text())
    for name in ("momentum", "diversity", "translation", "n_queries"):
        del header["config"]["attack"][name]
    for name in ("objective", "ensemble", "wanted_shift_sd"):
        del header["config"][name]
    del header["ensemble_sha256"]
    import hashlib

    header["arrays_sha256"] = hashlib.sha256(packed).hexdigest()
    header["header_sha256"] = hash_table(header, HEADER.hash_key)
    path.write_text(json.dumps(header))
    loaded = load_probe(path)
    assert loaded.config == configure(ObjectiveKind.TARGET)
    *_, last = iter_reproduce(encoder, loaded, should_stop=lambda: False)
    assert last.result is not None and last.result.identical


def test_an_ensemble_moves_its_encoders_together_and_tells_of_its_own(tmp_path: Path) -> None:
    encoder, other = make_conv_encoder(), make_conv_encoder(seed=1)
    object.__setattr__(other.card.config, "network", "other")
    config = configure(ObjectiveKind.TARGET, ensemble=("other",))
    probe = finish(encoder, config, others=(other,))
    alone = finish(encoder, configure(ObjectiveKind.TARGET))
    there = [float((other(torch.tensor(p.perturbed_pixels)[None]))[0, 2].detach()) for p in (probe, alone)]
    assert there[0] > there[1], "the other encoder is moved farther than by an attack that does not know it"
    assert probe.curve.shift[-1] == pytest.approx(float(probe.shift[2]), rel=1e-5)
    assert 0 < probe.curve.shift[-1] < alone.curve.shift[-1]
    np.testing.assert_allclose(probe.curve.first_order, alone.curve.first_order)
    loaded = load_probe(save_probe(probe, tmp_path / "probe"))
    assert loaded.ensemble_sha256 == (other.card.sha256,)
    *_, last = iter_reproduce(encoder, loaded, should_stop=lambda: False, others=(other,))
    assert last.result is not None and last.result.identical
    with pytest.raises(BadInputError, match="`ensemble` must be the encoders of other, got"):
        finish(encoder, config)


@pytest.mark.parametrize("config", EVERY_WAY, ids=lambda config: config.describe()[:60])
@pytest.mark.parametrize("allowed", [3, 11, 40])
def test_a_stop_is_heard_at_the_very_next_layer(config: ProbeConfig, allowed: int) -> None:
    encoder, asked = make_conv_encoder(), 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > allowed

    with pytest.raises(Cancelled):
        list(iter_probe(encoder, make_photo(), config, should_stop=stop))
    assert asked == allowed + 1
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in encoder.modules())


def test_a_network_without_gradients_is_probed_without_first_order() -> None:
    class Opaque(torch.nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return torch.tanh(3 * pixels.detach().flatten(1))

    encoder = make_encoder(Opaque(), rank=4, n_voxels=5)
    attack = AttackConfig(epsilon=0.8, method=AttackMethod.SQUARE, n_queries=40)
    probe = finish(encoder, configure(ObjectiveKind.TARGET, attack=attack))
    assert np.isnan(probe.curve.first_order).all()
    assert probe.curve.shift[-1] > 0
    with pytest.raises(BadInputError, match="A probe by the method `square`"):
        finish(encoder, configure(ObjectiveKind.TARGET))


@pytest.mark.parametrize("norm", list(NormName))
def test_a_linear_contrast_probe_has_linearity_one(norm: NormName) -> None:
    encoder, table = make_linear_encoder(), make_table(3)
    target = target_contrast(table, target_voxel(table, 2), "V1", weight=0.7)
    epsilon = 0.6 if norm is NormName.L2 else 8 / 255
    config = ProbeConfig(*NAMES, target, attack=AttackConfig(norm=norm, epsilon=epsilon))
    *_, last = iter_probe(encoder, make_mid_grey(), config, should_stop=lambda: False)
    assert last.result is not None
    weights = pixel_weights(encoder, 2) - 0.35 * (pixel_weights(encoder, 0) + pixel_weights(encoder, 1))
    dual = np.linalg.norm(weights.ravel(), 2 if norm is NormName.L2 else 1)
    np.testing.assert_allclose(last.result.curve.first_order, last.result.curve.epsilon * dual, rtol=1e-4)
    np.testing.assert_allclose(last.result.curve.linearity, 1, rtol=1e-4)
