"""Colours of files become sRGB. Answers: IEC 61966-2-1 and CIE matrices by numpy, 16 bits by division."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from core.images.read import read_image
from tests.helpers.colour_files import (
    gamma_chunk,
    grey_profile,
    ink_profile,
    primaries_chunk,
    rgb_profile,
    write_few_bits,
    write_planes,
    write_png,
)

SIDE = 64
DRAW = np.random.default_rng(8)
COLOURS = DRAW.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
SRGB_TO_D50 = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)
ADOBE_TO_D50 = np.array(
    [[0.6097559, 0.2052401, 0.1492240], [0.3111242, 0.6256560, 0.0632197], [0.0194811, 0.0608902, 0.7448387]]
)
"""Lindbloom's matrices for sRGB and Adobe RGB, brought to D50."""
ADOBE_XY = (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
UNUSED = "Its colour profile is damaged or made for other pictures: its colours are taken as sRGB."


def encoded(linear: np.ndarray) -> np.ndarray:
    cut = np.clip(linear, 0, 1)
    return 255 * np.where(cut <= 0.0031308, 12.92 * cut, 1.055 * cut ** (1 / 2.4) - 0.055)


def adobe_as_srgb(levels: np.ndarray, gamma: float) -> np.ndarray:
    return encoded((levels / 255) ** gamma @ (np.linalg.inv(SRGB_TO_D50) @ ADOBE_TO_D50).T)


def read(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    stimulus = read_image(path, size=SIDE)
    return stimulus.levels, stimulus.notes


@pytest.mark.parametrize("ending", ["png", "jpg", "tif", "webp"])
def test_a_wide_profile_is_followed(tmp_path: Path, ending: str) -> None:
    flat = np.full((SIDE, SIDE, 3), (200, 90, 40), dtype=np.uint8)
    exact = {"jpg": {"quality": 100, "subsampling": 0}, "webp": {"lossless": True}}.get(ending, {})
    Image.fromarray(flat).save(tmp_path / f"p.{ending}", icc_profile=rgb_profile(ADOBE_TO_D50, 2.2), **exact)
    levels, notes = read(tmp_path / f"p.{ending}")
    assert np.abs(levels - adobe_as_srgb(flat, 2.2)).max() < 2.5
    assert notes == ("Converted from the colours of its profile (Made here) to sRGB.",)


def test_opacity_stays_beside_a_profile(tmp_path: Path) -> None:
    clear = np.full((SIDE, SIDE, 4), (200, 90, 40, 255), dtype=np.uint8)
    clear[:8, :, 3] = 0
    Image.fromarray(clear).save(tmp_path / "p.png", icc_profile=rgb_profile(ADOBE_TO_D50, 2.2))
    levels, notes = read(tmp_path / "p.png")
    assert (levels[:7] == 128).all() and len(notes) == 2
    assert np.abs(levels[9:] - adobe_as_srgb(clear[9:, :, :3], 2.2)).max() < 2


@pytest.mark.parametrize("profile", [rgb_profile(SRGB_TO_D50, 2.2), "sRGB"], ids=["as bright", "its own"])
def test_a_profile_of_srgb_changes_and_says_nothing(tmp_path: Path, profile: bytes | str) -> None:
    content = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() if profile == "sRGB" else profile
    Image.fromarray(COLOURS).save(tmp_path / "p.png", icc_profile=content)
    levels, notes = read(tmp_path / "p.png")
    if profile == "sRGB":
        np.testing.assert_array_equal(levels, COLOURS)
        assert not notes
    else:  # a power of 2.2 is not quite sRGB's curve
        assert np.abs(levels - encoded((COLOURS / 255) ** 2.2)).max() < 2


def test_profiles_of_grey_and_of_inks_are_followed(tmp_path: Path) -> None:
    grey = DRAW.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png", icc_profile=grey_profile(1.0))
    levels, notes = read(tmp_path / "grey.png")
    assert np.abs(levels[..., 0] - encoded(grey / 255)).max() < 2
    assert [note[:9] for note in notes] == ["Converted"] * 2
    black = Image.new("CMYK", (SIDE, SIDE), (10, 200, 30, 128))
    black.save(tmp_path / "inks.tif", icc_profile=ink_profile())
    levels, _ = read(tmp_path / "inks.tif")
    light = ((100 * (1 - 128 / 255) + 16) / 116) ** 3  # CIE L* to Y
    assert np.abs(levels - encoded(np.array(light))).max() < 3


@pytest.mark.parametrize("profile", [b"no profile at all", grey_profile(1.0), ink_profile()[:300]])
def test_a_profile_that_cannot_be_used_is_named(tmp_path: Path, profile: bytes) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "p.png", icc_profile=profile)
    levels, notes = read(tmp_path / "p.png")
    np.testing.assert_array_equal(levels, COLOURS)
    assert notes == (UNUSED,)


def test_a_damaged_profile_chunk_is_named(tmp_path: Path) -> None:
    write_png(tmp_path / "p.png", COLOURS, (b"iCCP", b"x\0\0" + zlib.compress(b"profile" * 9)[:-9]))
    assert read(tmp_path / "p.png")[1] == (UNUSED,)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_gamma_of_a_png_is_followed_before_its_depth_is_reduced(tmp_path: Path, dtype: type) -> None:
    largest = np.iinfo(dtype).max
    deep = DRAW.integers(0, largest // 8, (SIDE, SIDE, 3), dtype=dtype)
    levels, notes = read(write_png(tmp_path / "p.png", deep, gamma_chunk(1.0)))
    np.testing.assert_array_equal(levels, np.rint(encoded(deep / largest)))
    assert notes[-1] == "Converted from a gamma of 1 to sRGB."


def test_the_primaries_of_a_png_are_followed(tmp_path: Path) -> None:
    levels, notes = read(write_png(tmp_path / "p.png", COLOURS, gamma_chunk(1 / 1.8), primaries_chunk(ADOBE_XY)))
    assert np.abs(levels - adobe_as_srgb(COLOURS, 1.8)).max() < 1.5
    assert notes == ("Converted from a gamma of 0.55556 and primaries of its own to sRGB.",)


@pytest.mark.parametrize(
    "chunks", [[gamma_chunk(0.45455)], [(b"sRGB", b"\0"), gamma_chunk(1.0)], [gamma_chunk(0.0)]], ids=str
)
def test_a_png_of_srgb_is_left_alone(tmp_path: Path, chunks: list[tuple[bytes, bytes]]) -> None:
    levels, notes = read(write_png(tmp_path / "p.png", COLOURS, *chunks))
    np.testing.assert_array_equal(levels, COLOURS)
    assert not notes


def test_impossible_primaries_are_named(tmp_path: Path) -> None:
    levels, notes = read(write_png(tmp_path / "p.png", COLOURS, primaries_chunk((0.3, 0.3) * 4)))
    np.testing.assert_array_equal(levels, COLOURS)
    assert notes == (UNUSED,)


def test_a_camera_that_says_adobe_rgb_is_believed(tmp_path: Path) -> None:
    flat = np.full((SIDE, SIDE, 3), (200, 90, 40), dtype=np.uint8)
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    Image.fromarray(flat).save(tmp_path / "p.jpg", quality=100, subsampling=0, exif=exif)
    levels, notes = read(tmp_path / "p.jpg")
    assert np.abs(levels - adobe_as_srgb(flat, 563 / 256)).max() < 2.5
    assert notes == ("Converted from Adobe RGB, which its camera names, to sRGB.",)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bits_are_divided_exactly(tmp_path: Path, channels: int) -> None:
    deep = DRAW.integers(0, 65536, (SIDE, SIDE, channels), dtype=np.uint16)
    if channels in (2, 4):
        deep[..., -1] = 65535
    levels, notes = read(write_png(tmp_path / "p.png", deep))
    wanted = np.rint(deep[..., :3] / 257) if channels > 2 else np.rint(deep[..., :1] / 257).repeat(3, axis=2)
    np.testing.assert_array_equal(levels, wanted)
    assert notes[0] == "Reduced from 16 to 8 bits."


@pytest.mark.parametrize("channels", [1, 3])
def test_the_clear_colour_of_16_bits_is_clear(tmp_path: Path, channels: int) -> None:
    deep = DRAW.integers(0, 65536, (SIDE, SIDE, channels), dtype=np.uint16)
    deep[:5], deep[5, 0] = 1000, 1001
    key = np.array([1000] * channels, dtype=">u2").tobytes()
    levels, notes = read(write_png(tmp_path / "p.png", deep, (b"tRNS", key)))
    assert (levels[:5] == 128).all() and (levels[5, 0] == 4).all()
    assert "Transparent parts are laid over mid grey." in notes


def test_tiff_of_white_zero_and_of_12_bits_keeps_its_light(tmp_path: Path) -> None:
    deep = DRAW.integers(0, 65536, (SIDE, SIDE), dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "p.tif", tiffinfo={262: 0})
    np.testing.assert_array_equal(read(tmp_path / "p.tif")[0][..., 1], np.rint((65535 - deep.astype(int)) / 257))


def test_tiff_of_16_bit_colours_is_divided_exactly(tmp_path: Path) -> None:
    deep = DRAW.integers(0, 65536, (SIDE, SIDE, 3), dtype=np.uint16)
    for order in "<>":
        write_deep_tiff(tmp_path / "p.tif", deep, order=order)
        np.testing.assert_array_equal(read(tmp_path / "p.tif")[0], np.rint(deep / 257))


def write_deep_tiff(path: Path, deep: np.ndarray, *, order: str) -> None:
    """An uncompressed TIFF of one strip, by hand."""
    height, width, _ = deep.shape
    data = deep.astype(f"{order}u2").tobytes()
    short, long = 3, 4
    rows = [(256, long, 1, width), (257, long, 1, height), (258, short, 3, 8), (259, short, 1, 1), (262, short, 1, 2)]
    rows += [(273, long, 1, 14), (277, short, 1, 3), (278, long, 1, height), (279, long, 1, len(data))]
    at = 14 + len(data)
    table = np.array([len(rows)], f"{order}u2").tobytes()
    for tag, kind, count, value in rows:
        table += np.array([tag, kind], f"{order}u2").tobytes() + np.array([count], f"{order}u4").tobytes()
        single = kind == short and count == 1
        table += np.array([value, 0] if single else [value], f"{order}u{2 if single else 4}").tobytes()
    head = (b"II" if order == "<" else b"MM") + np.array([42], f"{order}u2").tobytes()
    head += np.array([at], f"{order}u4").tobytes() + np.array([16] * 3, f"{order}u2").tobytes()
    path.write_bytes(head + data + table + bytes(4))


@pytest.mark.parametrize("alpha", [0, 255])
def test_a_bitmap_whose_fourth_byte_is_unused_is_opaque(tmp_path: Path, alpha: int) -> None:
    clear = np.dstack([COLOURS, np.full((SIDE, SIDE), alpha, np.uint8)])
    Image.fromarray(clear).save(tmp_path / "p.tga")
    levels, notes = read(tmp_path / "p.tga")
    np.testing.assert_array_equal(levels, COLOURS)
    assert len(notes) == (1 if alpha == 0 else 0)


def test_the_turn_of_a_tiff_is_noted(tmp_path: Path) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "p.tif", tiffinfo={274: 6})
    levels, notes = read(tmp_path / "p.tif")
    np.testing.assert_array_equal(levels, np.rot90(COLOURS, -1))
    assert notes == ("Turned as its EXIF orientation says.",)


P3_TO_D50 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])
"""ICC's colorants of Display P3."""


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_code_points_count_before_a_profile(tmp_path: Path, depth: type) -> None:
    levels = COLOURS.astype(depth) * (257 if depth is np.uint16 else 1)
    profile = (b"iCCP", b"x\0\0" + zlib.compress(rgb_profile(ADOBE_TO_D50, 2.2)))
    found, notes = read(write_png(tmp_path / "p.png", levels, (b"cICP", bytes([12, 13, 0, 1])), profile))
    light = np.where(COLOURS <= 10, COLOURS / 255 / 12.92, ((COLOURS / 255 + 0.055) / 1.055) ** 2.4)
    assert np.abs(found - encoded(light @ (np.linalg.inv(SRGB_TO_D50) @ P3_TO_D50).T)).max() < 1.5
    assert notes[-1] == "Converted from its code points 12/13 to sRGB."


