"""How one row of a comparison reads in a table: value and interval in one cell. Never computes a statistic."""

from __future__ import annotations

import math

from core.experiments.measured.compare import Cut, Row
from core.statistics import Interval

HEADER = {
    "network": "The network whose predictions are compared",
    "measure": "What was compared",
    "group": "The probes of this row",
    "probes": "Probes that were measured and predicted",
    "as predicted": "Probes (or images) that moved the predicted way, of those that moved",
    "p": "Exact two-sided sign test (binomial)",
    "p Holm": "Corrected over the networks of this table (Holm 1979)",
    "mean shift": "Mean measured shift in the predicted direction, with its interval, in the measured unit",
    "dz": "Mean / SD of that shift over probes, with its interval",
    "noise SDs": "Mean shift in SDs of one response around its stimulus's mean, from repeats",
    "slope": "Measured unit for one predicted unit, with its interval; 1 is as predicted if the units agree",
    "r": "Correlation of measured with predicted shifts, with its interval",
    "r²/NC": "r² over the noise ceiling of the measured shifts, from repeats",
}
"""Column and what it means."""


def lay_out_row(row: Row) -> dict[str, str]:
    """The cells of a row by column."""
    cells = (
        row.network,
        row.measure.words,
        "all" if row.cut is Cut.ALL else row.value,
        str(row.n_probes),
        f"{row.n_agree} of {row.n_signed}",
        _number(row.p_sign, ".2g"),
        _number(row.p_holm, ".2g"),
        _interval(row.shift),
        _interval(row.dz),
        _number(row.in_noise.value, ".2f"),
        _interval(row.slope),
        _interval(row.r),
        _number(row.r2_ceiling, ".2f"),
    )
    return dict(zip(HEADER, cells, strict=True))


def _number(value: float, pattern: str) -> str:
    return "–" if math.isnan(value) else f"{value:{pattern}}".replace("-", "−")


def _interval(interval: Interval) -> str:
    if math.isnan(interval.low):
        return _number(interval.value, ".2f")
    return f"{_number(interval.value, '.2f')} [{_number(interval.low, '.2f')}, {_number(interval.high, '.2f')}]"
