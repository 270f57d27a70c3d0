"""What dialogs copy is run, as a command and as Python, and does what the dialog would do."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.attacks.config import AttackConfig
from core.commands import imports, package, probe, sweeps
from core.commands.copied import copy_command, copy_python
from core.commands.works import CommandWork, ProbeWork, ask_drawing
from core.datasets import importer, kinds
from core.datasets.image_store import find_stimulus
from core.datasets.import_options import ImportOptions
from core.encoders.importers import bind
from core.encoders.importers import open as opening
from core.encoders.importers.bind import ImportRequest
from core.encoders.importers.whole import WholeOptions
from core.engine import Engine
from core.errors import BadInputError
from core.experiments.measured import design, planned
from core.experiments.measured.design import DesignConfig
from core.experiments.packages import package as packages
from core.experiments.packages import plan as package_plan
from core.experiments.packages.orders import OrderConfig
from core.experiments.packages.package import PackageKind
from core.experiments.packages.template import Template
from core.experiments.packages.timing import Screen, Timing
from core.figures.figure import write_figure
from core.figures.figure_config import FigureConfig, FigureKind
from core.figures.movie import iter_movie
from core.figures.movie_config import CortexStyle, Motion, MovieConfig, MovieKind
from core.networks import importing
from core.networks.import_options import NetworkImportOptions
from core.probes import trade_off
from core.probes.probe import Probe
from core.probes.target import target_voxel
from core.probes.trade_off import WEIGHTS
from core.robustify import run as robustify_run
from core.robustify import train
from core.robustify.config import RobustifyOptions
from core.stimuli import manifest
from core.sweeps import cells
from core.sweeps.choose import choose_encoders
from core.sweeps.study.config import StudyConfig, make_quick
from core.types import NormName
from tests.core.commands.test_copied import IMAGE, PLAIN, TABLE, catch, caught, run, run_python

SMALL = MovieConfig(fps=5, seconds=0.6, hold=0.2, width=480, height=360)
FIGURE = FigureConfig(FigureKind.IMAGES, width_cm=9.0, height_cm=4.2, dpi=80)


@pytest.fixture(scope="module")
def shown() -> Probe:
    config = PLAIN.probe_config(TABLE)
    *_, last = Engine(device="cpu").iter_probe(config, find_stimulus(IMAGE, config.side))
    assert last.result is not None
    return last.result


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def both(work: Any) -> tuple[tuple[Callable[[str], object], str], ...]:
    return (run, copy_command(work)), (run_python, copy_python(work))


@pytest.mark.parametrize(("config", "ending"), [(SMALL, "gif"), (FIGURE, "png")])
def test_a_drawing_of_the_probe_is_the_same_file(shown: Probe, config: MovieConfig | FigureConfig, ending: str) -> None:
    work, own = ask_drawing(ProbeWork(PLAIN, IMAGE), shown, config, ending), Path(f"own.{ending}")
    if isinstance(config, MovieConfig):
        assert list(iter_movie(shown, config, own))
    else:
        write_figure(shown, config, own)
    first, second = copy_command(work).split(" && ")
    out = Path(shlex.split(second)[shlex.split(second).index("--out") + 1])
    assert [run(first), run(second)] == [0, 0]
    assert out.read_bytes() == own.read_bytes()
    out.unlink()
    run_python(copy_python(work))
    assert out.read_bytes() == own.read_bytes()


@pytest.mark.parametrize(
    "config",
    [
        MovieConfig(MovieKind.CORTEX, theme="dark", loops=3, style=CortexStyle("r", "pial", "left", gate_r=0.0)),
        replace(SMALL, with_cortex=True, style=CortexStyle(outlines=False, labels=False, path=True)),
        MovieConfig(MovieKind.CORTEX, style=CortexStyle(motion=Motion.UNFOLD, view="ventral")),
        FigureConfig(FigureKind.CORTEX, font_size=6.5, transparent=True, style=CortexStyle("clean", "flat")),
        FigureConfig(theme="dark"),
    ],
)
def test_a_drawing_with_the_cortex_asks_for_the_same(
    shown: Probe, config: MovieConfig | FigureConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.figures import cortex_renderer

    work = ask_drawing(ProbeWork(PLAIN, IMAGE), shown, config, "png")
    assert copy_command(work).startswith("probescope probe ")  # read back and compared by itself
    monkeypatch.setattr(Engine, "iter_probe", lambda *_words: iter([SimpleNamespace(result=shown)]))
    monkeypatch.setattr(cortex_renderer, "render_probe", lambda made, style, theme: catch(made, style, theme))
    assert caught(run_python, copy_python(work)) == (shown, config.style, config.theme)


def test_only_the_probe_on_screen_is_drawn(shown: Probe) -> None:
    for choice, image in (
        (replace(PLAIN, target=target_voxel(TABLE, 3)), IMAGE),
        (replace(PLAIN, attack=AttackConfig(n_steps=2)), IMAGE),
        (PLAIN, "astronaut_eileen"),
    ):
        with pytest.raises(BadInputError, match="another one than is chosen now"):
            ask_drawing(ProbeWork(choice, image), shown, SMALL, "gif")


def test_the_jury_says_the_same_of_the_picture(shown: Probe) -> None:
    usual = [tuple(one) for one in choose_encoders(("simulated",), ["all"])]
    work, engine = ProbeWork(PLAIN, IMAGE, jurors=tuple(usual)), Engine(device="cpu")
    expected = {
        key: engine.vote(key, shown.target_vector, shown.clean_pixels, shown.perturbed_pixels).shift_sd for key in usual
    }
    votes = run_python(copy_python(work))["votes"]
    assert {key: one.shift_sd for key, one in votes.items()} == expected
    assert run(copy_command(work)) == 0
    (folder,) = Path().iterdir()
    row = next(one for one in manifest.read_manifest(folder).rows if one.role == "raise")
    told = {name: one.shift_sd for name, one in row.transfer.items()}
    own = {f"{key[1]} {key[2]}": size for key, size in expected.items() if key[1] != PLAIN.network}
    assert told.keys() == own.keys()
    for name, size in own.items():  # of the saved 8-bit files
        assert told[name] == pytest.approx(size, abs=0.05)


def test_a_jury_that_no_command_asks_is_refused() -> None:
    with pytest.raises(BadInputError, match="copy it as Python"):
        copy_command(ProbeWork(PLAIN, IMAGE, jurors=(("simulated", "alexnet", "features.2"),)))


def test_a_trade_off_asks_for_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    work, config = ProbeWork(PLAIN, IMAGE, weights=WEIGHTS), PLAIN.probe_config(TABLE)
    monkeypatch.setattr(probe, "find_trade_off", lambda _engine, *words, **_more: catch(*words))
    asked, stimulus, weights = caught(run, copy_command(work))
    assert (asked, stimulus.id, weights) == (config, IMAGE, WEIGHTS)
    monkeypatch.setattr(trade_off, "iter_trade_off", lambda _run, config, weights: catch(config, weights))
    assert caught(run_python, copy_python(work)) == (config, WEIGHTS)


@pytest.mark.parametrize(
    "config",
    [
        StudyConfig(),
        replace(make_quick(3), noise=(0.5, 1 / 3), norm=NormName.LINF, epsilon=2 / 255, n_images=5),
        replace(StudyConfig(), candidates=StudyConfig().candidates[:4], n_steps=7),
    ],
)
def test_a_study_asks_for_the_same(config: StudyConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    work = CommandWork("study", {"config": config, "out": Path("study")})
    monkeypatch.setattr(sweeps, "_compute", lambda _work, asked, _estimate, *, out, **_: catch(asked, out))
    monkeypatch.setattr(cells, "begin_store", lambda _work, asked, out: catch(asked, out))
    for way, text in both(work):
        assert caught(way, text) == (config, Path("study"))
    with pytest.raises(BadInputError, match="confidence"):
        copy_command(CommandWork("study", {"config": replace(config, confidence=0.9), "out": Path("study")}))


@pytest.mark.parametrize(
    "template",
    [
        Template(),
        Template(
            Timing(stimulus_seconds=1.5, gap_seconds=0.25, trigger_key="t"),
            OrderConfig(repeats=3, participants=2, spacing=0, seed=5),
            Screen(degrees=5.5, width_cm=40.0, width_px=1024, height_px=768),
        ),
    ],
)
def test_a_package_is_written_by_the_same_template(template: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    def put_together(*words: object) -> tuple[object, ...]:
        return words

    for place in (package, package_plan):
        monkeypatch.setattr(place, "make_plan", put_together)
    for reader in (package, manifest):
        monkeypatch.setattr(reader, "read_manifest", str)
    for writer in (package, packages):
        monkeypatch.setattr(writer, "iter_package", catch)
    for kind in (PackageKind.PSYCHOPY, PackageKind.BRAINSCORE):
        screen = (template.screen.width_px, template.screen.height_px)
        values = {
            "stimuli": Path("my set"),
            "kind": kind,
            "template": template,
            "out": Path("made"),
            "screen_px": screen,
        }
        for way, text in both(CommandWork("package", values)):
            fitted = packages.fit_template(template, kind)
            assert caught(way, text) == (("my set", fitted), kind, Path("made"))
    grey = replace(template, screen=replace(template.screen, grey=0.25))
    with pytest.raises(BadInputError, match="screen"):
        copy_command(CommandWork("package", values | {"template": grey}))


def test_a_design_simulates_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "read_manifest", str)
    monkeypatch.setattr(planned, "plan_set", lambda name: SimpleNamespace(name=name))
    monkeypatch.setattr(design, "group_plan", lambda plan: f"groups of {plan.name}")
    monkeypatch.setattr(design, "iter_design", catch)
    for config in (DesignConfig(0.3), DesignConfig(noise_ceiling=1 / 3, averaged=4, slope=0.5, seed=2, repeats=(2, 9))):
        work = CommandWork("design", {"stimuli": Path("a set"), "config": config})
        for way, text in both(work):
            assert caught(way, text) == ("a set", "groups of a set", config)


def test_a_training_has_the_same_recipe_and_photographs(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("photos").mkdir()
    Image.fromarray(np.zeros((240, 240, 3), np.uint8)).save("photos/one.png")
    for place in (train, robustify_run):
        monkeypatch.setattr(place, "iter_robustify", catch)
    for options in (
        RobustifyOptions("mobilenet_v2", Path("photos")),
        RobustifyOptions("alexnet", Path("photos"), 1.5, 123, ("features.7",), 4, "my_id", "My title"),
    ):
        commanded, scripted = (caught(way, text) for way, text in both(CommandWork("robustify", {"options": options})))
        assert commanded == scripted
        assert (commanded[0].network, commanded[0].epsilon, commanded[0].n_images) == (
            options.network,
            options.epsilon,
            options.n_images,
        )


@pytest.mark.parametrize(
    "options",
    [
        NetworkImportOptions(),
        NetworkImportOptions(
            title="Mine: blurred",
            architecture="timm:resnet50",
            layers=("layer2", "layer4"),
            input_size=160,
            mean=(0.5, 0.25, 1 / 3),
            std=(0.2, 0.2, 0.2),
            robust=True,
            trusted=True,
        ),
    ],
)
def test_a_network_is_taken_in_alike(options: NetworkImportOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "import_network", catch)
    work = CommandWork("networks add", {"source": "my weights.pth", "options": options})
    for way, text in both(work):
        assert caught(way, text) == ("my weights.pth", options)


@pytest.mark.parametrize("is_simulated", [False, True])
def test_an_encoder_is_taken_in_alike(is_simulated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    kind: Any = "simulated" if is_simulated else "measured"
    request = ImportRequest("mobilenet_v2", "features.18", new_subject="s9", response_unit="%", kind=kind, pool=2)
    files, readout = (Path("w 1.npz"), Path("m.npy")), SimpleNamespace(network="", layer="")
    read: list[object] = []
    monkeypatch.setattr(opening, "read_readout", lambda paths, member="", **_more: read.append(paths) or readout)
    monkeypatch.setattr(opening, "hash_files", lambda _paths: ())
    monkeypatch.setattr(Engine, "open_network", lambda *_words, **_more: None)
    monkeypatch.setattr(bind, "iter_import", catch)
    monkeypatch.setattr(Engine, "iter_import", catch)
    values = {"kind": "auto", "files": files, "member": "", "request": request, "simulated": is_simulated}
    work = CommandWork("encoders import", values)
    copy_command(work)
    assert not read  # what stands in the files is not needed
    for way, text in both(work):
        assert caught(way, text) == (readout, request)
    assert [tuple(map(Path, paths)) for paths in read] == [files, files]  # type: ignore[call-overload]


def test_a_whole_encoder_is_taken_in_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "iter_whole", catch)
    options, whole = NetworkImportOptions(trusted=True, input_size=96), WholeOptions(Path("t.csv"), "fsaverage6", "y")
    request = ImportRequest("", "", new_subject="w", source="Somebody & others", n_reference=40, kind="simulated")
    values = {"module": "pack.mod:make", "options": options, "whole": whole, "request": request, "simulated": True}
    for way, text in both(CommandWork("encoders add", values)):
        assert caught(way, text) == ("pack.mod:make", options, whole, request)


def test_a_recording_is_imported_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    options = ImportOptions("s-01", "My title", rois=("FFA", "V1"), held_out="0.2", images=Path("im"), resample=True)
    for place in (imports, kinds):
        monkeypatch.setattr(place, "plan_import", lambda kind, source, asked: (kind, source, asked))
    for place in (imports, importer):
        monkeypatch.setattr(place, "iter_import", catch)
    work = CommandWork("import", {"kind": "nsd", "source": Path("my nsd"), "options": options})
    for way, text in both(work):
        assert caught(way, text) == (("nsd", Path("my nsd"), options), options)
