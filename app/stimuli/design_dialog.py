"""How many repeats? Simulates experiments with the tray, or a written set, and shows their power."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QDialog, QWidget

from app.base.jobs import JobLane
from app.stimuli.tray import Tray
from app.widgets.ask_path import ask_open
from app.widgets.basics import fill_dialog, make_button, make_label, make_row
from app.widgets.copy_work import make_copy_button
from app.widgets.form import MOST_SEED, Count, Fields, Number
from app.widgets.job_line import JobLine, Reading
from app.widgets.plot_picker import PlotPicker
from core.checks import refusal
from core.commands.works import CommandWork
from core.errors import BadInputError
from core.experiments.measured.design import (
    Design,
    DesignConfig,
    Groups,
    Predicted,
    group_plan,
    group_probes,
    iter_design,
)
from core.experiments.measured.design_report import describe_design, plot_design
from core.experiments.measured.planned import plan_set
from core.progress import Progress
from core.stimuli.manifest import read_manifest
from core.stimuli.preview import ItemPreview
from core.stimuli.recipe import Recipe

JOB, SIZE = "design", (760, 680)
WILL_TELL = (
    "Simulate takes the predicted shifts of these probes, adds the noise of the voxels, and judges 200 experiments of "
    "each design as Measured would. It takes the noise ceiling of the target's voxels (the encoder card tells it), and "
    "about half a minute.",
    "It draws the power against repeats, one line for each number of images, and says what decides. For example: "
    "“8 repeats of 12 images (12 probes, 3456 trials) have a power of 0.86 ± 0.02.”",
)
Source = Callable[[], tuple[str, Groups]]
"""Gives a name and the probes to simulate; it may refuse."""


class DesignDialog(QDialog, Fields):
    """Asks for the noise ceiling and simulates; `source` are the tray's probes until a set is opened."""

    ceiling = Number(
        "Noise ceiling", "Share of the variance of a mean over repeats", first=30, most=100, unit=" %", decimals=1
    )
    averaged = Count(
        "", "Repeats behind that mean", first=1, least=1, most=100, name="Repeats behind the noise ceiling"
    )
    slope = Number(
        "Slope", "SDs the brain moves for each SD predicted, on held-out images", most=10, step=0.1, zero="not known"
    )
    seed = Count("Seed", "Seed of the simulated experiments", most=MOST_SEED)

    def __init__(self, lane: JobLane, source: Source, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.make_fields()
        self._lane, self._source = lane, source
        self._folder: Path | None = None
        self.about = make_label("The probes in the tray", "muted", wraps=True)
        self.work, self.answer = JobLine(), PlotPicker("Question and slope")
        self.run = make_button("Simulate", "primary", self.start, tip="Simulate experiments and judge them")
        self.copy = make_copy_button(self._find, self.work.error)
        tip = "A written set instead of the tray"
        self.other = make_button("Open set…", do=self._ask, tip=tip)
        of, repeats = (make_label(text, "muted") for text in ("of the mean of", "repeats"))
        fill_dialog(
            self,
            "How many repeats?",
            make_label("How many repeats and images decide the experiment?", "title"),
            make_row(self.about, self.other, stretch=0),
            self.make_rows(("Noise ceiling", "ceiling", of, "averaged", repeats), "slope", "seed"),
            make_row(self.run, self.work, self.copy, stretch=1),
            self.answer,
            stretch=5,
        )
        self.answer.show_plots((), WILL_TELL)
        self.resize(*SIZE)

    def start(self) -> None:
        """Simulate; refusals stand beside the button."""
        ready = None if self.work.busy else self.work.attempt(lambda: (self._source(), self._config()))
        if ready is not None:
            (name, groups), config = ready
            self.work.run(
                self._lane,
                JOB,
                lambda stop: iter_design(name, groups, config, should_stop=stop),
                title="Simulating experiments…",
                on_done=self._show,
                read=lambda at: Reading(at.share, f"{at.done} of {at.total} designs"),
            )

    def open_set(self, folder: Path) -> None:
        """Take a written set instead of the tray."""
        self.about.setText(str(folder))
        self._folder, self._source = folder, partial(_read_set, folder)

    def done(self, result: int) -> None:
        """Stop what runs."""
        self.work.drop()
        super().done(result)

    def _config(self) -> DesignConfig:
        return self.make_config(DesignConfig, noise_ceiling=self.ceiling.value() / 100)

    def _find(self) -> CommandWork:
        if self._folder is None:
            raise BadInputError("Commands read written sets, not the tray: write it and open the set here.")
        return CommandWork("design", {"stimuli": self._folder, "config": self._config()})

    def _show(self, record: Progress[Design]) -> None:
        if record.result is not None:
            self.answer.show_plots(plot_design(record.result), list(describe_design(record.result)))

    def _ask(self) -> None:
        if folder := ask_open(self, "Open a stimulus set"):
            self.open_set(folder)


def _read_set(folder: Path) -> tuple[str, Groups]:
    plan = plan_set(read_manifest(folder))
    return plan.name, group_plan(plan)


def group_tray(tray: Tray, *, n_files: int) -> tuple[str, Groups]:
    """The tray's probes, each of `n_files` stimuli. Raises BadInputError until every one is made, and as a set does."""
    rows = [row for row, recipe in enumerate(tray.items) if recipe.origin is None]
    items, previews = [tray.items[row] for row in rows], [tray.preview(row) for row in rows]
    made = [_predict(recipe, known) for recipe, known in zip(items, previews, strict=True) if known is not None]
    if not made or len(made) < len(items):
        got = f"{len(made)} of {len(items)}"
        raise refusal("tray", allowed="of made probes", got=got, advice="Wait, or open a set.")
    return "tray", group_probes(made, n_files=len(items) * n_files / len({one.image for one in made}))


def _predict(recipe: Recipe, preview: ItemPreview) -> Predicted:
    config, against = recipe.config, recipe.config.against
    return Predicted(
        config.subject,
        recipe.image,
        config.target.label,
        {f"{config.network} {config.layer}": preview.shift_sd, **preview.transfer},
        config.level,
        None if preview.level is None else preview.level.saved,
        "" if against is None else against.label,
        against is not None and not against.agrees,
    )
