"""A plan: images x targets x directions x budgets x encoders, resolved before anything heavy."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from core.attacks.config import LARGEST_EPSILON, USUAL_STEPS, AttackConfig, format_epsilon, parse_epsilon
from core.attacks.mask import Mask, pack_mask, resolve_mask
from core.checks import check_choice, check_count, check_epsilon, check_fraction, check_rules, refusal, suggest
from core.datasets.image_store import find_stimulus
from core.datasets.subject import load_subject
from core.encoders.files import load_card
from core.files import is_there, replace_file
from core.headers import HeaderKind, read_header, unstructure, write_json
from core.networks.catalog import find_network
from core.probes.against import Against
from core.probes.probe import ProbeConfig
from core.stimuli.as_is import read_items
from core.stimuli.config import SetConfig
from core.stimuli.layout import Layout
from core.stimuli.levels import USUAL_TRIES, check_level_targets, resolve_levels
from core.stimuli.plan_options import PlanOptions
from core.stimuli.recipe import Recipe, name_source
from core.sweeps.choose import check_against, choose_encoders, choose_images, choose_of_subject, choose_targets
from core.sweeps.config import EncoderName, TargetName
from core.sweeps.plan import PASSES_PER_STEP, SECONDS_PER_STEP
from core.types import Direction, NormName
from core.words import count, format_duration

JSON_PLAN = HeaderKind("a plan of stimuli", "`main.py stimuli plan --out FILE` writes one.")
TOML_PLAN = replace(JSON_PLAN, syntax="toml")
MOST_ITEMS = 5000
"""More probes than any experiment shows."""
PARTS = ("images", "targets", "directions", "budgets", "encoders")
PASSES_BESIDE = 12
"""Forward passes of a probe beside its attack: clean, controls, judging, scoring the files."""


PROBES_EACH = ((Direction.RAISE, False), (Direction.LOWER, False), (Direction.RAISE, True))
"""Of two encoders: A up and B down, the mirrored one, both up: A's direction, whether B agrees."""


class Budget(NamedTuple):
    """A norm and its epsilon, in [0, 1] pixel units."""

    norm: NormName
    epsilon: float

    @property
    def label(self) -> str:
        """As it is typed: "l2:3", "linf:8/255"."""
        short = format_epsilon(self.epsilon, self.norm)
        exact = parse_epsilon(short, self.norm) == self.epsilon
        return f"{self.norm}:{short if exact else repr(self.epsilon)}"


