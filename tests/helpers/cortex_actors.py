"""What a renderer makes of a scene, read from its VTK actors: an answer beside the numbers handed to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from app.cortex.renderer import Renderer
from app.cortex.scene import Format, Scene
from app.cortex.studio import open_renderer


@contextmanager
def drawn(scene: Scene) -> Iterator[Renderer]:
    """A renderer that has just drawn a scene in this thread."""
    renderer = open_renderer()
    assert isinstance(renderer, Renderer)
    try:
        renderer.draw(scene, Format((60, 40), 1.0, ("#000000", "#000000")))
        yield renderer
    finally:
        renderer.close()


def line_points(renderer: Renderer, kind: str, side: int) -> np.ndarray:
    """Points (k, 3) of the lines of a side that are seen, (0, 3) where none are."""
    line = renderer.lines[kind][side]
    return np.array(line.data.GetPoints().GetData()) if line.actor.GetVisibility() else np.empty((0, 3))
