"""The fit dialog: what it asks for, what it refuses, and what it shows before, during and after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
import torchvision
from pytestqt.qtbot import QtBot

from app.base.catalogue import Catalogue
from app.base.jobs import JobLane
from app.encoders.fit_dialog import FitDialog, describe_result, read_progress
from core.datasets.subject import SubjectInfo
from core.encoders.card import LayerScore, OutsideScore
from core.encoders.config import ScoringConfig
from core.encoders.fit import FitProgress
from core.encoders.fit_request import BestLayer, FitOptions, FitRequest, LayerChoice, SearchProgress
from core.errors import BadInputError
from core.networks.catalog import find_network, list_networks
from tests.helpers.fake_engine import SUBJECT, make_catalogue
from tests.helpers.gated_work import GatedWork
from tests.helpers.tiny_encoders import make_card
from tests.helpers.voxels import make_voxels

NETWORK = list_networks()[0]


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    subject = replace(
        SUBJECT,
        image_ids=("a", "b", "c"),
        test=np.zeros(3, dtype=bool),
        categories=("place", "", "face"),
        n_trials=np.ones(3, dtype=np.int64),
    )
    made = make_catalogue(tmp_path)
    other = SubjectInfo("other", "Other subject", "measured", "")
    held_out = replace(subject, test=np.array([True, False, False]), categories=("", "", ""))
    loaded = {"simulated": held_out, "other": subject}
    return replace(made, subjects=(*made.subjects, other), load_subject=loaded.__getitem__)


@pytest.fixture
def dialog(qtbot: QtBot, catalogue: Catalogue) -> Iterator[FitDialog]:
    lane = SimpleNamespace(submit=lambda *_, **__: None)
    state = SimpleNamespace(subject=SimpleNamespace(id="simulated"), network=NETWORK.id)
    made = FitDialog(cast(Any, SimpleNamespace(state=state, catalogue=catalogue, lane=lane)))
    qtbot.addWidget(made)
    made.offer()
    yield made
    made.close()


@pytest.fixture
def lane() -> Iterator[JobLane]:
    made = JobLane()
    yield made
    made.shutdown()


def pick(dialog: FitDialog, field: str, value: object) -> None:
    combo = getattr(dialog.form, field)
    index = combo.findData(value)
    assert index >= 0, f"{field} does not offer {value!r}"
    combo.setCurrentIndex(index)


def test_untouched_it_asks_for_what_the_command_line_would(dialog: FitDialog) -> None:
    options = FitOptions(scoring=ScoringConfig(n_bootstrap=1000), resume=True)
    assert dialog.request() == FitRequest("simulated", NETWORK.id, (NETWORK.default_layer,), options)


def test_every_field_reaches_the_request(dialog: FitDialog) -> None:
    form = dialog.form
    pick(dialog, "subject", "other")
    for field, value in (("layer", "search"), ("pool", 4), ("reducer", "both"), ("readout", "elastic-net")):
        pick(dialog, field, value)
    pick(dialog, "category", "face")
    pick(dialog, "second", "simulated")
    form.n_components.setValue(30)
    form.n_projected.setValue(512)
    form.l1_ratio.setValue(0.7)
    form.alpha.setText("0.25")
    form.n_folds.setValue(7)
    form.n_bootstrap.setValue(200)
    scoring = ScoringConfig(n_bootstrap=200, n_outer=5, categories=("face",), second_sets=("simulated",))
    wanted = FitOptions(
        pool=4,
        n_components=30,
        alphas=(0.25,),
        n_folds=7,
        reducer="pca",
        n_projected=512,
        readout="elastic-net",
        l1_ratio=0.7,
        scoring=scoring,
        resume=True,
    )
    assert dialog.request() == FitRequest("other", NETWORK.id, NETWORK.layers, wanted)


def test_a_subject_without_held_out_images_asks_for_nested_folds(dialog: FitDialog) -> None:
    assert not dialog.form.nested.isChecked()
    pick(dialog, "subject", "other")
    assert dialog.form.nested.isChecked()
    categories = [dialog.form.category.itemData(index) for index in range(dialog.form.category.count())]
    assert categories == ["", "all", "face", "place"]


def test_a_penalty_that_is_no_number_is_refused_in_the_dialog(dialog: FitDialog) -> None:
    dialog.form.alpha.setText("much")
    dialog.fit.click()
    assert not dialog.work.busy
    assert "Penalty must be a number, not 'much'" in dialog.work.error.text()
    dialog.form.alpha.setText("1")
    assert not dialog.work.error.text()


def test_only_what_the_choice_uses_is_enabled_and_the_rest_says_why(dialog: FitDialog) -> None:
    form = dialog.form
    assert form.n_components.isEnabled() and not form.n_projected.isEnabled() and not form.l1_ratio.isEnabled()
    assert form.n_projected.toolTip() == "Choose a reducer with a projection"
    pick(dialog, "reducer", "projection")
    pick(dialog, "readout", "elastic-net")
    assert not form.n_components.isEnabled() and form.n_projected.isEnabled() and form.l1_ratio.isEnabled()
    assert form.n_projected.toolTip() == "A multiple of 4"


def test_the_cost_is_told_and_goes_stale_with_a_change(dialog: FitDialog) -> None:
    dialog.estimate.click()
    assert not dialog.fit.isEnabled()
    dialog.show_estimate("Features: 3 images.")
    assert dialog.cost.text() == "Features: 3 images." and dialog.fit.isEnabled()
    dialog.form.n_folds.setValue(3)
    assert dialog.cost.text() == "Estimate the cost before you start."


def test_progress_names_layer_stage_batch_and_time_left(dialog: FitDialog, lane: JobLane, qtbot: QtBot) -> None:
    work, again, told = GatedWork(), GatedWork(), dialog.work
    follow = {"title": "Fitting…", "on_done": lambda _last: None, "read": read_progress, "stopped": "Go on later."}
    told.run(lane, "fit", work.make, **follow)
    assert not dialog.fit.isEnabled() and dialog.cancel.isEnabled() and not dialog.form.isEnabled()
    work.send(SearchProgress("late", 2, 3, FitProgress(5, 20, 12.4, stage="readout", what="outer fold 2")))
    expected = "Layer 2 of 3, late: Fitting voxel batches (outer fold 2) · 5 of 20 batches, 12 s left"
    qtbot.waitUntil(lambda: told.note.text() == expected)
    assert told.bar.share == 0.25
    dialog.cancel.click()
    qtbot.waitUntil(dialog.fit.isEnabled)
    assert told.note.text() == "Go on later." and not dialog.cancel.isEnabled()
    told.run(lane, "fit", again.make, **follow)
    again.send(BadInputError("`test` must be something else."))
    qtbot.waitUntil(dialog.form.isEnabled)
    assert told.error.text() == "`test` must be something else."


def test_an_estimate_of_other_settings_is_not_shown(dialog: FitDialog) -> None:
    dialog.estimate.click()
    dialog.form.n_folds.setValue(3)
    dialog.show_estimate("Features: 3 images.")
    assert dialog.cost.text() == "Estimate the cost before you start." and dialog.estimate.isEnabled()


def test_the_summary_tells_rois_and_unlike_images() -> None:
    card = make_card(7)
    r = np.array([0.1, 0.1, 0.8, 0.8, 0.8, 0.1, 0.1], dtype=np.float32)
    outside = OutsideScore("category", "face", 9, 12, (), r / 2, r)
    text = describe_result([replace(card, r=r, outside=(outside,))], None, make_voxels())
    assert "held-out r 0.10 (median of 7 voxels)" in text and "V1 0.10 · FFA 0.80" in text
    assert "Without face: r 0.05, beside 0.10 on images like those fitted." in text


def test_the_summary_of_a_search_tells_the_best_layers() -> None:
    best = (BestLayer("(all)", "late", 0.4, "f"), BestLayer("V1", "early", 0.5, "g"))
    choice = LayerChoice(best, (LayerScore("late", "V1", 0.3),), (make_card(7),), (), Path("t"))
    text = describe_result([make_card(7)], choice, make_voxels())
    assert text == "Best layer by cross-validated r: late over all voxels. V1 early (0.50)"


def test_any_layer_of_the_network_is_listed_with_its_shape_and_can_be_fitted(
    qtbot: QtBot, catalogue: Catalogue, lane: JobLane
) -> None:
    state = SimpleNamespace(subject=SimpleNamespace(id="simulated"), network="alexnet")
    dialog = FitDialog(cast(Any, SimpleNamespace(state=state, catalogue=catalogue, lane=lane)))
    qtbot.addWidget(dialog)
    dialog.offer()
    spec, box = find_network("alexnet"), dialog.form.layer
    joined = "+".join(spec.layers)
    assert box.values() == [*spec.layers, "search", joined], "those offered are there at once"
    qtbot.waitUntil(lambda: box.count() > len(spec.layers) + 2, timeout=100_000)  # torch may be loading
    outputs: dict[str, tuple[int, ...]] = {}

    def note(name: str, _module: object, _inputs: object, output: torch.Tensor) -> None:
        outputs.setdefault(name, tuple(output.shape[1:]))

    network = torchvision.models.alexnet(weights=None).eval()
    for name, module in network.named_modules():
        module.register_forward_hook(partial(note, name))
    with torch.no_grad():
        network(torch.zeros(1, 3, 224, 224))
    assert set(outputs) >= set(box.values()) - {"search", joined}
    assert {"features.0", "features.12", "avgpool", "classifier.4"} <= set(box.values())
    for row, name in enumerate(box.values()):
        if name not in ("search", joined):
            assert box.itemText(row) == f"{name}   {' × '.join(map(str, outputs[name]))}"
    assert box.value() == spec.default_layer, "what was chosen stays"
    pick(dialog, "layer", "features.0")
    request = dialog.request()
    assert request is not None
    assert request.layers == ("features.0",)
    pick(dialog, "layer", "search")
    request = dialog.request()
    assert request is not None
    assert request.layers == spec.layers, "the search is over the layers offered, not over all"
    pick(dialog, "layer", joined)
    request = dialog.request()
    assert request is not None and request.layers == (joined,), "one readout of all of them"
