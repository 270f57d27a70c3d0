"""Where in the image a perturbation may lie: a box, an ellipse or a picture, with a soft edge if asked.

A masked perturbation is delta = m z with the mask m in [0, 1] and z in the ball: ||z|| <= epsilon, 0 <= x + m z <= 1.
So ||delta|| <= epsilon too, nothing changes where m is 0, and to first order the gain is epsilon ||m gradient||_dual.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import numpy as np

from core.checks import check_fraction, refusal, to_number
from core.containers import reading
from core.types import BoolArray, ByteArray, FloatArray

MOST_PIXELS = 4096 * 4096
"""Of a mask's picture."""
WHITE = 255


class MaskShape(StrEnum):
    """What a mask looks like."""

    BOX = "box"
    ELLIPSE = "ellipse"
    PICTURE = "picture"


@dataclass(frozen=True, slots=True)
class Mask:
    """One mask, for images of any size unless it is a picture.

    Parameters
    ----------
    box : left, top, right, bottom of the box, or of the box around the ellipse, as parts of the image from its left
        upper corner; those of a picture are not used.
    edge : Width of the soft edge as a part of the image's side: m rises from 0 at the outline to 1 so far inside, by
        half a cosine. 0 is a hard edge.
    picture : A grey PNG of the image's size, in base64: m = grey level / 255.

    Raises BadInputError if the box is empty or leaves the image, or the picture is no grey PNG or all black.

    Examples
    --------
    >>> Mask(box=(0.5, 0.0, 1.0, 1.0)).render(4)[0].tolist()
    [0.0, 0.0, 1.0, 1.0]
    """

    shape: MaskShape = MaskShape.BOX
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    edge: float = 0.0
    picture: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", MaskShape(self.shape))
        object.__setattr__(self, "box", tuple(float(one) for one in self.box))
        left, top, right, bottom = self.box
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            allowed = "left < right and top < bottom, from 0 to 1 (parts of the image)"
            raise refusal("mask", allowed=allowed, got=",".join(f"{one:g}" for one in self.box))
        edge_advice = "It is a part of the image's side; 0 is a hard edge."
        check_fraction("mask-edge", self.edge, largest=0.5, advice=edge_advice)
        if (self.shape is MaskShape.PICTURE) is not bool(self.picture):
            raise refusal("mask", allowed="a picture for the shape picture only", got=str(self.shape))
        if self.picture and not _decode(self.picture).any():
            advice = "Paint white where the image may change."
            raise refusal("mask", allowed="a picture that is not all black", got="0 everywhere", advice=advice)

    @property
    def is_soft(self) -> bool:
        """Whether it holds values between 0 and 1."""
        if self.picture and not self.edge:
            levels = _decode(self.picture)
            return bool(((levels > 0) & (levels < WHITE)).any())
        return self.edge > 0

    @property
    def levels(self) -> ByteArray:
        """The grey levels (side, side) of its picture."""
        return _decode(self.picture)

    def render(self, side: int) -> FloatArray:
        """The mask m of an image of `side` x `side` pixels, (side, side) float32 in [0, 1]; hard edges are by centres.

        Raises BadInputError if its picture has another size, or it holds no pixel of the image.
        """
        values = _render(self, side)
        if not values.any():
            advice = "Make it larger, or its soft edge narrower."
            raise refusal("mask", allowed=f"at least one of {side} x {side} pixels", got=self.describe(), advice=advice)
        return values

    def count_inside(self, side: int) -> int:
        """How many pixels of an image it lets change. Raises as `render`."""
        return int((self.render(side) > 0).sum())

    def rms_inside(self, delta: FloatArray) -> float:
        """The root-mean-square of a perturbation (3, side, side) over the pixels where m > 0, in grey levels of 255."""
        inside = delta[:, self.render(delta.shape[-1]) > 0].astype(np.float64)
        return float(WHITE * np.sqrt(np.square(inside).mean()))

    @property
    def text(self) -> str:
        """What `parse_mask` makes it of again, beside its edge."""
        return f"{self.shape}:{self.picture or ','.join(f'{one!r}' for one in self.box)}"

    def describe(self) -> str:
        """A few words for captions: "inside the ellipse 0.25,0.25,0.75,0.75"."""
        soft = f", soft edge {self.edge:g}" if self.edge else ""
        if self.picture:
            return f"inside a painted mask ({_decode(self.picture).mean() / WHITE:.0%} of the image{soft})"
        return f"inside the {self.shape} {','.join(f'{one:g}' for one in self.box)}{soft}"


def parse_mask(text: str, *, edge: float = 0.0) -> Mask:
    """Read a mask as people write it: "box:LEFT,TOP,RIGHT,BOTTOM", "ellipse:...", the path of a grey picture, or what
    `Mask.text` gives.

    `text`: numbers are parts of the image from its left upper corner. `edge`: as in `Mask`.

    Raises BadInputError if it is neither, or the file is no grey picture.

    Examples
    --------
    >>> parse_mask("ellipse:0.25,0.25,0.75,0.5").describe()
    'inside the ellipse 0.25,0.25,0.75,0.5'
    """
    name, _, numbers = text.partition(":")
    if name == MaskShape.PICTURE:
        return Mask(MaskShape.PICTURE, edge=edge, picture=numbers)
    if name not in (MaskShape.BOX, MaskShape.ELLIPSE):
        return read_mask(Path(text), edge=edge)
    try:
        left, top, right, bottom = (to_number(one) for one in numbers.split(","))
    except ValueError as error:
        allowed = f"{name}:LEFT,TOP,RIGHT,BOTTOM in parts of the image"
        raise refusal("mask", allowed=allowed, got=text) from error
    return Mask(MaskShape(name), (left, top, right, bottom), edge)


