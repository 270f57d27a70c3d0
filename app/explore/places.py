"""Where the panels of Explore stand: empty when the window is first painted, then filled one after another.

left: controls above the gallery | centre: cortex | right: images
                                 | below: responses
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QWidget

from app.base.settings import Settings
from app.widgets.basics import announce, available_size, make_column, make_label, make_panel, make_row
from app.widgets.splitters import FIRST_SIZES, decode, encode, make_splitter

if TYPE_CHECKING:
    from app.explore.presenter import Panels

KEY = "explore"
Panel = TypeVar("Panel", bound=QWidget)


class Places:
    """The splitters of Explore, with the sizes and folds kept; `steps` make what stands in them, a panel each."""

    def __init__(self, settings: Settings) -> None:
        across, down = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        controls, gallery, images, responses = (make_panel(make_column()) for _ in range(4))
        cortex = make_panel(make_row(-1, make_label("Loading the cortex…", "muted"), -1))
        top = make_splitter("top_splitter", across, cortex, images, stretch=0)
        work = make_splitter("work_splitter", down, top, responses, stretch=0)
        left = make_splitter("left_splitter", down, controls, gallery, stretch=1)
        self.whole = make_splitter("main_splitter", across, left, work, stretch=1)
        self.splitters = (top, work, left, self.whole)
        self.folds = Folds(
            settings, {"controls": lambda: left, "images": partial(top.widget, 1), "responses": partial(work.widget, 1)}
        )
        self.restore_sizes({one.objectName(): settings.text(one.objectName()) for one in self.splitters})
        self.folds.restore()
        self.steps = self._make(top, work, left)

    @property
    def panels(self) -> Panels:
        """All panels, made now where they are not there yet."""
        for _ in self.steps:
            pass
        return self._panels

    def sizes(self) -> dict[str, str]:
        """The sizes of all parts, by splitter."""
        return {one.objectName(): encode(one.saveState()) for one in self.splitters}

    def restore_sizes(self, kept: Mapping[str, str]) -> None:
        """Give every part the size it had; one that is not known stays as it is."""
        for splitter in self.splitters:
            if state := kept.get(splitter.objectName()):
                splitter.restoreState(decode(state))

    def reset(self) -> None:
        """Give every part its first size."""
        for splitter in self.splitters:
            splitter.setSizes(list(FIRST_SIZES[splitter.objectName()]))
        self.folds.show_all()

    def _make(self, top: QSplitter, work: QSplitter, left: QSplitter) -> Iterator[None]:
        from app.cortex.panel import CortexPanel  # with pyqtgraph and what draws the cortex: behind the first paint
        from app.explore.controls_panel import ControlsPanel
        from app.explore.gallery_panel import GalleryPanel
        from app.explore.images_panel import ImagesPanel
        from app.explore.presenter import Panels
        from app.explore.responses_panel import ResponsesPanel

        controls = _put(left, 0, ControlsPanel())
        yield
        gallery, images = _put(left, 1, GalleryPanel()), _put(top, 1, ImagesPanel())
        yield
        responses = _put(work, 1, ResponsesPanel())
        yield
        self._panels = Panels(controls, gallery, _put(top, 0, CortexPanel()), images, responses)


def _put(splitter: QSplitter, number: int, panel: Panel) -> Panel:
    """Put a panel in the place of an empty one."""
    empty = splitter.replaceWidget(number, panel)
    splitter.setStretchFactor(number, empty.sizePolicy().horizontalStretch())
    empty.deleteLater()
    return panel


COMPACT_WIDTH = 1264
"""Narrower, controls, cortex and images do not fit side by side."""

SETTING = "folded_panels"
NONE_FOLDED = "none"
"""Written where the user folded nothing, to tell it from a first start."""


class Folds:
    """Which parts are folded: controls with the gallery, images, responses."""

    def __init__(self, settings: Settings, parts: Mapping[str, Callable[[], QWidget]]) -> None:
        self._settings = settings
        self._parts = dict(parts)

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """The commands that fold."""
        return {f"toggle_{name}": partial(self.toggle, name) for name in self._parts}

    def restore(self) -> None:
        """Fold what was folded last; at a first start on a narrow screen, the controls."""
        kept = self._settings.text(SETTING)
        narrow = not kept and available_size().width() < COMPACT_WIDTH
        folded = {"controls"} if narrow else set(kept.split())
        for name, part in self._parts.items():
            part().setHidden(name in folded)

    def toggle(self, name: str) -> None:
        """Fold a part away, or bring it back."""
        part = self._parts[name]()
        part.setHidden(not part.isHidden())
        self._keep()
        announce(part.window(), f"{name.capitalize()} {'hidden' if part.isHidden() else 'shown'}")

    def show_all(self) -> None:
        """Bring every part back."""
        for part in self._parts.values():
            part().show()
        self._keep()

    def _keep(self) -> None:
        folded = [name for name, part in self._parts.items() if part().isHidden()]
        self._settings.set(SETTING, " ".join(folded) or NONE_FOLDED)
