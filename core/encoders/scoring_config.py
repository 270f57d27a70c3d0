"""How a fitted encoder is to be scored, as one frozen, checked record.

None of it changes the encoder's numbers, only its card.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.checks import check_count, refusal


@dataclass(frozen=True, slots=True)
class ScoringConfig:
    """Which scores an encoder card gets beside r, r2 and r2 / noise ceiling on the held-out images.

    Parameters
    ----------
    n_bootstrap : int
        Resamples of the scored images for the interval of r; 0 for none.
    confidence : float
        Coverage of the interval, in (0, 1).
    n_outer : int
        Outer folds of the nested cross-validation over the training images; 0 for none, needed where nothing is held
        out.
    categories : tuple of str
        Categories left out one at a time.
    second_sets : tuple of str
        Ids of other records whose images and responses are scored too.
    seed : int
        Of the resamples and of the outer folds.

    Raises
    ------
    BadInputError
        If a value is out of its range.
    """

    n_bootstrap: int = 0
    confidence: float = 0.95
    n_outer: int = 0
    categories: tuple[str, ...] = ()
    second_sets: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        check_count("n_bootstrap", self.n_bootstrap, least=0, advice="0 for no interval.")
        check_count("n_outer", self.n_outer, least=0, advice="0 for no nested cross-validation.")
        check_count("seed", self.seed, least=0)
        if self.n_outer == 1:
            raise refusal("n_outer", allowed="0 or at least 2", got=1)
        if not 0 < self.confidence < 1:
            raise refusal("confidence", allowed="in (0, 1)", got=self.confidence)
