"""Chooses how a stimulus set is delivered: name, controls, size, surroundings, matching, networks."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal

from app.widgets.basics import make_column, make_heading, make_label
from app.widgets.editors import CountBox
from app.widgets.form import Checks, Count, Field, Form, Gate, Number, Pick, Text, attempt
from core.networks.catalog import name_encoder
from core.stimuli.config import SetConfig
from core.stimuli.controls import MEANINGS, ControlKind
from core.stimuli.layout import LARGEST_SIDE, Enlarging, Layout, Matching

GAMMA_NOTE = (
    "Luminance and contrast assume an sRGB display (about gamma 2.2). On a linearised display, apply the sRGB curve "
    "first, and say so in the paper."
)
ENLARGING = (
    (Enlarging.SMOOTH, "Smooth", "Bicubic with antialiasing"),
    (Enlarging.EXACT, "Exact", "Repeat pixels a whole number of times: the network sees exactly the same pixels"),
)
MATCHING = (
    (Matching.NONE, "None", "Leave luminance and contrast as they are"),
    (Matching.LUMINANCE, "Luminance", "The same mean luminance for every original; triples change alike"),
    (Matching.CONTRAST, "Both", "The same mean luminance and RMS contrast for every original"),
)
CONTROLS = [
    (kind, kind.words.capitalize(), f"{MEANINGS[kind].capitalize()}, at the norm of the saved perturbed image")
    for kind in ControlKind
]


def _size(title: str, name: str, zero: str) -> Field[CountBox]:
    tip = f"{name} in pixels; 0 is the {zero} size"
    return Count(title, tip, most=LARGEST_SIDE, step=32, unit=" px", zero=zero, name=name)


class SetForm(Form):
    """Edits `SetConfig`; `changed` asks for a new check, `preview_changed` that the preview must be made anew."""

    preview_changed = Signal()

    name = Text("Name", "What the set is called", name="Name of the set")
    picture_px = _size("Picture", "Side of the picture", "network's input")
    width_px = _size("File", "Width of the file", "picture's")
    height_px = _size("", "Height of the file", "picture's")
    grey = Count("Background", "Grey level around the picture, 0 to 255", most=255, name="Grey level of the background")
    degrees = Number(
        "Width",
        "Width of the picture in degrees of visual angle, as participants see it",
        most=120,
        unit="°",
        zero="unknown",
        name="Width of the picture in degrees of visual angle",
    )
    gate = Gate("Minimum r", "Warn about voxels that their encoder predicts worse than this")
    enlarging = Pick("", choices=ENLARGING, name="Enlarging")
    controls = Checks("", choices=CONTROLS, most_rows=len(CONTROLS), name="Equal-norm controls")
    matching = Pick("", choices=MATCHING, name="Match the originals")
    transfer = Checks("", most_rows=3, name="Further networks to score on")

    def __init__(self) -> None:
        super().__init__()
        self.problem = make_label("", "field-error", wraps=True)
        self.problem.hide()
        size = ("File", "width_px", make_label("×", "muted"), "height_px")
        column = make_column(
            self.make_rows("name", "picture_px", "degrees", size, "grey", "gate"),
            make_label("Enlarging", "muted"),
            self.enlarging,
            make_heading("Equal-norm controls"),
            self.controls,
            make_heading("Match the originals"),
            self.matching,
            make_label(GAMMA_NOTE, "faint", wraps=True),
            make_heading("Score on further networks"),
            self.transfer,
            self.problem,
        )
        self.setLayout(column)
        self.set_value(SetConfig())

    def value(self) -> SetConfig:
        """The settings as wished. Raises ProbeError with one sentence if they cannot be."""
        layout = self.make_config(Layout, background=(self.grey.value(),) * 3, degrees=self.degrees.value() or None)
        return self.make_config(SetConfig, layout=layout)

    def config_if_valid(self) -> SetConfig | None:
        """The same, or None where it cannot be; the reason stands in the form."""
        return attempt(self.value, self.problem)

    def set_value(self, config: SetConfig) -> None:
        """Show other settings."""
        self.show_config(config.layout, keep=("degrees",))
        self.show_config(config)
        self.grey.set_value(config.layout.background[0])
        self.degrees.set_value(config.layout.degrees or 0.0)
        self.preview_changed.emit()

    def set_encoders(self, encoders: Sequence[tuple[str, str]]) -> None:
        """List further encoders (network, layer) to score on; checked ones stay checked."""
        self.transfer.set_choices([(key, *name_encoder(*key)) for key in encoders])

    def take_controls(self, *_: object) -> None:
        """The preview shows them."""
        self.preview_changed.emit()
        self.tell()

    take_transfer = take_controls
