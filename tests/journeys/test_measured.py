"""The whole way after an experiment: a real set is made, responses are simulated, and the program says what moved.

Once by the command line, once through the real window.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.base.services import open_services
from app.measured.page import MeasuredPage
from app.shell.application import make_window
from app.shell.main_window import MainWindow
from core.commands.cli import DONE, run_command_line
from core.engine import Engine
from core.stimuli.manifest import read_manifest


def run(*words: object) -> int:
    return run_command_line([str(word) for word in words], open_window=lambda _: 1, run_demonstration=lambda _a, _b: 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three images, raised and lowered in V1 on one network, scored by another: six probes."""
    made = tmp_path_factory.mktemp("made") / "v1_set"
    which = ("--images", "test:3", "--rois", "V1", "--directions", "raise", "lower", "--budgets", "l2:3")
    how = ("--controls", "random", "--transfer", "mobilenet_v2", "--steps", 2, "--device", "cpu")
    assert (
        run("stimuli", "make", "--subject", "simulated", "--networks", "alexnet", *which, *how, "--out", made) == DONE
    )
    return made


@pytest.fixture
def type_in(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def type_words(*words: object) -> str:
        capsys.readouterr()
        assert run(*words) == DONE
        return capsys.readouterr().out

    return type_words


def test_from_a_made_set_to_an_answer_by_command_line(folder: Path, type_in, tmp_path: Path) -> None:
    rows = read_manifest(folder).rows
    source = f"{rows[0].network} {rows[0].layer}"
    type_in("compare", "simulate", folder, tmp_path / "s.csv", "--noise", 0, "--gain", 0.5, "--repeats", 2)
    told = json.loads(type_in("compare", folder, tmp_path / "s.csv", "--json", "--out", tmp_path / "answer"))
    assert told["simulated"] is True
    first = told["rows"][0]
    assert (first["network"], first["n_agree"], first["n_signed"]) == (source, 6, 6)
    assert first["slope"]["value"] == pytest.approx(0.5)
    assert (tmp_path / "answer" / "report.html").is_file()
    expected = {row.pair_id: 0.5 * row.shift for row in rows if row.role in ("raise", "lower")}
    with (tmp_path / "answer" / "tables" / "probes.csv").open(encoding="utf-8", newline="") as file:
        measured = {row["pair_id"]: float(row["shift (measured unit)"]) for row in csv.DictReader(file)}
    assert measured == pytest.approx(expected)


def test_a_filled_template_and_betas_of_the_same_trials_say_the_same(folder: Path, type_in, tmp_path: Path) -> None:
    type_in("compare", "template", folder, tmp_path / "t.csv", "--repeats", 2)
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    values = np.random.default_rng(0).normal(size=len(lines))
    with (tmp_path / "filled.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(line | {"V1": repr(float(value))} for line, value in zip(lines, values, strict=True))
    np.save(tmp_path / "betas.npy", values)
    (tmp_path / "betas_ids.txt").write_text("\n".join(line["stimulus"] for line in lines))
    answers = [
        json.loads(type_in("compare", folder, tmp_path / name, "--bootstrap", 200, "--json"))
        for name in ("filled.csv", "betas.npy")
    ]
    assert answers[0]["rows"][0]["dz"]["value"] == pytest.approx(answers[1]["rows"][0]["dz"]["value"], rel=1e-5)
    assert not answers[0]["simulated"]


@pytest.fixture
def window(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MainWindow]:
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path / "home"))
    made = make_window(open_services(engine=Engine(device="cpu")))
    made.session.state.auto_probe = False
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    qtbot.waitUntil(lambda: isinstance(made.session.lane.state, Idle), timeout=60_000)
    yield made
    made.close()
    made.deleteLater()


def test_from_a_made_set_to_an_answer_by_window(
    window: MainWindow, folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Open the set, practise, compare, click a point, save: with the buttons a user has."""
    window.actions_table.give("compare_measured")
    page = window.tabs.page("measured")
    assert isinstance(page, MeasuredPage)
    assert window.tabs.stack.currentWidget().isAncestorOf(page)
    answers = {"getExistingDirectory": str(folder), "getSaveFileName": (str(tmp_path / "s.csv"), "")}
    for name, answer in answers.items():
        monkeypatch.setattr(QFileDialog, name, lambda *_, answer=answer: answer)
    left = Qt.MouseButton.LeftButton
    qtbot.mouseClick(page.form.open_set, left)
    qtbot.waitUntil(page.form.practice.isEnabled, timeout=20_000)
    qtbot.mouseClick(page.form.practice, left)
    qtbot.waitUntil(page.run.isEnabled, timeout=20_000)
    qtbot.mouseClick(page.run, left)
    qtbot.waitUntil(lambda: page.comparison is not None, timeout=20_000)
    assert page.badge.isVisible()
    assert page.table.item(0, 2).text() == "6"
    point = page.view.items["raise"].points()[0]
    scene = page.view.getPlotItem().vb.mapViewToScene(point.pos())
    qtbot.mouseMove(page.view.viewport(), page.view.mapFromScene(scene))
    qtbot.mouseClick(page.view.viewport(), left, pos=page.view.mapFromScene(scene))
    qtbot.waitUntil(lambda: not any(picture.image.isNull() for picture in page.pictures.grid.pictures))
    assert "V1, L₂ ε 3" in page.pictures.title.text()
    window.resize(1264, 700)
    qtbot.waitUntil(lambda: page.height() < window.height())  # nothing of it is out of sight
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    qtbot.mouseClick(page.export, left)
    report = tmp_path / f"{read_manifest(folder).name}-measured" / "report.html"
    qtbot.waitUntil(report.is_file, timeout=20_000)
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle), timeout=20_000)
    assert "Simulated responses" in report.read_text(encoding="utf-8")
