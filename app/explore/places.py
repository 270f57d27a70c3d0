"""Where the panels of Explore stand: empty but for the last images when first painted, then filled one by one.

left: controls above the gallery | centre: cortex | right: images
                                 | below: responses
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QLabel, QSizePolicy, QSplitter, QWidget

from app.base.settings import Settings
from app.widgets.basics import announce, available_size, make_column, make_label, make_panel, make_row, make_split
from core.errors import ProbeError
from core.paths import cache_folder

if TYPE_CHECKING:
    from app.cortex.panel import CortexPanel
    from app.explore.presenter import Panels
    from core.surfaces.placing import Placed

KEY = "explore"
HANDLE_PIXELS = 6
FIRST_SIZES: dict[str, tuple[int, ...]] = {
    "main_splitter": (324, 1116),
    "left_splitter": (620, 204),
    "work_splitter": (560, 260),
    "top_splitter": (720, 400),
}
COMPACT_WIDTH = 1264
"""Narrower, controls, cortex and images do not fit side by side."""

FOLDED = "folded_panels"
NONE_FOLDED = "none"
"""Written where the user folded nothing, to tell it from a first start."""

Panel = TypeVar("Panel", bound=QWidget)


class Places:
    """The splitters of Explore with their sizes and what is folded away; `steps` make what stands in them, in turn.

    The cortex comes first, with the subject that was open last; then `read_rest` imports what the others need. What a
    step gives that can be called is for a thread.
    """

    def __init__(self, settings: Settings, read_rest: Callable[[], object]) -> None:
        controls, gallery, responses = (make_panel(make_column()) for _ in range(3))
        images = make_panel(make_column(_show_last_images()))
        cortex = make_panel(make_row(-1, make_label("Loading the cortex…", "muted"), -1))
        top = _make_splitter("top_splitter", cortex, images, shares=(1, 0))
        work = _make_splitter("work_splitter", top, responses, shares=(1, 0), upright=True)
        left = _make_splitter("left_splitter", controls, gallery, shares=(0, 1), upright=True)
        self.whole = _make_splitter("main_splitter", left, work, shares=(0, 1))
        self._splitters = (top, work, left, self.whole)
        self._placed: Placed | None = None
        self._parts = {"controls": (self.whole, 0), "images": (top, 1), "responses": (work, 1)}
        self._settings, self._read_rest = settings, read_rest
        self.restore_sizes({one.objectName(): settings.text(one.objectName()) for one in self._splitters})
        kept = settings.text(FOLDED)
        narrow = not kept and available_size().width() < COMPACT_WIDTH  # at a first start on a narrow screen
        for name in {"controls"} if narrow else self._parts.keys() & kept.split():
            self._part(name).hide()
        self.steps = self._fill(top, work, left)

    @property
    def panels(self) -> Panels:
        """All panels, made now where they are not there yet."""
        for _ in self.steps:
            pass
        return self._panels

    @cached_property
    def cortex(self) -> CortexPanel:
        """The panel of the cortex, made now if it is not there yet; it shows what was read."""
        from app.cortex.panel import CortexPanel  # with what draws the cortex: behind the first paint

        panel = _put(self._splitters[0], 0, CortexPanel())
        panel.view.canvas.set_gliding(not self._settings.flag("reduced_motion"))
        if self._placed is not None:
            panel.view.show_placed(self._placed)
        return panel

    def read_cortex(self) -> None:
        """Import what draws the cortex, and read the subject that was open last; in any thread."""
        import app.cortex.panel
        import app.cortex.renderer  # noqa: F401 - used once this is done
        from app.base.catalogue import read_catalogue

        catalogue = read_catalogue()
        with suppress(ProbeError):  # told when it is opened
            self._placed = catalogue.place_subject(catalogue.choose_subject(self._settings.text("subject")))

    def close(self) -> None:
        """End what draws the cortex, if it is there: a live thread would hold up the exit."""
        for view in self.cortex.views if "cortex" in vars(self) else ():
            view.canvas.close_canvas()

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """The commands that fold parts away, and the one that gives all of them their first sizes."""
        return {f"toggle_{name}": partial(self.toggle, name) for name in self._parts} | {"reset_layout": self.reset}

    def sizes(self) -> dict[str, str]:
        """The sizes of all parts, by splitter."""
        return {one.objectName(): encode(one.saveState()) for one in self._splitters}

    def restore_sizes(self, kept: Mapping[str, str]) -> None:
        """Give every part the size it had; one that is not known stays as it is."""
        for splitter in self._splitters:
            splitter.restoreState(decode(kept.get(splitter.objectName(), "")))

    def reset(self) -> None:
        """Give every part its first size."""
        for splitter in self._splitters:
            splitter.setSizes(list(FIRST_SIZES[splitter.objectName()]))
        self.show_all()

    def toggle(self, name: str) -> None:
        """Fold a part away, or bring it back."""
        part = self._part(name)
        part.setHidden(not part.isHidden())
        self._keep()
        announce(part.window(), f"{name.capitalize()} {'hidden' if part.isHidden() else 'shown'}")

    def show_all(self) -> None:
        """Bring every part back."""
        for name in self._parts:
            self._part(name).show()
        self._keep()

    def _part(self, name: str) -> QWidget:
        return _widget_of(*self._parts[name])

    def _keep(self) -> None:
        folded = [name for name in self._parts if self._part(name).isHidden()]
        self._settings.set(FOLDED, " ".join(folded) or NONE_FOLDED)

    def _fill(self, top: QSplitter, work: QSplitter, left: QSplitter) -> Iterator[object]:
        yield self.read_cortex
        yield self.cortex
        yield self._read_rest
        from app.explore.controls_panel import ControlsPanel
        from app.explore.gallery_panel import GalleryPanel
        from app.explore.images_panel import ImagesPanel
        from app.explore.presenter import Panels
        from app.explore.responses_panel import ResponsesPanel

        yield (controls := _put(left, 0, ControlsPanel()))
        yield (gallery := _put(left, 1, GalleryPanel()))
        yield (images := _put(top, 1, ImagesPanel()))
        yield (responses := _put(work, 1, ResponsesPanel()))
        self._panels = Panels(controls, gallery, self.cortex, images, responses)


def _make_splitter(name: str, *widgets: QWidget, shares: tuple[int, int], upright: bool = False) -> QSplitter:
    """A splitter that is kept under a name; its parts share the room a larger window gives."""
    splitter = make_split(*widgets, shares=shares, upright=upright)
    splitter.setObjectName(name)
    splitter.setHandleWidth(HANDLE_PIXELS)
    splitter.setSizes(list(FIRST_SIZES[name]))
    return splitter


def last_images() -> Path:
    """Where a picture of the images lies that the window was closed with."""
    return cache_folder() / "last_images.png"


def _show_last_images() -> QLabel:
    label, picture = QLabel(), QPixmap(str(last_images()))
    picture.setDevicePixelRatio(label.devicePixelRatioF())
    label.setObjectName("last_images")
    label.setPixmap(picture)
    label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
    return label


def _put(splitter: QSplitter, number: int, panel: Panel) -> Panel:
    """Put a panel in the place of an empty one."""
    empty = _widget_of(splitter, number)
    splitter.replaceWidget(number, panel)
    splitter.setStretchFactor(number, empty.sizePolicy().horizontalStretch())
    empty.deleteLater()
    return panel


def _widget_of(splitter: QSplitter, number: int) -> QWidget:
    return cast("QWidget", splitter.widget(number))


def encode(state: QByteArray) -> str:
    """Qt's opaque state as text."""
    return bytes(state.toBase64().data()).decode("ascii")


def decode(text: str) -> QByteArray:
    """The reverse of `encode`."""
    return QByteArray.fromBase64(QByteArray(text.encode("ascii")))
