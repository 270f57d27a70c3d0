"""Chooses the encoders, targets, images and budgets of an analysis as one frozen config."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from app.widgets.basics import make_column, make_heading, make_label, show_text
from app.widgets.form import MOST_SEED, Checks, Choice, Count, Flag, Form, Gate, Pick, Text, attempt
from app.widgets.pick_dialog import IMAGE_EXAMPLES, VOXEL_EXAMPLES, make_picker
from core.attacks.config import describe_grey_levels, parse_epsilon, write_epsilon
from core.datasets.subject import Subject
from core.encoders.config import EncoderConfig
from core.errors import BadInputError, ProbeError
from core.networks.catalog import find_network, name_encoder
from core.probes.target import list_rois
from core.sweeps.choose import (
    ControlEncoders,
    check_comparable,
    choose_control_encoders,
    choose_images,
    choose_targets,
    offer_images,
    offer_voxels,
)
from core.sweeps.config import (
    DEFAULT_EPSILONS,
    LEAST_FOR_ENSEMBLE,
    REFERENCE_SIDE,
    AttackKind,
    EncoderName,
    Question,
    SweepConfig,
    rescale_budget,
)
from core.sweeps.plan import SWEEP, estimate_cost
from core.sweeps.step_seconds import Layer
from core.types import Direction, NormName

ATTACKS = (
    (AttackKind.PGD, "PGD", "Projected gradient ascent"),
    (AttackKind.MI, "MI: with momentum", "Gradients accumulated over the steps, decay 1"),
    (AttackKind.DI, "DI: with diverse inputs", "Gradients at randomly shrunken images, probability 0.5"),
    (AttackKind.TI, "TI: with translation", "Gradients averaged over shifts of up to 7 pixels"),
    (AttackKind.ALL, "MI, DI and TI together", "All three together"),
    (AttackKind.SQUARE, "Square: without gradients", "Random squares: uses no gradients, only many forward passes"),
    (
        AttackKind.ENSEMBLE,
        "Ensemble of the others",
        f"One perturbation for all encoders but the recipient; needs {LEAST_FOR_ENSEMBLE} encoders",
    ),
)
BOTH = "both"
NORMS = (
    (NormName.L2, "L2", "L2 budgets"),
    (NormName.LINF, "Linf", "Linf budgets"),
    (BOTH, "Both", "Linf budgets are set to equal RMS change"),
)
DIRECTIONS = (
    (Direction.RAISE, "Raise", "Raise the response"),
    (Direction.LOWER, "Lower", "Lower the response"),
    (BOTH, "Both", "Both, averaged"),
)
IMAGES_TIP = "Ids, files, folders, or test:N for N held-out images drawn with the seed, separated by commas"
GATE_TIP = "Minimum r of a voxel in each encoder, cross-validated on its training images"
FIRST_ENCODERS = 3
FIRST_ROIS = ("FFA", "PPA")
ROWS = ("attack", "n_steps", "n_queries", "gate", "seed")


class SweepForm(Form):
    """Edits `SweepConfig`: `value` raises ProbeError where the options are invalid; `changed` asks for a new check.

    `config` is what it gave after the last change, None where that was invalid: a check reads many cards.
    """

    encoders = Checks("", most_rows=5, name="Encoders")
    rois = Checks("", most_rows=5, name="ROI means")
    voxels = Text(
        "Voxels",
        "Voxel numbers, or ROI:N for N voxels of an ROI that every encoder predicts above the minimum r",
        hint="812, FFA:3",
        examples=VOXEL_EXAMPLES,
        settled=True,
    )
    images = Text("Images", IMAGES_TIP, first="test:4", hint=IMAGES_TIP, examples=IMAGE_EXAMPLES, settled=True)
    ladder = Text("Epsilon", "Ascending budgets in [0, 1] pixel units; 8/255 allowed", settled=True, name="Budgets")
    attack = Choice("Attack", "Method that searches for perturbations", choices=ATTACKS[:-1])
    n_steps = Count("Steps", "Attack steps at each budget; auto are as many as it takes", most=1000, zero="auto")
    n_queries = Count("Queries", "Forward passes of Square at each budget", least=1, first=1000)
    gate = Gate("Minimum r", GATE_TIP, least=-1, first=0.1)
    seed = Count("Seed", "Seed for drawing images and voxels, for random starts and for resamples", most=MOST_SEED)
    attacks = Checks("", choices=ATTACKS, most_rows=len(ATTACKS), name="Attacks")
    refitted = Flag(
        "Re-fitted copy of each encoder", "T to the same network with a readout fitted to half of the training images"
    )
    untrained = Flag(
        "Untrained networks as sources", "The same architectures with random weights and readouts of their own"
    )
    norm = Pick("", choices=NORMS, name="Norm")
    direction = Pick("", choices=DIRECTIONS, name="Direction")

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question, self._compares = question, question is Question.TRANSFER
        self._subject: Subject | None = None
        self.config: SweepConfig | None = None
        self._norm = NormName.L2
        self._ladders: dict[NormName, tuple[float, ...]] = {}
        self._show_ladder(DEFAULT_EPSILONS)
        self.step_seconds: dict[Layer, float] = {}
        self.attacks.set_value((AttackKind.PGD,))
        self.refitted.set_value(True)
        self.untrained.set_value(True)
        self.missing = make_label("", "muted", wraps=True)
        self.missing.hide()
        self.norm.button(BOTH).setVisible(question is not Question.DISCRIMINABILITY)  # which keeps to one norm
        self.grey = make_label("", "faint", wraps=True)
        self.cost = make_label("", "muted", wraps=True)
        self.problem = make_label("", "field-error", wraps=True)
        pick_voxels = make_picker(self.voxels, "Voxels", partial(self._offer, offer_voxels))
        pick_images = make_picker(self.images, "Images", partial(self._offer, offer_images), takes_files=True)
        pickers = (("Voxels", "voxels", pick_voxels), ("Images", "images", pick_images))
        rows = self.make_rows(*pickers, "ladder", ("", self.grey), *ROWS)
        rows.setRowVisible(self.attack, not self._compares)
        rows.setRowVisible(self.n_queries, False)
        lists = (self.encoders.under("Encoders"), self.rois.under("Targets: ROI means"))
        copies = (make_heading("Control encoders"), self.refitted, self.untrained, self.missing)
        more = (make_heading("Attacks, one matrix each"), self.attacks, 4, *copies) if self._compares else ()
        self.setLayout(make_column(*lists, rows, self.norm, self.direction, *more, self.cost, self.problem))

    def set_subject(
        self, subject: Subject, encoders: Sequence[EncoderConfig], usual: Sequence[tuple[str, str]]
    ) -> None:
        """List a subject's encoders and ROIs; the usual layers of the first networks are checked."""
        self._subject = subject
        names = [(one.network, one.layer) for one in encoders]
        self.encoders.set_choices([(key, *name_encoder(*key)) for key in names], list(usual)[:FIRST_ENCODERS])
        rois = list_rois(subject.voxels)
        self.rois.set_choices([(roi, roi) for roi in rois], [roi for roi in FIRST_ROIS if roi in rois] or rois[:1])
        self.take_edit()

    def value(self) -> SweepConfig:
        """The sweep as wished. Raises ProbeError with one sentence if it cannot be run."""
        subject, gate, seed = self._subject, self.gate.value(), self.seed.value()
        if subject is None:
            raise ProbeError("Choose a subject in Explore first.")
        encoders = tuple(EncoderName(subject.id, *key) for key in self.encoders.value())
        controls = self._choose_control_encoders(encoders)
        targets = choose_targets(encoders, rois=self.rois.value(), voxels=self.voxels.words(), gate=gate, seed=seed)
        norm, direction = self.norm.value(), self.direction.value()
        config = self.make_config(
            SweepConfig,
            question=self._question,
            encoders=encoders,
            images=choose_images(subject, self.images.words(), seed=seed),
            targets=targets,
            directions=tuple(Direction) if direction == BOTH else (Direction(direction),),
            norms=(NormName.L2, NormName.LINF) if norm == BOTH else (NormName(norm),),
            ladder=self._ladder(),
            attacks=self._attacks(),
            refitted=controls.refitted if self.refitted.value() else (),
            untrained=controls.untrained if self.untrained.value() else (),
        )
        check_comparable(config)
        return config

    def set_value(self, config: SweepConfig) -> None:
        """Show the settings of an analysis; encoders and ROIs that are not available stay out."""
        self.show_config(config, keep=("encoders", "images", "ladder", "refitted", "untrained"))
        self.encoders.set_value([(name.network, name.layer) for name in config.encoders])
        self.rois.set_value([target.roi for target in config.targets if target.roi])
        self.voxels.set_value(", ".join(str(target.voxel) for target in config.targets if not target.roi))
        self.images.set_words(config.images)
        drawn = [f"test:{len(config.images)}"]
        with suppress(ProbeError):  # more than are held out
            if self._subject and choose_images(self._subject, drawn, seed=config.seed) == config.images:
                self.images.set_words(drawn)
        self.norm.set_value(BOTH if len(config.norms) > 1 else config.norms[0])
        self.direction.set_value(BOTH if len(config.directions) > 1 else config.directions[0])
        self._norm = config.norms[0]
        self._show_ladder(config.ladder)
        self.attack.set_value(config.attacks[0])
        self.refitted.set_value(bool(config.refitted))
        self.untrained.set_value(bool(config.untrained))
        self.take_edit()

    def _offer(self, offer: Callable[[Subject], list[tuple[str, str]]]) -> list[tuple[str, str]]:
        return [] if self._subject is None else offer(self._subject)

    def set_step_seconds(self, step_seconds: Mapping[Layer, float]) -> None:
        """Take the measured seconds of an attack step of some networks; the cost is estimated from them."""
        self.step_seconds |= step_seconds
        self.take_edit()

    def refresh(self) -> None:
        """Show the cost, or why it cannot be run."""
        self.show_row("n_queries", AttackKind.SQUARE in self._attacks())
        self.show_row("n_steps", self._attacks() != (AttackKind.SQUARE,))
        show_text(self.grey, "")
        with suppress(ProbeError):  # which is told about below
            encoders = self.encoders.value()
            side = find_network(encoders[0][0]).input_size if encoders else REFERENCE_SIDE
            show_text(self.grey, describe_grey_levels(self._ladder(), self._norm, side=side))
        self.config, cost = attempt(self._check, self.problem) or (None, "")
        show_text(self.cost, cost)

    def _check(self) -> tuple[SweepConfig, str]:
        config = self.value()
        return config, estimate_cost(config, self.step_seconds).describe()

    def take_norm(self, norm: str) -> None:
        """Bring the budgets to the other norm, at equal RMS change."""
        wanted = NormName.L2 if norm == BOTH else NormName(norm)
        with suppress(ProbeError):  # what was typed is told about, and stays
            self._show_ladder(self._ladder())
            self._norm = wanted
            self.ladder.set_value(self._write_ladder())
        self._norm = wanted
        self.take_edit()

    def _attacks(self) -> tuple[AttackKind, ...]:
        return self.attacks.value() if self._compares else (self.attack.value(),)

    def _choose_control_encoders(self, encoders: Sequence[EncoderName]) -> ControlEncoders:
        """The copies that can be made, where any are wanted; why others cannot is shown."""
        is_wanted = self._compares and (self.refitted.value() or self.untrained.value())
        found = choose_control_encoders(encoders) if is_wanted else ControlEncoders((), (), ())
        show_text(self.missing, " ".join(found.reasons))
        return found

    def _ladder(self) -> tuple[float, ...]:
        """The budgets typed; those shown are kept in full, whatever is rounded in the field."""
        if self.ladder.text() == self._write_ladder():
            return self._ladders[self._norm]
        return tuple(parse_epsilon(word, self._norm) for word in self.ladder.text().split(","))

    def _show_ladder(self, ladder: tuple[float, ...]) -> None:
        """Show budgets of the norm, and keep what they are under either."""
        if self._ladders.get(self._norm) != ladder:
            self._ladders = {to: tuple(rescale_budget(one, self._norm, to=to) for one in ladder) for to in NormName}
        self.ladder.set_value(self._write_ladder())

    def _write_ladder(self) -> str:
        return ", ".join(write_epsilon(epsilon, self._norm) for epsilon in self._ladders[self._norm])


def fill_form(form: SweepForm, values: Mapping[str, object]) -> None:
    """Put the settings of an analysis back into its form; encoders and ROIs that are not available stay out.

    Raises BadInputError if they are no settings of an analysis.
    """
    try:
        config = SWEEP.unpack(dict(values))
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(f"The settings of an analysis cannot be read ({error}). Set them again.") from error
    form.set_value(config)
