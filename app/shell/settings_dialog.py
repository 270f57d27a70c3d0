"""The settings, drawn from their table: one page a group, and the keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QTabWidget, QWidget

from app.base.settings import AT_ONCE, GROUPS, SETTINGS, Setting, Settings, Value, find_setting
from app.look.qt_application import make_application
from app.look.theme import apply_theme, find_theme, theme_in_use
from app.shell.shortcuts import KEY, ShortcutPage, read_keys
from app.widgets.basics import (
    bring,
    fill_dialog,
    make_button,
    make_column,
    make_label,
    make_row,
    make_scroll,
    make_tool_button,
    set_icon,
)
from app.widgets.desk import Desk, Feature, does
from app.widgets.editors import PathLine
from app.widgets.form import Choice, Count, Field, Flag, Number, PathText


class Preferences(Feature):
    """Theme and keys; what else a setting changes follows it by itself.

    Parameters
    ----------
    set_keys : Changes the keys of the commands by their ids.
    """

    def __init__(self, desk: Desk, *, set_keys: Callable[[Mapping[str, str]], None]) -> None:
        super().__init__(desk)
        self._settings = desk.services.settings
        self._set_keys = set_keys
        self.dialog: SettingsDialog | None = None
        self._settings.changed.connect(self._apply)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow_system)

    @Slot()
    @does("settings")
    def show_settings(self, key: str = "") -> None:
        """Open the settings, on one of them if it is named."""
        if self.dialog is None:
            self.dialog = SettingsDialog(self._settings, self._desk.parent)
        bring(self.dialog)
        self.dialog.activateWindow()
        if key:
            self.dialog.show_setting(key)

    def _apply(self, key: str) -> None:
        if key == "theme":
            self._apply_theme()
        elif key == KEY:
            self._set_keys(read_keys(self._settings))

    def _follow_system(self) -> None:
        if self._settings.text("theme") == "system":
            self._apply_theme()

    def _apply_theme(self) -> None:
        theme = find_theme(self._settings.text("theme"))
        if theme is not theme_in_use():
            apply_theme(make_application(), theme)


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
        tip = f"Back to the default: {self._name(setting.default)}"
        self.reset = make_tool_button(partial(settings.reset, setting.key), tip=tip, name=f"Reset {setting.title}")
        set_icon(self.reset, "undo", "muted", "line_strong")
        self._lay_out()
        settings.changed.connect(self._follow)
        self._follow(setting.key)

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

    def _follow(self, key: str) -> None:
        if key != self.setting.key:
            return
        value = self._settings.value(key)
        self.editor.set_value(value)
        self.reset.setEnabled(value != self.setting.default)

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
    whole = isinstance(setting.default, int)
    return (Count if whole else Number)(
        title,
        f"{setting.least:g} to {setting.most:g}",
        least=setting.least,
        most=setting.most,
        step=1 if whole else 0.05,
        unit=setting.unit,
        settled=True,
        width=NUMBER_WIDTH,
    )


SIZE = (640, 480)
KEYS_PAGE = "Shortcuts"
KEPT = "Changes are saved immediately."


class SettingsDialog(QDialog):
    """Pages of rows; what is changed is kept and, where it can be, applied at once."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = {setting.key: SettingRow(setting, settings) for setting in SETTINGS if setting.title}
        self.keys = ShortcutPage(settings)
        self.pages = QTabWidget()
        self.pages.setDocumentMode(True)
        self.pages.tabBar().setDrawBase(False)
        self.pages.setAccessibleName("Pages of settings")
        close = make_button("Close", "primary", self.accept)
        close.setAutoDefault(False)
        foot = make_row(make_label(KEPT, "muted"), -1, close)
        fill_dialog(self, "Settings", self.pages, foot, gap=10, margin=16, stretch=0)
        for group in GROUPS:
            self._fill_page(group)
        self.pages.addTab(self.keys, KEYS_PAGE)
        self.resize(*SIZE)

    def show_setting(self, key: str) -> None:
        """Bring one setting to the front and put the focus on it."""
        self.pages.setCurrentIndex(GROUPS.index(find_setting(key).group))
        self.rows[key].editor.setFocus()

    def _fill_page(self, group: str) -> None:
        rows, content = [row for row in self.rows.values() if row.setting.group == group], QWidget()
        page = make_scroll(content)
        page.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.pages.addTab(page, group)
        content.setLayout(make_column(*rows, -1, gap=14, margin=12))  # last, so that the rows are styled once
