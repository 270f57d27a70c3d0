"""A test of the method itself on simulated voxels whose true axes are known. Never touches a recording.

The teacher's features at its usual layer, pooled and reduced, hold the true axis of every simulated voxel; noise of
several levels is added to its signals, and every other network is fitted to them. The teacher is an embedded network
and is no candidate. A probe made on a candidate is then shown to the teacher: does it move the true voxel?

T(A -> true) = shift_true(delta_A) / shift_true(delta_true), at the same image, voxel and epsilon.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from core.checks import check_count, check_positive, describe_refusal
from core.errors import BadInputError
from core.progress import ShouldStop, Stopwatch
from core.seeds import make_stream
from core.types import FloatArray

if TYPE_CHECKING:
    from core.encoders.encoder import Encoder
    from core.networks.network import Network

NETWORKS = ("mobilenet_v2", "mobilenet_v2_robust", "efficientnet_lite0", "alexnet")
ALPHAS = tuple(10.0**power for power in range(-2, 7))


@dataclass(frozen=True, slots=True)
class StudyConfig:
    """One study.

    Parameters
    ----------
    teachers : tuple of str
        Networks that hold the truth, one simulated subject each.
    networks : tuple of str
        Candidates; a subject's teacher is left out of its own.
    noise : tuple of float
        SD of the noise of a single measurement, in SDs of the signal.
    n_voxels, n_train, n_test, n_images : int
        Simulated voxels; images fitted on, held out, and probed.
    n_components : int
        Principal components the readouts and the true axes live in.
    epsilon : float
        L2 budget of the probes.
    n_steps : int
    seed : int
    """

    teachers: tuple[str, ...] = ("mobilenet_v2", "mobilenet_v2_robust")
    networks: tuple[str, ...] = NETWORKS
    noise: tuple[float, ...] = (0.5, 2.0)
    n_voxels: int = 6
    n_train: int = 240
    n_test: int = 80
    n_images: int = 3
    n_components: int = 40
    epsilon: float = 1.0
    n_steps: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("n_voxels", "n_train", "n_test", "n_images", "n_components", "n_steps"):
            check_count(name, getattr(self, name), least=2)
        check_positive("epsilon", self.epsilon)
        for level in self.noise:
            check_positive("noise", level)
        if self.n_components >= self.n_train:
            allowed = f"below the {self.n_train} training images"
            raise BadInputError(describe_refusal("n_components", allowed=allowed, got=self.n_components))
        for teacher in self.teachers:
            if len([name for name in self.networks if name != teacher]) < 2:
                allowed = f"at least two networks beside the teacher {teacher}"
                raise BadInputError(describe_refusal("networks", allowed=allowed, got=self.networks))


@dataclass(frozen=True, slots=True)
class StudyRow:
    """One candidate for one simulated subject at one noise level, means over voxels (and images).

    `r` is what an experimenter measures (against noisy responses), `true_r` against the noiseless signal;
    `sensitivity` in SDs; `truth` is T(candidate -> true voxel); `control` the same of a random direction.
    """

    teacher: str
    noise: float
    network: str
    r: float
    true_r: float
    sensitivity: float
    truth: float
    control: float


@dataclass(frozen=True, slots=True)
class StudyProgress:
    """Where a study stands; `result` is set on the last record only."""

    stage: str
    step: int
    n_steps: int
    seconds_left: float | None
    result: tuple[StudyRow, ...] | None = None


class NetworkSource(Protocol):
    """What opens networks: `core.engine.Engine`."""

    def open_network(self, network: str, layer: str) -> Network:
        """A network cut at a layer."""


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """A network's reduced features: the basis (mean, components) and the scores of train and test images."""

    network: Network
    mean: FloatArray
    components: FloatArray
    train: FloatArray
    test: FloatArray


def reduce_features(network: Network, train: FloatArray, test: FloatArray, n_components: int) -> Space:
    """Principal components of pooled features (n, n_pooled), scaled to a mean variance of 1 together."""
    mean = train.mean(axis=0)
    _, size, right = np.linalg.svd(train - mean, full_matrices=False)
    scale = float(np.sqrt((size[:n_components] ** 2).mean() / len(train))) or 1.0
    components = right[:n_components].T / scale
    return Space(network, mean, components, (train - mean) @ components, (test - mean) @ components)


