"""Shows one seed of a level set over all its levels, what became of every level, and saves the picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QDialog, QScrollArea, QWidget

from app.look.theme import theme_in_use
from app.widgets.ask_path import ask_path
from app.widgets.basics import fill_dialog, make_button, make_label, make_row
from app.widgets.image_view import PictureLabel
from core.figures.level_figure import draw_strip
from core.reports.draw_plot import FORMATS, draw_pixels, write_figure
from core.reports.inks import find_inks, house_style
from core.stimuli.level_strip import Strip
from core.stimuli.levels import LevelReading, describe_readings

LEAST = (900, 420)
LINES_HEIGHT, DOTS_AN_INCH = 130, 110
Write = Callable[[str, Callable[[], str]], None]


class StripDialog(QDialog):
    """A strip; `write` has a file written and tells of it.

    `readings`: of all seeds of its set, for the lines below the picture.
    """

    def __init__(
        self, strip: Strip, readings: Sequence[LevelReading], *, write: Write, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._strip, self._write = strip, write
        self._image = strip[0].reading.image
        self.picture = PictureLabel(f"Levels of {self._image}", least=LEAST)
        inks = find_inks(theme_in_use().name)
        with house_style(inks):
            self.picture.show_pixels(draw_pixels(draw_strip(strip, inks, dpi=DOTS_AN_INCH)))
        self.lines = make_label("\n".join(describe_readings(readings)))
        told = QScrollArea()
        told.setWidget(self.lines)
        told.setWidgetResizable(True)
        told.setFixedHeight(LINES_HEIGHT)
        self.save = make_button("Save figure…", do=self._save, tip="PNG, SVG or PDF, in the colours of the theme")
        ends = make_row(-1, self.save, make_button("Close", "primary", self.accept))
        fill_dialog(self, "Level strip", self.picture, told, ends, stretch=0)

    def _save(self) -> None:
        kinds = ";;".join(f"{kind.upper()} (*.{kind})" for kind in FORMATS)
        chosen = ask_path(self, "Save figure", f"levels_{self._image}.svg", kinds)
        if chosen is None:
            return
        inks = find_inks(theme_in_use().name)

        def make() -> str:
            write_figure(draw_strip(self._strip, inks), chosen, inks)
            return f"Saved {chosen}"

        self._write("Saving the figure…", make)
