"""The names of what is scored in a transfer: the perturbation and its controls. Never makes one."""

from __future__ import annotations

CONTROLS = ("random", "sign flip", "phase-scrambled", "other image", "contrast blend")
"""In the order of `core.sweeps.controls.make_controls`."""

VARIANTS = ("perturbed", *CONTROLS)
"""The rows of a score's `shift`."""
