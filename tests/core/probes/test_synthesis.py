"""Images from scratch: the spectrum and the tone by numpy, linear encoders driven to what their weights allow."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from PIL import Image

from core.commands.cli import run_command_line
from core.encoders.encoder import Encoder
from core.errors import BadInputError, Cancelled
from core.probes.synthesis import COLOURS, START_SD, Synthesis, draw_spectra, iter_synthesis, paint, set_tone
from core.probes.synthesis_config import SynthesisConfig
from core.probes.target import target_pattern, target_voxel
from core.progress import run_to_end
from core.types import Direction
from tests.helpers.tiny_encoders import make_conv_encoder, make_linear_encoder, make_table, pixel_weights

SIDE = 32


def make(encoder: Encoder, direction: Direction = Direction.RAISE, **settings: object) -> Synthesis:
    config = SynthesisConfig(**({"n_steps": 60, "n_restarts": 2, "jitter": 0, "step_size": 0.2} | settings))  # type: ignore[arg-type]
    target = target_voxel(make_table(encoder.n_voxels), 0)
    return run_to_end(iter_synthesis(encoder, target, direction, config, should_stop=lambda: False))


def test_one_coefficient_is_a_wave_divided_by_its_frequency() -> None:
    spectrum = torch.zeros(1, 1, SIDE, SIDE // 2 + 1, 2)
    spectrum[0, 0, 3, 4, 0] = 1.0  # 3 cycles down, 4 across: f = 5 / 32
    rows, columns = np.mgrid[:SIDE, :SIDE]
    wave = 2 * np.cos(2 * np.pi * (3 * rows + 4 * columns) / SIDE) / SIDE * (SIDE / 5) / 4
    painted = paint(spectrum, SynthesisConfig(grey=True)).numpy()
    np.testing.assert_allclose(painted, np.broadcast_to(1 / (1 + np.exp(-wave)), (1, 3, SIDE, SIDE)), atol=1e-6)


def test_the_first_spectra_fall_as_one_over_frequency_and_mix_to_the_colours_of_photographs() -> None:
    config, side = SynthesisConfig(n_restarts=16), 64
    pixels = paint(draw_spectra(config, side), config).double().numpy()
    values = np.log(pixels / (1 - pixels))  # before the sigmoid
    power = (np.abs(np.fft.fft2(values)) ** 2).mean(axis=(0, 1))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    rings = [(frequency > low) & (frequency <= 1.3 * low) for low in (0.05, 0.1, 0.2, 0.35)]
    slope = np.polyfit(
        [np.log(frequency[one].mean()) for one in rings], [np.log(power[one].mean()) for one in rings], 1
    )
    assert slope[0] == pytest.approx(-2, abs=0.1)
    mix = np.asarray(COLOURS) / np.linalg.norm(COLOURS, axis=0).max()
    found = np.corrcoef(values.transpose(1, 0, 2, 3).reshape(3, -1))
    wanted = mix @ mix.T
    np.testing.assert_allclose(found, wanted / np.sqrt(np.outer(np.diag(wanted), np.diag(wanted))), atol=0.1)
    assert draw_spectra(config, side).std().item() == pytest.approx(START_SD, rel=0.05)


@pytest.mark.parametrize(("mean", "contrast"), [(0.5, 0.1), (0.4, None), (None, 0.15)])
def test_mean_and_contrast_are_those_asked_where_nothing_is_cut(mean: float | None, contrast: float | None) -> None:
    pixels = torch.from_numpy(np.random.default_rng(0).uniform(0.3, 0.7, (3, 3, SIDE, SIDE)))
    toned = set_tone(pixels, mean, contrast).numpy()
    for before, after in zip(pixels.numpy(), toned, strict=True):
        assert after.mean() == pytest.approx(before.mean() if mean is None else mean)
        assert after.std() == pytest.approx(before.std() if contrast is None else contrast)


@pytest.mark.parametrize("direction", list(Direction))
def test_a_linear_encoder_is_driven_the_way_wanted_and_no_farther_than_its_weights_allow(direction: Direction) -> None:
    encoder = make_linear_encoder(side=SIDE)
    weights = pixel_weights(encoder)
    found = make(encoder, direction, n_steps=200)
    grey = float(weights.sum() * 0.5) + float(
        (encoder.intercept - (encoder.mean @ encoder.components) @ encoder.weights)[0]
    )
    most = direction.sign * np.abs(weights).sum() / 2
    shares = (found.responses - grey) / most
    assert (shares > 0.5).all() and (shares < 1).all()
    by_hand = (found.levels.transpose(0, 3, 1, 2) / 255 - 0.5).reshape(2, -1) @ weights.ravel() + grey
    np.testing.assert_allclose(found.responses, by_hand, rtol=1e-4)
    assert direction.sign * (found.responses[0] - found.responses[1]) >= 0  # best first
    assert found.trace.shape == (2, 200)
    assert found.beats(by_hand - direction.sign * 1e-3) == [
        True,
        by_hand[1] * direction.sign > by_hand[0] * direction.sign - 1e-3,
    ]
    assert found.beats(np.array([grey + 2 * most])) == [False, False]


def test_the_same_seed_gives_the_same_images_and_each_restart_its_own() -> None:
    encoder = make_conv_encoder(side=SIDE)
    first, again, other = make(encoder, jitter=3), make(encoder, jitter=3), make(encoder, jitter=3, seed=1)
    assert np.array_equal(first.levels, again.levels)
    assert not np.array_equal(first.levels, other.levels) and not np.array_equal(*first.levels)
    grey = make(encoder, grey=True).levels
    assert np.array_equal(grey[..., 0], grey[..., 2])


def test_what_cannot_be_made_is_refused() -> None:
    encoder = make_conv_encoder(side=SIDE)
    pattern = target_pattern(make_table(5), np.ones(5), label="p")
    with pytest.raises(BadInputError, match="no pattern"):
        run_to_end(iter_synthesis(encoder, pattern, Direction.RAISE, SynthesisConfig(), should_stop=lambda: False))
    with pytest.raises(Cancelled):
        target = target_voxel(make_table(5), 0)
        run_to_end(iter_synthesis(encoder, target, Direction.RAISE, SynthesisConfig(), should_stop=lambda: True))
    for name, value in {"n_steps": 0, "jitter": -1, "mean": 1.5, "contrast": 0.6, "n_restarts": 65}.items():
        with pytest.raises(BadInputError):
            dataclasses.replace(SynthesisConfig(), **{name: value})


def test_one_command_writes_the_images_and_says_what_they_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "synthesise --network alexnet --layer features.4 --roi V1 --steps 3 --restarts 2 --images test:3 --json"
    call = [*words.split(), "--out", str(tmp_path / "out")]
    assert run_command_line(call, open_window=Mock(), run_demonstration=Mock()) == 0
    told = json.loads(capsys.readouterr().out)
    kept = json.loads((tmp_path / "out" / "synthesis.json").read_text())
    assert kept["images"] == told["images"] and len(kept["trace"]) == 2 and kept["versions"]["torch"]
    with Image.open(tmp_path / "out" / told["images"][0]["file"]) as picture:
        assert picture.size == (224, 224)
    values = [one["response"] for one in told["images"]]
    assert told["spread"] == pytest.approx(max(values) - min(values))
    assert [one["super_stimulus"] for one in told["images"]] == [one > told["natural"]["response"] for one in values]
    assert run_command_line(call, open_window=Mock(), run_demonstration=Mock()) == 2  # nothing is overwritten
