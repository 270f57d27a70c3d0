"""Lets Explore follow the settings that show in it at once, and keeps there what was chosen in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Slot

from app.base.services import Services
from app.base.settings import Settings, find_setting
from app.cortex.panel import CortexPanel
from app.explore.controls_panel import ControlsPanel
from core.attacks.config import AttackConfig
from core.types import NormName

GREY_LEVELS = 255
MAP_KEYS = ("diverging_map", "sequential_map")


class FollowSettings(QObject):
    """One function a setting; they are applied once when this is made."""

    def __init__(self, services: Services, controls: ControlsPanel, cortex: CortexPanel, parent: QObject) -> None:
        super().__init__(parent)
        settings = self._settings = services.settings
        self._appliers: dict[str, Callable[[], object]] = {
            **{key: partial(self._apply_map, cortex, key) for key in MAP_KEYS},
            "reduced_motion": lambda: cortex.view.canvas.set_gliding(not settings.flag("reduced_motion")),
            "auto_probe": lambda: controls.run.auto.setChecked(settings.flag("auto_probe")),
            "gate_r": lambda: controls.gate.setValue(settings.number("gate_r")),
        }
        settings.changed.connect(self._apply)
        cortex.colormap_button.chosen.connect(self._keep_map)
        controls.gate_changed.connect(partial(settings.set, "gate_r"))
        controls.run.auto_toggled.connect(partial(settings.set, "auto_probe"))
        for apply in self._appliers.values():
            apply()
        if services.state.attack == AttackConfig():
            services.state.attack = first_attack(settings)

    @Slot(str)
    def _apply(self, key: str) -> None:
        if key in self._appliers:
            self._appliers[key]()

    def _apply_map(self, cortex: CortexPanel, key: str) -> None:
        cortex.view.set_colormap(self._settings.text(key))

    @Slot(str)
    def _keep_map(self, name: str) -> None:
        """The user chose a colour map beside the cortex: it is the one for its kind from now on."""
        for key in MAP_KEYS:
            if name in dict(find_setting(key).choices):
                self._settings.set(key, name)


def first_attack(settings: Settings) -> AttackConfig:
    """The attack the program starts with."""
    norm = NormName(settings.text("default_norm"))
    linf = settings.number("default_linf") / GREY_LEVELS
    epsilon = linf if norm is NormName.LINF else settings.number("default_l2")
    return AttackConfig(norm=norm, epsilon=epsilon, n_steps=settings.whole("default_steps"))
