"""Every attack, probe and analysis on a device without float64 gives what it gives elsewhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from core.attacks.config import AttackConfig, AttackMethod, StepRule
from core.attacks.objective_config import ObjectiveConfig, ObjectiveKind
from core.encoders.encoder import Encoder
from core.encoders.features import Extractor
from core.networks.network import Network
from core.networks.validate import validate_network
from core.probes.gradient_atlas import iter_gradient_atlas
from core.probes.min_norm import iter_min_norm
from core.probes.preview import preview
from core.probes.probe import Probe, ProbeConfig
from core.probes.reproduce import iter_reproduce
from core.probes.respond import respond
from core.probes.run import iter_probe
from core.probes.target import target_pattern, target_voxel
from core.robustify.robustness import measure_robustness
from core.sweeps.attack_curve import AttackCurve, run_curve
from core.sweeps.score import ScoreSettings, ScoringEncoder, score
from core.types import NormName
from tests.helpers.no_float64 import DEVICE, device_without_float64
from tests.helpers.tiny_encoders import make_config, make_conv_encoder, make_photo, make_table

PATTERN = np.asarray([0.5, np.nan, -1.0, 2.0, np.nan])
PIXELS = np.stack([make_photo(seed=seed).pixels for seed in range(4)])
FAST = {"epsilon": 0.4, "n_steps": 4, "n_queries": 40}
ATTACKS = {
    "falling": {},
    "fixed": {"step_rule": StepRule.FIXED},
    "fgsm": {"method": AttackMethod.FGSM},
    "apgd": {"method": AttackMethod.APGD},
    "square": {"method": AttackMethod.SQUARE},
    "restarts of whole levels": {"n_restarts": 2, "random_start": True, "quantise": True},
    "momentum": {"momentum": 1.0},
    "smoothed": {"translation": 1},
    "diverse": {"diversity": 0.7},
}


@pytest.fixture
def elsewhere() -> Iterator[Callable[[], Encoder]]:
    """Makes the encoder of the tests on the pretended device."""
    with device_without_float64() as device:

        def make() -> Encoder:
            encoder = make_conv_encoder().to(device)
            assert encoder.network.device.type == DEVICE
            return encoder

        yield make


def finish(run: Callable[..., Iterator[object]], encoder: Encoder, config: ProbeConfig, **more: object) -> Probe:
    *_, last = run(encoder, make_photo(seed=1), config, should_stop=lambda: False, **more)
    result = last.result  # type: ignore[attr-defined]
    assert isinstance(result, Probe)
    return result


def rename(encoder: Encoder) -> Encoder:
    """The same as an encoder of another network, for ensembles."""
    encoder.card = dataclasses.replace(encoder.card, config=dataclasses.replace(encoder.card.config, network="other"))
    return encoder


def compare(there: Probe, here: Probe) -> None:
    """Equal within rounding: the device computes in float32 what the processor does in float64."""
    np.testing.assert_allclose(there.perturbed_pixels, here.perturbed_pixels, atol=2e-4)
    np.testing.assert_allclose(there.curve.shift, here.curve.shift, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(there.curve.control_shift, here.curve.control_shift, atol=1e-3)


@pytest.mark.parametrize("norm", list(NormName))
@pytest.mark.parametrize("changes", ATTACKS.values(), ids=ATTACKS)
def test_every_attack(elsewhere: Callable[[], Encoder], changes: dict[str, object], norm: NormName) -> None:
    attack = AttackConfig(**(FAST | {"norm": norm, "epsilon": 0.4 if norm is NormName.L2 else 8 / 255} | changes))  # type: ignore[arg-type]
    here = make_conv_encoder()
    compare(
        finish(iter_probe, elsewhere(), make_config(here, attack)), finish(iter_probe, here, make_config(here, attack))
    )


@pytest.mark.parametrize("kind", list(ObjectiveKind))
def test_every_objective(elsewhere: Callable[[], Encoder], kind: ObjectiveKind) -> None:
    here, table = make_conv_encoder(), make_table(5)
    target = target_pattern(table, PATTERN, label="p") if kind.is_pattern else target_voxel(table, 2)
    config = dataclasses.replace(
        make_config(here, AttackConfig(**FAST)),
        target=target,
        objective=ObjectiveConfig(kind),  # type: ignore[arg-type]
    )
    compare(finish(iter_probe, elsewhere(), config), finish(iter_probe, here, config))


def test_ensembles_smallest_budgets_repeats_atlases_and_previews(elsewhere: Callable[[], Encoder]) -> None:
    here = make_conv_encoder()
    attack = AttackConfig(**FAST)  # type: ignore[arg-type]
    config = make_config(here, attack)
    together = dataclasses.replace(config, ensemble=("other",))
    compare(
        finish(iter_probe, elsewhere(), together, others=(rename(elsewhere()),)),
        finish(iter_probe, here, together, others=(rename(make_conv_encoder()),)),
    )
    smallest = dataclasses.replace(config, wanted_shift_sd=0.05)
    there, wanted = finish(iter_min_norm, elsewhere(), smallest), finish(iter_min_norm, here, smallest)
    assert there.config.attack.epsilon == pytest.approx(wanted.config.attack.epsilon, rel=2e-2)
    probe = finish(iter_probe, elsewhere(), config)
    *_, last = iter_reproduce(elsewhere(), probe, should_stop=lambda: False)
    assert last.result is not None
    np.testing.assert_allclose(
        preview(elsewhere(), probe, 0.2).responses, preview(here, probe, 0.2).responses, atol=1e-5
    )
    *_, atlas = iter_gradient_atlas(elsewhere(), make_photo(), should_stop=lambda: False)
    *_, wanted_atlas = iter_gradient_atlas(here, make_photo(), should_stop=lambda: False)
    assert atlas.result is not None and wanted_atlas.result is not None
    np.testing.assert_allclose(atlas.result.l2, wanted_atlas.result.l2, rtol=1e-4)


@pytest.mark.parametrize("method", list(AttackMethod))
def test_the_curves_and_scores_of_the_analyses(elsewhere: Callable[[], Encoder], method: AttackMethod) -> None:
    direction = np.eye(5, dtype=np.float32)[0]
    attack = AttackConfig(**(FAST | {"method": method}))  # type: ignore[arg-type]
    keys = tuple("abcd")

    def run(make: Callable[[], Encoder]) -> list[dict[str, np.ndarray]]:
        encoder = make()
        curve = AttackCurve(direction, 1, attack, (0.2, 0.4), ((make(), direction),))
        found = run_curve(encoder, PIXELS, curve, keys=keys, should_stop=lambda: False)
        scoring = [ScoringEncoder(encoder, direction, encoder.target_sd(direction), None)]
        settings = ScoreSettings(NormName.L2, 0, keys)
        shown = score(scoring, PIXELS, found["delta"], settings=settings, should_stop=lambda: False)
        predicted = respond(encoder, PIXELS).astype(np.float64) @ direction
        return [found, shown, {"predicted": predicted}]

    for there, here in zip(run(elsewhere), run(make_conv_encoder), strict=True):
        for name in there.keys() - {"angles", "curvature", "to_gain", "gradient", "montage"}:
            np.testing.assert_allclose(there[name], here[name], rtol=2e-3, atol=5e-4, err_msg=name)


def test_features_and_the_robustness_of_a_network(elsewhere: Callable[[], Encoder]) -> None:
    there, here = elsewhere().network, make_conv_encoder().network
    validate_network(there)
    np.testing.assert_allclose(Extractor(there, 2).extract(PIXELS), Extractor(here, 2).extract(PIXELS), atol=1e-5)

    def measure(network: Network) -> list[float]:
        (found,) = measure_robustness(network, network, images=PIXELS, epsilons=[0.5], n_steps=2)
        return [found.original, found.original_pooled]

    assert measure(there) == pytest.approx(measure(here), rel=1e-3)
