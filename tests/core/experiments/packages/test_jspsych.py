"""The jsPsych package in a real browser: every trial is shown, real keys are pressed, the saved data are read back."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.experiments.packages.orders import CatchKind, OrderConfig
from core.experiments.packages.package import PackageKind
from core.experiments.packages.plan import PackagePlan, make_plan
from core.experiments.packages.presentation import PAGE
from core.experiments.packages.template import Template
from core.experiments.packages.timing import Screen, Timing
from core.paths import resources_folder
from core.stimuli.manifest import ManifestHeader, StimulusSet, read_manifest
from tests.helpers.chromium import PATIENCE, Page, find_chromium, open_page
from tests.helpers.packages import write_package
from tests.helpers.stimulus_sets import write_set

needs_browser = pytest.mark.skipif(find_chromium() is None, reason="no Chromium; `make test` installs it on Debian")

QUICK = Timing(stimulus_seconds=0.2, gap_seconds=0.2, lead_in_seconds=0.1, lead_out_seconds=0.1)


def quick_plan(folder: Path, *, catch_kind: CatchKind, background: int = 0) -> PackagePlan:
    picture = 24
    found = read_manifest(write_set(folder / "a_set", n_images=3, side=picture + background, picture=picture))
    order = OrderConfig(runs=1, spacing=2, catch_per_run=2, blanks_per_run=1, catch_kind=catch_kind, participants=2)
    return make_plan(found, Template(QUICK, order, Screen(width_cm=60, distance_cm=57)))


@needs_browser
@pytest.mark.parametrize("catch_kind", list(CatchKind))
def test_the_page_runs_all_trials_from_a_folder_and_saves_what_was_pressed(
    tmp_path: Path, catch_kind: CatchKind
) -> None:
    plan = quick_plan(tmp_path, catch_kind=catch_kind)
    package = write_package(plan, PackageKind.JSPSYCH, tmp_path / "package")
    with open_page(tmp_path) as page:
        start_run(page, package, participant=2)
        press_at_every_catch_trial(page)
        page.wait_for("document.body.dataset.stage === 'done'")
        assert page.value("document.getElementById('verdict').textContent") == "The run is over. Thank you."
        summary = page.value("document.getElementById('summary').textContent")
        assert summary == "12 of 12 trials shown; 2 of 2 catch trials seen; 0 presses at other trials."
        rows = read_download(tmp_path / "downloads" / "sub-02_task-probe_run-01.csv")
        assert page.problems == []
    planned = list(plan.timed(plan.participants[1][0]))
    assert [int(row["trial"]) for row in rows] == [trial.number for trial in planned]
    assert [row["stimulus_id"] for row in rows] == [trial.row.id if trial.row else "" for trial in planned]
    assert [row["role"] for row in rows] == [trial.trial_type for trial in planned]
    assert {row["response"] for row in rows if row["is_catch"] == "1"} == {"1"}
    assert {row["correct"] for row in rows} == {"true"} and {row["participant"] for row in rows} == {"2"}
    drift = [float(row["real_onset"]) - trial.onset for row, trial in zip(rows, planned, strict=True)]
    assert min(drift) > -0.01  # never early; late only by what a busy machine takes
    assert sorted(float(row["real_onset"]) for row in rows) == [float(row["real_onset"]) for row in rows]


@needs_browser
@pytest.mark.parametrize(("background", "device_pixels"), [(12, 1), (13, 1), (12, 2), (13, 1.5)])
def test_pictures_stand_in_the_middle_on_whole_pixels_at_their_size_in_degrees(
    tmp_path: Path, background: int, device_pixels: float
) -> None:
    plan = quick_plan(tmp_path, catch_kind=CatchKind.DOT, background=background)
    package = write_package(plan, PackageKind.JSPSYCH, tmp_path / "package")
    with open_page(tmp_path) as page:
        screen = {"width": 1280, "height": 800, "deviceScaleFactor": device_pixels, "mobile": False}
        page.call("Emulation.setDeviceMetricsOverride", **screen)
        start_run(page, package)
        left, top, width, height = page.wait_for(
            "(() => { const image = document.querySelector('#stage img'); if (!image) return null;"
            " const box = image.getBoundingClientRect();"
            " return [box.left, box.top, box.width, box.height].map((side) => side * window.devicePixelRatio); })()"
        )
    # 8.4 deg at 57 cm are 8.3716 cm, at 32 px a cm 267.89 px for a picture of 24 px; the file with its background is
    # larger in proportion. All in pixels of the screen.
    side = round(267.89 * (24 + background) / 24)
    assert (width, height) == pytest.approx((side, side), abs=0.05)
    assert (left, top) == pytest.approx((round(left), round(top)), abs=0.05)
    middle = (left + width / 2, top + height / 2)
    assert middle == pytest.approx((640 * device_pixels, 400 * device_pixels), abs=0.6)


@needs_browser
def test_a_picture_that_fits_reaches_the_screen_pixel_by_pixel(tmp_path: Path) -> None:
    folder, side = write_set(tmp_path / "a_set", n_images=3), 101
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    rows = tuple(
        dataclasses.replace(row, width_px=side, height_px=side, picture_px=side) for row in read_manifest(folder).rows
    )
    screen = Screen()
    exact = dataclasses.replace(screen, degrees=screen.degrees_of(side))
    order = OrderConfig(runs=1, spacing=2, catch_per_run=0)
    timing = dataclasses.replace(QUICK, stimulus_seconds=30)
    plan = make_plan(StimulusSet(folder, ManifestHeader("noise", rows)), Template(timing, order, exact))
    package = write_package(plan, PackageKind.JSPSYCH, tmp_path / "package")
    for path in (package / "stimuli").iterdir():
        Image.fromarray(noise).save(path)
    with open_page(tmp_path) as page:
        start_run(page, package, participants=1)
        left, top = page.wait_for(
            "(() => { const image = document.querySelector('#stage img'); if (!image) return null;"
            " document.getElementById('fixation').style.display = 'none';"
            " const box = image.getBoundingClientRect(); return [box.left, box.top]; })()"
        )
        page.picture(tmp_path / "seen.png")
    seen = np.asarray(Image.open(tmp_path / "seen.png").convert("RGB"))
    x, y = int(left), int(top)
    np.testing.assert_array_equal(seen[y : y + side, x : x + side], noise)
    np.testing.assert_array_equal(seen[y - 1, x : x + side], 128)


@needs_browser
def test_escape_stops_the_run_and_keeps_the_data_so_far(tmp_path: Path) -> None:
    package = write_package(quick_plan(tmp_path, catch_kind=CatchKind.DOT), PackageKind.JSPSYCH, tmp_path / "package")
    with open_page(tmp_path) as page:
        start_run(page, package)
        page.wait_for("document.querySelector('#stage img') !== null")
        page.press("Escape")
        page.wait_for("document.body.dataset.stage === 'done'")
        assert page.value("document.getElementById('verdict').textContent") == "The run was stopped."
        rows = read_download(tmp_path / "downloads" / "sub-01_task-probe_run-01.csv")
    assert 1 <= len(rows) < 12


@needs_browser
def test_a_missing_picture_is_told_before_the_run_starts(tmp_path: Path) -> None:
    package = write_package(quick_plan(tmp_path, catch_kind=CatchKind.DOT), PackageKind.JSPSYCH, tmp_path / "package")
    next((package / "stimuli").iterdir()).unlink()
    with open_page(tmp_path) as page:
        page.open((package / "index.html").as_uri())
        page.wait_for("document.readyState === 'complete' && document.getElementById('start') !== null")
        page.value("document.getElementById('fullscreen').checked = false; document.forms[0].requestSubmit()")
        text = page.wait_for(
            "document.getElementById('stage').innerText.includes('could not be loaded') && stage.innerText"
        )
    assert "Copy the whole folder again" in text


def test_the_library_in_the_resources_is_the_one_recorded() -> None:
    folder = resources_folder() / "jspsych"
    recorded = json.loads((folder / "versions.json").read_text(encoding="utf-8"))["files"]
    assert set(recorded) | {"versions.json"} == {
        file.name for file in (resources_folder() / "jspsych").iterdir()
    } - set(PAGE)
    for name, facts in recorded.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == facts["sha256"]


def start_run(page: Page, package: Path, *, participant: int = 1, participants: int = 2) -> None:
    page.open((package / "index.html").as_uri() + f"?participant={participant}&run=1")
    filled = f"document.getElementById('participant').options.length === {participants}"
    page.wait_for(f"document.readyState === 'complete' && {filled}")
    page.value("document.getElementById('fullscreen').checked = false; document.forms[0].requestSubmit()")
    page.wait_for("document.getElementById('stage').innerText.includes('The run starts with 5.')")
    page.press("5")
    page.wait_for("document.body.dataset.stage === 'running'")


def press_at_every_catch_trial(page: Page) -> None:
    """Look at the screen as a participant does: a dot, or the picture that was there before."""
    look = (
        "(() => { const dot = document.querySelector('#fixation.dot') !== null;"
        " const image = document.querySelector('#stage img');"
        " return [document.body.dataset.stage, dot, image && image.src, image && image.style.visibility]; })()"
    )
    before, gone, pressed = None, False, False
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        stage, dot, image, visibility = page.value(look)
        if stage == "done":
            return
        shown = image if visibility != "hidden" else None
        catch = dot or (shown is not None and shown == before and gone)
        if catch and not pressed:
            page.press("1")
        pressed = catch
        if shown is None:
            gone = True
        elif shown != before:
            before, gone = shown, False
    raise TimeoutError("the run does not end")


def read_download(path: Path) -> list[dict[str, str]]:
    """The rows of a file the browser saves, once it is whole."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if path.is_file() and path.stat().st_size:
            with path.open(encoding="utf-8", newline="") as file:
                return list(csv.DictReader(file))
    raise TimeoutError(f"{path} was not saved; there is {list(path.parent.glob('*'))}")
