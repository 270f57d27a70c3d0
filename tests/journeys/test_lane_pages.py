"""Every page that has long work done, through the real lane: run, wait, stop, fail, and run again. Nothing is lost.

The work itself is made up and does what the test tells it; pages, features and lane are the window's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from PySide6.QtWidgets import QDialog, QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from app.analyses.page import AnalysisPage
from app.base.jobs import DEFECT, Idle, WhenBusy
from app.base.services import open_services
from app.measured.page import MeasuredPage
from app.sessions.feature import Opening
from app.shell.application import make_window
from app.shell.main_window import MainWindow
from app.stimuli.page import StimuliPage
from app.widgets.job_line import STARTING, WAITING, JobLine
from core.datasets.import_options import ImportOptions
from core.encoders.fit_request import FitRequest
from core.engine import Engine
from core.errors import BadInputError
from core.experiments.packages.package import PackageKind
from core.experiments.packages.plan import PackagePlan
from core.figures.movie_config import MovieConfig, MovieFormat
from core.probes.files import load_probe
from core.robustify.config import RobustifyOptions
from core.stimuli.config import SetConfig
from core.sweeps.config import EncoderName, Question, SweepConfig, TargetName
from core.sweeps.study.config import StudyConfig
from tests.helpers.fake_engine import FakeEngine, make_catalogue
from tests.helpers.gated_work import GatedWork

Patch = Callable[[str, Any], None]


@dataclass
class Driver:
    """How a test works a page: its line, what starts the work, the button that stops it, and what is usable again."""

    line: JobLine
    start: Callable[[], object]
    stop: QPushButton
    is_ready: Callable[[], bool]


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    session = open_services(engine=cast(Engine, FakeEngine()), catalogue=make_catalogue(tmp_path))
    made = make_window(session)
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    qtbot.waitUntil(lambda: session.state.clean is not None)
    session.controller.pick_roi("FFA")
    qtbot.waitUntil(lambda: session.state.probe is not None and isinstance(session.lane.state, Idle))
    yield made
    for dialog in made.findChildren(QDialog):
        dialog.hide()
    made.close()
    made.deleteLater()


def drive_analysis(window: MainWindow, work: GatedWork, patch: Patch, _tmp: Path) -> Driver:
    patch("app.analyses.page.iter_analysis", work.make)
    page = window.tabs.open("fragility")
    assert isinstance(page, AnalysisPage)
    encoder = EncoderName("simulated", *window.session.state.encoder)
    config = SweepConfig(Question.FRAGILITY, (encoder,), ("picture_1", "picture_2"), (TargetName(-1, "FFA"),))
    page.form.value = lambda: config  # type: ignore[method-assign]
    page.form.refresh()
    page.form.changed.emit()
    return Driver(page.work, page.run.click, page.run, lambda: page.run.text() == "Run the analysis")


def drive_study(window: MainWindow, work: GatedWork, patch: Patch, _tmp: Path) -> Driver:
    patch("app.analyses.study_dialog.measure_step_seconds", lambda *_, **__: dict.fromkeys(StudyConfig().layers, 0.01))
    patch("app.analyses.study_dialog.iter_study", work.make)
    window.features.study.show_study()
    dialog = window.features.study.dialog
    assert dialog is not None
    return Driver(dialog.work, dialog.start.click, dialog.stop, dialog.start.isVisible)


def drive_set(window: MainWindow, work: GatedWork, patch: Patch, tmp: Path) -> Driver:
    patch("app.stimuli.feature.iter_set", work.make)
    window.features.stimuli.show_page()
    page = window.features.stimuli.page
    assert isinstance(page, StimuliPage)
    start = lambda: window.features.stimuli.write_to(tmp / "set", SetConfig())  # noqa: E731
    return Driver(page.work, start, page.run, lambda: page.run.text() == "Write set…")


def drive_package(window: MainWindow, work: GatedWork, patch: Patch, tmp: Path) -> Driver:
    patch("app.stimuli.package_dialog.iter_package", work.make)
    window.features.packages.show_dialog()
    dialog = window.features.packages.dialog
    assert dialog is not None
    start = lambda: dialog.write(cast(PackagePlan, None), PackageKind.JSPSYCH, tmp / "package")  # noqa: E731
    return Driver(dialog.work, start, dialog.cancel, dialog.set_path.isEnabled)


def drive_robustify(window: MainWindow, work: GatedWork, patch: Patch, tmp: Path) -> Driver:
    patch("core.robustify.run.iter_run", work.make)
    window.features.networks.show_robustify()
    dialog = window.features.networks.robustify
    assert dialog is not None
    start = lambda: dialog.train(RobustifyOptions("alexnet", tmp))  # noqa: E731
    return Driver(dialog.work, start, dialog.stop, dialog.start.isVisible)


def drive_download(window: MainWindow, work: GatedWork, patch: Patch, _tmp: Path) -> Driver:
    patch("app.networks.dialog.iter_get", work.make)
    window.features.networks.show_networks()
    dialog = window.features.networks.networks
    assert dialog is not None
    dialog.table.select_key("vit_b16")
    return Driver(dialog.work, dialog.download.click, dialog.cancel, dialog.download.isEnabled)


def drive_network_import(window: MainWindow, work: GatedWork, patch: Patch, _tmp: Path) -> Driver:
    patch(
        "app.networks.import_dialog.take_in",
        lambda *_: work.make(should_stop=lambda: dialog.work.note.text()[:4] == "Stop"),
    )
    window.features.networks.show_import()
    dialog = window.features.networks.importing
    assert dialog is not None
    dialog.source.setText("a.pth")
    stop = QPushButton(dialog)
    stop.clicked.connect(dialog.work.cancel)  # its own Cancel closes it, too
    return Driver(dialog.work, dialog.bring.click, stop, dialog.bring.isEnabled)


def drive_encoder_import(window: MainWindow, work: GatedWork, patch: Patch, _tmp: Path) -> Driver:
    stopping = lambda: tools.import_dialog is not None and tools.import_dialog.work.note.text()[:4] == "Stop"  # noqa: E731
    patch("tests.helpers.fake_engine.FakeEngine.iter_import", lambda *_, **__: work.make(should_stop=stopping))
    tools = window.features.encoders
    tools.show_import()
    dialog = tools.import_dialog
    assert dialog is not None
    dialog.readout = cast(Any, SimpleNamespace())
    stop = QPushButton(dialog)
    stop.clicked.connect(dialog.work.cancel)
    return Driver(dialog.work, lambda: dialog.take_in(cast(Any, None)), stop, dialog.choose_button.isEnabled)


def drive_recording(window: MainWindow, work: GatedWork, patch: Patch, tmp: Path) -> Driver:
    patch("app.recordings.import_dialog._run_import", work.make)
    window.features.recordings.show_assistant()
    dialog = window.features.recordings.dialog
    assert dialog is not None

    def start() -> None:
        dialog._turn_to(dialog.progress)
        dialog.run_import("toml", str(tmp), ImportOptions("mine"))

    ready = lambda: dialog.pages.currentWidget() is dialog.choose and bool(dialog.choose.error.text())  # noqa: E731
    return Driver(dialog.progress.work, start, dialog.progress.cancel, ready)


def drive_movie(window: MainWindow, work: GatedWork, patch: Patch, tmp: Path) -> Driver:
    patch("app.figures.feature.iter_movie", work.make)
    patch("PySide6.QtWidgets.QFileDialog.getSaveFileName", lambda *_: (str(tmp / "film.mp4"), ""))
    window.features.figures.show_movie()
    dialog = window.features.figures.movie_dialog
    assert dialog is not None
    start = lambda: dialog.save_requested.emit(MovieConfig(), MovieFormat.MP4)  # noqa: E731
    return Driver(dialog.work, start, dialog.stop, dialog.save.isEnabled)


def drive_fit(window: MainWindow, work: GatedWork, patch: Patch, _tmp: Path) -> Driver:
    patch("tests.helpers.fake_engine.FakeEngine.iter_fit", work.make)
    window.features.fits.show_dialog()
    dialog = window.features.fits.dialog
    assert dialog is not None
    start = lambda: dialog.start(FitRequest("simulated", "alexnet", ("features.4",)))  # noqa: E731
    return Driver(dialog.work, start, dialog.cancel, dialog.form.isEnabled)


def drive_measured(window: MainWindow, work: GatedWork, patch: Patch, _tmp: Path) -> Driver:
    patch("app.measured.page.iter_compare", work.make)
    page = window.tabs.open("measured")
    assert isinstance(page, MeasuredPage)
    page._measured = cast(Any, SimpleNamespace(findings=SimpleNamespace(unknown=())))
    return Driver(page.work, page.start_or_cancel, page.run, lambda: page.run.text() == "Compare")


DRIVERS = (
    drive_analysis,
    drive_study,
    drive_set,
    drive_package,
    drive_robustify,
    drive_download,
    drive_network_import,
    drive_encoder_import,
    drive_recording,
    drive_movie,
    drive_fit,
    drive_measured,
)


@pytest.mark.expects_log
@pytest.mark.parametrize("drive", DRIVERS, ids=lambda drive: drive.__name__.removeprefix("drive_"))
def test_a_page_waits_stops_fails_and_runs_again(
    drive: Callable[..., Driver], window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane, work = window.session.lane, GatedWork()
    page = drive(window, work, lambda name, value: monkeypatch.setattr(name, value), tmp_path)
    qtbot.waitUntil(lambda: isinstance(lane.state, Idle))
    assert page.stop is not None and not page.line.busy

    probe = GatedWork()  # waits behind a probe, and is stopped there
    lane.submit("probe", probe.make, on_done=lambda _: None)
    page.start()
    assert page.line.busy and page.line.note.text() == WAITING and not page.is_ready()
    page.stop.click()
    assert not page.line.busy and page.is_ready() and work.begun == 0
    assert page.line.note.text().startswith(("Stopped", "Cancelled"))

    page.start()  # waits again; Esc stops the probe and not this
    window.session.controller.cancel()
    qtbot.waitUntil(lambda: work.begun == 1)
    qtbot.waitUntil(lambda: page.line.note.text() == STARTING)
    work.send(BadInputError("`n` must be 1, got 2. Choose 1."))
    qtbot.waitUntil(lambda: not page.line.busy)
    assert page.line.error.text() == "`n` must be 1, got 2. Choose 1." and page.is_ready()

    page.start()  # runs, and is stopped
    qtbot.waitUntil(lambda: work.begun == 2)
    page.stop.click()
    qtbot.waitUntil(lambda: not page.line.busy)
    assert page.line.note.text().startswith(("Stopped", "Cancelled")) and page.is_ready()

    page.start()  # runs, and has a defect: told here and in a report
    qtbot.waitUntil(lambda: work.begun == 3)
    with qtbot.waitSignal(window.session.problems.crashed):
        work.send(ZeroDivisionError("division by zero"))
    qtbot.waitUntil(lambda: not page.line.busy)
    assert page.line.error.text() == DEFECT and page.is_ready()
    qtbot.waitUntil(lambda: isinstance(lane.state, Idle))


def test_two_saves_asked_during_a_probe_both_land_and_esc_takes_neither(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    session, probe = window.session, GatedWork()
    session.lane.submit("probe", probe.make, on_done=lambda _: None)
    qtbot.waitUntil(lambda: probe.begun == 1)
    paths = [tmp_path / "one.json", tmp_path / "two.json"]
    for path in paths:
        session.controller.save_probe(path)
    session.controller.export(tmp_path / "stimuli")
    assert session.lane.at_stake() == ("Saving the probe…", "Saving the probe…", "Exporting…")
    for _ in range(3):
        window.actions_table.action("cancel").trigger()
    qtbot.waitUntil(lambda: isinstance(session.lane.state, Idle))
    made = session.state.probe
    assert made is not None and (tmp_path / "stimuli").is_dir()
    for path in paths:
        assert load_probe(path).config == made.config


def test_a_failed_save_is_told_wherever_the_user_is(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with qtbot.waitSignal(window.session.problems.message) as told:
        window.session.controller.save_probe(tmp_path / "file" / "one.json")
    assert "file" in told.args[0] and told.args[1] == "error"


def test_a_page_shows_and_stops_its_own_job_alone(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch = lambda name, value: monkeypatch.setattr(name, value)  # noqa: E731
    work = GatedWork()
    fragility = drive_analysis(window, work, patch, tmp_path)
    fragility.start()
    other = window.tabs.open("transfer")
    assert isinstance(other, AnalysisPage) and not other.work.busy
    assert other.run.text() == "Run the analysis", "another analysis runs, not this one"
    recording, encoder = GatedWork(), GatedWork()
    assistant = drive_recording(window, recording, patch, tmp_path)
    assistant.start()
    drive_encoder_import(window, encoder, patch, tmp_path)
    dialog = window.features.encoders.import_dialog
    assert dialog is not None
    dialog.reject()
    assert assistant.line.busy, "closing one import stops no other"
    window.features.networks.show_networks()
    networks = window.features.networks.networks
    assert networks is not None
    window.features.networks._refresh("Imported another.")
    assert networks.work.note.text() == "Imported another."
    download = GatedWork()
    drive_download(window, download, patch, tmp_path).start()
    window.features.networks._refresh("Robustified another.")
    assert networks.work.busy and networks.work.note.text() == WAITING and not networks.download.isEnabled()
    networks.cancel.click()
    assistant.stop.click()
    fragility.stop.click()
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle))


def test_what_the_tray_looks_at_does_not_hide_the_set_that_is_written(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = GatedWork()
    page = drive_set(window, work, lambda name, value: monkeypatch.setattr(name, value), tmp_path)
    page.start()
    qtbot.waitUntil(lambda: work.begun == 1)
    window.features.stimuli.preview()  # of an empty tray: there is nothing to do
    assert page.line.busy and page.stop.text() == "Cancel"
    page.stop.click()
    qtbot.waitUntil(page.is_ready)


def test_a_session_that_is_not_opened_gives_its_lock_back(window: MainWindow, qtbot: QtBot) -> None:
    tools, given_up = window.features.sessions, []
    busy = GatedWork()
    window.session.lane.submit("write", busy.make, on_done=lambda _: None, when_busy=WhenBusy.QUEUE)
    record = tools.open_now().record
    for number in range(3):
        fail, give_up = lambda _loaded: pytest.fail("not opened"), lambda n=number: given_up.append(n)
        tools._look_for(Opening(replace(record), fail, give_up))
    assert given_up == [0, 1], "a session asked for later takes the place of the one before"
    window.session.controller.cancel()
    assert given_up == [0, 1, 2]
    busy.finish()
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle))


def test_a_figure_that_waits_is_saved(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy, paths = GatedWork(), iter([tmp_path / "one.csv", tmp_path / "two.csv"])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(next(paths)), ""))
    window.features.figures.show_figure()
    dialog = window.features.figures.figure_dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle))
    window.session.lane.submit("probe", busy.make, on_done=lambda _: None)
    dialog.kind.setCurrentIndex(dialog.kind.findData("rois"))
    dialog.format.setCurrentIndex(dialog.format.findData("csv"))
    dialog.save.click()
    dialog.save.click()
    window.session.controller.cancel()
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle))
    assert all(path.read_text(encoding="utf-8") for path in (tmp_path / "one.csv", tmp_path / "two.csv"))
    dialog.close()
    np.testing.assert_equal(len(list(tmp_path.glob("*.csv"))), 2)
