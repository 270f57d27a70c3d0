"""Whole analyses, studies, probes and sets run on a device without float64 give what they give on the processor."""

from __future__ import annotations

import csv
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import numpy as np
import pytest

import core.device
from core.commands.cli import run_command_line
from core.sweeps.cells import CellStore, load_store
from core.sweeps.plan import SWEEP
from core.sweeps.study.plan import STUDY
from tests.helpers.no_float64 import DEVICE, device_without_float64

PAIR = "--encoders alexnet:features.4,alexnet:features.7"
SHORT = f"{PAIR} --images cat_chelsea,face_054 --rois FFA --epsilons 1 --steps 2 --test-images 12"
ANALYSES = {
    "fragility": f"{SHORT} --norm linf --bootstrap 20",
    "discriminability": f"{SHORT} --bootstrap 20",
    "transfer": f"{SHORT} --copy-images 24".replace(PAIR, PAIR + ",alexnet:features.11") + " --attack pgd,ensemble",
    "meaning": SHORT,
    "disagreement": SHORT,
    "study": "--teachers mobilenet_v2_robust:features.3 --candidates alexnet:features.4,efficientnet_lite0:blocks.1 "
    "--images 2 --noise 0.5 --voxels 2 --train 12 --test 8 --components 4 --steps 2 --bootstrap 20",
}
SETS = {
    "levels": "--networks alexnet:features.4 --levels -0.4:0.4:2 --seeds 1",
    "controversial": "--controversial alexnet:features.4,alexnet:features.7 --images cat_chelsea --steps 3",
}
NEAR = {"angles": 2.0, "curvature": 2.0, "to_gain": 1e-2}
"""Of what magnifies rounding, such as angles (degrees) between gradients that all but agree: how far it may be off."""


@pytest.fixture
def run_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., list[Path]]:
    """Runs commands there and here, each with a cache of its own, and gives the folders they wrote."""
    monkeypatch.setattr(core.device, "DEVICES", (*core.device.DEVICES, DEVICE))
    monkeypatch.setattr(core.device, "list_devices", lambda: (DEVICE, "cpu"))

    def run(*commands: str) -> list[Path]:
        folders = []
        for device, place in ((DEVICE, device_without_float64()), ("cpu", nullcontext())):
            monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path / device / "home"))
            folders.append(tmp_path / device / "out")
            with place:
                for words in commands:
                    words = [word.replace("OUT", str(folders[-1])) for word in words.split()]
                    assert (
                        run_command_line([*words, "--device", device], open_window=Mock(), run_demonstration=Mock())
                        == 0
                    )
        return folders

    return run


@pytest.mark.parametrize("command", ANALYSES)
def test_every_analysis(run_both: Callable[..., list[Path]], command: str) -> None:
    work: Any = STUDY if command == "study" else SWEEP
    there, here = (
        cast(CellStore[Any, Any], load_store(work, one))
        for one in run_both(f"{command} {ANALYSES[command]} --out OUT --begin", "worker OUT")
    )
    for cell in here.cells():
        assert there.made(cell).device.startswith(DEVICE) and here.made(cell).device.startswith("cpu")
        found, wanted = there.load(cell), here.load(cell)
        for name in wanted:
            near = {"rtol": 2e-3, "atol": NEAR.get(name, 1e-3)}
            np.testing.assert_allclose(found[name], wanted[name], err_msg=f"{cell.key} {name}", **near)


@pytest.mark.parametrize("kind", SETS)
def test_every_kind_of_set(run_both: Callable[..., list[Path]], kind: str) -> None:
    more = "--rois FFA --controls random --transfer alexnet:features.11"
    tables = []
    for folder in run_both(f"stimuli make {SETS[kind]} {more} --out OUT"):
        with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
            tables.append(list(csv.DictReader(file)))
    assert len(tables[0]) == len(tables[1]) > 1
    for there, here in zip(*tables, strict=True):
        for name in ("shift_sd", "l2"):
            if here[name]:
                assert float(there[name]) == pytest.approx(float(here[name]), rel=1e-2, abs=1e-3)
