"""Another probe's curve on the axes of one: in one unit, and at its realised size where its norm is another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.figures.curve import ATTACK, curve_of, describe_run
from core.figures.probe_plots import LAST, PINNED, plot_curve, plot_steps
from core.types import NormName
from tests.helpers.probes import make_probe


def test_another_norm_stands_at_the_realised_sizes() -> None:
    own, other = make_probe(44, 32, epsilon=2.0), make_probe(44, 32, norm=NormName.LINF, epsilon=8 / 255)
    line = curve_of(other).in_sds().on_axes_of(curve_of(own).in_sds())
    assert line is not None
    np.testing.assert_allclose(line[0], other.curve.l2)
    np.testing.assert_allclose(line[1], other.curve.shift / other.target_sd)
    turned = curve_of(own).on_axes_of(curve_of(other))
    assert turned is not None
    np.testing.assert_allclose(turned[0], 255 * own.curve.linf)


def test_another_unit_has_no_place() -> None:
    data = curve_of(make_probe(44, 32))
    sds = data.in_sds()
    assert sds.unit == "SD" and sds.in_sds() is sds
    assert data.on_axes_of(sds) is None
    plot = plot_curve(sds, is_log=False, beside={PINNED: data})
    assert PINNED not in [one.name for one in plot.series]


def test_the_axis_in_sds_goes_where_it_would_be_anothers() -> None:
    first, second = (curve_of(replace(make_probe(44, 32), target_sd=sd)) for sd in (0.4, 0.5))
    assert plot_curve(first, is_log=False).right is not None
    beside = plot_curve(first, is_log=False, beside={LAST: second})
    assert first.target_sd != second.target_sd and beside.right is None
    assert beside.series[-1].y[-1] == pytest.approx(second.lines["attack"][-1])


def test_the_axis_of_a_run_holds_what_is_known_of_it() -> None:
    lines = {ATTACK: np.array([-0.4, np.nan, -1.2])}
    data = describe_run(make_probe().config, "z", np.full(3, 2.0), lines)
    low, high = plot_steps(data, n_planned=9).bounds()[1]
    assert low <= -1.2 and 0 < high < 0.5
    assert plot_steps(data).y_range == (None, None), "a finished one fills its axis"
