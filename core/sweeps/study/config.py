"""The configuration of a test of the method: simulated voxels of known axes, candidates, noise.

A teacher's features at one layer, averaged over the image and reduced, hold the true axis of every simulated voxel.
Noise is added to its signals and every candidate, another layer of the same or another network, is fitted to them. A
probe made on a candidate is then shown to the teacher: does it move the true voxel?

T(A -> true) = shift_true(delta_A) / shift_true(delta_true), at the same image, voxel and epsilon.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, NamedTuple

from core.attacks.config import LARGEST_EPSILON, AttackConfig, StepRule, describe_steps, format_epsilon
from core.checks import check_count, check_epsilon, check_positive, refusal
from core.networks.catalog import are_related, find_network
from core.types import NormName


class LayerName(NamedTuple):
    """A layer of a network."""

    network: str
    layer: str

    @property
    def label(self) -> str:
        """How tables and figures name it."""
        return f"{self.network} {self.layer}"

    @property
    def is_robust(self) -> bool:
        """Whether its network was trained against perturbations."""
        return find_network(self.network).robust


class Relation(StrEnum):
    """How a candidate is related to the teacher."""

    OWN = "own network"
    RELATIVE = "related network"
    SISTER = "same architecture"
    OTHER = "other architecture"


class CandidateSet(StrEnum):
    """Which candidates an experimenter has to choose from; each study is evaluated under all three."""

    ALL = "all"
    HELD_OUT = "teacher's network and its relatives held out"
    OTHERS = "other architectures only"

    @property
    def relations(self) -> tuple[Relation, ...]:
        """The candidates in it."""
        own = (Relation.OWN, Relation.RELATIVE) if self is CandidateSet.ALL else ()
        sister = () if self is CandidateSet.OTHERS else (Relation.SISTER,)
        return (*own, *sister, Relation.OTHER)


MIDDLE = {"mobilenet_v2": "features.13", "efficientnet_lite0": "blocks.4", "alexnet": "features.7"}
LAST = {"mobilenet_v2": "features.18", "efficientnet_lite0": "bn2", "alexnet": "features.11"}
TEACHERS, CANDIDATES = (
    tuple(LayerName(network + kind, layer) for network, layer in layers.items() for kind in ("", "_robust"))
    for layers in (MIDDLE, LAST)
)
"""No teacher's layer is among them."""


