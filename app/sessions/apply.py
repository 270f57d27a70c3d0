"""Puts the record of a session back into the window: reads what it needs on the lane, then shows it. Never writes.

What is missing is left out; what was saved stays in the record for the next save (`merge_unchanged`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from app.analyses.page import AnalysisPage
from app.analyses.sweep_form import SweepForm
from app.analyses.sweep_job import read_analysis
from app.base.aim import Aim
from app.base.catalogue import Catalogue
from app.cortex.camera import CameraPose
from app.cortex.layout import Geometry, Hemispheres, NamedView
from app.explore.selection import Selection, fits_window, restore_selection
from app.shell.layout import decode
from core.datasets.subject import load_as_recorded
from core.datasets.surface_choice import choose_surface, shown_surface
from core.errors import ProbeError
from core.images.stimulus import Stimulus
from core.probes.files import load_probe
from core.probes.probe import Probe
from core.session.check import Known, Missing
from core.session.record import AnalysisRecord, SessionRecord, ViewRecord
from core.session.reference import find_file
from core.surfaces.store import has_surface, load_surface
from core.sweeps.plan import SWEEP

if TYPE_CHECKING:
    from app.shell.main_window import MainWindow

DEFAULT_SIDE = 224


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """What a session needs from files.

    Parameters
    ----------
    record : SessionRecord
    image_key : str
        Id or path of the image; "" if it could not be opened.
    stimulus : Stimulus or None
    probe : Probe or None
    sweeps : mapping of str to Path
        The folder of each analysis that was found, by its question.
    problems : tuple of str
        One sentence for each thing that could not be opened.
    """

    record: SessionRecord
    image_key: str
    stimulus: Stimulus | None
    probe: Probe | None
    sweeps: Mapping[str, Path]
    problems: tuple[str, ...]


def know(catalogue: Catalogue) -> Known:
    """What is on offer in this window."""
    return Known(
        subjects=frozenset(info.id for info in catalogue.subjects),
        networks=frozenset(spec.id for spec in catalogue.networks),
        encoders=frozenset((one.subject, one.network, one.layer) for one in catalogue.encoders),
        images=frozenset(info.id for info in catalogue.images),
    )


def load_record(
    record: SessionRecord,
    catalogue: Catalogue,
    *,
    missing: tuple[Missing, ...],
    found: Mapping[str, Path],
    folders: tuple[Path, ...] = (),
) -> Loaded:
    """Read image, probe and the places of analyses; for the lane.

    Parameters
    ----------
    record : SessionRecord
    catalogue : Catalogue
    missing : tuple of Missing
        What is known not to be there.
    found : mapping of str to Path
        Where moved files are now, by what they are.
    folders : tuple of Path
        Where to look for the others.
    """
    problems = [one.sentence for one in missing if one.what not in found]
    places = {what: found.get(what) or find_file(reference, folders) for what, reference in record.references().items()}
    key, stimulus, probe = _image_key(record, places), None, None
    try:
        stimulus = catalogue.load_stimulus(key, _side(record, catalogue)) if key else None
    except ProbeError as error:
        problems.append(str(error))
    try:
        header = places.get("probe")
        probe = load_probe(header) if header is not None else None
    except ProbeError as error:
        problems.append(str(error))
    sweeps = {
        one.question: place.parent
        for one in record.analyses
        if (place := places.get(f"analysis {one.question}")) is not None
    }
    return Loaded(record, key if stimulus is not None else "", stimulus, probe, sweeps, tuple(dict.fromkeys(problems)))


def show_loaded(window: MainWindow, loaded: Loaded) -> None:
    """Show everything that was read."""
    record = loaded.record
    window.session.state.auto_probe = record.auto_probe
    _use_surface(window, record)
    restore_selection(window, _select(window, loaded), find_probe=partial(_offer_probe, window, loaded.probe))
    show_view(window, record.view)
    _try(partial(window.tray_tools.tray.restore, [dict(recipe) for recipe in record.tray]))
    for one in record.analyses:
        _show_analysis(window, one, loaded.sweeps.get(one.question))
    for splitter in window.splitters:
        if splitter.objectName() in record.layout:
            splitter.restoreState(decode(record.layout[splitter.objectName()]))
    if record.tab in window.workspaces.keys:
        window.workspaces.tabs.setCurrentIndex(window.workspaces.keys.index(record.tab))


def show_view(window: MainWindow, record: ViewRecord) -> None:
    """Look at the cortex as it was looked at."""
    panel, view = window.cortex, window.cortex.view
    panel.set_map(record.map)
    window.presenter.settle()
    if record.colormap:
        _try(partial(view.set_colormap, record.colormap))
    panel.threshold.setValue(round(record.threshold * panel.threshold.maximum()))
    panel.outlines_button.setChecked(record.outlines)
    panel.labels_button.setChecked(record.labels)
    view.set_hemispheres(cast("Hemispheres", record.hemispheres))
    if record.named_view in get_args(NamedView):
        view.set_named_view(cast("NamedView", record.named_view))
    if record.geometry in get_args(Geometry):
        view.set_geometry(cast("Geometry", record.geometry))
    if record.morph is not None and not record.morph.is_integer():  # else it is the geometry itself
        view.set_morph(record.morph)
    if record.camera is not None:
        azimuth, elevation, x, y, z, scale = record.camera
        view.canvas.look_from(CameraPose(azimuth, elevation, (x, y, z), scale))


def fill_form(form: SweepForm, values: Mapping[str, object]) -> None:
    """Put the settings of an analysis back into its form; encoders and ROIs that are not on offer stay out."""
    config = SWEEP.unpack(dict(values))
    form.check_encoders([(name.network, name.layer) for name in config.encoders])
    form.check_rois([target.roi for target in config.targets if target.roi])
    form.voxels.setText(", ".join(str(target.voxel) for target in config.targets if not target.roi))
    form.images.setValue(len(config.images))
    form.ladder.setText(", ".join(f"{epsilon:g}" for epsilon in config.ladder))
    form.steps.setValue(config.n_steps)
    form.queries.setValue(config.n_queries)
    form.set_attacks(config.attacks)
    form.norm.set_value("both" if len(config.norms) > 1 else str(config.norms[0]))
    form.direction.set_value("both" if len(config.directions) > 1 else str(config.directions[0]))


def _select(window: MainWindow, loaded: Loaded) -> Selection:
    record = loaded.record
    return Selection(
        subject=record.subject if record.subject in know(window.session.catalogue).subjects else "",
        network=record.network,
        layer=record.layer,
        image=loaded.image_key,
        target=record.target,
        direction=record.direction,
        attack=record.attack,
        aim=Aim(**asdict(record.aim)),
        gate_r=record.gate_r,
        map=record.view.map,
        stimulus=loaded.stimulus,
    )


def _use_surface(window: MainWindow, record: SessionRecord) -> None:
    """Show the subject on the surface it was shown on, if that is kept here and fits."""
    if record.subject not in know(window.session.catalogue).subjects or not has_surface(record.surface):
        return
    recorded = load_as_recorded(record.subject)
    if shown_surface(record.subject, own=recorded.surface) == record.surface:
        return
    try:
        surface = load_surface(record.surface)
        choose_surface(record.subject, recorded.voxels, own=recorded.surface, surface=surface)
    except ProbeError as error:
        window.session.problems.show(error)
        return
    shown = window.session.state.subject
    if shown is not None and shown.id == record.subject:
        window.session.controller.open_subject(record.subject)


def _offer_probe(window: MainWindow, probe: Probe | None) -> Probe | None:
    return probe if probe is not None and fits_window(window, probe) else None


def _image_key(record: SessionRecord, places: Mapping[str, Path | None]) -> str:
    if record.image is None:
        return ""
    if record.image.file is None:
        return record.image.key
    place = places.get("image")
    return str(place) if place is not None else ""


def _side(record: SessionRecord, catalogue: Catalogue) -> int:
    spec = catalogue.spec_of(record.network)
    return spec.input_size if spec is not None else DEFAULT_SIDE


def _show_analysis(window: MainWindow, record: AnalysisRecord, folder: Path | None) -> None:
    if record.question not in window.workspaces.keys:
        return
    page = window.workspaces.page(record.question)
    if not isinstance(page, AnalysisPage):
        return
    if record.config is not None:
        _try(partial(fill_form, page.form, record.config))
    if folder is not None:
        window.session.lane.submit(
            f"answer {record.question}",
            lambda _stop: read_analysis(folder),
            on_done=page.take_answer,
            on_failed=window.session.problems.show_failed,
            title=f"Opening the answer of {record.question}…",
        )


def _try(show: partial[None]) -> None:
    """What an older or newer program called otherwise is left as it is."""
    try:
        show()
    except (ProbeError, KeyError, TypeError):
        return
