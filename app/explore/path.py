"""The path over the cortex: where |shift| is centred, from the first attack step to the one on screen."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from app.base.state import AppState
from app.cortex.canvas import CortexCanvas
from core.probes.probe import in_reference_sds
from core.surfaces.centre import find_centres
from core.types import FloatArray, IntArray


class CortexPath:
    """Says what to draw; the centres are found by whoever draws, in its own thread."""

    def __init__(self, state: AppState, canvas: CortexCanvas) -> None:
        self._state, self._canvas = state, canvas
        self._steps: dict[int, FloatArray] = {}
        self._clean: FloatArray | None = None

    def follow(self, shown: bool) -> None:
        """Draw the path of the probe on screen, or of the one that runs; or none."""
        placed, card, progress, probe = (getattr(self._state, name) for name in ("placed", "card", "progress", "probe"))
        if progress is not None:
            self._steps = self._steps if progress.clean is self._clean else {}
            self._clean, self._steps[progress.step] = progress.clean, progress.responses
            responses = np.stack([self._steps[step] for step in sorted(self._steps)])
        elif probe is not None:
            step = self._state.step
            self._clean, responses = probe.clean, probe.history.responses[: None if step is None else step + 1]
        if not shown or placed is None or card is None or (progress is None and probe is None):
            self._canvas.change(centres=None)
            return
        clean = self._clean

        @lru_cache(1)
        def find() -> IntArray:
            return find_centres(placed.surface, placed.voxels, in_reference_sds(responses - clean, card.reference_sd))

        self._canvas.change(centres=find)