@dataclass(frozen=True, slots=True)
class StudyConfig:
    """One study; by default the middle layers of six networks are the teachers, their last layers the candidates.

    Parameters
    ----------
    teachers : What holds the truth, one simulated subject each.
    candidates : The same for every teacher; none is a teacher's own layer.
    noise : SD of the noise of a single measurement, in SDs of the signal.
    n_voxels : Simulated voxels of each teacher.
    n_train : Images fitted on.
    n_test : Images held out.
    n_images : Held-out images probed.
    n_components : Principal components, at most, that the readouts and the true axes live in.
    epsilon : Budget of the probes, in [0, 1] pixel units.
    n_steps : Steps of each attack; 0 are as many as it takes.
    n_bootstrap : Resamples behind intervals.
    step_rule : Fixed in folders of version 0.3.
    norm : The norm that bounds the probes.

    Raises BadInputError if a value is out of its range or the candidates cannot be compared.
    """

    teachers: tuple[LayerName, ...] = TEACHERS
    candidates: tuple[LayerName, ...] = CANDIDATES
    noise: tuple[float, ...] = (1.0,)
    n_voxels: int = 3
    n_train: int = 400
    n_test: int = 150
    n_images: int = 3
    n_components: int = 40
    epsilon: float = 1.0
    n_steps: int = 0
    n_bootstrap: int = 2000
    confidence: float = 0.95
    seed: int = 0
    step_rule: StepRule = StepRule.FALLING
    norm: NormName = NormName.L2

    IN_OLD_FILES: ClassVar[Mapping[str, object]] = AttackConfig.IN_OLD_FILES

    def __post_init__(self) -> None:
        object.__setattr__(self, "norm", NormName(self.norm))
        object.__setattr__(self, "teachers", tuple(LayerName(*name) for name in self.teachers))
        object.__setattr__(self, "candidates", tuple(LayerName(*name) for name in self.candidates))
        object.__setattr__(self, "noise", tuple(float(level) for level in self.noise))
        for name in ("n_voxels", "n_train", "n_images", "n_components", "n_bootstrap"):
            check_count(name, getattr(self, name), least=2)
        check_count("n_steps", self.n_steps, least=0)
        check_count("n_test", self.n_test, least=max(4, self.n_images), advice="Probed images are held-out ones.")
        check_count("seed", self.seed, least=0)
        check_epsilon("epsilon", self.epsilon, largest=LARGEST_EPSILON[self.norm])
        check_positive("epsilon", self.epsilon)
        for level in self.noise:
            check_positive("noise", level)
        self._check_layers()
        if self.n_components >= self.n_train:
            raise refusal("n_components", allowed=f"below the {self.n_train} training images", got=self.n_components)

    def _check_layers(self) -> None:
        for name in ("teachers", "candidates", "noise"):
            values = [str(value) for value in getattr(self, name)]
            if not values or len(set(values)) < len(values):
                raise refusal(name, allowed="at least one, each named once", got=values)
        shared = [name.label for name in self.candidates if name in self.teachers]
        if shared:
            advice = "A candidate of the teacher's own layer would be the truth itself. Leave it out."
            raise refusal("candidates", allowed="no teacher's layer", got=shared, advice=advice)
        for teacher in self.teachers:
            if sum(candidate.network != teacher.network for candidate in self.candidates) < 2:
                allowed = f"at least two of networks other than the teacher {teacher.network}"
                raise refusal("candidates", allowed=allowed, got=[name.label for name in self.candidates])
        sides = {find_network(name.network).input_size for name in self.layers}
        if len(sides) > 1:
            advice = "A perturbation fits one size only."
            raise refusal("candidates", allowed="networks of one input size", got=sorted(sides), advice=advice)

    @property
    def layers(self) -> tuple[LayerName, ...]:
        """Every layer whose features are needed."""
        return tuple(dict.fromkeys((*self.teachers, *self.candidates)))

    @property
    def side(self) -> int:
        """Input size of all networks, pixels."""
        return find_network(self.teachers[0].network).input_size

    @property
    def attack(self) -> AttackConfig:
        """The attack that makes every probe."""
        return AttackConfig(self.norm, self.epsilon, n_steps=self.n_steps, seed=self.seed, step_rule=self.step_rule)

    def candidates_for(self, teacher: LayerName, candidate_set: CandidateSet) -> tuple[int, ...]:
        """Numbers of the candidates an experimenter may choose from."""
        kept = candidate_set.relations
        return tuple(
            number for number, candidate in enumerate(self.candidates) if find_relation(teacher, candidate) in kept
        )

    def describe(self) -> str:
        """One line for captions."""
        noise = ", ".join(f"{level:g}" for level in self.noise)
        steps = describe_steps(self.n_steps) if self.step_rule is StepRule.FALLING else f"{self.n_steps} steps"
        return (
            f"{len(self.teachers)} teachers x {len(self.noise)} noise levels ({noise} signal SD) x "
            f"{len(self.candidates)} candidates, {self.n_voxels} voxels x {self.n_images} images, "
            f"{self.norm.capitalize()} epsilon {format_epsilon(self.epsilon, self.norm)}, {steps}, seed {self.seed}"
        )


def make_quick(seed: int = 0) -> StudyConfig:
    """A study of a minute or two, to see that all works; its intervals are wide."""
    return StudyConfig(
        teachers=TEACHERS[:2],
        candidates=(*CANDIDATES[:3], CANDIDATES[4]),
        noise=(0.5, 2.0),
        n_voxels=3,
        n_train=120,
        n_test=60,
        n_images=2,
        n_components=20,
        n_steps=6,
        n_bootstrap=500,
        seed=seed,
    )


def find_relation(teacher: LayerName, candidate: LayerName) -> Relation:
    """How the candidate is related to the teacher."""
    if teacher.network == candidate.network:
        return Relation.OWN
    if are_related(teacher.network, candidate.network):
        return Relation.RELATIVE
    first, second = find_network(teacher.network), find_network(candidate.network)
    same = (first.family, first.architecture) == (second.family, second.architecture) and bool(first.architecture)
    return Relation.SISTER if same else Relation.OTHER


def parse_layers(words: Sequence[str], *, teachers: Sequence[LayerName] = ()) -> tuple[LayerName, ...]:
    """Layers named "NET:LAYER", or "NET": of a teacher its last layer but one, of candidates all that hold no truth.

    Raises BadInputError if there is no such network or layer.
    """
    found: dict[LayerName, None] = {}
    for word in words:
        network, colon, layer = word.partition(":")
        spec = find_network(network)
        if colon and layer not in spec.layers:
            raise refusal("layer", allowed=f"one of {', '.join(spec.layers)}", got=layer)
        names = (layer,) if colon else spec.layers if teachers else spec.layers[-2:-1] or spec.layers
        found |= {LayerName(network, one): None for one in names if LayerName(network, one) not in teachers}
    return tuple(found)
