"""A trade-off as table and plot; in a folder: table, figure, and a file of each probe."""

from __future__ import annotations

from pathlib import Path

from core.attacks.config import write_convergence
from core.figures.probe_words import describe_subject
from core.files import new_folder
from core.probes.files import save_probe
from core.probes.trade_off import TradeOff
from core.reports.draw_plot import save_plots
from core.reports.plot import Plot, Series
from core.reports.table import Table, make_table, write_tables

SPILL, TARGET = "spill-over: mean |shift| of all other voxels (SD)", "shift of the target (SD)"


def tabulate_trade_off(trade: TradeOff) -> Table:
    """A row a weight."""
    rows = [
        {
            "weight": one.weight,
            TARGET: one.target_sd,
            SPILL: one.spill_sd,
            "random control: spill-over (SD)": one.control_sd,
            "on the front": one in trade.front,
            "L2": one.probe.l2,
            "search": write_convergence(one.probe.to_gain),
        }
        for one in trade.points
    ]
    return make_table("trade_off", "Shift of the target against spill-over", rows)


def plot_trade_off(trade: TradeOff) -> Plot:
    """The front as a line with its points, what it beats in grey; a key is a point."""
    front = trade.front
    beaten = tuple(one for one in trade.points if one not in front)
    series = tuple(
        Series([one.spill_sd for one in some], [one.target_sd for one in some], ink, name, line=line, size=6, keys=some)
        for some, ink, name, line in ((front, "accent", "front", "-"), (beaten, "muted", "beaten by another", ""))
        if some
    )
    return Plot(SPILL, TARGET, series, x_range=(0.0, None), across=(0,))


def write_trade_off(trade: TradeOff, folder: Path) -> Path:
    """Write everything into a new folder and return it. Raises BadInputError if it holds something."""
    probe, config = trade.points[0].probe, trade.points[0].probe.config
    how = f"{config.describe_wish()} · {config.network} · {probe.stimulus_id} · {config.attack.describe()}"
    with new_folder(folder) as partial:
        write_tables([tabulate_trade_off(trade)], partial)
        for name in ("trade_off.svg", "trade_off.png"):
            save_plots([plot_trade_off(trade)], partial / name, caption=f"{how}. {describe_subject(config.subject)}")
        for one in trade.points:
            save_probe(one.probe, partial / f"weight_{one.weight:g}.json")
    return Path(folder).expanduser().absolute()
