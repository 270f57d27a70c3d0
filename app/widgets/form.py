"""Forms from declared fields: each is one line of a class and becomes an editor with a label.

    class OrderForm(Form):
        runs = Count("Runs", "Runs of a participant", zero="automatic")
        seed = Count("Seed", "The same seed gives the same orders")

`form.seed` is then the editor itself, with `value()` and a silent `set_value()`. `form.make_config(OrderConfig)` makes
a config of the fields of the same names, and `form.show_config(config)` shows one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import fields as list_config_fields
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QLabel, QLayout, QWidget

from app.widgets.basics import make_label, make_row, pad_spin_box, show_text
from app.widgets.editors import CheckList, ChoiceBox, CountBox, FlagBox, FlagGroup, NumberBox, PathLine, TextLine
from app.widgets.segmented import Segmented
from core.errors import ProbeError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Config = TypeVar("Config", bound=DataclassInstance)
Editor = TypeVar("Editor", bound=QWidget)
Made = TypeVar("Made")
MOST_COUNT = 100_000
MOST_SEED = 2**31 - 1
LONG_LIST = 20
"""Rows of a list that opens."""


class Field(Generic[Editor]):
    """One field of a form.

    Parameters
    ----------
    title : str
        Its label; "" for none, so that the editor takes the whole width.
    tip : str
        Its tooltip while it can be used.
    name : str
        Its accessible name, the title where none is given.
    width : int
        Of the editor in pixels; 0 for as wide as there is room.
    make : callable
        Makes the editor.
    signal : str
        The editor's signal that says it was changed.
    """

    def __init__(
        self, title: str, tip: str, *, make: Callable[[], Editor], signal: str, name: str = "", width: int = 0
    ) -> None:
        self.title, self.tip, self.name, self.width = title, tip, name or title.strip(), width
        self.signal, self._make = signal, make

    def __set_name__(self, owner: type, key: str) -> None:
        self.key = key

    @overload
    def __get__(self, form: None, owner: type) -> Self: ...
    @overload
    def __get__(self, form: object, owner: type) -> Editor: ...
    def __get__(self, form: object | None, owner: type) -> Self | Editor:
        """The field, asked of a class; a form keeps its editor under the same name (`Fields.make_fields`)."""
        if form is None:
            return self
        raise AttributeError(f"{owner.__name__} has not made its fields yet: {self.key}")

    def build(self) -> Editor:
        """A new editor."""
        editor = self._make()
        editor.setAccessibleName(self.name)
        editor.setToolTip(self.tip)
        if editor.focusPolicy() == Qt.FocusPolicy.WheelFocus:
            editor.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # the wheel scrolls the page
        if self.width:
            editor.setFixedWidth(self.width)
        return editor


def Count(
    title: str,
    tip: str = "",
    *,
    first: int = 0,
    least: int = 0,
    most: int = MOST_COUNT,
    step: int = 1,
    unit: str = "",
    zero: str = "",
    settled: bool = False,
    name: str = "",
    width: int = 0,
) -> Field[CountBox]:
    """A whole number from `least` to `most`; `zero` is what the least one reads, `settled` waits for Enter."""

    def make() -> CountBox:
        return _dress(CountBox(), (least, most, step, first), unit=unit, zero=zero, settled=settled)

    return Field(title, tip, make=make, signal="valueChanged", name=name, width=width)


def Number(
    title: str,
    tip: str = "",
    *,
    first: float = 0.0,
    least: float = 0.0,
    most: float = MOST_COUNT,
    step: float = 1.0,
    decimals: int = 2,
    plain: bool = False,
    unit: str = "",
    zero: str = "",
    settled: bool = False,
    name: str = "",
    width: int = 0,
) -> Field[NumberBox]:
    """A number from `least` to `most`; a plain one is written with as few decimals as it needs."""

    def make() -> NumberBox:
        box = NumberBox()
        box.setDecimals(decimals)
        box.plain = plain
        return _dress(box, (least, most, step, first), unit=unit, zero=zero, settled=settled)

    return Field(title, tip, make=make, signal="valueChanged", name=name, width=width)


def Choice(
    title: str,
    choices: Iterable[tuple[Any, ...]] = (),
    tip: str = "",
    *,
    letters: int = 12,
    name: str = "",
    width: int = 0,
) -> Field[ChoiceBox]:
    """One of a list that opens, at least as wide as so many letters."""

    def make() -> ChoiceBox:
        box = ChoiceBox()
        box.set_choices(choices)
        box.setMinimumContentsLength(letters)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMaxVisibleItems(LONG_LIST)
        return box

    return Field(title, tip, make=make, signal="currentIndexChanged", name=name, width=width)


def Pick(
    title: str, choices: Iterable[tuple[str, str, str]], tip: str = "", *, name: str = "", width: int = 0
) -> Field[Segmented]:
    """One of a few buttons in a row, each `(value, text, tip)`."""
    return Field(title, tip, make=lambda: Segmented(tuple(choices)), signal="chosen", name=name, width=width)


def Checks(title: str, tip: str = "", *, most_rows: int = 0, name: str = "") -> Field[CheckList]:
    """Any of a list; no more than so many rows are seen at once."""
    return Field(title, tip, make=lambda: CheckList(most_rows), signal="itemChanged", name=name)


def Flags(
    title: str, choices: Sequence[tuple[Any, str, str]], *, first: Collection[object] = (), name: str = ""
) -> Field[FlagGroup]:
    """A few boxes to tick, each `(value, text, tip)`."""

    def make() -> FlagGroup:
        group = FlagGroup(choices)
        group.set_value(first)
        return group

    return Field(title, "", make=make, signal="changed", name=name)


def Flag(text: str, tip: str = "", *, title: str = "", first: bool = False) -> Field[FlagBox]:
    """A box to tick."""

    def make() -> FlagBox:
        box = FlagBox(text)
        box.setChecked(first)
        return box

    return Field(title, tip, make=make, signal="toggled", name=text)


def Text(
    title: str,
    tip: str = "",
    *,
    first: str = "",
    hint: str = "",
    settled: bool = False,
    longest: int = 32767,
    name: str = "",
    width: int = 0,
) -> Field[TextLine]:
    """A line of text; `hint` stands in it while it is empty."""

    def make() -> TextLine:
        line = TextLine(first)
        line.setPlaceholderText(hint)
        line.setMaxLength(longest)
        return line

    return Field(title, tip, make=make, signal="editingFinished" if settled else "textChanged", name=name, width=width)


def PathText(
    title: str, tip: str = "", *, ask: str, kinds: str = "", hint: str = "", settled: bool = False, name: str = ""
) -> Field[PathLine]:
    """A file of these kinds (a Qt filter), or a folder where there are none; `ask` is the title of the file dialog."""

    def make() -> PathLine:
        line = PathLine(ask, kinds)
        line.setPlaceholderText(hint)
        return line

    return Field(title, tip, make=make, signal="editingFinished" if settled else "textChanged", name=name)


class Fields:
    """What forms and dialogs with fields share; `tell` is called after every change by the user."""

    def make_fields(self) -> None:
        """Make the editors, once. A change of NAME calls `take_NAME` where there is one, and `take_edit` otherwise."""
        self._layouts: dict[str, QFormLayout] = {}
        for key, field in self.fields().items():
            editor = field.build()
            setattr(self, key, editor)
            getattr(editor, field.signal).connect(getattr(self, f"take_{key}", self.take_edit))

    @classmethod
    def fields(cls) -> dict[str, Field[Any]]:
        """The declared fields by name, in their order."""
        every = [vars(base) for base in reversed(cls.__mro__)]
        return {key: field for names in every for key, field in names.items() if isinstance(field, Field)}

    def take_edit(self, *_: object) -> None:
        """A field was changed by the user."""
        self.refresh()
        self.tell()

    def tell(self) -> None:
        """Say that a field was changed."""

    def reasons(self) -> Mapping[str, str]:
        """Why fields cannot be used now, by name: "" where one can. One that is not named always can."""
        return {}

    def refresh(self) -> None:
        """Enable what can be used, and say in the tooltip why the rest cannot."""
        for key, reason in self.reasons().items():
            self.allow(key, reason)

    def allow(self, key: str, reason: str) -> None:
        """Enable a field, or say why it cannot be used."""
        editor = getattr(self, key)
        editor.setEnabled(not reason)
        editor.setToolTip(reason or self.fields()[key].tip)
        if isinstance(editor, PathLine):
            editor.browse.setEnabled(not reason)

    def allow_all(self, reason: str) -> None:
        """Enable every field that can be used, or none of them."""
        for key in self.fields():
            self.allow(key, reason)
        if not reason:
            self.refresh()

    def make_config(self, kind: type[Config], **more: Any) -> Config:
        """A config of the fields of the same names, and of `more`. Raises what the config raises."""
        shared = [one.name for one in list_config_fields(kind) if one.name in self.fields() and one.name not in more]
        return kind(**{name: getattr(self, name).value() for name in shared}, **more)

    def show_config(self, config: DataclassInstance, *, keep: Collection[str] = ()) -> None:
        """Show a config in the fields of the same names, all but those to keep; tells nobody."""
        for one in list_config_fields(config):
            if one.name in self.fields() and one.name not in keep:
                getattr(self, one.name).set_value(getattr(config, one.name))

    def make_rows(self, *rows: str | tuple[str | QWidget | QLayout | int, ...], gap: int = 6) -> QFormLayout:
        """Lay fields out under each other, each with its label.

        A row is the name of a field, or a title with what stands beside it: names of fields, widgets, stretches.
        """
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(gap)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for row in rows:
            title, *parts = (self.fields()[row].title, row) if isinstance(row, str) else row
            widgets = [getattr(self, part) if isinstance(part, str) else part for part in parts]
            if isinstance(widgets[0], PathLine):
                widgets.append(widgets[0].browse)
            held = widgets[0] if len(widgets) == 1 else make_row(*widgets, gap=6)
            if title:
                label = make_label(str(title).strip(), "muted")
                label.setBuddy(next(one for one in widgets if isinstance(one, QWidget)))
                form.addRow(label, held)
            else:
                form.addRow(held)
            self._layouts |= {part: form for part in parts if isinstance(part, str)}
        return form

    def show_row(self, key: str, shown: bool) -> None:
        """Show or hide the row of a field that stands alone in it."""
        self._layouts[key].setRowVisible(getattr(self, key), shown)


class Form(QWidget, Fields):
    """A widget of fields; `changed` after each change by the user."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.make_fields()

    def tell(self) -> None:
        """Say that a field was changed."""
        self.changed.emit()


def attempt(make: Callable[[], Made], problem: QLabel) -> Made | None:
    """What `make` gives; None, with the reason shown in the label, where it is refused."""
    try:
        made = make()
    except ProbeError as error:
        show_text(problem, str(error))
        return None
    show_text(problem, "")
    return made


def _dress(box: Any, span: tuple[float, float, float, float], *, unit: str, zero: str, settled: bool) -> Any:
    least, most, step, first = span
    box.setRange(least, most)
    box.setSingleStep(step)
    box.setSuffix(unit)
    box.setSpecialValueText(zero)
    box.setValue(first)
    box.setKeyboardTracking(not settled)
    box.setAlignment(Qt.AlignmentFlag.AlignRight)
    pad_spin_box(box)
    return box
