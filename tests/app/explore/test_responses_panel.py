"""The responses panel against the probe it shows."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPicture
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from app.base.state import Pinned
from app.explore.history_view import HistoryView
from app.explore.responses_panel import LEAST_BESIDE, ResponsesPanel
from app.explore.roi_table import SECOND, SHIFT, SHIFT_SD, RoiTable
from app.look.theme import LIGHT, use_theme
from core.attacks.config import write_convergence
from core.figures.curve import CurveData
from core.probes.against import Against
from core.probes.probe import Preview, Probe, in_reference_sds
from core.probes.spill_over import SpillOver, SpillRow, tabulate_probe
from core.probes.target import target_contrast, target_roi
from core.surfaces.placing import Placed
from core.surfaces.store import load_surface
from core.types import Direction, NormName
from core.words import format_signed
from tests.helpers.clipped import list_clipped
from tests.helpers.probes import ROIS, iter_progress, make_preview, make_probe, make_table, with_second

TABLE = make_table()
SHOWN = ["FFA", *(roi for roi in ROIS if roi != "FFA")]
"""The target's ROI stands above the others."""


@pytest.fixture
def panel(qtbot: QtBot) -> ResponsesPanel:
    made = ResponsesPanel()
    qtbot.addWidget(made)
    made.resize(1300, 260)
    made.show()
    qtbot.waitExposed(made)
    return made


def column_of(panel: ResponsesPanel, column: int) -> list[str]:
    model = panel.table.model()
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def test_an_empty_panel_says_what_to_do(panel: ResponsesPanel) -> None:
    assert not panel.curve.isVisible()


def test_the_curve_holds_the_probes_own_numbers(panel: ResponsesPanel) -> None:
    probe = make_probe(size=32)
    panel.show_probe(probe, TABLE)
    data = panel.curve.data
    assert data is not None and panel.curve.isVisible()
    assert np.array_equal(data.lines["attack"], probe.curve.shift)
    assert np.array_equal(data.lines["random control"], probe.curve.control_shift)
    panel.axis_choice.button("linear").click()
    x, y = panel.curve.shift.items["attack"].getData()
    assert x.tolist() == pytest.approx([0.0, *probe.curve.epsilon]) and y[0] == 0
    shift = probe.curve.shift[-1]
    said = panel.readout.text()
    converged = write_convergence(probe.to_gain)
    assert said.startswith(f"+{shift:.3f} (+{shift / probe.target_sd:.2f} SD of the mean) · {converged} · control +")
    linearity = probe.curve.shift[-1] / probe.curve.first_order[-1]
    assert said.endswith(f"linearity {linearity:.2f}")


def test_the_readout_follows_what_is_shown(panel: ResponsesPanel) -> None:
    probe = make_probe(size=32)
    panel.show_probe(probe, TABLE)
    whole = panel.readout.text()
    size, none = probe.clean.shape, np.zeros((8, 8, 3), dtype=np.uint8)
    panel.show_preview(Preview(0.5, none, np.zeros((3, 8, 8)), np.zeros(size), np.zeros(size), 0.25))
    panel.draw_spill()
    assert panel.readout.text() == f"+0.250 (+{0.25 / probe.target_sd:.2f} SD of the mean) · quick look"
    panel.show_step(0)
    panel.draw_spill()
    assert panel.readout.text().endswith(" SD of the mean) · step 1") and panel.readout.text() != whole
    panel.show_step(None)
    panel.draw_spill()
    assert panel.readout.text() == whole


def test_the_right_axis_is_the_left_one_in_sds(panel: ResponsesPanel) -> None:
    probe = make_probe(size=32)
    panel.show_probe(probe, TABLE)
    axis = panel.curve.shift._axes["right"]
    assert axis.scale == pytest.approx(1 / probe.target_sd)


def test_the_first_order_line_is_straight_and_ends_at_its_last_rung(panel: ResponsesPanel) -> None:
    probe = make_probe(size=32)
    panel.show_probe(probe, TABLE)
    panel.axis_choice.button("linear").click()
    x, y = panel.curve.shift.items["first order"].getData()
    assert y[-1] == pytest.approx(probe.curve.first_order[-1])
    assert np.allclose(y, x * probe.curve.first_order[-1] / 3.0)


