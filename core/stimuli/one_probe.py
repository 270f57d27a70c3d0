"""Exports one probe as a matched set of PNG stimuli: a set of one item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.checks import refusal
from core.encoders.card import EncoderCard
from core.images.stimulus import Stimulus
from core.probes.probe import Probe
from core.progress import run_to_end
from core.stimuli.config import SetConfig
from core.stimuli.layout import Layout
from core.stimuli.manifest import ManifestRow
from core.stimuli.names import name_pair
from core.stimuli.recipe import DEFAULT_SPACE, Item, RecipientEncoder, Rescore, find_licence, recipe_of
from core.stimuli.write import iter_write


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written: the folder, every file in it (manifests last) and the manifest's rows."""

    folder: Path
    files: tuple[Path, ...]
    rows: tuple[ManifestRow, ...]


def export_probe(
    probe: Probe,
    stimulus: Stimulus,
    folder: Path,
    *,
    rescore: Rescore,
    image: str = "",
    degrees: float | None = None,
    recipients: Mapping[str, RecipientEncoder] | None = None,
    card: EncoderCard | None = None,
    space: str = DEFAULT_SPACE,
    add: Callable[[Path], object] | None = None,
) -> ExportReport:
    """Write original, perturbed, random control and sign flip as PNG, read them back, re-score and describe them.

    Parameters
    ----------
    stimulus : The image the probe was made on.
    folder : A new or an empty folder; it appears only when everything is in it.
    rescore : The probe's own encoder, pixels (n, 3, height, width) to responses (n, n_voxels).
    image : What opens the image: its id, SUBJECT:IMAGE or a path; by default the stimulus's own id.
    degrees : Width the stimuli will be shown at, in degrees of visual angle.
    recipients : Other networks' encoders, "network layer" to recipient; each row then holds the shift there.
    card : Scores of the probe's encoder, for warnings.
    space : Surface whose vertices the voxels lie at.
    add : Writes further files (the probe itself) into the folder before it is complete.

    Raises BadInputError if the folder holds something, the stimulus is not the probe's, or `degrees` is not above 0;
    StorageError if the folder cannot be written, and nothing half-written stays.
    """
    if stimulus.sha256 != probe.stimulus_sha256:
        allowed = f"the probe's own image ({probe.stimulus_id})"
        raise refusal("stimulus", allowed=allowed, got=stimulus.id)
    key = image or stimulus.id
    item = Item(
        recipe_of(probe, key),
        probe,
        rescore,
        recipients=recipients or {},
        card=card,
        licence=find_licence(key),
        space=space,
    )
    config = SetConfig(name_pair(probe), layout=Layout(degrees=degrees))
    made = run_to_end(iter_write([item.recipe], lambda _number: item, config, folder, add=add))
    others = sorted((path.name for path in made.folder.iterdir() if path.is_file()), key=_manifests_last)
    names = [*(row.file for row in made.rows), *others]
    return ExportReport(made.folder, tuple(made.folder / name for name in names), made.rows)


def _manifests_last(name: str) -> tuple[bool, str]:
    return name.startswith("manifest."), name
