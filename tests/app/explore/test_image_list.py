"""Thumbnails: read beside the window, those in sight first, and no more kept than fit."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from pytestqt.qtbot import QtBot

from app.base.jobs import JobLane
from app.explore import image_list
from app.explore.gallery_panel import GalleryPanel
from app.explore.image_list import BATCH, THUMBNAIL_BYTES, GalleryItem, ImageList
from core.datasets.photos import ImageInfo
from core.kept import Kept
from core.types import ByteArray


class Recorder:
    """Gives grey pictures and notes which were read, and by which threads."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.threads: set[int] = set()

    def items(self, count: int) -> list[GalleryItem]:
        return [
            GalleryItem(f"{number}", f"{number}", "test", "", read=lambda side, n=number: self._make(n, side))  # type: ignore[misc]
            for number in range(count)
        ]

    def _make(self, number: int, side: int) -> ByteArray:
        self.read.append(f"{number}")
        self.threads.add(threading.get_ident())
        return np.full((side, side, 3), 7 * number % 256, dtype=np.uint8)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def images(recorder: Recorder, lane: JobLane) -> ImageList:
    made = ImageList()
    made.lane = lane
    made.set_items(recorder.items(60))
    return made


def look(images: ImageList, row: int) -> QPixmap:
    picture = images.data(images.index(row, 0), Qt.ItemDataRole.DecorationRole)
    assert isinstance(picture, QPixmap)
    return picture


def test_a_thumbnail_is_never_read_by_the_thread_of_the_window(
    images: ImageList, recorder: Recorder, qtbot: QtBot
) -> None:
    assert look(images, 3).isNull(), "nothing is there yet"
    with qtbot.waitSignal(images.read):
        pass
    assert recorder.read == ["3"]
    assert threading.get_ident() not in recorder.threads
    picture = look(images, 3).toImage()
    assert picture.pixelColor(64, 64).getRgb() == (21, 21, 21, 255)
    assert picture.pixelColor(0, 0).alpha() == 0, "its corners are round"


def test_what_came_into_sight_last_is_read_first(images: ImageList, recorder: Recorder, qtbot: QtBot) -> None:
    for row in range(40):
        look(images, row)
    qtbot.waitUntil(lambda: len(recorder.read) == 40)
    assert recorder.read[:BATCH] == [f"{row}" for row in range(39, 39 - BATCH, -1)]
    assert sorted(map(int, recorder.read)) == list(range(40)), "each once"


def test_thumbnails_take_no_more_than_their_limit(
    images: ImageList, recorder: Recorder, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "_pictures", Kept(5 * THUMBNAIL_BYTES, measure=lambda _picture: THUMBNAIL_BYTES))
    for row in range(20):
        look(images, row)
    qtbot.waitUntil(lambda: len(recorder.read) == 20 and images._wanted == {})
    assert images._pictures.n_bytes == 5 * THUMBNAIL_BYTES
    assert 900 < image_list.MOST_BYTES // THUMBNAIL_BYTES < 1100


def test_the_gallery_goes_to_the_group_of_the_image_on_screen(qtbot: QtBot, tmp_path: Path) -> None:
    gallery = GalleryPanel()
    qtbot.addWidget(gallery)
    gallery.set_images(
        [
            ImageInfo(f"{group}_{n}", "test", group, tmp_path / "no.png", False, "photos", "CC0")
            for group in ("face", "place")
            for n in (0, 1)
        ],
        "face",
    )
    gallery.follow("face_1")
    assert gallery.group.value() == "face"
    gallery.follow("place_0")
    assert (gallery.group.value(), gallery.list.item(gallery.view.currentIndex().row()).key) == ("place", "place_0")
    gallery.set_own([GalleryItem("mine:x", "x", "a category", "")], "me")
    gallery.follow("mine:x")
    assert gallery.list.row_of("mine:x") == 0
