"""The program's numbers beside the same numbers computed from scratch.

    python -m tests.science                                  the shipped default, some minutes
    python -m tests.science --subject mine --encoders resnet50:layer4 vgg16 --targets FFA voxel:817 --images a.png b.png

"Told" is what the program says. "Right" is computed here from the weights and encoder files, the pictures and the
responses alone, with torchvision or timm, numpy and scipy: networks with plain hooks (float64 for probes), pooling by
torch's adaptive average, principal components by numpy's SVD, ridge by its normal equations, every formula of
docs/formulas.md written out again. Only the reading of pictures and recordings is the program's own. The reference
attack takes 150 gradients from the clean image, with steps that fall as half a cosine from 0.5 to 0.005 epsilon.

Exits with 1 where a row is further off than its tolerance. What cannot be computed here is named, never passed over.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from core.errors import ProbeError
from core.networks.catalog import find_network
from core.sweeps.config import EncoderName, TargetName
from core.types import NormName
from tests.science.analyses import check_analyses
from tests.science.recomputed import Recomputed
from tests.science.report import Report
from tests.science.single import check_fit, check_probe


def parse_target(text: str) -> TargetName:
    """ "FFA" or "voxel:817"."""
    kind, _, number = text.rpartition(":")
    return TargetName(int(number), "") if kind == "voxel" else TargetName(-1, text)


def parse_encoders(subject: str, texts: Sequence[str]) -> Iterator[EncoderName]:
    """ "NET" or "NET:LAYER"."""
    for text in texts:
        network, _, layer = text.partition(":")
        yield EncoderName(subject, network, layer or find_network(network).default_layer)


def main() -> int:
    """Parse, check, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subject", default="simulated", help="id of `main.py list subjects` (default: simulated)")
    parser.add_argument(
        "--encoders", nargs="+", default=["mobilenet_v2", "alexnet"], help="NET or NET:LAYER, two at least"
    )
    parser.add_argument("--targets", nargs="+", default=["FFA", "voxel:817"], help="ROI or voxel:NUMBER")
    parser.add_argument(
        "--images", nargs="+", default=["astronaut_eileen", "cat_chelsea"], help="ids or files, two at least"
    )
    parser.add_argument("--l2", type=float, default=3.0, help="budget of the L2 probe (default: 3)")
    parser.add_argument("--linf", type=float, default=4.0, help="budget of the Linf probe, in 1/255 (default: 4)")
    args = parser.parse_args()
    report = Report()
    try:
        targets = [parse_target(text) for text in args.targets]
        encoders = [Recomputed(name) for name in parse_encoders(args.subject, args.encoders)]
        for encoder in encoders[:1]:
            check_fit(report, encoder)
        for norm, epsilon in ((NormName.L2, args.l2), (NormName.LINF, args.linf / 255)):
            check_probe(report, encoders[0], args.images[0], targets[0], norm, epsilon)
        check_analyses(report, encoders, args.images, targets)
    except (ProbeError, ValueError) as error:
        print(f"{error}", file=sys.stderr)
        return 2
    print(f"\n{report.n_rows} rows, {len(report.off)} off{': ' if report.off else ''}{'; '.join(report.off)}")
    return 1 if report.off else 0


if __name__ == "__main__":
    sys.exit(main())
