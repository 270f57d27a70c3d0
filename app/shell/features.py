"""Every feature of the window, made in one place, and the few signals that lead from one to another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

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


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """The features in the order in which a drop is offered to them: what is told by its content stands first."""

    sessions: Sessions
    measured: Measured
    encoders: Encoders
    surfaces: Surfaces
    networks: Networks
    recordings: Recordings
    explore: Explore
    analyses: Analyses
    figures: Figures
    fits: Fits
    packages: Packages
    poses: Poses
    stimuli: Stimuli
    study: Study

    def __iter__(self) -> Iterator[Feature]:
        return (getattr(self, item.name) for item in fields(self))


def make_features(desk: Desk) -> Features:
    """Make them; those with tabs in the order of the tabs."""
    explore = Explore(desk)
    analyses, stimuli, measured = Analyses(desk, explore), Stimuli(desk), Measured(desk)
    fits, recordings = Fits(desk), Recordings(desk)
    packages = Packages(desk, lambda: stimuli.written)
    analyses.collect_wanted.connect(stimuli.add_analysis)
    stimuli.probe_wanted.connect(explore.open_probe)
    stimuli.package_wanted.connect(packages.show_newest)
    recordings.fit_wanted.connect(fits.show_dialog)
    return Features(
        sessions=Sessions(desk, (explore, stimuli, analyses)),
        measured=measured,
        encoders=Encoders(desk, explore),
        surfaces=Surfaces(desk, explore.cortex.view),
        networks=Networks(desk),
        recordings=recordings,
        explore=explore,
        analyses=analyses,
        figures=Figures(desk, explore),
        fits=fits,
        packages=packages,
        poses=Poses(desk, explore.cortex.view),
        stimuli=stimuli,
        study=Study(desk),
    )
