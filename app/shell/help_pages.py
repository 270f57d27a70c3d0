"""The pages of `docs/` in a window of their own: a list of them at the left, the page at the right."""

from __future__ import annotations

from PySide6.QtCore import Qt, QUrl, Slot
from PySide6.QtGui import QPixmap, QTextDocument
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QSplitter, QTextBrowser, QWidget

from app.look.icons import application_icon
from app.widgets.basics import make_column
from core.paths import docs_folder

PAGES = (
    ("first-experiment", "First experiment"),
    ("your-own-data", "Bring your own data"),
    ("probes", "Targets and attacks"),
    ("four-questions", "The four questions"),
    ("experiment", "From probes to an experiment"),
    ("python", "From Python"),
    ("command-line", "Command line"),
    ("formulas", "Formulas"),
    ("troubleshooting", "Troubleshooting"),
)
"""File and title of each page, in reading order."""


class PictureBrowser(QTextBrowser):
    """A page whose pictures are never wider than the window."""

    def loadResource(self, kind: int, name: QUrl | str) -> object:
        """A picture, made smaller where it is wider than the page; anything else as it is."""
        if kind != QTextDocument.ResourceType.ImageResource.value:
            return super().loadResource(kind, name)
        picture = QPixmap(self.source().resolved(QUrl(name)).toLocalFile())
        room = self.viewport().width() - 64
        if picture.width() <= room or room <= 0:
            return picture
        return picture.scaledToWidth(room, Qt.TransformationMode.SmoothTransformation)


class HelpPages(QWidget):
    """The documentation, beside the main window; links between pages are followed here, others in the browser."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle("Probescope: help")
        self.setWindowIcon(application_icon())
        self.setObjectName("window")
        self.resize(1080, 760)
        self.list, self.browser = QListWidget(), PictureBrowser()
        self.list.setAccessibleName("Pages")
        self.browser.setAccessibleName("Page")
        self.browser.setOpenExternalLinks(True)
        self.browser.document().setDocumentMargin(16)
        self.list.setSpacing(3)
        for name, title in PAGES:
            item = QListWidgetItem(title)
            item.setData(Qt.ItemDataRole.UserRole, name)
            self.list.addItem(item)
        parts = QSplitter()
        parts.addWidget(self.list)
        parts.addWidget(self.browser)
        parts.setStretchFactor(1, 1)
        parts.setSizes([220, 860])
        self.setLayout(make_column(parts, margin=8))
        self.list.currentRowChanged.connect(self._open)
        self.browser.sourceChanged.connect(self._follow)

    def show_page(self, name: str) -> None:
        """Bring a page of `PAGES` to the front."""
        self.show()
        self.raise_()
        self.list.setCurrentRow([page for page, _ in PAGES].index(name))

    @Slot(int)
    def _open(self, row: int) -> None:
        file = QUrl.fromLocalFile(str(docs_folder() / f"{PAGES[row][0]}.md"))
        if self.browser.source().path() != file.path():
            self.browser.setSource(file, QTextDocument.ResourceType.MarkdownResource)

    @Slot(QUrl)
    def _follow(self, source: QUrl) -> None:
        """Mark the page a link led to."""
        names = [name for name, _ in PAGES]
        name = source.fileName().removesuffix(".md")
        if name in names:
            self.list.setCurrentRow(names.index(name))
