"""The configuration of a probe and its result, as frozen records of numpy arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from core.attacks.config import LARGEST_EPSILON, AttackConfig, format_epsilon
from core.attacks.objective_config import ObjectiveConfig, ObjectiveKind
from core.checks import check_epsilon, check_fraction, check_rules, refusal
from core.networks.catalog import find_network
from core.probes.against import Against, SecondResponses
from core.probes.target import CONTRAST_SIGN, Target, TargetKind
from core.types import ByteArray, Direction, FloatArray, MaybeNan, NormName

LARGEST_WISH = 1000.0
"""SDs; no encoder can be moved farther."""

MIN_NORM_TOLERANCE = 0.02
"""A smallest budget that was searched for is at most this part above one that does not reach the wanted shift."""

LEVEL_TOLERANCE = 0.05
"""SDs by which the response to a level's image may differ from the level."""

ROUNDING = 1e-4
"""Responses scored again in another batch differ by less than this part."""

UNKNOWN_PAIR = (math.nan, math.nan)
"""The shifts of a probe without a second encoder."""

EPSILON_FRACTIONS = (0.0625, 0.125, 0.25, 0.5, 1.0)
"""The default epsilon grid, as fractions of the asked budget: octaves, so that a log axis is evenly covered."""


@dataclass(frozen=True, slots=True)
class ProbeConfig:
    """One probe: which encoder, which target, which way, under which attack.

    Parameters
    ----------
    subject, network, layer : Catalogue ids; together they name the encoder.
    ladder : Ascending budgets of the curve; the last is `attack.epsilon`. Empty means the default octaves.
    objective : The form of the objective; by default the target's own response.
    ensemble : Further networks, each at its usual layer, whose encoders of the same subject are attacked together with
        this one: the mean of their objectives in SDs. What is reported stays this encoder's.
    wanted_shift_sd : Where above 0, `attack.epsilon` is the largest budget allowed, and the smallest one that shifts
        the target by so many SDs is searched for first; a finished probe has the budget found.
    level : Of a level set: the response to bring the target to, in SDs from its mean over the clean reference images.
        `attack.epsilon` is the largest budget allowed, and the level decides the direction; a finished probe has the
        budget and the direction found.
    level_within : Of a finished probe with a level: the largest budget that was allowed.
    against : A second encoder that is moved the other way, or the same way, with the same perturbation.

    Examples
    --------
    >>> target = Target(TargetKind.ROI, "ROI FFA (2 voxels)", voxels=(7, 8), weights=(0.5, 0.5))
    >>> config = ProbeConfig("simulated", "mobilenet_v2", "features.18", target, attack=AttackConfig(epsilon=4.0))
    >>> config.ladder  # octaves up to epsilon
    (0.25, 0.5, 1.0, 2.0, 4.0)
    """

    subject: str
    network: str
    layer: str
    target: Target
    direction: Direction = Direction.RAISE
    attack: AttackConfig = field(default_factory=AttackConfig)
    ladder: tuple[float, ...] = ()
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    ensemble: tuple[str, ...] = ()
    wanted_shift_sd: float = 0.0
    level: float | None = None
    level_within: float = 0.0
    against: Against | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "direction", Direction(self.direction))
        object.__setattr__(self, "ensemble", tuple(self.ensemble))
        self._check_objective()
        self._check_level()
        self._check_against()
        if not self.ladder:
            budgets = tuple(self.attack.epsilon * fraction for fraction in EPSILON_FRACTIONS)
            object.__setattr__(self, "ladder", budgets if self.attack.epsilon > 0 else (0.0,))
        for epsilon in self.ladder:
            check_epsilon("ladder", epsilon, largest=self.attack.epsilon)
        if list(self.ladder) != sorted(set(self.ladder)) or self.ladder[-1] != self.attack.epsilon:
            allowed = f"ascending budgets ending at epsilon {self.attack.epsilon:g}"
            raise refusal("ladder", allowed=allowed, got=self.ladder)

    def describe(self) -> str:
        """One line for captions: "raise voxel 812 (left V1) · mobilenet_v2 features.18 · PGD ..."."""
        what = ", ".join(filter(None, [self.describe_wish(), self.objective.describe()]))
        where = " with ".join([f"{self.network} {self.layer}", *([", ".join(self.ensemble)] if self.ensemble else [])])
        wanted = [f"smallest budget for {self.wanted_shift_sd:g} SD"] if self.wanted_shift_sd else []
        second = [] if self.against is None else [self.against.describe(self.direction)]
        return " · ".join([what, where, *second, self.attack.describe(), *wanted])

    @property
    def others(self) -> tuple[str, ...]:
        """The networks of the further encoders that are attacked."""
        return self.ensemble if self.against is None else (self.against.network,)

    @property
    def encoder_names(self) -> tuple[str, ...]:
        """The probe's own encoder, and the second one where there is one, in as few words as tell them apart."""
        if self.against is None:
            return (self.network,)
        if self.against.network == self.network:
            return (f"{self.network} {self.layer}", self.against.label)
        return (self.network, self.against.network)

    @property
    def side(self) -> int:
        """Side of the images in pixels: the network's input size, or the larger one of two encoders."""
        names = (self.network, *(() if self.against is None else (self.against.network,)))
        return max(find_network(name).input_size for name in names)

    def _check_against(self) -> None:
        if (against := self.against) is None:
            return
        is_own = (against.network, against.layer) == (self.network, self.layer)
        alone = "The two objectives cannot be raised at once. Leave one of the two out."
        rivals = {
            "an ensemble": self.ensemble,
            "a pattern": self.target.kind is TargetKind.PATTERN,
            "sparing other voxels": not self.objective.is_linear,
            "a smallest budget": self.wanted_shift_sd,
            "a level": self.level is not None,
        }
        check_rules(
            (is_own, "second encoder", "another one", against.label, "Name a different one."),
            *(
                (asked, "second encoder", f"left out with {what}", against.label, alone)
                for what, asked in rivals.items()
            ),
        )

    def describe_wish(self) -> str:
        """What the target is to do: "raise voxel 812 (left V1)", "ROI FFA (119 voxels) at -1.5 SD"."""
        if self.level is None:
            return f"{self.direction} {self.target.label}"
        return f"{self.target.label} at {self.level:+g} SD"

    @property
    def largest_epsilon(self) -> float:
        """The largest budget allowed: of a finished probe with a level, that of its search."""
        return self.level_within or self.attack.epsilon

    def _check_level(self) -> None:
        check_epsilon("level_within", self.level_within, largest=LARGEST_EPSILON[self.attack.norm])
        check_fraction("level", abs(self.level or 0.0), largest=LARGEST_WISH, advice="It is counted in SDs.")
        if self.level is not None and (not self.objective.is_linear or self.ensemble or self.wanted_shift_sd):
            raise refusal("level", allowed="of the plain response of one encoder", got=self.describe())

    def _check_objective(self) -> None:
        check_fraction("wanted shift", self.wanted_shift_sd, largest=LARGEST_WISH, advice="It is counted in SDs.")
        is_pattern, kind = self.target.kind is TargetKind.PATTERN, self.objective.kind
        forms = "distance or cosine for a pattern" if is_pattern else "target or selective unless it is a pattern"
        no_sd = "A pattern has no SD to count its shift in. Leave one of the two out."
        twice = self.network in self.ensemble or len(set(self.ensemble)) < len(self.ensemble)
        once = f"Name each further network once; {self.network} is part of it already."
        check_rules(
            (is_pattern is not kind.is_pattern, "objective", forms, str(kind), ""),
            (is_pattern and self.wanted_shift_sd, "wanted shift", "0 for a pattern", self.wanted_shift_sd, no_sd),
            (twice, "ensemble", "other networks", ",".join(self.ensemble), once),
        )


