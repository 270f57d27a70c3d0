"""Whole encoders in every room, where the right answer is known by hand: their responses are W x + 1.

Two of them, of the same 12 voxels: V1 is the first four, FFA the next four, and four lie in no ROI.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import main
from core.attacks.config import AttackConfig
from core.datasets.photos import list_images, load_stimulus
from core.datasets.subject import load_subject
from core.encoders.files import load_card
from core.encoders.importers.bind import ImportRequest
from core.encoders.importers.whole import WholeOptions, iter_whole
from core.engine import Engine
from core.images.stimulus import Stimulus, make_stimulus
from core.networks.import_options import NetworkImportOptions
from core.probes.against import Against
from core.probes.files import load_probe
from core.probes.natural import iter_natural, list_seen
from core.probes.probe import Probe, ProbeConfig
from core.probes.reproduce import iter_reproduce
from core.probes.synthesis import iter_synthesis
from core.probes.synthesis_config import SynthesisConfig
from core.probes.target import target_roi, target_voxel
from core.session.files import read_session, write_session
from core.session.record import SessionRecord
from core.stimuli.make import iter_make
from core.stimuli.manifest import read_manifest
from core.stimuli.plan import list_recipes, resolve_plan
from core.stimuli.rebuild import compare_sets, iter_rebuild
from core.stimuli.store import ProbeStore
from core.surfaces.paint import VoxelMap
from core.sweeps.answer import answer_sweep
from core.sweeps.cells import begin_store
from core.sweeps.config import EncoderName, Question, SweepConfig, TargetName
from core.sweeps.gather import load_sweep
from core.sweeps.plan import CURVE, Cell
from core.sweeps.study.config import LayerName, StudyConfig
from core.sweeps.study.evaluate import evaluate_study
from core.sweeps.study.plan import FEATURES, STUDY, TRUTH, StudyCell
from core.sweeps.study.run import reduce_features
from core.types import Direction, NormName, VoxelTable
from tests.helpers.whole_encoders import N_VOXELS, SIDE, draw_weights

SUBJECT, N_REFERENCE = "whole_subject", 20
ROIS = ["V1"] * 4 + ["FFA"] * 4 + [""] * 4
FIRST, SECOND, THIRD = (
    EncoderName(SUBJECT, f"tests.helpers.whole_encoders.{name}", "output")
    for name in ("make_linear", "make_other", "make_third")
)
W, V = (draw_weights(seed).astype(np.float64) for seed in (0, 1))
DUAL = {NormName.L2: lambda rows: np.linalg.norm(rows, axis=-1), NormName.LINF: lambda rows: np.abs(rows).sum(axis=-1)}
EXACT: dict[str, Any] = {"quantise": False}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with both encoders."""
    folder = tmp_path_factory.mktemp("home")
    table = folder / "voxels.csv"
    table.write_text("hemisphere,vertex,roi\n" + "".join(f"left,{100 * n},{roi}\n" for n, roi in enumerate(ROIS)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROBESCOPE_HOME", str(folder))
        for name in ("make_linear", "make_other", "make_third"):
            whose = {"new_subject" if name == "make_linear" else "subject": SUBJECT}
            options = NetworkImportOptions(trusted=True, input_size=SIDE)
            request = ImportRequest("", "", n_reference=N_REFERENCE, **whose)  # type: ignore[arg-type]
            whole = WholeOptions(table, "fsaverage5")
            for _ in iter_whole(f"tests.helpers.whole_encoders:{name}", options, whole, request):
                pass
    return folder


@pytest.fixture(autouse=True)
def engine(home: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("PROBESCOPE_HOME", str(home))
    return Engine(device="cpu")


def reference(weights: Any) -> Any:
    """Responses (N_REFERENCE, n) to the reference images, by hand."""
    images = [info.id for info in list_images()]
    shown = [images[index * len(images) // N_REFERENCE] for index in range(N_REFERENCE)]
    return np.stack([weights @ load_stimulus(name, size=SIDE).pixels.ravel() + 1 for name in shown])


def grey() -> Stimulus:
    """Mid grey, from which no small perturbation meets a bound."""
    return make_stimulus("grey", np.full((SIDE, SIDE, 3), 128, np.uint8))


def probe(engine: Engine, stimulus: Stimulus, **settings: Any) -> Probe:
    target = settings.pop("target", target_voxel(load_subject(SUBJECT).voxels, 2))
    *_, last = engine.iter_probe(ProbeConfig(*FIRST, target, **settings), stimulus)
    assert last.result is not None
    return last.result


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize(("norm", "epsilon"), [(NormName.L2, 0.5), (NormName.LINF, 0.01)])
def test_a_probe_gains_epsilon_times_the_dual_norm(
    engine: Engine, norm: NormName, epsilon: float, direction: Direction
) -> None:
    target = target_roi(load_subject(SUBJECT).voxels, "V1")
    attack = AttackConfig(norm=norm, epsilon=epsilon, **EXACT)
    made = probe(engine, grey(), target=target, direction=direction, attack=attack)
    wanted = direction.sign * epsilon * DUAL[norm](W[:4].mean(axis=0))
    assert made.curve.shift[-1] == pytest.approx(wanted, rel=1e-3) == made.curve.first_order[-1]
    np.testing.assert_allclose(made.shift, W @ (made.perturbed_pixels - made.clean_pixels).ravel(), atol=1e-4)


@pytest.mark.parametrize("norm", list(NormName))
@pytest.mark.parametrize("off", [-0.11, 0.08])
def test_a_level_takes_the_gap_over_the_dual_norm(engine: Engine, norm: NormName, off: float) -> None:
    values = reference(W[2])
    start = (W[2] @ grey().pixels.ravel() + 1 - values.mean()) / values.std()
    largest = 5.0 if norm is NormName.L2 else 0.3
    made = probe(engine, grey(), attack=AttackConfig(norm=norm, epsilon=largest, **EXACT), level=start + off)
    assert made.level_reached == pytest.approx(start + off, abs=0.01)
    size = made.l2 if norm is NormName.L2 else made.linf
    assert size == pytest.approx(abs(off) * values.std() / DUAL[norm](W[2]), rel=0.3)
    moved = W[2] @ (made.perturbed_pixels - made.clean_pixels).ravel().astype(np.float64)
    assert moved == pytest.approx(off * values.std(), abs=0.006 * values.std())


def test_a_controversial_probe_lies_at_the_saddle_of_two_planes(engine: Engine) -> None:
    """The best of min(a . d, b . d) within a ball is its radius times the shortest point between a and b."""
    a, b = W[2] / reference(W[2]).std(), -V[2] / reference(V[2]).std()
    share = np.clip((b @ b - a @ b) / (a @ a + b @ b - 2 * a @ b), 0, 1)
    against = Against(SECOND.network, SECOND.layer, sharpness=1000.0)
    made = probe(engine, grey(), attack=AttackConfig(epsilon=0.5, n_steps=80, **EXACT), against=against)
    best = 0.5 * np.linalg.norm(share * a + (1 - share) * b)
    own, second = made.shifts_sd
    assert 0.97 * best < min(own, -second) <= best * 1.001
    assert own > 0 > second
    delta = (made.perturbed_pixels - made.clean_pixels).ravel().astype(np.float64)
    assert (own, second) == pytest.approx((a @ delta, -b @ delta), rel=1e-3)


def test_a_probe_is_reproduced_and_an_ensemble_moves_the_mean(engine: Engine) -> None:
    made = probe(engine, grey(), attack=AttackConfig(epsilon=0.5, n_steps=3))
    *_, last = iter_reproduce(engine.open_encoder(*FIRST), made, should_stop=lambda: False)
    assert last.result is not None and last.result.identical
    both = probe(engine, grey(), attack=AttackConfig(epsilon=0.5, **EXACT), ensemble=(SECOND.network,))
    mixed = W[2] / reference(W[2]).std() + V[2] / reference(V[2]).std()
    assert both.curve.shift[-1] == pytest.approx(0.5 * W[2] @ mixed / np.linalg.norm(mixed), rel=1e-3)


def make_sweep(question: Question) -> SweepConfig:
    targets = (TargetName(2, ""), TargetName(-1, "FFA"))
    more: dict[str, Any] = {"ladder": (0.05, 0.1), "n_test": 12, "n_bootstrap": 50, "gate": -1.0}
    return SweepConfig(question, (FIRST, SECOND), ("cat_chelsea", "face_054"), targets, **more)


@pytest.mark.parametrize("question", list(Question))
def test_every_analysis_answers(engine: Engine, question: Question, tmp_path: Path) -> None:
    for _ in engine.iter_sweep(make_sweep(question), tmp_path / "sweep"):
        pass
    sweep = load_sweep(tmp_path / "sweep")
    answer: Any = answer_sweep(sweep)
    rows = np.stack([[one[2], one[4:8].mean(axis=0)] for one in (W, V)])
    wanted = 0.1 * np.linalg.norm(rows, axis=-1) / np.stack([reference(one).std(axis=0) for one in rows])
    np.testing.assert_allclose(sweep.sensitivity()[..., -1], np.repeat(wanted[..., None], 2, axis=-1), rtol=0.03)
    if question is Question.TRANSFER:
        unit = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
        for table, chosen in ((answer.cases[0].tables[0], [0, 1]), (answer.cases[0].tables[1], [1])):
            own = (
                np.linalg.norm(rows[:, chosen], axis=-1)
                / np.stack([reference(one[chosen]).std(axis=0) for one in rows])
            ).sum(axis=1)
            both = np.einsum("atd,btd->abt", unit[:, chosen], rows[:, chosen])
            sds = np.stack([reference(one[chosen]).std(axis=0) for one in rows])
            np.testing.assert_allclose(table.square, (both / sds).sum(axis=2) / own, atol=0.03)
    if question is Question.MEANING:
        delta = sweep.store.load(Cell(CURVE, 0, 0, 0, 0))["delta"].astype(np.float64).reshape(2, -1)
        expected = (delta @ W.T / reference(W).std(axis=0)).mean(axis=0)
        np.testing.assert_allclose(answer.rows[0].shift_map, expected, atol=2e-3)
        np.testing.assert_allclose(answer.rows[0].roi_shift[0], [expected[:4].mean(), expected[4:8].mean()], atol=2e-3)


def test_a_set_is_made_and_rebuilt_bit_for_bit(engine: Engine, tmp_path: Path) -> None:
    options = {"subject": SUBJECT, "networks": [FIRST.network], "images": ["cat_chelsea", "face_054"], "rois": ["V1"]}
    more = {"budgets": ["l2:0.5"], "steps": 2, "transfer": [SECOND.network], "controls": ["random"]}
    plan = resolve_plan(options | more)
    store = ProbeStore(tmp_path / "probes")
    for _ in iter_make(engine, list_recipes(plan), plan.delivery, tmp_path / "set", store=store):
        pass
    made = read_manifest(tmp_path / "set")
    raised = [row for row in made.rows if row.role == "raise"]
    assert len(raised) == 2 and all(row.shift > 0 for row in raised)
    assert all(f"{SECOND.network} output" in row.transfer for row in raised)
    for _ in iter_rebuild(engine, made, tmp_path / "again"):
        pass
    assert compare_sets(made, read_manifest(tmp_path / "again")).identical


def test_images_are_ranked_and_made_from_scratch(engine: Engine) -> None:
    encoder, subject = engine.open_encoder(*FIRST), load_subject(SUBJECT)
    target, images = target_roi(subject.voxels, "V1"), list_seen(subject)
    assert images == tuple(info.id for info in list_images()), "the subject saw none"
    *_, last = iter_natural(encoder, subject, target, images[:9], should_stop=lambda: False)
    assert last.result is not None
    seen = [W[:4].mean(axis=0) @ load_stimulus(name, size=SIDE).pixels.ravel() + 1 for name in images[:9]]
    np.testing.assert_allclose(last.result.predicted, seen, rtol=1e-4)
    assert last.result.order() == np.argsort(-np.asarray(seen)).tolist()
    config = SynthesisConfig(n_steps=5, n_restarts=2)
    *_, step = iter_synthesis(encoder, target, Direction.RAISE, config, should_stop=lambda: False)
    assert step.result is not None
    by_hand = (step.result.levels.transpose(0, 3, 1, 2) / 255).reshape(2, -1) @ W[:4].mean(axis=0) + 1
    np.testing.assert_allclose(step.result.responses, by_hand, rtol=1e-4)


def test_the_commands_rank_and_synthesise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*words: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["main.py", *words])
        assert main.main() == 0
        return json.loads(capsys.readouterr().out)

    named = ["--subject", SUBJECT, "--network", FIRST.network, "--voxel", "2", "--device", "cpu", "--json"]
    found = run("rank", *named)
    assert found["n_images"] == len(list_images())
    best = max(list_images(), key=lambda one: W[2] @ load_stimulus(one.id, size=SIDE).pixels.ravel())
    assert found["images"][0]["image"] == best.id
    made = run("synthesise", *named, "--steps", "3", "--restarts", "1", "--out", str(tmp_path / "made"))
    assert made["natural"]["best"] == best.id


def test_a_session_keeps_its_probe(engine: Engine, tmp_path: Path) -> None:
    made = probe(engine, grey(), attack=AttackConfig(epsilon=0.5, n_steps=2))
    record = SessionRecord(subject=SUBJECT, network=FIRST.network, layer=FIRST.layer, target=made.config.target)
    record = replace(record, encoder_sha256=load_card(*FIRST).sha256)
    write_session(record, tmp_path / "mine.probescope", probe=made)
    found = read_session(tmp_path / "mine.probescope").record
    assert (found.network, found.encoder_sha256) == (FIRST.network, load_card(*FIRST).sha256)
    assert found.probe is not None
    np.testing.assert_array_equal(load_probe(found.probe.path).shift, made.shift)
    assert len(made.shift) == N_VOXELS


def test_a_study_knows_its_linear_truth(engine: Engine, tmp_path: Path) -> None:
    """The true voxel's probe shifts it by epsilon times the norm of its gradient W^T components axis."""
    layers = [LayerName(one.network, one.layer) for one in (FIRST, SECOND, THIRD)]
    sizes: dict[str, Any] = {"n_train": 40, "n_test": 8, "n_images": 2, "n_components": 6, "n_bootstrap": 20}
    config = StudyConfig((layers[0],), (layers[1], layers[2]), epsilon=0.1, n_steps=20, **sizes)
    *_, last = engine.iter_store(begin_store(STUDY, config, tmp_path / "study"))
    assert last.result is not None
    cells = StudyCell(TRUTH, teacher=0), StudyCell(FEATURES, layer=0)
    truth, features = (last.result.load(cell) for cell in cells)
    space = reduce_features(features["train"].astype(np.float64), features["test"].astype(np.float64), 6)
    gradients = truth["axes"].T @ space.components.T @ W
    wanted = np.repeat(0.1 * np.linalg.norm(gradients, axis=1, keepdims=True), 2, axis=1)
    np.testing.assert_allclose(truth["shift"], wanted, rtol=0.03)
    answer = evaluate_study(last.result)
    assert np.isfinite(answer.conditions[0].measures.transfer).all()


def test_every_vertex_of_fsaverage_shows_its_own_voxel() -> None:
    count = 163_842
    side, vertex = np.repeat([0, 1], count).astype(np.int8), np.tile(np.arange(count, dtype=np.int32), 2)
    rows = np.column_stack([side, vertex, np.arange(2 * count)]).astype(np.int32)
    table = VoxelTable(side, vertex, ("",) * (2 * count), np.ones(2 * count, np.float32), rows)
    values = np.random.default_rng(0).standard_normal(2 * count).astype(np.float32)
    left, right = VoxelMap(table, count, count).paint(values)
    np.testing.assert_array_equal(np.concatenate([left, right]), values)
