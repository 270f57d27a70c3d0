"""Whole encoders: their numbers by numpy, probes as those of the ordinary encoder, bounded memory; the bad refused."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import math
import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from core.attacks.config import AttackConfig
from core.attacks.mask import Mask
from core.checks import check_choice
from core.datasets.photos import list_images, load_stimulus
from core.datasets.subject import list_subjects, load_subject
from core.datasets.subject_files import remove_subject
from core.encoders.card import EncoderCard
from core.encoders.files import find_encoder, load_encoder_data
from core.encoders.importers.bind import ImportProgress, ImportRequest
from core.encoders.importers.whole import WholeOptions, iter_whole, read_voxels, suggest_subject
from core.encoders.library import export_encoder, find_entry, remove_encoder
from core.engine import Engine
from core.errors import BadInputError, ProbeError, WeightsError
from core.images.stimulus import Stimulus
from core.networks import code, whole
from core.networks.catalog import list_networks
from core.networks.code import hash_code
from core.networks.import_options import NetworkImportOptions
from core.networks.manage import check_network, remove_network
from core.probes.against import Against
from core.probes.preview import preview
from core.probes.probe import Probe, ProbeConfig
from core.probes.target import Target, TargetKind, target_roi, target_voxel
from core.types import Direction
from tests.helpers.whole_encoders import N_LARGE, N_VOXELS, SIDE, draw_weights

HELPERS = "tests.helpers.whole_encoders"
MADE: list[EncoderCard] = []


@pytest.fixture(autouse=True)
def _clean() -> Any:
    """Nothing of a test stays for the next one."""
    yield
    for card in MADE:
        config = card.config
        remove_encoder(config.name)
        remove_network(config.network)
        if config.subject != "simulated":
            remove_subject(config.subject)
    MADE.clear()


def take(name: str, *, side: int = SIDE, whole_options: WholeOptions | None = None, **asked: Any) -> ImportProgress:
    """Take in a function of the helpers, or a file."""
    source = name if "." in name else f"{HELPERS}:{name}"
    given: dict[str, Any] = {"new_subject": suggest_subject(source)} | asked
    if "subject" in asked:
        del given["new_subject"]
    request = ImportRequest("", "", **{"n_reference": 6, **given})
    options = NetworkImportOptions(trusted=True, input_size=side)
    *_, last = iter_whole(source, options, whole_options or WholeOptions(), request)
    assert last.result is not None
    MADE.append(last.result)
    return last


def names_of(card: EncoderCard) -> tuple[str, str, str]:
    return card.config.subject, card.config.network, card.config.layer


def run_probe(engine: Engine, config: ProbeConfig, stimulus: Stimulus) -> Probe:
    *_, last = engine.iter_probe(config, stimulus)
    assert last.result is not None
    return last.result


def test_a_linear_one_responds_and_shifts_as_numpy_says() -> None:
    card = take("make_linear", response_unit="z").result
    assert card is not None
    engine, weights = Engine(device="cpu"), draw_weights().astype(np.float64)
    stimulus = load_stimulus("cat_chelsea", size=SIDE)
    wanted = weights @ stimulus.pixels.ravel() + 1
    np.testing.assert_allclose(engine.predict(*names_of(card), stimulus), wanted, rtol=1e-5)
    images = [info.id for info in list_images()]
    shown = [images[index * len(images) // 6] for index in range(6)]
    seen = np.stack([weights @ load_stimulus(name, size=SIDE).pixels.ravel() + 1 for name in shown])
    np.testing.assert_allclose(card.reference_sd, seen.std(axis=0), rtol=1e-4)
    assert card.reference_mean is not None
    np.testing.assert_allclose(card.reference_mean, seen.mean(axis=0), rtol=1e-4)
    contrast = np.random.default_rng(1).standard_normal(N_VOXELS)
    encoder = engine.open_encoder(*names_of(card))
    assert encoder.target_sd(contrast) == pytest.approx((seen @ contrast).std(), rel=1e-4)
    assert encoder.target_mean(contrast) == pytest.approx((seen @ contrast).mean(), rel=1e-4)
    target = Target(TargetKind.WEIGHTS, "mixed", (2, 5), (0.5, -1.5))
    gradient = 0.5 * weights[2] - 1.5 * weights[5]
    attack = AttackConfig(epsilon=0.05, n_steps=4, quantise=False)
    probe = run_probe(engine, ProbeConfig(*names_of(card), target, attack=attack), stimulus)
    np.testing.assert_allclose(probe.curve.first_order, probe.curve.epsilon * np.linalg.norm(gradient), rtol=1e-4)
    delta = (probe.perturbed_pixels - probe.clean_pixels).astype(np.float64).ravel()
    assert probe.curve.shift[-1] == pytest.approx(gradient @ delta, rel=1e-3)
    *_, atlas = engine.iter_gradient_atlas(*names_of(card), stimulus)
    assert atlas.result is not None
    np.testing.assert_allclose(atlas.result.l2, np.linalg.norm(weights, axis=1), rtol=1e-5)
    np.testing.assert_allclose(atlas.result.l1, np.abs(weights).sum(axis=1), rtol=1e-5)
    mask = Mask(box=(0.0, 0.0, 0.5, 1.0), edge=0.2)
    *_, masked = engine.iter_gradient_atlas(*names_of(card), stimulus, mask=mask)
    shares = np.tile(mask.render(SIDE).ravel(), 3)
    assert masked.result is not None
    np.testing.assert_allclose(masked.result.l2, np.linalg.norm(shares * weights, axis=1), rtol=1e-5)


@pytest.fixture
def wrapped() -> EncoderCard:
    """The ordinary encoder of mobilenet_v2 once more, as a whole one of the same voxels."""
    card = take("make_wrapped", side=224, subject="simulated").result
    assert card is not None
    return card


def test_one_that_wraps_network_and_readout_is_probed_as_the_ordinary_encoder(wrapped: EncoderCard) -> None:
    engine, stimulus = Engine(device="cpu"), load_stimulus("cat_chelsea")
    table = load_subject("simulated").voxels
    own, plain = names_of(wrapped), ("simulated", "mobilenet_v2", "features.18")
    np.testing.assert_array_equal(engine.predict(*own, stimulus), engine.predict(*plain, stimulus))
    attack = AttackConfig(epsilon=1.0, n_steps=3)
    for target, direction in ((target_roi(table, "FFA"), Direction.LOWER), (target_voxel(table, 7), Direction.RAISE)):
        config = ProbeConfig(*plain, target, direction=direction, attack=attack)
        ordinary = run_probe(engine, config, stimulus)
        same = run_probe(engine, dataclasses.replace(config, network=own[1], layer=own[2]), stimulus)
        first, second = ((probe.perturbed_pixels - stimulus.pixels).ravel() for probe in (ordinary, same))
        assert first @ second / np.linalg.norm(first) / np.linalg.norm(second) > 0.9999
        np.testing.assert_allclose(same.curve.shift, ordinary.curve.shift, rtol=1e-3)  # steps add up the rounding
        np.testing.assert_allclose(same.curve.first_order, ordinary.curve.first_order, rtol=1e-5)
        seen = preview(engine.open_encoder(*own), same, 0.5)
        told = preview(engine.open_encoder(*plain), ordinary, 0.5)
        assert seen.shift == pytest.approx(told.shift, rel=1e-3)
    assert wrapped.n_test and wrapped.scored_on == "test-image"


def test_it_decides_against_a_linear_encoder(wrapped: EncoderCard) -> None:
    """Both encoders are the same but for their linear networks, so both shifts are the second's own numbers."""
    engine, stimulus = Engine(device="cpu"), load_stimulus("cat_chelsea")
    target = target_roi(load_subject("simulated").voxels, "V1")
    against = Against("alexnet", "features.11")
    config = ProbeConfig(*names_of(wrapped), target, attack=AttackConfig(epsilon=2.0, n_steps=6), against=against)
    probe = run_probe(engine, config, stimulus)
    assert probe.second is not None
    direction = target.vector(wrapped.n_voxels)
    for names, moved in ((names_of(wrapped), probe.curve.shift[-1]), (("simulated", "alexnet", "features.11"), None)):
        after, before = (
            engine.rescore(*names, pixels[None])[0] for pixels in (probe.perturbed_pixels, stimulus.pixels)
        )
        shift = float((after - before).astype(np.float64) @ direction)
        assert shift == pytest.approx(float(probe.second.shift[-1]) if moved is None else moved, rel=1e-3)
    assert probe.curve.shift[-1] > 0 > probe.second.shift[-1]