def resolve_mask(text: str | None, edge: float | None, sides: Iterable[int]) -> Mask | None:
    """The mask of a command or a plan, shown to fit images of these sides; None where none is named.

    Raises BadInputError as `parse_mask` and `Mask.render`, and for an edge without a mask.
    """
    if not text:
        if edge:
            raise refusal("mask-edge", allowed="used with a mask", got=edge, advice="Name the mask it softens.")
        return None
    mask = parse_mask(text, edge=edge or 0.0)
    for side in sides:
        mask.render(side)
    return mask


def pack_mask(mask: Mask | None) -> dict[str, str | float]:
    """The options `mask` and `mask_edge` that `resolve_mask` makes a mask of; none for everywhere."""
    return {} if mask is None else {"mask": mask.text, "mask_edge": mask.edge}


def read_mask(path: Path, *, edge: float = 0.0) -> Mask:
    """A mask from a grey picture file, white where the image may change.

    Raises BadInputError if there is no such file, or it is no square picture of 8-bit greys.
    """
    from PIL import Image

    file = path.expanduser()
    if not file.is_file():
        allowed = "box:LEFT,TOP,RIGHT,BOTTOM, ellipse:LEFT,TOP,RIGHT,BOTTOM, or the file of a grey picture"
        raise refusal("mask", allowed=allowed, got=str(path), advice="There is no such file.")
    with reading(file, "grey picture", advice="Export the mask again as a grey PNG."), Image.open(file) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            raise refusal("mask", allowed=f"at most {MOST_PIXELS} pixels", got=f"{opened.width} x {opened.height}")
        colours = np.asarray(opened.convert("RGBA" if opened.has_transparency_data else "RGB"))
        is_8bit = opened.mode in ("1", "L", "P", "RGB", "LA", "PA", "RGBA")
    greys = colours[..., 0]
    if not is_8bit or (colours != np.where(np.arange(colours.shape[-1]) < 3, greys[..., np.newaxis], WHITE)).any():
        advice = "Save it without colours and transparency: white where the image may change, black elsewhere."
        raise refusal("mask", allowed="a picture of 8-bit greys", got=file.name, advice=advice)
    if greys.shape[0] != greys.shape[1]:
        raise refusal(
            "mask", allowed="square, as the network's input", got=f"{greys.shape[1]} x {greys.shape[0]} pixels"
        )
    return paint_mask(greys, edge=edge)


def paint_mask(levels: ByteArray, *, edge: float = 0.0) -> Mask:
    """A mask from grey levels (side, side) uint8, 255 where the image may change."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(levels)).save(buffer, "PNG", optimize=True)
    return Mask(MaskShape.PICTURE, edge=edge, picture=base64.b64encode(buffer.getvalue()).decode())


@lru_cache(maxsize=8)
def _decode(picture: str) -> ByteArray:
    """The grey levels (height, width) of a PNG in base64. Raises BadInputError if it is none."""
    from PIL import Image

    broken = refusal("mask", allowed="a square grey PNG in base64", got=picture, advice="Choose the mask again.")
    try:
        with Image.open(io.BytesIO(base64.b64decode(picture, validate=True)), formats=["PNG"]) as opened:
            if opened.mode != "L" or opened.width != opened.height or opened.width**2 > MOST_PIXELS:
                raise broken
            levels = np.asarray(opened)
    except (binascii.Error, OSError, SyntaxError, ValueError) as error:
        raise broken from error
    levels.setflags(write=False)
    return levels


@lru_cache(maxsize=8)
def _render(mask: Mask, side: int) -> FloatArray:
    if mask.picture:
        levels = _decode(mask.picture)
        if len(levels) != side:
            advice = "Make the mask for the size that the network takes."
            raise refusal(
                "mask", allowed=f"{side} x {side} pixels", got=f"{len(levels)} x {len(levels)}", advice=advice
            )
        values = levels.astype(np.float32) / np.float32(WHITE)
    else:
        values = _draw_shape(mask, side).astype(np.float32)
    if mask.edge:
        from scipy.ndimage import distance_transform_edt  # takes a while to import

        depth = distance_transform_edt(np.pad(values > 0, 1, constant_values=True))[1:-1, 1:-1] - 0.5
        rise = np.clip(depth / (mask.edge * side), 0, 1)
        values = values * ((1 - np.cos(np.pi * rise)) / 2).astype(np.float32)
    values.setflags(write=False)
    return values


def _draw_shape(mask: Mask, side: int) -> BoolArray:
    """Which pixels have their centres inside the shape."""
    left, top, right, bottom = mask.box
    x = (np.arange(side) + 0.5) / side
    if mask.shape is MaskShape.BOX:
        return np.outer((x > top) & (x < bottom), (x > left) & (x < right))
    across = (2 * x - left - right) / (right - left)
    down = (2 * x - top - bottom) / (bottom - top)
    return np.asarray(down[:, np.newaxis] ** 2 + across**2 < 1)