@dataclass(frozen=True, slots=True)
class Curve:
    """The target's shift along the epsilon grid; every array is (n_budgets,) in the response's unit.

    `first_order` is epsilon times the (masked) gradient's dual norm (the shift a linear encoder would show, signed by
    the direction); `linearity` is shift / first_order; the control is a random perturbation of the same realised norm.
    For patterns all of these are of the objective itself, in its own unit; the cosine has no gradient at the clean
    image, so its `first_order` and `linearity` are NaN, as they are where a network has no gradient.
    `objective` is what the attack gained, beyond the clean image's; empty where that is the signed shift itself.
    `to_gain` is what more steps would still gain and `restart_spread` how far the restarts lie apart, as shares of that
    gain (`core.attacks.run_context`); `n_gradients` the steps that were taken. All three are empty in version 0.3.
    """

    epsilon: FloatArray
    shift: FloatArray
    first_order: FloatArray
    linearity: FloatArray
    control_shift: FloatArray
    sign_flip_shift: FloatArray
    l2: FloatArray
    linf: FloatArray
    objective: FloatArray = field(default_factory=lambda: np.zeros(0))
    to_gain: FloatArray = field(default_factory=lambda: np.zeros(0))
    restart_spread: FloatArray = field(default_factory=lambda: np.zeros(0))
    n_gradients: FloatArray = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True)
