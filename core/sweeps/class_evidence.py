"""What the network itself says it sees before and after, where its weights file holds its classifier. Never attacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.networks.catalog import NetworkSpec
from core.types import FloatArray

BATCH = 8
N_CLASSES = 1000


@dataclass(frozen=True, slots=True)
class Evidence:
    """One image: its likeliest class and that class's probability, before and after."""

    clean_class: str
    clean_probability: float
    perturbed_class: str
    perturbed_probability: float
    clean_class_after: float
    """Probability of the clean image's class after the perturbation."""


def read_evidence(spec: NetworkSpec, clean: FloatArray, perturbed: FloatArray) -> tuple[Evidence, ...] | None:
    """Class evidence of images (n, 3, height, width); None where the weights file holds no classifier.

    Raises
    ------
    WeightsError, StorageError
        If the file cannot be read.
    """
    import torch

    from core.networks.build import build_architecture
    from core.networks.checkpoint import read_state
    from core.probes.respond import exact_arithmetic

    body, state = build_architecture(spec), read_state(spec.weights_path)
    wanted = {name for name in body.state_dict() if not name.endswith("num_batches_tracked")}
    if wanted - set(state):
        return None
    body.load_state_dict({name: state[name] for name in body.state_dict() if name in state}, strict=False, assign=True)
    for name, buffer in list(body.named_buffers()):
        if buffer.is_meta:  # only the counters of BatchNorm, which nothing reads
            owner, _, leaf = name.rpartition(".")
            setattr(body.get_submodule(owner), leaf, torch.zeros(buffer.shape, dtype=buffer.dtype))
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (spec.mean, spec.std))

    def classify(pixels: FloatArray) -> FloatArray:
        parts = []
        with torch.no_grad(), exact_arithmetic():
            for start in range(0, len(pixels), BATCH):
                values = torch.tensor(pixels[start : start + BATCH], dtype=torch.float32)
                parts.append(torch.softmax(body((values - mean) / std), dim=1).numpy())
        return np.concatenate(parts)

    return compare_evidence(classify(clean), classify(perturbed), name_classes())


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
