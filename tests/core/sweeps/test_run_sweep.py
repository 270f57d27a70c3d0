"""Whole sweeps on an embedded network cut early: progress, resuming, refusing, answers, files."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from core.engine import Engine
from core.errors import BadInputError, Cancelled
from core.reports.analysis_package import write_analysis
from core.sweeps.answer import answer_sweep
from core.sweeps.config import AttackKind, EncoderName, Question, SweepConfig, TargetName
from core.sweeps.fragility import Fragility, analyse_fragility
from core.sweeps.gather import load_sweep
from core.sweeps.plan import PREDICT, Cell
from core.sweeps.transfer import TransferAnswer, align

EARLY, LATER = EncoderName("simulated", "alexnet", "features.4"), EncoderName("simulated", "alexnet", "features.7")
LATER_LABEL = LATER.label


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(device="cpu")


def make(question: Question) -> SweepConfig:
    return SweepConfig(
        question,
        (EARLY, LATER),
        ("cat_chelsea", "face_054"),
        (TargetName(-1, "FFA"), TargetName(-1, "V1")),
        ladder=(0.5, 1.0),
        n_steps=2,
        n_test=12,
        n_bootstrap=50,
    )


def finish(engine: Engine, config: SweepConfig, folder: Path, **options: bool) -> int:
    """Run to the end; returns the number of cells found on disk."""
    first, *_, last = engine.iter_sweep(config, folder, **options)
    assert last.result is not None
    assert last.done == last.total
    return int(first.done)


def test_a_cancelled_sweep_is_resumed_to_the_same_numbers(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make(Question.FRAGILITY)
    finish(engine, config, tmp_path / "whole")
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path / "empty"))  # nothing comes from the cache
    asked = iter([False] * 3)
    with pytest.raises(Cancelled):
        list(engine.iter_sweep(config, tmp_path / "parts", should_stop=lambda: next(asked, True)))
    done = len(list((tmp_path / "parts" / "cells").glob("*.npz"))) if (tmp_path / "parts" / "cells").is_dir() else 0
    assert finish(engine, config, tmp_path / "parts", resume=True) == done
    whole, parts = load_sweep(tmp_path / "whole"), load_sweep(tmp_path / "parts")
    for name in ("shift", "control", "dual_size", "curvature", "alignment", "sd"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name)), name


def test_a_folder_is_continued_by_the_same_sweep_only(engine: Engine, tmp_path: Path) -> None:
    config = make(Question.FRAGILITY)
    next(engine.iter_sweep(config, tmp_path / "one"))
    with pytest.raises(BadInputError, match="of the same sweep; config differs|n_steps differs"):
        next(engine.iter_sweep(replace(config, n_steps=3), tmp_path / "one", resume=True))
    with pytest.raises(BadInputError, match="new or an empty folder"):
        next(engine.iter_sweep(config, tmp_path / "one"))
    with pytest.raises(BadInputError, match="lacks 6 cells.*--resume"):
        load_sweep(tmp_path / "one")
    with pytest.raises(BadInputError, match="of a sweep"):
        load_sweep(tmp_path)


@pytest.mark.parametrize("what", ["image", "encoder"])
def test_what_is_replaced_while_a_worker_runs_ends_it_before_a_wrong_number(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    paths = [tmp_path / name for name in ("a.png", "b.png")]
    for seed, path in enumerate(paths):
        pixels = np.random.default_rng(seed).integers(0, 255, (224, 224, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    config = replace(make(Question.FRAGILITY), images=tuple(map(str, paths)))
    work = engine.iter_sweep(config, tmp_path / "out")
    next(work)
    if what == "image":
        shutil.copy(paths[1], paths[0])
    else:
        opened, card = engine.open_encoder(*EARLY), replace(engine.encoder_card(*EARLY), sha256="0" * 64)
        monkeypatch.setattr(opened, "card", card)
    with pytest.raises(BadInputError, match=f"of the same sweep; on .* {what} .* differs"):
        list(work)
    cells = tmp_path / "out" / "cells"
    done = sorted(path.name for path in cells.iterdir()) if cells.is_dir() else []
    assert done == (["predict-000.npz"] if what == "image" else [])
    assert list((tmp_path / "out" / "claims").iterdir()) == []


def test_an_encoder_that_was_open_before_it_was_fitted_anew_is_opened_again(engine: Engine, tmp_path: Path) -> None:
    stale = engine.open_encoder(*EARLY)
    stale.card = replace(stale.card, sha256="0" * 64)
    finish(engine, make(Question.FRAGILITY), tmp_path / "out")
    assert engine.open_encoder(*EARLY) is not stale


def test_intervals_of_r_are_over_images_even_for_an_roi_with_one_target(engine: Engine, tmp_path: Path) -> None:
    finish(engine, make(Question.FRAGILITY), tmp_path / "out")
    sweep = load_sweep(tmp_path / "out")
    stored = sweep.store.load(Cell(PREDICT, 1))
    predicted, measured = stored["predicted"][:, 1], stored["measured"][:, 1]
    n, r = len(predicted), np.corrcoef(predicted, measured)[0, 1]
    without = [np.corrcoef(np.delete(predicted, one), np.delete(measured, one))[0, 1] for one in range(n)]
    reach = stats.t.ppf(0.975, n - 1) * np.std(without) * np.sqrt(n - 1) / (1 - r**2)
    (row,) = (
        row for row in analyse_fragility(sweep, ("FFA", "V1")).rows if (row.roi, row.label) == ("V1", LATER_LABEL)
    )
    assert (row.r.low, row.r.high) == pytest.approx(np.tanh([np.arctanh(r) - reach, np.arctanh(r) + reach]), abs=1e-9)
    assert row.r.low < row.r.value < row.r.high


def test_a_transfer_by_squares_has_no_gradients_to_align_where_a_network_has_none(
    engine: Engine, tmp_path: Path
) -> None:
    config = replace(make(Question.TRANSFER), attacks=(AttackKind.SQUARE,), n_queries=3, ladder=(1.0,))
    finish(engine, config, tmp_path / "out")
    sweep = load_sweep(tmp_path / "out")
    assert [one.rows for one in align(sweep)] == ["perturbations", "gradients"]
    blind = replace(sweep, dual_size=np.full_like(sweep.dual_size, np.nan))
    assert [one.rows for one in align(blind)] == ["perturbations"]


def test_a_sweep_of_before_an_option_was_added_is_resumed(engine: Engine, tmp_path: Path) -> None:
    config = make(Question.FRAGILITY)
    next(engine.iter_sweep(config, tmp_path / "one"))
    header = json.loads((tmp_path / "one" / "sweep.json").read_text())
    del header["config"]["n_queries"]
    (tmp_path / "one" / "sweep.json").write_text(json.dumps(header))
    next(engine.iter_sweep(config, tmp_path / "one", resume=True))
    with pytest.raises(BadInputError, match="config differs|n_queries differs"):
        next(engine.iter_sweep(replace(config, n_queries=7), tmp_path / "one", resume=True))


@pytest.mark.parametrize("question", list(Question))
def test_every_question_is_answered_with_tables_and_figures(engine: Engine, tmp_path: Path, question: Question) -> None:
    finish(engine, make(question), tmp_path / "out")
    report = write_analysis(tmp_path / "out")
    for table in report.tables:
        with (tmp_path / "out" / "tables" / f"{table.name}.csv").open(newline="") as file:
            rows = list(csv.reader(file))
        assert tuple(rows[0]) == table.columns
        assert len(rows) == len(table.rows) + 1
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["question"] == question
    assert result["settings"]["ladder"] == [0.5, 1.0]
    assert len(result["facts"]["encoder_sha256"]) == 2
    for figure in (tmp_path / "out" / "figures").glob("*.svg"):
        assert "Simulated subject" in figure.read_text(encoding="utf-8"), "figures say what is simulated"
    names = sorted(path.name for path in (tmp_path / "out" / "figures").iterdir())
    assert {name.split(".")[1] for name in names} == {"pdf", "png", "svg"}
    answer = answer_sweep(report.sweep)
    if isinstance(answer, TransferAnswer):
        assert np.allclose(np.diagonal(answer.cases[0].tables[0].ratio), 1)
        assert answer.cases[0].worst_size < 0.01
    if isinstance(answer, Fragility):
        first = answer.overall[0]
        assert first.sensitivity[0].low <= first.sensitivity[0].value <= first.sensitivity[0].high
        assert first.sensitivity[0].value > first.control[0].value
