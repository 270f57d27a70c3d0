"""A controversial probe: both encoders are told, it says when it is undecided, it is kept and made again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.attacks.config import AttackConfig, AttackMethod
from core.attacks.objective_config import ObjectiveConfig, ObjectiveKind
from core.encoders.encoder import Encoder
from core.encoders.resampled import show_at
from core.errors import BadInputError
from core.headers import hash_table
from core.probes.against import Against
from core.probes.files import HEADER, load_probe, save_probe
from core.probes.preview import preview
from core.probes.probe import Probe, ProbeConfig, name_probe
from core.probes.reproduce import iter_reproduce
from core.probes.run import iter_probe
from core.probes.target import target_pattern
from core.types import Direction
from tests.helpers.tiny_encoders import NAMES, make_conv_encoder, make_photo, make_table, make_target

SECOND = ("tiny", "second")


def make_pair(**sizes: int) -> tuple[Encoder, Encoder]:
    own, second = make_conv_encoder(**sizes), make_conv_encoder(seed=1)
    config = dataclasses.replace(second.card.config, layer=SECOND[1])
    second.card = dataclasses.replace(second.card, config=config)
    second.network.layer = SECOND[1]
    return own, second


def ask(direction: Direction = Direction.RAISE, epsilon: float = 1.0, **changes: Any) -> ProbeConfig:
    attack = AttackConfig(epsilon=epsilon)
    against = Against(*SECOND, **changes)
    return ProbeConfig(*NAMES, make_target(make_conv_encoder(), 2), direction, attack, against=against)


def finish(pair: tuple[Encoder, Encoder], config: ProbeConfig, side: int = 8) -> Probe:
    photo = make_photo(side, seed=3)
    *_, last = iter_probe(pair[0], photo, config, should_stop=lambda: False, others=pair[1:])
    assert last.result is not None
    return last.result


@pytest.mark.parametrize("agrees", [False, True])
@pytest.mark.parametrize("direction", list(Direction))
def test_both_shifts_are_those_of_the_delivered_pixels(direction: Direction, agrees: bool) -> None:
    pair = make_pair()
    probe = finish(pair, ask(direction, agrees=agrees))
    images = [torch.tensor(one)[None] for one in (probe.clean_pixels, probe.perturbed_pixels, probe.control_pixels)]
    vector = probe.target_vector
    for encoder, told in zip(pair, probe.shifts_sd, strict=True):
        with torch.no_grad():
            clean, moved, control = (encoder(one)[0].double().numpy() @ vector for one in images)
        assert told == pytest.approx((moved - clean) / encoder.target_sd(vector), rel=1e-4)
    assert probe.second is not None
    assert probe.second.control_shift[-1] == pytest.approx(control - clean, abs=1e-5)
    signed = direction.sign * probe.shifts_sd[0], (1 if agrees else -1) * direction.sign * probe.shifts_sd[1]
    assert min(signed) > 0
    joined = -np.logaddexp(-4 * signed[0], -4 * signed[1]) / 4 + np.log(2) / 4
    assert probe.curve.objective[-1] == pytest.approx(joined, rel=1e-4)
    assert (np.diff(probe.curve.objective) > 0).all() and probe.to_gain < 0.05
    assert np.isnan(probe.curve.first_order).all() and np.isnan(probe.curve.linearity).all()


@pytest.mark.parametrize("method", list(AttackMethod))
def test_every_step_tells_both_shifts_in_their_own_sds(method: AttackMethod) -> None:
    pair, config = make_pair(), ask(Direction.LOWER)
    attack = AttackConfig(epsilon=1.0, method=method, n_steps=4, n_queries=12, quantise=True, random_start=False)
    config = dataclasses.replace(config, attack=attack, ladder=(0.5, 1.0))
    records = list(iter_probe(pair[0], make_photo(8, seed=3), config, should_stop=lambda: False, others=pair[1:]))
    probe = records[-1].result
    assert probe is not None
    history, vector = probe.history, probe.target_vector
    shown = torch.tensor(history.pixels, dtype=torch.float32).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        clean, moved = (
            pair[1](one).double().numpy() @ vector for one in (torch.tensor(probe.clean_pixels)[None], shown)
        )
    np.testing.assert_allclose(history.second_shift_sd, (moved - clean) / pair[1].target_sd(vector), atol=1e-3)
    assert len(history.second_shift_sd) == history.n_steps
    told = [one.shifts_sd for one in records if one.stage == "attack"]
    np.testing.assert_allclose([own for own, _ in told][-1], history.shift[-1] / probe.target_sd, atol=1e-3)
    assert told[-1][1] == pytest.approx(history.second_shift_sd[-1])


def test_it_is_undecided_exactly_where_the_smaller_shift_stays_below_the_wanted_size() -> None:
    probe = finish(make_pair(), ask())
    smaller = min(probe.shifts_sd[0], -probe.shifts_sd[1])
    for wanted, decided in ((smaller * 0.99, True), (smaller * 1.01, False)):
        against = Against(*SECOND, decided_sd=wanted)
        again = dataclasses.replace(probe, config=dataclasses.replace(probe.config, against=against))
        assert (again.undecided == "") is decided
    assert again.undecided == f"the smaller shift the way wanted is {smaller:.2f} SD, below {smaller * 1.01:g} SD"
    unknown = dataclasses.replace(probe, target_sd=float("nan"))
    assert "nan SD" in unknown.undecided


def test_a_saved_one_comes_back_whole_and_reproduces(tmp_path: Path) -> None:
    pair = make_pair()
    probe = finish(pair, ask(Direction.LOWER, sharpness=2.5, decided_sd=0.1))
    loaded = load_probe(save_probe(probe, tmp_path / "probe"))
    np.testing.assert_array_equal(loaded.history.second_shift_sd, probe.history.second_shift_sd)
    assert (loaded.config, loaded.shifts_sd) == (probe.config, probe.shifts_sd)
    assert loaded.ensemble_sha256 == (pair[1].card.sha256,)
    *_, last = iter_reproduce(pair[0], loaded, should_stop=lambda: False, others=pair[1:])
    assert last.result is not None and last.result.describe() == "Reproduced bit for bit."
    another = dataclasses.replace(loaded, ensemble_sha256=("0" * 64,))
    with pytest.raises(BadInputError, match="is not the one that was probed"):
        list(iter_reproduce(pair[0], another, should_stop=lambda: False, others=pair[1:]))


def test_a_file_from_before_opens(tmp_path: Path) -> None:
    config = dataclasses.replace(ask(), against=None)
    path = save_probe(finish(make_pair()[:1], config), tmp_path / "probe")  # type: ignore[arg-type]
    header = json.loads(path.read_text())
    del header["second"], header["config"]["against"]
    header["header_sha256"] = hash_table(header, HEADER.hash_key)
    path.write_text(json.dumps(header))
    loaded = load_probe(path)
    assert (loaded.config, loaded.second, loaded.undecided) == (config, None, "")


def test_an_encoder_of_smaller_images_sees_them_resampled() -> None:
    own, second = make_pair(side=12)
    probe = finish((own, show_at(second, 12)), ask(), side=12)
    small = [
        torch.nn.functional.interpolate(torch.tensor(one)[None], (8, 8), mode="bilinear", antialias=True)
        for one in (probe.clean_pixels, probe.perturbed_pixels)
    ]
    with torch.no_grad():
        clean, moved = (second(one)[0, 2].item() for one in small)
    vector = probe.target_vector
    assert probe.shifts_sd[1] == pytest.approx((moved - clean) / second.target_sd(vector), abs=1e-4)
    assert probe.shifts_sd[1] < 0 < probe.shifts_sd[0]
    assert probe.l2 == pytest.approx(1.0, rel=1e-5), "the budget is counted in the larger image's pixels"


def test_a_preview_tells_both_responses() -> None:
    pair = make_pair()
    probe = finish(pair, ask())
    half = preview(pair[0], probe, 0.5, second=pair[1])
    assert half.second_responses is not None
    with torch.no_grad():
        there = pair[1](torch.tensor(probe.clean_pixels + half.delta)[None])[0].numpy()
    np.testing.assert_allclose(half.second_responses, there, atol=1e-5)


def test_its_name_and_caption_say_what_it_is_against() -> None:
    assert name_probe(ask(), "face") == "face-raise-voxel2-against-tiny-second-l2-1"
    assert name_probe(ask(agrees=True), "face") == "face-raise-voxel2-with-tiny-second-l2-1"
    assert "controversial, lower in tiny second (t = 4)" in ask().describe()
    assert Against(*SECOND).formula(Direction.RAISE) == "-(1/t) log(exp(-t s_A) + exp(t s_B)), t = 4"
    assert Against(*SECOND, agrees=True).formula(Direction.LOWER) == "-(1/t) log(exp(t s_A) + exp(t s_B)), t = 4"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"against": Against("tiny", "body")}, "`second encoder` must be another one, got 'tiny body'"),
        ({"ensemble": ("other",)}, "`second encoder` must be left out with an ensemble"),
        ({"wanted_shift_sd": 1.0}, "`second encoder` must be left out with a smallest budget"),
        ({"objective": ObjectiveConfig(ObjectiveKind.SELECTIVE)}, "`second encoder` must be left out with sparing"),
        (
            {
                "objective": ObjectiveConfig(ObjectiveKind.DISTANCE),
                "target": target_pattern(make_table(5), np.ones(5), label="pattern"),
            },
            "`second encoder` must be left out with a pattern",
        ),
    ],
)
def test_what_cannot_go_together_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInputError, match=told):
        dataclasses.replace(ask(), **changes)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["sharpness", "decided_sd"])
def test_t_and_the_wanted_size_are_above_0(name: str, value: float) -> None:
    with pytest.raises(BadInputError, match=f"`{name.removesuffix('_sd')}` must be"):
        Against(*SECOND, **{name: value})


def test_another_second_encoder_than_the_one_named_is_refused() -> None:
    own, second = make_pair()
    for others in ((), (own,), (second, second)):
        with pytest.raises(BadInputError, match="`against` must be"):
            list(iter_probe(own, make_photo(seed=3), ask(), should_stop=lambda: False, others=others))
    few = make_conv_encoder(2, seed=1)
    few.card = dataclasses.replace(few.card, config=second.card.config)
    with pytest.raises(BadInputError, match="`target` must be made of voxels from 0 to 1"):
        list(iter_probe(own, make_photo(seed=3), ask(), should_stop=lambda: False, others=(few,)))