@pytest.mark.parametrize(("codes", "notes"), [((1, 13, 0, 1), ()), ((9, 16, 0, 1), (UNUSED,))])
def test_code_points_of_srgb_are_silent_and_those_of_hdr_are_told(
    tmp_path: Path, codes: tuple[int, ...], notes: tuple[str, ...]
) -> None:
    levels, told = read(write_png(tmp_path / "p.png", COLOURS, (b"cICP", bytes(codes))))
    np.testing.assert_array_equal(levels, COLOURS)
    assert told == notes


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("rows_per_strip", [SIDE, 10])
def test_planes_of_16_bits_are_taken_whole(tmp_path: Path, order: str, rows_per_strip: int) -> None:
    planes = np.moveaxis(COLOURS.astype(np.uint16) * 257, 2, 0)
    write_planes(tmp_path / "p.tif", planes, order, rows_per_strip)
    levels, notes = read(tmp_path / "p.tif")
    np.testing.assert_array_equal(levels, COLOURS)
    assert notes == ("Reduced from 16 to 8 bits.",)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_the_transparent_level_of_few_bits_is_found(tmp_path: Path, bits: int) -> None:
    largest = 2**bits - 1
    levels = np.where(np.arange(SIDE)[:, np.newaxis] < SIDE // 2, 0, largest - 1) * np.ones((1, SIDE), dtype=int)
    levels[:4] = largest
    image = write_few_bits(tmp_path / "p.png", levels, bits, (b"tRNS", np.array([largest - 1], ">u2").tobytes()))
    found, notes = read(image)
    expected = np.where(levels == largest - 1, 128, levels * (255 // largest))
    np.testing.assert_array_equal(found, np.repeat(expected[..., np.newaxis], 3, axis=2))
    assert notes == ("Transparent parts are laid over mid grey.",)
