"""What an import says of a recording: its parts by their right name."""

from __future__ import annotations

import pytest

from core.datasets.summary import RecordingFacts

REPEATS = ("repeat 1, images 1 to 9", "repeat 2, images 1 to 9")


@pytest.mark.parametrize(
    ("parts", "name"),
    [(("session 1", "session 2"), "Sessions"), (REPEATS, "Read in parts"), (("run-1",), "Read in parts")],
)
def test_only_sessions_are_called_sessions(parts: tuple[str, ...], name: str) -> None:
    words = dict.fromkeys(("title", "kind", "surface", "response_unit", "held_out_rule"), "")
    numbers = dict.fromkeys(("n_images", "n_trials", "n_voxels", "n_held_out"), 9)
    counts = {"repeats": {}, "rois": {}, "categories": {}}
    facts = RecordingFacts(**words, **numbers, **counts, measured=True, sessions=parts, missing_sessions=())  # type: ignore[arg-type]
    assert (name, ", ".join(parts)) in facts.shared_lines("unknown")
