"""A vote is what its encoder predicts for the saved float picture, counted in that encoder's own SDs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from core.attacks.config import AttackConfig
from core.errors import BadInputError
from core.probes.files import load_probe, save_probe
from core.probes.jury import vote
from core.probes.run import iter_probe
from tests.helpers.tiny_encoders import make_config, make_conv_encoder, make_linear_encoder, make_photo


def test_it_is_what_the_encoder_says_of_the_saved_picture(tmp_path: Path) -> None:
    made_on, asked = make_linear_encoder(), make_conv_encoder()
    attack = AttackConfig(epsilon=0.8, n_steps=3)
    *_, last = iter_probe(made_on, make_photo(), make_config(made_on, attack), should_stop=lambda: False)
    assert last.result is not None
    probe = load_probe(save_probe(last.result, tmp_path / "probe"))
    target = np.zeros(asked.n_voxels)
    target[:3] = 1 / 3
    with torch.no_grad():
        before, after = (
            asked(torch.from_numpy(pixels)[None])[0].double().numpy()
            for pixels in (probe.clean_pixels, probe.perturbed_pixels)
        )
    weights = asked.weights.double().numpy() @ target
    sd = np.sqrt(weights @ asked.covariance.double().numpy() @ weights)
    found = vote(asked, target, probe.clean_pixels, probe.perturbed_pixels)
    assert found.shift_sd == pytest.approx(target @ (after - before) / sd, rel=1e-4)
    np.testing.assert_allclose(found.voxels_sd, (after - before) / asked.card.reference_sd, rtol=1e-3, atol=1e-5)
    own = vote(made_on, probe.target_vector, probe.clean_pixels, probe.perturbed_pixels)
    assert own.shift_sd == pytest.approx(probe.curve.shift[-1] / probe.target_sd, rel=1e-5)
    np.testing.assert_allclose(own.voxels_sd, probe.shift_sd, rtol=1e-4, atol=1e-6)


def test_what_it_cannot_say() -> None:
    encoder, pixels = make_linear_encoder(), make_photo().pixels
    with pytest.raises(BadInputError, match="Resize the image"):
        vote(encoder, None, pixels[:, :4, :4], pixels[:, :4, :4])
    with pytest.raises(BadInputError, match="one a voxel"):
        vote(encoder, np.ones(encoder.n_voxels + 1), pixels, pixels)
    same = vote(encoder, np.zeros(encoder.n_voxels), pixels, pixels)
    assert np.isnan(same.shift_sd), "a target that never varies has no SD"
    assert vote(encoder, None, pixels, pixels).voxels_sd.shape == (encoder.n_voxels,)
    assert not same.is_late and dataclasses.replace(same, is_late=True).is_late
