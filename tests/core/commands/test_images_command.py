"""What `synthesise` says for people."""

from __future__ import annotations

import math
from typing import Any

import pytest

from core.commands import images


def _summary(response_sd: float, spread_sd: float) -> dict[str, Any]:
    made = {"file": "synthesised_1.png", "response": 1.5, "response_sd": response_sd, "super_stimulus": True}
    natural = {"n_images": 1, "best": "cat", "response": 1.0, "response_sd": response_sd}
    words = {"target": "voxel 2", "encoder": "a/b:c", "unit": "z", "direction": "raise", "folder": "F"}
    return words | {"images": [made], "spread_sd": spread_sd, "natural": natural}


@pytest.mark.parametrize(
    ("response_sd", "spread_sd", "told"),
    [
        (math.nan, math.nan, ["-", "Best of 1 natural image, cat: +1.000 z"]),
        (2.0, 0.25, ["2", "They lie 0.25 SD apart. Best of 1 natural image, cat: +1.000 z = +2.00 SD"]),
    ],
)
def test_sds_that_are_not_known_are_left_out(response_sd: float, spread_sd: float, told: list[str]) -> None:
    _, _, row, *lines, _ = images._word(_summary(response_sd, spread_sd)).split("\n")
    assert row.split() == ["synthesised_1.png", "1.5", told[0], "yes"] and lines == told[1:]
