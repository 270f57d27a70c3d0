"""Fits the embedded encoders by the program's own `fit` and holds them to their size. Never fits in another way.

python packaging/make_demo_encoders.py                                  every embedded network and subject
python packaging/make_demo_encoders.py --network mobilenet_v2_robust    one network, after its weights changed
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.commands.fit import format_fit, iter_fits, list_fitted, plan_fits, summarise  # noqa: E402
from core.datasets.subject import list_subjects, load_subject  # noqa: E402
from core.encoders.config import encoder_stem  # noqa: E402
from core.encoders.fit_request import FitOptions  # noqa: E402
from core.engine import Engine  # noqa: E402
from core.networks.catalog import list_networks  # noqa: E402

FOLDER = ROOT / "resources" / "demo" / "encoders"
LARGEST_FILE = 3_000_000
LARGEST_TOTAL = 33_000_000

OPTIONS = {
    "simulated": FitOptions(largest_pooled=1800, n_components=100, out=FOLDER),
    "kay2017": FitOptions(largest_pooled=1800, n_components=40, out=FOLDER),
}
"""How each subject is fitted: two voxels and some 90 images need fewer numbers than 2,500 voxels and 1,000 images."""


def main() -> None:
    """Fit, print the held-out scores, check the sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", help="id of the only network to fit")
    parser.add_argument("--subject", choices=sorted(OPTIONS), help="id of the only subject to fit")
    args = parser.parse_args()
    subjects = [info.id for info in list_subjects()] if args.subject is None else [args.subject]
    for subject in subjects:
        jobs = plan_fits(subject, args.network, layer=None, everything=True, options=OPTIONS[subject])
        for done in iter_fits(Engine(device="cpu"), jobs):
            for card, path in list_fitted(done):
                print(format_fit(summarise(card, path, load_subject(subject).voxels)), flush=True)
    remove_stale()
    check_sizes()


def remove_stale() -> None:
    """Delete encoders of subjects, networks or layers that are not embedded any more."""
    wanted = {
        encoder_stem(info.id, spec.id, layer)
        for info in list_subjects()
        for spec in list_networks()
        for layer in spec.layers
    }
    for path in FOLDER.iterdir():
        if path.suffix in {".json", ".safetensors"} and path.name.removesuffix(path.suffix) not in wanted:
            print(f"removed {path.name}")
            path.unlink()


def check_sizes() -> None:
    """Exit with an error if a file, or all together, are too large to embed."""
    sizes = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    total = sum(sizes.values())
    print(f"{len(sizes)} files, {total / 1e6:.1f} MB, the largest {max(sizes.values()) / 1e6:.2f} MB")
    if max(sizes.values()) > LARGEST_FILE or total > LARGEST_TOTAL:
        sys.exit("Too large to embed: keep fewer pooled features or components.")


if __name__ == "__main__":
    main()
