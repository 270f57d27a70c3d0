"""The main window: puts the panels side by side, keeps their sizes and closes in order. Never computes.

left: controls above the gallery | centre: cortex | right: images
                                 | below: responses
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QMenuBar, QWidget

from app.analyses.study_feature import StudyTools
from app.base.services import Session
from app.cortex.panel import CortexPanel
from app.cortex.pose_feature import PoseTools
from app.cortex.surface_feature import SurfaceTools
from app.encoders.feature import EncoderTools
from app.encoders.fit_feature import FitTools
from app.explore.aim_tools import AimTools
from app.explore.controls_panel import ControlsPanel
from app.explore.gallery_panel import GalleryPanel
from app.explore.images_panel import ImagesPanel
from app.explore.presenter import Panels, Presenter
from app.explore.responses_panel import ResponsesPanel
from app.explore.undo_tools import UndoTools
from app.explore.wiring import Wiring
from app.figures.feature import FilmTools
from app.look.icons import application_icon
from app.look.theme import Theme, apply_theme, find_theme
from app.measured.feature import MeasuredTools
from app.networks.feature import NetworkTools
from app.recordings.feature import ImportTools
from app.sessions.feature import SessionTools
from app.shell.actions import Actions
from app.shell.banner import Banner
from app.shell.commands import COMMANDS, Situation, needs_ready
from app.shell.drops import Drops
from app.shell.folds import Folds, available_size, make_scrolling
from app.shell.handlers import Handlers
from app.shell.layout import decode, encode, keep_sizes, make_splitter, reset_sizes, restore_sizes
from app.shell.notices import Notices
from app.shell.preferences import Preferences
from app.shell.shortcuts import read_keys
from app.shell.status_line import StatusLine
from app.shell.tour import Tour
from app.stimuli.feature import TrayTools
from app.stimuli.package_feature import PackageTools
from app.widgets.basics import make_column, make_row
from app.widgets.tabs import Workspaces

FIRST_SIZE = QSize(1440, 900)
LEAST_SIZE = QSize(760, 440)
"""Half a small dense screen; what does not fit is folded away or scrolls."""


class MainWindow(QMainWindow):
    """Everything the user sees of a session; `shown_once` fires after the first paint."""

    shown_once = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._was_shown = False
        self.session_file: Path | None = None
        self.setWindowTitle("Probescope")
        self.setWindowIcon(application_icon())
        self.setMinimumSize(LEAST_SIZE)
        self.resize(FIRST_SIZE.boundedTo(available_size()))
        self.setAcceptDrops(True)
        self.theme = find_theme(session.settings.text("theme"))
        self._make_panels()
        self._lay_out()
        self.presenter = Presenter(session.state, self.panels, self)
        self.wiring = Wiring(session, self.panels, gallery=self.gallery, presenter=self.presenter, status=self.status)
        self.encoder_tools = EncoderTools(self)
        self.aim_tools = AimTools(self)
        self.import_tools = ImportTools(self)
        self.fit_tools = FitTools(self)
        self.film_tools = FilmTools(self)
        self.pose_tools = PoseTools(self)
        self.handlers = Handlers(self)
        self.surface_tools = SurfaceTools(self)
        self.network_tools = NetworkTools(self)
        self.study_tools = StudyTools(self)
        self.tray_tools = TrayTools(self)
        self.measured_tools = MeasuredTools(self)
        self.package_tools = PackageTools(self)
        self.preferences = Preferences(self)
        self.undo_tools = UndoTools(self)
        self.session_tools = SessionTools(self)
        shown = (self.surface_tools, self.import_tools, self.network_tools, self.fit_tools, self.study_tools)
        self.tour = Tour(self)
        own = (self.handlers, self.preferences, self.folds, self.tour, self.session_tools, self.undo_tools)
        made = (self.tray_tools, self.measured_tools, self.package_tools, self.film_tools, self.pose_tools)
        tools = (*own, self.encoder_tools, *made, *shown)
        handled = {name: done for part in tools for name, done in part.table().items()}
        self.actions_table = Actions(self, handled)
        self.actions_table.set_keys(read_keys(session.settings))
        self.drops = Drops(self)
        self.notices = Notices(self)
        self._make_top_bar()
        self._connect()
        self._restore()
        self.set_theme(self.theme)
        self.refresh_commands()

    def set_theme(self, theme: Theme) -> None:
        """Change the colours of everything."""
        self.theme = theme
        application = QApplication.instance()
        if isinstance(application, QApplication):
            apply_theme(application, theme)
        for part in (
            *self._themed,
            self.workspaces,
            self.actions_table,
            self.encoder_tools,
            self.import_tools,
            self.network_tools,
            self.preferences,
            self.tour,
        ):
            part.set_theme(theme)

    @Slot()
    def refresh_commands(self) -> None:
        """Enable what can be done now."""
        situation = Situation(self.session.state, self.session.lane.state, self.undo_tools.describe())
        self.actions_table.refresh(situation)
        self.controls.run.set_reason(needs_ready(situation))

    def _mend_banner(self, fact: str) -> None:
        """An error message goes once something later went well; that a fact was forgotten is no such thing."""
        if getattr(self.session.state, fact) is not None:
            self.banner.mend()

    def give_command(self, identity: str) -> None:
        """Give a command of the table as its menu would, if there is one of that name and it can be given now."""
        if any(command.id == identity for command in COMMANDS):
            self.actions_table.action(identity).trigger()

    def start(self) -> None:
        """Open what was open last or the session asked for, and load the engine behind the first paint."""
        session = self.session
        catalogue, settings, controller = session.catalogue, session.settings, session.controller
        controller.warm_up()
        subject = catalogue.choose_subject(settings.text("subject"))
        self.controls.encoder.set_subjects(catalogue.subjects, subject)
        self.controls.encoder.set_encoders(catalogue.encoders_of(subject), catalogue.networks)
        session.state.encoder = (settings.text("network"), settings.text("layer"))
        controller.open_subject(subject)
        self.gallery.set_images(catalogue.images, settings.text("image_group"))
        wanted = settings.text("image")
        known = {info.id for info in catalogue.images}
        controller.open_image(wanted if wanted in known else self.gallery.first_key())
        self.session_tools.begin(self.session_file)

    def reset_layout(self) -> None:
        """Give every part its first size."""
        reset_sizes(self.splitters)
        self.folds.show_all()

    def showEvent(self, event: QShowEvent) -> None:
        """Tell once, after the first paint."""
        super().showEvent(event)
        if not self._was_shown:
            self._was_shown = True
            QTimer.singleShot(0, self.shown_once.emit)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Vanish at once, then stop the lane, then close the 3D view: a live thread or plotter would abort the exit."""
        if event.spontaneous() and not self.session_tools.closing.may_close():
            event.ignore()
            return
        self._keep()
        self.hide()
        self.session_tools.finish()
        self.session.close()
        self.film_tools.close()
        self.cortex.view.close_view()
        super().closeEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take local files, and say what a drop of them does."""
        self.drops.enter(event)

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        """Promise nothing any more."""
        self.drops.leave()

    def dropEvent(self, event: QDropEvent) -> None:
        """Do what the table of drops says."""
        self.drops.drop(event)

    def _make_panels(self) -> None:
        self.controls = ControlsPanel()
        self.gallery = GalleryPanel()
        self.cortex = CortexPanel()
        self.images = ImagesPanel()
        self.responses = ResponsesPanel()
        self.banner = Banner()
        self.status = StatusLine()
        self.controls.encoder.subject_chosen.connect(self.banner.clear)  # first of all: its own notes may follow
        self.panels = Panels(self.controls, self.cortex, self.images, self.responses)
        self._themed = (self.controls, self.gallery, self.cortex, self.images, self.responses, self.banner)

    def _lay_out(self) -> None:
        across, down = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        top = make_splitter("top_splitter", across, self.cortex, self.images, stretch=0)
        work = make_splitter("work_splitter", down, top, self.responses, stretch=0)
        left = make_splitter("left_splitter", down, self.controls, self.gallery, stretch=1)
        main = make_splitter("main_splitter", across, left, work, stretch=1)
        self.splitters = (top, work, left, main)
        self.folds = Folds(self, {"controls": left, "images": self.images, "responses": self.responses})
        centre = QWidget()
        centre.setObjectName("window")
        self.workspaces = Workspaces(main, self.session, self)
        column = make_column(self.banner, make_scrolling(self.workspaces.stack), gap=0)
        column.setStretch(1, 1)
        column.setContentsMargins(0, 6, 0, 0)
        centre.setLayout(column)
        self.setCentralWidget(centre)
        self.setStatusBar(self.status)

    def _make_top_bar(self) -> None:
        self.images.tools.collect.setDefaultAction(self.actions_table.action("add_to_tray"))
        bar = QWidget()
        bar.setObjectName("topBar")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        menus = QMenuBar()
        menus.setNativeMenuBar(False)
        self.actions_table.fill_menus(menus)
        self.tool_buttons = self.actions_table.make_tool_buttons()
        row = make_row(menus, 12, self.workspaces.tabs, -1, *self.tool_buttons.values(), gap=4)
        row.setContentsMargins(10, 3, 10, 3)
        bar.setLayout(row)
        self.setMenuWidget(bar)

    def _connect(self) -> None:
        session, state = self.session, self.session.state
        for signal in (
            state.subject_changed,
            state.card_changed,
            state.stimulus_changed,
            state.target_changed,
            state.probe_changed,
        ):
            signal.connect(self.refresh_commands)
        session.lane.state_changed.connect(self.refresh_commands)
        for fact in ("card", "stimulus", "target", "probe"):
            getattr(state, f"{fact}_changed").connect(partial(self._mend_banner, fact))
        self.undo_tools.chosen.connect(self.refresh_commands)
        session.problems.message.connect(self.banner.show_text)
        session.problems.crashed.connect(self.handlers.show_crash)
        session.controller.noted.connect(self.handlers.show_note)
        self.gallery.open_requested.connect(self.handlers.open_image)
        self.images.said.connect(self.status.hover.setText)
        self.cortex.view.refused.connect(self.handlers.show_note)

    def _restore(self) -> None:
        settings = self.session.settings
        kept = settings.text("window_geometry")
        if kept:
            self.restoreGeometry(decode(kept))
        restore_sizes(self.splitters, settings)
        self.folds.restore()
        self.controls.gate.setValue(settings.number("gate_r"))
        self.presenter.set_gate(settings.number("gate_r"))
        self.controls.run.auto.setChecked(settings.flag("auto_probe"))

    def _keep(self) -> None:
        settings, state = self.session.settings, self.session.state
        settings.set("window_geometry", encode(self.saveGeometry()))
        keep_sizes(self.splitters, settings)
        settings.set("gate_r", self.controls.gate.value())
        settings.set("auto_probe", state.auto_probe)
        settings.set("subject", state.subject.id if state.subject is not None else "")
        settings.set("network", state.network)
        settings.set("layer", state.layer)
        settings.set("image", self.session.controller.image_key)
