"""One setting of the table as a row: name, editor, default, what it means."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from app.base.settings import Settings
from app.base.settings_table import AT_ONCE, Setting, Value
from app.look.icons import load_icon
from app.look.theme import Theme
from app.widgets.basics import make_column, make_label, make_row, make_tool_button
from app.widgets.editors import PathLine
from app.widgets.form import Choice, Count, Field, Flag, Number, PathText, Text

NAME_WIDTH, FIELD_WIDTH, NUMBER_WIDTH = 176, 220, 96


class SettingRow(QWidget):
    """Edits one setting; a change is kept at once, whatever is allowed at all."""

    def __init__(self, setting: Setting, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setting = setting
        self._settings = settings
        field = make_field(setting)
        self.editor = field.build()
        getattr(self.editor, field.signal).connect(self._keep)
        if not field.width and not isinstance(setting.default, bool):
            self.editor.setMinimumWidth(FIELD_WIDTH)
        self.editor.setAccessibleDescription(f"{setting.help}. {setting.when}.")
        self.reset = make_tool_button(tip=f"Back to the default: {self._name(setting.default)}")
        self.reset.setAccessibleName(f"Reset {setting.title}")
        self.reset.clicked.connect(self._reset)
        self._lay_out()
        settings.changed.connect(self._follow)
        self._follow(setting.key)

    def set_theme(self, theme: Theme) -> None:
        """Draw the icon in the theme's colours."""
        self.reset.setIcon(load_icon("undo", theme.muted, theme.line_strong))

    def _lay_out(self) -> None:
        name = make_label(self.setting.title)
        name.setFixedWidth(NAME_WIDTH)
        name.setBuddy(self.editor)
        note = "" if self.setting.when == AT_ONCE else f" {self.setting.when}."
        told = make_label(f"{self.setting.help}.{note}", "muted", wraps=True)
        field = make_row(self.editor, gap=6)
        if isinstance(self.editor, PathLine):
            self.editor.browse.setAccessibleName(f"Choose the {self.setting.title.lower()}")
            field.addWidget(self.editor.browse)
        self.setLayout(make_column(make_row(name, field, self.reset, -1, gap=8), told, gap=2))

    def _name(self, value: Value) -> str:
        if isinstance(value, bool):
            return "on" if value else "off"
        if isinstance(value, str):
            return dict(self.setting.choices).get(value, value or "not set")
        return f"{value:g}{self.setting.unit}"

    @Slot(str)
    def _follow(self, key: str) -> None:
        """Show what is kept, whoever changed it."""
        if key != self.setting.key:
            return
        value = self._settings.value(key)
        self.editor.set_value(value)
        self.reset.setEnabled(value != self.setting.default)

    @Slot()
    def _reset(self) -> None:
        self._settings.reset(self.setting.key)

    def _keep(self, *_: object) -> None:
        self._settings.set(self.setting.key, self.editor.value())


def make_field(setting: Setting) -> Field[Any]:
    """The field that edits a setting, by what it may be."""
    title = setting.title
    if setting.choices:
        return Choice(title, choices=setting.choices)
    if isinstance(setting.default, bool):
        return Flag(name=title)
    if setting.is_folder:
        return PathText(title, ask=title, hint="Not set", settled=True)
    if isinstance(setting.default, str):
        return Text(title, hint="Not set", settled=True)
    span = f"{setting.least:g} to {setting.most:g}"
    if isinstance(setting.default, int):
        least, most = int(setting.least), int(setting.most)
        return Count(title, span, least=least, most=most, unit=setting.unit, settled=True, width=NUMBER_WIDTH)
    return Number(
        title,
        span,
        least=setting.least,
        most=setting.most,
        step=0.05,
        unit=setting.unit,
        settled=True,
        width=NUMBER_WIDTH,
    )
