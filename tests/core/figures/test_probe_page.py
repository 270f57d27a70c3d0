"""The page of a probe: its numbers are the probe's, its pictures and colours are what a real browser shows of them."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.datasets.subject import load_subject
from core.figures.colour_key import ColourKey
from core.figures.figure import write_figure
from core.figures.figure_config import FigureConfig, FigureKind
from core.figures.probe_page import choose_steps, write_probe_page
from core.probes.files import save_probe
from core.probes.probe import Probe
from core.surfaces.colormap import find_colormap
from tests.helpers.chromium import Page, find_chromium, open_page
from tests.helpers.cortex_model import make_model
from tests.helpers.probes import make_probe

KEY = ColourKey(find_colormap("polar"), "Shift of the predicted response", "SD", 2.0)
needs_browser = pytest.mark.skipif(find_chromium() is None, reason="no Chromium; `make test` installs it on Debian")


@pytest.fixture(scope="module")
def probe() -> Probe:
    return make_probe(table=load_subject("simulated").voxels, size=48)


@pytest.fixture(scope="module")
def path(probe: Probe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_probe_page(probe, make_model(KEY), tmp_path_factory.mktemp("page") / "probe.html")


@pytest.fixture(scope="module")
def page(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_page(tmp_path_factory.mktemp("browser")) as opened:
        opened.open(path.as_uri())
        opened.wait_for("document.readyState === 'complete' && Boolean(window.probePage)")
        yield opened


def read_data(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The page's object and arrays, read without its script."""
    text = path.read_text(encoding="utf-8")
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    (packed,) = re.findall(r'<script type="text/plain" id="arrays">(.*?)</script>', text, re.DOTALL)
    found, content = json.loads(data), zlib.decompress(base64.b64decode(packed))
    arrays = {
        name: np.frombuffer(content, one["type"], int(np.prod(one["shape"])), one["offset"]).reshape(one["shape"])
        for name, one in found["arrays"].items()
    }
    return found, arrays


def test_its_numbers_are_those_of_the_saved_probe(probe: Probe, path: Path, tmp_path: Path) -> None:
    numbers, _ = read_data(path)[0]["numbers"], None
    header = json.loads(save_probe(probe, tmp_path / "saved").read_text())
    weights = np.zeros(len(probe.clean))
    weights[list(header["config"]["target"]["voxels"])] = header["config"]["target"]["weights"]
    assert numbers["shift"] == pytest.approx(weights @ (probe.perturbed - probe.clean), rel=1e-5)
    assert numbers["shift_sd"] == pytest.approx(numbers["shift"] / header["target_sd"])
    assert numbers["control_shift"] == pytest.approx(weights @ (probe.control - probe.clean), rel=1e-4)
    assert numbers["l2"] == pytest.approx(np.linalg.norm((probe.perturbed_pixels - probe.clean_pixels).astype(float)))
    assert numbers["epsilon"] == header["config"]["attack"]["epsilon"]
    assert numbers["unit"] == header["response_unit"]
    assert numbers["curve"]["shift"] == pytest.approx(probe.curve.shift)


def test_its_arrays_are_those_of_the_probe(probe: Probe, path: Path) -> None:
    _, arrays = read_data(path)
    assert np.array_equal(arrays["responses"][-1], probe.perturbed)
    assert np.array_equal(arrays["responses"][1:-1], probe.history.responses[choose_steps(probe.history.n_steps)])
    assert np.array_equal(arrays["pictures"][0] + arrays["pictures"][1], probe.history.pixels[0])
    delta = 255 * (probe.perturbed_pixels - probe.clean_pixels).transpose(1, 2, 0)
    assert np.abs(arrays["delta"] / 128 - delta).max() <= 0.5 / 128 + 1e-5
    table = load_subject("simulated").voxels
    of_ffa = np.asarray(table.roi) == "FFA"
    mean = ((probe.perturbed - probe.clean) / probe.reference_sd)[of_ffa].mean()
    assert arrays["roi_shifts"][-1, table.roi_names.index("FFA")] == pytest.approx(mean, rel=1e-5)


def test_it_needs_no_other_file_and_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=", text)
    assert "fetch(" not in text and "XMLHttpRequest" not in text
    assert "Simulated responses: no finding about brains." in text
    assert "Encoder 222222222222" in text
    (size,) = re.findall(r"One file of ([\d.]+) MB", text)
    assert float(size) == pytest.approx(path.stat().st_size / 1e6, abs=0.06)


@pytest.mark.parametrize(("n_steps", "expected"), [(0, []), (1, [0]), (3, [0, 1, 2])])
def test_few_steps_are_all_shown(n_steps: int, expected: list[int]) -> None:
    assert choose_steps(n_steps) == expected


def test_of_many_steps_the_first_and_the_last_are_shown() -> None:
    shown = choose_steps(1000)
    assert (shown[0], shown[-1], len(shown)) == (0, 999, 40)


