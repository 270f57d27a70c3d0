"""Power on the curve: what is shaded and said is what the closed form gives for the curve on screen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.explore.responses_panel import LEAST_BESIDE, ResponsesPanel
from core.experiments.measured.detect import ShiftPower
from core.probes.probe import Probe
from core.types import NormName
from tests.helpers.probes import make_probe, make_table


@pytest.fixture
def panel(qtbot: QtBot) -> ResponsesPanel:
    made = ResponsesPanel()
    qtbot.addWidget(made)
    made.resize(1100, 260)
    made.show()
    return made


def show(panel: ResponsesPanel, probe: Probe) -> ShiftPower:
    panel.show_probe(probe, make_table())
    panel.power.shows.click()
    power = panel.power
    return ShiftPower(power.ncsnr.value(), power.n_repeats.value(), power.n_images.value(), power.slope.value())


def test_nothing_is_shaded_until_it_is_asked_for(panel: ResponsesPanel) -> None:
    panel.show_probe(make_probe(size=32), make_table())
    assert panel.curve.shift.shown.shaded == () and not panel.power.isVisible()


@pytest.mark.parametrize(("norm", "epsilon", "factor"), [(NormName.L2, 3.0, 1.0), (NormName.LINF, 8 / 255, 255.0)])
def test_the_epsilons_at_which_a_shift_is_detected_are_shaded(
    panel: ResponsesPanel, norm: NormName, epsilon: float, factor: float
) -> None:
    probe = make_probe(size=32, norm=norm, epsilon=epsilon)
    wanted = show(panel, probe)
    ((low, high),) = panel.curve.shift.shown.shaded
    x, y = np.append(0, factor * probe.curve.epsilon), np.append(0, probe.curve.shift / probe.target_sd)
    assert high == pytest.approx(factor * epsilon)
    at = np.array([np.interp(one, x, y) for one in (0.999 * low, 1.001 * low)])
    below, above = wanted.power(at)
    assert below < 0.8 < above
    needed = int(wanted.repeats_needed(y[-1:])[0])
    assert f"needs {needed} repeats for a power of 0.8" in panel.power.answer.text()


def test_the_words_follow_the_epsilon_that_is_marked(panel: ResponsesPanel) -> None:
    wanted = show(panel, make_probe(size=32))
    panel.curve.show_marker(0.75, 0.21)
    needed = int(wanted.repeats_needed(np.array([0.21 / 0.42]))[0])
    assert panel.power.answer.text().startswith(f"L₂ ε 0.75 needs {needed} repeats")


def test_more_images_shade_more_and_too_few_say_why(panel: ResponsesPanel) -> None:
    show(panel, make_probe(size=32))
    before = panel.curve.shift.shown.shaded[0][0]
    panel.power.set_images(40)
    assert panel.curve.shift.shown.shaded[0][0] < before
    panel.power.set_images(0)  # an empty tray says nothing
    assert panel.power.n_images.value() == 40
    panel.power.set_images(4)
    assert panel.curve.shift.shown.shaded == ()
    assert "no sign test of so few images can reach" in panel.power.answer.text()


def test_the_noise_of_the_target_is_taken_where_it_is_known(panel: ResponsesPanel) -> None:
    panel.power.set_usual(0.62, float("nan"))
    assert (panel.power.ncsnr.value(), panel.power.slope.value()) == (0.62, 1.0)
    panel.power.set_usual(0.62, 0.7)
    panel.power.ncsnr.setValue(0.5)
    panel.power.set_usual(0.62, 0.7)  # the same target is drawn again
    assert (panel.power.ncsnr.value(), panel.power.slope.value()) == (0.5, 0.7)


def test_a_shift_without_an_sd_has_no_power(panel: ResponsesPanel) -> None:
    show(panel, replace(make_probe(size=32), target_sd=float("nan")))
    assert panel.curve.shift.shown.shaded == ()
    assert panel.power.answer.text() == "Power is told of a finished probe whose shift is known in SDs."


@pytest.mark.parametrize("width", [LEAST_BESIDE - 1, LEAST_BESIDE])
def test_fields_and_answer_can_be_read_however_narrow_the_curve_is(
    panel: ResponsesPanel, width: int, qtbot: QtBot
) -> None:
    panel.resize(width, 300)
    show(panel, make_probe(size=32))
    power = panel.power
    boxes = (power.n_repeats, power.n_images, power.ncsnr, power.slope)

    def is_laid_out() -> None:  # an answer of two lines takes a further turn
        for box in boxes:
            line = box.lineEdit()
            assert line.fontMetrics().horizontalAdvance(box.text()) + 4 <= line.width(), box.text()
            assert not box.geometry().intersects(power.answer.geometry())
        assert power.answer.heightForWidth(power.answer.width()) <= power.answer.height()
        assert power.geometry().bottom() <= power.parentWidget().height()

    qtbot.waitUntil(is_laid_out)
