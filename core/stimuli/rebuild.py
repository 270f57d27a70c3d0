"""Makes a written set again from its manifest alone and compares it bit for bit. Never changes the written one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.datasets.image_files import list_pictures
from core.errors import BadInputError, ProbeError
from core.files import hash_file
from core.images.read import read_image
from core.images.stimulus import Stimulus
from core.probes.source import Source
from core.progress import ShouldStop, never_stop
from core.stimuli.make import FindStimulus, find_source, iter_make
from core.stimuli.manifest import MANIFEST, STIMULI, StimulusSet
from core.stimuli.recipe import Recipe
from core.stimuli.store import ProbeStore
from core.stimuli.write import SetProgress, describe_circumstances
from core.words import name_differences


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuilding gave.

    Parameters
    ----------
    made : The new set.
    differing : Files whose bytes differ from what the manifest says, the manifest itself among them.
    circumstances : What is not as it was: "torch 2.9 instead of 2.8"; the usual reason for a difference.
    """

    made: StimulusSet
    differing: tuple[str, ...]
    circumstances: tuple[str, ...]

    @property
    def identical(self) -> bool:
        """Whether every file came out bit for bit."""
        return not self.differing

    def describe(self) -> str:
        """One sentence for the user."""
        if self.identical:
            return f"Rebuilt bit for bit: {len(self.made.rows)} stimuli and their manifest."
        usual = "same libraries and device: the processor, or the program's own version, may be another"
        n_stimuli = sum(name.startswith(f"{STIMULI}/") for name in self.differing)
        head = f"{len(self.differing)} files differ, {n_stimuli} of them stimuli"
        return f"{head} ({'; '.join(self.circumstances) or usual}): {', '.join(self.differing)}"


def iter_rebuild(
    source: Source, old: StimulusSet, folder: Path, *, images: Sequence[Path] = (), should_stop: ShouldStop = never_stop
) -> Iterator[SetProgress]:
    """Make every probe of a manifest again and write the set into a new folder; the last record holds the new set.

    `old`: as `read_rows` gives it; none of its other files is read. `images`: files, or folders of them, to look for
    images in that are no longer where they were; they are known by their pixels.

    Raises BadInputError if an image, a network or an encoder is missing or is not the one of the manifest, by hash.
    """
    config = old.header.set
    if config is None or not old.header.recipes:
        raise BadInputError(f"The manifest in {old.folder} does not say how its probes were made.")
    recipes = [entry.recipe for entry in old.header.recipes]
    with tempfile.TemporaryDirectory(prefix="probescope-rebuild-") as work:
        store, find = ProbeStore(Path(work)), _make_finder(images)
        yield from iter_make(source, recipes, config, folder, store=store, find=find, should_stop=should_stop)


def find_threads(old: StimulusSet) -> int | None:
    """The number of threads a set was made with on a processor, if it is one number; it decides the last bits."""
    records = [*(entry.made_with for entry in old.header.recipes), old.header.written_with]
    threads = {record.get("threads") for record in records if record.get("device") == "cpu"}
    only = threads.pop() if len(threads) == 1 else None
    return int(only) if only is not None and str(only).isdecimal() else None


def compare_sets(old: StimulusSet, new: StimulusSet) -> Rebuilt:
    """Compare the files of a rebuilt set with what the old manifest says of them."""
    expected = {row.file: row.file_sha256 for row in old.rows} | dict(old.header.files)
    found = {row.file: row.file_sha256 for row in new.rows} | dict(new.header.files)
    differing = [name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)]
    if hash_file(old.folder / MANIFEST) != hash_file(new.folder / MANIFEST):
        differing.append(MANIFEST)
    now = describe_circumstances(new.header.written_with["device"])
    records = [*(entry.made_with for entry in old.header.recipes), old.header.written_with]
    changed = dict.fromkeys(line for then in records for line in name_differences(then, now))
    return Rebuilt(new, tuple(sorted(differing)), tuple(changed))


def _make_finder(places: Sequence[Path]) -> FindStimulus:
    """What finds the image of a recipe by its key, else among given files by its pixels."""
    files = [file for place in places for file in _list_files(Path(place).expanduser())]

    def find(recipe: Recipe, side: int) -> Stimulus:
        try:
            return find_source(recipe, side)
        except ProbeError as error:
            for file in files:
                with suppress(ProbeError):  # no image: it cannot be the one looked for
                    stimulus = read_image(file, size=side)
                    if stimulus.sha256 == recipe.image_sha256:
                        return stimulus
            advice = "Say where it lies now: --images FOLDER."
            raise BadInputError(
                f"The image {recipe.image_id} of the manifest was not found: {error} {advice}"
            ) from error

    return find


def _list_files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise BadInputError(f"There is no file or folder of images at {place}.")
    return [place / name for name in list_pictures(place)]