def test_330_000_responses_stay_within_bounded_memory() -> None:
    one_row = 4 * N_LARGE
    tracemalloc.start()
    card = take("make_large", n_reference=8).result
    assert card is not None
    engine, stimulus = Engine(device="cpu"), load_stimulus("cat_chelsea", size=SIDE)
    weights = np.zeros(N_LARGE)
    weights[[0, 170_000, N_LARGE - 1]] = 1.0, -1.0, 2.0
    encoder = engine.open_encoder(*names_of(card))
    sd = encoder.target_sd(weights)
    target = Target(TargetKind.WEIGHTS, "three", (0, 170_000, N_LARGE - 1), (1.0, -1.0, 2.0))
    probe = run_probe(engine, ProbeConfig(*names_of(card), target, attack=AttackConfig(n_steps=2)), stimulus)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150 * one_row  # a dense identity would take 330,000 of them
    mixing = dict(encoder.network.named_parameters())["body.inner.mixing"].numpy().astype(np.float64)
    images = [info.id for info in list_images()]
    shown = [load_stimulus(images[index * len(images) // 8], size=SIDE).pixels for index in range(8)]
    seen = np.stack([pixels.mean((0, 1)).reshape(8, -1).mean(1) for pixels in shown]).astype(np.float64)
    wanted = (seen @ (mixing[0] - mixing[170_000] + 2 * mixing[-1])).std()
    assert sd == pytest.approx(wanted, rel=1e-3) == probe.target_sd
    assert probe.perturbed.shape == (N_LARGE,)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("make_in_place", "changes its input in place"),
        ("make_keyed", "`key` must be one of betas, logits, got ''"),
        ("make_listed", "gives a tuple for 2 images, not a tensor"),
        ("make_maps", r"gives \(2, 3, 32, 32\) for 2 images, not a tensor"),
        ("make_numpy", "is not differentiable: Can't call numpy"),
        ("make_of_batch", "depend on the other images"),
        ("make_infinite", "are not finite"),
        ("make_constant", "gradient at the pixels is zero"),
        ("make_channels", "does not run on an RGB image of 32 x 32 pixels"),
        ("make_asking_the_network", "cannot be made: no route to host"),
        ("make_asking_when_run", "does not run on an RGB image of 32 x 32 pixels: no route to host"),
        ("make_refusing", "cannot be made: Failed to load model: no file. Fix the function"),
        ("make_refusing_silently", "cannot be made: AssertionError. Fix the function"),
        ("make_empty", r"gives \(2, 0\) for 2 images"),
        ("make_rounded", "gradient at the pixels is zero everywhere. Change the module"),
        ("make_double", "torch.float64, not torch.float32. Change the module"),
        ("make_unknown", "cannot be imported"),
    ],
)
def test_what_cannot_be_probed_is_a_sentence_and_leaves_nothing(name: str, told: str) -> None:
    before = [spec.id for spec in list_networks()], [info.id for info in list_subjects()]
    with pytest.raises(ProbeError, match=told) as caught:
        take(name)
    assert "\n" not in str(caught.value)
    assert before == ([spec.id for spec in list_networks()], [info.id for info in list_subjects()])


def test_another_size_is_refused() -> None:
    with pytest.raises(WeightsError, match="does not run on an RGB image of 40 x 40 pixels"):
        take("make_linear", side=40)


def test_code_runs_only_if_trusted() -> None:
    request = ImportRequest("", "", new_subject="untrusted")
    for source in (f"{HELPERS}:make_linear", "entry:anything"):
        with pytest.raises(BadInputError, match="only if you trust"):
            list(iter_whole(source, NetworkImportOptions(), WholeOptions(), request))


def test_the_key_of_a_dictionary_names_the_responses() -> None:
    card = take("make_keyed", whole_options=WholeOptions(key="logits")).result
    assert card is not None and card.n_voxels == 3
    stimulus = load_stimulus("cat_chelsea", size=SIDE)
    found = Engine(device="cpu").predict(*names_of(card), stimulus)
    np.testing.assert_allclose(found, stimulus.pixels.mean((1, 2)), rtol=1e-5)
    with pytest.raises(BadInputError, match="left out where no dictionary comes out"):
        take("make_linear", whole_options=WholeOptions(key="betas"))


def test_without_a_gradient_only_square_search_attacks_it() -> None:
    card = take("make_detached").result
    assert card is not None
    assert check_network(card.config.network).passed
    config = ProbeConfig(*names_of(card), Target(TargetKind.WEIGHTS, "first", (0,), (1.0,)))
    with pytest.raises(BadInputError, match="`square`"):
        run_probe(Engine(device="cpu"), config, load_stimulus("cat_chelsea", size=SIDE))


@pytest.mark.parametrize("ending", [".pt", ".pt2"])
def test_files_of_programs_respond_as_the_module(tmp_path: Path, ending: str) -> None:
    from tests.helpers.whole_encoders import Linear

    module, path = Linear().eval(), tmp_path / f"mine{ending}"
    example = torch.rand(2, 3, SIDE, SIDE)
    if ending == ".pt":
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.save(torch.jit.trace(module, example), str(path))  # type: ignore[no-untyped-call]
    else:
        batch = {0: torch.export.Dim("n")}
        torch.export.save(torch.export.export(module, (example,), dynamic_shapes=(batch,)), str(path))
    card = take(str(path), side=0 if ending == ".pt2" else SIDE).result
    assert card is not None and card.provenance is not None
    assert [name for name, _ in card.provenance.files] == [path.name]
    stimulus = load_stimulus("cat_chelsea", size=SIDE)
    wanted = draw_weights() @ stimulus.pixels.ravel() + 1
    np.testing.assert_allclose(Engine(device="cpu").predict(*names_of(card), stimulus), wanted, rtol=1e-5)


def test_weights_without_a_program_are_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "state.pt")
    with pytest.raises(WeightsError, match="weights without the program"):
        take(str(tmp_path / "state.pt"))


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of the user's, `changing_lab`, whose function needs helpers in all the ways there are."""
    files = {
        "__init__.py": "",
        "make.py": "from .near import Mine\ndef make():\n from changing_lab import late\n return Mine(late.SEED)\n",
        "near.py": f"import changing_beside\nfrom {HELPERS} import Linear as Mine\n",
        "late.py": "from .deep.data import SEED\n",
        "deep/__init__.py": "",
        "deep/data.py": "import math, numpy\nSEED = 0\n",
        "unrelated.py": "",
    }
    for name, text in files.items():
        (tmp_path / "changing_lab" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "changing_lab" / name).write_text(text)
    (tmp_path / "changing_beside.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [one for one in sys.modules if one.startswith("changing_")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    "changed",
    [
        "changing_lab/make.py",
        "changing_lab/near.py",
        "changing_lab/late.py",
        "changing_lab/deep/data.py",
        "changing_lab/deep/__init__.py",
        "changing_lab/__init__.py",
        "changing_beside.py",
    ],
)
def test_other_code_than_it_was_taken_in_with_is_refused(lab: Path, changed: str) -> None:
    """What a function computes is not all in its tensors, nor in its own file."""
    card = _take_plain("changing_lab.make:make")
    (lab / "changing_lab" / "unrelated.py").write_text("VALUE = 2\n")
    Engine(device="cpu").open_encoder(*names_of(card))
    with (lab / changed).open("a") as file:
        file.write("# a line\n")
    with pytest.raises(WeightsError, match="Its module or code changed, or a package that it imports: add it again"):
        Engine(device="cpu").open_encoder(*names_of(card))


