"""What a sweep that still runs can answer: its largest part, encoders x targets, all of whose cells are done.

Such a part is a smaller sweep of its own, with the very numbers it will have in the whole one.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from core.containers import Arrays
from core.sweeps.cells import CellStore
from core.sweeps.config import SweepConfig
from core.sweeps.plan import Cell, SweepStore

Numbers = tuple[int, ...]


@dataclass(frozen=True)
class _Part(CellStore[SweepConfig, Cell]):
    """A store of the smaller sweep: `encoders` and `targets` are its numbers in the whole one."""

    encoders: Numbers = ()
    targets: Numbers = ()

    def load(self, cell: Cell) -> Arrays:
        """The arrays of a cell counted as the part counts; what holds every target holds those of the part."""
        other = None if cell.other is None else self.encoders[cell.other]
        found = replace(cell, encoder=self.encoders[cell.encoder], other=other)
        if cell.target >= 0:
            return super().load(replace(found, target=self.targets[cell.target]))
        return {
            name: values[..., list(self.targets)] if values.ndim else values
            for name, values in super().load(found).items()
        }


def find_part(store: SweepStore, missing: tuple[Cell, ...]) -> SweepStore | None:
    """The largest part that is done, the whole where all is, with its own settings; None while too little is."""
    config = store.config
    if not missing:
        return store
    encoders, targets = choose_part(config, missing)
    if not targets or len(encoders) < (2 if config.question.compares else 1):
        return None
    smaller = replace(
        config,
        encoders=tuple(config.encoders[number] for number in encoders),
        targets=tuple(config.targets[number] for number in targets),
    )
    return _Part(store.folder, smaller, store.facts, store.work, encoders, targets)


def choose_part(config: SweepConfig, missing: tuple[Cell, ...]) -> tuple[Numbers, Numbers]:
    """Numbers of the encoders and of the targets that lack none of each other's cells; as many of both as can be.

    Scores hold every encoder, so that transfer and meaning are answered for all encoders and some targets.
    """
    every = frozenset(range(len(config.targets)))
    lacking: dict[Numbers, set[int]] = defaultdict(set)
    for cell in missing:
        pair = (cell.encoder,) if cell.other is None else (cell.encoder, cell.other)
        lacking[() if config.question.needs_deltas else pair] |= {cell.target} if cell.target >= 0 else every
    best: tuple[Numbers, Numbers] = ((), ())
    for gap in [set(), *lacking.values()]:
        targets, chosen = every - gap, list[int]()
        for number in range(len(config.encoders)):
            needed: list[Numbers] = [(), (number,), *((other, number) for other in chosen)]
            if all(targets.isdisjoint(lacking.get(group, ())) for group in needed):
                chosen.append(number)
        if len(chosen) * len(targets) > len(best[0]) * len(best[1]):
            best = tuple(chosen), tuple(sorted(targets))
    return best
