"""What `probe` says for people."""

from __future__ import annotations

from typing import Any

import pytest

from core.commands.probe import describe


@pytest.mark.parametrize(("n_queries", "noun"), [(None, "gradients"), (20, "queries")])
def test_steps_are_told_by_what_they_cost(n_queries: int | None, noun: str) -> None:
    """An attack of random squares takes no gradient."""
    numbers = ("clean", "perturbed", "shift", "control_shift", "sign_flip_shift", "l2", "linf", "seconds")
    texts = ("direction", "target", "image", "network", "layer", "attack", "unit", "convergence", "folder")
    summary: dict[str, Any] = dict.fromkeys(numbers, 0.5) | dict.fromkeys(texts, "a")
    summary |= {"curve": {"epsilon": [1.0, 2.0]}, "ensemble": [], "files": [], "objective": {"raised": None}}
    summary |= {"n_gradients": 40, "n_queries": n_queries} | dict.fromkeys(("shift_sd", "mask", "against", "min_norm"))
    assert f"a; 40 {noun} over 2 budgets" in describe(summary)
