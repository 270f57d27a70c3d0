"""Makes the embedded cortex, photographs and subjects from folders of sources. Never downloads anything.

python packaging/make_demo_data.py surfaces --gifti FOLDER --atlases FILE
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SURFACES = ROOT / "resources" / "surfaces"
DEMO = ROOT / "resources" / "demo"


def make_surfaces(options: argparse.Namespace) -> None:
    """The fsaverage5 surfaces and the visual atlas."""
    from demo_surfaces import build_atlas, build_surfaces

    SURFACES.mkdir(parents=True, exist_ok=True)
    build_surfaces(options.gifti, SURFACES / "fsaverage5.npz")
    sizes = build_atlas(options.atlases, SURFACES / "fsaverage5.npz", out=SURFACES / "visual_atlas_fsaverage5.npz")
    for name, (left, right) in sizes.items():
        print(f"{name:5} {left:5} {right:5}")


def build_parser() -> argparse.ArgumentParser:
    """One sub-command for each data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    surfaces = commands.add_parser("surfaces", help="fsaverage5 and the visual atlas")
    surfaces.add_argument("--gifti", type=Path, required=True, help="folder of nilearn's fsaverage5 GIFTI files")
    surfaces.add_argument("--atlases", type=Path, required=True, help="array file of published atlases on fsaverage5")
    surfaces.set_defaults(make=make_surfaces)
    return parser


def main() -> None:
    """Run one sub-command."""
    options = build_parser().parse_args()
    options.make(options)


if __name__ == "__main__":
    main()
