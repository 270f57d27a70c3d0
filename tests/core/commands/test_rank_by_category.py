"""`rank --by-category` prints what the fingerprint holds, and refuses images of no category."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from core.commands.cli import prepare
from core.datasets.subject import load_subject
from core.errors import BadInputError


def test_it_prints_and_writes_the_categories(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["rank", "--roi", "FFA", "--by-category", "--images", "test:8", "--out", str(tmp_path / "a.csv"), "--json"]
    assert prepare(words)() == 0
    found = json.loads(capsys.readouterr().out)
    rows = found["categories"]
    assert found["n_images"] == sum(row["n_images"] for row in rows) == 8
    assert found["preferred"] == max(rows, key=lambda row: row["response"])["category"]
    assert all(row["n_held_out"] == row["n_images"] for row in rows)
    assert [row["roi"] for row in found["rois"]] == list(load_subject("simulated").voxels.roi_names)
    written = pd.read_csv(tmp_path / "a.csv")
    assert written["category"].tolist() == [row["category"] for row in rows]
    Image.new("RGB", (300, 300), (90, 90, 200)).save(tmp_path / "own.png")
    with pytest.raises(BadInputError, match="whose category is known, got '1 without one'"):
        prepare(["rank", "--roi", "FFA", "--by-category", "--images", str(tmp_path / "own.png")])()
