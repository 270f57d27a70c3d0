"""The path over the cortex: where |shift| is centred, from the first attack step to the one on screen."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from app.base.state import AppState
from app.cortex.canvas import CortexCanvas
from core.probes.probe import in_reference_sds
from core.surfaces.anatomy import find_centres
from core.types import FloatArray, IntArray


class CortexPath:
    """Says what to draw; the centres are found by whoever draws, in its own thread."""

    def __init__(self, state: AppState, canvas: CortexCanvas) -> None:
        self._state, self._canvas = state, canvas
        self._steps: dict[int, FloatArray] = {}
        self._clean: FloatArray | None = None

    def follow(self, shown: bool) -> None:
        """Draw the path of the probe on screen, or of the one that runs; or none."""
        state, progress, probe = self._state, self._state.progress, self._state.probe
        placed, card, last = state.placed, state.card, state.step
        if progress is not None and shown:  # they may be large, and a finished probe has them all
            self._steps = self._steps if progress.clean is self._clean else {}
            self._clean, self._steps[progress.step] = progress.clean, progress.responses
        made = progress or probe
        if not shown or placed is None or card is None or made is None:
            self._canvas.change(centres=None)
            return
        steps: Sequence[FloatArray] | FloatArray = [self._steps[number] for number in sorted(self._steps)]
        if progress is None and probe is not None:
            steps = probe.history.responses[: None if last is None else last + 1]

        @lru_cache(1)
        def find() -> IntArray:
            moved = in_reference_sds(np.asarray(steps) - made.clean, card.reference_sd)
            return find_centres(placed.surface, placed.voxels, moved)

        self._canvas.change(centres=find)
