"""The cost told before a fit: counts by hand, and what the cache takes off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.encoders.config import EncoderConfig, ScoringConfig
from core.encoders.estimate import FitEstimate, add_estimates, count_operations, count_rank, estimate_fit
from core.encoders.fit import FitPlaces, FitSource, iter_fit
from core.errors import Cancelled
from core.words import format_duration

EXAMPLE = FitEstimate(100, 40, 0.5, 30.0, 10.0, 2_000_000, 2**30)


def test_what_is_cached_costs_nothing_again(
    config: EncoderConfig, tiny: Any, source: FitSource, tmp_path: Path
) -> None:
    def estimate() -> FitEstimate:
        return estimate_fit(config, tiny, n_images=60, n_voxels=7, scoring=ScoringConfig(), cache=tmp_path / "features")

    before = estimate()
    assert (before.n_images, before.n_cached, before.cache_bytes) == (60, 0, 60 * 45 * 4)
    assert before.image_seconds > 0 and before.readout_seconds > 0
    list(iter_fit(config, network=tiny, source=source, places=FitPlaces(encoders=tmp_path, cache=tmp_path)))
    after = estimate()
    assert (after.n_cached, after.cache_bytes) == (60, 0)


def test_outer_folds_and_categories_multiply_the_readouts(config: EncoderConfig) -> None:
    plain = count_operations(config, 1000, 500, 100)
    # folds and the encoder: Gram and eigenvectors in float64, responses along the axes; folds x penalties: predictions
    by_hand = 6 * (2 * (2 * 1000 * 100**2 + 9 * 100**3) + 2 * 1000 * 100 * 500) + 5 * 15 * 2 * 200 * 100 * 500
    assert plain == pytest.approx(by_hand)
    assert count_operations(replace(config, readout="lasso"), 1000, 500, 100) > plain


def test_the_rank_is_what_the_reducer_leaves(config: EncoderConfig) -> None:
    assert count_rank(config, 1000, 45) == 12
    assert count_rank(replace(config, n_components=0), 30, 45) == 30
    assert count_rank(replace(config, reducer="none"), 30, 45) == 45


def test_several_fits_add_up_and_share_their_memory() -> None:
    both = add_estimates([EXAMPLE, replace(EXAMPLE, n_cached=100, memory_bytes=2**31)])
    assert (both.n_images, both.n_cached, both.image_seconds, both.seconds) == (200, 140, 0.5, 80.0)
    assert (both.cache_bytes, both.memory_bytes) == (4_000_000, 2**31)


def test_it_is_told_as_images_times_seconds() -> None:
    assert EXAMPLE.describe() == (
        "Features: 100 images, 40 of them cached; 60 x 0.500 s = 30 s. Readouts: about 10 s. Disk: 2 MB. "
        "Memory: about 1.0 GiB."
    )
    assert [format_duration(value) for value in (40, 700, 12_600)] == ["40 s", "12 min", "3.5 h"]


def test_it_can_be_cancelled(config: EncoderConfig, tiny: Any, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        estimate_fit(
            config, tiny, n_images=60, n_voxels=7, scoring=ScoringConfig(), cache=tmp_path, should_stop=lambda: True
        )
