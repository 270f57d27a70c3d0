"""The colours of plots stay apart for colour-blind eyes, and no two things differ by colour alone."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.look.theme import DARK, LIGHT, Theme, use_theme
from app.widgets import plot_view
from core.reports import draw_plot, inks
from core.reports.plot import Plot, Series
from tests.helpers.colour_sight import BLIND, NAMES, USUAL, seen_by

EYES = [USUAL, *BLIND]
EYE_NAMES = ["usual", *NAMES]


def rgb_of(colours: tuple[str, ...]) -> np.ndarray:
    return np.array([[int(colour[start : start + 2], 16) for start in (1, 3, 5)] for colour in colours], dtype=float)


def smallest_gap(colours: tuple[str, ...], eyes: np.ndarray) -> float:
    seen = seen_by(eyes, rgb_of(colours))
    return float((np.linalg.norm(seen[:, None] - seen[None], axis=2) + 9 * np.eye(len(seen))).min())


@pytest.mark.parametrize("eyes", EYES, ids=EYE_NAMES)
@pytest.mark.parametrize("colours", [inks.SCREEN_COLOURS, inks.PAPER_COLOURS], ids=["window", "figures"])
def test_encoders_are_told_apart(colours: tuple[str, ...], eyes: np.ndarray) -> None:
    assert smallest_gap(colours, eyes) > 0.09


@pytest.mark.parametrize("eyes", EYES, ids=EYE_NAMES)
@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_attack_flip_control_and_reference_are_told_apart(theme: Theme, eyes: np.ndarray) -> None:
    assert smallest_gap((theme.warm, theme.cool, theme.muted, theme.text), eyes) > 0.085


@pytest.mark.parametrize("eyes", EYES, ids=EYE_NAMES)
@pytest.mark.parametrize("ink", [inks.DARK, inks.LIGHT], ids=["dark", "light"])
def test_curves_of_printed_figures_are_told_apart(ink: inks.Inks, eyes: np.ndarray) -> None:
    assert smallest_gap((ink.warm, ink.cool, ink.muted, ink.text), eyes) > 0.085


@pytest.mark.parametrize("pair", [(inks.DARK.encoder, plot_view.symbol_of), (inks.LIGHT.encoder, draw_plot.marker_of)])
def test_neighbours_differ_by_shape_too(pair) -> None:
    colour, shape = pair
    looks = [(colour(index), shape(index)) for index in range(24)]
    assert len(set(looks)) == len(looks)
    assert all(shape(index) != shape(index + 1) for index in range(24))


def oklab_as_published(red: float, green: float, blue: float) -> list[float]:
    """`linear_srgb_to_oklab` of https://bottosson.github.io/posts/oklab/, line by line, after the curve of sRGB."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue))
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    middle = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return [
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    ]


def test_the_simulation_leaves_usual_sight_alone() -> None:
    colours = rgb_of(inks.SCREEN_COLOURS)
    expected = [oklab_as_published(*colour) for colour in colours / 255]
    np.testing.assert_allclose(seen_by(USUAL, colours), expected, atol=1e-6)


def test_names_in_a_legend_follow_the_theme(qtbot: QtBot) -> None:
    plot = plot_view.PlotView()
    qtbot.addWidget(plot)
    use_theme(DARK)
    plot.show_plot(Plot("epsilon", "shift", (Series([0.0, 1.0], [0.0, 1.0], 0, "alexnet", line="-"),)))
    use_theme(LIGHT)
    [(_, label)] = plot.legend.items
    assert LIGHT.muted in label.item.toHtml()
