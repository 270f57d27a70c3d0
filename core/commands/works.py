"""What the window's pages and dialogs can run, as records that are copied as a command or as Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from core.datasets.image_store import find_stimulus
from core.datasets.subject import load_subject
from core.engine import EncoderKey
from core.errors import BadInputError
from core.experiments.measured.compare_config import CompareConfig
from core.experiments.measured.measured import MatchOptions
from core.experiments.measured.trial import ReadOptions
from core.figures.figure_config import FigureConfig
from core.figures.movie_config import MovieConfig
from core.headers import hash_table, write_json
from core.paths import data_folder
from core.probes.choice import Choice, TargetOptions
from core.probes.probe import Probe, ProbeConfig
from core.probes.synthesis_config import ImagesConfig
from core.stimuli.config import SetConfig
from core.stimuli.names import name_pair, safe_name
from core.stimuli.plan import StimulusPlan, resolve_plan
from core.stimuli.recipe import Recipe


@dataclass(frozen=True, slots=True)
class ProbeWork:
    """The probe of what is chosen, of an image by its id or path.

    `jurors` predict its shift, too; `weights` of the penalty on other voxels make it a trade-off.
    """

    choice: Choice
    image: str
    jurors: tuple[EncoderKey, ...] = ()
    weights: tuple[float, ...] = ()

    @property
    def config(self) -> ProbeConfig:
        """The probe. Raises BadInputError if something is not chosen."""
        if not self.image:
            raise BadInputError("There is no image to probe: choose one in the gallery.")
        return self.choice.probe_config(load_subject(self.choice.subject).voxels)

    @property
    def folder(self) -> str:
        """Where the command writes it."""
        return f"probe_{self.config.direction}_{self.config.target.name.split()[0]}"


@dataclass(frozen=True, slots=True)
class CommandWork:
    """What one command does.

    Parameters
    ----------
    name : The command, and the key of its script in `resources/scripts.toml`.
    values : By their names in the script. On the command line one of an option's name is that option, a config gives
        values to all options of its fields' names, and others are words in their order.
    first : What is run before.
    choice : Whose target the value `config` has, which is then named instead of spelled out.
    """

    name: str
    values: dict[str, Any]
    first: ProbeWork | CommandWork | None = None
    choice: Choice | None = None


def ask_images(choice: Choice, config: ImagesConfig) -> CommandWork:
    """Natural images ranked for what is chosen or, with `synthesis`, compared with images made from scratch."""
    name, unused = ("rank", ("direction",)) if config.synthesis is None else ("synthesise", ("by", "top"))
    usual: dict[str, Any] = {one.name: one.default for one in fields(config) if one.name in unused}
    config = replace(config, **usual)
    out = None if config.synthesis is None else Path(safe_name(f"synthesised_{config.target.name}"))
    return CommandWork(name, {"config": config, "images": ",".join(config.images), "out": out}, choice=choice)


def ask_fingerprint(choice: Choice) -> CommandWork:
    """How what is chosen answers to image categories. Raises BadInputError if something is not chosen."""
    choice = replace(choice, aim=TargetOptions())
    probe = choice.probe_config(load_subject(choice.subject).voxels)
    config = ImagesConfig(probe.subject, probe.network, probe.layer, probe.target)
    return CommandWork("rank --by-category", {"config": config}, choice=choice)


def ask_set(items: Sequence[Recipe], config: SetConfig) -> StimulusPlan:
    """A plan of these items as they are; a file that holds them is kept. Raises BadInputError if there are none."""
    if not items:
        raise BadInputError("The tray is empty: add a probe, then copy.")
    packed = {"items": [one.packed for one in items]}
    file = data_folder() / "stimuli" / "trays" / f"{hash_table(packed, '')[:16]}.json"
    write_json(file, packed)
    first, further = items[0].config, [":".join(one) for one in config.transfer]
    named = {"subject": first.subject, "networks": [f"{first.network}:{first.layer}"], "transfer": further}
    own = {"name": config.name, "controls": list(config.controls), "gate": config.gate, "items": [str(file)]}
    return resolve_plan(asdict(config.layout) | named | own)


def ask_surface(paths: Sequence[Path], name: str, atlas: str, subject: str) -> CommandWork:
    """A surface taken in from files, or the downloaded one where there are none; a subject is shown on it, if named."""
    add = CommandWork("surfaces add", {"files": tuple(paths), "name": name, "atlas": atlas})
    if not paths:
        add = CommandWork("surfaces fetch", {"mesh": name})
    return CommandWork("surfaces use", {"surface": name, "subject": subject}, first=add) if subject else add


def ask_drawing(probe: ProbeWork, shown: Probe, config: MovieConfig | FigureConfig, ending: str) -> CommandWork:
    """A movie or figure of the probe on screen. Raises BadInputError if what is chosen makes another one."""
    asked = probe.config
    if asked.wanted_shift_sd:  # its smallest budget was found
        asked = replace(asked, attack=shown.config.attack, ladder=shown.config.ladder)
    if asked != shown.config or find_stimulus(probe.image, asked.side).sha256 != shown.stimulus_sha256:
        raise BadInputError("The probe on screen is another one than is chosen now: run the probe, then copy.")
    values = {"file": f"{probe.folder}/{name_pair(shown)}.json", "config": config}
    if isinstance(config, FigureConfig):
        return CommandWork("figure", values | {"out": Path(f"{config.kind}.{ending}")}, probe)
    out = Path(f"{config.kind}-frames" if ending == "png" else f"{config.kind}.{ending}")
    return CommandWork("movie", values | {"out": out, "size": f"{config.width}x{config.height}"}, probe)


def ask_comparison(
    stimuli: Path, files: tuple[Path, ...], reading: ReadOptions, matching: MatchOptions, config: CompareConfig
) -> CommandWork:
    """Measured responses compared with a set's predictions."""
    values = {"stimuli": stimuli, "files": files, "reading": reading, "matching": matching, "config": config}
    roi = [f"{name}={mask}" for name, mask in reading.rois]
    column = ["=".join(filter(None, pair)) for pair in matching.target_columns.items()]
    return CommandWork("compare", values | {"roi": roi, "target_column": column})
