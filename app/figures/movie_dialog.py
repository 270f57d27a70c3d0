"""Asks what the movie shows, previews frames of it and the cost before, the progress during.

asking -> rendering -> asking (stopped or failed) or closed (saved)
"""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialog, QScrollArea, QSlider, QWidget

from app.figures.movie_form import MovieForm
from app.widgets.basics import make_button, make_column, make_label, make_row
from app.widgets.image_view import PictureLabel
from app.widgets.job_line import JobLine
from core.errors import ProbeError
from core.figures.movie_config import MovieConfig
from core.types import ByteArray

FIRST_SIZE = (1060, 640)
FORM_WIDTH = 352
PREVIEW_ROOM = (480, 270)
PLACES = 100
FIRST_PLACE = 70
REST_MS = 250
"""A preview is drawn when nothing was changed for so long."""


class MovieDialog(QDialog):
    """Form on the left, a frame of the movie on the right, cost and progress below it.

    Signals
    -------
    preview_requested(MovieConfig, float)
        With the place of the frame, in [0, 1].
    estimate_requested(MovieConfig, MovieFormat)
    save_requested(MovieConfig, MovieFormat)
    """

    preview_requested = Signal(object, float)
    estimate_requested = Signal(object, object)
    save_requested = Signal(object, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Save movie")
        self.resize(*FIRST_SIZE)
        self.form = MovieForm()
        self.preview = PictureLabel("Frame of the movie", least=PREVIEW_ROOM)
        self.place = QSlider(Qt.Orientation.Horizontal)
        self.place.setRange(0, PLACES)
        self.place.setValue(FIRST_PLACE)
        self.place.setAccessibleName("Position in the movie")
        self.place.setToolTip("Show another frame")
        self.cost = make_label("", "muted", wraps=True)
        self.work = JobLine()
        self.save = make_button("Save movie…", "primary")
        self.save.setDefault(True)
        self.stop = make_button("Stop", tip="Stop rendering; no partial file is kept")
        self.close_button = make_button("Close")
        self._soon = QTimer(self, singleShot=True, interval=REST_MS)
        self._lay_out()
        self._connect()
        self._refresh()

    def config(self) -> MovieConfig | None:
        """The movie asked for; None, with the reason shown, where it cannot be."""
        try:
            made = self.form.value()
        except ProbeError as error:
            self.show_failure(str(error))
            return None
        return made

    def show_preview(self, frame: ByteArray) -> None:
        """A frame was drawn."""
        self.preview.show_pixels(frame)

    def show_estimate(self, text: str) -> None:
        """What the movie would cost."""
        self.cost.setText(text)

    def show_failure(self, text: str) -> None:
        """Why it cannot be, or what went wrong."""
        self.work.refuse(text)
        self.cost.setText("")

    def look_again(self) -> None:
        """Redraw the preview when the user rests."""
        self.cost.setText("")
        self._soon.start()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closing stops a running render."""
        self._leave()
        event.accept()

    def reject(self) -> None:
        """Esc closes it too."""
        self._leave()
        super().reject()

    def _leave(self) -> None:
        self._soon.stop()
        self.work.cancel()

    def _lay_out(self) -> None:
        scroll = QScrollArea()
        scroll.setWidget(self.form)
        scroll.setWidgetResizable(True)
        scroll.setFixedWidth(FORM_WIDTH)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        right = make_column(self.preview, self.place, self.cost, self.work, gap=8)
        right.setStretch(0, 1)
        body = make_row(scroll, gap=20)
        body.addLayout(right, 1)
        outer = make_column(body, make_row(self.stop, -1, self.close_button, self.save), gap=14, margin=20)
        outer.setStretch(0, 1)
        self.setLayout(outer)

    def _connect(self) -> None:
        self.form.changed.connect(self._take_change)
        self.place.valueChanged.connect(self._take_place)
        self._soon.timeout.connect(self._ask)
        self.save.clicked.connect(self._save)
        self.stop.clicked.connect(self.work.cancel)
        self.work.changed.connect(self._refresh)
        self.close_button.clicked.connect(self.close)

    @Slot()
    def _take_change(self) -> None:
        self.cost.setText("")
        self.work.say()
        self._soon.start()

    @Slot(int)
    def _take_place(self, _place: int) -> None:
        self.work.refuse()
        self._soon.start()

    @Slot()
    def _ask(self) -> None:
        made = None if self.work.busy else self.config()
        if made is not None:
            self.preview_requested.emit(made, self.place.value() / PLACES)
            if not self.cost.text():
                self.cost.setText("Timing a few frames…")
                self.estimate_requested.emit(made, self.form.movie_format())

    @Slot()
    def _save(self) -> None:
        made = self.config()
        if made is not None:
            self.save_requested.emit(made, self.form.movie_format())

    @Slot()
    def _refresh(self) -> None:
        is_rendering = self.work.busy
        for part in (self.form, self.place, self.save):
            part.setEnabled(not is_rendering)
        self.save.setToolTip("A movie is being rendered" if is_rendering else "Choose where to save it and render it")
        self.stop.setEnabled(is_rendering)
        self.stop.setToolTip(
            "Stop rendering; no partial file is kept" if is_rendering else "No movie is being rendered"
        )
