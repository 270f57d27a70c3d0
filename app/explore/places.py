"""Where the panels of Explore stand: empty but for the last images when first painted, then filled one by one.

left: controls above the gallery | centre: cortex above the responses | right: images

Each class of window size has sizes of its own: the first ones are made for the room there is, then they are kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from PySide6.QtCore import QByteArray, QEvent, QObject, QSize, Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QLabel, QSizePolicy, QSplitter, QWidget

from app.base.settings import Settings
from app.widgets.basics import announce, available_size, make_column, make_label, make_panel, make_row, make_split
from app.widgets.full_panel import leave_full
from core.errors import ProbeError
from core.paths import cache_folder

if TYPE_CHECKING:
    from app.cortex.panel import CortexPanel
    from app.explore.presenter import Panels
    from core.surfaces.placing import Placed

KEY = "explore"
HANDLE_PIXELS = 6
SIZES = "panel_sizes"
SIZE_CLASSES = {"large": (2200, 400, 0.44), "medium": (1500, 330, 0.39), "compact": (0, 324, 0.0)}
"""From a width on: the width of the controls, and the share of the rest that images get."""
LEAST_IMAGES = 2 * 224 + 52
"""Room for two pictures of 224 pixels side by side."""
BESIDE_PICTURES = 190
"""Pixels above, between and below two rows of pictures."""
RESPONSES = (250, 0.325, 450)
"""Least height, share of it, and what all rows of the table need."""
LEAST_GALLERY, LARGEST_CONTROLS = 134, 1000
"""Heights: a row of thumbnails; all controls, with those of a budget unfolded."""
COMPACT_WIDTH = 1264
"""Narrower, controls, cortex and images do not fit side by side."""

FOLDED = "folded_panels"
NONE_FOLDED = "none"
"""Written where the user folded nothing, to tell it from a first start."""

Panel = TypeVar("Panel", bound=QWidget)


class Places(QObject):
    """The splitters of Explore with their sizes and what is folded away; `steps` make what stands in them, in turn.

    The cortex comes first, with the subject that was open last; then `read_rest` imports what the others need. What a
    step gives that can be called is for a thread.
    """

    def __init__(self, settings: Settings, read_rest: Callable[[], object]) -> None:
        super().__init__()
        controls, gallery, responses = (make_panel(make_column()) for _ in range(3))
        images = make_panel(make_column(_show_last_images()))
        cortex = make_panel(make_row(-1, make_label("Loading the cortex…", "muted"), -1))
        centre = _make_splitter("responses_splitter", cortex, responses, shares=(2, 1), upright=True)
        work = _make_splitter("images_splitter", centre, images, shares=(1, 1))
        left = _make_splitter("left_splitter", controls, gallery, shares=(1, 1), upright=True)
        self.whole = _make_splitter("main_splitter", left, work, shares=(0, 1))
        self._splitters = (self.whole, left, work, centre)  # outer ones first
        self._placed: Placed | None = None
        self._parts = {"controls": (self.whole, 0), "images": (work, 1), "responses": (centre, 1)}
        self._settings, self._read_rest = settings, read_rest
        self._class = ""
        self._kept: dict[str, dict[str, str]] = {}
        with suppress(ValueError, TypeError):
            self._kept = dict(json.loads(settings.text(SIZES)))
        self.whole.installEventFilter(self)
        folded = settings.text(FOLDED)
        narrow = not folded and available_size().width() < COMPACT_WIDTH  # at a first start on a narrow screen
        for name in {"controls"} if narrow else self._parts.keys() & folded.split():
            self._part(name).hide()
        self.steps = self._fill(centre, work, left)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the sizes of another class of window sizes."""
        if event.type() == QEvent.Type.Resize:
            self._follow(self.whole.size())
        return super().eventFilter(watched, event)

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

        panel = _put(self._splitters[-1], 0, CortexPanel())
        panel.view.canvas.set_gliding(not self._settings.flag("reduced_motion"))
        if self._placed is not None:
            panel.view.show_placed(self._placed)
        return panel

    def read_cortex(self) -> None:
        """Import what draws the cortex, and read the subject that was open last; in any thread."""
        import app.cortex.panel
        import app.cortex.renderer  # noqa: F401 - used once this is done
        from core.datasets.subject import list_subjects, load_subject
        from core.surfaces.placing import place_voxels

        with suppress(ProbeError):  # told when it is opened
            wanted, known = self._settings.text("subject"), [info.id for info in list_subjects()]
            subject = load_subject(wanted if wanted in known else known[0])
            self._placed = place_voxels(subject.voxels, subject.surface)

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

    def keep(self) -> None:
        """Remember the sizes for windows of this class; those while one panel fills the work space are none."""
        if not leave_full(self.whole) and self._class:
            self._kept[self._class] = self.sizes()
        self._settings.set(SIZES, json.dumps(self._kept))

    def reset(self) -> None:
        """Give every part its first size, in windows of every size."""
        self.show_all()
        self._kept.clear()
        self._class = ""
        self._follow(self.whole.size())

    def _follow(self, room: QSize) -> None:
        """Take the sizes of the class of a window: those kept, or the first that suit the room."""
        found = next(name for name, (least, *_) in SIZE_CLASSES.items() if room.width() >= least)
        if found == self._class:
            return
        self.keep()
        self._class = found
        if found in self._kept:
            self.restore_sizes(self._kept[found])
            return
        _, controls, share = SIZE_CLASSES[found]
        rest = room.width() - controls
        images = max(LEAST_IMAGES, min(round(share * rest), room.height() - BESIDE_PICTURES))
        least, part, most = RESPONSES
        responses = min(most, max(least, round(part * room.height())))
        gallery = max(LEAST_GALLERY, room.height() - LARGEST_CONTROLS)
        seconds, wholes = (rest, gallery, images, responses), (room.width(), room.height(), rest, room.height())
        for splitter, second, both in zip(self._splitters, seconds, wholes, strict=True):
            splitter.setSizes([both - second, second])

    def toggle(self, name: str) -> None:
        """Fold a part away, or bring it back."""
        leave_full(self.whole)
        part = self._part(name)
        part.setHidden(not part.isHidden())
        self._keep()
        announce(part.window(), f"{name.capitalize()} {'hidden' if part.isHidden() else 'shown'}")

    def show_all(self) -> None:
        """Bring every part back."""
        leave_full(self.whole)
        for name in self._parts:
            self._part(name).show()
        self._keep()

    def _part(self, name: str) -> QWidget:
        return _widget_of(*self._parts[name])

    def _keep(self) -> None:
        folded = [name for name in self._parts if self._part(name).isHidden()]
        self._settings.set(FOLDED, " ".join(folded) or NONE_FOLDED)

    def _fill(self, centre: QSplitter, work: QSplitter, left: QSplitter) -> Iterator[object]:
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
        yield (images := _put(work, 1, ImagesPanel()))
        yield (responses := _put(centre, 1, ResponsesPanel()))
        self._panels = Panels(controls, gallery, self.cortex, images, responses)
        _order_keys(controls, gallery, self.cortex, responses.part_choice, *responses.parts, images)


