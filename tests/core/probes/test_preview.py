"""Previews: a budget's own budget gives that budget back, other budgets are kept and truly scored."""

from __future__ import annotations

import numpy as np
import pytest

from core.attacks.config import AttackConfig
from core.encoders.encoder import Encoder
from core.errors import BadInputError
from core.images.stimulus import to_uint8
from core.probes.preview import preview
from core.probes.probe import Probe
from core.probes.respond import respond
from core.probes.run import iter_probe
from core.types import NormName
from tests.helpers.tiny_encoders import make_config, make_conv_encoder, make_linear_encoder, make_mid_grey, make_photo

BOTH = pytest.mark.parametrize("norm", list(NormName))
BUDGET = {NormName.L2: 0.8, NormName.LINF: 16 / 255}


def make_probe(encoder: Encoder, norm: NormName, *, quantise: bool = False, grey: bool = False) -> Probe:
    attack = AttackConfig(norm=norm, epsilon=BUDGET[norm], n_steps=4, quantise=quantise)
    stimulus = make_mid_grey() if grey else make_photo()
    *_, last = iter_probe(encoder, stimulus, make_config(encoder, attack), should_stop=lambda: False)
    assert last.result is not None
    return last.result


@BOTH
@pytest.mark.parametrize("quantise", [False, True])
def test_at_a_rung_it_is_the_rung(norm: NormName, quantise: bool) -> None:
    encoder = make_conv_encoder()
    probe = make_probe(encoder, norm, quantise=quantise)
    for number, epsilon in enumerate(probe.curve.epsilon):
        quick = preview(encoder, probe, float(epsilon))
        assert np.array_equal(quick.pixels, to_uint8(probe.rung_pixels[number]))
        assert quick.shift == pytest.approx(probe.curve.shift[number], abs=1e-5)
        assert np.linalg.norm(quick.delta) == pytest.approx(probe.curve.l2[number])
        assert np.abs(quick.delta).max() == pytest.approx(probe.curve.linf[number])


@BOTH
@pytest.mark.parametrize("quantise", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.03, 0.4, 0.9, 1.7])
def test_elsewhere_it_keeps_the_budget_and_scores_its_own_pixels(norm: NormName, quantise: bool, share: float) -> None:
    encoder = make_conv_encoder()
    probe = make_probe(encoder, norm, quantise=quantise)
    epsilon = share * BUDGET[norm]
    quick = preview(encoder, probe, epsilon)
    wide = quick.delta.astype(np.float64)
    size = np.linalg.norm(wide) if norm is NormName.L2 else np.abs(wide).max()
    assert size <= epsilon * (1 + 1e-6) + (1e-6 if quantise else 0)
    pixels = probe.clean_pixels + quick.delta
    np.testing.assert_allclose(quick.responses, respond(encoder, pixels[np.newaxis])[0], rtol=1e-5, atol=1e-5)
    assert quick.shift == pytest.approx(probe.of_target(quick.responses - probe.clean), abs=1e-6)
    assert quick.pixels.dtype == np.uint8


def test_linear_encoder_is_previewed_on_the_first_order_line() -> None:
    encoder = make_linear_encoder()
    probe = make_probe(encoder, NormName.L2, grey=True)
    slope = probe.curve.first_order[-1] / probe.curve.epsilon[-1]
    for epsilon in (0.02, 0.3, 0.55, 1.1):
        assert preview(encoder, probe, epsilon).shift == pytest.approx(epsilon * slope, rel=1e-3)


@pytest.mark.parametrize("epsilon", [-1.0, float("nan"), 1.01])
def test_a_budget_out_of_range_is_refused(epsilon: float) -> None:
    encoder = make_conv_encoder()
    with pytest.raises(BadInputError, match=r"`epsilon` must be in \[0, 1\]"):
        preview(encoder, make_probe(encoder, NormName.LINF), epsilon)