@dataclass(frozen=True, slots=True)
class StimulusPlan:
    """What a set is to hold.

    Parameters
    ----------
    images : Ids, SUBJECT:IMAGE, or paths of files.
    n_steps : Attack steps of each probe; 0 are as many as it takes.
    quantise : Keep every iterate on 8-bit grey levels, so that saving changes nothing.
    levels : Of a level set: the responses every image is brought to, in SDs from the mean of the clean reference
        responses. They decide the direction, and the budget is the largest one allowed.
    mask : Where in the images the perturbations may lie; None is everywhere.
    items : Files of images that are shown as they are (`read_items`); with them the plan may have no target.
    pair : The second of the two encoders of controversial probes, whose directions are all taken.

    Raises BadInputError if a part is empty or holds something twice, or there are too many probes.
    """

    encoders: tuple[EncoderName, ...]
    images: tuple[str, ...]
    targets: tuple[TargetName, ...]
    directions: tuple[Direction, ...] = (Direction.RAISE,)
    budgets: tuple[Budget, ...] = (Budget(NormName.L2, 3.0),)
    n_steps: int = 0
    quantise: bool = False
    seed: int = 0
    delivery: SetConfig = field(default_factory=SetConfig)
    levels: tuple[float, ...] = ()
    pair: Against | None = None
    mask: Mask | None = None
    items: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in PARTS:
            values = getattr(self, name)
            is_empty = not values and not (self.items and not self.targets and name in ("images", "targets"))
            if is_empty or len(set(values)) < len(values):
                got = [getattr(value, "label", str(value)) for value in values]
                raise refusal(name, allowed="at least one, each named once", got=got)
        for budget in self.budgets:
            check_epsilon("budget", budget.epsilon, largest=LARGEST_EPSILON[budget.norm])
            if budget.epsilon <= 0:
                raise refusal("budget", allowed="above 0", got=budget.label)
        check_count("steps", self.n_steps, least=0)
        check_count("seed", self.seed, least=0)
        if self.n_items > MOST_ITEMS:
            raise refusal("plan", allowed=f"at most {MOST_ITEMS} probes", got=self.n_items)

    @property
    def n_items(self) -> int:
        """Probes of the plan."""
        return math.prod(len(getattr(self, name)) for name in self._parts) * (len(PROBES_EACH) if self.pair else 1)

    @property
    def _parts(self) -> tuple[str, ...]:
        """The fields whose every combination is a probe, or three of a pair of encoders."""
        if self.pair:
            return ("images", "targets", "budgets")
        wishes = ("levels",) if self.levels else ("directions", "budgets")
        return ("images", "targets", *wishes, "encoders")

    def describe(self) -> str:
        """One line: what it holds and what it will cost."""
        nouns = {name: name.removesuffix("s") for name in self._parts} | ({"images": "seed"} if self.levels else {})
        ends = " to ".join(dict.fromkeys(f"{level:+g}" for level in (*self.levels[:1], *self.levels[-1:])))
        parts = [
            count(len(getattr(self, name)), noun) + f" ({ends} SD)" * (name == "levels") for name, noun in nouns.items()
        ]
        if self.pair:
            ways = "(A up, B down; A down, B up; both up)"
            pair = " and ".join(encoder.label for encoder in self.encoders)
            parts.append(f"{len(PROBES_EACH)} probes of {pair} {ways}")
        files = self.n_items * self.delivery.n_files
        cost = f"about {format_duration(self.seconds)} on one core"
        within = f", each within {self.budgets[0].label}" if self.levels else ""
        probes = f"{' x '.join(parts)} = {count(self.n_items, 'probe')}{within}, {files} files, {cost}"
        as_is = f"the images of {', '.join(self.items)}" if self.items else ""
        return ", and ".join(filter(None, (probes if self.targets else "", as_is)))

    @property
    def seconds(self) -> float:
        """What it will take on one core, roughly."""
        members, tries = len(self.encoders) if self.pair else 1, USUAL_TRIES if self.levels else 1
        steps = tries * (self.n_steps or USUAL_STEPS) * PASSES_PER_STEP * members
        passes = steps + PASSES_BESIDE * (members + len(self.delivery.transfer))
        return self.n_items * passes * SECONDS_PER_STEP / PASSES_PER_STEP


def list_recipes(plan: StimulusPlan) -> tuple[Recipe, ...]:
    """Every probe of a plan, with the hashes of its image and encoder; all of one image stand together; then its items.

    Raises BadInputError if an image, an encoder or a target is not there.
    """
    attack = AttackConfig(n_steps=plan.n_steps, quantise=plan.quantise, seed=plan.seed, mask=plan.mask)
    attacks = [(replace(attack, norm=norm, epsilon=size), (size,)) for norm, size in plan.budgets]
    ways = product(plan.directions, plan.levels or (None,))
    wishes: list[dict[str, Any]] = [{"direction": direction, "level": level} for direction, level in ways]
    encoders = plan.encoders if plan.pair is None else plan.encoders[:1]
    wishes = wishes if plan.pair is None else list_wishes(plan.pair)
    as_is = [recipe for file in plan.items for recipe in read_items(Path(file))]
    return (*iter_recipes(plan.images, encoders, plan.targets, wishes, lambda _side: attacks), *as_is)


def list_wishes(second: Against) -> list[dict[str, Any]]:
    """What `iter_recipes` asks of each image, target and budget: direction and second encoder of the three probes."""
    return [{"direction": way, "against": replace(second, agrees=agrees)} for way, agrees in PROBES_EACH]


def read_plan(path: Path) -> dict[str, Any]:
    """The options in a plan file, TOML or JSON; images and a mask named by relative paths lie beside it.

    Raises BadInputError or StorageError if the file is no plan or cannot be read.
    """
    place = path.expanduser().absolute()
    options = read_header(place, TOML_PLAN if place.suffix.lower() == ".toml" else JSON_PLAN)
    if isinstance(mask := options.get("mask"), str) and is_there(place.parent / mask):
        options["mask"] = str(place.parent / mask)
    if isinstance(options.get("images"), list):
        beside = [place.parent / str(one) for one in options["images"]]
        options["images"] = [
            str(file) if is_there(file) else one for file, one in zip(beside, options["images"], strict=True)
        ]
    return options


