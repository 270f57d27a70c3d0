"""The budget reading against hand-worked perturbations."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from core.attacks.config import AttackConfig
from core.attacks.mask import Mask, parse_mask
from core.errors import BadInputError
from core.images.stimulus import from_uint8
from core.probes.budget import read_budget, read_probe_budget, read_step_budget
from core.types import NormName
from tests.helpers.probes import make_probe

GREY = np.full((3, 4, 4), 100 / 255, dtype=np.float32)


def test_one_grey_level_everywhere_is_an_rms_of_one() -> None:
    reading = read_budget(GREY, GREY + np.float32(1 / 255), AttackConfig(NormName.LINF, 2 / 255))
    assert reading.rms_grey_levels == pytest.approx(1.0, rel=1e-5)
    assert reading.linf == pytest.approx(1 / 255, rel=1e-5)
    assert reading.l2 == pytest.approx(np.sqrt(48) / 255, rel=1e-5)
    assert reading.realised == reading.linf
    assert reading.survives_8bit and reading.changed_pixels == 1.0 and reading.n_saturated == 0


def test_rms_of_l2_three_at_224_is_the_published_number() -> None:
    """255 * 3 / sqrt(3 * 224^2) = 1.97 grey levels."""
    clean = np.full((3, 224, 224), 0.5)
    delta = np.random.default_rng(0).standard_normal(clean.shape)
    reading = read_budget(clean, clean + 3 * delta / np.linalg.norm(delta), AttackConfig(NormName.L2, 3))
    assert reading.rms_grey_levels == pytest.approx(1.97, abs=0.005)
    assert reading.realised == pytest.approx(3.0)


def test_a_change_below_half_a_grey_level_vanishes_in_8_bits() -> None:
    reading = read_budget(GREY, GREY + np.float32(0.4 / 255), AttackConfig(NormName.L2, 1))
    assert reading.l2 > 0
    assert reading.l2_after_8bit == pytest.approx(0.0, abs=1e-6)
    assert reading.rounding_share == pytest.approx(1.0, rel=1e-4)
    assert not reading.survives_8bit
    assert reading.changed_pixels == 0.0


@pytest.mark.parametrize(("size", "survives"), [(0.5, False), (1.0, True), (3.0, True)])
def test_rounding_alone_costs_about_044_at_224(size: float, survives: bool) -> None:
    generator = np.random.default_rng(0)
    clean = generator.integers(40, 216, (3, 224, 224)) / 255
    delta = generator.standard_normal(clean.shape)
    reading = read_budget(clean, clean + size * delta / np.linalg.norm(delta), AttackConfig(NormName.L2, size))
    assert reading.survives_8bit is survives
    if size >= 1:
        assert reading.rounding_share * reading.l2 == pytest.approx(0.44, abs=0.01)


def test_one_pixel_pushed_to_black_counts_once_per_colour() -> None:
    perturbed = GREY.copy()
    perturbed[:, 1, 2] = 0
    reading = read_budget(GREY, perturbed, AttackConfig(NormName.LINF, 1))
    assert reading.n_saturated == 3
    assert reading.changed_pixels == pytest.approx(1 / 16)


def test_black_that_stays_black_is_not_saturated() -> None:
    assert read_budget(0 * GREY, 0 * GREY, AttackConfig(NormName.L2, 1)).n_saturated == 0


def test_no_perturbation_survives_and_costs_nothing() -> None:
    reading = read_budget(GREY, GREY, AttackConfig(NormName.L2, 0))
    assert (reading.l2, reading.linf, reading.rounding_share, reading.survives_8bit) == (0, 0, 0, True)


def test_a_probe_is_read_from_its_delivered_pixels() -> None:
    probe = make_probe(44, 64)
    reading = read_probe_budget(probe)
    assert reading.l2 == pytest.approx(probe.l2) and reading.linf == pytest.approx(probe.linf)
    assert (reading.epsilon, reading.norm) == (3.0, NormName.L2)


def test_two_shapes_are_refused_with_both_named() -> None:
    with pytest.raises(BadInputError, match=r"`perturbed` must be of shape \(3, 4, 4\), got \(3, 4, 3\)"):
        read_budget(GREY, GREY[:, :, :3], AttackConfig(NormName.L2, 1))


@pytest.mark.parametrize("mask", [None, parse_mask("box:0.1,0.2,0.6,0.7")])
def test_pictures_of_8_bits_are_measured_as_their_pixels(mask: Mask | None) -> None:
    draw = np.random.default_rng(3)
    clean = draw.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    made = np.clip(clean.astype(int) + draw.integers(-9, 10, clean.shape) * draw.integers(0, 2, (16, 16, 1)), 0, 255)
    attack = AttackConfig(NormName.L2, epsilon=2.0, mask=mask)
    read = astuple(read_step_budget(clean, made.astype(np.uint8), attack))
    assert read == pytest.approx(
        astuple(read_budget(from_uint8(clean), from_uint8(made.astype(np.uint8)), attack)), abs=1e-6
    )
