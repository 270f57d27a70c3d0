"""What a sweep that still runs can answer: the largest part that is done, with the numbers it will have at the end."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, combinations, product
from pathlib import Path

import numpy as np
import pytest

from core.engine import Engine
from core.sweeps.answer import answer_sweep
from core.sweeps.cells import find_store
from core.sweeps.config import EncoderName, Question, SweepConfig, TargetName
from core.sweeps.fragility import Fragility
from core.sweeps.gather import load_sweep, read_sweep
from core.sweeps.plan import SWEEP, Cell, list_cells
from core.sweeps.so_far import choose_part, find_part
from core.sweeps.transfer import TransferAnswer

ENCODERS = tuple(EncoderName("simulated", "alexnet", layer) for layer in ("features.4", "features.7"))
TARGETS = (TargetName(-1, "FFA"), TargetName(-1, "V1"))


def make(question: Question, n_encoders: int = 2, n_targets: int = 2) -> SweepConfig:
    images = ("cat_chelsea", "face_054")
    sizes = {"ladder": (0.5, 1.0), "n_steps": 1, "n_test": 12, "n_bootstrap": 20}
    return SweepConfig(question, ENCODERS[:n_encoders], images, TARGETS[:n_targets], **sizes)  # type: ignore[arg-type]


def brute_force(config: SweepConfig, missing: set[Cell]) -> int:
    """The most encoders x targets without any missing cell among them, by trying all."""

    def subsets(count: int) -> list[tuple[int, ...]]:
        return list(chain.from_iterable(combinations(range(count), size) for size in range(1, count + 1)))

    def is_whole(encoders: tuple[int, ...], targets: tuple[int, ...]) -> bool:
        inside = [cell for cell in missing if cell.encoder in encoders and cell.target in (-1, *targets)]
        return not any(cell.other is None or cell.other in encoders for cell in inside)

    all_encoders, all_targets = subsets(len(config.encoders)), subsets(len(config.targets))
    if config.question.needs_deltas:
        all_encoders = all_encoders[-1:]
    return max((len(e) * len(t) for e, t in product(all_encoders, all_targets) if is_whole(e, t)), default=0)


@pytest.mark.parametrize("question", list(Question))
def test_in_the_order_of_the_run_no_larger_part_is_done(question: Question) -> None:
    encoders = tuple(EncoderName("simulated", "alexnet", f"features.{layer}") for layer in (4, 7, 11))
    targets = tuple(TargetName(-1, roi) for roi in ("FFA", "V1", "PPA"))
    config = replace(make(question), encoders=encoders, targets=targets)
    cells, seen = list_cells(config), []
    for done in range(len(cells) + 1):
        missing = cells[done:]
        chosen, found = choose_part(config, missing)
        seen.append(len(chosen) * len(found))
        if question is Question.DISAGREEMENT:  # grown encoder by encoder: as large at every end of a target's pairs
            assert seen[-1] <= brute_force(config, set(missing))
        else:
            assert seen[-1] == brute_force(config, set(missing))
        assert not [cell for cell in missing if cell.encoder in chosen and cell.target in found and cell.other is None]
    assert seen == sorted(seen), "what was shown never shrinks"
    assert seen[-1] == 9
    assert sum(0 < size < 9 for size in seen) > len(cells) // 4, "something is shown long before the end"


def test_the_part_has_the_numbers_of_a_sweep_of_its_own(tmp_path: Path) -> None:
    engine = Engine(device="cpu")
    list(engine.iter_sweep(make(Question.FRAGILITY), tmp_path / "whole"))
    list(engine.iter_sweep(make(Question.FRAGILITY, 1, 2), tmp_path / "alone"))
    (tmp_path / "whole" / "cells" / f"{Cell('climb', 1, 0, 0, 0).key}.npz").unlink()
    store = find_store(SWEEP, tmp_path / "whole")
    part = find_part(store, store.missing())
    assert part is not None
    assert (part.config.encoders, part.config.targets) == (ENCODERS[:1], TARGETS), "of two parts as large, the first"
    (tmp_path / "whole" / "cells" / f"{Cell('climb', 0, 0, 0, 0).key}.npz").unlink()
    store = find_store(SWEEP, tmp_path / "whole")
    part = find_part(store, store.missing())
    assert part is not None
    assert (part.config.encoders, part.config.targets) == (ENCODERS, TARGETS[1:]), "V1 alone, in both encoders"
    found, alone = read_sweep(part), load_sweep(tmp_path / "alone")
    assert np.array_equal(found.shift[0, 0], alone.shift[0, 1])
    answer, whole = answer_sweep(found), answer_sweep(alone)
    assert isinstance(answer, Fragility)
    assert isinstance(whole, Fragility)
    assert answer.rows[0].r == next(row.r for row in whole.rows if row.roi == "V1"), "the predictions of V1, not of FFA"


def test_transfer_is_answered_target_by_target(tmp_path: Path) -> None:
    list(Engine(device="cpu").iter_sweep(make(Question.TRANSFER), tmp_path))
    whole = answer_sweep(load_sweep(tmp_path))
    (tmp_path / "cells" / f"{Cell('score', 1, 1, 0, 0).key}.npz").unlink()
    store = find_store(SWEEP, tmp_path)
    part = find_part(store, store.missing())
    assert part is not None
    assert (part.config.encoders, part.config.targets) == (ENCODERS, TARGETS[:1])
    answer = answer_sweep(read_sweep(part))
    assert isinstance(answer, TransferAnswer)
    assert isinstance(whole, TransferAnswer)
    of_ffa = next(table for table in whole.cases[0].tables if table.roi == "FFA")
    assert np.array_equal(answer.cases[0].tables[0].ratio, of_ffa.ratio)
    (tmp_path / "cells" / f"{Cell('climb', 0, 0, 0, 0).key}.npz").unlink()
    assert find_part(store, store.missing()) is None, "a single target that lacks a score or an attack is none"
