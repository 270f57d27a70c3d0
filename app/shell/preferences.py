"""Applies the settings to the window as they change, and opens settings and palette. Never stores a setting itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QGuiApplication

from app.base.settings_table import find_setting
from app.look.theme import find_theme
from app.shell.jumps import jump_to_voxel, list_jumps
from app.shell.palette import Palette
from app.shell.settings_dialog import SettingsDialog
from app.shell.shortcuts import KEY, read_keys
from core.attacks.config import AttackConfig
from core.types import NormName

if TYPE_CHECKING:
    from app.base.settings import Settings
    from app.look.theme import Theme
    from app.shell.main_window import MainWindow

GREY_LEVELS = 255
MAP_KEYS = ("diverging_map", "sequential_map")


class Preferences(QObject):
    """One method a setting that takes effect at once."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._settings = window.session.settings
        self.dialog: SettingsDialog | None = None
        self.palette: Palette | None = None
        self._appliers: dict[str, Callable[[], None]] = {
            "theme": self._apply_theme,
            **{key: partial(self._apply_map, key) for key in MAP_KEYS},
            "reduced_motion": self._apply_motion,
            "auto_probe": self._apply_auto_probe,
            "gate_r": self._apply_gate,
            "autosave_seconds": self._apply_autosave,
            KEY: self._apply_keys,
        }
        self._settings.changed.connect(self._apply)
        window.cortex.colormap_button.chosen.connect(self._keep_map)
        window.controls.gate_changed.connect(self._keep_gate)
        window.controls.run.auto_toggled.connect(self._keep_auto_probe)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow_system)
        for key in MAP_KEYS:
            window.cortex.view.set_colormap(self._settings.text(key))
        self._apply_motion()
        if window.session.state.attack == AttackConfig():
            window.session.state.attack = first_attack(self._settings)

    def table(self) -> Mapping[str, Callable[[], object]]:
        """The handlers of the commands about settings and the palette."""
        return {"settings": self.show_settings, "palette": self.show_palette}

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        if self.dialog is not None:
            self.dialog.set_theme(theme)

    @Slot()
    def show_settings(self, key: str = "") -> None:
        """Open the settings, on one of them if it is named."""
        if self.dialog is None:
            self.dialog = SettingsDialog(self._settings, self._window.theme, self._window)
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()
        if key:
            self.dialog.show_setting(key)

    @Slot()
    def show_palette(self) -> None:
        """Open the palette over the window with what can be reached now."""
        window = self._window
        jumps = list_jumps(window, self.show_settings)
        self.palette = Palette(jumps, theme=window.theme, find_voxel=partial(jump_to_voxel, window), parent=window)
        self.palette.place_over(window)
        self.palette.finished.connect(self._forget_palette)
        self.palette.open()

    @Slot()
    def _forget_palette(self) -> None:
        if self.palette is not None:
            self.palette.deleteLater()
            self.palette = None

    @Slot(str)
    def _apply(self, key: str) -> None:
        apply = self._appliers.get(key)
        if apply is not None:
            apply()

    @Slot()
    def _follow_system(self) -> None:
        if self._settings.text("theme") == "system":
            self._apply_theme()

    @Slot(str)
    def _keep_map(self, name: str) -> None:
        """The user chose a colour map beside the cortex: it is the one for its kind from now on."""
        for key in MAP_KEYS:
            if name in dict(find_setting(key).choices):
                self._settings.set(key, name)

    @Slot(float)
    def _keep_gate(self, least_r: float) -> None:
        self._settings.set("gate_r", least_r)

    @Slot(bool)
    def _keep_auto_probe(self, automatic: bool) -> None:
        self._settings.set("auto_probe", automatic)

    def _apply_theme(self) -> None:
        theme = find_theme(self._settings.text("theme"))
        if theme is not self._window.theme:
            self._window.set_theme(theme)

    def _apply_map(self, key: str) -> None:
        self._window.cortex.view.set_colormap(self._settings.text(key))

    def _apply_motion(self) -> None:
        self._window.cortex.view.canvas.set_gliding(not self._settings.flag("reduced_motion"))

    def _apply_auto_probe(self) -> None:
        self._window.controls.run.auto.setChecked(self._settings.flag("auto_probe"))

    def _apply_gate(self) -> None:
        self._window.controls.gate.setValue(self._settings.number("gate_r"))

    def _apply_autosave(self) -> None:
        self._window.session_tools.keeper.set_pause(self._settings.whole("autosave_seconds"))

    def _apply_keys(self) -> None:
        self._window.actions_table.set_keys(read_keys(self._settings))
        self._window.refresh_commands()


def first_attack(settings: Settings) -> AttackConfig:
    """The attack a session starts with."""
    norm = NormName(settings.text("default_norm"))
    linf = settings.number("default_linf") / GREY_LEVELS
    epsilon = linf if norm is NormName.LINF else settings.number("default_l2")
    return AttackConfig(norm=norm, epsilon=epsilon, n_steps=settings.whole("default_steps"))
