"""The fields of a timing template: trial, runs, keys, screen. Edits `Template`; never makes an order."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.widgets.basics import make_column, make_heading, make_row
from app.widgets.editors import NumberBox
from app.widgets.form import Choice, Count, Field, Form, Number, Text
from core.experiments.packages.orders import CatchKind, OrderConfig
from core.experiments.packages.template import Template
from core.experiments.packages.timing import LONGEST_SECONDS, PUBLISHED_DEGREES, Screen, Timing

CATCHES = ((CatchKind.DOT, "a dot at fixation"), (CatchKind.REPEAT, "the previous image again"))
LONGEST_KEY = 5
TRIAL = ("stimulus_seconds", "gap_seconds", "lead_in_seconds", "lead_out_seconds")
RUNS = (
    *("runs", "stimuli_per_run", "repeats", "participants", "catch_per_run", "catch_kind", "blanks_per_run"),
    *("spacing", "seed", "trigger_key", "response_key"),
)
SCREEN = ("degrees", "width_cm", "distance_cm", ("Pixels", "width_px", "height_px"), "grey")


def _seconds(title: str, tip: str) -> Field[NumberBox]:
    return Number(title, tip, most=LONGEST_SECONDS, step=0.5, decimals=3, plain=True, unit=" s")


def _length(title: str, tip: str) -> Field[NumberBox]:
    return Number(title, f"{tip}. Measure it", most=LONGEST_SECONDS, plain=True, unit=" cm")


class PackageForm(Form):
    """Two columns of fields; `changed` fires when one of them does."""

    stimulus_seconds = _seconds("On", "How long a stimulus is shown")
    gap_seconds = _seconds("Off", "Fixation after each stimulus")
    lead_in_seconds = _seconds("Lead-in", "Fixation before the first trial of a run")
    lead_out_seconds = _seconds("Lead-out", "Fixation after the last trial, so that the slow response can settle")
    runs = Count("Runs", "Runs per participant", zero="automatic")
    stimuli_per_run = Count("Stimuli per run", "Where the number of runs is automatic", least=1)
    repeats = Count("Repeats", "How often a participant sees each stimulus, over all runs", least=1)
    participants = Count("Participants", "Each gets their own trial orders", least=1)
    catch_per_run = Count("Catch trials per run", "Trials on which the participant presses the response key")
    catch_kind = Choice("Catch trial shows", choices=CATCHES, name="What a catch trial shows")
    blanks_per_run = Count("Blanks per run", "Fixation-only trials")
    spacing = Count("Spacing", "Number of preceding stimuli that never show the same source image")
    seed = Count("Seed", "The same seed gives the same orders")
    trigger_key = Text("Trigger key", "Starts a run; scanners often send 5", longest=LONGEST_KEY)
    response_key = Text("Response key", 'One character or "space"', longest=LONGEST_KEY)
    degrees = Number(
        "Size",
        f"Width of a stimulus; left automatic, what the set says, or else the published {PUBLISHED_DEGREES:g} deg",
        most=LONGEST_SECONDS,
        step=0.1,
        plain=True,
        unit=" deg",
        zero="as stated in the set",
        name="Size in degrees",
    )
    width_cm = _length("Screen width", "Width of the picture on the screen")
    distance_cm = _length("Distance", "From eye to screen, via the mirror if there is one")
    width_px = Count("", "Screen width in pixels", least=1, name="Screen width in pixels")
    height_px = Count("", "Screen height in pixels", least=1, name="Screen height in pixels")
    grey = Number("Background", "0 is black, 1 is white (sRGB)", most=1, step=0.05, plain=True)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        trial, runs, screen = self.make_rows(*TRIAL), self.make_rows(*RUNS), self.make_rows(*SCREEN)
        left = make_column(make_heading("Trial"), trial, 8, make_heading("Screen"), screen, -1)
        right = make_column(make_heading("Runs"), runs, -1)
        self.setLayout(make_row(left, right, gap=24))
        self.set_value(Template())

    def value(self) -> Template:
        """What the fields say. Raises BadInputError for values that cannot be used."""
        return Template(
            timing=self.make_config(Timing),
            order=self.make_config(OrderConfig),
            screen=self.make_config(Screen, degrees=self.degrees.value() or None),
        )

    def set_value(self, template: Template) -> None:
        """Show a template."""
        self.show_config(template.timing)
        self.show_config(template.order)
        self.show_config(template.screen, keep=("degrees",))
        self.degrees.set_value(template.screen.degrees or 0.0)
        self.changed.emit()
