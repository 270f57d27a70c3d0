"""A level set from the command line on the shipped data: planned, made, resumed, drawn, packed, rebuilt."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import main
from core.encoders.files import find_encoder, load_encoder_data
from core.engine import Engine
from core.stimuli.make import iter_make
from core.stimuli.manifest import StimulusSet, read_manifest
from core.stimuli.plan import list_recipes, read_plan, resolve_plan
from core.stimuli.store import ProbeStore

TypeIn = Callable[..., tuple[int, str, str]]
PLAN = {
    "name": "levels",
    "networks": ["mobilenet_v2_robust"],
    "images": ["cat_chelsea"],
    "rois": ["FFA"],
    "levels": [0.3, 1.3, 40],
    "budgets": ["l2:2"],
    "steps": 3,
    "quantise": True,
    "controls": ["random"],
    "transfer": ["alexnet"],
}


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> TypeIn:
    """Run a command line inside this process: (exit code, stdout, stderr)."""

    def type_command(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["main.py", *map(str, words)])
        try:
            code = main.main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        told = capsys.readouterr()
        return code, told.out, told.err

    return type_command


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> StimulusSet:
    """Made twice over: stopped after its first probe, and then finished from the same store."""
    folder = tmp_path_factory.mktemp("levels")
    (folder / "plan.json").write_text(json.dumps(PLAN))
    plan = resolve_plan(read_plan(folder / "plan.json"))
    recipes, engine, store = list_recipes(plan), Engine(device="cpu"), ProbeStore(folder / "store")
    work = iter_make(engine, recipes, plan.delivery, folder / "set", store=store)
    for _ in itertools.takewhile(lambda _: store.load(recipes[0]) is None, work):
        pass
    work.close()
    assert not (folder / "set").exists() and store.load(recipes[2]) is None
    *_, last = iter_make(engine, recipes, plan.delivery, folder / "set", store=store)
    assert last.result is not None
    return last.result


def by_hand(found: StimulusSet, file: str, encoder: tuple[str, str]) -> float:
    """(c . f - mean) / SD of a file, from the encoder's arrays and pixels read with PIL."""
    data = load_encoder_data(find_encoder("simulated", *encoder))
    pixels = np.asarray(Image.open(found.folder / file), dtype=np.float32).transpose(2, 0, 1)[None] / 255
    voxels = list(found.rows[0].voxels)
    responses = Engine(device="cpu").rescore("simulated", *encoder, pixels)[0][voxels].astype(np.float64)
    weights = data.weights[:, voxels].astype(np.float64).mean(axis=1)
    sd = np.sqrt(weights @ data.covariance.astype(np.float64) @ weights)
    return float((responses.mean() - data.intercept[voxels].astype(np.float64).mean()) / sd)


def test_every_level_is_at_its_place_in_the_saved_file(made: StimulusSet) -> None:
    assert list(made.pairs) == [f"cat_chelsea-FFA-level{level}" for level in ("+0.3", "+1.3", "+40")]
    for rows, wanted in zip(made.pairs.values(), PLAN["levels"], strict=True):
        assert [row.role.split("_")[0] for row in rows][::2] == ["original", "control"]
        assert {row.level for row in rows} == {wanted}
        assert rows[1].role == ("raise" if rows[1].shift > 0 else "lower")
        for row in rows[:2]:
            assert row.level_before_saving == pytest.approx(row.level_reached, abs=2e-3), "kept on grey levels"
            assert row.level_reached == pytest.approx(
                by_hand(made, row.file, ("mobilenet_v2_robust", "features.18")), abs=2e-3
            )
    low, high, far = (rows[1] for rows in made.pairs.values())
    assert (low.level_reached, high.level_reached) == pytest.approx((0.3, 1.3), abs=0.05)
    assert far.level_reached is not None and high.level_reached is not None
    assert high.level_reached < far.level_reached < 40 and far.epsilon == pytest.approx(2.0)
    assert [text for text in far.warnings if text.startswith("Level +40 SD is not reached within L₂ ε 2")]
    assert not any("not reached" in text for row in (low, high) for text in row.warnings)