class StepHistory:
    """Every attack step of the kept run, in the order taken, for scrubbing.

    epsilon (n_steps,) the budget in force; shift (n_steps,) the target's shift; pixels (n_steps, height, width, 3)
    uint8; responses (n_steps, n_voxels); second_shift_sd (n_steps,) the target's shift in the second encoder of a
    controversial probe, in its SDs: NaN without one, empty in files of version 0.3 and of level sets.
    """

    epsilon: FloatArray
    shift: FloatArray
    pixels: ByteArray
    responses: FloatArray
    second_shift_sd: FloatArray = field(default_factory=lambda: np.zeros(0))

    @property
    def n_steps(self) -> int:
        """Number of recorded steps."""
        return len(self.shift)


@dataclass(frozen=True, slots=True)
class Probe:
    """A finished probe; every response was recomputed from the delivered pixels.

    Pixels are (3, height, width) float32 in [0, 1]; responses are (n_voxels,) float32 in `response_unit`.
    `reference_sd` is the SD of each voxel's predicted response over the clean reference images, `target_sd` the SD of
    the target's own value c . f over the same images.
    `delivered_8bit` says whether the delivered pixels were rounded to grey levels (`attack.quantise`).
    `rung_pixels` (n_budgets, 3, height, width) are the delivered pixels of every budget, the last those of the probe;
    empty where only the last is known.
    `ensemble_sha256` are the hashes of the further encoders that were attacked, in the order of `config.others`.
    `target_mean` is the mean of c . f over the clean reference images; NaN where it is not known, and in files of
    version 0.3. `second` are the responses of the second encoder of a controversial probe.
    """

    config: ProbeConfig
    stimulus_id: str
    stimulus_sha256: str
    network_sha256: str
    encoder_sha256: str
    response_unit: str
    clean_pixels: FloatArray
    perturbed_pixels: FloatArray
    control_pixels: FloatArray
    sign_flip_pixels: FloatArray
    clean: FloatArray
    perturbed: FloatArray
    control: FloatArray
    sign_flip: FloatArray
    reference_sd: FloatArray
    target_sd: MaybeNan
    curve: Curve
    history: StepHistory
    delivered_8bit: bool
    seconds: float
    device: str
    versions: dict[str, str]
    rung_pixels: FloatArray = field(default_factory=lambda: np.zeros((0, 3, 1, 1), dtype=np.float32))
    ensemble_sha256: tuple[str, ...] = ()
    target_mean: MaybeNan = math.nan
    second: SecondResponses | None = None

    @property
    def shift(self) -> FloatArray:
        """Perturbed minus clean response of every voxel, in the response's unit."""
        return self.perturbed - self.clean

    @property
    def shift_sd(self) -> FloatArray:
        """The shift in SDs of the clean reference responses; 0 where a voxel never varies."""
        return in_reference_sds(self.shift, self.reference_sd)

    @property
    def control_shift(self) -> FloatArray:
        """The equal-norm random control's shift of every voxel, in the response's unit."""
        return self.control - self.clean

    @property
    def target_vector(self) -> FloatArray:
        """(n_voxels,) the weighting the probe moved."""
        return self.config.target.vector(len(self.clean))

    def of_target(self, responses: FloatArray) -> float:
        """The target's value c . f in the response's unit; of a pattern, the response along it."""
        return float(self.target_vector @ responses)

    @property
    def shifts_sd(self) -> tuple[float, float]:
        """The target's shift in the probe's own and in the second encoder, each in its SDs; NaN without a second."""
        if self.second is None:
            return UNKNOWN_PAIR
        return float(self.curve.shift[-1]) / self.target_sd, float(self.second.shift[-1]) / self.second.target_sd

    @property
    def undecided(self) -> str:
        """Why a controversial or agreeing probe is undecided; "" where it is not, or is of one encoder."""
        against = self.config.against
        return "" if against is None else against.explain_undecided(self.shifts_sd, self.config.direction)

    @property
    def to_gain(self) -> float:
        """What more steps would still gain at the whole budget, as a share of the gain; NaN in files of version 0.3."""
        return float(self.curve.to_gain[-1]) if len(self.curve.to_gain) else float("nan")

    @property
    def reaches_wanted_shift(self) -> bool:
        """Whether the target moved the right way by the SDs wanted, to within rounding."""
        moved = self.config.direction.sign * (self.of_target(self.perturbed) - self.of_target(self.clean))
        return bool(moved >= self.config.wanted_shift_sd * self.target_sd * (1 - ROUNDING))

    @property
    def level_reached(self) -> float:
        """The response to the perturbed pixels, in SDs from the mean of the clean reference responses."""
        return (self.of_target(self.perturbed) - self.target_mean) / self.target_sd

    @property
    def reaches_level(self) -> bool:
        """Whether the perturbed pixels stand at the level asked for, to 0.05 SD."""
        return self.config.level is not None and abs(self.level_reached - self.config.level) <= LEVEL_TOLERANCE

    @property
    def l2(self) -> float:
        """Realised L2 size of the delivered perturbation, in [0, 1] pixel units."""
        return float(np.linalg.norm((self.perturbed_pixels - self.clean_pixels).ravel().astype(np.float64)))

    @property
    def linf(self) -> float:
        """Realised Linf size of the delivered perturbation, in [0, 1] pixel units."""
        return float(np.abs(self.perturbed_pixels - self.clean_pixels).max())