def test_a_log_axis_has_its_marks_at_the_rungs(panel: ResponsesPanel) -> None:
    probe = make_probe(size=32, norm=NormName.LINF, epsilon=8 / 255)
    panel.show_probe(probe, TABLE)
    assert panel.curve.is_log, "as figures draw it"
    x, _ = panel.curve.shift.items["attack"].getData()
    assert (10**x).tolist() == pytest.approx([0.5, 1, 2, 4, 8])
    ticks = panel.curve.linearity._axes["bottom"]._tickLevels[0]
    assert [text for _, text in ticks] == ["8", "4", "2", "1", "0.5"]


def test_the_read_out_tells_numbers_and_formulas(panel: ResponsesPanel) -> None:
    panel.show_probe(make_probe(size=32), TABLE)
    told = panel.curve.explain(1.4)
    assert told.startswith("L₂ ε 1.5")
    assert "% signal change" in told and "SD" in told and "ε ‖∇f‖₂" in told and "linearity" in told


def test_an_epsilon_of_zero_is_a_flat_curve_not_a_failure(panel: ResponsesPanel) -> None:
    probe = make_probe(size=32)
    curve = panel.curve
    panel.show_probe(probe, TABLE)
    data = curve.data
    assert data is not None
    zero = np.zeros(1)
    lines = dict.fromkeys(data.lines, zero)
    curve.show_curve(type(data)(NormName.L2, Direction.RAISE, "%", zero, lines, np.full(1, np.nan), 0.4, 0.0))
    curve.set_log(True)
    curve.set_log(False)
    assert not curve.grab().isNull()


def test_the_table_shows_the_means_and_marks_the_target(panel: ResponsesPanel) -> None:
    probe = make_probe(size=32)
    panel.show_probe(probe, TABLE)
    rows = {row.roi: row for row in tabulate_probe(probe, TABLE)["mobilenet_v2"].rows}
    assert panel.table.row_keys() == SHOWN
    shown = column_of(panel, SHIFT_SD)
    assert shown == [f"{rows[roi].shift_sd:+.2f}".replace("-", "−") for roi in SHOWN]
    assert column_of(panel, 0)[0] == "● FFA"
    assert "selectivity z = +" in panel.selectivity.text()


def test_both_encoders_are_in_every_part_each_in_its_own_sds(panel: ResponsesPanel) -> None:
    probe = make_pair()
    second, sd = probe.second, probe.target_sd
    assert second is not None
    panel.show_probe(probe, TABLE)
    data, names = panel.curve.data, ("mobilenet_v2", "alexnet")
    assert data is not None and data.unit == "SD" and not panel.curve.shift._axes["right"].isVisible()
    for name, shift in zip(names, (probe.curve.shift / sd, second.shift / second.target_sd), strict=True):
        assert panel.curve.shift.items[name].getData()[1] == pytest.approx(shift)
    assert panel.curve.marker == (3.0, pytest.approx(probe.shifts_sd[0]))
    assert "random control, alexnet: −" in panel.curve.explain(3.0)
    steps = panel.history.plot.items
    assert steps["mobilenet_v2"].getData()[1] == pytest.approx(probe.history.shift / sd)
    assert steps["alexnet"].getData()[1] == pytest.approx(-2 * probe.history.shift / sd)
    moved = in_reference_sds(second.perturbed - second.clean, second.reference_sd)
    in_roi = [moved[[voxel for voxel, held in enumerate(TABLE.roi) if held == roi]].mean() for roi in SHOWN]
    assert column_of(panel, SECOND) == [format_signed(float(one)) for one in in_roi]
    assert not panel.table.isColumnHidden(SECOND)
    heads = [str(panel.table.model().headerData(at, Qt.Orientation.Horizontal)) for at in (SHIFT_SD, SECOND)]
    assert heads == ["SD, mobilenet_v2", "SD, alexnet"]
    assert " / " in panel.selectivity.text() and "linearity" not in panel.readout.text()
    panel.show_step(1)
    panel.draw_spill()
    assert panel.readout.text() == (
        f"+{probe.history.shift[1] / sd:.2f} SD mobilenet_v2 · "
        f"−{2 * probe.history.shift[1] / sd:.2f} SD alexnet · step 2"
    )
    assert set(column_of(panel, SECOND)) == {"–"}, "responses there are not kept for single steps"
    panel.show_probe(make_probe(size=32), TABLE)
    assert panel.table.isColumnHidden(SECOND) and "linearity" in panel.readout.text()