def test_every_file_has_its_level_in_the_other_encoder(made: StimulusSet) -> None:
    row = made.rows[1]
    (moved,) = row.transfer.values()
    assert moved.level == pytest.approx(by_hand(made, row.file, ("alexnet", "features.11")), abs=2e-3)


def test_it_is_told_drawn_and_packed(made: StimulusSet, tmp_path: Path, type_in: TypeIn) -> None:
    code, out, _ = type_in("stimuli", "check", made.folder)
    assert code == 0 and "  +0.3 SD: 1 of 1 reached, L2 " in out, out
    assert f"  +40 SD: 0 of 1 reached, {made.pairs['cat_chelsea-FFA-level+40'][1].level_reached:+.2f} SD at best" in out
    assert "## Levels" in (made.folder / "README.md").read_text()
    for ending in ("png", "svg"):
        code, out, err = type_in("stimuli", "strip", made.folder, "--out", tmp_path / f"strip.{ending}")
        assert code == 0, err
    assert np.asarray(Image.open(tmp_path / "strip.png")).std() > 10
    text = (tmp_path / "strip.svg").read_text()
    assert "+40 SD" in text and "not reached" in text and "L2 in [0, 1] pixels" in text and "Simulated" in text
    code, _, err = type_in("stimuli", "strip", made.folder, "--out", tmp_path / "other.png", "--image", "dog")
    assert code == 2 and "cat_chelsea" in err
    for kind in ("psychopy", "bids"):
        code, _, err = type_in("package", made.folder, "--kind", kind, "--spacing", 0, "--out", tmp_path / kind)
        assert code == 0, err
    (run,) = (tmp_path / "bids").glob("sub-*/func/*_events.tsv")
    (conditions,) = (tmp_path / "psychopy" / "conditions").glob("*.csv")
    for shown in (pd.read_csv(run, sep="\t"), pd.read_csv(conditions)):
        shown = shown.dropna(subset=["stimulus_id"]).set_index("stimulus_id")
        for row in made.rows:
            assert shown.level_wanted[row.id] == row.level
            assert shown.level_reached[row.id] == pytest.approx(row.level_reached)


def test_it_is_rebuilt_bit_for_bit_from_its_manifest(made: StimulusSet, tmp_path: Path, type_in: TypeIn) -> None:
    """Without the store of the first making: stopping and going on gave the same files as one making."""
    words = ("rebuild", made.folder / "manifest.json", "--out", tmp_path / "again", "--device", "cpu")
    code, out, err = type_in(*words)
    assert (code, out) == (0, "Rebuilt bit for bit: 9 stimuli and their manifest.\n"), err
    assert len(read_manifest(tmp_path / "again").rows) == 9


def test_a_level_set_is_planned_with_its_cost(tmp_path: Path, type_in: TypeIn) -> None:
    words = ("stimuli", "plan", "--rois", "FFA", "--seeds", "2")
    for levels in (("--levels", "-2:2:5"), ("--levels=-2:2:5",), ("--levels", "-2", "-1", "0", "1", "2")):
        code, out, err = type_in(*words, *levels)
        assert code == 0 and out.startswith(
            "2 seeds x 1 target x 5 levels (-2 to +2 SD) x 1 encoder = 10 probes, each within l2:10"
        ), err
    code, out, _ = type_in(*words, "--levels")
    assert code == 0 and " x 11 levels (-3 to +3 SD) x " in out, "named without numbers"
    code, out, err = type_in(*words, "--levels", "2")
    assert code == 0 and " x 1 level (+2 SD) x " in out, err
    code, _, err = type_in(*words, "--levels", "-3:3")
    assert code == 2 and "`levels` must be numbers of SDs, got " in err
