"""The settings, drawn from their table: one page a group, and the keys."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QTabWidget, QWidget

from app.base.settings import Settings
from app.base.settings_table import GROUPS, SETTINGS, find_setting
from app.look.theme import Theme
from app.shell.setting_row import SettingRow
from app.shell.shortcut_page import ShortcutPage
from app.widgets.basics import make_button, make_column, make_label, make_row, make_scroll

SIZE = (640, 480)
KEYS_PAGE = "Shortcuts"
KEPT = "Changes are saved immediately."


class SettingsDialog(QDialog):
    """Pages of rows; what is changed is kept and, where it can be, applied at once."""

    def __init__(self, settings: Settings, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Settings")
        self.resize(*SIZE)
        self.rows = {setting.key: SettingRow(setting, settings) for setting in SETTINGS if setting.title}
        self.keys = ShortcutPage(settings)
        self.pages = QTabWidget()
        self.pages.setDocumentMode(True)
        self.pages.tabBar().setDrawBase(False)
        self.pages.setAccessibleName("Pages of settings")
        for group in GROUPS:
            self.pages.addTab(self._make_page(group), group)
        self.pages.addTab(self.keys, KEYS_PAGE)
        close = make_button("Close", "primary")
        close.setAutoDefault(False)
        close.clicked.connect(self.accept)
        column = make_column(self.pages, make_row(make_label(KEPT, "muted"), -1, close), gap=10, margin=16)
        column.setStretch(0, 1)
        self.setLayout(column)
        self.set_theme(theme)

    def show_setting(self, key: str) -> None:
        """Bring one setting to the front and put the focus on it."""
        self.pages.setCurrentIndex(GROUPS.index(find_setting(key).group))
        self.rows[key].editor.setFocus()

    def set_theme(self, theme: Theme) -> None:
        """Draw the icons in the theme's colours."""
        for row in self.rows.values():
            row.set_theme(theme)

    def _make_page(self, group: str) -> QWidget:
        rows = [row for row in self.rows.values() if row.setting.group == group]
        page = make_scroll(make_column(*rows, -1, gap=14, margin=12))
        page.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return page
