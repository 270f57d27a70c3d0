"""A place that cannot be written is refused before anything is computed."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from core.commands import sweeps
from core.commands.cli import run_command_line
from core.engine import Engine
from core.errors import StorageError
from core.files import check_file
from core.probes.files import save_probe
from core.robustify import train
from core.stimuli.images import write_levels
from tests.helpers.probes import make_probe

MAKES = ("open_encoder", "open_network", "iter_probe")


@pytest.mark.parametrize(
    "words",
    [
        "rank --roi FFA --out {place}.csv",
        "rank --roi FFA --items {place}.json",
        "rank --roi FFA --items {long}.json",
        "rank --roi FFA --by-category --out {folder}",
        "synthesise --roi FFA --out {place}",
        "probe --roi FFA --image cat_chelsea --out {place}",
        "probe --roi FFA --image cat_chelsea --out {folder}/new --html {place}.html",
        "fragility --encoders alexnet --rois FFA --out {place}",
        "fragility --encoders alexnet --rois FFA --out {place} --resume",
        "transfer --encoders alexnet,mobilenet_v2 --rois FFA --out {full}",
        "study --quick --out {place}",
        "stimuli plan --rois FFA --out {place}.toml",
        "stimuli make --rois FFA --out {place}",
        "stimuli strip absent --out {place}.png",
        "surfaces project absent --volume absent.nii.gz --out {place}.npz",
        "compare absent absent.csv --out {place}",
        "design absent --noise-ceiling 0.3 --out {place}",
        "report absent --out {place}.html",
        "robustify --images {photos} --out {place}.safetensors",
        "robustify --images {photos} --out {folder}/w.safetensors --checkpoint {place}",
        "figure {probe} --out {place}.png",
        "figure {probe} --out {folder}.png",
        "movie {probe} --out {place}.gif",
        "movie {probe} --out {place}",
    ],
)
def test_it_is_refused_first(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in MAKES:
        monkeypatch.setattr(Engine, name, Mock(side_effect=AssertionError("computed first")))
    monkeypatch.setattr(sweeps, "measure_step_seconds", Mock(side_effect=AssertionError("computed first")))
    monkeypatch.setattr(train, "iter_robustify", Mock(side_effect=AssertionError("computed first")))
    (tmp_path / "file").touch()
    for folder in ("folder", "folder.png", "photos"):
        (tmp_path / folder).mkdir()
    write_levels(tmp_path / "photos" / "a.png", np.zeros((64, 64, 3), dtype=np.uint8))
    if "{probe}" in words:
        save_probe(make_probe(44, 16), tmp_path / "saved")
    places = {
        "place": tmp_path / "file" / "below",
        "long": tmp_path / ("n" * 300),
        "folder": tmp_path / "folder",
        "full": tmp_path,
        "photos": tmp_path / "photos",
        "probe": tmp_path / "saved.json",
    }
    call = words.format(**places).split()
    host = Mock(side_effect=AssertionError("drawn first"))
    assert run_command_line(call, open_window=Mock(), run_demonstration=Mock(), open_cortex=host) == 2
    error = capsys.readouterr().err
    assert "cannot be written" in error or "must be a new" in error, error
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == []


def test_a_place_that_can_be_written_is_left_as_it_is(tmp_path: Path) -> None:
    check_file(tmp_path / "a" / "b.csv")
    assert not list(tmp_path.iterdir())
    with pytest.raises(StorageError, match="a folder has that name"):
        check_file(tmp_path)


def test_the_design_of_one_probe_writes_no_folder_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_probe(make_probe(44, 16), tmp_path / "saved")
    call = ["design", str(tmp_path / "saved.json"), "--noise-ceiling", "0.3", "--out", str(tmp_path / "new")]
    assert run_command_line(call, open_window=Mock(), run_demonstration=Mock()) == 2
    assert "must be left out with a saved probe" in capsys.readouterr().err
