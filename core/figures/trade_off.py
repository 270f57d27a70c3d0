"""A trade-off as table and plot; in a folder: table, figure, and a file of each probe."""

from __future__ import annotations

from pathlib import Path

from core.attacks.config import write_convergence
from core.figures.probe_words import describe_subject
from core.files import new_folder
from core.probes.files import save_probe
from core.probes.trade_off import TradeOff, TradePoint
from core.reports.draw_plot import draw_grid, say_whose, write_figures
from core.reports.inks import house_style
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
    line = Series([one.spill_sd for one in front], [one.target_sd for one in front], "accent", line="-")
    series = [line, _dots(front, "accent", "front")]
    series += [_dots(beaten, "muted", "beaten by another")] if beaten else []
    return Plot(SPILL, TARGET, tuple(series), x_range=(0.0, None), y_range=(None, None), across=(0,))


def _dots(points: tuple[TradePoint, ...], ink: str, name: str) -> Series:
    x, y = [one.spill_sd for one in points], [one.target_sd for one in points]
    return Series(x, y, ink, name, size=6, keys=points)


def write_trade_off(trade: TradeOff, folder: Path) -> Path:
    """Write everything into a new folder and return it. Raises BadInputError if it holds something."""
    probe = trade.points[0].probe
    with house_style():
        figure = draw_grid([plot_trade_off(trade)], across=1)
        wish = f"{probe.config.describe_wish()} · {probe.config.network} {probe.config.layer}"
        how = f"{wish} · {probe.stimulus_id} · {probe.config.attack.describe()}"
        say_whose(figure, f"{how}. {describe_subject(probe.config.subject)}")
    with new_folder(folder) as partial_folder:
        write_tables([tabulate_trade_off(trade)], partial_folder)
        write_figures({"trade_off": figure}, partial_folder, ("svg", "png"))
        for one in trade.points:
            save_probe(one.probe, partial_folder / f"weight_{one.weight:g}.json")
    return Path(folder).expanduser().absolute()
