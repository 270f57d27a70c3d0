"""The probes behind an analysis as recipes of a set, each with the shift that the analysis found.

An analysis keeps shifts, not whole probes, and attacks many images at once: its probes are made again one by one, which
may add the same numbers in another order, and their shifts are compared (`core.stimuli.probe_warnings`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import Any

from core.attacks.config import AttackConfig
from core.probes.against import Against
from core.stimuli.plan import iter_recipes, list_wishes
from core.stimuli.recipe import Recipe
from core.sweeps.config import Question
from core.sweeps.gather import Sweep
from core.sweeps.plan import PAIR, Cell


def list_analysis_recipes(sweep: Sweep) -> tuple[Recipe, ...]:
    """The probes behind every point of an analysis, at the highest budget of its epsilon grid, attacked as it did.

    Raises BadInputError if an image, an encoder or a target is not there; StorageError if a cell cannot be read.
    """
    config, numbers = sweep.config, range(len(sweep.config.encoders))

    def attacks(side: int) -> list[tuple[AttackConfig, tuple[float, ...]]]:
        first = config.attacks[0]
        return [(config.attack(norm, side, first), config.budgets(norm, side)) for norm in config.norms]

    parts: list[tuple[Sequence[int], int | None, Sequence[Mapping[str, Any]]]]
    parts = [(numbers, None, [{"direction": direction} for direction in config.directions])]
    if config.question is Question.DISAGREEMENT:
        sizes: dict[str, Any] = {"sharpness": config.sharpness, "decided_sd": config.decided_sd}
        seconds = [list_wishes(Against(name.network, name.layer, **sizes)) for name in config.encoders]
        parts = [([first], other, seconds[other]) for first, other in combinations(numbers, 2)]
    found: list[Recipe] = []
    for encoders, other, wishes in parts:
        named = [config.encoders[number] for number in encoders]
        recipes = iter_recipes(config.images, named, config.targets, wishes, attacks)
        images, targets, norms = (range(len(one)) for one in (config.images, config.targets, config.norms))
        places = product(images, encoders, targets, wishes, norms)
        shifts = (_find_shift(sweep, place, other=other) for place in places)
        found += [replace(recipe, analysed_sd=shift) for recipe, shift in zip(recipes, shifts, strict=True)]
    return tuple(found)


def _find_shift(
    sweep: Sweep, place: tuple[int, int, int, Mapping[str, Any], int], *, other: int | None
) -> float | None:
    """The target's shift in SDs by image, encoder, target, wish and norm; None of a probe that the analysis lacks."""
    directions, (image, encoder, target, wish, norm) = sweep.config.directions, place
    if wish["direction"] not in directions or (other is not None and wish["against"].agrees):
        return None
    where = encoder, target, directions.index(wish["direction"]), norm
    if other is None:
        return float(sweep.shift[where][image, -1] / sweep.sd[where])
    return float(sweep.store.load(Cell(PAIR, *where, other=other))["shift"][0, image, -1])
