"""A few steps of robust fine-tuning on a small network: it repeats, resumes exactly, and writes what it says."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from core.commands import robustify as command
from core.errors import BadInputError, Cancelled, StorageError, WeightsError
from core.networks import catalog, publish
from core.networks.checkpoint import hash_file
from core.networks.photo_crops import draw_batch, find_photos, read_centre
from core.networks.publish import publish_checkpoint
from core.networks.robustify import iter_robustify
from core.networks.robustify_config import RobustifyConfig, Stage

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
    path.write_text("\n".join(lines))
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
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    words = f"robustify --network tiny --layers layer1 layer2 --images {photos[0].parent} --json --device cpu"
    words += f" --out {tmp_path / 'out.safetensors'} --photographs 2 --batch 2"
    args = parser.parse_args(words.split())
    assert args.run(args) == 0
    first = json.loads(capsys.readouterr().out)
    again = parser.parse_args([*words.split(), "--convert"])
    assert again.run(again) == 0
    assert json.loads(capsys.readouterr().out) == first and first["n_seen"] == 2


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
    with pytest.raises(WeightsError, match="gone is truncated or no weights file"):
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
    with pytest.raises(StorageError, match=r"a\.png cannot be read"):
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