def _make_splitter(name: str, *widgets: QWidget, shares: tuple[int, int], upright: bool = False) -> QSplitter:
    """A splitter that is kept under a name; its parts share the room a larger window gives."""
    splitter = make_split(*widgets, shares=shares, upright=upright)
    splitter.setObjectName(name)
    splitter.setHandleWidth(HANDLE_PIXELS)
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


def _order_keys(*parts: QWidget) -> None:
    """Let Tab go through parts of a window in this order, whichever was made first.

    Qt's own chain is not read: PySide makes whatever `nextInFocusChain` gives a child of the one before it, and the
    window would never be freed.
    """
    takes = [
        one
        for part in parts
        for one in part.findChildren(QWidget)
        if one.focusPolicy() & Qt.FocusPolicy.TabFocus and one.window() is part.window()
    ]
    for first, second in pairwise(takes):
        QWidget.setTabOrder(first, second)


def _widget_of(splitter: QSplitter, number: int) -> QWidget:
    return cast("QWidget", splitter.widget(number))


def encode(state: QByteArray) -> str:
    """Qt's opaque state as text."""
    return bytes(state.toBase64().data()).decode("ascii")


def decode(text: str) -> QByteArray:
    """The reverse of `encode`."""
    return QByteArray.fromBase64(QByteArray(text.encode("ascii")))
