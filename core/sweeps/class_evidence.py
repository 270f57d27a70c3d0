"""What the network itself says it sees before and after, where there is a classifier. Never attacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import WeightsError
from core.networks.spec import NetworkSpec
from core.types import FloatArray

BATCH = 8


@dataclass(frozen=True, slots=True)
class Evidence:
    """One image: its likeliest class and that class's probability, before and after."""

    clean_class: str
    clean_probability: float
    perturbed_class: str
    perturbed_probability: float
    clean_class_after: float
    """Probability of the clean image's class after the perturbation."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one network's classifier says of every image; without rows `reason` tells why it says nothing.

    `head` is "own", or the network whose classifier read a robustified network's features.
    """

    rows: tuple[Evidence, ...] = ()
    head: str = ""
    reason: str = ""


def read_evidence(spec: NetworkSpec, clean: FloatArray, perturbed: FloatArray) -> Reading:
    """Class evidence of images (n, 3, height, width), before and after."""
    import torch

    from core.networks.classifier import open_classifier
    from core.probes.respond import exact_arithmetic

    try:
        network = open_classifier(spec)
    except WeightsError as error:
        return Reading(reason=str(error))

    def classify(pixels: FloatArray) -> FloatArray:
        parts = []
        with exact_arithmetic():
            for start in range(0, len(pixels), BATCH):
                values = torch.tensor(pixels[start : start + BATCH], dtype=torch.float32)
                parts.append(network.classify(values).numpy())
        return np.concatenate(parts)

    return Reading(compare_evidence(classify(clean), classify(perturbed), name_classes()), network.head)


def compare_evidence(before: FloatArray, after: FloatArray, names: Sequence[str]) -> tuple[Evidence, ...]:
    """Wrap class probabilities (n, n_classes) before and after; classes without a name are numbered."""
    rows = []
    for first, second in zip(before, after, strict=True):
        old, new = int(first.argmax()), int(second.argmax())
        label = [names[index] if first.size == len(names) else f"class {index}" for index in (old, new)]
        rows.append(Evidence(label[0], float(first[old]), label[1], float(second[new]), float(second[old])))
    return tuple(rows)


def name_classes() -> tuple[str, ...]:
    """The names of ImageNet's 1,000 classes, in order."""
    from torchvision.models import MobileNet_V2_Weights

    return tuple(MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"])
