"""Plans stimuli: images x targets x directions x budgets x networks, with the cost first."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from PySide6.QtWidgets import QDialog, QWidget

from app.widgets.against_form import AgainstForm
from app.widgets.basics import align, fill_dialog, make_button, make_label, make_row, show_text
from app.widgets.copy_work import make_copy_button
from app.widgets.form import MOST_SEED, Checks, Count, Fields, Flag, Gate, Pick, Text, attempt
from app.widgets.pick_dialog import IMAGE_EXAMPLES, VOXEL_EXAMPLES, make_picker
from core.attacks.config import describe_grey_levels
from core.attacks.mask import Mask, pack_mask
from core.datasets.subject import Subject
from core.errors import ProbeError
from core.networks.catalog import find_network, name_encoder
from core.probes.target import list_rois
from core.stimuli.levels import USUAL_BUDGET, USUAL_LEVELS, USUAL_SEEDS
from core.stimuli.plan import Budget, StimulusPlan, parse_budget, resolve_plan
from core.sweeps.choose import check_pair, offer_images, offer_voxels
from core.sweeps.config import rescale_budget
from core.types import Direction, NormName

BOTH = "both"
WIDTH, MOST_NOTES = 560, 2
IMAGES_TIP = "Ids, files, folders, or test:N for N held-out images, separated by commas"
VOXELS_TIP = "Voxel numbers, or ROI:N for N voxels of an ROI above the minimum r"
BUDGETS_TIP = "l2:3 or linf:8/255, separated by commas; of a level set the largest one allowed"
PAIR_WAYS = "Controversial probes of each image and target: A up and B down, A down and B up, both up"
PAIR_TIP = f"{PAIR_WAYS}. A is the one encoder ticked above, B this one"
LEVELS_TIP = "Empty, or a level set: LOW:HIGH:N or numbers, in SDs from the mean response; every image is a seed"
BUDGET_EXAMPLES = "l2:3 – L2 of at most 3\nl2:1, l2:3, linf:8/255 – every probe at three budgets"
LEVEL_EXAMPLES = "-3:3:11 – 11 levels from -3 to 3 SD\n-2, 0, 2 – these three"
NORMS = (
    (NormName.L2, "L2", "The same budgets under L2, at equal RMS change"),
    (NormName.LINF, "Linf", "The same budgets under Linf, at equal RMS change"),
)
DIRECTIONS = (
    (Direction.RAISE, "Raise", "Raise the response"),
    (Direction.LOWER, "Lower", "Lower the response"),
    (BOTH, "Both", "One probe for each"),
)


class PlanDialog(QDialog, Fields):
    """Edits `StimulusPlan`: `plan` is the newest that can be met, or None."""

    encoders = Checks("", most_rows=4, name="Encoders")
    rois = Checks("", most_rows=4, name="ROI means")
    images = Text("Images", IMAGES_TIP, first="test:4", hint=IMAGES_TIP, examples=IMAGE_EXAMPLES, settled=True)
    voxels = Text("Voxels", VOXELS_TIP, hint="none; 817, FFA:3", examples=VOXEL_EXAMPLES, settled=True)
    budgets = Text("Budgets", BUDGETS_TIP, first="l2:3", hint=BUDGETS_TIP, examples=BUDGET_EXAMPLES, settled=True)
    levels = Text(
        "Levels", LEVELS_TIP, hint=f"none; {USUAL_LEVELS} makes a level set", examples=LEVEL_EXAMPLES, settled=True
    )
    norm = Pick("", choices=NORMS, name="Norm", width=120)
    n_steps = Count(
        "Steps", "Attack steps of each probe; auto are as many as it takes", most=1000, zero="auto", name="Attack steps"
    )
    gate = Gate("Minimum r", "Minimum r of a voxel drawn as ROI:N", first=0.1)
    seed = Count("Seed", "Seed for drawing images and voxels, and for controls", most=MOST_SEED)
    direction = Pick("", choices=DIRECTIONS, name="Direction")
    masked = Flag("Only inside the mask of Explore", "Nothing changes outside, in the controls neither")

    def __init__(
        self,
        subject: Subject,
        encoders: list[tuple[str, str]],
        *,
        current: tuple[str, str],
        image: str,
        mask: Mask | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.make_fields()
        self.plan: StimulusPlan | None = None
        self._subject, self._mask = subject, mask
        self.masked.set_value(mask is not None)
        self.encoders.set_choices([(":".join(key), *name_encoder(*key)) for key in encoders], [":".join(current)])
        self.against = AgainstForm(with_agreeing=False)
        self.against.set_encoders(encoders, None)
        self.against.encoder.setToolTip(PAIR_TIP)
        self.against.changed.connect(self.take_edit)
        self.rois.set_choices([(roi, roi) for roi in list_rois(subject.voxels)], ["FFA", "PPA"])
        if subject.images is None and not any(subject.test):
            self.images.set_value(image)
        self.pickers = [
            make_picker(self.images, "Images", partial(offer_images, subject), takes_files=True),
            make_picker(self.voxels, "Voxels", partial(offer_voxels, subject)),
        ]
        self.cost = make_label("", "strong", wraps=True)
        self.grey = make_label("", "faint", wraps=True)
        self.problem = make_label("", "field-error", wraps=True)
        self.notes = make_label("", "warning", wraps=True)
        tip = "Add every probe of the plan and run them now"
        self.add = make_button("Add to the tray", "primary", self._accept, tip=tip)
        self.cancel = make_button("Cancel", do=self.reject)
        self.copy = make_copy_button(lambda: self._resolve()[0], self.problem)
        self._lay_out()
        self.tell()

    def wish(self) -> dict[str, Any]:
        """The plan in the words of a plan file."""
        chosen, networks = self.direction.value(), list(self.encoders.value())
        asked: dict[str, Any] = {"networks": networks, "directions": list(Direction) if chosen == BOTH else [chosen]}
        if levels := self.levels.words():
            asked = {"networks": networks, "levels": levels}
        if second := self.against.value():
            sizes = {"decided": second.decided_sd, "sharpness": second.sharpness}
            asked = {"controversial": [*networks, f"{second.network}:{second.layer}"], **sizes}
        return {
            "subject": self._subject.id,
            "images": self.images.words(),
            "rois": list(self.rois.value()),
            "voxels": self.voxels.words(),
            "budgets": self.budgets.words(),
            "steps": self.n_steps.value(),
            "gate": self.gate.value(),
            "seed": self.seed.value(),
            **asked,
            **pack_mask(self._mask if self.masked.value() else None),
        }

    def tell(self) -> None:
        """Resolve the options; say what it costs, or why it cannot be."""
        self.plan, notes = attempt(self._resolve, self.problem) or (None, ())
        show_text(self.grey, describe_budgets(self.plan) if self.plan is not None else "")
        show_text(self.cost, self.plan.describe() if self.plan is not None else "")
        more = [f"… and {len(notes) - MOST_NOTES} more like these"] * (len(notes) > MOST_NOTES)
        show_text(self.notes, "\n".join([*(f"⚠ {note}" for note in notes[:MOST_NOTES]), *more]))
        self.add.setEnabled(self.plan is not None)

    def reasons(self) -> Mapping[str, str]:
        """What levels, or a second encoder, decide themselves."""
        has_levels, is_pair = bool(self.levels.words()), self.against.value() is not None
        of_levels = "Each level decides itself whether a response is raised or lowered" * has_levels
        self.against.allow("encoder", "A level set is made on each encoder alone: leave the levels out" * has_levels)
        return {"direction": of_levels or PAIR_WAYS * is_pair, "levels": PAIR_WAYS * is_pair}

    def _resolve(self) -> tuple[StimulusPlan, tuple[str, ...]]:
        """The plan, and what to know of it before it is made."""
        plan = resolve_plan(self.wish())
        return plan, check_pair(plan.encoders, plan.targets, gate=plan.delivery.gate) if plan.pair else ()

    def take_levels(self) -> None:
        """Offer what a level set usually takes in place of what nobody changed; the levels decide the direction."""
        usual = {"images": ("test:4", f"test:{USUAL_SEEDS}"), "budgets": ("l2:3", USUAL_BUDGET)}
        has_levels = bool(self.levels.words())
        for name, pair in usual.items():
            editor = getattr(self, name)
            if editor.value() == pair[not has_levels]:
                editor.set_value(pair[has_levels])
        self.take_edit()

    def take_norm(self, norm: str) -> None:
        """Bring every budget to the norm, at equal RMS change."""
        to = NormName(norm)
        with suppress(ProbeError):  # what was typed is told about, and stays
            typed = [parse_budget(word) for word in self.budgets.words()]
            words = [Budget(to, rescale_budget(one.epsilon, one.norm, to=to)).label for one in typed]
            self.budgets.set_value(", ".join(dict.fromkeys(words)))
        self.tell()

    def _lay_out(self) -> None:
        lists = make_row(self.encoders.under("Encoders"), self.rois.under("Targets: ROI means"), gap=12)
        rows = self.make_rows(
            ("Images", "images", self.pickers[0]),
            ("Voxels", "voxels", self.pickers[1]),
            ("Budgets", "budgets", "norm"),
            ("", self.grey),
            "levels",
            "n_steps",
            "gate",
            "seed",
            "masked",
        )
        align(self.against.rows, rows)
        self.show_row("masked", self._mask is not None)
        asks = make_label(f"For {self._subject.title}: every combination becomes a probe in the tray.", "muted")
        told = (self.cost, self.notes, self.problem)
        parts = (make_label("Plan stimuli", "title"), asks, lists, self.against, rows, self.direction, *told)
        fill_dialog(self, "Plan stimuli", *parts, make_row(self.copy, -1, self.cancel, self.add), width=WIDTH)

    def _accept(self) -> None:
        self.tell()
        if self.plan is not None:
            self.accept()


def describe_budgets(plan: StimulusPlan) -> str:
    """The budgets in grey levels, at the input size of the first network."""
    side, norms = find_network(plan.encoders[0].network).input_size, dict.fromkeys(norm for norm, _ in plan.budgets)
    by_norm = {norm: [size for own, size in plan.budgets if own is norm] for norm in norms}
    return "; ".join(describe_grey_levels(sizes, norm, side=side, mask=plan.mask) for norm, sizes in by_norm.items())
