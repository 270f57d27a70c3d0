"""Figures of made-up probes: the files are opened again, their words, pictures and numbers compared with the probe."""

from __future__ import annotations

import base64
import csv
import io
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from core.datasets.subject import load_subject
from core.errors import BadInputError
from core.figures.colour_key import ColourKey
from core.figures.figure import draw_figure, preview_figure, tabulate_rois, trim, write_figure
from core.figures.figure_config import FigureConfig, FigureKind
from core.figures.movie_config import CortexStyle
from core.figures.movie_frames import Shot
from core.figures.probe_maps import map_probe
from core.figures.probe_page import CortexModel
from core.figures.probe_words import describe_settings
from core.images.difference import amplify, choose_factor
from core.images.stimulus import to_uint8
from core.probes.against import Against
from core.probes.probe import Probe
from core.reports.inks import LIGHT, house_style
from core.surfaces.colormap import find_colormap
from core.types import ByteArray, NormName
from tests.helpers.cortex_model import make_model
from tests.helpers.probes import make_probe, with_second

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"


class PaintedCortex:
    """A see-through picture with one block of colour."""

    key = ColourKey(find_colormap("polar"), "Shift of the predicted response", "SD", 2.0)
    note = "dimmed: held-out r below 0.1"

    def draw(self, shot: Shot, size: tuple[int, int]) -> ByteArray:
        return self.still(size)[..., :3]

    def model(self) -> CortexModel:
        return make_model(self.key)

    def still(self, size: tuple[int, int]) -> ByteArray:
        picture = np.zeros((size[1], size[0], 4), dtype=np.uint8)
        picture[10:-10, 20:-20] = (200, 30, 60, 255)
        return picture


@pytest.fixture(scope="module")
def probe() -> Probe:
    return make_probe(table=load_subject("simulated").voxels, size=64)


def write(probe: Probe, path: Path, **options: object) -> Path:
    config = FigureConfig(**options)  # type: ignore[arg-type]
    cortex = PaintedCortex() if config.kind.needs_cortex else None
    return write_figure(probe, config, path, cortex=cortex)


def words_of(path: Path) -> str:
    root = ElementTree.parse(path).getroot()
    return " ".join("".join(item.itertext()) for item in root.iter(f"{SVG}text"))


def pictures_of(path: Path) -> list[ByteArray]:
    found = [item.get(HREF, "") for item in ElementTree.parse(path).getroot().iter(f"{SVG}image")]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(text.split(",", 1)[1])))) for text in found]


def test_the_words_of_an_svg_are_text_and_say_what_it_shows(probe: Probe, tmp_path: Path) -> None:
    words = words_of(write(probe, tmp_path / "probe.svg"))
    said = ("Raise ROI FFA", "face_01", "PGD, L2 epsilon 3", "Simulated subject", "seed 0", "[0, 1] pixels, 64", "SD")
    for expected in said:
        assert expected in words.replace("\n", " "), expected
    assert "Encoder 222222222222" in words
    assert "Shift of the predicted response (SD)" in words


def test_the_second_encoder_of_a_controversial_probe_is_named(probe: Probe) -> None:
    config = replace(probe.config, against=Against("alexnet_robust", "features.7", sharpness=8.0))
    told = describe_settings(replace(probe, config=config))
    assert "controversial, lower in alexnet_robust features.7 (t = 8)" in told


@pytest.mark.parametrize("kind", list(FigureKind))
def test_every_figure_says_whose_responses_it_shows(probe: Probe, tmp_path: Path, kind: FigureKind) -> None:
    words = words_of(write(probe, tmp_path / "figure.svg", kind=kind))
    assert "encoder of simulated data" in re.sub(r"\s+", " ", words)


@pytest.mark.parametrize("kind", list(FigureKind))
def test_dollars_in_the_name_of_an_roi_are_drawn_as_they_are(tmp_path: Path, kind: FigureKind) -> None:
    """matplotlib would take them for a formula, and refuse one that is none."""
    table = load_subject("simulated").voxels
    odd = replace(table, roi=tuple(r"$x_$ ${\frac{<b>" if name == "FFA" else name for name in table.roi))
    probe = make_probe(table=odd, size=64, roi=r"$x_$ ${\frac{<b>")
    path = tmp_path / "f.svg"
    write_figure(probe, FigureConfig(kind=kind), path, cortex=PaintedCortex(), voxels=odd)
    shown = ["".join(one.itertext()) for one in ElementTree.parse(path).iter(f"{SVG}text")]
    assert any(r"$x_$ ${\frac{<b>" in text for text in shown), shown
    if kind is FigureKind.ROIS:
        assert any(text.startswith(r"$x_$ ${\frac{<b> (") for text in shown)


