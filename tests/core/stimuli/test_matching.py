"""After matching the originals have the requested luminance and contrast; a triple's perturbations are scaled alike."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import BadInputError
from core.stimuli.images import relative_luminance
from core.stimuli.layout import apply_match
from core.stimuli.matching import find_match, measure_light


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.2, 0.7, (3, 24, 24)).astype(np.float32)


def test_light_is_mean_and_sd_of_the_relative_luminance() -> None:
    values = relative_luminance(picture(0))
    assert measure_light(picture(0)) == (pytest.approx(values.mean()), pytest.approx(values.std()))


@pytest.mark.parametrize("goal", [0.1, 0.2, 0.4])
def test_luminance_is_reached_without_changing_contrast_of_the_pixels(goal: float) -> None:
    gain, offset = find_match(picture(1), luminance=goal)
    matched = apply_match(picture(1), gain, offset)
    assert gain == 1.0
    assert measure_light(matched)[0] == pytest.approx(goal, abs=1e-4)


def test_luminance_and_contrast_are_reached_together() -> None:
    for seed in (1, 2):
        gain, offset = find_match(picture(seed), luminance=0.25, contrast=0.06)
        assert measure_light(apply_match(picture(seed), gain, offset)) == pytest.approx((0.25, 0.06), abs=1e-4)


def test_what_had_equal_norms_keeps_them() -> None:
    generator = np.random.default_rng(3)
    clean = picture(3)
    deltas = [0.01 * generator.standard_normal(clean.shape) for _ in range(2)]
    deltas[1] *= np.linalg.norm(deltas[0]) / np.linalg.norm(deltas[1])
    gain, offset = find_match(clean, luminance=0.2, contrast=0.05)
    sizes = [
        np.linalg.norm(apply_match(clean + delta, gain, offset) - apply_match(clean, gain, offset)) for delta in deltas
    ]
    assert sizes[0] == pytest.approx(sizes[1], rel=1e-6)
    assert sizes[0] == pytest.approx(gain * np.linalg.norm(deltas[0]), rel=1e-5)


def test_a_uniform_picture_has_no_contrast_to_give() -> None:
    with pytest.raises(BadInputError, match=r"contrast of 0\.1 at luminance 0\.2 \(it has .*State another goal"):
        find_match(np.full((3, 8, 8), 0.5, dtype=np.float32), luminance=0.2, contrast=0.1)
