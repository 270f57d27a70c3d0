"""Several plots of one answer, of which one is seen, over its sentences."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from app.widgets.basics import make_column, make_label, make_scroll
from app.widgets.editors import ChoiceBox
from app.widgets.plot_view import PlotView
from core.reports.plot import Plot


class PlotPicker(QWidget):
    """A list of plots by name over the one chosen, and what they say in words."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choice, self.view = ChoiceBox(name), PlotView()
        self.words = make_label("", wraps=True)
        self._plots: Sequence[Plot] = ()
        self.setLayout(make_column(self.choice, self.view, make_scroll(make_column(self.words, -1)), shares=(0, 3, 2)))
        self.choice.currentIndexChanged.connect(self._draw)

    def show_plots(self, plots: Sequence[Plot], sentences: Sequence[str]) -> None:
        """Show other plots, the first of them, and sentences; a plot is listed by its title, or else its axis."""
        self._plots = plots
        for widget in (self.choice, self.view):
            widget.setVisible(bool(plots))
        self.words.setText("\n\n".join(sentences))
        self.choice.set_choices(
            [(number, (plot.title or plot.x).replace("\n", " ")) for number, plot in enumerate(plots)]
        )
        self._draw()

    def _draw(self, *_: object) -> None:
        number = self.choice.value()
        if self._plots and number is not None:
            self.view.show_plot(self._plots[number])
