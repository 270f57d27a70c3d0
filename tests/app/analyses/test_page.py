"""The analysis work spaces: forms speak configs, answers are drawn, points and cells lead back to Explore."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication, QImage
from pytestqt.qtbot import QtBot

from app.analyses import sweep_job
from app.analyses.answer_view import FragilityView
from app.analyses.meaning_view import MeaningView
from app.analyses.page import NO_MASK, AnalysisPage, find_formula
from app.analyses.sweep_form import SweepForm, fill_form
from app.analyses.sweep_job import Finished, copy_results, iter_analysis
from app.analyses.transfer_view import TransferView
from app.base.services import Services, open_services
from app.look.theme import LIGHT, use_theme
from core.attacks.config import AttackConfig
from core.attacks.mask import Mask
from core.cluster.where import HERE
from core.datasets.photos import load_stimulus
from core.datasets.subject import load_subject
from core.encoders.config import EncoderConfig
from core.encoders.files import load_card
from core.engine import Engine
from core.errors import BadInputError, ProbeError
from core.headers import unstructure
from core.stimuli.analysed import list_analysis_recipes
from core.stimuli.probe_warnings import evaluate_remaking
from core.sweeps import choose
from core.sweeps.config import AttackKind, EncoderName, Question, SweepConfig, TargetName
from core.sweeps.plan import SCORE, Cell
from core.sweeps.transfer import TransferAnswer

KEYS = (("alexnet", "features.4"), ("alexnet", "features.7"))


@lru_cache
def finish(question: Question, rois: tuple[str, ...] = ("FFA", "V1"), **more: Any) -> Finished:
    """A small answer of the real engine, made once."""
    config = SweepConfig(
        question,
        tuple(EncoderName("simulated", *key) for key in KEYS),
        ("cat_chelsea", "face_054"),
        tuple(TargetName(-1, roi) for roi in rois),
        ladder=(0.5, 1.0),
        n_steps=1,
        n_test=8,
        n_bootstrap=20,
        **more,
    )
    last = list(iter_analysis(Engine(device="cpu"), config, HERE, lambda: False))[-1]
    assert isinstance(last, Finished)
    return last


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Services]:
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path / "home"))
    opened = open_services(engine=Engine(device="cpu"))
    yield opened
    opened.close()


def make_page(qtbot: QtBot, session: Services, question: Question) -> AnalysisPage:
    page = AnalysisPage(question, session)
    qtbot.addWidget(page)
    return page


def test_the_form_says_what_is_wrong_and_what_it_costs(qtbot: QtBot) -> None:
    form = SweepForm(Question.TRANSFER)
    qtbot.addWidget(form)
    with pytest.raises(ProbeError, match="Choose a subject"):
        form.value()
    encoders = [EncoderConfig("simulated", *key) for key in KEYS]
    form.set_subject(load_subject("simulated"), encoders, KEYS)
    assert [name.layer for name in form.value().encoders] == ["features.4", "features.7"]
    assert "cells" in form.cost.text()
    form.encoders.item(0).setCheckState(Qt.CheckState.Unchecked)
    assert "Encoders must be at least 2" in form.problem.text()
    form.encoders.item(0).setCheckState(Qt.CheckState.Checked)
    form.ladder.setText("1, 0.5")
    form.ladder.editingFinished.emit()
    assert "ascending order" in form.problem.text()


@pytest.mark.parametrize(
    ("field", "text", "problem"),
    [
        ("ladder", "0, 1", "above 0 in ascending order"),
        ("ladder", "1, 1", "above 0 in ascending order"),
        ("ladder", "one", "a number or a fraction"),
        ("ladder", "", "a number or a fraction"),
        ("ladder", "nan", "not nan"),
        ("voxels", "99999", "a voxel from 0 to 1843"),
        ("voxels", "FFA:9999", "as many as every encoder predicts"),
        ("voxels", "Nowhere:2", "Roi must be one of"),
    ],
)
def test_what_cannot_be_run_is_told_beside_a_disabled_button(
    qtbot: QtBot, session: Services, field: str, text: str, problem: str
) -> None:
    page = make_page(qtbot, session, Question.FRAGILITY)
    page.form.set_subject(load_subject("simulated"), [EncoderConfig("simulated", *key) for key in KEYS], KEYS)
    assert page.run.isEnabled()
    line = getattr(page.form, field)
    line.setText(text)
    line.editingFinished.emit()
    assert problem in page.form.problem.text()
    assert page.run.toolTip() == page.form.problem.text()
    assert not page.run.isEnabled()


def test_one_image_alone_cannot_be_asked_for(qtbot: QtBot, session: Services) -> None:
    page = make_page(qtbot, session, Question.FRAGILITY)
    page.form.set_subject(load_subject("simulated"), [EncoderConfig("simulated", *key) for key in KEYS], KEYS)
    page.form.images.take_words(["cat_chelsea"])
    assert "Images must be at least 2 images" in page.form.problem.text()
    assert not page.run.isEnabled()


def test_what_is_finished_is_shown_while_the_rest_runs(
    qtbot: QtBot, session: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_job, "PERIOD", 0.0)
    monkeypatch.setattr(sweep_job, "SHARE", 1e9)
    page = make_page(qtbot, session, Question.FRAGILITY)
    page.show()
    encoders = tuple(EncoderName("simulated", *key) for key in KEYS)
    targets, sizes = (TargetName(-1, "FFA"), TargetName(-1, "V1")), {"ladder": (0.5, 1.0), "n_steps": 1, "n_test": 8}
    config = SweepConfig(Question.FRAGILITY, encoders, ("cat_chelsea", "face_054"), targets, **sizes)  # type: ignore[arg-type]
    seen: list[tuple[int, str]] = []
    for record in iter_analysis(session.engine, config, HERE, lambda: False):
        if isinstance(record, Finished):
            page.take_answer(record)
            continue
        page._take_progress(record)
        if page.shown is not None:
            seen.append((page.table.rowCount(), page.so_far.text()))
            assert page.so_far.isVisible()
            assert not page.export.isEnabled(), "only the whole is saved"
            assert (
                "Simulated subject, preliminary" in cast(FragilityView, page.view).scatter.getPlotItem().titleLabel.text
            )
    assert seen[0] == (2, "Preliminary: 2 of 6 cells, 1 of 2 encoders, 1 of 2 targets"), "all targets and FFA alone"
    assert seen[-1][1].startswith("Preliminary: 6 of 6 cells")
    assert page.finished is not None
    assert not page.so_far.isVisible()
    assert page.export.isEnabled()
    assert page.table.rowCount() == 6


@pytest.mark.parametrize("question", [one for one in Question if one is not Question.DISAGREEMENT])
def test_seven_rows_of_numbers_are_seen_in_a_window_of_1440_by_900(
    qtbot: QtBot, session: Services, question: Question
) -> None:
    page = make_page(qtbot, session, question)
    page.take_answer(finish(question))
    page.table.fill([(str(row), [str(row)]) for row in range(20)])
    page.resize(1440, 832)  # the rest are menus and the status line
    page.show()
    qtbot.waitExposed(page)
    inside = page.table.viewport().rect()
    rows = [page.table.visualItemRect(page.table.item(row, 0)) for row in range(20)]
    assert sum(inside.top() <= one.top() and one.bottom() <= inside.bottom() for one in rows) >= 7


def test_an_analysis_that_was_stopped_is_opened_as_far_as_it_came(
    qtbot: QtBot, session: Services, tmp_path: Path
) -> None:
    finished, folder = finish(Question.FRAGILITY), tmp_path / "copy"
    shutil.copytree(finished.folder, folder)
    (folder / "cells" / "climb-001-001-000-000.npz").unlink()
    opened = sweep_job.read_analysis(folder)
    assert (opened.n_done, opened.n_cells, opened.is_whole) == (5, 6, False)
    assert np.array_equal(opened.sweep.shift, finished.sweep.shift[:1])
    page = make_page(qtbot, session, Question.FRAGILITY)
    page.take_answer(opened)
    assert page.work.note.text().startswith("This analysis is not finished")
    assert page.finished is None
    shutil.rmtree(folder / "cells")
    with pytest.raises(BadInputError, match=r"of an analysis with finished cells.*report\.html"):
        sweep_job.read_analysis(folder)


@pytest.mark.parametrize(
    ("score", "value", "problem"),
    [("reference_sd", 0.0, "as a constant, so its shift has no unit"), ("cv_r", 0.05, "below the gate 0.1")],
)
def test_a_voxel_that_is_predicted_badly_or_as_a_constant_is_refused_in_the_form(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, score: str, value: float, problem: str
) -> None:
    card = load_card("simulated", *KEYS[0])
    worse = replace(card, **{score: np.full_like(getattr(card, score), value)})  # type: ignore[arg-type]
    monkeypatch.setattr(choose, "load_card", lambda *_: worse)
    form = SweepForm(Question.FRAGILITY)
    qtbot.addWidget(form)
    form.set_subject(load_subject("simulated"), [EncoderConfig("simulated", *key) for key in KEYS], KEYS)
    form.voxels.setText("3")
    form.voxels.editingFinished.emit()
    assert problem in form.problem.text()


def test_square_is_offered_with_its_queries_alone(qtbot: QtBot) -> None:
    form = SweepForm(Question.MEANING)
    qtbot.addWidget(form)
    form.set_subject(load_subject("simulated"), [EncoderConfig("simulated", *key) for key in KEYS], KEYS)
    assert (form.n_queries.isHidden(), form.n_steps.isHidden()) == (True, False)
    form.attack.setCurrentIndex(form.attack.findData(AttackKind.SQUARE))
    form.n_queries.setValue(50)
    assert (form.n_queries.isHidden(), form.n_steps.isHidden()) == (False, True)
    assert (form.value().attacks, form.value().n_queries) == ((AttackKind.SQUARE,), 50)
    assert form.attack.findData(AttackKind.ENSEMBLE) == -1


@pytest.mark.parametrize("ending", ["svg", "pdf", "png"])
def test_one_plot_is_saved_with_whose_responses_it_shows(
    qtbot: QtBot, session: Services, tmp_path: Path, ending: str
) -> None:
    page = make_page(qtbot, session, Question.FRAGILITY)
    page.take_answer(finish(Question.FRAGILITY))
    plot = cast(FragilityView, page.view).curve
    page.resize(1264, 700)
    page.show()
    qtbot.waitExposed(page)
    assert [action.text() for action in plot.actions()] == ["Copy picture", "Save figure…"]
    path = tmp_path / f"plot.{ending}"
    page.save_plot_to(plot, path)
    if ending == "png":
        assert QImage(str(path)).width() > 600
    elif ending == "svg":
        assert "Simulated subject" in path.read_text(encoding="utf-8")
    else:
        assert path.read_bytes().startswith(b"%PDF")
    plot.actions()[0].trigger()
    assert QGuiApplication.clipboard().pixmap().width() == 2 * plot.width()
    with pytest.raises(BadInputError, match="`format` must be one of svg, pdf, png"):
        page.save_plot_to(plot, tmp_path / "plot.gif")


@pytest.mark.parametrize("question", list(Question))
def test_every_answer_is_drawn_in_both_themes_and_saved(
    qtbot: QtBot, session: Services, tmp_path: Path, question: Question
) -> None:
    page = make_page(qtbot, session, question)
    assert not page.export.isEnabled()
    finished = finish(question)
    page.take_answer(finished)
    use_theme(LIGHT)
    assert page.stack.currentIndex() == 1
    assert page.answer_badge.text() == "simulated", "simulated responses are called simulated beside their numbers"
    assert page.table.rowCount() == len(finished.table.rows)
    assert page.export.isEnabled()
    copy_results(finished.folder, tmp_path / "saved")
    assert (tmp_path / "saved" / "report.html").is_file()
    with pytest.raises(BadInputError, match="new or an empty folder"):
        copy_results(finished.folder, tmp_path / "saved")


def test_a_point_of_the_scatter_asks_for_its_probe(qtbot: QtBot, session: Services) -> None:
    page = make_page(qtbot, session, Question.FRAGILITY)
    finished = finish(Question.FRAGILITY)
    page.take_answer(finished)
    view = cast(FragilityView, page.view)
    targets = [one for one in view.scatter.shown.series if one.keys]
    assert sum(len(one.keys) for one in targets) == 4
    place = view.scatter.getPlotItem().vb.mapViewToScene(QPointF(targets[0].x[0], targets[0].y[0]))
    with qtbot.waitSignal(page.probe_requested) as asked:
        view.scatter.pick_at(place)
    config, encoder, target, image = asked.args
    own = finished.sweep.sensitivity()[encoder, target, :, -1]
    assert config == finished.sweep.config
    assert own[image] == np.sort(own)[(len(own) - 1) // 2]
    assert targets[0].y[0] == pytest.approx(own.mean())


def test_a_click_of_the_mouse_on_a_point_asks_for_its_probe(qtbot: QtBot, session: Services) -> None:
    page = make_page(qtbot, session, Question.FRAGILITY)
    page.take_answer(finish(Question.FRAGILITY))
    page.resize(1264, 700)
    page.show()
    qtbot.waitExposed(page)
    view = cast(FragilityView, page.view)
    canvas = view.scatter
    target = next(one for one in canvas.shown.series if one.keys)
    place = canvas.mapFromScene(canvas.getPlotItem().vb.mapViewToScene(QPointF(target.x[0], target.y[0])))
    with qtbot.waitSignal(page.probe_requested) as asked:
        qtbot.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert tuple(asked.args[1:]) in {key for one in canvas.shown.series for key in one.keys}


def test_the_right_plot_shows_what_is_chosen_and_the_scatter_one_roi(qtbot: QtBot, session: Services) -> None:
    page = make_page(qtbot, session, Question.FRAGILITY)
    page.take_answer(finish(Question.FRAGILITY))
    view = cast(FragilityView, page.view)
    titles = set()
    for name in ("curve", "linearity", "curvature", "parts"):
        view.choice.button(name).click()
        titles.add(view.curve.getPlotItem().getAxis("left").labelText)
        assert view.curve.getPlotItem().items
    assert len(titles) == 4
    assert not view.choice.button("norms").isEnabled()
    assert len([key for one in view.scatter.shown.series for key in one.keys]) == 4
    view.roi.setCurrentIndex(view.roi.findData("V1"))
    targets = [key for one in view.scatter.shown.series for key in one.keys]
    assert len(targets) == 2
    assert {target for _, target, _ in targets} == {1}


def test_the_formula_of_a_number_is_told_where_it_stands(qtbot: QtBot, session: Services) -> None:
    page = make_page(qtbot, session, Question.DISCRIMINABILITY)
    page.take_answer(finish(Question.DISCRIMINABILITY))
    tips = {page.table.item(row, 0).text(): page.table.item(row, 0).toolTip() for row in range(page.table.rowCount())}
    assert tips["Treves-Rolls sparseness"].startswith("Treves-Rolls sparseness: 1 − (mean |s|)²")
    assert all(tips.values())
    assert find_formula("held-out images", {"area": "x"}) == ""


def test_the_cost_is_told_anew_from_the_measured_pace(qtbot: QtBot, session: Services) -> None:
    page = make_page(qtbot, session, Question.FRAGILITY)
    page.form.set_subject(load_subject("simulated"), [EncoderConfig("simulated", *key) for key in KEYS], KEYS)
    qtbot.waitUntil(lambda: "at the speed measured here" in page.form.cost.text(), timeout=30_000)
    page.form.set_step_seconds(dict.fromkeys(KEYS, 1e6))
    assert "h at the speed" in page.form.cost.text()


def test_a_cell_shows_its_numbers_images_and_maps_and_leads_to_its_source(qtbot: QtBot, session: Services) -> None:
    page = make_page(qtbot, session, Question.TRANSFER)
    finished = finish(Question.TRANSFER)
    page.take_answer(finished)
    view, answer = cast(TransferView, page.view), cast(TransferAnswer, finished.answer)
    order, table = list(answer.cases[0].order), answer.cases[0].tables[0]
    view.matrix.pick_at(view.matrix.getPlotItem().vb.mapViewToScene(QPointF(order.index(0), order.index(1))))
    assert view.panel.title.text() == "alexnet features.7 → alexnet features.4"
    assert f"T {table.ratio[1, 0]:.2f}" in view.panel.numbers.text()
    assert [one.text() for one in view.panel.maps.captions] == ["in alexnet features.7", "in alexnet features.4"]
    shown = (*view.panel.pictures.pictures, *view.panel.maps.pictures)
    assert len(shown) == 5
    assert all(not label.image.isNull() for label in shown)
    before = view.panel.numbers.text()
    view.panel.image.setCurrentIndex(2)
    view.panel.target.setCurrentIndex(1)
    assert view.panel.numbers.text() != before
    with qtbot.waitSignal(page.probe_requested) as asked:
        view.panel.open.click()
    assert asked.args[1:] == [1, 1, 1]
    view.show_cell(0, 0)
    assert "its own weights" in view.panel.title.text()


def test_every_norm_attack_and_alignment_has_its_matrix(qtbot: QtBot, session: Services) -> None:
    page = make_page(qtbot, session, Question.TRANSFER)
    many = {"attacks": ("pgd", "ti"), "norms": ("l2", "linf"), "untrained": (0,), "n_refit": 20}
    finished = finish(Question.TRANSFER, ("FFA",), **many)
    page.take_answer(finished)
    view, answer = cast(TransferView, page.view), cast(TransferAnswer, finished.answer)
    assert [view.case.itemText(row) for row in range(view.case.count())] == [case.label for case in answer.cases]
    view.show_cell(2, 0)
    assert view.panel.title.text() == "alexnet features.4 untrained → alexnet features.4"
    view.case.setCurrentIndex(3)
    shown, order = view.matrix.shown, list(answer.cases[3].order)
    assert np.array_equal(shown.fields[:-1], answer.cases[3].tables[0].ratio[np.ix_(order, order)])
    moved = [finished.sweep.store.load(Cell(SCORE, one, 0, 0, 1, 1))["shift"].mean(axis=-1) for one in range(2)]
    own = [finished.sweep.store.load(Cell(SCORE, one, 0, 0, 1, 1))["shift"][one, 0].mean() for one in range(2)]
    random = [np.mean([moved[source][one, 1] for source in range(2)]) / own[one] for one in order]
    assert shown.fields[-1] == pytest.approx(random)
    assert shown.y_ticks[-1][1] == "random control"
    view.matrix.picked.emit((2, 0))  # there is no cell behind a control
    assert "features.7 → " in view.panel.title.text(), "without untrained networks the last source is shown"
    view.what.setCurrentIndex(4)
    assert "gradients" in view.what.currentText()
    assert f"k = {answer.alignments[2].n_axes}" in view.note.text()


def test_the_form_of_a_transfer_asks_for_attacks_and_copies(qtbot: QtBot) -> None:
    form = SweepForm(Question.TRANSFER)
    qtbot.addWidget(form)
    form.set_subject(load_subject("simulated"), [EncoderConfig("simulated", *key) for key in KEYS], KEYS)
    assert (form.value().refitted, form.value().untrained) == ((0, 1), (0, 1))
    form.refitted.setChecked(False)
    form.attacks.item(form.attacks.values().index(AttackKind.TI)).setCheckState(Qt.CheckState.Checked)
    assert form.value().attacks == (AttackKind.PGD, AttackKind.TI)
    assert form.value().refitted == ()
    form.attacks.item(form.attacks.values().index(AttackKind.ENSEMBLE)).setCheckState(Qt.CheckState.Checked)
    assert "at least 3 for an ensemble" in form.problem.text()


def test_what_classifiers_say_stands_under_the_pictures(qtbot: QtBot, session: Services) -> None:
    page = make_page(qtbot, session, Question.MEANING)
    page.take_answer(finish(Question.MEANING))
    text = cast(MeaningView, page.view).evidence.text()
    assert "alexnet features.4: no classes, since alexnet.safetensors holds no classifier." in text


def test_a_stopped_analysis_goes_on_in_the_same_folder(session: Services) -> None:
    first = finish.__wrapped__(Question.FRAGILITY)
    again = finish.__wrapped__(Question.FRAGILITY)
    assert first.folder == again.folder
    assert np.array_equal(first.sweep.shift, again.sweep.shift)


def test_a_probe_of_an_analysis_made_again_moves_its_target_as_it_did_there() -> None:
    sweep = finish(Question.FRAGILITY).sweep
    recipe = list_analysis_recipes(sweep)[-1]
    stimulus = load_stimulus(recipe.image, size=recipe.config.side)
    *_, last = Engine(device="cpu").iter_probe(recipe.config, stimulus)
    assert last.result is not None and recipe.analysed_sd is not None
    assert last.result.curve.shift[-1] / last.result.target_sd == pytest.approx(recipe.analysed_sd, rel=0.02)
    assert not evaluate_remaking(last.result, recipe.analysed_sd)
    assert evaluate_remaking(last.result, -recipe.analysed_sd)


def test_a_mask_in_explore_is_said_not_to_be_used(qtbot: QtBot, session: Services) -> None:
    page = make_page(qtbot, session, Question.FRAGILITY)
    assert page.no_mask.isHidden()
    session.state.attack = AttackConfig(mask=Mask(box=(0.0, 0.0, 0.5, 1.0)))
    assert not page.no_mask.isHidden() and page.no_mask.text() == NO_MASK
    session.state.attack = AttackConfig()
    assert page.no_mask.isHidden()


def test_a_saved_session_puts_the_attack_back_into_its_form(qtbot: QtBot) -> None:
    form = SweepForm(Question.FRAGILITY)
    qtbot.addWidget(form)
    form.set_subject(load_subject("simulated"), [EncoderConfig("simulated", *key) for key in KEYS], KEYS)
    wish = replace(form.value(), attacks=(AttackKind.SQUARE,), n_queries=77, n_steps=3)
    fill_form(form, unstructure(wish))
    assert form.value() == wish
