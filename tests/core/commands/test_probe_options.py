"""The attack options of `probe`: what they stand for, and one clear sentence for what cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.base.catalogue import Catalogue
from core.attacks.config import AttackMethod
from core.attacks.objective_config import ObjectiveKind
from core.commands import probe
from core.commands.cli import prepare
from core.commands.probe import format_min_norm
from core.encoders.card import BestLayer, LayerTable
from core.encoders.files import save_layer_table, user_encoders_folder
from core.errors import BadInputError
from core.probes.against import Against
from core.probes.probe import ProbeConfig
from core.probes.target import TargetKind
from core.types import NormName


class Resolved(Exception):
    """Carries the config that would be probed."""


def resolve(*words: str, roi: str = "FFA") -> ProbeConfig:
    def catch(_engine: object, config: ProbeConfig, _stimulus: object) -> None:
        raise Resolved(config)

    target = [] if {"--pattern", "--voxel"} & set(words) else ["--roi", roi]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Resolved) as caught:
        patch.setattr(probe, "make_probe", catch)
        prepare(["probe", *target, "--image", "astronaut_eileen", "--out", "x", *words])()
    config = caught.value.args[0]
    assert isinstance(config, ProbeConfig)
    return config


@pytest.fixture(scope="module")
def n_voxels() -> int:
    from core.datasets.subject import load_subject

    return load_subject("simulated").voxels.n_voxels


def test_nothing_said_is_the_plain_probe_of_before() -> None:
    config = resolve()
    assert config == ProbeConfig(config.subject, config.network, config.layer, config.target)


def test_every_option_reaches_the_config() -> None:
    config = resolve(
        *("--momentum", "1", "--diversity", "0.5", "--translation", "7", "--ensemble", "mobilenet_v2"),
        *("--contrast-roi", "PPA", "--contrast-weight", "0.5", "--selective", "2", "--min-norm", "1.5"),
    )
    attack = config.attack
    assert (attack.momentum, attack.diversity, attack.translation) == (1.0, 0.5, 7)
    assert config.ensemble == ("mobilenet_v2",)
    assert config.target.kind is TargetKind.CONTRAST
    assert (config.objective.kind, config.objective.weight) == (ObjectiveKind.SELECTIVE, 2.0)
    assert config.wanted_shift_sd == 1.5
    assert "momentum 1" in config.describe() and "with mobilenet_v2" in config.describe()
    assert "smallest budget for 1.5 SD" in config.describe() and "weight 2" in config.describe()


def test_a_preset_is_the_published_schedule_at_its_one_budget() -> None:
    config = resolve("--preset", "gaziv-linf-8", "--seed", "3")
    assert (config.attack.norm, config.attack.epsilon) == (NormName.LINF, 8 / 255)
    assert (config.attack.n_steps, config.attack.step_size) == (200, 1.2 / 255)
    assert config.ladder == (8 / 255,)
    assert config.attack.seed == 3


def test_square_counts_queries() -> None:
    attack = resolve("--method", "square", "--queries", "300").attack
    assert (attack.method, attack.n_queries) == (AttackMethod.SQUARE, 300)


@pytest.mark.parametrize("mode", ["distance", "cosine"])
def test_a_pattern_is_read_with_its_holes(tmp_path: Path, n_voxels: int, mode: str) -> None:
    wished = np.full(n_voxels, np.nan)
    wished[[3, 10]] = 1.5, -0.5
    np.savetxt(tmp_path / "wish.txt", wished)
    config = resolve("--pattern", str(tmp_path / "wish.txt"), "--pattern-mode", mode)
    assert (config.target.voxels, config.target.weights) == ((3, 10), (1.5, -0.5))
    assert config.objective.kind == mode


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--contrast-weight", "2"], "`contrast-weight` must be used with --contrast-roi, got 2.0"),
        (["--contrast-roi", "PPX"], "`roi` must be one of .*Did you mean 'PPA'"),
        (["--contrast-roi", "FFA"], "`contrast` must be another ROI than the target, got 'FFA'"),
        (["--pattern-mode", "cosine"], "`pattern-mode` must be used with --pattern, got 'cosine'"),
        (["--selective", "-1"], r"`selective` must be in \[0, 1e\+06\], got -1.0"),
        (["--preset", "gaziv-l2-5", "--epsilon", "3"], "`epsilon` must be left out with preset, got '3'"),
        (["--preset", "gaziv-l2-5", "--steps", "3"], "`steps` must be left out with preset"),
        (["--preset", "gaziv-l2-7"], "`preset` must be one of gaziv-l2-0.1, .*Did you mean"),
        (["--method", "apgd", "--momentum", "1"], "`momentum` must be 0 for apgd"),
        (["--method", "apgd", "--step-size", "1"], "`step_size` must be left out for apgd"),
        (["--method", "square", "--steps", "5"], "`steps` must be left out with method square, got 5. Its length"),
        (["--method", "square", "--diversity", "0.5"], "`diversity` must be 0 for square"),
        (["--queries", "100"], "`queries` must be left out for pgd, got 100. Only the method `square`"),
        (["--method", "sqare"], "`method` must be one of fgsm, pgd, apgd, square, got 'sqare'. Did you mean 'square'"),
        (["--ensemble", "mobilenet_v9"], "mobilenet_v9"),
        (["--ensemble", "mobilenet_v2_robust"], "`ensemble` must be other networks"),
        (["--ensemble", ","], "`ensemble` must be NET or NET,NET, got ','"),
        (["--min-norm", "0"], "`min-norm` must be a finite number above 0, got 0.0"),
        (["--diversity", "2"], r"`diversity` must be in \[0, 1\], got 2.0"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(words: list[str], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        resolve(*words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--selective", "1"], "`selective` must be left out with pattern, got 1.0"),
        (["--contrast-roi", "PPA"], "`contrast-roi` must be left out with pattern"),
        (["--min-norm", "1"], "`min-norm` must be left out with pattern"),
        (["--pattern-mode", "angle"], "`pattern-mode` must be one of distance, cosine, got 'angle'"),
        ([], r"`pattern` must be \d+ numbers, one a voxel \(nan where it does not matter\), got \(3,\)"),
    ],
)
def test_patterns_refuse_what_is_not_theirs(tmp_path: Path, words: list[str], message: str) -> None:
    np.save(tmp_path / "wish.npy", np.ones(3))
    with pytest.raises(BadInputError, match=message):
        resolve("--pattern", str(tmp_path / "wish.npy"), *words)


def test_a_file_that_is_no_pattern_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wish.txt").write_text("one two three")
    with pytest.raises(BadInputError, match="`pattern` must be a .npy file or a text file with one number a line"):
        resolve("--pattern", str(tmp_path / "wish.txt"))


def test_a_wish_is_told_in_one_sentence() -> None:
    goal = {"wanted_sd": 1.0, "reached": True, "epsilon": 0.123456, "largest": 3.0, "tolerance": 0.02}
    assert format_min_norm(goal, "l2") == "smallest epsilon for 1 SD: 0.1235 (to within 2%, allowed 3)"
    missed = goal | {"reached": False, "epsilon": None}
    assert format_min_norm(missed, "l2") == "a shift of 1 SD is not reached within epsilon 3: allow a larger --epsilon"


def test_without_a_layer_it_is_the_one_that_a_search_chose() -> None:
    assert resolve("--network", "alexnet").layer == "features.11"
    folder = user_encoders_folder()
    best = (
        BestLayer("(all)", "features.4", 0.4, "all.safetensors"),
        BestLayer("FFA", "features.7", 0.5, "f.safetensors"),
    )
    save_layer_table(LayerTable("simulated", "alexnet", best, ()), folder)
    assert resolve("--network", "alexnet").layer == "features.11"  # its encoders are gone
    for one in best:
        (folder / one.file).write_bytes(b"")
    assert resolve("--network", "alexnet").layer == "features.7"
    assert resolve("--network", "alexnet", roi="V1").layer == "features.4"
    assert resolve("--network", "alexnet", "--layer", "features.11").layer == "features.11"
    catalogue = Catalogue.read()
    assert catalogue.choose_encoder("simulated", "alexnet", "nothing") == ("alexnet", "features.4")
    assert catalogue.choose_encoder("simulated", "mobilenet_v2", "nothing") == ("mobilenet_v2", "features.18")


def test_a_second_encoder_reaches_the_config() -> None:
    config = resolve("--against", "alexnet_robust", "--agree", "--decided", "0.5", "--sharpness", "8")
    assert config.against == Against("alexnet_robust", "features.11", True, 8.0, 0.5)
    other_layer = resolve("--network", "alexnet", "--against", "alexnet:features.7").against
    assert other_layer == Against("alexnet", "features.7")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--against", "mobilenet_v2_robust"], "`second encoder` must be another one, got 'mobilenet_v2_robust"),
        (["--against", "alexnett"], "Did you mean 'alexnet'"),
        (["--against", "alexnet,vgg16"], "vgg16"),
        (["--against", "alexnet,mobilenet_v2"], "`against` must be one encoder of simulated.* has one second encoder"),
        (["--agree"], "`agree` must be used with --against"),
        (["--decided", "2"], "`decided` must be used with --against"),
        (["--decided", "0"], "`decided` must be used with --against"),
        (["--against", "alexnet", "--decided", "0"], "`decided` must be"),
        (["--against", "alexnet", "--sharpness", "-1"], "`sharpness` must be"),
        (["--against", "alexnet", "--ensemble", "mobilenet_v2"], "left out with an ensemble"),
        (["--against", "alexnet", "--min-norm", "1"], "left out with a smallest budget"),
        (["--against", "alexnet", "--selective", "1"], "left out with sparing other voxels"),
    ],
)
def test_a_second_encoder_that_cannot_be_is_refused(words: list[str], told: str) -> None:
    with pytest.raises(BadInputError, match=told):
        prepare(["probe", "--roi", "FFA", "--image", "astronaut_eileen", "--out", "x", *words])()