@dataclass(frozen=True, slots=True)
class ProbeProgress:
    """Where a running probe stands, with the best result so far.

    `stage` is "clean", "attack", "controls" or "done"; `step` counts from 0 to `n_steps` over the whole epsilon grid;
    `pixels` (height, width, 3) uint8 and `responses` (n_voxels,) are those of the newest iterate; `shift` is the
    target's; `seconds_left` is None while unknown; `result` is set on the last record only; `shifts_sd` are the
    target's in both encoders of a controversial probe, each in its SDs.
    """

    stage: str
    step: int
    n_steps: int
    epsilon: float
    shift: float
    pixels: ByteArray
    clean: FloatArray
    responses: FloatArray
    seconds_left: float | None
    result: Probe | None = None
    shifts_sd: tuple[float, float] = UNKNOWN_PAIR


@dataclass(frozen=True, slots=True)
class Preview:
    """A quick answer while epsilon is dragged: the probe's perturbation rescaled to a new budget and scored again.

    `second_responses` (n_voxels,) are those of the second encoder of a controversial probe.
    """

    epsilon: float
    pixels: ByteArray
    delta: FloatArray
    clean: FloatArray
    responses: FloatArray
    shift: float
    second_responses: FloatArray | None = None


def in_reference_sds(shift: FloatArray, reference_sd: FloatArray) -> FloatArray:
    """Divide a shift by the reference SD: 0 where that is 0, NaN where it is not known. Both (n_voxels,), same unit."""
    safe = np.where(reference_sd == 0, 1.0, reference_sd)
    return np.where(reference_sd == 0, 0.0, shift / safe).astype(np.float32)


def name_probe(config: ProbeConfig, stimulus_id: str) -> str:
    """A file name stem: "face_01-raise-FFA-l2-3"; of a level set "face_01-FFA-level-1.5"; unchanged "cat-for-FFA"."""
    what = config.target.name.replace(CONTRAST_SIGN, "-minus-").replace(" × ", "x").replace(" ", "")
    if config.objective.kind in (ObjectiveKind.SELECTIVE, ObjectiveKind.COSINE):
        what += f"-{config.objective.kind}"
    if config.against is not None:
        what += f"-{'with' if config.against.agrees else 'against'}-{config.against.label.replace(' ', '-')}"
    if config.level is not None:
        return f"{stimulus_id}-{what}-level{config.level:+g}"
    if not config.attack.epsilon:
        return f"{stimulus_id}-for-{what}"
    budget = format_epsilon(config.attack.epsilon, NormName(config.attack.norm)).replace("/", "of")
    return f"{stimulus_id}-{config.direction}-{what}-{config.attack.norm}-{budget}"
