"""Controls have the saved perturbed image's norm, whole grey levels, and the direction their name says."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import BadInputError
from core.images.stimulus import from_uint8, to_uint8
from core.probes.probe import Probe
from core.stimuli.controls import ControlKind, make_control
from core.types import NormName
from tests.helpers.probes import make_probe

SIDE = 48


def size(delta: np.ndarray, norm: NormName) -> float:
    return float(np.abs(delta).max() if norm is NormName.LINF else np.linalg.norm(delta.astype(np.float64)))


def saved_delta(probe: Probe) -> np.ndarray:
    return from_uint8(to_uint8(probe.perturbed_pixels)) - probe.clean_pixels


@pytest.fixture(params=[(NormName.L2, 3.0), (NormName.LINF, 8 / 255)], ids=["l2", "linf"])
def probe(request: pytest.FixtureRequest) -> Probe:
    norm, epsilon = request.param
    return make_probe(44, SIDE, norm=norm, epsilon=epsilon)


@pytest.mark.parametrize("kind", list(ControlKind))
def test_every_control_has_the_norm_of_the_saved_perturbed_image(probe: Probe, kind: ControlKind) -> None:
    donor = np.roll(saved_delta(probe), 7, axis=2)
    control = make_control(kind, probe, donor=donor)
    norm = probe.config.attack.norm
    wanted = size(saved_delta(probe), norm)
    assert size(control - probe.clean_pixels, norm) == pytest.approx(wanted, rel=0.005)
    assert size(control - probe.clean_pixels, norm) <= wanted * (1 + 1e-6)
    np.testing.assert_array_equal(from_uint8(to_uint8(control)), control)
    assert control.min() >= 0 and control.max() <= 1


def test_the_sign_flip_points_the_other_way() -> None:
    probe = make_probe(44, SIDE)
    flipped = make_control(ControlKind.SIGN_FLIP, probe) - probe.clean_pixels
    delta = saved_delta(probe)
    cosine = (flipped * delta).sum() / np.linalg.norm(flipped) / np.linalg.norm(delta)
    assert cosine < -0.95


def test_the_blend_lowers_contrast() -> None:
    probe = make_probe(44, SIDE)
    assert make_control(ControlKind.CONTRAST_BLEND, probe).std() < probe.clean_pixels.std()


def test_scrambled_phases_keep_the_spectrum_and_lose_the_place() -> None:
    probe = make_probe(44, SIDE, epsilon=6.0)
    delta = saved_delta(probe)
    scrambled = make_control(ControlKind.PHASE_SCRAMBLED, probe) - probe.clean_pixels
    spectra = [np.abs(np.fft.fft2(one)).ravel() for one in (delta, scrambled)]
    assert np.corrcoef(*spectra)[0, 1] > 0.9
    assert abs(np.corrcoef(delta.ravel(), scrambled.ravel())[0, 1]) < 0.3


def test_another_images_perturbation_is_taken_as_it_is() -> None:
    probe = make_probe(44, SIDE)
    donor = np.roll(saved_delta(probe), 5, axis=1)
    control = make_control(ControlKind.OTHER_IMAGE, probe, donor=donor) - probe.clean_pixels
    assert np.corrcoef(control.ravel(), donor.ravel())[0, 1] > 0.95


def test_a_control_without_its_donor_says_what_to_add() -> None:
    with pytest.raises(BadInputError, match=r"'other image' of face_01 needs .* Add a probe of another image"):
        make_control(ControlKind.OTHER_IMAGE, make_probe(44, SIDE))


def test_the_same_probe_has_the_same_controls() -> None:
    one, two = (make_control(ControlKind.RANDOM, make_probe(44, SIDE)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
