"""The window is painted before what stands in it is imported; whatever is asked for sooner is made at once."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.base.services import open_services
from app.explore.places import Places
from app.shell import application
from app.shell.application import hold_collector, make_window
from app.shell.main_window import TABS, MainWindow
from core.datasets.subject import load_subject
from core.engine import Engine
from core.errors import StorageError
from core.surfaces.placing import place_voxels
from core.sweeps.config import Question
from tests.helpers.fake_engine import FakeEngine, make_catalogue

ROOT = Path(__file__).resolve().parents[3]

HEAVY = [
    *("PIL", "cyclopts", "h5py", "matplotlib", "nibabel", "numpy", "pandas", "pyqtgraph"),
    *("scipy", "skimage", "sklearn", "timm", "torch", "torchvision", "vtkmodules", "zarr"),
    *("core.engine", "core.probes.probe", "core.session.record", "app.base.services"),
    *("app.cortex.panel", "app.explore.explore", "app.shell.features"),
]
"""What must not be imported when the window is painted for the first time."""

FIRST_PAINT = """
import sys
import main
from PySide6.QtCore import QEvent, QObject, QTimer
from app.look.qt_application import make_application

class FirstPaint(QObject):
    seen = False

    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint and not self.seen:
            self.seen = True
            windows = [type(one).__name__ for one in application.topLevelWidgets() if one.isVisible()]
            print(*windows, *sorted(set(sys.argv[1:]) & set(sys.modules)), sep="\\n")
            sys.stdout.flush()
            QTimer.singleShot(0, application.closeAllWindows)
        return False

application = make_application()
watcher = FirstPaint()
application.installEventFilter(watcher)
sys.exit(main.open_window())
"""


def test_the_first_paint_needs_nothing_heavy_and_a_window_closed_then_ends_well(qtbot: QtBot) -> None:
    command = [sys.executable, "-c", FIRST_PAINT, *HEAVY]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["MainWindow"]), done.stderr


def test_the_command_line_reads_no_options_where_there_are_none() -> None:
    code = (
        "import sys\nfrom core.commands.cli import run_command_line\n"
        f"run_command_line([], open_window=lambda *_: print(*sorted({set(HEAVY)!r} & set(sys.modules))),"
        " run_demonstration=print)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    """A window on screen with nothing in it yet."""
    made = make_window(open_services(engine=cast(Engine, FakeEngine()), catalogue=make_catalogue(tmp_path)))
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
        made.opening.blockSignals(True)  # it does not go on by itself
    assert "features" not in vars(made)
    yield made
    made.close()
    made.deleteLater()


def test_the_cortex_of_the_last_subject_is_there_before_the_rest(window: MainWindow, qtbot: QtBot) -> None:
    places = window.places
    places.read_cortex()
    with qtbot.waitSignal(places.cortex.view.canvas.drawn):
        pass
    placed = place_voxels(*attrgetter("voxels", "surface")(load_subject("simulated")))
    shown, wanted = (one.left.geometries["inflated"] for one in (places.cortex.view.surface, placed.surface))
    assert np.array_equal(shown, wanted)  # another thread may have read it at the same time
    assert "features" not in vars(window)
    assert window.features.explore.cortex is places.cortex


def test_the_images_of_the_last_time_are_in_the_first_paint(window: MainWindow) -> None:
    window.explore.images.show_images(np.full((64, 64, 3), (250, 10, 10), np.uint8), None, caption="clean")
    shown = window.explore.images.grab().toImage()
    window.explore.keep()
    place = Places(window.session.settings, list).whole.findChild(QLabel, "last_images")
    assert place.pixmap().toImage().convertToFormat(shown.format()) == shown
    assert len({shown.pixel(x, shown.height() // 3) for x in range(shown.width())}) > 1


def test_the_collector_is_left_out_until_the_first_work_is_done(window: MainWindow, qtbot: QtBot) -> None:
    hold_collector(window)
    try:
        assert window.features is not None and not gc.isenabled()
        window.opening.blockSignals(False)
        window.opening.done.emit()
        qtbot.waitUntil(gc.isenabled)
        assert gc.get_freeze_count() > 10_000
    finally:
        gc.enable()
        gc.unfreeze()


def test_a_key_pressed_before_all_is_there_does_its_command(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    palette = window.features.jumps.palette
    assert palette is not None and palette.isVisible()
    palette.close()


def test_a_command_that_cannot_be_given_says_why_before_all_is_there(window: MainWindow) -> None:
    action = window.actions_table.action("probe")
    assert (action.isEnabled(), action.toolTip()) == (False, "Choose a network with a fitted encoder first")
    action = window.actions_table.action("open_image")
    assert (action.isEnabled(), action.toolTip()) == (True, "Probe images of your own (Ctrl+O)")


def test_a_tab_opened_before_all_is_there_has_its_page(window: MainWindow, qtbot: QtBot) -> None:
    bar = window.tabs.bar
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(window.tabs.keys.index("stimuli")).center())
    assert window.tabs.stack.currentWidget().isAncestorOf(window.tabs.page("stimuli"))
    assert window.tabs.page("stimuli").isVisible()


def test_a_file_dragged_over_before_all_is_there_is_seen_to(window: MainWindow, tmp_path: Path) -> None:
    data, keys = QMimeData(), Qt.KeyboardModifier.NoModifier
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "cat.png"))])
    place, action, button = QPoint(50, 50), Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    window.dragEnterEvent(QDragEnterEvent(place, action, data, button, keys))
    assert window.features.drops.overlay.isVisible()


def test_every_announced_tab_is_added_by_a_feature_in_that_order(window: MainWindow) -> None:
    assert window.features is not None
    assert window.tabs.keys == ["explore", *TABS]
    assert [key for key in TABS if key in set(Question)] == list(Question)
    assert all(window.tabs.bar.tabText(number) == key.capitalize() for number, key in enumerate(window.tabs.keys))


def test_what_is_folded_and_its_size_are_kept_when_a_panel_takes_its_place(window: MainWindow) -> None:
    window.places.toggle("images")
    sizes = window.places.sizes()["main_splitter"]
    assert window.explore.images.isHidden()
    assert window.places.sizes()["main_splitter"] == sizes
    window.places.toggle("images")
    assert window.explore.images.isVisible()


def test_what_cannot_be_made_is_raised_where_the_program_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_options: object) -> object:
        raise StorageError("No photographs were found.")

    monkeypatch.setattr("app.base.services.open_services", fail)
    with pytest.raises(StorageError, match="No photographs"):
        application.run()
