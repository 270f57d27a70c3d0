"""Writes words on textures, for the word area has too few photographs. Never uses a picture without a free licence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import skimage
from PIL import Image, ImageDraw, ImageFont, ImageOps

WORD_LIST = (
    "world house garden letter silver window bridge market winter orange planet ticket doctor camera forest island "
    "mirror needle pencil rocket shadow summer thunder valley yellow animal butter candle desert engine flower "
    "guitar hammer insect jacket kitchen ladder morning number ocean pepper question river station travel unicorn "
    "village whisper"
)
FONT_FILES = ("DejaVuSans-Bold.ttf", "DejaVuSerif.ttf", "DejaVuSansMono-Bold.ttf", "DejaVuSerif-BoldItalic.ttf")
TEXTURES = ("brick.png", "grass.png", "gravel.png")
SEED = 11
MARGIN = 0.9
"""A word fills up to this part of the width."""


def iter_words(fonts: Path, *, side: int) -> Iterator[tuple[str, str, Image.Image]]:
    """(id, word, picture) of every word, each in a font, size, colour and slant drawn from one seed."""
    draw = np.random.default_rng(SEED)
    for number, word in enumerate(WORD_LIST.split()):
        shown = (word, word.upper(), word.capitalize())[draw.integers(3)]
        font = fonts / FONT_FILES[draw.integers(len(FONT_FILES))]
        yield f"word_{number:03d}", shown, _write(shown, font, side=side, draw=draw)


def _write(word: str, font: Path, *, side: int, draw: np.random.Generator) -> Image.Image:
    bright = bool(draw.random() < 0.5)
    ink = _draw_colour(draw, *((0, 80) if bright else (180, 255)))
    ground = _make_ground(side, draw, bright=bright)
    width = side * draw.uniform(0.55, MARGIN)
    face = ImageFont.truetype(font, size=int(100 * width / ImageFont.truetype(font, size=100).getlength(word)))
    stencil = Image.new("L", (side, side), 0)
    place = (side / 2, side * draw.uniform(0.35, 0.65))
    ImageDraw.Draw(stencil).text(place, word, font=face, fill=255, anchor="mm")
    stencil = stencil.rotate(draw.uniform(-20, 20), resample=Image.Resampling.BICUBIC)
    return Image.composite(Image.new("RGB", (side, side), ink), ground, stencil)


def _make_ground(side: int, draw: np.random.Generator, *, bright: bool) -> Image.Image:
    dark = _draw_colour(draw, *((130, 190) if bright else (0, 50)))
    light = _draw_colour(draw, *((190, 255) if bright else (50, 130)))
    kind = draw.integers(len(TEXTURES) + 1)
    if kind == len(TEXTURES):
        return Image.new("RGB", (side, side), light)
    texture = Image.open(Path(skimage.__file__).parent / "data" / TEXTURES[kind]).convert("L")
    left, top = (int(corner) for corner in draw.integers(0, texture.width - side, 2))
    return ImageOps.colorize(texture.crop((left, top, left + side, top + side)), dark, light)


def _draw_colour(draw: np.random.Generator, lowest: int, highest: int) -> tuple[int, int, int]:
    red, green, blue = draw.integers(lowest, highest, 3).tolist()
    return red, green, blue
