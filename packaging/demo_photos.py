"""Makes the shipped photographs: picks, crops and re-encodes them and writes their catalogue. Never downloads anything.

Sources: an archive of Caltech-101 photographs (CC BY 4.0), the THINGSplus mosaic (CC0), sample pictures of the
installed scikit-image and scikit-learn packages, and words written here. See resources/demo/photos/LICENCES.md.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from demo_tiles import TILE_SIDE, iter_tiles
from demo_words import iter_words
from PIL import Image

from core.images.transform import crop_resize

SIZE = 224
QUALITY = 88
TEST_SHARE = 0.2
SPLIT_SEED = 20
FLAT_LOW, FLAT_HIGH = 5, 250
"""Grey levels at or beyond these count as a painted background: drawings, cut-outs and corners of turned pictures."""

CALTECH = "CC BY 4.0"
PICKS: dict[str, tuple[int, str]] = {
    "face": (60, "Faces"),
    "place": (24, "pyramid joshua_tree ferry"),
    "place ": (10, "pagoda minaret"),
    "food": (24, "pizza strawberry"),
    "word": (24, "stop_sign dollar_bill"),
    "animal": (
        8,
        "Leopards ant bass beaver butterfly cougar_body cougar_face crab crayfish crocodile crocodile_head dalmatian "
        "dolphin dragonfly elephant emu flamingo flamingo_head gerenuk hawksbill hedgehog ibis kangaroo llama "
        "lobster mayfly nautilus octopus okapi panda pigeon platypus rhino rooster scorpion sea_horse starfish tick "
        "wild_cat",
    ),
    "object": (
        6,
        "Motorbikes accordion airplanes anchor barrel binocular bonsai camera cannon car_side ceiling_fan cellphone "
        "chair chandelier cup electric_guitar euphonium ewer gramophone grand_piano headphone helicopter "
        "inline_skate ketch lamp laptop lotus mandolin menorah metronome revolver saxophone schooner scissors "
        "soccer_ball stapler sunflower umbrella watch water_lilly wheelchair windsor_chair wrench",
    ),
}
"""Group: how many of each category, and the categories of Caltech-101. Cartoon characters are left out."""

SAMPLES = {
    "astronaut_eileen": ("astronaut", "face", "skimage", "astronaut.png", "Public domain (NASA)"),
    "cat_chelsea": ("cat", "animal", "skimage", "chelsea.png", "CC0"),
    "coffee_cup": ("coffee", "food", "skimage", "coffee.png", "CC0"),
    "rocket_launch": ("rocket", "object", "skimage", "rocket.jpg", "Public domain (SpaceX)"),
    "china_temple": ("temple", "place", "sklearn", "china.jpg", "CC BY 2.0"),
    "flower_dahlia": ("flower", "object", "sklearn", "flower.jpg", "CC BY 2.0"),
}
"""Id: category, group, package, file, licence."""


@dataclass(frozen=True, slots=True)
class Picked:
    """One picture before it is encoded."""

    id: str
    category: str
    group: str
    original: str
    licence: str
    picture: Image.Image


def build_photos(archive: Path, mosaic: Path, *, fonts: Path, out: Path, curated: tuple[str, ...]) -> dict[str, int]:
    """Write photos and catalogue into a folder; returns the number of images of each group."""
    out.mkdir(parents=True, exist_ok=True)
    rows, counts = [], dict[str, int]()
    for picked in (*iter_samples(), *iter_caltech(archive, wanted=curated), *iter_mosaic(mosaic), *_written(fonts)):
        crop_resize(picked.picture.convert("RGB"), SIZE).save(out / f"{picked.id}.webp", quality=QUALITY, method=6)
        row = {name: getattr(picked, name) for name in ("id", "category", "group", "original", "licence")}
        rows.append(row | {"file": f"{picked.id}.webp", "curated": picked.id in curated})
        counts[picked.group] = counts.get(picked.group, 0) + 1
    missing = set(curated) - {str(row["id"]) for row in rows}
    assert not missing, missing
    split_rows(rows)
    text = json.dumps({"images": sorted(rows, key=lambda row: str(row["id"]))}, indent=0)
    (out / "photos.json").write_text(text + "\n", encoding="utf-8")
    return counts


def split_rows(rows: list[dict[str, object]]) -> None:
    """Give every row a `split`: a fifth of each category is held out, and every curated image."""
    draw = np.random.default_rng(SPLIT_SEED)
    by_category: dict[str, list[dict[str, object]]] = {}
    for row in rows:
        by_category.setdefault(f"{row['group']} {row['category']}", []).append(row)
    for members in by_category.values():
        n_test = int(np.floor(TEST_SHARE * len(members) + draw.random()))
        held = set(draw.permutation(len(members))[:n_test].tolist())
        for index, row in enumerate(members):
            row["split"] = "test" if index in held or row["curated"] else "train"


def iter_samples() -> Iterator[Picked]:
    """The sample pictures of installed packages."""
    import skimage
    import sklearn

    roots = {
        "skimage": Path(skimage.__file__).parent / "data",
        "sklearn": Path(sklearn.__file__).parent / "datasets/images",
    }
    for identity, (category, group, package, file, licence) in SAMPLES.items():
        picture = Image.open(roots[package] / file)
        yield Picked(identity, category, group, f"{package}/{file}", licence, picture)


def iter_caltech(archive: Path, *, wanted: tuple[str, ...]) -> Iterator[Picked]:
    """The chosen number of each chosen category: the wanted ids, then those with the least painted background."""
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
        for group, (number, categories) in PICKS.items():
            for category in categories.split():
                pictures = {name: _open(opened, name) for name in names if name.startswith(f"{category}/")}
                rank = {name: (_name(name) not in wanted, flat_share(pictures[name])) for name in pictures}
                for name in sorted(sorted(rank, key=rank.__getitem__)[:number]):
                    stem = _name(name).rsplit("_", 1)[0]
                    yield Picked(_name(name), stem, group.strip(), f"caltech101/{name}", CALTECH, pictures[name])


def iter_mosaic(mosaic: Path) -> Iterator[Picked]:
    """The tiles of the mosaic that were kept."""
    with Image.open(mosaic) as opened:
        whole = opened.convert("RGB")
    for row, column, group in iter_tiles():
        left, top = column * TILE_SIDE, row * TILE_SIDE
        tile = whole.crop((left, top, left + TILE_SIDE, top + TILE_SIDE))
        original = f"things720/row {row}, column {column} (90 px, enlarged)"
        yield Picked(f"{group}_r{row:02d}c{column:02d}", f"things {group}", group, original, "CC0", tile)


def flat_share(picture: Image.Image) -> float:
    """The part of the central square that is pure white or pure black."""
    levels = np.asarray(crop_resize(picture, SIZE // 2))
    return float(((levels >= FLAT_HIGH).all(axis=2) | (levels <= FLAT_LOW).all(axis=2)).mean())


def _written(fonts: Path) -> Iterator[Picked]:
    for identity, word, picture in iter_words(fonts, side=SIZE):
        yield Picked(identity, "written word", "word", f"written here: {word}", "CC0", picture)


def _name(member: str) -> str:
    """The id of an archive member: "Faces/image_0070.jpg" is "face_070"."""
    category, file = member.split("/")
    stem = "face" if category == "Faces" else category.lower()
    return f"{stem}_{int(file.split('_')[1].split('.')[0]):03d}"


def _open(opened: zipfile.ZipFile, name: str) -> Image.Image:
    return Image.open(io.BytesIO(opened.read(name))).convert("RGB")
