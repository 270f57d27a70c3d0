"""One setting of the table as a row: name, editor, default, what it means. Never keeps a value of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from app.base.settings import Settings
from app.base.settings_table import AT_ONCE, Setting, Value
from app.look.icons import load_icon
from app.look.theme import Theme
from app.widgets.basics import make_button, make_column, make_label, make_row, make_tool_button

NAME_WIDTH = 176
FIELD_WIDTH = 220
DECIMALS = 2


class SettingRow(QWidget):
    """Edits one setting; a change is kept at once, whatever is allowed at all."""

    def __init__(self, setting: Setting, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setting = setting
        self._settings = settings
        self.editor, self._show = self._make_editor()
        self.editor.setAccessibleName(setting.title)
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
        if self.setting.is_folder:
            choose = make_button("Choose…", tip="Choose a folder")
            choose.setAccessibleName(f"Choose the {self.setting.title.lower()}")
            choose.clicked.connect(self._choose_folder)
            field.addWidget(choose)
        self.setLayout(make_column(make_row(name, field, self.reset, -1, gap=8), told, gap=2))

    def _make_editor(self) -> tuple[QWidget, Callable[[Value], None]]:
        setting = self.setting
        if setting.choices:
            return self._make_choice()
        if isinstance(setting.default, bool):
            box = QCheckBox()
            box.toggled.connect(self._keep)
            return box, lambda value: box.setChecked(bool(value))
        if isinstance(setting.default, str):
            field = QLineEdit()
            field.setMinimumWidth(FIELD_WIDTH)
            field.setPlaceholderText("Not set")
            field.editingFinished.connect(self._keep_text)
            return field, lambda value: field.setText(str(value))
        return self._make_number()

    def _make_choice(self) -> tuple[QWidget, Callable[[Value], None]]:
        box = QComboBox()
        box.setMinimumWidth(FIELD_WIDTH)
        for value, text in self.setting.choices:
            box.addItem(text, value)
        box.activated.connect(self._keep_choice)
        return box, lambda value: box.setCurrentIndex(box.findData(value))

    def _make_number(self) -> tuple[QWidget, Callable[[Value], None]]:
        setting = self.setting
        spin: QSpinBox | QDoubleSpinBox
        if isinstance(setting.default, int):
            spin = QSpinBox()
            spin.setRange(int(setting.least), int(setting.most))
        else:
            spin = QDoubleSpinBox()
            spin.setDecimals(DECIMALS)
            spin.setSingleStep(0.05)
            spin.setRange(setting.least, setting.most)
        spin.setSuffix(setting.unit)
        spin.setKeyboardTracking(False)
        spin.setAlignment(Qt.AlignmentFlag.AlignRight)
        spin.setFixedWidth(96)
        spin.setToolTip(f"{setting.least:g} to {setting.most:g}")
        spin.valueChanged.connect(self._keep)
        return spin, lambda value: spin.setValue(value)

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
        with QSignalBlocker(self.editor):
            self._show(value)
        self.reset.setEnabled(value != self.setting.default)

    @Slot()
    def _reset(self) -> None:
        self._settings.reset(self.setting.key)

    @Slot(object)
    def _keep(self, value: Value) -> None:
        self._settings.set(self.setting.key, value)

    @Slot()
    def _keep_choice(self) -> None:
        if isinstance(self.editor, QComboBox):
            self._keep(str(self.editor.currentData()))

    @Slot()
    def _keep_text(self) -> None:
        if isinstance(self.editor, QLineEdit):
            self._keep(self.editor.text().strip())

    @Slot()
    def _choose_folder(self) -> None:
        start = self._settings.text(self.setting.key) or str(Path.home())
        chosen = QFileDialog.getExistingDirectory(self, self.setting.title, start)
        if chosen:
            self._keep(chosen)