def test_the_hash_of_code_is_that_of_another_process(lab: Path) -> None:
    """There nothing is imported that happens to be imported here."""
    importlib.import_module("changing_lab.unrelated")
    here = hash_code("changing_lab.make:make", nn.Identity())
    text = "from core.networks.code import hash_code; from torch.nn import Identity; "
    text += f"import sys; sys.path.insert(0, {str(lab)!r}); print(hash_code('changing_lab.make:make', Identity()))"
    told = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == here


def test_the_version_of_an_installed_package_counts(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (lab / "changing_beside.py").write_text("from sklearn.linear_model import Ridge\nimport torch\n")
    before = hash_code("changing_lab.make:make", nn.Identity())
    real, asked = importlib.metadata.version, list[str]()

    def say(name: str) -> str:
        asked.append(name)
        return real(name) + ".1"

    monkeypatch.setattr(code, "version", say)
    assert hash_code("changing_lab.make:make", nn.Identity()) != before
    assert asked == ["scikit-learn"], "torch has its own place in every probe"


def _take_plain(source: str) -> EncoderCard:
    request = ImportRequest("", "", new_subject=suggest_subject(source), n_reference=2)
    *_, last = iter_whole(source, NetworkImportOptions(trusted=True, input_size=SIDE), WholeOptions(), request)
    assert last.result is not None
    MADE.append(last.result)
    return last.result


def test_an_installed_package_offers_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "list_entry_points", lambda group: {"mine": f"{HELPERS}:make_linear"})
    assert _take_plain("entry:mine").config.network == f"{HELPERS}.make_linear"
    with pytest.raises(BadInputError, match="Did you mean 'mine'"):
        _take_plain("entry:mime")