def resolve_plan(options: Mapping[str, Any]) -> StimulusPlan:
    """The plan that the options of a plan file describe.

    `options`: fields of `PlanOptions` and `Layout`; what is left out takes its default.

    Raises BadInputError for an unknown key, or a value that is not there or out of its range.
    """
    got = asdict(PlanOptions()) | asdict(Layout())
    for key in options:
        if key not in got:
            advice = suggest(key, list(got)) or "`stimuli plan --help` lists them."
            raise refusal("plan", allowed="of known settings", got=key, advice=advice)
    got |= options
    seed, gate = check_count("seed", got["seed"], least=0), check_fraction("gate", got["gate"])
    subject = load_subject(str(got["subject"]))
    words = [part for text in _texts("controversial", got["controversial"]) for part in text.split(",")]
    _check_options(options, is_pair=bool(words))
    check_rules((not isinstance(got["quantise"], bool), "quantise", "true or false", got["quantise"], ""))
    got |= resolve_levels(options, subject)
    levels = got["levels"]
    if words:
        encoders = choose_of_subject(subject.id, words, name="controversial", n=2)
    else:
        encoders = choose_encoders((subject.id,), _texts("networks", got["networks"]))
    sizes = {"sharpness": got["sharpness"], "decided_sd": got["decided"]}
    rois, voxels = _texts("rois", got["rois"]), _texts("voxels", got["voxels"])
    items = [str(Path(text).expanduser().absolute()) for text in _texts("items", got["items"])]
    if not rois and not voxels and not items:
        advice = f"Name ROIs ({', '.join(subject.voxels.roi_names[:6])} …), voxels, or ROI:N."
        raise refusal("targets", allowed="at least one", got=[], advice=advice)
    targets = choose_targets(encoders, rois=rois, voxels=voxels, gate=gate, seed=seed)
    images = choose_images(subject, _texts("images", got["images"]), seed=seed) if targets else ()
    further = choose_encoders((subject.id,), _texts("transfer", got["transfer"]))
    if levels:
        check_level_targets(encoders, further, targets, gate=gate)
        further = tuple(dict.fromkeys([*further, *encoders])) if len(encoders) > 1 else further
    directions = [
        check_choice("direction", text.lower(), list(Direction)) for text in _texts("directions", got["directions"])
    ]
    layout = Layout(**{one.name: got[one.name] for one in fields(Layout)})
    controls: list[Any] = _texts("controls", got["controls"])  # `SetConfig` makes kinds of them and words refusals
    transfer = tuple((one.network, one.layer) for one in further)
    return StimulusPlan(
        encoders,
        tuple(name_source(image) for image in images),
        targets,
        tuple(map(Direction, directions)),
        tuple(parse_budget(text) for text in _texts("budgets", got["budgets"])),
        got["steps"],
        got["quantise"],
        seed,
        SetConfig(str(got["name"]), tuple(controls), layout, transfer, got["gate"]),
        levels,
        Against(*encoders[1][1:], **sizes) if words else None,
        resolve_mask(got["mask"], got["mask_edge"], [find_network(encoder.network).input_size for encoder in encoders]),
        tuple(items),
    )


def _check_options(options: Mapping[str, Any], *, is_pair: bool) -> None:
    """Refuse what a level set or controversial probes have no use for, and what only they have a use for."""
    wants, budgets = "levels" in options, options.get("budgets", "")
    several = not isinstance(budgets, str) and (not isinstance(budgets, list | tuple) or len(budgets) != 1)
    its_part, alone = "The pair and every way to move it are part of it.", "Name two encoders: controversial = A,B."
    rules = (
        ("seeds", not wants, "left out without levels", "Ask for levels too, or name images (test:N)."),
        ("seeds", "images" in options, "left out beside images", "Images that are named are the seeds."),
        ("directions", wants, "left out beside levels", "Each level decides itself whether it raises or lowers."),
        ("budgets", wants and several, "one beside levels", "It is the largest that a level may take."),
        *((name, is_pair, "left out with controversial", its_part) for name in ("networks", "directions", "levels")),
        *((name, not is_pair, "used with controversial", alone) for name in ("sharpness", "decided")),
    )
    for name, is_wrong, allowed, advice in rules:
        check_rules((is_wrong and name in options, name, allowed, options.get(name), advice))


