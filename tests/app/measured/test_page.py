"""The Measured page: files in, findings before anything is computed, points that open pictures, reports out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.base.services import Services, open_services
from app.look.theme import DARK, LIGHT, use_theme
from app.measured.feature import KEY, Measured
from app.measured.page import MeasuredPage
from core.engine import Engine
from core.experiments.measured.compare import Cut, predict_shifts
from core.experiments.measured.planned import plan_set
from core.experiments.measured.practise import SimulateOptions, simulate_responses
from core.stimuli.manifest import read_manifest
from tests.helpers.desks import make_desk
from tests.helpers.measured_sets import OTHER, OWN, write_levels, write_rivals, write_set


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("sets") / "set", n_images=4, rois=("FFA", "PPA"))


@pytest.fixture
def table(folder: Path, tmp_path: Path) -> Path:
    return simulate_responses(plan_set(read_manifest(folder)), tmp_path / "s.csv", SimulateOptions(noise=0.3))


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Services]:
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path / "home"))
    opened = open_services(engine=Engine(device="cpu"))
    yield opened
    opened.close()


@pytest.fixture
def page(qtbot: QtBot, session: Services) -> MeasuredPage:
    made = MeasuredPage(session)
    qtbot.addWidget(made)
    return made


def wait(qtbot: QtBot, session: Services) -> None:
    qtbot.waitUntil(lambda: isinstance(session.lane.state, Idle), timeout=20_000)


@pytest.fixture
def compared(page: MeasuredPage, qtbot: QtBot, session: Services, folder: Path, table: Path) -> MeasuredPage:
    page.open_paths([folder, table])
    wait(qtbot, session)
    page.run.click()
    qtbot.waitUntil(lambda: page.comparison is not None, timeout=20_000)
    wait(qtbot, session)
    return page


def test_what_is_missing_is_said_on_the_button(
    page: MeasuredPage, qtbot: QtBot, session: Services, folder: Path, table: Path
) -> None:
    assert not page.run.isEnabled()
    assert page.run.toolTip() == "Open a stimulus set first"
    assert page.form.template.toolTip() == "Open a stimulus set first"
    page.open_paths([table])
    assert "Open the stimulus set" in page.form.problem.text()
    page.open_paths([folder / "manifest.json"])
    wait(qtbot, session)
    assert page.run.isEnabled()
    assert page.form.problem.text() == ""
    assert "16 probes, 48 stimuli, 2 networks" in page.form.about.text()
    assert "Every stimulus of the set was measured." in page.form.found.text()
    assert [page.form.column.itemText(index) for index in range(page.form.column.count())][1:] == ["FFA", "PPA"]


def test_a_drop_of_set_and_file_opens_both_and_in_front_a_file_of_any_format(
    qtbot: QtBot, session: Services, folder: Path, table: Path
) -> None:
    desk = make_desk(qtbot, session)
    desk.tabs.put("explore", QWidget())
    measured = Measured(desk)
    (row,) = measured.drops()
    arrays = [folder.parent / "betas.nii.gz", folder.parent / "notes.pdf"]
    assert row.takes([folder, *arrays]) and row.takes([table]) and not row.takes(arrays)
    row.do([table, folder])
    wait(qtbot, session)
    page = desk.tabs.page(KEY)
    assert isinstance(page, MeasuredPage)
    assert page.form.paths == (table,)
    assert page.run.isEnabled()
    assert row.takes(arrays) and not row.takes(arrays[1:])


def test_unknown_ids_are_shown_and_must_be_accepted(
    page: MeasuredPage, qtbot: QtBot, session: Services, folder: Path, table: Path
) -> None:
    table.write_text(table.read_text() + "stranger,session 1,1,0.5,,simulated\n")
    page.open_paths([folder, table])
    wait(qtbot, session)
    assert "1 ids are not in the set: stranger." in page.form.found.text()
    assert not page.run.isEnabled()
    assert "Ignore unknown ids" in page.run.toolTip()
    assert page.form.unknown.isVisibleTo(page)
    page.form.unknown.setChecked(True)
    wait(qtbot, session)
    assert page.run.isEnabled()


def test_a_bad_file_is_told_beside_its_field(
    page: MeasuredPage, qtbot: QtBot, session: Services, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    page.open_paths([folder, tmp_path / "bad.csv"])
    wait(qtbot, session)
    assert "--id-column" in page.form.problem.text()
    assert not page.run.isEnabled()


def test_betas_ask_for_their_ids(
    page: MeasuredPage, qtbot: QtBot, session: Services, folder: Path, tmp_path: Path
) -> None:
    ids = [row.id for row in read_manifest(folder).rows]
    np.save(tmp_path / "betas.npy", np.arange(len(ids), dtype=float))
    (tmp_path / "names.txt").write_text("\n".join(ids))
    page.open_paths([folder, tmp_path / "betas.npy"])
    wait(qtbot, session)
    assert "--ids" in page.form.problem.text()
    assert page.form.ids_button.isVisibleTo(page)
    assert not page.form.masks_button.isVisibleTo(page)
    page.form.take_ids([tmp_path / "names.txt"])
    wait(qtbot, session)
    assert page.run.isEnabled()
    assert page.form.ids_button.text() == "names.txt"


def test_the_table_has_a_row_a_network_and_a_group(compared: MeasuredPage) -> None:
    assert compared.badge.text() == "simulated responses"
    assert not compared.badge.isHidden()
    assert [compared.table.item(row, 0).text() for row in range(2)] == [OWN, OTHER]
    assert compared.table.item(0, 3).text() == "16 of 16"
    compared.cut.setCurrentIndex(compared.cut.findData(Cut.ROI))
    groups = [(compared.table.item(row, 0).text(), compared.table.item(row, 1).text()) for row in range(4)]
    assert groups == [(OWN, "FFA"), (OTHER, "FFA"), (OWN, "PPA"), (OTHER, "PPA")]
    compared.table.select_key("2")
    row = compared.chosen_row()
    assert row is not None
    assert (row.network, row.value) == (OWN, "PPA")


def test_points_are_where_measured_and_predicted_say_with_a_shape_a_role(compared: MeasuredPage) -> None:
    comparison = compared.comparison
    assert comparison is not None
    for role, symbol in (("raise", "t1"), ("lower", "t"), ("control", "x")):
        item = compared.view.items[role]
        assert item.opts["symbol"] == symbol
        x, y = item.getData()
        place = 1 if role == "control" else 0
        numbers = [spot.data() for spot in item.points()]
        assert x == pytest.approx(predict_shifts(comparison.shifts, OWN)[place][numbers])
        assert y == pytest.approx(comparison.shifts.measured[place][numbers])
    compared.measure.button("contrast").click()
    assert "control" not in compared.view.items
    x, _ = compared.view.items["raise"].getData()
    numbers = [spot.data() for spot in compared.view.items["raise"].points()]
    assert x == pytest.approx(predict_shifts(comparison.shifts, OWN)[2][numbers])


def test_a_point_opens_its_three_pictures(compared: MeasuredPage) -> None:
    point = compared.view.items["lower"].points()[1]
    compared.view.pick_at(compared.view.getPlotItem().vb.mapViewToScene(point.pos()))
    comparison = compared.comparison
    assert comparison is not None
    probe = comparison.shifts.probes[point.data()]
    pictures = compared.pictures
    assert not any(picture.image.isNull() for picture in pictures.grid.pictures)
    assert pictures.title.text() == f"Lower {probe.perturbed.target.name}, L₂ ε 3"
    assert [caption.toolTip() for caption in pictures.grid.captions] == [
        probe.original.id,
        probe.perturbed.id,
        probe.controls["control_random"].id,
    ]
    measured = comparison.shifts.measured[0][point.data()]
    assert f"{measured:.3g}".replace("-", "−") in pictures.numbers.text()


def test_a_picture_whose_file_is_gone_is_said_to_be(compared: MeasuredPage, tmp_path: Path) -> None:
    comparison = compared.comparison
    assert comparison is not None
    file = comparison.shifts.probes[0].perturbed.file
    kept = file.rename(tmp_path / "kept.png")
    try:
        compared.show_probe(0)
    finally:
        kept.rename(file)
    original, perturbed, _ = compared.pictures.grid.captions
    assert isinstance(original, QLabel) and "file" not in original.text()
    assert isinstance(perturbed, QLabel) and perturbed.text() == "Perturbed, 3 ×, file cannot be read"


def test_arrow_keys_step_through_the_probes(compared: MeasuredPage, qtbot: QtBot) -> None:
    seen: list[int] = []
    compared.view.picked.connect(seen.append)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Left):
        qtbot.keyClick(compared.view, key)
    assert seen == [0, 1, 0, 15]


def test_both_themes_draw(compared: MeasuredPage) -> None:
    compared.resize(1200, 800)
    compared.show()
    use_theme(LIGHT)
    light = compared.view.grab().toImage()
    use_theme(DARK)
    assert compared.view.grab().toImage() != light


def test_files_are_written_by_their_buttons(
    compared: MeasuredPage, qtbot: QtBot, session: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    with qtbot.waitSignal(session.controller.noted, timeout=20_000):
        compared.export.click()
    wait(qtbot, session)
    assert (tmp_path / "set-measured" / "report.html").is_file()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "t.csv"), ""))
    with qtbot.waitSignal(session.controller.noted, timeout=20_000):
        compared.form.template.click()
    wait(qtbot, session)
    assert (tmp_path / "t.csv").read_text().startswith("stimulus,session,repeat,FFA,PPA")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "s2.csv"), ""))
    compared.form.practice.click()
    qtbot.waitUntil(lambda: compared.form.paths == (tmp_path / "s2.csv",), timeout=20_000)
    wait(qtbot, session)


def test_an_edited_set_is_refused_by_its_sentence(
    page: MeasuredPage, qtbot: QtBot, session: Services, tmp_path: Path
) -> None:
    folder = write_set(tmp_path / "other", n_images=1)
    next((folder / "stimuli").iterdir()).write_bytes(b"else")
    page.open_paths([folder])
    wait(qtbot, session)
    assert "changed after writing" in page.form.problem.text()


def test_level_sets_and_controversial_probes_are_judged(
    page: MeasuredPage, qtbot: QtBot, session: Services, tmp_path: Path
) -> None:
    for name, write, sentence, n_plots in (
        ("levels", write_levels, "controls better than", 1),
        ("rivals", write_rivals, f"{OWN} wins: 10 of 10 images", 2),
    ):
        folder = write(tmp_path / name)
        plan = plan_set(read_manifest(folder))
        page.comparison = None
        page.open_paths(
            [folder, simulate_responses(plan, tmp_path / f"{name}.csv", SimulateOptions(truth=OWN, noise=0.3))]
        )
        wait(qtbot, session)
        page.run.click()
        qtbot.waitUntil(lambda: page.comparison is not None, timeout=20_000)
        assert sentence in page.judged.words.text()
        assert page.judged.choice.count() == n_plots
        assert page.parts.currentWidget() is page.judged and page.measure.isHidden()
        page.part.button("shifts").click()
        assert page.parts.currentIndex() == 0 and not page.measure.isHidden()


def test_an_ordinary_set_shows_only_shifts(compared: MeasuredPage) -> None:
    assert compared.part.isHidden() and compared.parts.currentIndex() == 0


def test_a_session_brings_files_fields_and_comparison_back(
    compared: MeasuredPage, qtbot: QtBot, session: Services
) -> None:
    compared.form.unit.set_value("s")
    compared.form.seed.set_value(5)
    compared.form.control.setCurrentIndex(compared.form.control.count() - 1)
    record = compared.record()
    assert record is not None and record.compared
    again = MeasuredPage(session)
    qtbot.addWidget(again)
    again.restore({what: one.path for what, one in record.files.items()}, record)
    qtbot.waitUntil(lambda: again.comparison is not None)
    wait(qtbot, session)
    assert again.record() == record
    assert again.form.values() == compared.form.values()
    assert again.comparison is not None and compared.comparison is not None
    assert len(again.comparison.rows) == len(compared.comparison.rows)
