"""The attacks that transfer is compared under, by name.

Momentum (MI): Dong et al. 2018, arXiv 1710.06081. Diverse inputs (DI): Xie et al. 2019, arXiv 1803.06978. Translation
(TI): Dong et al. 2019, arXiv 1904.02884. Ensemble: Liu et al. 2017, arXiv 1611.02770. Square: Andriushchenko et al.
2020, arXiv 1912.00049.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class AttackKind(StrEnum):
    """How perturbations are made.

    "square" takes no gradient; "ensemble" is one attack on all encoders but the recipient.
    """

    PGD = "pgd"
    MI = "mi"
    DI = "di"
    TI = "ti"
    ALL = "mi-di-ti"
    SQUARE = "square"
    ENSEMBLE = "ensemble"

    @property
    def options(self) -> dict[str, Any]:
        """What it adds to projected gradient curve, with the published values; fields of `AttackConfig`."""
        parts: dict[AttackKind, dict[str, Any]] = {
            AttackKind.MI: {"momentum": 1.0},
            AttackKind.DI: {"diversity": 0.5},
            AttackKind.TI: {"translation": 7},
        }
        if self is AttackKind.SQUARE:
            return {"method": "square"}
        if self is AttackKind.ALL:
            return {name: value for part in parts.values() for name, value in part.items()}
        return dict(parts.get(self, {}))

    @property
    def caption(self) -> str:
        """How figures name it."""
        return CAPTIONS[self]


CAPTIONS = {
    AttackKind.PGD: "PGD",
    AttackKind.MI: "PGD with momentum",
    AttackKind.DI: "PGD with diverse inputs",
    AttackKind.TI: "PGD with translation",
    AttackKind.ALL: "PGD with momentum, diverse inputs, translation",
    AttackKind.SQUARE: "square search without gradients",
    AttackKind.ENSEMBLE: "ensemble of the others",
}
LEAST_FOR_ENSEMBLE = 3
"""Encoders of an ensemble that leaves one out: two must remain."""
