"""Makes the embedded cortex, photographs and subjects from folders of sources. Never downloads anything.

python packaging/make_demo_data.py surfaces --gifti FOLDER --atlases FILE
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SURFACES = ROOT / "resources" / "surfaces"
DEMO = ROOT / "resources" / "demo"

CURATED = (
    "astronaut_eileen",
    "face_070",
    "body_r13c21",
    "china_temple",
    "pyramid_012",
    "pizza_001",
    "coffee_cup",
    "cat_chelsea",
    "panda_013",
    "flower_dahlia",
    "rocket_launch",
    "stop_sign_011",
)
"""The dozen to start from."""


def make_surfaces(options: argparse.Namespace) -> None:
    """The fsaverage5 surfaces, the visual atlas and the colour maps."""
    from demo_surfaces import build_atlas, build_colormaps, build_surfaces

    SURFACES.mkdir(parents=True, exist_ok=True)
    build_colormaps(SURFACES / "colormaps.npz")
    build_surfaces(options.gifti, SURFACES / "fsaverage5.npz")
    sizes = build_atlas(options.atlases, SURFACES / "fsaverage5.npz", out=SURFACES / "visual_atlas_fsaverage5.npz")
    for name, (left, right) in sizes.items():
        print(f"{name:5} {left:5} {right:5}")


def make_photos(options: argparse.Namespace) -> None:
    """The photographs and their catalogue."""
    from demo_photos import build_photos

    sources = {"archive": options.caltech, "mosaic": options.things}
    counts = build_photos(**sources, fonts=options.fonts, out=DEMO / "photos" / "photos", curated=CURATED)
    print(counts, "together", sum(counts.values()))


def make_kay(options: argparse.Namespace) -> None:
    """The measured subject and its images."""
    from demo_kay import build_kay

    ceiling = build_kay(options.source, photos=DEMO / "photos" / "kay2017", subjects=DEMO / "subjects")
    print("noise ceilings", ceiling.round(3).tolist())


def make_features(options: argparse.Namespace) -> None:
    """The teacher's features of the photographs, which are not shipped."""
    import torch
    from demo_teacher import extract
    from teacher import load_teacher

    from core.datasets.photos import list_images

    torch.set_num_threads(options.threads)
    photos = sorted(info.id for info in list_images() if info.set == "photos")
    extract(load_teacher(options.teacher), photos, out=options.out)


def make_simulated(options: argparse.Namespace) -> None:
    """The simulated subject."""
    from demo_simulated import build_simulated

    voxels = build_simulated(options.features, subjects=DEMO / "subjects")
    for roi in voxels.roi_names:
        members = voxels.voxels_in(roi)
        ceiling = voxels.noise_ceiling[members]
        n_left = int((voxels.hemisphere[members] == 0).sum())
        print(f"{roi:5} {n_left:4} left {len(members) - n_left:4} right, noise ceiling median {np.median(ceiling):.2f}")
    print(
        voxels.n_voxels,
        "voxels, noise ceiling",
        np.percentile(voxels.noise_ceiling, (0, 5, 25, 50, 75, 95, 100)).round(2),
    )


def build_parser() -> argparse.ArgumentParser:
    """One sub-command for each data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    surfaces = commands.add_parser("surfaces", help="fsaverage5 and the visual atlas")
    surfaces.add_argument("--gifti", type=Path, required=True, help="folder of nilearn's fsaverage5 GIFTI files")
    surfaces.add_argument("--atlases", type=Path, required=True, help="array file of published atlases on fsaverage5")
    surfaces.set_defaults(make=make_surfaces)
    photos = commands.add_parser("photos", help="the photographs")
    photos.add_argument(
        "--caltech", type=Path, required=True, help="zip of Caltech-101 photographs, CATEGORY/image_NNNN.jpg"
    )
    photos.add_argument("--things", type=Path, required=True, help="the THINGSplus mosaic, 36 x 20 tiles of 90 pixels")
    photos.add_argument("--fonts", type=Path, required=True, help="folder of the DejaVu fonts")
    photos.set_defaults(make=make_photos)
    kay = commands.add_parser("kay", help="the measured subject")
    kay.add_argument("--source", type=Path, required=True, help="folder of kay_yeatman2017_exp2.npz and stimuli/")
    kay.set_defaults(make=make_kay)
    features = commands.add_parser("features", help="the teacher's features, needed for the simulated subject")
    features.add_argument("--teacher", type=Path, required=True, help="safetensors file of the teacher (teacher.py)")
    features.add_argument("--threads", type=int, default=1)
    features.add_argument("--out", type=Path, required=True, help="the .npz to write, about 150 MB")
    features.set_defaults(make=make_features)
    simulated = commands.add_parser("simulated", help="the simulated subject")
    simulated.add_argument("--features", type=Path, required=True, help="the .npz written by `features`")
    simulated.set_defaults(make=make_simulated)
    return parser


def main() -> None:
    """Run one sub-command."""
    options = build_parser().parse_args()
    options.make(options)


if __name__ == "__main__":
    main()