def test_a_pinned_probe_stands_beside_a_pair_in_sds(panel: ResponsesPanel) -> None:
    pinned = make_probe(size=32)
    panel.set_pinned(Pinned(pinned, Placed(load_surface("fsaverage5"), TABLE, None), "0"))
    panel.show_probe(make_pair(), TABLE)
    assert panel.curve.shift.items["A, pinned"].getData()[1] == pytest.approx(pinned.curve.shift / pinned.target_sd)


def test_no_word_of_the_three_parts_is_cut_where_they_stand_side_by_side(panel: ResponsesPanel) -> None:
    panel.show_probe(make_probe(size=32), TABLE)
    panel.resize(LEAST_BESIDE, 300)
    assert not panel.part_choice.isVisible()
    QApplication.processEvents()
    assert list_clipped(panel) == []
    assert sum(part.width() for part in panel.parts) <= LEAST_BESIDE
    assert panel.table.horizontalHeader().textElideMode() is Qt.TextElideMode.ElideRight


def test_a_run_with_a_second_encoder_shows_both_while_it_goes_on(panel: ResponsesPanel, qtbot: QtBot) -> None:
    probe = make_pair()
    panel.begin_run(probe.config, TABLE, response_unit=probe.response_unit, reference_sd=probe.reference_sd)
    for record in iter_progress(probe)[:6]:
        panel.show_progress(record)
    draw_live(panel)
    assert panel.history.n_steps == 6
    assert panel.history.plot.items["alexnet"].getData()[1] == pytest.approx(probe.history.second_shift_sd[:6])
    assert panel.readout.text().endswith(" SD alexnet")
    assert not panel.table.isColumnHidden(SECOND)


def draw_live(panel: ResponsesPanel) -> None:
    for draw in (panel.draw_steps, panel.draw_curve, panel.draw_spill):
        draw()


def make_pair() -> Probe:
    probe = make_probe(size=32)
    return with_second(replace(probe, config=replace(probe.config, against=Against("alexnet", "features.11"))))


def test_the_table_sorts_by_number_not_by_text(panel: ResponsesPanel) -> None:
    probe = make_probe(size=32)
    panel.show_probe(probe, TABLE)
    panel.table.sortByColumn(SHIFT_SD, Qt.SortOrder.DescendingOrder)
    rows = tabulate_probe(probe, TABLE)["mobilenet_v2"].rows
    assert panel.table.row_keys() == [row.roi for row in sorted(rows, key=lambda row: -row.shift_sd)]


def test_choosing_a_row_tells(panel: ResponsesPanel, qtbot: QtBot) -> None:
    panel.show_probe(make_probe(size=32), TABLE)
    told: list[str] = []
    panel.table.roi_selected.connect(told.append)
    place = panel.table.visualRect(panel.table.model().index(2, SHIFT)).center()
    qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert told == [SHOWN[2]]


