"""The buttons over the images that say how they are compared."""

from __future__ import annotations

from PySide6.QtWidgets import QToolButton, QWidget

from app.widgets.basics import allow, make_row, make_tool_button, set_look

TOOLS = (
    ("flicker", "Flicker", "Swap both images three times a second; with clean and perturbed the response map, too"),
    ("swipe", "Swipe", "Drag a line: the first image on its left, the second on its right"),
    ("hold", "Hold for clean", "Show the clean image while held down"),
)


class CompareTools(QWidget):
    """The buttons that say how images are compared; `collect`, `pin` and `unpin` take a command."""

    flicker: QToolButton
    swipe: QToolButton
    hold: QToolButton

    def __init__(self) -> None:
        super().__init__()
        for key, name, tip in TOOLS:
            button = make_tool_button(tip=tip, name=name)
            button.setText(name)
            set_look(button, "kind", "plain")
            button.setCheckable(key != "hold")
            setattr(self, key, button)
        self.collect = make_tool_button(tip="", name="Add to the tray")
        self.pin = make_tool_button(tip="", name="Pin this probe")
        self.unpin = make_tool_button(tip="", name="Unpin")
        self.row = make_row(self.flicker, self.swipe, self.hold, -1, self.unpin, self.pin, self.collect, gap=4)
        self.setLayout(self.row)

    def set_usable(self, on: bool) -> None:
        """Enable the buttons only while there is something to compare, and say why not otherwise."""
        for key, _, tip in TOOLS:
            button = getattr(self, key)
            allow(button, "" if on else f"{tip}. Run a probe first.", tip)
