"""Where memory runs out, batches are halved until they fit, with the same numbers; else a sentence says what to do."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from core.attacks.config import AttackConfig
from core.commands.cli import run_command_line
from core.datasets.import_options import ImportOptions
from core.datasets.importer import iter_import
from core.datasets.subject import load_responses, load_subject
from core.device import explain, run_smaller
from core.encoders.features import Extractor
from core.errors import BadInputError
from core.probes.respond import respond
from core.probes.run import iter_probe
from core.robustify.robustness import measure_robustness
from core.surfaces.volumes import grid_of, iter_trials
from core.sweeps.attack_curve import AttackCurve, run_curve
from core.types import FloatArray
from tests.core.datasets.test_importer import make_recording
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


class LittleNumpy:
    """numpy, whose `empty` holds no more than so many voxels at once."""

    def __init__(self, most: int, error: BaseException) -> None:
        self.most, self.error, self.seen = most, error, list[int]()

    def __getattr__(self, name: str) -> object:
        return getattr(np, name)

    def empty(self, shape: tuple[int, int], dtype: type = float) -> FloatArray:
        if shape[1] > self.most:
            raise self.error
        self.seen.append(shape[1])
        return np.empty(shape, dtype=dtype)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_import_takes_fewer_voxels_at_once(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    values = np.random.default_rng(1).normal(5, 2, size=(5, 4)).astype(np.float32)
    values[2, 0] = np.nan
    recording, options = make_recording(values, zscore=True), ImportOptions
    list(iter_import(recording, options("whole", held_out="0.3")))
    little = LittleNumpy(1, error)
    monkeypatch.setattr("core.datasets.importer.np", little)
    list(iter_import(recording, options("parts", held_out="0.3")))
    assert set(little.seen) == {1}
    np.testing.assert_array_equal(load_responses("parts"), load_responses("whole"))
    assert load_subject("parts").voxels.n_voxels == 3
    monkeypatch.setattr("core.datasets.importer.np", LittleNumpy(0, error))
    with pytest.raises(BadInputError, match="Not even one voxel at a time fits into memory. Close other programs"):
        list(iter_import(recording, options("none", held_out="0.3")))


def test_volumes_are_read_in_smaller_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    betas = np.random.default_rng(2).normal(size=(2, 3, 2, 9)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(betas, np.eye(4)), tmp_path / "betas.nii")
    whole, read = np.asarray, []

    def asarray(values: object, **given: object) -> FloatArray:
        found = whole(values, **given)  # type: ignore[call-overload]
        if found.ndim == 4 and found.shape[3] > 2:
            raise MemoryError("Unable to allocate 4 GiB")
        read.append(found.shape)
        return found

    path, grid = tmp_path / "betas.nii", grid_of(tmp_path / "betas.nii")
    monkeypatch.setattr("core.surfaces.volumes.np.asarray", asarray)
    found = np.concatenate(list(iter_trials(path, grid, np.arange(12))))
    monkeypatch.undo()
    assert [shape[3] for shape in read if len(shape) == 4] == [2, 2, 2, 2, 1]
    np.testing.assert_array_equal(found, betas.reshape(12, 9).T)