@needs_browser
def test_a_browser_shows_every_number_and_asks_no_network(probe: Probe, page: Page) -> None:
    assert page.problems == []
    told = page.value("document.querySelector('[data-number=shift_sd]').textContent")
    shift = probe.of_target(probe.perturbed) - probe.of_target(probe.clean)
    assert float(told) == pytest.approx(shift / probe.target_sd)
    shown = "document.querySelectorAll('[data-roi] .now')"
    now = [float(one.replace("\u2212", "-")) for one in page.value(f"Array.from({shown}, (one) => one.textContent)")]
    table = load_subject("simulated").voxels
    shifts = (probe.perturbed - probe.clean) / probe.reference_sd
    expected = [shifts[np.asarray(table.roi) == name].mean() for name in table.roi_names]
    assert now == pytest.approx(expected, rel=6e-3)


@needs_browser
def test_the_slider_shows_pictures_and_colours_of_the_step(probe: Probe, page: Page) -> None:
    slide = "const s = document.getElementById('step'); s.value = {}; s.dispatchEvent(new Event('input'))"
    page.value(f"{{{slide.format(0)}}}")
    assert page.value("probePage.colours()[0].slice(0, 3)") == find_colormap("polar").table[128].tolist()  # no shift
    assert page.value("document.getElementById('told').textContent") == "clean image"
    page.value(f"{{{slide.format(3)}}}")
    canvas = "document.getElementById('{}').getContext('2d').getImageData(7, 11, 1, 1).data.slice(0, 3)"
    step = probe.history.pixels[choose_steps(probe.history.n_steps)[2]]
    assert list(page.value(f"Array.from({canvas.format('perturbed')})")) == step[11, 7].tolist()
    shift = (probe.history.responses[2][5] - probe.clean[5]) / probe.reference_sd[5]
    expected = find_colormap("polar").look_up(np.array([(shift / 2.0 + 1) / 2]))[0]
    assert page.value("probePage.colours()[0].slice(0, 3)") == expected.tolist()
    assert page.value("probePage.colours()[0].slice(6)") == [172, 172, 172]  # no voxel, the underlay
    assert "voxel 5" in page.value("probePage.describe(0, 0)")


@needs_browser
def test_keys_turn_the_cortex_and_it_is_drawn(page: Page) -> None:
    levels = "document.getElementById('cortex').getContext('2d').getImageData(0, 0, 900, 400).data"
    assert page.value(f"{levels}.filter((one, index) => index % 4 === 3 && one > 0).length") > 1000
    page.value("document.getElementById('cortex').focus()")
    page.value("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}))")
    assert page.value("probePage.pose.azimuth") == 10
    page.value("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'Home', bubbles: true}))")
    assert page.value("probePage.pose.azimuth") == 0
    unnamed = (
        "Array.from(document.querySelectorAll('canvas:not([aria-hidden]), input, select, button'))"
        ".filter((one) => !one.ariaLabel && !one.labels?.length && !one.textContent.trim()).length"
    )
    assert page.value(unnamed) == 0


@needs_browser
def test_no_name_of_an_roi_is_code_or_markup_to_a_browser(tmp_path: Path) -> None:
    name = '<!--<script></script><img src=x onerror="window.ran=1"><b>&amp;\'${1}\u2028'
    table = load_subject("simulated").voxels
    odd = replace(table, roi=tuple(name if roi == "FFA" else roi for roi in table.roi))
    probe = make_probe(table=odd, size=32, roi=name)
    path = write_probe_page(probe, make_model(KEY, place=name), tmp_path / "index.html", voxels=odd)
    with open_page(tmp_path) as page:
        page.open(path.as_uri())
        page.wait_for("document.readyState === 'complete' && Boolean(window.probePage)")
        assert page.value("document.images.length") == 0 and page.value("typeof window.ran") == "undefined"
        assert page.value("document.scripts.length") == 3
        assert page.value("probePage.describe(0, 0)").startswith(name)
        assert name.split("\u2028")[0] in page.value("document.body.innerText")


def test_the_cortex_alone_has_neither_images_nor_curves(probe: Probe, tmp_path: Path) -> None:
    cortex = type("Cortex", (), {"key": KEY, "note": "", "model": lambda _: make_model(KEY)})()
    path = write_figure(probe, FigureConfig(kind=FigureKind.CORTEX), tmp_path / "cortex.html", cortex=cortex)
    data, arrays = read_data(path)
    assert data["images"] is None and "pictures" not in arrays
    assert data["cortex"]["maps"][0]["caption"] == "Shift of the predicted response (SD)"


def test_a_page_can_be_without_a_cortex(probe: Probe, tmp_path: Path) -> None:
    path = write_figure(probe, FigureConfig(), tmp_path / "probe.html")
    assert read_data(path)[0]["cortex"] is None
