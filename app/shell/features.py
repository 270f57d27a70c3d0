"""Every feature of the window, made in one place, and the few signals that lead from one to another."""

from __future__ import annotations

from collections.abc import Iterator

from app.analyses.feature import Analyses
from app.analyses.study_dialog import Study
from app.cortex.poses import Poses
from app.cortex.surface_feature import Surfaces
from app.encoders.feature import Encoders
from app.encoders.fit_dialog import Fits
from app.explore.explore import Explore
from app.figures.feature import Figures
from app.measured.feature import Measured
from app.networks.feature import Networks
from app.recordings.feature import Recordings
from app.sessions.feature import Sessions
from app.stimuli.feature import Packages, Stimuli
from app.widgets.desk import Desk, Feature


class Features:
    """Every feature; those with tabs are made in the order of the tabs."""

    def __init__(self, desk: Desk) -> None:
        self.explore = explore = Explore(desk)
        self.analyses, self.stimuli, self.measured = Analyses(desk, explore), Stimuli(desk), Measured(desk)
        self.fits, self.recordings, self.networks = Fits(desk), Recordings(desk), Networks(desk)
        self.packages = Packages(desk, lambda: self.stimuli.written)
        self.sessions = Sessions(desk, (explore, self.stimuli, self.analyses))
        self.encoders, self.figures, self.study = Encoders(desk, explore), Figures(desk, explore), Study(desk)
        self.surfaces, self.poses = Surfaces(desk, explore.cortex.view), Poses(desk, explore.cortex.view)
        self.analyses.collect_wanted.connect(self.stimuli.add_analysis)
        self.stimuli.probe_wanted.connect(explore.open_probe)
        self.stimuli.package_wanted.connect(self.packages.show_newest)
        self.recordings.fit_wanted.connect(self.fits.show_dialog)

    def __iter__(self) -> Iterator[Feature]:
        """In the order in which a drop is offered to them: what is told by its content stands first."""
        yield from (self.sessions, self.analyses, self.stimuli, self.measured, self.encoders, self.surfaces)
        yield from (self.networks, self.recordings, self.explore, self.figures, self.fits, self.packages, self.poses)
        yield self.study
