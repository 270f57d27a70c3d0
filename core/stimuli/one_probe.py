"""Exports one probe as a matched set of PNG stimuli: a set of one item."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.progress import run_to_end
from core.stimuli.config import SetConfig
from core.stimuli.layout import Layout
from core.stimuli.manifest import StimulusSet
from core.stimuli.names import name_pair
from core.stimuli.recipe import Item
from core.stimuli.write import iter_write


def export_item(
    item: Item, folder: Path, *, degrees: float | None = None, add: Callable[[Path], object] | None = None
) -> StimulusSet:
    """Write original, perturbed, random control and sign flip as PNG, read them back, re-score and describe them.

    Parameters
    ----------
    item : `core.stimuli.make.open_item` makes one.
    folder : A new or an empty folder; it appears only when everything is in it.
    degrees : Width the stimuli will be shown at, in degrees of visual angle.
    add : Writes further files (the probe itself) into the folder before it is complete.

    Raises BadInputError if the folder holds something, or `degrees` is not above 0; StorageError if the folder cannot
    be written, and nothing half-written stays.
    """
    config = SetConfig(name_pair(item.probe), layout=Layout(degrees=degrees))
    return run_to_end(iter_write([item.recipe], lambda _number: item, config, folder, add=add))
