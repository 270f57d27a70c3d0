"""Several encoders at once: one alone is plain, several are the mean of their objectives in SDs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.attacks.config import AttackConfig, StepRule
from core.attacks.ensemble import EnsembleObjective
from core.attacks.objective import LinearObjective
from core.attacks.pgd import iter_pgd
from core.attacks.presets import PRESETS, find_preset, name_schedule
from core.errors import BadInputError
from core.types import NormName
from tests.helpers.tiny_encoders import make_conv_encoder, make_linear_encoder, make_mid_grey, make_photo, pixel_weights

BOTH = pytest.mark.parametrize("norm", list(NormName))
BUDGET = {NormName.L2: 0.8, NormName.LINF: 8 / 255}
FIRST = np.asarray([1, 0, 0], np.float32)


def run_grid(objective: object, clean: torch.Tensor, norm: NormName) -> torch.Tensor:
    config = AttackConfig(norm=norm, epsilon=BUDGET[norm], step_rule=StepRule.FIXED)
    *_, last = iter_pgd(objective, clean, config)  # type: ignore[arg-type]
    return last.best.pixels


@BOTH
def test_an_ensemble_of_one_is_plain_pgd(norm: NormName) -> None:
    clean = torch.tensor(make_photo(seed=1).pixels)[None]
    plain = LinearObjective(make_conv_encoder(3), FIRST, 1)
    torch.testing.assert_close(
        run_grid(EnsembleObjective([plain]), clean, norm), run_grid(plain, clean, norm), rtol=0, atol=1e-5
    )


@BOTH
def test_linear_encoders_gain_the_dual_norm_of_their_mean_weights_in_sds(norm: NormName) -> None:
    encoders = [make_linear_encoder(seed=seed) for seed in range(3)]
    objective = EnsembleObjective([LinearObjective(encoder, FIRST, 1) for encoder in encoders])
    clean = torch.tensor(make_mid_grey().pixels)[None]
    gain = objective.score(run_grid(objective, clean, norm)).values - objective.score(clean).values
    mean = np.mean([pixel_weights(encoder) / encoder.target_sd(FIRST) for encoder in encoders], axis=0)
    dual = np.linalg.norm(mean.ravel(), 2 if norm is NormName.L2 else 1)
    assert float(gain) == pytest.approx(BUDGET[norm] * dual, rel=1e-4)


def test_what_is_told_is_the_first_encoders_response() -> None:
    encoders = [make_conv_encoder(3, seed=seed) for seed in range(2)]
    objective = EnsembleObjective([LinearObjective(encoder, FIRST, -1) for encoder in encoders])
    pixels = torch.tensor(make_photo(seed=1).pixels)[None]
    scores, _ = objective.value_and_gradient(pixels)
    torch.testing.assert_close(objective.reported(scores), encoders[0](pixels)[:, 0].detach())
    torch.testing.assert_close(scores.values, objective.score(pixels).values)


def test_networks_of_different_sizes_are_refused_by_name() -> None:
    members = [LinearObjective(make_linear_encoder(side=side), FIRST, 1) for side in (8, 12)]
    with pytest.raises(BadInputError, match="must take images of one size"):
        EnsembleObjective(members)


def test_an_encoder_without_sd_is_refused() -> None:
    encoder = make_linear_encoder()
    encoder.covariance.zero_()
    with pytest.raises(
        BadInputError, match=r"The target's SD over the reference images is not known for tiny body \(0\)"
    ):
        EnsembleObjective([LinearObjective(encoder, FIRST, 1)])


@pytest.mark.parametrize(
    ("name", "norm", "epsilon", "step", "n_steps"),
    [
        ("gaziv-l2-0.1", NormName.L2, 0.1, 0.02, 200),
        ("gaziv-l2-2.5", NormName.L2, 2.5, 0.3, 200),
        ("gaziv-l2-30", NormName.L2, 30, 0.5, 1000),
        ("gaziv-linf-4", NormName.LINF, 4 / 255, 0.2 / 255, 200),
        ("gaziv-linf-32", NormName.LINF, 32 / 255, 3 / 255, 500),
    ],
)
def test_presets_are_the_published_schedules(
    name: str, norm: NormName, epsilon: float, step: float, n_steps: int
) -> None:
    attack = find_preset(name).apply(AttackConfig(seed=4, momentum=0.5))
    assert (attack.norm, attack.epsilon, attack.step_length, attack.n_steps) == (norm, epsilon, step, n_steps)
    assert (attack.seed, attack.momentum) == (4, 0.5)
    assert name_schedule(attack) == name
    assert name_schedule(AttackConfig()) == ""


def test_every_preset_is_named_and_a_slip_is_helped() -> None:
    assert len(PRESETS) == 11
    with pytest.raises(BadInputError, match="Did you mean 'gaziv-l2-5'"):
        find_preset("gaziv-l2-5.0")