def pack_plan(plan: StimulusPlan) -> dict[str, Any]:
    """The options that give this plan again; everything drawn at random or left out is spelled out."""
    delivery = plan.delivery
    return {
        "name": delivery.name,
        "subject": plan.encoders[0].subject,
        **_pack_encoders(plan),
        "images": list(plan.images),
        "rois": [target.roi for target in plan.targets if target.roi],
        "voxels": [str(target.voxel) for target in plan.targets if not target.roi],
        **({"items": list(plan.items)} if plan.items else {}),
        "budgets": [budget.label for budget in plan.budgets],
        "steps": plan.n_steps,
        "quantise": plan.quantise,
        **pack_mask(plan.mask),
        "seed": plan.seed,
        "gate": delivery.gate,
        "controls": [str(kind) for kind in delivery.controls],
        "transfer": [f"{network}:{layer}" for network, layer in delivery.transfer],
        **{name: value for name, value in unstructure(delivery.layout).items() if value is not None},
    }


def _pack_encoders(plan: StimulusPlan) -> dict[str, Any]:
    names = [f"{encoder.network}:{encoder.layer}" for encoder in plan.encoders]
    if plan.levels:
        return {"networks": names, "levels": list(plan.levels)}
    if plan.pair is None:
        return {"networks": names, "directions": [str(direction) for direction in plan.directions]}
    return {"controversial": names, "sharpness": plan.pair.sharpness, "decided": plan.pair.decided_sd}


def write_plan(plan: StimulusPlan, path: Path) -> None:
    """Write `pack_plan` as TOML or JSON, by the ending; `read_plan` reads it. Raises StorageError as `replace_file`."""
    if path.suffix.lower() != ".toml":
        write_json(path, pack_plan(plan), indent=2)
        return
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in pack_plan(plan).items())
    replace_file(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def parse_budget(text: str) -> Budget:
    """Read "l2:3" or "linf:8/255"; a number alone is L2."""
    norm, colon, epsilon = text.partition(":")
    if not colon:
        norm, epsilon = str(NormName.L2), text
    name = NormName(check_choice("norm", norm.strip().lower(), list(NormName)))
    return Budget(name, parse_epsilon(epsilon.strip(), name))


def iter_recipes(
    images: Sequence[str],
    encoders: Sequence[EncoderName],
    targets: Sequence[TargetName],
    wishes: Sequence[Mapping[str, Any]],
    attacks: Callable[[int], Iterable[tuple[AttackConfig, tuple[float, ...]]]],
) -> Iterator[Recipe]:
    """The probes of every combination; those of one image stand together.

    Parameters
    ----------
    wishes : Fields of `ProbeConfig`: direction, and level or second encoder where there is one.
    attacks : Gives attacks with their grids by the side of the images.

    Raises BadInputError if an image, an encoder or a target is not there, or two encoders cannot be attacked together.
    """
    cards = {encoder: load_card(*encoder) for encoder in encoders}
    tables = {encoder.subject: load_subject(encoder.subject).voxels for encoder in encoders}
    for image in images:
        find = cache(partial(find_stimulus, image))
        for (encoder, card), target, wish in product(cards.items(), targets, wishes):
            aim = target.find_in(tables[encoder.subject])
            asked = ProbeConfig(encoder.subject, encoder.network, encoder.layer, aim, **wish)
            second, stimulus = asked.against, find(size=asked.side)
            others: list[str] = []
            check_against(asked)
            if second is not None:
                others.append(load_card(asked.subject, second.network, second.layer).sha256)
            hashes = (stimulus.sha256, card.network_sha256, card.sha256, tuple(others))
            for attack, grid in attacks(asked.side):
                config = replace(asked, attack=attack, ladder=grid)
                yield Recipe(config, name_source(image), stimulus.id, *hashes)


def _texts(name: str, value: Any) -> list[str]:
    """A list of texts; one text alone may be written without brackets."""
    values: Sequence[Any] = [value] if isinstance(value, str | int | float) else value
    if not isinstance(values, list | tuple) or not all(isinstance(one, str | int | float) for one in values):
        raise refusal(name, allowed="a list of texts", got=value)
    return [str(one) for one in values]