def draw_axes(space: Space, n_voxels: int, seed: int) -> FloatArray:
    """True axes (n_components, n_voxels): random mixtures, each signal of SD 1 over the training images."""
    axes = make_stream(seed, "axes").standard_normal((space.train.shape[1], n_voxels))
    return np.asarray(axes / (space.train @ axes).std(axis=0))


def fit_readout(space: Space, responses: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Ridge with a penalty a voxel by leave-one-out: weights (n_components, n_voxels), intercept (n_voxels,)."""
    from sklearn.linear_model import RidgeCV

    fitted = RidgeCV(alphas=ALPHAS, alpha_per_target=True).fit(space.train, responses)
    return np.asarray(fitted.coef_.T), np.asarray(fitted.intercept_)


def make_encoder(space: Space, weights: FloatArray, intercept: FloatArray) -> Encoder:
    """A runnable encoder of these numbers."""
    from core.encoders.card import EncoderCard, EncoderData
    from core.encoders.config import EncoderConfig
    from core.encoders.encoder import Encoder

    unknown = np.full(weights.shape[1], np.nan, dtype=np.float32)
    covariance = np.cov(space.train.T, bias=True)
    sd = np.sqrt(np.einsum("rv,rs,sv->v", weights, covariance, weights)).astype(np.float32)
    config = EncoderConfig("study", space.network.spec.id, space.network.layer, pool=1, n_components=weights.shape[0])
    card = EncoderCard(
        config=config,
        sha256="",
        network_sha256=space.network.sha256,
        response_unit="z (simulated)",
        n_train=len(space.train),
        n_test=len(space.test),
        reference_sd=sd,
        alpha=unknown,
        cv_r=unknown,
        r=unknown,
        r2=unknown,
        r2_ceiling=unknown,
        noise_ceiling=unknown,
    )
    numbers = (space.mean, space.components, weights, intercept, covariance)
    mean, components, own, shifted, spread = (np.asarray(values, dtype=np.float32) for values in numbers)
    return Encoder(space.network, EncoderData(card, mean, components, own, shifted, spread))


def iter_study(source: NetworkSource, config: StudyConfig, should_stop: ShouldStop) -> Iterator[StudyProgress]:
    """Run the study, one record a network read and a candidate tested; the last holds all rows.

    Raises Cancelled as soon as `should_stop()` is true.
    """
    from core.sweeps.study_run import StudyRun

    run = StudyRun(source, config, should_stop)
    stages: list[tuple[str, Callable[[], Sequence[StudyRow]]]] = list(run.list_stages())
    watch, rows = Stopwatch(len(stages)), []
    for step, (name, work) in enumerate(stages):
        yield StudyProgress(name, step, len(stages), watch.seconds_left(step))
        rows += list(work())
    yield StudyProgress("done", len(stages), len(stages), 0.0, tuple(rows))


@dataclass(frozen=True, slots=True)
class Verdict:
    """For one subject and noise level: the candidate nearest to the truth, and what each measure would have chosen.

    `rank_r` and `rank_sensitivity` are Spearman correlations over candidates of truth with predictivity and with
    robustness (the negative of sensitivity).
    """

    teacher: str
    noise: float
    nearest: str
    by_r: str
    by_sensitivity: str
    rank_r: float
    rank_sensitivity: float


def judge_study(rows: Sequence[StudyRow]) -> tuple[Verdict, ...]:
    """Which measure picks the candidate whose probes move the true voxel most, by subject and noise."""
    from scipy.stats import spearmanr

    verdicts = []
    for teacher, noise in dict.fromkeys((row.teacher, row.noise) for row in rows):
        own = [row for row in rows if (row.teacher, row.noise) == (teacher, noise)]
        truth = [row.truth for row in own]
        ranks = [
            float(spearmanr(truth, values).statistic) if len(own) > 2 else float("nan")
            for values in ([row.r for row in own], [-row.sensitivity for row in own])
        ]
        verdicts.append(
            Verdict(
                teacher,
                noise,
                max(own, key=lambda row: row.truth).network,
                max(own, key=lambda row: row.r).network,
                min(own, key=lambda row: row.sensitivity).network,
                *ranks,
            )
        )
    return tuple(verdicts)