def write_table(path: Path, columns: dict[str, Any]) -> Path:
    if path.suffix == ".npz":
        np.savez(path, allow_pickle=False, **{name: np.asarray(values) for name, values in columns.items()})
    else:
        rows = [list(columns), *zip(*columns.values(), strict=True)]
        path.write_text("\n".join(",".join(map(str, row)) for row in rows))
    return path


@pytest.mark.parametrize("ending", [".csv", ".npz"])
@pytest.mark.parametrize(
    ("surface", "largest"), [("fsaverage5", 10_241), ("fsaverage6", 40_961), ("fsaverage7", 163_841)]
)
def test_vertices_lie_on_the_cortex(tmp_path: Path, ending: str, surface: str, largest: int) -> None:
    vertex = np.linspace(0, largest, N_VOXELS).astype(int)
    side = ["left", "right"] * (N_VOXELS // 2)
    roi, r = ["V1"] * 4 + [""] * (N_VOXELS - 4), np.linspace(-0.2, 0.9, N_VOXELS)
    columns = {"hemisphere": side, "vertex": vertex, "roi": roi, "r": r}
    table = WholeOptions(write_table(tmp_path / f"voxels{ending}", columns), surface)
    card = take("make_linear", whole_options=table, response_unit="% signal change").result
    assert card is not None
    subject = load_subject(card.config.subject)
    assert (subject.surface, subject.response_unit) == ("fsaverage5", "% signal change")
    np.testing.assert_allclose(card.r, r, atol=1e-6)
    assert subject.voxels.hemisphere.tolist() == [0, 1] * (N_VOXELS // 2)
    assert list(subject.voxels.voxels_in("V1")) == [0, 1, 2, 3]
    kept = vertex < 10_242  # the first vertices of every fsaverage are those of fsaverage5
    np.testing.assert_array_equal(subject.voxels.vertex[kept], vertex[kept])
    assert subject.voxels.vertex.min() >= 0


def test_points_in_mm_lie_on_no_surface(tmp_path: Path) -> None:
    points: dict[str, Any] = {
        "mm": [1] * N_VOXELS,
        "x": np.linspace(-40, 40, N_VOXELS),
        "y": [1.0] * N_VOXELS,
        "z": [2.0] * N_VOXELS,
    }
    found = read_voxels(write_table(tmp_path / "points.csv", points), "")
    assert found.voxels.hemisphere.tolist() == [0] * 6 + [1] * 6
    assert found.surface == "" and not len(found.voxels.paint)
    assert "Columns of points.csv that are not used: mm" in found.remark


@pytest.mark.parametrize(
    ("columns", "surface", "told"),
    [
        (
            {"hemisphere": ["left"] * 5, "vertex": range(5)},
            "fsaverage5",
            "a line for each of the 12 responses, got '5'",
        ),
        ({"hemisphere": ["left"] * 12, "vertex": range(12)}, "", "`surface` must be named"),
        ({"hemisphere": ["left"] * 12, "vertex": [10_242] * 12}, "fsaverage5", "a vertex of fsaverage5, 0 to 10,241"),
        ({"hemisphere": ["left"] * 12, "vertex": [-1] * 12}, "fsaverage6", "a vertex of fsaverage6, 0 to 40,961"),
        ({"hemisphere": ["up"] * 12, "vertex": range(12)}, "fsaverage5", "left or right"),
        ({"hemisphere": ["left"] * 12, "vertex": range(12)}, "fsLR32k", "`surface` must be one of"),
        ({"roi": ["V1"] * 12, "r": [1.5] * 12}, "", "`r` must be in"),
        ({"roi": []}, "", "a line for each voxel"),
    ],
)
def test_a_table_that_does_not_fit_is_a_sentence(
    tmp_path: Path, columns: dict[str, Any], surface: str, told: str
) -> None:
    table = WholeOptions(write_table(tmp_path / "voxels.csv", columns), surface)
    with pytest.raises(BadInputError, match=told):
        take("make_linear", whole_options=table)


def test_a_subject_with_other_voxels_is_refused() -> None:
    with pytest.raises(BadInputError, match="one with 12 voxels, as many as responses, got 'simulated with 1,844'"):
        take("make_linear", subject="simulated")


def test_it_is_kept_shown_again_and_exported(tmp_path: Path) -> None:
    from core.encoders.importers.reference import iter_renew_reference
    from core.networks.load import load_network

    card = take("make_linear", n_reference=0).result
    assert card is not None
    entry = find_entry(card.config.name)
    encoder = Engine(device="cpu").open_encoder(*names_of(card))
    assert math.isnan(encoder.target_sd(np.ones(N_VOXELS))) and math.isnan(encoder.target_mean(np.ones(N_VOXELS)))
    *_, last = iter_renew_reference(entry.header, network=load_network(card.config.network), most=5)
    kept = load_encoder_data(find_encoder(*names_of(card)))
    assert last.result is not None and kept.covariance.shape == (5, N_VOXELS) and kept.weights is None
    np.testing.assert_allclose(np.linalg.norm(kept.covariance, axis=0), kept.card.reference_sd, rtol=1e-5)
    assert len(export_encoder(entry.config.name, tmp_path / "away")) == 3
    with pytest.raises(BadInputError, match="whole encoder"):
        export_encoder(entry.config.name, tmp_path / "away.npz", form="npz")
    assert check_choice("network", card.config.network, [spec.id for spec in list_networks()])
