"""A few steps of robust fine-tuning on a small network: it repeats, resumes exactly, and writes what it says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file

from core.commands.cli import prepare
from core.errors import BadInputError, Cancelled, StorageError, WeightsError
from core.files import hash_file
from core.networks import catalog
from core.networks.catalog import list_user_networks
from core.networks.load import load_network
from core.robustify import publish
from core.robustify.config import RobustifyConfig, RobustifyOptions, Stage, robustify_folder
from core.robustify.photo_crops import draw_batch, find_photos, read_centre
from core.robustify.publish import publish_checkpoint
from core.robustify.run import RobustifyDone, iter_run, suggest_recipe
from core.robustify.train import Training, iter_robustify
from tests.helpers.little_memory import room_for
from tests.helpers.no_float64 import device_without_float64

CONFIG = RobustifyConfig(
    network="tiny",
    layers=("layer1", "layer2"),
    stages=(Stage(32, 0.5), Stage(48, 1.0)),
    n_images=8,
    batch=2,
    learning_rate=1e-3,
)


@pytest.fixture
def photos(tmp_path: Path) -> tuple[Path, ...]:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(9):
        Image.fromarray(rng.integers(0, 256, (50, 70, 3), dtype=np.uint8)).save(folder / f"{index}.png")
    return find_photos(folder)


@pytest.fixture(autouse=True)
def tiny_catalog(tmp_path: Path, make_network: Callable[..., tuple], monkeypatch: pytest.MonkeyPatch) -> None:
    spec, _ = make_network("torchvision", "resnet18", "layer1", "layer2")
    lines = ["[network.tiny]"]
    for field in fields(spec):
        value = getattr(spec, field.name)
        if field.name != "id":
            lines.append(f"{field.name} = {json.dumps(value)}")
    path = tmp_path / "networks.toml"
    path.write_text("\n".join(lines) + "\n" + catalog.catalog_path().read_text())
    monkeypatch.setattr(catalog, "catalog_path", lambda: path)
    monkeypatch.setattr(publish, "MEASURED_PHOTOS", 1)


def train(checkpoint: Path, photos: tuple[Path, ...], *, steps: int | None = None) -> dict[str, torch.Tensor]:
    asked = iter(range(steps)) if steps is not None else None
    stop = (lambda: False) if asked is None else (lambda: next(asked, None) is None)
    try:
        for _ in iter_robustify(CONFIG, photos, checkpoint=checkpoint, should_stop=stop):
            pass
    except Cancelled:
        pass
    return torch.load(checkpoint, weights_only=True)["state"]


def test_a_stopped_training_goes_on_exactly(tmp_path: Path, photos: tuple[Path, ...]) -> None:
    whole = train(tmp_path / "whole", photos)
    half = train(tmp_path / "parts", photos, steps=2)
    parts = train(tmp_path / "parts", photos)
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert not torch.equal(whole["conv1.weight"], half["conv1.weight"])
    assert torch.equal(whole["bn1.running_mean"], half["bn1.running_mean"])


def test_progress_follows_the_stages(tmp_path: Path, photos: tuple[Path, ...]) -> None:
    records = list(iter_robustify(CONFIG, photos, checkpoint=tmp_path / "c"))
    assert [record.size for record in records] == [32, 32, 48, 48]
    assert [record.n_seen for record in records] == [2, 4, 6, 8]
    assert records[-1].saved and all(np.isfinite(record.loss) for record in records)
    assert records[0].clean_loss == pytest.approx(0, abs=1e-8)


def test_the_weights_file_and_its_report_agree(tmp_path: Path, photos: tuple[Path, ...]) -> None:
    state = train(tmp_path / "c", photos)
    out = tmp_path / "made" / "robust.safetensors"
    published = publish_checkpoint(tmp_path / "c", out, config=CONFIG, photos=photos)
    saved, report = load_file(out), json.loads(published.report.read_text())
    assert all(torch.equal(saved[name], state[name]) for name in state)
    assert report["sha256"] == hash_file(out) and report["n_seen"] == 8
    assert [entry["epsilon"] for entry in report["shifts"]] == [0.5, 1.0, 3.0]
    assert sorted(path.name for path in out.parent.iterdir()) == ["robust.json", "robust.safetensors"]


def test_the_command_converts_and_prints_one_object(
    tmp_path: Path, photos: tuple[Path, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"robustify --network tiny --layers layer1 layer2 --images {photos[0].parent} --json --device cpu"
    words += f" --out {tmp_path / 'out.safetensors'} --photographs 2 --batch 2"
    assert prepare(words.split())() == 0
    first = json.loads(capsys.readouterr().out)
    assert prepare([*words.split(), "--convert"])() == 0
    assert json.loads(capsys.readouterr().out) == first and first["n_seen"] == 2
    kept = catalog.find_network(first["network"])
    assert (kept.id, kept.robust, kept.user, kept.layers) == ("tiny_robust", True, True, ("layer1", "layer2"))
    assert kept.parent == "tiny"
    assert len(list_user_networks()) == 1, "the same weights are kept once"
    pixels = torch.rand(1, 3, 64, 64)
    made = load_network("tiny", "layer2", weights=tmp_path / "out.safetensors")
    assert torch.equal(load_network(kept)(pixels), made(pixels))


def test_a_whole_run_makes_a_network_that_can_be_chosen(photos: tuple[Path, ...]) -> None:
    options = RobustifyOptions("tiny", photos[0].parent, epsilon=0.25, n_images=16, id="mine", title="Mine")
    *steps, last = iter_run(options)
    assert isinstance(last, RobustifyDone) and [step.n_seen for step in steps] == [8, 16]
    assert (last.network, last.network.title) == (catalog.find_network("mine"), "Mine")
    assert steps[-1].seconds_left == 0.0
    assert not list(robustify_folder().iterdir()), "the checkpoint is of no use any more"
    with pytest.raises(BadInputError, match="`id` must be an id not in use, got 'mine'"):
        next(iter_run(options))


def test_a_cancelled_run_goes_on(photos: tuple[Path, ...]) -> None:
    options = RobustifyOptions("tiny", photos[0].parent, n_images=16)
    asked = iter([False, True])
    with pytest.raises(Cancelled):
        list(iter_run(options, should_stop=lambda: next(asked)))
    assert options.checkpoint().is_file()
    first = next(iter_run(options))
    assert first.n_seen == 16


def test_another_seed_is_another_training(photos: tuple[Path, ...]) -> None:
    plain = RobustifyOptions("tiny", photos[0].parent, n_images=16)
    seeded = replace(plain, seed=3)
    what = f"tiny {plain.images.absolute()} {plain.epsilon} 16 ()"
    assert plain.checkpoint().stem == f"tiny-{hashlib.sha256(what.encode()).hexdigest()[:10]}", "earlier ones go on"
    assert seeded.checkpoint() != plain.checkpoint()
    drawn = []
    for options in (plain, seeded, seeded):
        running = iter_run(options)
        drawn.append(next(running).loss)
        running.close()
        options.checkpoint().unlink()
    assert drawn[0] != drawn[1] == drawn[2]
    with pytest.raises(BadInputError, match="`seed` must be a whole number of at least 0, got -1"):
        RobustifyOptions("tiny", photos[0].parent, seed=-1)


def test_who_stops_iterating_can_go_on(photos: tuple[Path, ...]) -> None:
    options = RobustifyOptions("tiny", photos[0].parent, n_images=16)
    running = iter_run(options)
    assert next(running).n_seen == 8
    running.close()
    assert next(iter_run(options)).n_seen == 16


def test_recipes_suit_the_network(make_network: Callable[..., tuple]) -> None:
    flexible, fixed = suggest_recipe("mobilenet_v2"), suggest_recipe("vit_b16")
    assert flexible == RobustifyConfig()
    assert fixed.layers == ("blocks.6", "blocks.9") and fixed.stages == (Stage(224, 1.0),)
    assert suggest_recipe("tiny").stages == (Stage(32, 0.7), Stage(32, 0.9), Stage(64, 1.0))


def test_time_left_goes_with_the_pixels() -> None:
    config = replace(CONFIG, stages=(Stage(100, 0.5), Stage(200, 1.0)), n_images=100)
    assert config.work_until(0.5) == pytest.approx(50 * 0.01)
    assert config.work_until(1.0) == pytest.approx(50 * 0.01 + 50 * 0.04)


def test_a_file_with_its_own_definition_is_refused(
    tmp_path: Path, photos: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = replace(catalog.find_network("tiny"), id="whole", family="export")
    monkeypatch.setattr("core.robustify.train.find_network", lambda _network: spec)
    with pytest.raises(BadInputError, match="must be a definition with weights, got 'whole'"):
        next(iter_robustify(replace(CONFIG, network="whole"), photos, checkpoint=tmp_path / "c"))


def test_a_small_transformer_can_be_trained(
    tmp_path: Path, photos: tuple[Path, ...], make_network: Callable[..., tuple], monkeypatch: pytest.MonkeyPatch
) -> None:
    build = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda name, **kwargs: build(name, **(kwargs | {"img_size": 64})))
    spec, _ = make_network("timm", "vit_tiny_patch16_224", "blocks.0", "blocks.1")
    monkeypatch.setattr("core.robustify.train.find_network", lambda _network: spec)
    config = replace(CONFIG, layers=("blocks.0", "blocks.1"), stages=(Stage(64, 1.0),), n_images=4)
    records = list(iter_robustify(config, photos, checkpoint=tmp_path / "c"))
    assert records[-1].n_seen == 4 and np.isfinite(records[-1].loss)
    state = torch.load(tmp_path / "c", weights_only=True)["state"]
    assert not torch.equal(state["blocks.0.mlp.fc1.weight"], load_file(spec.weights_path)["blocks.0.mlp.fc1.weight"])


def test_a_checkpoint_that_cannot_be_used_is_refused(tmp_path: Path, photos: tuple[Path, ...]) -> None:
    checkpoint = tmp_path / "c"
    train(checkpoint, photos, steps=1)
    content = torch.load(checkpoint, weights_only=True)
    torch.save(content | {"network": "other"}, checkpoint)
    with pytest.raises(BadInputError, match="is of 'other', not of 'tiny'"):
        next(iter_robustify(CONFIG, photos, checkpoint=checkpoint))
    checkpoint.write_bytes(checkpoint.read_bytes()[:5000])
    with pytest.raises(WeightsError, match="c is truncated"):
        next(iter_robustify(CONFIG, photos, checkpoint=checkpoint))
    with pytest.raises(WeightsError, match="gone cannot be read: No such file"):
        publish_checkpoint(tmp_path / "gone", tmp_path / "o.safetensors", config=CONFIG, photos=photos)


def test_crops_repeat_and_centres_are_square(photos: tuple[Path, ...]) -> None:
    first, second = (draw_batch(photos, count=3, size=32, seed=(0, 1)) for _ in range(2))
    assert np.array_equal(first, second) and first.shape == (3, 3, 32, 32)
    assert not np.array_equal(first, draw_batch(photos, count=3, size=32, seed=(0, 2)))
    with Image.open(photos[0]) as image:
        middle = np.asarray(image)[:, 10:60].transpose(2, 0, 1) / 255
    assert read_centre(photos[:1], size=50)[0] == pytest.approx(middle, abs=1e-6)


def test_bad_folders_and_photographs_are_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(BadInputError, match=r"`images` must be a folder with photographs .* got '.*empty'"):
        find_photos(empty)
    (empty / "a.png").write_text("no photograph")
    with pytest.raises(StorageError, match=r"a\.png is truncated or no photograph: cannot identify"):
        draw_batch(find_photos(empty), count=1, size=32, seed=(0,))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"epsilon": -1.0}, "`epsilon` must be a finite number above 0, got -1.0"),
        ({"n_steps": 0}, "`n_steps` must be a whole number of at least 1, got 0"),
        ({"clean_weight": float("nan")}, "`clean_weight` must be 0 or more, got nan"),
        ({"layers": ()}, "`layers` must be at least one layer"),
        ({"stages": (Stage(64, 0.5),)}, "`stages` must be"),
    ],
)
def test_bad_recipes_are_refused(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadInputError, match=sentence):
        replace(CONFIG, **change)


def test_budgets_keep_their_rms_and_rates_end_at_zero() -> None:
    config = RobustifyConfig()
    assert config.epsilon_at(1.0) == pytest.approx(config.epsilon)
    assert config.epsilon_at(0.5) / config.size_at(0.5) == pytest.approx(config.epsilon / 224)
    assert config.learning_rate_at(0.02) == pytest.approx(config.learning_rate)
    assert config.learning_rate_at(1.0) == pytest.approx(0, abs=1e-12)
    assert "mobilenet_v2" in config.describe()


def test_two_robust_networks_of_one_are_told_apart_by_title(photos: tuple[Path, ...]) -> None:
    folder = photos[0].parent
    made = [list(iter_run(RobustifyOptions("tiny", folder, n_images=count)))[-1] for count in (8, 16)]
    titles = [last.network.title for last in made if isinstance(last, RobustifyDone)]
    assert titles == [f"{catalog.find_network('tiny').title}, robustified{end}" for end in ("", " 2")]


def test_less_memory_trains_to_the_same_weights(tmp_path: Path, photos: tuple[Path, ...]) -> None:
    config = replace(CONFIG, batch=4)
    losses, states = [], []
    for name, room in (("whole", 100), ("halved", 3)):
        with room_for(room) as seen:
            records = list(iter_robustify(config, photos, checkpoint=tmp_path / name))
        states.append(torch.load(tmp_path / name, weights_only=True)["state"])
        losses.append([(record.loss, record.clean_loss) for record in records])
    assert max(seen) <= 3
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3, atol=1e-7)
    for key, values in states[0].items():
        torch.testing.assert_close(states[1][key], values, rtol=1e-3, atol=2e-4)


def test_a_device_without_float64_trains_to_the_same_weights(tmp_path: Path, photos: tuple[Path, ...]) -> None:
    config = replace(CONFIG, n_images=4)
    list(iter_robustify(config, photos, checkpoint=tmp_path / "here"))
    with device_without_float64() as device:
        training = Training(config, device=device)
        while training.n_seen < config.n_images:
            training.step(photos)
        found = {name: values.cpu() for name, values in training.network.state_dict().items()}
    for key, values in torch.load(tmp_path / "here", weights_only=True)["state"].items():
        torch.testing.assert_close(found[key], values, rtol=1e-3, atol=1e-3)