def test_the_target_and_its_contrast_stay_above_and_the_largest_come_first(panel: ResponsesPanel, qtbot: QtBot) -> None:
    probe = make_probe(size=32)
    target = target_contrast(TABLE, target_roi(TABLE, "V3"), "V1", weight=2.0)
    panel.show_probe(replace(probe, config=replace(probe.config, target=target)), TABLE)
    assert column_of(panel, 0)[:2] == ["● V3", "○ V1"]
    head = panel.table.horizontalHeader()
    place = QPoint(head.sectionViewportPosition(SHIFT_SD) + 9, head.height() // 2)
    for falls in (True, False):
        qtbot.mouseClick(head.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert column_of(panel, 0)[:2] == ["● V3", "○ V1"]
        rest = [float(text.replace("−", "-")) for text in column_of(panel, SHIFT_SD)[2:]]
        assert rest == sorted(rest, reverse=falls)


def test_a_small_shift_has_two_figures_as_a_large_one_has(panel: ResponsesPanel) -> None:
    rows = tuple(SpillRow(f"R{at}", 9, shift, 1.3, shift, 0.0, 0.0, False) for at, shift in enumerate((212.0, 0.0123)))
    panel.table.show_rows([SpillOver(rows, 1.0)], unit="z")
    assert column_of(panel, SHIFT) == ["+212.0", "+0.012"]


def test_a_double_click_asks_for_an_roi_as_target(panel: ResponsesPanel, qtbot: QtBot) -> None:
    panel.show_probe(make_probe(size=32), TABLE)
    asked: list[str] = []
    panel.table.roi_wanted.connect(asked.append)
    place = panel.table.visualRect(panel.table.model().index(3, SHIFT)).center()
    qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert asked == [SHOWN[3]]


def test_a_selection_lives_through_new_numbers(panel: ResponsesPanel) -> None:
    probe = make_probe(size=32)
    panel.show_probe(probe, TABLE)
    panel.table.select_key("V3")
    panel.show_preview(make_preview(probe, 1.0))
    panel.draw_spill()
    chosen = panel.table.selectionModel().selectedRows()
    assert [SHOWN[index.row()] for index in chosen] == ["V3"]


def test_scrubbing_tells_and_all_three_parts_follow(panel: ResponsesPanel) -> None:
    probe = make_probe(size=32)
    panel.show_probe(probe, TABLE)
    told: list[int] = []
    panel.history.step_scrubbed.connect(told.append)
    before = column_of(panel, SHIFT)
    panel.history.slider.setValue(5)
    assert told == [5]
    assert panel.curve.marker == (probe.history.epsilon[5], probe.history.shift[5])
    panel.draw_spill()
    assert column_of(panel, SHIFT) != before
    assert panel.history.readout.text().startswith("step 6 of 40 · L₂ ε 0.1875")
    panel.show_step(None)
    panel.draw_spill()
    assert told == [5] and panel.history.step is None
    assert column_of(panel, SHIFT) == before


def test_behind_the_last_step_lies_the_delivered_image(panel: ResponsesPanel, qtbot: QtBot) -> None:
    probe = make_probe(size=32)
    panel.show_probe(probe, TABLE)
    before, whole = column_of(panel, SHIFT), panel.readout.text()
    told: list[int | None] = []
    panel.history.step_scrubbed.connect(told.append)
    panel.history.slider.setFocus()
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_End):
        qtbot.keyClick(panel.history.slider, key)
    assert told == [39, 38, None]
    assert panel.history.readout.text() == "delivered image · after 40 steps"
    assert column_of(panel, SHIFT) == before and panel.readout.text() == whole


def test_a_running_probe_puts_every_step_at_its_number(panel: ResponsesPanel, qtbot: QtBot) -> None:
    """Most records are left out, as when the attack is faster than the window."""
    probe = make_probe(size=32)
    panel.begin_run(probe.config, TABLE, response_unit=probe.response_unit, reference_sd=probe.reference_sd)
    for record in iter_progress(probe)[3:20:8]:
        panel.show_progress(record)
    draw_live(panel)
    assert panel.history.n_steps == 20
    assert panel.history.readout.text().startswith("step 20 of 40 ")
    line = panel.history.plot.shown.series[0]
    assert line.x.tolist() == list(range(1, 21))
    for step in (4, 12, 20):
        assert line.y[step - 1] == pytest.approx(probe.history.shift[step - 1])


def test_playing_runs_to_the_last_step_and_stops(panel: ResponsesPanel, qtbot: QtBot) -> None:
    panel.show_probe(make_probe(size=32), TABLE)
    panel.history.slider.setValue(35)
    told: list[int | None] = []
    panel.history.step_scrubbed.connect(told.append)
    panel.history.play_button.click()
    qtbot.waitUntil(lambda: not panel.history.play_button.isChecked())
    assert told == [36, 37, 38, 39, None]


def test_a_run_is_shown_live_and_cheaply(panel: ResponsesPanel, qtbot: QtBot) -> None:
    probe = make_probe(size=32)
    panel.begin_run(probe.config, TABLE, response_unit=probe.response_unit, reference_sd=probe.reference_sd)
    for record in iter_progress(probe)[:20]:
        panel.show_progress(record)
    assert panel.history.n_steps == 0, "records are drawn together, later"
    draw_live(panel)
    assert panel.history.n_steps == 20
    assert panel.curve.data is not None
    assert panel.curve.data.epsilon.tolist() == pytest.approx(probe.curve.epsilon[:3])
    assert not panel.history.slider.isEnabled()
    assert panel.table.row_keys() == SHOWN
    panel.show_probe(probe, TABLE)
    assert panel.history.n_steps == 40 and panel.history.slider.isEnabled()


def test_the_marker_follows_a_dragged_epsilon(panel: ResponsesPanel) -> None:
    probe = make_probe(size=32)
    panel.show_probe(probe, TABLE)
    preview = make_preview(probe, 2.0)
    panel.show_preview(preview)
    panel.draw_spill()
    assert panel.curve.marker == (2.0, preview.shift)
    assert panel.history.readout.text() == "of the probe at L₂ ε 3", "its steps are not the preview's"
    panel.show_step(None)
    panel.draw_spill()
    assert panel.history.readout.text() == "delivered image · after 40 steps"


def test_a_lowered_target_is_drawn_in_the_cool_colour(panel: ResponsesPanel) -> None:
    use_theme(LIGHT)
    panel.show_probe(make_probe(size=32, direction=Direction.LOWER), TABLE)
    assert panel.curve.shift.items["attack"].opts["pen"].color().name() == LIGHT.cool


def test_showing_many_probes_builds_nothing_new(panel: ResponsesPanel) -> None:
    probe = make_probe(size=32)
    panel.show_probe(probe, TABLE)
    count = len(panel.curve.shift.scene().items())
    for _ in range(5):
        panel.show_probe(probe, TABLE)
        use_theme(LIGHT)
    assert len(panel.curve.shift.scene().items()) == count


def test_clear_goes_back_to_the_empty_state(panel: ResponsesPanel) -> None:
    panel.show_probe(make_probe(size=32), TABLE)
    panel.clear()
    assert not panel.curve.isVisible()
    panel.show_step(3)
    panel.draw_spill()
    panel.show_preview(make_preview(make_probe(size=32), 1.0))
    panel.draw_spill()


def test_the_advice_of_an_empty_panel_is_not_cut(panel: ResponsesPanel) -> None:
    for label in panel.findChildren(QLabel):
        if label.isVisible() and label.wordWrap():
            assert label.height() >= label.heightForWidth(label.width())


def test_small_numbers_are_shown_whole_in_a_narrow_table(qtbot: QtBot) -> None:
    table = RoiTable()
    qtbot.addWidget(table)
    table.resize(330, 200)
    row = SpillRow(
        "FFA",
        9,
        shift=-0.000123,
        shift_sd=-0.001,
        absolute_shift=0.0002,
        control_shift=0.00001,
        control_shift_sd=0.0,
        is_target=True,
    )
    table.show_rows([SpillOver((row,), 0.0)], unit="SD")
    index = table.model().index(0, SHIFT)
    heavy = index.data(Qt.ItemDataRole.FontRole)
    written = index.data()
    assert written.startswith("\N{MINUS SIGN}0.0001")
    assert QFontMetrics(heavy).horizontalAdvance(written) + 16 <= table.columnWidth(SHIFT)


def test_budgets_above_the_steps_do_not_lie_over_one_another(qtbot: QtBot) -> None:
    view = HistoryView()
    qtbot.addWidget(view)
    view.resize(260, 260)
    view.show()
    qtbot.waitExposed(view)
    budgets = np.repeat([0.00392, 0.00784, 0.01569, 0.03137], [2, 2, 2, 10])
    lines = {"attack": np.linspace(0, 1, len(budgets))}
    view.show_history(CurveData(NormName.L2, Direction.RAISE, "SD", budgets, lines))
    axis = view.plot.getPlotItem().getAxis("top")

    def list_texts() -> list[tuple[QRectF, object, str]]:
        picture = QPicture()
        painter = QPainter(picture)
        texts = axis.generateDrawSpecs(painter)[-1]
        painter.end()
        return texts

    qtbot.waitUntil(lambda: bool(list_texts()))
    texts = list_texts()
    assert texts[-1][-1] == "0.03137" and len(texts) < 4
    assert all(left[0].right() < right[0].left() for left, right in pairwise(texts))


@pytest.mark.parametrize("height", [180, 320])
def test_the_names_of_lines_are_whole_at_every_size(panel: ResponsesPanel, height: int) -> None:
    panel.show_probe(make_probe(size=32), TABLE)
    for width in (1300, 700, 500, 900):
        panel.resize(width, height)
        panel.grab()
        plot = panel.curve.shift
        box = plot.getPlotItem().vb
        edge = box.mapRectToScene(box.rect()).right()
        for name in plot._ends:
            label = plot._names[name]
            assert label.mapRectToScene(label.boundingRect()).right() <= edge + 1, (name, width)
