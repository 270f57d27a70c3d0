"""The work space of whole images: a target's best and worst natural ones, and images made from scratch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from app.base.services import Services
from app.base.state import request_probe
from app.images.work import Found, iter_found
from app.widgets.basics import allow, make_button, make_column, make_heading, make_label, make_row, make_scroll
from app.widgets.captions import EmptyState
from app.widgets.desk import Content, Desk, Feature, Loaded
from app.widgets.editors import FlagBox
from app.widgets.form import MOST_SEED, Count, Flag, Form, Number, Text, why_not
from app.widgets.image_view import PictureLabel
from app.widgets.job_line import Reading
from app.widgets.new_folder_dialog import ask_new_folder
from app.widgets.pick_dialog import IMAGE_EXAMPLES
from app.widgets.picture_grid import LEAST, PictureGrid
from app.widgets.work_page import JobPage
from core.commands.works import CommandWork, ask_images
from core.probes.synthesis_config import BY, LARGEST_JITTER, MOST_RESTARTS, ImagesConfig, SynthesisConfig
from core.progress import Progress
from core.reports.pictures import Picture
from core.session.record import ImagesRecord
from core.stimuli.as_is import write_synthesis
from core.stimuli.names import safe_name
from core.stimuli.recipe import Recipe

KEY = "images"
IN_A_ROW = 5
"""Pictures side by side; more stand under them."""
IMAGES_TIP = "Ids, files or folders, separated by commas; empty: all images the subject saw"
MAKE_TIP = "Make images from scratch, and compare them with the best natural image"
EMPTY = "Choose a target in Explore, then rank natural images for it, or have images made from scratch."
CONTENTS = "PNG files, and synthesis.json with how they were made, their responses, versions and hashes."
SAME = ("subject", "network", "layer", "target")


class ImagesForm(Form):
    """What is ranked, and how images are made from scratch."""

    images = Text("Images", IMAGES_TIP, hint="all the subject saw", examples=IMAGE_EXAMPLES)
    by_measured = Flag("By measured response", "Rank by the mean over repeats, where there is one")
    top = Count("Shown", "Best, and as many worst, images shown", first=5, least=1, most=20)
    n_restarts = Count("Restarts", "Images, each from a random start of its own", first=4, least=1, most=MOST_RESTARTS)
    n_steps = Count("Steps", "Steps of Adam", first=256, least=1)
    step_size = Number("Step size", "Adam's, in units of the spectrum", first=0.05, least=0.01, most=10, step=0.01)
    jitter = Count("Jitter", "Each step moves the image by up to so many pixels", first=8, most=LARGEST_JITTER)
    mean = Number("Mean", "Mean of all colour values, 0 to 1", most=1, step=0.05, zero="free")
    contrast = Number("RMS contrast", "SD of all colour values, up to 0.5", most=0.5, step=0.05, zero="free")
    grey = Flag("Grey", "One channel for all colours")
    seed = Count("Seed", "Of the random starts and moves, and of the draw of test:N", most=MOST_SEED)

    def __init__(self) -> None:
        super().__init__()
        made = ("n_restarts", "n_steps", "step_size", "jitter", "mean", "contrast", "grey", "seed")
        heads = [("", make_heading(text)) for text in ("Natural images", "From scratch")]
        self.setLayout(self.make_rows(heads[0], "images", "top", "by_measured", heads[1], *made))


class CaptionBox(FlagBox):
    """A box with lines of text, which give way in their middle, or without their SDs, where they are too long."""

    def __init__(self, caption: str) -> None:
        super().__init__()
        self.show_caption(caption)

    def show_caption(self, caption: str) -> None:
        """Show other lines."""
        self._caption = caption
        self.setToolTip(caption)
        self.setAccessibleName(caption)
        self.setText(caption.replace("&", "&&"))
        self._whole = super().sizeHint()
        self._fit()

    def sizeHint(self) -> QSize:
        """Room for whole lines."""
        return self._whole

    def minimumSizeHint(self) -> QSize:
        """As narrow as its picture."""
        return QSize(LEAST, self._whole.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Write as much as there is room for."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        lines, metrics = self._caption.splitlines(), self.fontMetrics()
        beside = self._whole.width() - max(map(metrics.horizontalAdvance, lines), default=0)
        room = max(LEAST, self.width()) - beside
        kept = [line if metrics.horizontalAdvance(line) <= room else line.split(" = ")[0] for line in lines]
        shown = [metrics.elidedText(line, Qt.TextElideMode.ElideMiddle, room + 1) for line in kept]
        self.setText("\n".join(shown).replace("&", "&&"))


class ChoiceGrid(PictureGrid):
    """A box with its caption over each picture chooses it (`chosen`); a click asks for it: `wanted` gives its place."""

    chosen = Signal()
    wanted = Signal(int)
    HINT = "Click to open in Explore"

    def make_caption(self, picture: Picture) -> CaptionBox:
        """A box."""
        box = CaptionBox(picture.caption)
        box.toggled.connect(self.chosen)
        return box

    def take_click(self, label: PictureLabel) -> None:
        """Ask for it."""
        self.wanted.emit(self.pictures.index(label))

    def replace_first(self, pictures: Sequence[Picture]) -> None:
        """Show others in the place of the first ones."""
        for picture, label, box in zip(pictures, self.pictures, self.captions, strict=False):
            if picture.levels is not None and isinstance(box, CaptionBox):
                label.show_pixels(picture.levels)
                box.show_caption(picture.caption)

    def places(self) -> list[int]:
        """Those chosen."""
        return [place for place, box in enumerate(self.captions) if isinstance(box, FlagBox) and box.isChecked()]


class ImagesPage(JobPage):
    """Ranks and synthesises for what is chosen in Explore; what it shows says whose it is.

    `show_image` takes what opens an image, `collect` recipes of images that go into the tray.
    """

    RUN, RUN_TIP, STOP_TIP = "Rank images", "Rank the images by the target's response", "Stop; what is shown stays"
    EXPORT, EXPORT_TIP, EXPORT_LATER = "Save…", "Save the images made from scratch", "Synthesise first"

    def __init__(
        self,
        services: Services,
        show_image: Callable[[str], object],
        collect: Callable[..., object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._services, self._show_image, self._collect = services, show_image, collect
        self._asked: ImagesConfig | None = None
        self.found: Found | None = None
        self._recipes: tuple[Recipe | None, ...] = ()
        self.form, self.grid = ImagesForm(), ChoiceGrid()
        self.make = make_button("Synthesise", do=partial(self.begin, synthesises=True))
        self.target, self.whose = (make_label("", "strong", wraps=True) for _ in range(2))
        self.open = make_button("Open in Explore", do=lambda: self._open(self.grid.places()[0]))
        self.collect = make_button("Add to the tray", "primary", lambda: self._collect(self._chosen()))
        head = make_row(self.whose, self.open, self.collect, stretch=0)
        held = make_column(head, make_scroll(self.grid), margin=12, stretch=1)
        form, empty = (make_label("Images", "title"), self.target, self.form), EmptyState("No images yet", EMPTY)
        self.lay_out(form, held, empty=empty, more=(self.make,))
        self.grid.chosen.connect(self.refresh)
        self.grid.wanted.connect(self._open)
        for fact in ("subject", "encoder", "card", "target", "direction", "aim"):
            getattr(services.state, f"{fact}_changed").connect(self.refresh)
        self.refresh()

    def asked(self, *, synthesises: bool) -> ImagesConfig:
        """What is chosen. Raises ProbeError where something is missing or cannot be."""
        probe, form = request_probe(self._services.state), self.form
        more: dict[str, Any] = {name: getattr(probe, name) for name in (*SAME, "direction")}
        if synthesises:
            free = {name: getattr(form, name).value() or None for name in ("mean", "contrast")}
            more["synthesis"] = form.make_config(SynthesisConfig, **free)
        by, images = BY[form.by_measured.value()], tuple(form.images.words())
        return form.make_config(ImagesConfig, by=by, images=images, **more)

    def work_to_copy(self) -> CommandWork:
        """What was begun last, or the ranking, as the form has it now."""
        synthesises = self._asked is not None and self._asked.synthesis is not None
        return ask_images(self._services.state.choice(), self.asked(synthesises=synthesises))

    def start(self) -> None:
        """Rank."""
        self.begin(synthesises=False)

    def begin(self, *_clicked: bool, synthesises: bool) -> None:
        """Have it done for what is chosen now; what runs for something else ends."""
        asked = self.work.attempt(partial(self.asked, synthesises=synthesises))
        if asked is not None and not (self.work.busy and asked == self._asked):
            self._find(asked)

    def record(self) -> ImagesRecord:
        """The form and what was asked last, for a session; of what was stopped, what is shown."""
        found, asked = self.found, self._asked
        if asked is not None and not (self.busy or found is None or found.made is not None):
            asked = replace(asked, synthesis=None)
        return ImagesRecord(self.form.values(), asked, "" if found is None else found.card.sha256)

    def restore(self, record: ImagesRecord) -> None:
        """Show the form of a session, and find again what was found."""
        self.form.set_values(record.fields)
        self._find(record.asked, record.encoder_sha256)

    def _find(self, asked: ImagesConfig | None, encoder_sha256: str = "") -> None:
        self.work.drop()
        self._asked = asked
        self._show(None)
        if asked is None:
            return
        engine = self._services.engine
        self.work.run(
            self._services.lane,
            KEY,
            lambda stop: iter_found(engine, asked, encoder_sha256=encoder_sha256, should_stop=stop),
            title="Ranking images…" if asked.synthesis is None else "Synthesising images…",
            on_done=lambda last: self._show(last.result),
            read=self._read,
        )

    def ask_export(self) -> None:
        """Ask for a folder and write the images from scratch."""
        found, services = self.found, self._services
        if found is None or found.made is None:
            return
        name, about = safe_name(f"synthesised_{found.made.target.name}"), (self.whose.text(), CONTENTS)
        folder = ask_new_folder(self, services.settings, "Save images", name, about=about, verb="Save")
        if folder is not None:
            write = partial(write_synthesis, folder, found.card, found.made, found.natural)
            services.controller.write("Saving…", write)

    def refresh(self) -> None:
        """Show what can be done, and whether what is shown is of what is chosen now."""
        found, card, chosen = self.found, self._services.state.card, self._chosen()
        reason, no_synthesis = (why_not(partial(self.asked, synthesises=synthesises)) for synthesises in (False, True))
        now = None if reason else self.asked(synthesises=False)
        self.target.setText("No target is chosen." if now is None else now.describe())
        self.show_state(reason, answered=found is not None and found.made is not None)
        allow(self.make, "Cancel what runs first" if self.busy else no_synthesis, MAKE_TIP)
        if found is not None:
            is_same = now is not None and attrgetter(*SAME)(now) == attrgetter(*SAME)(found.asked)
            is_same = is_same and card is not None and card.sha256 == found.card.sha256
            self.whose.setText(found.asked.describe() + "\nExplore has another target or encoder now." * (not is_same))
        unfinished = "The images from scratch are not finished" if None in chosen else ""
        why = unfinished if chosen else "Tick the boxes over pictures first"
        allow(self.collect, why, "Put the chosen images into the tray, to be shown as they are")
        allow(self.open, why or "Choose one picture" * (len(chosen) > 1), "Show the chosen image in Explore")

    def _read(self, record: Progress[Found]) -> Reading:
        if record.result is not None:
            self._show(record.result)
        return Reading(record.share, f"{record.stage} {record.done:.0f} of {record.total}", record.seconds_left)

    def _show(self, found: Found | None) -> None:
        n_before, self.found, rows = len(self._recipes), found, () if found is None else found.rows
        self._recipes = () if found is None else found.recipes
        if found is not None and found.made is None and len(self._recipes) == n_before:  # another step
            self.grid.replace_first(rows[0][1])
            return
        self.stack.setCurrentIndex(0 if found is None else 1)
        lines = [
            (name if not start else "", pictures[start : start + IN_A_ROW])
            for name, pictures in rows
            for start in range(0, len(pictures), IN_A_ROW)
        ]
        self.grid.show_pictures([pictures for _, pictures in lines], [name for name, _ in lines])
        self.refresh()

    def _open(self, place: int) -> None:
        if (recipe := self._recipes[place]) is not None:
            self._show_image(recipe.image)

    def _chosen(self) -> list[Recipe | None]:
        return [self._recipes[place] for place in self.grid.places()]


class Images(Feature):
    """Adds the tab; its commands bring it to the front and begin at once."""

    def __init__(self, desk: Desk, show_image: Callable[[str], object], collect: Callable[..., object]) -> None:
        super().__init__(desk)
        self._page: ImagesPage | None = None
        desk.tabs.add(KEY, partial(self._make_page, show_image, collect))

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """Rank, and synthesise."""
        return {name: partial(self._begin, name == "synthesise") for name in ("rank_images", "synthesise")}

    def capture(self) -> Content:
        """The form and what was found, if the page was opened."""
        return {"images": None if self._page is None else self._page.record()}

    def restore(self, loaded: Loaded) -> None:
        """Show both."""
        if loaded.record.images is not None:
            self._desk.tabs.page(KEY)
            if self._page is not None:
                self._page.restore(loaded.record.images)

    def _make_page(
        self, show_image: Callable[[str], object], collect: Callable[..., object], parent: QWidget
    ) -> ImagesPage:
        page = self._page = ImagesPage(self._session, show_image, collect, parent)
        page.form.changed.connect(self.changed)
        page.work.changed.connect(self.changed)
        return page

    def _begin(self, synthesises: bool) -> None:
        page = self._desk.tabs.open(KEY)
        if isinstance(page, ImagesPage):
            page.begin(synthesises=synthesises)
