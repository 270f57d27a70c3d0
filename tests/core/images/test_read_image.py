"""Reading images: every bad or unusual file the program meets, made here. Answers by hand."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import BadInputError
from core.images.read import read_image

SIZE = 64
RED, GREEN = (255, 0, 0), (0, 255, 0)


def write_picture(path: Path, picture: Image.Image, **options: object) -> Path:
    picture.save(path, **options)  # type: ignore[arg-type]
    return path


def plain(colour: object, *, mode: str = "RGB", size: tuple[int, int] = (SIZE, SIZE)) -> Image.Image:
    return Image.new(mode, size, colour)  # type: ignore[arg-type]


def write_png_16_bit_colour(path: Path, level: int) -> Path:
    """Pillow cannot write 16-bit colour, so the chunks are put together by hand."""
    row = b"\0" + struct.pack(">HHH", level, level, level) * SIZE
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", SIZE, SIZE, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(row * SIZE)),
        (b"IEND", b""),
    ]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def test_a_picture_of_the_asked_size_is_read_exactly(tmp_path: Path) -> None:
    levels = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    stimulus = read_image(write_picture(tmp_path / "exact.png", Image.fromarray(levels)), size=SIZE)
    assert np.array_equal(stimulus.levels, levels)
    assert stimulus.id == "exact" and stimulus.notes == ()


def test_the_central_square_is_kept(tmp_path: Path) -> None:
    picture = plain(RED, size=(3 * SIZE, SIZE))
    picture.paste(GREEN, (SIZE, 0, 2 * SIZE, SIZE))
    stimulus = read_image(write_picture(tmp_path / "wide.png", picture), size=SIZE)
    assert (stimulus.levels == GREEN).all()
    assert "Cropped from 192 x 64" in stimulus.notes[0]


def test_shrinking_is_antialiased(tmp_path: Path) -> None:
    stripes = np.zeros((4 * SIZE, 4 * SIZE, 3), dtype=np.uint8)
    stripes[::2] = 255
    stimulus = read_image(write_picture(tmp_path / "stripes.png", Image.fromarray(stripes)), size=SIZE)
    inner = stimulus.levels[4:-4]
    assert inner.min() > 120 and inner.max() < 135, "one-pixel stripes must average to mid grey"


def test_a_small_picture_is_enlarged_and_noted(tmp_path: Path) -> None:
    stimulus = read_image(write_picture(tmp_path / "small.png", plain(RED, size=(40, 40))), size=SIZE)
    assert stimulus.pixels.shape == (3, SIZE, SIZE)
    assert stimulus.notes == ("Enlarged from 40 to 64 pixels a side.",)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_exif_rotation_is_applied(tmp_path: Path, orientation: int) -> None:
    upright = plain(RED)
    upright.paste(GREEN, (0, 0, SIZE, SIZE // 2))
    stored = upright.rotate({3: 180, 6: 90, 8: 270}[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    stimulus = read_image(write_picture(tmp_path / "turned.png", stored, exif=exif), size=SIZE)
    assert np.array_equal(stimulus.levels, np.asarray(upright))
    assert stimulus.notes == ("Turned as its EXIF orientation says.",)


def test_cmyk_is_converted(tmp_path: Path) -> None:
    picture = plain((0, 255, 255, 0), mode="CMYK")
    stimulus = read_image(write_picture(tmp_path / "print.jpg", picture, quality=95), size=SIZE)
    assert np.abs(stimulus.levels.astype(int) - RED).max() < 6
    assert "CMYK" in stimulus.notes[0]


@pytest.mark.parametrize("level", [0, 257, 32896, 65535])
def test_16_bit_grey_is_scaled_not_clipped(tmp_path: Path, level: int) -> None:
    deep = Image.fromarray(np.full((SIZE, SIZE), level, dtype=np.uint16))
    stimulus = read_image(write_picture(tmp_path / "deep.png", deep), size=SIZE)
    assert (stimulus.levels == level // 257).all()
    assert "Reduced from 16 to 8 bits." in stimulus.notes


def test_16_bit_colour_is_noted(tmp_path: Path) -> None:
    stimulus = read_image(write_png_16_bit_colour(tmp_path / "deep.png", 32896), size=SIZE)
    assert (stimulus.levels == 128).all()
    assert stimulus.notes == ("Reduced from 16 to 8 bits.",)


@pytest.mark.parametrize(("mode", "colour", "word"), [("L", 77, "grey"), ("1", 1, "black and white")])
def test_grey_becomes_equal_channels(tmp_path: Path, mode: str, colour: int, word: str) -> None:
    stimulus = read_image(write_picture(tmp_path / "grey.png", plain(colour, mode=mode)), size=SIZE)
    assert (stimulus.levels == (77 if mode == "L" else 255)).all()
    assert word in stimulus.notes[0]


def test_a_palette_becomes_its_colours(tmp_path: Path) -> None:
    stimulus = read_image(write_picture(tmp_path / "few.png", plain(GREEN).quantize(4)), size=SIZE)
    assert (stimulus.levels == GREEN).all()
    assert "palette" in stimulus.notes[0]


@pytest.mark.parametrize(("alpha", "expected"), [(0, (128, 128, 128)), (255, RED)])
def test_transparency_is_laid_over_mid_grey(tmp_path: Path, alpha: int, expected: tuple[int, ...]) -> None:
    picture = plain((*RED, alpha), mode="RGBA")
    stimulus = read_image(write_picture(tmp_path / "clear.png", picture), size=SIZE)
    assert (stimulus.levels == expected).all()
    assert stimulus.notes == (("Transparent parts are laid over mid grey.",) if alpha == 0 else ())


def test_half_transparency_is_mixed(tmp_path: Path) -> None:
    stimulus = read_image(write_picture(tmp_path / "veil.png", plain((*RED, 128), mode="RGBA")), size=SIZE)
    assert np.abs(stimulus.levels[0, 0].astype(int) - (191, 64, 64)).max() <= 1


def test_of_an_animation_the_first_frame_is_used(tmp_path: Path) -> None:
    file = tmp_path / "moving.gif"
    plain(RED).save(file, save_all=True, append_images=[plain(GREEN), plain((0, 0, 255))])
    stimulus = read_image(file, size=SIZE)
    assert (stimulus.levels == RED).all()
    assert "Holds 3 frames; the first is used." in stimulus.notes


def test_a_tiny_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="at least 32 pixels a side, got '31 x 200 pixels'"):
        read_image(write_picture(tmp_path / "tiny.png", plain(RED, size=(31, 200))), size=SIZE)


def test_a_text_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.png"
    file.write_text("no picture")
    with pytest.raises(BadInputError, match=r"notes\.png is truncated or no image: cannot identify .*as PNG or JPEG"):
        read_image(file, size=SIZE)


@pytest.mark.parametrize("name", ["cut.png", "cut.jpg", "cut.webp", "cut.tif", "cut.gif"])
def test_a_truncated_file_is_refused(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    file = write_picture(tmp_path / name, Image.fromarray(noise))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(BadInputError, match=f"{name} is truncated or no image: .*Copy or export it again"):
        read_image(file, size=SIZE)


def test_an_empty_file_a_folder_and_no_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    with pytest.raises(BadInputError, match=r"empty\.png"):
        read_image(tmp_path / "empty.png", size=SIZE)
    for absent in (tmp_path, tmp_path / "absent.png"):
        with pytest.raises(BadInputError, match="There is no such file"):
            read_image(absent, size=SIZE)


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    for side in (11_000, 40_000):
        header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        chunk = struct.pack(">I", len(header)) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
        empty = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
        (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + empty)
        with pytest.raises(BadInputError, match="at most 100000000 pixels"):
            read_image(tmp_path / "bomb.png", size=SIZE)


def test_a_long_thin_picture_stays_small(tmp_path: Path) -> None:
    stimulus = read_image(write_picture(tmp_path / "thin.png", plain(RED, size=(40_000, 40))), size=SIZE)
    assert stimulus.pixels.shape == (3, SIZE, SIZE)


def test_floating_point_is_refused(tmp_path: Path) -> None:
    file = write_picture(tmp_path / "float.tif", Image.fromarray(np.zeros((SIZE, SIZE), dtype=np.float32)))
    with pytest.raises(BadInputError, match="8- or 16-bit, got '32-bit floating point'"):
        read_image(file, size=SIZE)


def test_an_impossible_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="`size` must be a whole number of at least 32, got 0"):
        read_image(tmp_path / "any.png", size=0)


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 1), (np.uint16, 255), (np.uint16, 4095)])
def test_a_picture_on_a_smaller_scale_is_no_nearly_black_one(tmp_path: Path, dtype: type, white: int) -> None:
    levels = np.random.default_rng(3).integers(0, white + 1, (40, 40)).astype(dtype)
    Image.fromarray(levels).save(tmp_path / "few.png")
    with pytest.raises(BadInputError, match=r"none above (1|4095) in few.png'. If (1|4095) is white, multiply by"):
        read_image(tmp_path / "few.png", size=32)
    Image.fromarray(np.full((40, 40), white, dtype)).save(tmp_path / "flat.png")
    assert read_image(tmp_path / "flat.png", size=32).levels.max() == round(white * 255 / np.iinfo(dtype).max)
