"""Says what the program is, what is simulated and which licences its parts have. Never states a version by hand."""

from __future__ import annotations

from importlib import metadata

from PySide6.QtWidgets import QDialog, QLabel, QWidget

from app.look.icons import application_icon
from app.widgets.basics import make_button, make_column, make_label, make_row

WHAT = (
    "Adversarial probes of fMRI encoders: change an image by a small, bounded amount so that the predicted response "
    "of a voxel rises or falls, and see what the rest of the cortex does."
)
REAL = (
    "Networks, photographs and cortical surface are real. A subject marked “simulated” has made-up voxels with a known "
    "answer; one marked “measured” has recorded responses."
)
SOURCES = (
    "The analyses follow definitions of this program's own, inspired by McNeal & Ratan Murty 2025 (arXiv 2509.23333). "
    "BSD-3-Clause. Third-party notices are in NOTICE.md, licences of images and weights in resources/licences."
)
MARK_PIXELS = 56
TEXT_WIDTH = 460


class AboutDialog(QDialog):
    """Mark, version and three short paragraphs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("About Probescope")
        mark = QLabel()
        mark.setPixmap(application_icon().pixmap(MARK_PIXELS, MARK_PIXELS))
        names = make_column(make_label("Probescope", "title"), make_label(_version(), "muted"), gap=2)
        close = make_button("Close", "primary")
        close.clicked.connect(self.accept)
        texts = [make_label(text, wraps=True) for text in (WHAT, REAL, SOURCES)]
        for text in texts:
            text.setMinimumWidth(TEXT_WIDTH)
        head = make_row(mark, names, -1, gap=16)
        self.setLayout(make_column(head, *texts, make_row(-1, close), gap=14, margin=24))


def _version() -> str:
    try:
        return f"version {metadata.version('probescope')}"
    except metadata.PackageNotFoundError:
        return "running from its folder"
