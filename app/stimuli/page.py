"""The work space of a stimulus set: the tray's cards, one item in detail, delivery, writing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QItemSelectionModel, Qt, Signal, SignalInstance
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QListView, QScrollArea, QWidget

from app.stimuli.set_form import SetForm
from app.stimuli.tray import Tray
from app.stimuli.tray_painter import TrayModel, TrayPainter, describe_level, title_of
from app.widgets.basics import make_button, make_column, make_heading, make_label, make_row
from app.widgets.budget_meter import NO_READING, BudgetMeter
from app.widgets.captions import EmptyState
from app.widgets.job_line import JobLine
from app.widgets.plain_table import PlainTable
from app.widgets.work_page import JobPage
from core.probes.probe import ProbeConfig
from core.stimuli.config import SetConfig
from core.stimuli.preview import ItemPreview
from core.words import format_signed

DETAIL_HEIGHT = 196
METER_WIDTH = 220
AS_IS = "Shown as it is"
EMPTY = (
    "The tray is empty",
    "Add the probe on screen in Explore (T), the probes behind an analysis, or a plan of images, targets, directions, "
    "budgets and networks.",
)


class StimuliPage(JobPage):
    """Shows the tray; what the buttons ask for is done elsewhere."""

    plan_requested, design_requested = Signal(), Signal()
    write_requested, package_requested = Signal(), Signal()
    open_requested, large_requested, strip_requested = Signal(int), Signal(int), Signal(int)
    """Show the probe of a row in Explore, its pictures large, or its seed over all levels."""

    RUN, RUN_TIP, STOP_TIP = "Write set…", "Write files, manifest and README", "Stop; keep finished probes"
    EXPORT, EXPORT_TIP = "Make package…", "BIDS, PsychoPy, jsPsych or Brain-Score, of a written set"

    def work_to_copy(self) -> object:
        """The set as it would be written."""
        from core.commands.works import ask_set

        return ask_set(self.tray.items, self.form.value())

    def __init__(self, tray: Tray, above: Sequence[QWidget] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tray, self._above = tray, above
        self.form = SetForm()
        tip = "Add images x targets x directions x budgets x networks"
        self.plan = make_button("Plan stimuli…", do=self.plan_requested, tip=tip)
        tip = "Simulate experiments with the tray or a written set"
        self.design = make_button("How many repeats?", do=self.design_requested, tip=tip)
        self.looking = JobLine()
        """Making and previewing the tray's probes; `work` is writing a set."""
        self.lines.append(self.looking)
        self.model = TrayModel(tray, self)
        self.list = QListView()
        self.painter = TrayPainter(tray, self.model, self.list)
        up, down = partial(self._move, -1), partial(self._move, 1)
        self.up = make_button("Move up", do=up, tip="Ctrl+Up")
        self.down = make_button("Move down", do=down, tip="Ctrl+Down")
        self.remove = make_button("Remove", do=self._remove, tip="Remove the selected items from the tray (Delete)")
        open_tip = "Show this probe in Explore (Enter, or double click)"
        show, enlarge, strip = (
            partial(self._ask, one) for one in (self.open_requested, self.large_requested, self.strip_requested)
        )
        self.open = make_button("Open in Explore", do=show, tip=open_tip)
        self.large = make_button("Enlarge", do=enlarge, tip="Show the pictures of this item large (Space)")
        strip_tip = "Show the seed of this item over all its levels, and what became of every level"
        self.strip = make_button("Level strip…", do=strip, tip=strip_tip)
        keyed = (("Delete", self._remove), ("Ctrl+Up", up), ("Ctrl+Down", down))
        for keys, do in (*keyed, ("Return", show), ("Space", enlarge)):
            QShortcut(QKeySequence(keys), self.list, do, context=Qt.ShortcutContext.WidgetShortcut)
        self.summary = make_label("", "muted")
        self.meter = BudgetMeter()
        self.transfer = PlainTable("Predicted shift of every encoder", ["Encoder", "Shift (SD)"])
        self.warnings = make_label("", "", wraps=True)
        self._row = 0
        self._lay_out()
        self._connect()
        self._keep_choice()
        self.refresh()

    def start(self) -> None:
        """Write the set."""
        self.write_requested.emit()

    def ask_export(self) -> None:
        """Make a package of a written set."""
        self.package_requested.emit()

    def config(self) -> SetConfig | None:
        """How the set is to be delivered; None while the form cannot be met."""
        return self.form.config_if_valid()

    def chosen_rows(self) -> list[int]:
        """The rows selected, ascending."""
        return sorted(index.row() for index in self.list.selectionModel().selectedIndexes())

    def choose(self, row: int) -> None:
        """Select one row."""
        index = self.model.index(row)
        self.list.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def refresh(self) -> None:
        """Follow the tray."""
        n_items = len(self.tray.items)
        self.stack.setCurrentIndex(1 if n_items else 0)
        config = self.config()
        warned = sum(bool(self.tray.warnings(row)) for row in range(n_items))
        twins = len(self.tray.duplicates())
        parts = [f"{n_items} item{'s' if n_items != 1 else ''}"]
        if config is not None:
            parts.append(f"{config.count_files(self.tray.items)} files")
        parts += [f"⚠ {warned} with warnings"] if warned else []
        parts += [f"{twins} duplicates"] if twins else []
        self.summary.setText(" · ".join(parts))
        self.looking.setVisible(self.looking.busy or bool(self.looking.note.text() or self.looking.error.text()))
        reason = "" if n_items else "Add a probe to the tray first"
        self.show_state(reason if config is not None else "The settings above cannot be met", answered=True)
        self._show_detail()

    def _lay_out(self) -> None:
        asks = "Matched stimuli for an experiment: original, perturbed and controls of equal norm."
        form = (make_label("Stimuli", "title"), make_label(asks, "muted", wraps=True), self.plan, self.form)
        self.list.setItemDelegate(self.painter)
        self.list.setModel(self.model)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setAccessibleName("Items of the tray")
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        tools = make_row(self.summary, -1, self.up, self.down, self.remove, self.strip, self.large, self.open)
        held = make_column(tools, self.list, self._make_detail(), margin=12, stretch=1)
        self.lay_out(form, held, empty=EmptyState(*EMPTY), more=(self.design,), above=self._above)

    def _make_detail(self) -> QWidget:
        detail = QWidget()
        detail.setFixedHeight(DETAIL_HEIGHT)
        self.meter.setFixedWidth(METER_WIDTH)
        self.warnings.setAlignment(Qt.AlignmentFlag.AlignTop)
        budget = make_column(make_heading("Budget"), self.meter, -1)
        shifts = make_column(make_heading("Predicted by encoder"), self.transfer)
        told = QScrollArea()
        told.setWidget(self.warnings)
        told.setWidgetResizable(True)
        warnings = make_column(make_heading("Notes"), told)
        detail.setLayout(make_row(budget, shifts, warnings, gap=16, shares=(0, 3, 2)))
        return detail

    def _connect(self) -> None:
        self.tray.changed.connect(self._keep_choice)
        self.tray.changed.connect(self.refresh)
        self.tray.previewed.connect(self.refresh)
        self.form.changed.connect(self.refresh)
        self.list.doubleClicked.connect(partial(self._ask, self.open_requested))
        self.list.selectionModel().selectionChanged.connect(self._show_detail)

    def _keep_choice(self) -> None:
        """The list forgets what was chosen when the tray changes."""
        if self.tray.items and not self.chosen_rows():
            self.choose(min(self._row, len(self.tray.items) - 1))

    def _remove(self) -> None:
        rows = self.chosen_rows()
        if rows:
            self.tray.remove(rows)
            self.choose(min(rows[0], len(self.tray.items) - 1))

    def _move(self, by: int) -> None:
        rows = self.chosen_rows()
        if len(rows) == 1:
            self.choose(self.tray.move(rows[0], by))

    def _ask(self, wanted: SignalInstance, *_: object) -> None:
        rows = self.chosen_rows()
        if len(rows) == 1:
            wanted.emit(rows[0])

    def _show_detail(self) -> None:
        rows = self.chosen_rows()
        one = rows[0] if len(rows) == 1 else None
        for button in (self.up, self.down, self.large, self.open):
            button.setEnabled(one is not None)
        self.remove.setEnabled(bool(rows))
        self.strip.setEnabled(one is not None and self.tray.reading(one) is not None)
        self._row = self._row if one is None else one
        preview = self.tray.preview(one) if one is not None else None
        as_is = one is not None and self.tray.items[one].origin is not None
        budget = None if preview is None or as_is else preview.budget
        self.meter.set_reading(budget, empty=AS_IS if as_is else NO_READING)
        self.transfer.setHorizontalHeaderLabels(["Encoder", "Response (SD)" if as_is else "Shift (SD)"])
        if one is None:
            self.transfer.fill([])
            self.warnings.setText("Choose an item to see it in detail.")
            return
        recipe, warnings = self.tray.items[one], self.tray.warnings(one)
        self.transfer.fill([] if preview is None else _tell_shifts(preview, recipe.config))
        lines = [
            title_of(recipe, one),
            *describe_level(self.tray.reading(one)),
            *(f"⚠ {warning.text}" for warning in warnings),
        ]
        if preview is not None and not warnings:
            lines.append("✓ No warnings.")
        if (then := recipe.analysed_sd) is not None:
            lines.append(f"In the analysis it came from: {then:+.2f} SD, before saving.")
        self.warnings.setText("\n".join(lines))


def _tell_shifts(preview: ItemPreview, config: ProbeConfig) -> list[tuple[str, tuple[str, str]]]:
    """Rows of the table: the probe's own encoder first."""
    own, second = f"{config.network} {config.layer}", "" if config.against is None else config.against.label
    shifts = {own: preview.shift_sd, **preview.transfer}
    attacked = (own, second) if config.attack.epsilon else ()
    named = {where: f"{where} (attacked)" if where in attacked else where for where in shifts}
    return [(where, (named[where], format_signed(shift))) for where, shift in shifts.items()]
