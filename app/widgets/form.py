"""Forms from declared fields: each is one line of a class and becomes an editor with a label.

    class OrderForm(Form):
        runs = Count("Runs", "Runs of a participant", zero="automatic")
        seed = Count("Seed", "The same seed gives the same orders")

`form.seed` is then the editor itself, with `value()` and a silent `set_value()`. `form.make_config(OrderConfig)` makes
a config of the fields of the same names, and `form.show_config(config)` shows one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from dataclasses import fields as list_config_fields
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast, overload

from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtWidgets import QFormLayout, QLabel, QLayout, QSizePolicy, QToolButton, QToolTip, QWidget

from app.widgets.basics import GRID, allow, make_label, make_row, make_tool_button, show_text
from app.widgets.editors import CheckList, ChoiceBox, CountBox, FlagBox, NumberBox, PathLine, TextLine
from app.widgets.segmented import Segmented
from core.errors import ProbeError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Config = TypeVar("Config", bound=DataclassInstance)
Editor = TypeVar("Editor", bound=QWidget)
Made = TypeVar("Made")
MOST_COUNT, MOST_SEED = 100_000, 2**31 - 1
LONG_LIST = 20
"""Rows of a list that opens."""

READING_MS = 30_000  # how long examples that were asked for stay


@dataclass(eq=False)
class Field(Generic[Editor]):
    """One field of a form.

    Parameters
    ----------
    title : Its label; "" for none, so that the editor takes the whole width.
    tip : Its tooltip while it can be used.
    name : Its accessible name, the title where none is given.
    width : Of the editor in pixels; 0 for as wide as there is room.
    settled : Whether a change is told when the user has finished typing, not at every key.
    """

    title: str = ""
    tip: str = ""
    _: KW_ONLY
    name: str = ""
    width: int = 0
    settled: bool = False
    signal = "valueChanged"

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
        """An editor with its name, tooltip and width."""
        editor = self._make()
        editor.setAccessibleName(self.name or self.title.strip())
        editor.setToolTip(self.tip)
        if editor.focusPolicy() == Qt.FocusPolicy.WheelFocus:
            editor.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # the wheel scrolls the page
        if self.width:
            editor.setFixedWidth(self.width)
        return editor

    def _make(self) -> Editor:
        raise NotImplementedError


@dataclass(eq=False)
class _Spin(Field[Editor]):
    """A number from `least` to `most`; `zero` is what the least one reads."""

    first: float = 0
    least: float = 0
    most: float = MOST_COUNT
    step: float = 1
    unit: str = ""
    zero: str = ""

    def _dress(self, box: Any) -> Any:
        box.setRange(self.least, self.most)
        box.setSingleStep(self.step)
        box.setSuffix(self.unit)
        box.setSpecialValueText(self.zero)
        box.set_value(self.first)
        box.setKeyboardTracking(not self.settled)
        box.setAlignment(Qt.AlignmentFlag.AlignRight)
        box.lineEdit().setTextMargins(2 * GRID, 0, 2 * GRID, 0)  # the style sheet's padding does not reach it
        return box


@dataclass(eq=False)
class Count(_Spin[CountBox]):
    """A whole number."""

    def _make(self) -> CountBox:
        return cast(CountBox, self._dress(CountBox()))


@dataclass(eq=False)
class Number(_Spin[NumberBox]):
    """A number; a plain one reads 2, not 2.00."""

    decimals: int = 2
    plain: bool = False

    def _make(self) -> NumberBox:
        box = NumberBox()
        box.setDecimals(self.decimals)
        box.plain = self.plain
        return cast(NumberBox, self._dress(box))


@dataclass(eq=False)
class Gate(Number):
    """A least r, from 0 to 1 unless it may be negative."""

    most: float = 1
    step: float = 0.05
    decimals: int = 3
    plain: bool = True


@dataclass(eq=False)
class Weight(Number):
    """A number that is told when it is settled."""

    most: float = 1000
    step: float = 0.5
    settled: bool = True
    width: int = 72


@dataclass(eq=False)
class Choice(Field[ChoiceBox]):
    """One of a list that opens, each `(value, text)` or with a tip; at least as wide as so many letters."""

    choices: Iterable[tuple[Any, ...]] = ()
    letters: int = 12
    signal = "currentIndexChanged"

    def _make(self) -> ChoiceBox:
        box = ChoiceBox()
        box.set_choices(self.choices)
        box.setMinimumContentsLength(self.letters)
        box.setSizeAdjustPolicy(ChoiceBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMaxVisibleItems(LONG_LIST)
        return box


@dataclass(eq=False)
class Pick(Field[Segmented]):
    """One of a few buttons in a row, each `(value, text, tip)`."""

    choices: tuple[tuple[str, str, str], ...] = ()
    signal = "chosen"

    def _make(self) -> Segmented:
        return Segmented(self.choices)


@dataclass(eq=False)
class Checks(Field[CheckList]):
    """Any of a list, each `(value, text)` or with a tip, of which `most_rows` are seen at once."""

    choices: Sequence[tuple[Any, ...]] = ()
    most_rows: int = 0
    signal = "itemChanged"

    def _make(self) -> CheckList:
        made = CheckList(self.most_rows)
        made.set_choices(self.choices)
        return made


@dataclass(eq=False)
class Flag(Field[FlagBox]):
    """A box to tick, whose title stands beside it; `row` is the label of its row."""

    row: str = ""
    signal = "toggled"

    def _make(self) -> FlagBox:
        return FlagBox(self.title)


@dataclass(eq=False)
class _Line(Field[Editor]):
    """A line of text; `hint` stands in it while it is empty, `examples` behind a "?" beside it."""

    first: str = ""
    hint: str = ""
    examples: str = ""
    longest: int = 32767

    def __post_init__(self) -> None:
        self.signal = "editingFinished" if self.settled else "textChanged"

    def _dress(self, line: Any) -> Any:
        line.setText(self.first)
        line.setPlaceholderText(self.hint)
        line.setMaxLength(self.longest)
        return line


@dataclass(eq=False)
class Text(_Line[TextLine]):
    """A line of text."""

    def _make(self) -> TextLine:
        return cast(TextLine, self._dress(TextLine()))


@dataclass(eq=False)
class PathText(_Line[PathLine]):
    """A file of these kinds (a Qt filter), or a folder where there are none; `ask` is the title of the file dialog."""

    ask: str = ""
    kinds: str = ""

    def _make(self) -> PathLine:
        return cast(PathLine, self._dress(PathLine(self.ask, self.kinds)))


def _make_help(field: _Line[Any]) -> QToolButton:
    """A "?" that shows how a field is written."""
    text = f"{field.tip}.\nExamples:\n{field.examples}"

    def show() -> None:
        QToolTip.showText(button.mapToGlobal(QPoint(0, button.height())), text, button, QRect(), READING_MS)

    button = make_tool_button(show, tip=text, name=f"How to write {field.title}")
    button.setText("?")
    return button


class Fields:
    """What forms and dialogs with fields share; `tell` is called after every change by the user."""

    def make_fields(self) -> None:
        """Make the editors, once. A change of NAME calls `take_NAME` where there is one, and `take_edit` otherwise."""
        self._layouts: dict[str, QFormLayout] = {}
        for key, field in self.fields().items():
            setattr(self, key, editor := field.build())
            getattr(editor, field.signal).connect(getattr(self, f"take_{key}", self.take_edit))

    @classmethod
    @cache
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
        allow(editor, reason, self.fields()[key].tip)
        if isinstance(editor, PathLine):
            editor.browse.setEnabled(not reason)

    def allow_all(self, reason: str) -> None:
        """Enable every field that can be used, or none of them."""
        for key in self.fields():
            self.allow(key, reason)
        if not reason:
            self.refresh()

    def make_config(self, kind: type[Config], /, **more: Any) -> Config:
        """A config of the fields of the same names, and of `more`. Raises what the config raises."""
        shared = [one.name for one in list_config_fields(kind) if one.name in self.fields() and one.name not in more]
        return kind(**{name: getattr(self, name).value() for name in shared}, **more)

    def show_config(self, config: DataclassInstance, *, keep: Collection[str] = ()) -> None:
        """Show a config in the fields of the same names, all but those to keep; emits no signal."""
        named = (one.name for one in list_config_fields(config))
        self.set_values({name: getattr(config, name) for name in named if name not in keep})

    def values(self) -> dict[str, Any]:
        """What stands in the fields, by name."""
        return {key: getattr(self, key).value() for key in self.fields()}

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show values in the fields, those on offer; emits no signal."""
        for key in [one for one in values if one in self.fields()]:
            getattr(self, key).set_value(values[key])

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
            title, *parts = (self._label_of(row), row) if isinstance(row, str) else row
            widgets = [getattr(self, part) if isinstance(part, str) else part for part in parts]
            if isinstance(widgets[0], PathLine):
                widgets.append(widgets[0].browse)
            widgets += [
                _make_help(field) for field in map(self._field_of, parts) if isinstance(field, _Line) and field.examples
            ]
            for word in (one for one in widgets if isinstance(one, QLabel) and not one.wordWrap()):
                word.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
            held: Any = widgets[0] if len(widgets) == 1 else make_row(*widgets, gap=6)
            if title:
                label = make_label(str(title).strip(), "muted")
                label.setBuddy(next(one for one in widgets if isinstance(one, QWidget)))
                if not isinstance(widgets[0], CheckList | FlagBox):
                    label.setContentsMargins(0, GRID, 0, GRID)  # as tall as a field, so that both stand on one line
                form.addRow(label, held)
            else:
                form.addRow(held)
            self._layouts |= {part: form for part in parts if isinstance(part, str)}
        return form

    def _field_of(self, part: object) -> Field[Any] | None:
        return self.fields().get(part) if isinstance(part, str) else None

    def _label_of(self, key: str) -> str:
        field = self.fields()[key]
        return field.row if isinstance(field, Flag) else field.title

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
        show_text(problem, error.plain)
        return None
    show_text(problem, "")
    return made


def why_not(make: Callable[[], object]) -> str:
    """Why something is refused; "" where it is not."""
    try:
        make()
    except ProbeError as error:
        return error.plain
    return ""
