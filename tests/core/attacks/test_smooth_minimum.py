"""The smooth minimum of two encoders' shifts: its value, its gradient, and what attacks on it reach."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import linprog, minimize_scalar

from core.attacks.config import AttackConfig, AttackMethod
from core.attacks.ensemble import SmoothMinimum, join_shifts
from core.attacks.objective import LinearObjective
from core.attacks.pgd import iter_pgd
from core.encoders.encoder import Encoder
from core.encoders.resampled import show_at
from core.errors import BadInputError
from core.types import FloatArray, NormName
from tests.helpers.tiny_encoders import make_conv_encoder, make_linear_encoder, make_mid_grey, make_photo, pixel_weights

FIRST = np.asarray([1, 0, 0], np.float32)
EPSILON = 0.4


def make_axes(second: FloatArray, *, sd: float = 1.0) -> tuple[Encoder, Encoder]:
    """Two linear encoders: voxel 0 of the first reads pixel value 0, that of the second a given axis, over an SD."""
    encoders = make_linear_encoder(seed=0), make_linear_encoder(seed=1)
    for encoder, axis in zip(encoders, (np.eye(192)[0], second), strict=True):
        encoder.weights.copy_(torch.eye(3))
        encoder.components[:, 0] = torch.tensor(axis)
    encoders[1].covariance.mul_(sd**2)
    return encoders


def oppose(encoders: tuple[Encoder, Encoder], clean: torch.Tensor, *, sharpness: float = 4.0) -> SmoothMinimum:
    members = [LinearObjective(one, FIRST, sign) for one, sign in zip(encoders, (1, -1), strict=True)]
    return SmoothMinimum(members, clean, sharpness=sharpness)


def attack(objective: SmoothMinimum, clean: torch.Tensor, **changes: object) -> torch.Tensor:
    *_, last = iter_pgd(objective, clean, AttackConfig(**{"epsilon": EPSILON} | changes))  # type: ignore[arg-type]
    return last.best.pixels


def measure(encoders: tuple[Encoder, Encoder], pixels: torch.Tensor, clean: torch.Tensor) -> list[float]:
    """s_A and s_B by plain forward passes."""
    with torch.no_grad():
        moved = [(one(pixels) - one(clean))[:, 0].double() / one.target_sd(FIRST) for one in encoders]
    return [float(one[0]) for one in moved]


@pytest.mark.parametrize("sharpness", [1e-3, 0.5, 4.0, 1000.0])
def test_the_value_is_the_formula_and_stays_finite(sharpness: float) -> None:
    shifts = torch.tensor([[3.0, -200.0, 0.0], [-1.0, 500.0, 0.0]], dtype=torch.float64)
    for (first, second), value in zip(shifts.T.tolist(), join_shifts(shifts, sharpness).tolist(), strict=True):
        low, gap = min(first, second), abs(first - second)
        formula = low - math.log1p(math.exp(-sharpness * gap)) / sharpness
        assert value - math.log(2) / sharpness == pytest.approx(formula, abs=1e-9)
    assert join_shifts(torch.zeros(2, 1), sharpness).item() == 0


@pytest.mark.parametrize(("sharpness", "limit"), [(1e-300, 1.0), (1e-9, 1.0), (1e9, -1.0), (1e300, -1.0)])
def test_the_bluntest_is_the_mean_and_the_sharpest_the_minimum(sharpness: float, limit: float) -> None:
    assert join_shifts(torch.tensor([[3.0], [-1.0]]), sharpness).item() == pytest.approx(limit, abs=1e-6)
    encoders, clean = make_axes(np.eye(192)[1]), torch.tensor(make_mid_grey().pixels)[None]
    moved = measure(encoders, attack(oppose(encoders, clean, sharpness=sharpness), clean), clean)
    assert moved == pytest.approx([EPSILON / math.sqrt(2), -EPSILON / math.sqrt(2)], rel=0.05)


@pytest.mark.parametrize("sharpness", [0.5, 4.0, 40.0])
def test_the_gradient_is_that_of_finite_differences(sharpness: float) -> None:
    encoders = make_conv_encoder(3).double(), make_conv_encoder(3, seed=1).double()
    clean = torch.tensor(make_photo(seed=1).pixels, dtype=torch.float64)[None]
    objective, rng = oppose(encoders, clean, sharpness=sharpness), np.random.default_rng(0)
    at = clean + torch.tensor(rng.normal(size=clean.shape)) * 0.02
    _, gradient = objective.value_and_gradient(at)
    for _ in range(5):
        way = torch.tensor(rng.normal(size=clean.shape)) * 1e-5
        ends = [float(objective.score(at + sign * way).values) for sign in (1, -1)]
        assert (ends[0] - ends[1]) / 2 == pytest.approx(float((gradient * way).sum()), rel=1e-6, abs=1e-12)


def test_orthogonal_axes_of_equal_length_each_get_epsilon_over_the_root_of_two() -> None:
    encoders, clean = make_axes(np.eye(192)[1]), torch.tensor(make_mid_grey().pixels)[None]
    moved = measure(encoders, attack(oppose(encoders, clean), clean), clean)
    assert moved == pytest.approx([EPSILON / math.sqrt(2), -EPSILON / math.sqrt(2)], rel=1e-3)


@pytest.mark.parametrize("overlap", [-0.9, 0.0, 0.6, 0.95])
@pytest.mark.parametrize("sd", [0.5, 2.0])
def test_the_optimum_on_linear_encoders_is_that_of_scipy(overlap: float, sd: float) -> None:
    axis = overlap * np.eye(192)[0] + math.sqrt(1 - overlap**2) * np.eye(192)[1]
    encoders, clean = make_axes(axis, sd=sd), torch.tensor(make_mid_grey().pixels)[None]

    def lose(angle: float) -> float:
        delta = EPSILON * np.asarray([math.cos(angle), math.sin(angle)])
        signed = [delta[0], -delta @ axis[:2] / sd]
        return float(np.logaddexp(-4 * signed[0], -4 * signed[1]) / 4)

    best = min(minimize_scalar(lose, bounds=(low, low + math.pi), method="bounded").fun for low in (-math.pi, 0.0))
    objective = oppose(encoders, clean)
    reached = float(objective.score(attack(objective, clean)).values) - math.log(2) / 4
    assert reached == pytest.approx(-best, abs=1e-4)


def test_under_linf_a_sharp_minimum_reaches_the_linear_programme() -> None:
    encoders = make_linear_encoder(seed=0), make_linear_encoder(seed=1)
    clean, epsilon = torch.tensor(make_mid_grey().pixels)[None], 2 / 255
    rows = [
        sign * pixel_weights(one).ravel() / one.target_sd(FIRST) for one, sign in zip(encoders, (-1, 1), strict=True)
    ]
    limits = np.column_stack([np.stack(rows), np.ones(2)])  # z <= s_A, z <= -s_B; z is raised
    bounds = [(-epsilon, epsilon)] * 192 + [(None, None)]
    most = -linprog(np.append(np.zeros(192), -1), A_ub=limits, b_ub=np.zeros(2), bounds=bounds).fun
    pixels = attack(oppose(encoders, clean, sharpness=200), clean, norm=NormName.LINF, epsilon=epsilon)
    moved = measure(encoders, pixels, clean)
    assert min(moved[0], -moved[1]) == pytest.approx(most, rel=0.02)


METHODS = [
    {"method": AttackMethod.PGD},
    {"method": AttackMethod.PGD, "n_steps": 10, "step_size": 0.1, "random_start": True, "n_restarts": 2},
    {"method": AttackMethod.APGD, "n_steps": 20},
    {"method": AttackMethod.SQUARE, "n_queries": 300},
    {"method": AttackMethod.PGD, "norm": NormName.LINF, "epsilon": 8 / 255, "quantise": True},
    {"method": AttackMethod.PGD, "momentum": 1.0, "diversity": 0.5, "translation": 1},
]


@pytest.mark.parametrize("changes", METHODS, ids=str)
def test_every_method_raises_it_and_no_image_depends_on_its_neighbour(changes: dict[str, object]) -> None:
    encoders = make_conv_encoder(3), make_conv_encoder(3, seed=1)
    photos = torch.tensor(np.stack([make_photo(seed=seed).pixels for seed in (1, 2)]))
    together = attack(oppose(encoders, photos), photos, **changes)
    for number in range(2):
        clean = photos[number : number + 1]
        objective = oppose(encoders, clean)
        alone = attack(objective, clean, **changes)
        values = [float(objective.score(one).values) for one in (together[number : number + 1], alone, clean)]
        # Not the pixels: under Linf a float's last bit may turn the sign of a step where the gradient is near 0.
        assert values[0] == pytest.approx(values[1], abs=1e-3)
        assert values[1] > values[2]


def test_one_fast_step_on_orthogonal_axes_is_the_optimum() -> None:
    encoders, clean = make_axes(np.eye(192)[1]), torch.tensor(make_mid_grey().pixels)[None]
    moved = measure(encoders, attack(oppose(encoders, clean), clean, method=AttackMethod.FGSM), clean)
    assert moved == pytest.approx([EPSILON / math.sqrt(2), -EPSILON / math.sqrt(2)], rel=1e-4)


def test_encoders_of_two_sizes_share_the_larger_image() -> None:
    large, small = make_linear_encoder(side=12, seed=0), make_linear_encoder(side=8, seed=1)
    clean = torch.tensor(make_mid_grey(12).pixels)[None]
    encoders = large, show_at(small, 12)
    objective = oppose(encoders, clean)
    pixels = attack(objective, clean)
    moved = measure(encoders, pixels, clean)
    axes = [pixel_weights(large).ravel() / large.target_sd(FIRST)]
    seen = torch.autograd.functional.jacobian(lambda one: encoders[1](one[None])[0, 0], clean[0]).numpy()
    axes.append(-seen.astype(np.float64).ravel() / small.target_sd(FIRST))
    gram = np.stack(axes) @ np.stack(axes).T
    shares = np.linspace(0, 1, 20001)
    lengths = np.sqrt(shares**2 * gram[0, 0] + 2 * shares * (1 - shares) * gram[0, 1] + (1 - shares) ** 2 * gram[1, 1])
    hard = EPSILON * lengths.min()  # max over the ball of the minimum = min over mixtures of the length (minimax)
    assert hard - math.log(2) / 4 <= min(moved[0], -moved[1]) <= hard * (1 + 1e-4)
    assert float((pixels - clean).norm()) == pytest.approx(EPSILON, rel=1e-5)


def test_an_encoder_without_sd_is_refused_by_name() -> None:
    encoders, clean = (make_linear_encoder(), make_linear_encoder(seed=1)), torch.tensor(make_mid_grey().pixels)[None]
    encoders[1].covariance.zero_()
    with pytest.raises(BadInputError, match="SD over the reference images is not known for tiny body"):
        oppose(encoders, clean)
