"""The readouts one fit consists of, in order: outer folds, left-out categories, the encoder itself.

Each trains on some images and predicts others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.checks import check_choice, refusal
from core.encoders.crossval import make_folds
from core.encoders.scoring_config import ScoringConfig
from core.seeds import derive_seed
from core.types import BoolArray, IntArray

LEAST_IMAGES = 3
"""A correlation over fewer images is always 1 or undefined."""
NESTED, CATEGORY, ENCODER = "nested", "category", "encoder"


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One readout.

    Parameters
    ----------
    kind : str
        "nested", "category" or "encoder".
    name : str
        The outer fold's number or the category; "" for the encoder.
    train, predict : arrays of row indices
    """

    kind: str
    name: str
    train: IntArray
    predict: IntArray

    @property
    def stem(self) -> str:
        """Names its batches in a partial store."""
        return f"{self.kind}-{''.join(letter if letter.isalnum() else '_' for letter in self.name)}"

    def describe(self) -> str:
        """What is being fitted, for a progress line."""
        if self.kind == NESTED:
            return f"outer fold {int(self.name) + 1}"
        return f"without {self.name}" if self.kind == CATEGORY else "encoder"


def plan_tasks(
    scoring: ScoringConfig, *, images: Sequence[str], test: BoolArray, categories: Sequence[str]
) -> tuple[Task, ...]:
    """Every readout to fit; the encoder's own come last.

    Parameters
    ----------
    images : sequence of str, n_images long
        Equal texts are copies of one image.
    test : (n_images,) bool
    categories : sequence of str, n_images long or empty

    Raises
    ------
    BadInputError
        If nothing is held out and there is no outer fold, a category does not exist or has too few images.
    """
    train, held_out = np.flatnonzero(~test), np.flatnonzero(test)
    if not held_out.size and not scoring.n_outer:
        advice = "Hold images out, or score by a nested cross-validation (--nested)."
        raise refusal("test", allowed="some held-out images", got=0, advice=advice)
    tasks = [Task(NESTED, str(number), *rows) for number, rows in enumerate(_outer(scoring, images, train))]
    tasks += [
        Task(CATEGORY, name, *_leave_out(name, images=images, test=test, categories=categories))
        for name in resolve_categories(scoring.categories, categories)
    ]
    return (*tasks, Task(ENCODER, "", train, held_out))


def resolve_categories(wanted: Sequence[str], categories: Sequence[str]) -> tuple[str, ...]:
    """The categories to leave out; "all" stands for each of `LEAST_IMAGES` images or more. Raises BadInputError."""
    names, counts = np.unique([name for name in categories if name], return_counts=True)
    known = dict(zip(names.tolist(), counts.tolist(), strict=True))
    if wanted and not known:
        allowed = "empty for images without categories"
        raise refusal("holdout_category", allowed=allowed, got=", ".join(wanted))
    chosen: list[str] = []
    for name in wanted:
        if name == "all":
            chosen += [one for one, count in known.items() if count >= LEAST_IMAGES]
            continue
        check_choice("holdout_category", name, known)
        if known[name] < LEAST_IMAGES:
            allowed = f"a category of at least {LEAST_IMAGES} images"
            raise refusal("holdout_category", allowed=allowed, got=f"{name} ({known[name]})")
        chosen.append(name)
    return tuple(dict.fromkeys(chosen))


def _outer(scoring: ScoringConfig, images: Sequence[str], train: IntArray) -> list[tuple[IntArray, IntArray]]:
    if not scoring.n_outer:
        return []
    seed = derive_seed(scoring.seed, "outer folds")
    folds = make_folds([images[row] for row in train], scoring.n_outer, seed=seed)
    return [(np.delete(train, fold), train[fold]) for fold in folds]


def _leave_out(
    name: str, *, images: Sequence[str], test: BoolArray, categories: Sequence[str]
) -> tuple[IntArray, IntArray]:
    """Training rows without a category and without copies of its images; its rows, then the other held-out rows."""
    inside = np.asarray(categories) == name
    names = np.asarray(images)
    copied = np.isin(names, names[inside])
    train = np.flatnonzero(~test & ~copied)
    if not train.size:
        raise refusal("holdout_category", allowed="a category that leaves some training images", got=name)
    return train, np.concatenate([np.flatnonzero(inside), np.flatnonzero(test & ~copied)])