def test_the_pictures_in_an_svg_are_the_probe_pixel_for_pixel(probe: Probe, tmp_path: Path) -> None:
    pictures = [picture[..., :3] for picture in pictures_of(write(probe, tmp_path / "i.svg", kind="images"))]
    delta = 255 * (probe.perturbed_pixels - probe.clean_pixels).transpose(1, 2, 0)
    factor = choose_factor(delta)
    expected = (to_uint8(probe.clean_pixels), to_uint8(probe.perturbed_pixels), amplify(delta, factor))
    for picture, wanted in zip(pictures, expected, strict=False):
        assert any(np.array_equal(turned, wanted) for turned in (picture, picture[::-1]))
    assert f"difference × {factor}" in words_of(tmp_path / "i.svg")


def test_the_colour_bar_of_a_cortex_is_drawn_in_vectors(probe: Probe, tmp_path: Path) -> None:
    path = write(probe, tmp_path / "cortex.svg", kind="cortex")
    assert len(pictures_of(path)) == 1  # the cortex alone
    fills = set(re.findall(r"fill: #([0-9a-f]{6})", path.read_text(encoding="utf-8")))
    ends = ["".join(f"{part:02x}" for part in find_colormap("polar").table[at]) for at in (0, -1)]
    assert set(ends) <= fills


