"""A few damaged files of every kind, read by the tests' own process; `python -m tests.fuzz` reads many more."""

from __future__ import annotations

from pathlib import Path

import pytest
from zarr.core.sync import cleanup_resources

from tests.fuzz.kinds import all_kinds
from tests.fuzz.mutants import judge, mutate

MUTANTS = 10
KINDS = {name: kind for name, kind in all_kinds().items() if not kind.slow}


@pytest.mark.expects_log  # nibabel tells what it mends
@pytest.mark.parametrize("name", KINDS)
def test_damage_is_one_sentence_or_goes_by_unseen(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    path = kind.make(tmp_path)
    whole = path.read_bytes()
    assert judge(kind, path) == "read"
    for seed in range(MUTANTS):
        path.write_bytes(mutate(whole, seed))
        assert judge(kind, path) in ("read", "refused"), seed
    cleanup_resources()  # the threads of zarr
