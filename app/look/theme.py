"""The window's colours as two frozen themes, with the palette and style sheet made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, asdict, dataclass, fields
from functools import lru_cache
from string import Template

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory

from app.look.icons import glyph_file
from core.paths import resources_folder
from core.reports.inks import find_inks

FALLBACK_FAMILIES = ("Inter", "SF Pro Text", "Segoe UI", "Noto Sans", "DejaVu Sans")
FONT_POINTS = 9.5


@dataclass(frozen=True, slots=True)
class Theme:
    """Every colour the window uses, by its meaning, as "#rrggbb"; `warm` and `cool` are those of printed figures.

    A default holds the value on dark and the one on light.
    """

    name: str
    is_dark: bool
    warm: str
    cool: str
    window: str = "#121417 #eceef1"
    panel: str = "#1a1d21 #f8f9fa"
    raised: str = "#252930 #e9ebef"
    hover: str = "#2d323a #dfe3e8"
    field: str = "#131518 #ffffff"
    line: str = "#2a2e35 #d9dde3"
    line_strong: str = "#3a404a #bfc6cf"
    grid: str = "#2a2e35 #dde1e6"
    text: str = "#e7e9ed #1b1f25"
    muted: str = "#979faa #5c6570"
    faint: str = "#666e7a #8b939e"
    accent: str = "#2fc6a8 #08806b"
    accent_hover: str = "#4cd6bb #066a58"
    accent_soft: str = "#173832 #d3efe9"
    on_accent: str = "#06231d #ffffff"
    good: str = "#57c785 #1e8a4c"
    warning: str = "#e8b04a #8a5c00"
    warning_soft: str = "#372c16 #faefd2"
    danger: str = "#f2716b #c8322c"
    danger_soft: str = "#3b1e1f #fbe3e1"


def _make_theme(name: str, column: int) -> Theme:
    """The theme of the first or the second colour of each field."""
    inks, colours = find_inks(name), [field for field in fields(Theme) if field.default is not MISSING]
    chosen = {field.name: str(field.default).split()[column] for field in colours}
    return Theme(name, name == "dark", inks.warm, inks.cool, **chosen)


DARK, LIGHT = _make_theme("dark", 0), _make_theme("light", 1)
THEMES = {theme.name: theme for theme in (DARK, LIGHT)}


class _InUse(QObject):
    """The theme in use; `changed` brings another one."""

    changed = Signal(object)
    theme = DARK


_in_use = _InUse()


def theme_in_use() -> Theme:
    """The colours of the window now."""
    return _in_use.theme


def use_theme(theme: Theme) -> None:
    """Give another theme to whoever follows it."""
    _in_use.theme = theme
    _in_use.changed.emit(theme)


def follow_theme(take: Callable[[Theme], object]) -> None:
    """Have a method of a QObject take the theme now, and every later one for as long as the object lives."""
    _in_use.changed.connect(take)
    take(_in_use.theme)


def find_theme(name: str) -> Theme:
    """The theme of a setting: "dark", "light", or "system" (dark where the system does not say)."""
    if name in THEMES:
        return THEMES[name]
    return LIGHT if QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Light else DARK


def apply_theme(app: QApplication, theme: Theme) -> None:
    """Give the whole application the theme's palette, font and style sheet, and tell whoever follows it."""
    app.setStyle(QStyleFactory.create("Fusion"))
    app.setFont(interface_font())
    app.setPalette(make_palette(theme))
    app.setStyleSheet(make_style_sheet(theme))
    use_theme(theme)


def make_palette(theme: Theme) -> QPalette:
    """The Qt palette of a theme, for what no style sheet reaches."""
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: theme.panel,
        QPalette.ColorRole.WindowText: theme.text,
        QPalette.ColorRole.Base: theme.field,
        QPalette.ColorRole.AlternateBase: theme.panel,
        QPalette.ColorRole.Text: theme.text,
        QPalette.ColorRole.Button: theme.raised,
        QPalette.ColorRole.ButtonText: theme.text,
        QPalette.ColorRole.BrightText: theme.danger,
        QPalette.ColorRole.Highlight: theme.accent,
        QPalette.ColorRole.HighlightedText: theme.on_accent,
        QPalette.ColorRole.ToolTipBase: theme.raised,
        QPalette.ColorRole.ToolTipText: theme.text,
        QPalette.ColorRole.PlaceholderText: theme.faint,
        QPalette.ColorRole.Link: theme.accent,
        QPalette.ColorRole.Mid: theme.line,
        QPalette.ColorRole.Dark: theme.line,
        QPalette.ColorRole.Shadow: theme.window,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(theme.faint))
    return palette


def make_style_sheet(theme: Theme) -> str:
    """The one style sheet with the theme's colours and glyphs filled in."""
    glyphs = {"chevron_down": glyph_file("chevron-down", theme.muted), "check": glyph_file("check", theme.on_accent)}
    colours = {name: value for name, value in asdict(theme).items() if isinstance(value, str)}
    sheet = resources_folder() / "styles" / "app.qss"
    return Template(sheet.read_text(encoding="utf-8")).substitute(colours | glyphs)


@lru_cache(maxsize=1)
def interface_font() -> QFont:
    """The bundled font, with the usual system fonts behind it and figures of one width."""
    for path in sorted((resources_folder() / "fonts").glob("*.otf")):
        QFontDatabase.addApplicationFont(str(path))
    font = QFont()
    font.setFamilies(list(FALLBACK_FAMILIES))
    font.setPointSizeF(FONT_POINTS)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font
