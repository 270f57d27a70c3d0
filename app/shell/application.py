"""Sets up Qt, opens the window and runs until it closes. Never imports torch: the lane does, behind the first paint.

The window's own libraries (VTK, pyqtgraph, numpy) are imported inside the functions, so that the splash is up first.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QFont, QPainter, QPixmap
from PySide6.QtWidgets import QSplashScreen

from app.base.endings import ENDINGS
from app.base.settings import Settings
from app.look.icons import application_icon
from app.look.qt_application import make_application
from app.look.theme import Theme, apply_theme, find_theme, interface_font
from app.widgets.drawing import draw_text

if TYPE_CHECKING:
    from app.base.services import Services
    from app.shell.main_window import MainWindow

WIDTH, HEIGHT = 420, 220
MARK_SIDE = 64
PIXEL_RATIO = 2


def make_splash(theme: Theme) -> QSplashScreen:
    """The program's mark and name on the theme's panel colour."""
    picture = QPixmap(WIDTH * PIXEL_RATIO, HEIGHT * PIXEL_RATIO)
    picture.setDevicePixelRatio(PIXEL_RATIO)
    picture.fill(QColor(theme.panel))
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    left = round((WIDTH - MARK_SIDE) / 2)
    painter.drawPixmap(left, 44, application_icon().pixmap(MARK_SIDE, MARK_SIDE))
    font = QFont(interface_font())
    font.setPointSizeF(10)
    painter.setFont(font)
    centre = Qt.AlignmentFlag.AlignCenter
    draw_text(painter, QRectF(0, 122, WIDTH, 34), "Probescope", theme.text, scale=1.7, align=centre)
    draw_text(painter, QRectF(0, 162, WIDTH, 34), "Loading the cortex…", theme.muted, scale=0.95, align=centre)
    painter.end()
    return QSplashScreen(picture, Qt.WindowType.FramelessWindowHint)


SIGNAL_POLL_MS = 200
"""Python sees a Ctrl-C only when it runs; an idle event loop must wake it now and then."""


def close_on_signal(window: MainWindow) -> None:
    """Close the window once a signal asks the program to end."""
    timer = QTimer(window)

    def wake() -> None:
        if ENDINGS.number:
            timer.stop()
            window.close()

    timer.timeout.connect(wake)
    timer.start(SIGNAL_POLL_MS)


def make_window(session: Services | None = None, session_file: Path | None = None) -> MainWindow:
    """A window that opens what was open last, or a session file, as soon as it is on screen."""
    application = make_application()
    from app.base.services import open_services
    from app.shell.main_window import MainWindow

    used = session if session is not None else open_services()
    apply_theme(application, find_theme(used.settings.text("theme")))
    window = MainWindow(used)
    window.session_file = session_file
    window.shown_once.connect(window.start)
    return window


def run(*, device: str = "auto", session_file: Path | None = None) -> int:
    """Open the window and stay until it is closed, by the user or by a signal. Returns the exit code of Qt."""
    application = make_application()
    splash = make_splash(find_theme(Settings().text("theme")))
    splash.show()
    from app.base.services import open_services
    from core.engine import Engine

    chosen = Settings()
    wish = chosen.text("device") if device == "auto" else device
    session = open_services(engine=Engine(device=wish, spare_cores=chosen.whole("spare_cores")))
    session.problems.install()
    try:
        window = make_window(session, session_file)
    except BaseException:
        session.close()  # a live thread would abort the exit and hide the reason
        raise
    window.shown_once.connect(window.tour.offer)
    close_on_signal(window)
    window.show()
    splash.finish(window)
    return application.exec()
