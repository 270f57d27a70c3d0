"""The budget meter's words against the reading it is given."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from app.look.theme import theme_in_use
from app.widgets.budget_meter import NO_READING, BudgetMeter, describe_budget
from core.attacks.config import AttackConfig
from core.probes.budget import read_budget
from core.types import NormName

GREY = np.full((3, 10, 10), 100 / 255)


def test_the_lines_say_sizes_in_the_units_people_use() -> None:
    rows = {
        row.name: row
        for row in describe_budget(read_budget(GREY, GREY + 8 / 255, AttackConfig(NormName.LINF, 8 / 255)))
    }
    assert rows["L∞"].value == "8/255"
    assert rows["RMS"].value == "8.00 grey levels"
    assert rows["Pixels changed"].value == "100.0 %"
    assert rows["Survives 8 bits"].value == "yes · 0 % lost" and rows["Survives 8 bits"].ink == "good"


def test_a_lost_perturbation_is_marked() -> None:
    rows = describe_budget(read_budget(GREY, GREY + 0.3 / 255, AttackConfig(NormName.L2, 1)))
    assert rows[-1].value == "no · 100 % lost" and rows[-1].ink == "danger"
    noise = np.random.default_rng(0).choice([-1.0, 1.0], GREY.shape)  # rounding moves 0.8/255 to 1/255: by a quarter
    rows = describe_budget(read_budget(GREY, GREY + 0.8 / 255 * noise, AttackConfig(NormName.LINF, 1)))
    assert rows[-1].value == "yes · 25 % lost" and rows[-1].ink == "warning"


def test_each_line_explains_its_formula(qtbot: QtBot) -> None:
    meter = BudgetMeter()
    qtbot.addWidget(meter)
    meter.resize(200, 200)
    meter.set_reading(read_budget(GREY, GREY + 1 / 255, AttackConfig(NormName.L2, 1)))
    told = [meter.explain_at(y) for y in range(0, 200, 5)]
    assert told[0].startswith("Budget used")
    assert any("√(3 N²)" in text for text in told)
    assert not meter.grab().isNull()


def test_an_empty_meter_says_so(qtbot: QtBot) -> None:
    meter = BudgetMeter()
    qtbot.addWidget(meter)
    assert NO_READING.lower() in meter.accessibleName().lower()
    assert meter.explain_at(60) == ""


def test_a_low_meter_leaves_out_lines_but_never_whether_eight_bits_keep_the_perturbation(qtbot: QtBot) -> None:
    meter = BudgetMeter()
    qtbot.addWidget(meter)
    meter.set_reading(read_budget(GREY, GREY + 0.3 / 255, AttackConfig(NormName.L2, 1)))
    meter.resize(200, 116)
    names = [row.name for row, _ in meter.placed_rows()]
    assert 1 < len(names) < len(meter.rows)
    assert names[0] == meter.rows[0].name and names[-1] == "Survives 8 bits"
    assert meter.explain_at(115).startswith("Survives 8 bits")
    meter.resize(200, 300)
    assert tuple(row for row, _ in meter.placed_rows()) == meter.rows


def test_of_a_step_in_eight_bits_nothing_is_said_about_eight_bits_nor_is_it_red(qtbot: QtBot) -> None:
    meter = BudgetMeter()
    qtbot.addWidget(meter)
    meter.resize(200, 200)
    rounded = read_budget(GREY, GREY + 1.4 / 255, AttackConfig(NormName.L2, 0.09))
    assert rounded.realised > rounded.epsilon
    danger = QColor(theme_in_use().danger)
    pictures = []
    for of_step in (False, True):
        meter.set_reading(rounded, of_step=of_step)
        picture = meter.grab().toImage()
        pictures.append(any(picture.pixelColor(x, 30) == danger for x in range(picture.width())))
    assert pictures == [True, False]
    assert meter.rows[-1].value == "–" and "8 bits" in meter.rows[-1].formula