def test_a_pdf_embeds_its_letters_as_truetype(probe: Probe, tmp_path: Path) -> None:
    content = write(probe, tmp_path / "probe.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert b"/FontFile2" in content
    assert b"/Type3" not in content
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", content)
    assert box is not None
    assert [float(side) / 72 * 2.54 for side in box.groups()] == pytest.approx([18, 23], abs=0.01)


def test_a_png_has_the_size_and_resolution_asked_for(probe: Probe, tmp_path: Path) -> None:
    path = write(probe, tmp_path / "c.png", kind="curve", width_cm=10.16, height_cm=5.08, dpi=150)
    with Image.open(path) as picture:
        assert picture.size == (600, 300)
        assert picture.info["dpi"] == pytest.approx((150, 150), abs=0.1)
        assert "Simulated subject" in picture.info["Description"]


def test_the_paper_can_be_left_out(probe: Probe, tmp_path: Path) -> None:
    for transparent, alpha in ((True, 0), (False, 255)):
        path = write(probe, tmp_path / f"{alpha}.png", kind="cortex", dpi=60, transparent=transparent)
        with Image.open(path) as picture:
            assert np.asarray(picture.convert("RGBA"))[0, 0, 3] == alpha


def test_the_same_probe_gives_the_same_file(probe: Probe, tmp_path: Path) -> None:
    for ending in ("png", "svg", "pdf"):
        one, two = (write(probe, tmp_path / f"{name}.{ending}", kind="curve", dpi=60) for name in "ab")
        assert one.read_bytes() == two.read_bytes()


def test_the_curve_draws_the_numbers_of_the_probe(probe: Probe) -> None:
    with house_style(LIGHT, font_size=8):
        axes = draw_figure(probe, FigureConfig(kind="curve")).axes[0]  # type: ignore[arg-type]
    lines = {str(line.get_label()): line for line in axes.get_lines()}
    assert np.array_equal(lines["attack"].get_xdata(), probe.curve.epsilon)
    for name, values in (
        ("attack", probe.curve.shift),
        ("first order", probe.curve.first_order),
        ("random control", probe.curve.control_shift),
        ("sign flip", probe.curve.sign_flip_shift),
    ):
        assert np.array_equal(lines[name].get_ydata(), values)
    assert axes.get_xscale() == "log"
    assert axes.get_ylabel() == "shift (% signal change)"
    assert "[0, 1] pixel units" in axes.get_xlabel()


def test_linf_budgets_stand_in_grey_levels() -> None:
    probe = make_probe(n_voxels=44, size=32, norm=NormName.LINF, epsilon=8 / 255)
    with house_style(LIGHT, font_size=8):
        axes = draw_figure(probe, FigureConfig(kind="curve")).axes[0]  # type: ignore[arg-type]
    assert axes.get_xlabel() == "ε, L∞ (grey levels of 255)"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0.5", "1", "2", "4", "8"][::-1]


def test_the_bars_are_the_means_over_each_roi(probe: Probe) -> None:
    with house_style(LIGHT, font_size=8):
        axes = draw_figure(probe, FigureConfig(kind="rois")).axes[0]  # type: ignore[arg-type]
    table = load_subject("simulated").voxels
    names = [text.get_text().split(" (")[0] for text in axes.get_yticklabels()]
    for name, bar in zip(names, axes.patches, strict=False):
        members = np.asarray(table.roi) == name
        mean = float(np.mean(probe.shift[members] / probe.reference_sd[members]))
        assert bar.get_width() == pytest.approx(mean, rel=1e-5)  # type: ignore[attr-defined]
    assert names[-1] == "FFA"


def test_the_table_of_rois_holds_the_same_means(probe: Probe, tmp_path: Path) -> None:
    path = write(probe, tmp_path / "rois.csv", kind="rois")
    assert path.read_text(encoding="utf-8") == tabulate_rois(probe)
    table = load_subject("simulated").voxels
    with path.open(newline="", encoding="utf-8") as file:
        rows = {row["roi"]: row for row in csv.DictReader(file)}
    assert list(rows) == list(table.roi_names)
    for name, row in rows.items():
        members = table.voxels_in(name)
        assert int(row["n_voxels"]) == len(members)
        assert float(row["shift"]) == pytest.approx(float(probe.shift[members].mean()), rel=1e-5)
        assert float(row["control_shift"]) == pytest.approx(float(probe.control_shift[members].mean()), rel=1e-4)
    assert rows["FFA"]["is_target"] == "True"
    assert rows["V1"]["unit"] == "% signal change"


def test_figures_of_a_pair_show_both_encoders_each_in_its_own_sds(tmp_path: Path) -> None:
    table = load_subject("simulated").voxels
    made = make_probe(table=table, size=64)
    pair = with_second(replace(made, config=replace(made.config, against=Against("alexnet", "features.11"))))
    second = pair.second
    assert second is not None
    wanted = {"mobilenet_v2": pair.curve.shift / pair.target_sd, "alexnet": second.shift / second.target_sd}
    steps = {"mobilenet_v2": pair.history.shift / pair.target_sd, "alexnet": pair.history.second_shift_sd}
    with house_style(LIGHT, font_size=8):
        for kind, lines in ((FigureKind.CURVE, wanted), (FigureKind.STEPS, steps)):
            axes = draw_figure(pair, FigureConfig(kind=kind)).axes[0]
            drawn = {str(line.get_label()): line.get_ydata() for line in axes.get_lines()}
            assert axes.get_ylabel() == "shift (SD)"
            for name, values in lines.items():
                np.testing.assert_allclose(drawn[name], values)
        axes = draw_figure(pair, FigureConfig(kind=FigureKind.ROIS)).axes[0]
    marks = next(line for line in axes.get_lines() if line.get_label() == "alexnet")
    in_sds = (second.perturbed - second.clean) / second.reference_sd
    names = [text.get_text().split(" (")[0] for text in axes.get_yticklabels()]
    means = {name: float(in_sds[table.voxels_in(name)].mean()) for name in names}
    np.testing.assert_allclose(marks.get_xdata(), [means[name] for name in names], rtol=1e-4)
    rows = list(csv.DictReader(io.StringIO(tabulate_rois(pair, table))))
    assert {row["second_encoder"] for row in rows} == {"alexnet"}
    for row in rows:
        assert float(row["second_shift_sd"]) == pytest.approx(means[row["roi"]], rel=1e-4)
    shown = map_probe(pair, CortexStyle(), table, follows=False)
    assert shown.note == "mobilenet_v2 features.18 alone", "a cortex shows the first encoder, and says so"


def test_a_page_without_a_cortex_says_so(probe: Probe, tmp_path: Path) -> None:
    path = write_figure(probe, FigureConfig(), tmp_path / "page.svg")
    assert "No cortical map" in words_of(path)


def test_a_preview_is_as_wide_as_asked(probe: Probe) -> None:
    picture = preview_figure(probe, FigureConfig(kind="images"), width=360)  # type: ignore[arg-type]
    assert abs(picture.shape[1] - 360) <= 1
    assert picture.shape[0] / picture.shape[1] == pytest.approx(8.4 / 18, abs=0.01)


def test_see_through_edges_are_cut_off() -> None:
    picture = np.zeros((20, 30, 4), dtype=np.uint8)
    picture[4:9, 7:20, 3] = 255
    assert trim(picture).shape == (5, 13, 4)
    assert trim(np.zeros((5, 6, 4), dtype=np.uint8)).shape == (5, 6, 4)


def test_matplotlibs_own_settings_come_back(probe: Probe) -> None:
    import matplotlib as mpl

    before = mpl.rcParams["svg.fonttype"], mpl.rcParams["font.size"]
    preview_figure(probe, FigureConfig(kind="curve"), width=100)  # type: ignore[arg-type]
    assert (mpl.rcParams["svg.fonttype"], mpl.rcParams["font.size"]) == before


@pytest.mark.parametrize(
    ("options", "name", "message"),
    [
        ({"kind": "curve"}, "a.jpg", r"`out` must be a file ending in .png, .svg, .pdf"),
        ({"kind": "curve"}, "a.csv", "`out` must be"),
        ({"kind": "crve"}, "a.png", "Did you mean 'curve'|one of probe"),
        ({"width_cm": 500.0}, "a.png", "`width` must be from 3 to 120 cm"),
        ({"font_size": 1.0}, "a.png", "points"),
        ({"dpi": 0.0}, "a.png", "`dpi`"),
    ],
)
def test_a_figure_that_cannot_be_is_refused(
    probe: Probe, tmp_path: Path, options: dict[str, object], name: str, message: str
) -> None:
    with pytest.raises(BadInputError, match=message):
        write(probe, tmp_path / name, **options)


def test_a_cortex_that_nobody_draws_is_refused(probe: Probe, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="nothing that draws it"):
        write_figure(replace(probe), FigureConfig(kind="cortex"), tmp_path / "a.png")  # type: ignore[arg-type]
