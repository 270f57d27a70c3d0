"""What is promised while something is dragged over the window is what a drop then does, for every row of the table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.shell.main_window import MainWindow
from tests.helpers.open_window import open_window
from tests.helpers.surface_files import write_subject

BUTTON, KEYS, COPY = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.DropAction.CopyAction


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    with open_window(qtbot, tmp_path) as made:
        yield made


def mime(*paths: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


def drag(window: MainWindow, data: QMimeData) -> tuple[bool, str, str]:
    """Drag over the window; whether it is taken, and what is promised."""
    event = QDragEnterEvent(QPoint(50, 50), COPY, data, BUTTON, KEYS)
    event.ignore()
    QApplication.sendEvent(window, event)
    overlay = window.features.drops.overlay
    return event.isAccepted(), overlay.title.text(), overlay.details.text()


def drop(window: MainWindow, data: QMimeData) -> None:
    window.features.drops.overlay.dropEvent(QDropEvent(QPointF(50, 50), COPY, data, BUTTON, KEYS))


def test_an_image_is_promised_and_opened(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    data = mime(tmp_path / "picture_2.png")
    assert drag(window, data) == (True, "Open picture_2.png to probe", "")
    assert window.features.drops.overlay.isVisible()
    with qtbot.waitSignal(window.session.controller.image_opened) as opened:
        drop(window, data)
    assert opened.args == [str(tmp_path / "picture_2.png")]
    assert not window.features.drops.overlay.isVisible()


def test_what_cannot_be_taken_is_said_before_and_after_the_drop(window: MainWindow, tmp_path: Path) -> None:
    song = tmp_path / "song.mp3"
    song.write_bytes(b"ID3")
    _, title, details = drag(window, mime(song))
    assert title == "song.mp3 cannot be opened"
    assert all(row.thing in details for row in window.features.drops.rows)
    drop(window, mime(song))
    assert window.banner.isVisible()
    assert window.banner.text.text().startswith("song.mp3 cannot be opened. Drop ")


def test_of_several_images_all_are_listed_and_the_first_is_opened(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    paths = [tmp_path / f"mine_{number}.png" for number in (10, 2, 1)]
    for path in paths:
        Image.new("RGB", (64, 64), (9, 40, 80)).save(path)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    data = mime(*paths, broken)
    assert drag(window, data) == (True, "Open mine_10.png and 3 more to probe", "")
    with qtbot.waitSignal(window.session.controller.image_opened, timeout=20_000) as opened:
        drop(window, data)
    assert opened.args == [str(tmp_path / "mine_1.png")]
    mine = [item.title for item in window.explore.gallery.everything() if item.group == "mine"]
    assert mine == ["mine_1.png", "mine_2.png", "mine_10.png"]
    assert window.banner.text.text() == "Listed 3 images under Mine; broken.png cannot be read as an image."


def test_a_folder_of_images_is_told_from_one_of_a_recording(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for name in ("b.png", "a.JPG", "more/c.png"):
        Image.new("RGB", (64, 64), (200, 40, 80)).save(folder / name)
    (folder / "notes.txt").write_text("holiday")
    assert drag(window, mime(folder))[1] == "Open photos to probe"
    with qtbot.waitSignal(window.session.controller.image_opened, timeout=20_000) as opened:
        drop(window, mime(folder))
    assert opened.args == [str(folder / "a.JPG")]
    assert window.explore.gallery.list.rowCount() == 3
    (folder / "mine.toml").write_text("")
    assert drag(window, mime(folder))[1] == "Inspect photos as a recording"


def test_each_kind_of_file_has_its_own_promise(window: MainWindow, tmp_path: Path) -> None:
    (tmp_path / "net.pt2").write_bytes(b"x")
    (tmp_path / "mine.toml").write_text("")
    np.savez(tmp_path / "ridge.npz", coef=np.ones((3, 2)))
    folder = tmp_path / "recording"
    folder.mkdir()
    surface = write_subject(tmp_path)
    stimuli = tmp_path / "set"
    stimuli.mkdir()
    (stimuli / "manifest.json").write_text("{}")
    (tmp_path / "run-1.tsv").write_text("id\tresponse\n")
    for path, promise in (
        (tmp_path / "net.pt2", "Import the network net.pt2"),
        (tmp_path / "mine.toml", "Inspect mine.toml as a recording"),
        (folder, "Inspect recording as a recording"),
        (tmp_path / "ridge.npz", "Import ridge.npz as an encoder"),
        (stimuli, "Compare set with its predictions"),
        (tmp_path / "run-1.tsv", "Compare run-1.tsv with its predictions"),
        (surface, f"Import the cortical surface {surface.name}"),
    ):
        assert drag(window, mime(path))[:2] == (True, promise)


def test_a_drag_that_leaves_promises_nothing(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    drag(window, mime(tmp_path / "picture_0.png"))
    QApplication.sendEvent(window, QDragLeaveEvent())
    qtbot.waitUntil(lambda: not window.features.drops.overlay.isVisible())


def test_text_is_not_taken(window: MainWindow) -> None:
    data = QMimeData()
    data.setText("hello")
    assert drag(window, data)[0] is False
    assert not window.features.drops.overlay.isVisible()


def test_an_error_message_goes_with_the_next_good_action(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    drop(window, mime(tmp_path / "broken.png"))
    qtbot.waitUntil(window.banner.isVisible)
    assert window.banner.property("tone") == "error"
    drop(window, mime(tmp_path / "picture_1.png"))
    qtbot.waitUntil(lambda: not window.banner.isVisible())
