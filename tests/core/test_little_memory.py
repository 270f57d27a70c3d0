"""Where memory runs out, batches are halved until they fit, with the same numbers; else a sentence says what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.attacks.config import AttackConfig
from core.commands.cli import run_command_line
from core.device import explain, run_smaller
from core.encoders.features import Extractor
from core.errors import BadInputError
from core.probes.respond import respond
from core.probes.run import iter_probe
from core.robustify.robustness import measure_robustness
from core.sweeps.attack_curve import AttackCurve, run_curve
from core.types import FloatArray
from tests.helpers.little_memory import ERRORS, room_for
from tests.helpers.tiny_encoders import make_config, make_conv_encoder, make_photo

ENCODER = make_conv_encoder()
PIXELS = np.stack([make_photo(seed=seed).pixels for seed in range(5)])


def find_responses() -> list[FloatArray]:
    return [respond(ENCODER, PIXELS)]


def find_features() -> list[FloatArray]:
    return [Extractor(ENCODER.network, 2).extract(PIXELS)]


def find_curve() -> list[FloatArray]:
    curve = AttackCurve(np.eye(5, dtype=np.float32)[0], 1, AttackConfig(epsilon=0.4, n_steps=3), (0.2, 0.4))
    found = run_curve(ENCODER, PIXELS, curve, keys=tuple("abcde"), should_stop=lambda: False)
    return [found[name] for name in ("shift", "control", "clean", "delta")]


def find_robustness() -> list[FloatArray]:
    network = ENCODER.network
    (found,) = measure_robustness(network, network, images=PIXELS, epsilons=[0.5], n_steps=3)
    return [np.asarray([found.original, found.original_pooled])]


@pytest.mark.parametrize("find", [find_responses, find_features, find_curve, find_robustness])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_less_at_once_gives_the_same_numbers(find: object, error: BaseException) -> None:
    wanted = find()  # type: ignore[operator]
    with room_for(2, error) as seen:
        found = find()  # type: ignore[operator]
    assert seen and max(seen) == 2
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("find", [find_responses, find_features, find_curve, find_robustness])
def test_where_nothing_fits_it_is_said(find: object) -> None:
    with (
        room_for(0),
        pytest.raises(BadInputError, match="Not even one stimulus at a time fits into memory. Close other"),
    ):
        find()  # type: ignore[operator]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_probe_that_does_not_fit_says_what_to_close(error: BaseException) -> None:
    encoder = ENCODER
    config = make_config(encoder, AttackConfig(epsilon=0.4, n_steps=3))
    with room_for(0, error), pytest.raises((RuntimeError, MemoryError)) as caught:
        list(iter_probe(encoder, make_photo(), config, should_stop=lambda: False))
    known = explain(caught.value)  # as the command line and the window do
    assert isinstance(known, BadInputError) and known.__cause__ is caught.value
    assert str(known).startswith("It does not fit into memory") and "Close other programs" in str(known)


def test_the_command_line_says_it_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 4.00 TiB for an array")

    monkeypatch.setattr("core.commands.cli.prepare", fail)
    assert run_command_line(["doctor"], open_window=fail, run_demonstration=fail) == 2  # type: ignore[arg-type]
    said = capsys.readouterr().err
    assert said.startswith("Error: It does not fit into memory (Unable to allocate 4.00 TiB for an array). Close other")
    assert said.count("\n") == 1


def test_other_errors_stay_what_they_are() -> None:
    for error in (RuntimeError("shapes differ"), ValueError("out of memory"), BadInputError("said")):
        assert explain(error) is error
    with pytest.raises(RuntimeError, match="shapes differ"):
        run_smaller(lambda _: (_ for _ in ()).throw(RuntimeError("shapes differ")), chunk=4)
