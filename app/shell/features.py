"""Every feature of the window, made in one place, and the few signals that lead from one to another.

Imports the whole program: only once the frame of the window is painted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QToolButton

from app.analyses.feature import Analyses
from app.analyses.study_dialog import Study
from app.cortex.montage import Montage
from app.cortex.poses import Poses
from app.cortex.surface_feature import Surfaces
from app.cortex.travel import Travel
from app.encoders.feature import Encoders
from app.encoders.fit_dialog import Fits
from app.explore.explore import Explore
from app.explore.places import Places
from app.figures.feature import Figures
from app.images.page import Images
from app.measured.feature import Measured
from app.networks.feature import Networks
from app.recordings.feature import Recordings
from app.sessions.feature import Sessions
from app.shell.actions import Actions
from app.shell.banner import Notices
from app.shell.commands import Situation, find_command
from app.shell.copying import Copying
from app.shell.drops import Drops
from app.shell.handlers import Handlers
from app.shell.jumps import Jumps
from app.shell.settings_dialog import Preferences
from app.shell.tour import Tour
from app.stimuli.feature import Packages, Stimuli
from app.widgets.desk import Desk, Feature


class Features(QObject):
    """Every feature, and what each command does; `buttons` are the tool buttons of the commands that have one."""

    def __init__(self, desk: Desk, places: Places, actions: Actions, buttons: Mapping[str, QToolButton]) -> None:
        super().__init__(desk.parent)
        self._session, self._actions = desk.services, actions
        self.explore = explore = Explore(desk, places)
        self.analyses, self.stimuli, self.measured = Analyses(desk, explore), Stimuli(desk), Measured(desk)
        self.whole_images = Images(desk, explore.open_image, self.stimuli.add_as_is)
        self.fits, self.networks = Fits(desk), Networks(desk)
        self.recordings = Recordings(desk, self.fits.show_dialog)
        self.packages = Packages(desk, lambda: self.stimuli.written)
        self.sessions = Sessions(desk, (explore, self.stimuli, self.analyses, self.measured, self.whole_images))
        self.encoders, self.figures, self.study = Encoders(desk, explore), Figures(desk, explore), Study(desk)
        self.surfaces, self.poses = Surfaces(desk, explore.cortex.view), Poses(desk, explore.cortex.view)
        self.travel, self.montage = Travel(desk, explore.cortex.view), Montage(desk, explore.cortex.view)
        self.handlers, self.tour = Handlers(desk), Tour(desk, explore, lambda command: buttons[command])
        self.copying = Copying(desk)
        self.preferences = Preferences(desk, set_keys=self._set_keys)
        self.jumps = Jumps(desk, explore, actions, self.preferences.show_settings)
        self.commands = {name: do for feature in self for name, do in feature.commands().items()}
        self.drops = Drops(desk, [row for feature in self for row in feature.drops()])
        self.notices = Notices(desk)
        actions.action("recent_sessions").setMenu(self.sessions.menu)
        tools = "add_to_tray", "pin_probe", "unpin_probe", "rank_images", "synthesise"
        explore.set_tools(*map(actions.action, tools))
        explore.offer_in_menus([actions.action(name) for name in ("copy_command", "copy_python")])
        self._connect()
        self.refresh_commands()

    def __iter__(self) -> Iterator[Feature]:
        """In the order in which a drop is offered to them: what is told by its content stands first."""
        yield from (self.sessions, self.analyses, self.stimuli, self.measured, self.encoders, self.surfaces)
        yield from (self.networks, self.recordings, self.explore, self.figures, self.fits, self.packages, self.poses)
        yield from (self.travel, self.montage, self.study, self.handlers, self.tour, self.preferences, self.jumps)
        yield from (self.whole_images, self.copying)

    def refresh_commands(self) -> None:
        """Enable what can be done now."""
        situation = Situation(self._session.state, self._session.lane.state, self.explore.undo.describe())
        self._actions.refresh(situation)
        self.explore.controls.run.set_reason(find_command("probe").reason(situation))

    def _connect(self) -> None:
        state = self._session.state
        for fact in ("subject", "card", "stimulus", "target", "probe", "pinned"):
            getattr(state, f"{fact}_changed").connect(self.refresh_commands)
        self._session.lane.state_changed.connect(self.refresh_commands)
        self.explore.undo.chosen.connect(self.refresh_commands)
        self.analyses.collect_wanted.connect(self.stimuli.add_analysis)
        self.stimuli.probe_wanted.connect(self.explore.open_probe)
        self.stimuli.package_wanted.connect(self.packages.show_newest)
        self.stimuli.tray.changed.connect(self._count_images)

    def _count_images(self) -> None:
        self.explore.responses.power.set_images(len({recipe.image for recipe in self.stimuli.tray.items}))

    def _set_keys(self, keys: Mapping[str, str]) -> None:
        self._actions.set_keys(keys)
        self.refresh_commands()
