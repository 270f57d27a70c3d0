"""The copied texts are run, and do what the window would do."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from core.attacks.config import AttackConfig, AttackMethod
from core.attacks.mask import paint_mask, parse_mask
from core.attacks.presets import find_preset
from core.cluster import run as cluster_run
from core.commands import compare, probe, surfaces, sweeps
from core.commands.cli import run_command_line
from core.commands.copied import copy_command, copy_python
from core.commands.works import CommandWork, ProbeWork, ask_comparison, ask_fingerprint, ask_set, ask_surface
from core.datasets import surface_choice
from core.datasets.image_store import find_stimulus
from core.datasets.subject import load_subject
from core.encoders.config import RoiRegion, ScoringConfig
from core.encoders.files import load_card
from core.encoders.fit_request import FitOptions, FitRequest
from core.engine import Engine
from core.errors import BadInputError
from core.experiments.measured.compare_config import CompareConfig
from core.experiments.measured.measured import MatchOptions
from core.experiments.measured.trial import ReadOptions
from core.probes import fingerprint
from core.probes.against import Against
from core.probes.choice import Choice, TargetOptions
from core.probes.files import load_probe
from core.probes.natural import list_seen
from core.probes.target import Target, target_pattern, target_roi, target_set, target_voxel
from core.stimuli import make
from core.stimuli.config import SetConfig
from core.stimuli.controls import ControlKind
from core.stimuli.layout import Layout
from core.stimuli.plan import list_recipes, resolve_plan
from core.surfaces import importer
from core.surfaces.importer import read_surface
from core.surfaces.project import project_volume
from core.surfaces.store import load_atlases, load_surface, remove_surface
from core.sweeps.config import AttackKind, EncoderName, Question, SweepConfig, TargetName
from core.types import Direction, NormName
from tests.helpers.surface_files import write_subject

IMAGE = "cat_chelsea"
TABLE = load_subject("simulated").voxels
FFA = target_roi(TABLE, "FFA")
PLAIN = Choice("simulated", "mobilenet_v2_robust", "features.18", FFA, attack=AttackConfig(n_steps=1))
SWEEP = SweepConfig(
    Question.TRANSFER,
    (
        EncoderName("simulated", "mobilenet_v2_robust", "features.18"),
        EncoderName("simulated", "mobilenet_v2", "features.18"),
    ),
    ("cat_chelsea", "astronaut_eileen"),
    (TargetName(-1, "FFA"), TargetName(817, "")),
    directions=tuple(Direction),
    norms=tuple(NormName),
    ladder=(0.1, 1 / 3),
    n_steps=3,
    gate=-0.5,
    n_test=17,
    seed=4,
    attacks=(AttackKind.PGD, AttackKind.SQUARE),
    n_queries=50,
    n_refit=77,
)
ALONE = replace(SWEEP, n_refit=SweepConfig.__dataclass_fields__["n_refit"].default)
"""The same without what only transfer has."""


def run(text: str) -> int:
    program, *words = shlex.split(text)
    assert program == "probescope"

    def refuse(*_words: object) -> int:
        raise AssertionError

    return run_command_line(words, open_window=refuse, run_demonstration=refuse)


def run_python(text: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    exec(text, made)
    return made


class Asked(Exception):
    """Carries what would be run."""


def catch(*words: Any, **_more: Any) -> Any:
    raise Asked(*[word for word in words if not isinstance(word, Engine)])


def caught(run_it: Callable[[str], object], text: str) -> tuple[Any, ...]:
    with pytest.raises(Asked) as found:
        run_it(text)
    return found.value.args


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "choice",
    [
        PLAIN,
        replace(
            PLAIN,
            target=target_voxel(TABLE, 817),
            direction=Direction.LOWER,
            attack=AttackConfig(n_steps=2, epsilon=1 / 3, mask=parse_mask("ellipse:0.1,0.2,0.8,0.9", edge=0.1)),
            aim=TargetOptions(contrast_roi="PPA", contrast_weight=1 / 3, spares_others=True, spare_weight=0.7),
        ),
    ],
)
def test_a_probe_comes_out_with_the_same_pixels(choice: Choice, capsys: pytest.CaptureFixture[str]) -> None:
    work, config = ProbeWork(choice, IMAGE), choice.probe_config(TABLE)
    *_, last = Engine(device="cpu").iter_probe(config, find_stimulus(IMAGE, config.side))
    assert last.result is not None
    assert run(copy_command(work)) == 0
    (folder,) = Path().iterdir()
    for made in (
        load_probe(next(folder.glob("*/*.json"), None) or find_probe(folder)),
        run_python(copy_python(work))["probe"],
    ):
        assert made.config == config
        np.testing.assert_array_equal(made.perturbed_pixels, last.result.perturbed_pixels)


def find_probe(folder: Path) -> Path:
    return next(one for one in folder.glob("*.json") if one.name != "manifest.json")


def painted() -> AttackConfig:
    levels = np.zeros((224, 224), dtype=np.uint8)
    levels[20:90, 50:200] = 255
    return AttackConfig(quantise=True, mask=paint_mask(levels))


@pytest.mark.parametrize(
    "choice",
    [
        replace(PLAIN, aim=TargetOptions(against=Against("mobilenet_v2", "features.18", True, 3.5, 0.8))),
        replace(PLAIN, aim=TargetOptions(against=Against("mobilenet_v2", "features.18"))),
        replace(PLAIN, aim=TargetOptions(wanted_shift_sd=1.25, ensemble=("mobilenet_v2",))),
        replace(PLAIN, attack=find_preset("gaziv-linf-8").apply(AttackConfig(seed=3, n_restarts=2))),
        replace(PLAIN, attack=AttackConfig(norm=NormName.LINF, epsilon=8 / 255, momentum=1.0, random_start=True)),
        replace(PLAIN, attack=AttackConfig(method=AttackMethod.SQUARE, n_queries=44)),
        replace(PLAIN, attack=AttackConfig(method=AttackMethod.FGSM, translation=7, diversity=0.25)),
        replace(PLAIN, attack=AttackConfig(step_size=0.125, n_steps=7)),
        replace(PLAIN, attack=painted()),
    ],
)
def test_every_kind_of_probe_asks_for_the_same(choice: Choice, monkeypatch: pytest.MonkeyPatch) -> None:
    work, config = ProbeWork(choice, IMAGE), choice.probe_config(TABLE)
    monkeypatch.setattr(probe, "make_probe", lambda _engine, *words: catch(*words))
    monkeypatch.setattr(Engine, "iter_probe", catch)
    for way, text in ((run, copy_command(work)), (run_python, copy_python(work))):
        asked, stimulus = caught(way, text)
        assert asked == config
        assert stimulus.sha256 == find_stimulus(IMAGE, config.side).sha256


def test_steps_that_a_method_does_not_take_are_not_asked_for() -> None:
    odd = replace(PLAIN, attack=AttackConfig(method=AttackMethod.SQUARE, n_steps=9))
    assert "--steps" not in copy_command(ProbeWork(odd, IMAGE))


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (replace(PLAIN, target=target_set(TABLE, [1, 2, 3])), "no option for set of 3 voxels"),
        (replace(PLAIN, target=target_pattern(TABLE, np.arange(TABLE.n_voxels) / 9.0, label="p")), "no option for p"),
        (replace(PLAIN, attack=AttackConfig(step_rule="fixed", n_steps=4)), "the same attack"),  # type: ignore[arg-type]
    ],
)
def test_what_the_command_line_lacks_is_refused_and_python_has_it(
    choice: Choice, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = ProbeWork(choice, IMAGE)
    with pytest.raises(BadInputError, match=said):
        copy_command(work)
    monkeypatch.setattr(Engine, "iter_probe", catch)
    assert caught(run_python, copy_python(work))[0] == choice.probe_config(TABLE)


@pytest.mark.parametrize("choice", [Choice(), replace(PLAIN, target=None)])
def test_what_is_not_chosen_is_asked_for(choice: Choice) -> None:
    with pytest.raises(BadInputError):
        copy_command(ProbeWork(choice, IMAGE))


@pytest.mark.parametrize(
    "config",
    [
        SWEEP,
        replace(SWEEP, refitted=(0, 1)),
        replace(
            ALONE, question=Question.FRAGILITY, attacks=(AttackKind.MI,), norms=(NormName.LINF,), ladder=(4 / 255,)
        ),
        replace(ALONE, question=Question.MEANING, attacks=(AttackKind.PGD,), directions=(Direction.LOWER,)),
        replace(ALONE, question=Question.DISCRIMINABILITY, attacks=(AttackKind.PGD,), norms=(NormName.L2,)),
        replace(ALONE, question=Question.DISAGREEMENT, attacks=(AttackKind.PGD,), decided_sd=0.75, sharpness=3.0),
    ],
)
def test_an_analysis_asks_for_the_same(config: SweepConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    work = config
    monkeypatch.setattr(sweeps, "measure_step_seconds", lambda *_words, **_more: {})
    monkeypatch.setattr(Engine, "iter_sweep", catch)
    monkeypatch.setattr(sweeps, "_compute", lambda _work, asked, _estimate, *, out, **_more: catch(asked, out))
    assert caught(run, copy_command(work))[0] == config
    assert caught(run_python, copy_python(work)) == (config, Path(str(config.question)))


def test_an_analysis_with_a_setting_of_its_own_is_refused() -> None:
    with pytest.raises(BadInputError, match="confidence"):
        copy_command(replace(SWEEP, confidence=0.9))


LAYER = "features.18"
MIXED: tuple[dict[str, Any], ...] = (
    {"networks": ["mobilenet_v2_robust", "mobilenet_v2"], "mask": "box:0,0,0.5,1"},
    {"levels": "2", "quantise": True},
    {"controversial": ["mobilenet_v2_robust", "mobilenet_v2"]},
)
PLANS: tuple[dict[str, Any], ...] = (
    {"rois": ["FFA"], "voxels": ["817"], "budgets": ["l2:0.3", "linf:8/255"], "steps": 3, "quantise": True},
    {"rois": ["PPA"], "levels": "-2:2:3", "seeds": 2, "budgets": "l2:20", "picture_px": 448, "degrees": 8.4},
    {"rois": ["FFA"], "controversial": ["mobilenet_v2_robust", "mobilenet_v2"], "decided": 0.5, "controls": ["random"]},
    {"rois": ["FFA"], "mask": "box:0,0,0.5,1", "mask_edge": 0.1, "transfer": ["mobilenet_v2"], "name": "my set"},
)


@pytest.mark.parametrize("options", PLANS)
def test_a_plan_makes_the_same_set(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    plan = resolve_plan(options | ({} if "levels" in options else {"images": [IMAGE]}))
    work = plan
    monkeypatch.setattr(make, "iter_make", catch)  # of Python
    monkeypatch.setattr(cluster_run, "iter_set", catch)  # of the command
    for way, text in ((run, copy_command(work)), (run_python, copy_python(work))):
        recipes, delivery, folder = caught(way, text)
        assert (recipes, delivery, str(folder)) == (list_recipes(plan), plan.delivery, plan.delivery.name)


def test_a_tray_of_any_probes_makes_the_same_set(monkeypatch: pytest.MonkeyPatch) -> None:
    config = SetConfig("two", (ControlKind.RANDOM,), Layout(picture_px=448, degrees=8.4), (("mobilenet_v2", LAYER),))
    plans = [resolve_plan({"images": [IMAGE], "rois": ["FFA"], "controls": ["random"]} | more) for more in MIXED]
    items = [recipe for plan in plans for recipe in list_recipes(plan)]
    assert len(items) == 6, "of two networks, a level, three controversial ones"
    monkeypatch.setattr(make, "iter_make", catch)  # of Python
    monkeypatch.setattr(cluster_run, "iter_set", catch)  # of the command
    work = ask_set(items, config)
    for way, text in ((run, copy_command(work)), (run_python, copy_python(work))):
        recipes, delivery, folder = caught(way, text)
        assert (list(recipes), delivery, str(folder)) == (items, config, "two")
    assert ask_set(items, config) == work, "the same tray is kept once"
    with pytest.raises(BadInputError, match="The tray is empty"):
        ask_set([], config)


@pytest.mark.parametrize("target", [FFA, target_voxel(TABLE, 817)])
def test_a_fingerprint_asks_for_the_same(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    aim = TargetOptions(contrast_roi="PPA")  # which the fingerprint does not have
    work = ask_fingerprint(replace(PLAIN, target=target, aim=aim))
    monkeypatch.setattr(fingerprint, "iter_fingerprint", catch)
    for way, text in ((run, copy_command(work)), (run_python, copy_python(work))):
        encoder, subject, asked, images = caught(way, text)
        assert encoder.card.sha256 == load_card("simulated", PLAIN.network, PLAIN.layer).sha256
        assert (subject.id, asked, images) == ("simulated", target, list_seen(subject))


def test_an_exported_encoder_is_the_same() -> None:
    name = f"simulated-{PLAIN.network}-{PLAIN.layer}"
    for way, copy in ((run, copy_command), (run_python, copy_python)):
        out = Path(f"{copy.__name__}.npz")
        way(copy(CommandWork("encoders export", {"encoder": name, "out": out, "format": "npz"})))
    first, second = (np.load(f"{one}.npz") for one in ("copy_command", "copy_python"))
    encoder = Engine(device="cpu").open_encoder("simulated", PLAIN.network, PLAIN.layer)
    assert first.files == second.files
    for made in (first, second):
        np.testing.assert_array_equal(made["intercept"], encoder.intercept.numpy())


def test_a_surface_is_added_used_and_drawn_on_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_subject(tmp_path / "subject")
    affine = np.array([[2.0, 0, 0, -90], [0, 2, 0, -110], [0, 0, 2, -70], [0, 0, 0, 1]])
    volume = np.random.default_rng(0).normal(size=(100, 100, 90)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(volume, affine), "volume.nii")
    expected = read_surface([folder], name="own", atlas="aparc")
    for way, copy in ((run, copy_command), (run_python, copy_python)):
        way(copy(ask_surface([folder], "own", "aparc", "")))
        np.testing.assert_array_equal(
            load_surface("own").left.geometries["pial"], expected.surface.left.geometries["pial"]
        )
        assert [one.name for one in load_atlases("own")] == [one.name for one in expected.atlases]
        values = {"surface": "own", "volume": Path("volume.nii"), "out": Path(f"{copy.__name__}.npz")}
        way(copy(CommandWork("surfaces project", values)))
        with np.load(f"{copy.__name__}.npz") as made:
            np.testing.assert_array_equal(made["left"], project_volume(Path("volume.nii"), expected.surface)[0])
        remove_surface("own")
    work = ask_surface([], "fsaverage", "", "simulated")
    monkeypatch.setattr(importer, "fetch_fsaverage", catch)
    text = copy_command(work)
    assert text == "probescope surfaces fetch fsaverage && probescope surfaces use fsaverage --subject simulated"
    assert caught(run, text.partition(" && ")[0]) == caught(run_python, copy_python(work)) == ("fsaverage",)
    for module in (surface_choice, surfaces):
        monkeypatch.setattr(module, "choose_surface", catch)
    work = CommandWork("surfaces use", {"surface": "fsaverage5", "subject": "simulated"})
    assert caught(run, copy_command(work))[0] == caught(run_python, copy_python(work))[0] == "simulated"


@pytest.mark.parametrize(
    "request_",
    [
        FitRequest("simulated", "mobilenet_v2", ("features.18",), FitOptions(alphas=(0.5, 10.0), n_folds=4)),
        FitRequest(
            "simulated",
            "alexnet",
            ("features.2", "features.5"),
            FitOptions(
                pool=3,
                regions=(RoiRegion("V1", -0.5, -0.5, 0.25, 1 / 3),),
                scoring=ScoringConfig(n_outer=3, categories=("face",), n_bootstrap=50, seed=0),
            ),
        ),
    ],
)
def test_a_fit_asks_for_the_same(request_: FitRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    work = request_
    monkeypatch.setattr(Engine, "iter_fit", catch)
    for way, text in ((run, copy_command(work)), (run_python, copy_python(work))):
        assert caught(way, text)[0] == request_


def test_a_comparison_reads_the_same_files_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = ReadOptions(ids=(Path("a b.txt"),), rois=(("FFA", Path("ffa.nii.gz")),), resample=True)
    matching = MatchOptions(target_columns={"": "ffa mean"}, ignore_unknown=True, zscore=True, unit="%")
    config = CompareConfig(seed=3, n_bootstrap=150)
    work = ask_comparison(Path("my set"), (Path("run 1.csv"),), reading, matching, config)
    from core.experiments.measured import trials

    monkeypatch.setattr(trials, "open_measured", catch)
    assert caught(run, copy_command(work)) == (Path("my set"), [Path("run 1.csv")], reading, matching)
    assert caught(run_python, copy_python(work)) == (Path("my set"), (Path("run 1.csv"),), reading, matching)
    monkeypatch.setattr(trials, "open_measured", lambda *_words: "measured")
    monkeypatch.setattr(compare, "iter_compare", lambda _measured, asked, **_more: catch(asked))
    assert caught(run, copy_command(work)) == (config,)
