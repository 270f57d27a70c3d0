"""What is warned of, against probes made for the purpose."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from core.encoders.card import EncoderCard
from core.probes.probe import Probe
from core.stimuli.probe_warnings import (
    WarningCode,
    evaluate_probe,
    evaluate_saving,
    find_duplicates,
    prediction_error_sd,
)
from tests.helpers.probes import make_probe
from tests.helpers.tiny_encoders import make_card

N_VOXELS = 44


def codes(probe: Probe, card: EncoderCard | None = None, **options: float) -> set[WarningCode]:
    return {warning.code for warning in evaluate_probe(probe, card, **options)}


def plain(**changes: object) -> Probe:
    """A probe with nothing to warn of: linear, large, in the middle of the grey levels."""
    made = make_probe(N_VOXELS, 48)
    curve = dataclasses.replace(made.curve, linearity=np.ones_like(made.curve.linearity))
    return dataclasses.replace(made, **({"curve": curve} | changes))


def card(r: float) -> EncoderCard:
    return dataclasses.replace(make_card(N_VOXELS), cv_r=np.full(N_VOXELS, r, dtype=np.float32))


def test_a_good_probe_is_not_warned_of() -> None:
    assert codes(plain()) == set()
    assert codes(plain(target_sd=0.1), card(0.9)) == set()


def test_a_tiny_perturbation_does_not_survive_8_bits() -> None:
    small = make_probe(N_VOXELS, 48, epsilon=0.05)
    assert WarningCode.EIGHT_BIT in codes(small)


def test_values_pushed_onto_black_or_white_are_told() -> None:
    clean = np.full((3, 48, 48), 250 / 255, dtype=np.float32)
    assert WarningCode.CLIPPED in codes(plain(clean_pixels=clean, perturbed_pixels=np.ones_like(clean)))


@pytest.mark.parametrize(("linearity", "warned"), [(0.5, True), (0.8, False), (1.2, False), (1.6, True)])
def test_the_linear_range_has_two_ends(linearity: float, warned: bool) -> None:
    curve = dataclasses.replace(plain().curve, linearity=np.full(5, linearity))
    assert (WarningCode.NONLINEAR in codes(plain(curve=curve))) is warned


def test_a_control_that_moves_as_much_is_told() -> None:
    probe = plain()
    assert WarningCode.CONTROL_MOVES in codes(dataclasses.replace(probe, control=probe.perturbed))


def test_the_gate_and_the_unknown_r_are_told() -> None:
    assert WarningCode.POOR_VOXEL in codes(plain(), card(0.05))
    assert WarningCode.POOR_VOXEL not in codes(plain(), card(0.05), gate=0.01)
    unknown = dataclasses.replace(card(np.nan), r=np.full(N_VOXELS, np.nan, dtype=np.float32))
    assert WarningCode.POOR_VOXEL in codes(plain(), unknown)


def test_the_error_of_a_prediction_follows_from_r() -> None:
    """Data y = prediction + error, uncorrelated: r^2 = var prediction / var y."""
    generator = np.random.default_rng(0)
    prediction, error = generator.standard_normal(200_000), 2 * generator.standard_normal(200_000)
    r = float(np.corrcoef(prediction, prediction + error)[0, 1])
    assert prediction_error_sd(r) == pytest.approx(2.0, rel=0.02)
    assert prediction_error_sd(0.0) == float("inf")


def test_a_shift_below_the_encoders_error_is_told() -> None:
    probe = plain()
    shift = abs(probe.of_target(probe.shift))
    error = prediction_error_sd(0.5)
    below = dataclasses.replace(probe, target_sd=shift / (0.9 * error))
    above = dataclasses.replace(probe, target_sd=shift / (1.1 * error))
    assert WarningCode.BELOW_NOISE in codes(below, card(0.5))
    assert WarningCode.BELOW_NOISE not in codes(above, card(0.5))


def test_what_is_lost_in_saving_is_told() -> None:
    assert evaluate_saving(0.9, 1.0) == ()
    assert evaluate_saving(0.0, 0.0) == ()
    (lost,) = evaluate_saving(-0.5, -1.0)
    assert lost.text == "The saved file moves the target by 50% of what the pixels did before saving."
    assert evaluate_saving(0.5, -1.0) != ()


def test_duplicates_name_the_first_of_their_kind() -> None:
    assert find_duplicates(["a", "b", "a", "c", "a", "b"]) == {2: 0, 4: 0, 5: 1}


def test_an_attack_that_has_not_converged_is_warned_of() -> None:
    probe = plain()
    for to_gain, warned in ((0.049, False), (0.06, True), (float("nan"), True)):
        curve = dataclasses.replace(probe.curve, to_gain=np.full(len(probe.curve.epsilon), to_gain))
        assert (WarningCode.NOT_CONVERGED in codes(plain(curve=curve))) is warned
