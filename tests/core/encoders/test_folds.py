"""Repeats and copies of an image stay on one side, in the folds and in the held-out set."""

from __future__ import annotations

import numpy as np
import pytest

from core.encoders.crossval import check_disjoint, make_folds
from core.errors import BadInputError


def test_repeats_of_an_image_never_split() -> None:
    images = [f"image-{number % 17}" for number in range(51)]
    folds = make_folds(images, 5, seed=0)
    sides = [{images[row] for row in rows} for rows in folds]
    assert sorted(np.concatenate(folds).tolist()) == list(range(51))
    assert sum(len(side) for side in sides) == 17
    assert {len(side) for side in sides} == {3, 4}


def test_folds_depend_on_the_seed_and_on_nothing_else() -> None:
    images = [str(number) for number in range(20)]
    first, again, other = (make_folds(images, 4, seed=seed) for seed in (5, 5, 6))
    assert all((one == two).all() for one, two in zip(first, again, strict=True))
    assert not all((one == two).all() for one, two in zip(first, other, strict=True))


def test_fewer_images_than_folds_are_refused() -> None:
    with pytest.raises(BadInputError, match=r"`n_folds` must be at most the number of training images, 2, got 5"):
        make_folds(["a", "b", "a"], 5, seed=0)


def test_an_image_on_both_sides_is_refused() -> None:
    check_disjoint(["a", "b"], ["c"])
    with pytest.raises(BadInputError, match="got '1 shared images'"):
        check_disjoint(["a", "b"], ["b", "c"])
