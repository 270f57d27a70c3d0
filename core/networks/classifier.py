"""Opens a network whole, with the classifier it ends in, to ask what it sees. Never attacked, never cut, never folded.

A robustified network has no classifier of its own: it was tuned towards the features of another one, whose classifier
then reads them; which one stands in the recipe beside its weights.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from core.errors import WeightsError
from core.networks.build import build_architecture, random_pixels
from core.networks.catalog import find_network
from core.networks.files.checkpoint import COUNTER, State, apply_state
from core.networks.files.program import OUTPUT
from core.networks.files.tables import read_for
from core.networks.open_body import check_weights, fill_fixed, open_program
from core.networks.spec import NetworkSpec

TOWERS = ("clip", "siglip", "dino", "eva02", "mae")
"""In names of networks that end in an embedding: there are no classes without a text tower."""


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """A network from pixels in [0, 1] to class scores.

    `head` says whose classifier it is: "own", or the id of the network it was taken from.
    """

    module: nn.Module
    spec: NetworkSpec
    head: str

    def classify(self, pixels: torch.Tensor) -> torch.Tensor:
        """Class probabilities (n, n_classes) of pixels (n, 3, height, width)."""
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (self.spec.mean, self.spec.std))
        with torch.no_grad():
            return torch.softmax(self.module((pixels - mean) / std), dim=1)


def open_classifier(spec: NetworkSpec) -> Classifier:
    """The whole network on the CPU.

    Raises WeightsError if it has no classifier (the message says why), or its file cannot be read.
    """
    if any(word in f"{spec.architecture} {spec.id}".lower() for word in TOWERS):
        raise WeightsError("it ends in an embedding; classes would need a text tower, which is not part of it")
    path, _ = check_weights(spec, None)
    if spec.is_program:
        found = Classifier(open_program(spec, OUTPUT, path=path, example=random_pixels(spec)), spec, "own")
    else:
        found = _open_definition(spec, path)
    with torch.no_grad():
        scores = found.module(random_pixels(spec, 2))
    if not isinstance(scores, torch.Tensor) or scores.ndim != 2 or scores.shape[1] < 2:
        raise WeightsError("its output is no list of class scores")
    return found


def _open_definition(spec: NetworkSpec, path: Path) -> Classifier:
    whole, head = build_architecture(spec), "own"
    if not spec.weights:
        return Classifier(whole, spec, head)
    known = whole.state_dict()
    state = read_for(path, whole, spec.table)
    missing = {name for name in known if COUNTER not in name} - set(state)
    if missing:
        base = find_base(spec)
        held: State = {} if base is None else read_for(base.weights_path, build_architecture(base), base.table)
        if base is None or missing - set(held):
            raise WeightsError(f"{path.name} holds no classifier")
        state, head = state | {name: held[name] for name in missing}, base.id
    apply_state(whole, state, known=known, path=path)
    fill_fixed(whole, spec)
    return Classifier(whole.eval(), spec, head)


def find_base(spec: NetworkSpec) -> NetworkSpec | None:
    """The network a robustified one was tuned towards, by the recipe beside its weights; None where there is none."""
    recipe = spec.weights_path.with_suffix(".json")
    try:
        content = json.loads(recipe.read_text(encoding="utf-8"))
        base = find_network(str(content["recipe"]["network"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    same = (base.family, base.architecture) == (spec.family, spec.architecture)
    return base if same and base.installed else None
