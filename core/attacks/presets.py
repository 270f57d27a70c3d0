"""Published attack schedules by name."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from core.attacks.config import AttackConfig, AttackMethod, format_epsilon
from core.checks import check_choice
from core.types import NormName

GAZIV = "Gaziv, Lee & DiCarlo 2023"
GAZIV_L2 = (
    (0.1, 0.02, 200),
    (0.5, 0.1, 200),
    (1, 0.3, 200),
    (2.5, 0.3, 200),
    (5, 0.5, 500),
    (10, 0.5, 500),
    (30, 0.5, 1000),
)
"""(epsilon, step, steps) at 224 x 224 pixels in [0, 1]."""

GAZIV_LINF = ((4, 0.2, 200), (8, 1.2, 200), (16, 2, 200), (32, 3, 500))
"""The same in grey levels of 255."""


class Preset(NamedTuple):
    """A schedule: PGD under one norm, with budget and step in [0, 1] pixel units at 224 x 224."""

    norm: NormName
    epsilon: float
    step_size: float
    n_steps: int

    def apply(self, attack: AttackConfig) -> AttackConfig:
        """The attack with this schedule; seed, start, restarts, rounding and options of the gradient stay."""
        return replace(attack, method=AttackMethod.PGD, **self._asdict())

    def describe(self) -> str:
        """One line for menus and help."""
        budget = format_epsilon(self.epsilon, self.norm)
        step = f"{self.step_size * 255:.3g}/255" if self.norm is NormName.LINF else f"{self.step_size:g}"
        return f"{self.norm.capitalize()} {budget}, {self.n_steps} steps of {step} ({GAZIV})"


PRESETS = {f"gaziv-l2-{epsilon:g}": Preset(NormName.L2, epsilon, step, n) for epsilon, step, n in GAZIV_L2} | {
    f"gaziv-linf-{epsilon:g}": Preset(NormName.LINF, epsilon / 255, step / 255, n) for epsilon, step, n in GAZIV_LINF
}
"""Every preset by name: "gaziv-l2-5", "gaziv-linf-8" (/255) and so on."""


def find_preset(name: str) -> Preset:
    """The preset of that name. Raises BadInputError with the nearest name if there is none."""
    return PRESETS[check_choice("preset", name, PRESETS)]


def name_schedule(attack: AttackConfig) -> str:
    """The preset whose schedule an attack has, "" if it has none."""
    return next((name for name, preset in PRESETS.items() if preset.apply(attack) == attack), "")
