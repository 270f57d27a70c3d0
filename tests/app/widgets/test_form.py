"""Forms from declared fields: what an editor shows, tells, refuses and keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.widgets.basics import make_label
from app.widgets.form import Checks, Choice, Count, Fields, Flag, Form, Number, PathText, Pick, Text, attempt
from core.errors import BadInputError


@dataclass(frozen=True)
class Timing:
    seed: int = 3
    gap: float = 0.5
    size: tuple[int, int] = (640, 360)
    kind: str = "mp4"
    regions: tuple[str, ...] = ()
    controls: tuple[str, ...] = ("random",)
    loud: bool = False
    title: str = ""
    hidden: int = 7


class TimingForm(Form):
    seed = Count("Seed", "Of everything", most=99, zero="none")
    gap = Number("Gap", "Between two", most=10, decimals=3, plain=True, unit=" s")
    size = Choice("Size", choices=[((640, 360), "small"), ((1280, 720), "large", "four times as many pixels")])
    kind = Pick("Kind", choices=(("mp4", "MP4", "a film"), ("gif", "GIF", "a picture")))
    regions = Checks("Regions", most_rows=4)
    controls = Checks("", choices=[("random", "Random", "noise"), ("flip", "Flip", "the other sign")])
    loud = Flag("Loud", "With sound")
    title = Text("Title", hint="as the file", settled=True)

    def __init__(self) -> None:
        super().__init__()
        self.setLayout(self.make_rows(*self.fields()))
        self.regions.set_choices([("V1", "V1"), ("FFA", "FFA", "100 voxels")])
        self.show_config(Timing())
        self.refresh()

    def reasons(self) -> Mapping[str, str]:
        return {"loud": "" if self.kind.value() == "mp4" else "A GIF is silent"}


@pytest.fixture
def form(qtbot: QtBot) -> TimingForm:
    made = TimingForm()
    qtbot.addWidget(made)
    return made


def listen(form: Form) -> list[int]:
    told: list[int] = []
    form.changed.connect(lambda: told.append(1))
    return told


OTHER = Timing(12, 2.25, (1280, 720), "gif", ("FFA",), ("random", "flip"), True, "A title")


def test_a_form_speaks_the_config_whose_fields_it_has(form: TimingForm) -> None:
    told = listen(form)
    assert form.make_config(Timing) == Timing()
    form.show_config(OTHER)
    assert form.make_config(Timing, hidden=8) == Timing(*list(vars(OTHER).values())[:-1], hidden=8)
    assert not told, "showing a config is no change by the user"


def test_fields_to_keep_stay_as_they_are(form: TimingForm) -> None:
    form.show_config(OTHER, keep=("seed", "title"))
    assert (form.seed.value(), form.title.value(), form.gap.value()) == (3, "", 2.25)


def test_every_kind_of_editor_tells_a_change_once(form: TimingForm) -> None:
    told = listen(form)
    form.seed.setValue(4)
    form.gap.setValue(1)
    form.size.setCurrentIndex(1)
    form.kind.button("gif").click()
    form.regions.item(1).setCheckState(Qt.CheckState.Checked)
    form.controls.item(1).setCheckState(Qt.CheckState.Checked)
    form.loud.setChecked(True)
    form.title.setText("half typed")
    assert len(told) == 7
    form.title.editingFinished.emit()
    assert len(told) == 8
    assert form.make_config(Timing) == Timing(
        4, 1, (1280, 720), "gif", ("FFA",), ("random", "flip"), True, "half typed"
    )


def test_numbers_keep_to_their_range_and_say_their_unit(form: TimingForm) -> None:
    form.seed.set_value(0)
    form.gap.set_value(2)
    assert (form.seed.text(), form.gap.text()) == ("none", "2 s")
    form.gap.set_value(0.125)
    assert form.gap.text() == "0.125 s"
    form.seed.set_value(100)
    assert form.seed.value() == 99


def test_a_label_belongs_to_its_editor_and_says_its_name(form: TimingForm) -> None:
    labels = {label.text(): label.buddy() for label in form.findChildren(QLabel) if label.buddy()}
    assert labels["Seed"] is form.seed and form.seed.accessibleName() == "Seed"
    assert labels["Regions"] is form.regions
    assert "Loud" not in labels and form.loud.accessibleName() == "Loud"


def test_a_disabled_field_says_why_and_its_own_tooltip_comes_back(form: TimingForm) -> None:
    assert form.loud.isEnabled() and form.loud.toolTip() == "With sound"
    form.kind.button("gif").click()
    assert not form.loud.isEnabled() and form.loud.toolTip() == "A GIF is silent"
    form.allow_all("It runs")
    assert not form.seed.isEnabled() and form.seed.toolTip() == "It runs"
    form.allow_all("")
    assert form.seed.isEnabled() and form.seed.toolTip() == "Of everything"
    assert not form.loud.isEnabled(), "what the kind has no use for stays off"


@pytest.mark.parametrize("name", ["seed", "gap", "size"])
def test_the_wheel_changes_only_what_has_the_focus(form: TimingForm, qtbot: QtBot, name: str) -> None:
    editor = getattr(form, name)
    with qtbot.waitActive(form):
        form.show()
        form.activateWindow()
    before = editor.value()
    form.title.setFocus()
    assert not roll(editor) and editor.value() == before, "the page scrolls instead"
    assert editor.focusPolicy() is Qt.FocusPolicy.StrongFocus, "a wheel gives no focus either"
    editor.setFocus()
    qtbot.waitUntil(editor.hasFocus)
    roll(editor)
    assert editor.value() != before


def roll(editor: QWidget) -> bool:
    """Turn the wheel once over it; whether it was taken."""
    at, buttons, keys = QPointF(5, 5), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    event = QWheelEvent(at, at, QPoint(), QPoint(0, -120), buttons, keys, Qt.ScrollPhase.NoScrollPhase, False)
    QApplication.sendEvent(editor, event)
    return event.isAccepted()


def test_a_choice_keeps_its_values_as_they_are(form: TimingForm) -> None:
    assert form.size.value() == (640, 360) and isinstance(form.size.value(), tuple)
    assert form.size.itemData(1, Qt.ItemDataRole.ToolTipRole) == "four times as many pixels"
    form.size.set_value((1, 1))
    assert form.size.value() == (640, 360), "the first where a value is not on offer"
    form.size.set_choices([], None)
    assert form.size.value() is None
    form.size.set_choices([(None, "usual"), ("grid", "a grid")], "grid")
    assert form.size.value() == "grid" and form.size.values() == [None, "grid"]


def test_a_check_list_keeps_its_ticks_when_it_is_offered_anew(form: TimingForm) -> None:
    form.regions.set_value(["FFA"])
    form.regions.set_choices([("PPA", "PPA"), ("FFA", "FFA")])
    assert form.regions.value() == ("FFA",) and form.regions.values() == ["PPA", "FFA"]
    form.regions.set_choices([("PPA", "PPA"), ("FFA", "FFA")], ["PPA"])
    assert form.regions.value() == ("PPA",)


def test_words_stand_between_commas(form: TimingForm) -> None:
    form.title.set_value(" a,, b c ,")
    assert form.title.words() == ["a", "b c"]


def test_attempt_shows_a_refusal_and_takes_it_away(qtbot: QtBot) -> None:
    label = make_label()
    qtbot.addWidget(label)

    def refuse() -> int:
        raise BadInputError("`n` must be above 0, got -1.")

    assert attempt(refuse, label) is None
    assert label.text() == "`n` must be above 0, got -1." and not label.isHidden()
    assert attempt(lambda: 5, label) == 5
    assert label.text() == "" and label.isHidden()


class PathDialog(QDialog, Fields):
    folder = PathText("Folder", ask="Choose it")
    table = PathText("Table", ask="Choose one", kinds="Tables (*.csv)", settled=True)

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        self.make_fields()
        self.setLayout(self.make_rows("folder", "table"))

    def tell(self) -> None:
        self.told.append("any")

    def take_table(self) -> None:
        self.told.append("table")


def test_paths_are_typed_or_chosen(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dialog = PathDialog()
    qtbot.addWidget(dialog)
    assert dialog.folder.path() is None
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "t.csv"), ""))
    dialog.folder.browse.click()
    dialog.table.browse.click()
    assert (dialog.folder.path(), dialog.table.path()) == (tmp_path, tmp_path / "t.csv")
    assert dialog.told == ["any", "table"], "a field with a slot of its own calls that one alone"
    dialog.folder.setText("~/x")
    assert dialog.folder.path() == Path.home() / "x"
    dialog.allow("folder", "It is written")
    assert not dialog.folder.browse.isEnabled()


def test_a_field_asked_for_too_early_is_named() -> None:
    class Late(Fields):
        seed = Count("Seed")

    with pytest.raises(AttributeError, match="has not made its fields yet: seed"):
        _ = Late().seed
    assert Late.seed.title == "Seed"
