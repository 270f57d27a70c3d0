"""Autosaves of the window: soon, only what is new, one failure told once, kept or gone in the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.base.jobs import JobLane
from app.sessions.keeper import Open, SessionKeeper
from app.sessions.record import essence, merge_unchanged
from core.errors import StorageError
from core.session.autosave import Autosave, AutosaveState, list_autosaves
from core.session.record import AnalysisRecord, FileReference, ImageRecord, SessionRecord, ViewRecord
from core.types import Direction


class Desk:
    """What would be the window: an open record that changes."""

    def __init__(self) -> None:
        self.now = Open(SessionRecord(subject="one"), None, None)

    def __call__(self) -> Open:
        return self.now


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def keeper(qtbot: QtBot, desk: Desk, lane: JobLane) -> Iterator[SessionKeeper]:
    owner = QObject()
    made = SessionKeeper(desk, lane, owner)
    yield made
    made.finish(keep=False)


def saved_subject() -> str:
    (one,) = list_autosaves()
    assert one.session is not None
    return one.session.record.subject


def test_a_change_is_saved_soon_and_nothing_new_is_not(keeper: SessionKeeper, desk: Desk, qtbot: QtBot) -> None:
    with qtbot.waitSignal(keeper.saved):
        keeper.begin()
    assert saved_subject() == "one"
    (one,) = list_autosaves()
    written = one.path.stat().st_mtime_ns
    keeper.save()
    assert one.path.stat().st_mtime_ns == written
    desk.now = Open(SessionRecord(subject="two"), None, None)
    with qtbot.waitSignal(keeper.saved):
        keeper.mark()
    assert saved_subject() == "two"


def test_a_full_disk_is_told_once_and_tried_again(
    keeper: SessionKeeper, desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_args: object, **_options: object) -> None:
        raise StorageError("No space is left.")

    told: list[str] = []
    keeper.failed.connect(told.append)
    with monkeypatch.context() as patch:
        patch.setattr(Autosave, "save", fill)
        for _ in range(2):
            keeper.save()
            qtbot.waitUntil(lambda: keeper.last is None)
    assert told == ["The session could not be autosaved: No space is left."]
    with qtbot.waitSignal(keeper.saved):
        keeper.save()
    assert saved_subject() == "one"


def test_at_the_end_the_newest_state_is_kept_or_everything_goes(keeper: SessionKeeper, desk: Desk) -> None:
    keeper.save_now()
    desk.now = Open(SessionRecord(subject="two"), None, Path("/data/mine.probescope"))
    keeper.rotate(keep=True)
    (one,) = list_autosaves()
    assert one.state is AutosaveState.CLOSED
    assert one.session is not None
    assert (one.session.record.subject, one.session.named) == ("two", str(Path("/data/mine.probescope")))
    keeper.save_now()
    assert len(list_autosaves()) == 2
    keeper.finish(keep=False)
    assert len(list_autosaves()) == 1


def test_turning_the_cortex_is_no_change_but_another_map_or_target_is() -> None:
    record = SessionRecord(subject="one")
    turned = SessionRecord(subject="one", view=ViewRecord(camera=(1, 2, 3, 4, 5, 6)), tab="transfer", layout={"a": "b"})
    assert essence(turned) == essence(record)
    assert essence(SessionRecord(subject="one", view=ViewRecord(map="r"))) != essence(record)
    assert essence(SessionRecord(subject="one", direction=Direction.LOWER)) != essence(record)


def test_what_could_not_be_opened_is_kept_until_the_user_chooses_something_else() -> None:
    probe = FileReference(Path("/gone/probe.json"), "a" * 64, 9)
    analysis = AnalysisRecord("transfer", None, FileReference(Path("/gone/sweep.json"), "b" * 64, 9))
    opened = SessionRecord(
        *("mine", "net", "fc"),
        surface="cortex",
        encoder_sha256="c" * 64,
        image=ImageRecord("cat"),
        analyses=(analysis,),
        probe=probe,
    )
    after = SessionRecord(
        "simulated", "alexnet", "conv", surface="fsaverage5", encoder_sha256="d" * 64, image=ImageRecord("face")
    )
    assert merge_unchanged(opened, after, after) == opened
    lowered = replace(after, direction=Direction.LOWER)
    merged = merge_unchanged(opened, after, lowered)
    assert (merged.subject, merged.network, merged.image, merged.analyses) == (
        "mine",
        "net",
        ImageRecord("cat"),
        (analysis,),
    )
    assert merged.probe is None, "it belongs to the direction that was"
    chosen = replace(after, network="vgg16", encoder_sha256="e" * 64)
    merged = merge_unchanged(opened, after, chosen)
    assert (merged.subject, merged.network) == ("simulated", "vgg16"), "what goes together changes together"
    assert merged.image == ImageRecord("cat")
