"""A probe's files are scored by every encoder that was asked for, each at the size it takes, and its scores warn."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from core.attacks.config import AttackConfig
from core.encoders.encoder import Encoder
from core.encoders.resampled import show_at
from core.probes.against import Against
from core.probes.probe import Probe, ProbeConfig
from core.probes.respond import respond
from core.probes.run import iter_probe
from core.stimuli.make import open_item
from core.stimuli.manifest import StimulusSet
from core.stimuli.recipe import recipe_of
from core.stimuli.write import export_item
from tests.helpers.tiny_encoders import NAMES, make_conv_encoder, make_photo, make_spec, make_target

SECOND, OTHER = ("second", "body"), ("other", "body")
SIDES = {"tiny": 12, "second": 8, "other": 16}


def rename(encoder: Encoder, name: tuple[str, str], r: float) -> Encoder:
    config = dataclasses.replace(encoder.card.config, network=name[0], layer=name[1])
    scores = np.full_like(encoder.card.r, r)
    encoder.card = dataclasses.replace(encoder.card, config=config, r=scores, cv_r=scores)
    return encoder


class Encoders:
    """What opens encoders, as the engine does."""

    device = "cpu"

    def __init__(self, r_second: float) -> None:
        self.kept = {
            NAMES[1:]: make_conv_encoder(side=12),
            SECOND: rename(make_conv_encoder(seed=1), SECOND, r_second),
            OTHER: rename(make_conv_encoder(side=16, seed=2), OTHER, 0.5),
        }

    def open_encoder(self, subject: str, network: str, layer: str, *, side: int | None = None) -> Encoder:
        encoder = self.kept[network, layer]
        return encoder if side is None else show_at(encoder, side)

    def rescore(self, *name: str | np.ndarray, side: int | None = None) -> np.ndarray:
        return respond(self.open_encoder(*name[:3], side=side), name[3])  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    for where in ("core.probes.probe", "core.stimuli.make"):
        monkeypatch.setattr(f"{where}.find_network", lambda name: make_spec(SIDES[name]))
    monkeypatch.setattr("core.stimuli.make.load_subject", lambda _: SimpleNamespace(surface="fsaverage5"))


def make_probe(source: Encoders) -> Probe:
    config = ProbeConfig(
        *NAMES,
        make_target(source.kept[NAMES[1:]], 2),
        attack=AttackConfig(epsilon=2.0, n_steps=2),
        against=Against(*SECOND),
    )
    second = show_at(source.kept[SECOND], 12)
    *_, last = iter_probe(source.kept[NAMES[1:]], make_photo(12), config, should_stop=lambda: False, others=(second,))
    assert last.result is not None
    return last.result


def export(source: Encoders, folder: Path) -> StimulusSet:
    probe = make_probe(source)
    return export_item(open_item(source, recipe_of(probe, "photo"), probe, transfer=[OTHER]), folder)  # type: ignore[arg-type]


def test_each_recipient_is_given_the_image_at_its_own_input_size(tmp_path: Path) -> None:
    """The second encoder of a controversial probe sees it as the attack let it: at the larger size, resampled."""
    source = Encoders(0.5)
    report = export(source, tmp_path / "out")
    files = [Image.open(report.folder / row.file) for row in report.rows]
    for name, encoder, side in ((OTHER, source.kept[OTHER], 16), (SECOND, show_at(source.kept[SECOND], 12), 12)):
        shown = [np.asarray(one.resize((side, side), Image.Resampling.BICUBIC)) for one in files]
        pixels = torch.tensor(np.stack(shown).transpose(0, 3, 1, 2) / np.float32(255))
        with torch.no_grad():
            values = encoder(pixels)[:, 2].double().numpy()
        found = [row.transfer[" ".join(name)].shift for row in report.rows]
        assert found == pytest.approx(list(values - values[0]), abs=1e-4)
        assert abs(found[1]) > 0.01


@pytest.mark.parametrize("r_second", [0.5, 0.02])
def test_a_second_encoder_that_predicts_the_target_poorly_is_warned_of(r_second: float, tmp_path: Path) -> None:
    warnings = " ".join(export(Encoders(r_second), tmp_path / "out").rows[1].warnings)
    assert ("second body predicts" in warnings and "poorly (r 0.02, below 0.1)" in warnings) is (r_second < 0.1)
