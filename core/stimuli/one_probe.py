"""Exports a probe as a matched set of PNG stimuli with a manifest, judged by the saved files. Never attacks."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.checks import check_positive, describe_refusal
from core.errors import BadInputError
from core.files import new_folder
from core.images.stimulus import Stimulus
from core.probes.probe import Probe, ProbeConfig, name_probe
from core.stimuli.images import hash_file, measure_image, read_png, write_png
from core.stimuli.manifest import MANIFEST, STIMULI, TABLE, ManifestRow, Transfer, write_csv, write_json
from core.types import FloatArray

Rescore = Callable[[FloatArray], FloatArray]
"""Pixels (n, 3, height, width) in [0, 1] to predicted responses (n, n_voxels)."""

DEFAULT_SPACE = "fsaverage5"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Another network's encoder of the same subject.

    `rescore` gives its responses; `target_sd` is the SD of the target's value in it over the clean reference images.
    """

    rescore: Rescore
    target_sd: float


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
    degrees: float | None = None,
    recipients: Mapping[str, Recipient] | None = None,
    space: str = DEFAULT_SPACE,
    add: Callable[[Path], object] | None = None,
) -> ExportReport:
    """Write original, perturbed, random control and sign flip as PNG, read them back, re-score and describe them.

    Parameters
    ----------
    probe : Probe
    stimulus : Stimulus
        The image the probe was made on.
    folder : Path
        A new or an empty folder; it appears only when everything is in it.
    rescore : callable
        The probe's own encoder, pixels (n, 3, height, width) to responses (n, n_voxels).
    degrees : float or None
        Width the stimuli will be shown at, in degrees of visual angle.
    recipients : mapping of str to Recipient, optional
        Other networks' encoders, "network layer" to recipient; each row then tells the shift there.
    space : str
        Surface whose vertices the voxels lie at.
    add : callable, optional
        Writes further files (the probe itself) into the folder before it is complete.

    Returns
    -------
    ExportReport

    Raises
    ------
    BadInputError
        If the folder holds something, the stimulus is not the probe's, or `degrees` is not above 0.
    StorageError
        If the folder cannot be written; nothing half-written stays.
    """
    if stimulus.sha256 != probe.stimulus_sha256:
        allowed = f"the probe's own image ({probe.stimulus_id})"
        raise BadInputError(describe_refusal("stimulus", allowed=allowed, got=stimulus.id))
    if degrees is not None:
        check_positive("degrees", degrees)
    making = _describe_making(probe, stimulus, degrees=degrees, space=space)
    with new_folder(folder) as partial:
        saved = _save_images(probe, partial)
        rows = _describe_files(probe, saved, making=making, rescore=rescore, recipients=recipients or {})
        if add is not None:
            add(partial)
        write_csv(partial / TABLE, rows)
        others = sorted(path.name for path in partial.iterdir() if path.is_file())
        facts = {
            "attack": _describe_attack(probe),
            "made_with": probe.versions | {"device": probe.device},
            "files": {name: hash_file(partial / name) for name in others},
        }
        write_json(partial / MANIFEST, rows, name=name_pair(probe), facts=facts)
        written = [*(row.file for row in rows), *sorted([*others, MANIFEST], key=_manifests_last)]
    home = Path(folder).expanduser().absolute()
    return ExportReport(home, tuple(home / name for name in written), rows)


def name_pair(probe: Probe) -> str:
    """The name shared by a probe's stimuli, safe on every file system: "face_01-raise-FFA-l2-3"."""
    return re.sub(r"[^\w.+-]+", "_", name_probe(probe.config, probe.stimulus_id), flags=re.ASCII)


@dataclass(frozen=True, slots=True, eq=False)
class _SavedImage:
    """One image of the set: what was asked for, and what its file holds now that it was read back."""

    role: str
    path: Path
    asked: FloatArray
    saved: FloatArray
    shift_before_saving: float


def _save_images(probe: Probe, folder: Path) -> list[_SavedImage]:
    """Save every image of the set through one path and read each back; the original comes first."""
    asked = {
        "original": (probe.clean_pixels, probe.clean),
        str(probe.config.direction): (probe.perturbed_pixels, probe.perturbed),
        "control_random": (probe.control_pixels, probe.control),
        "control_sign_flip": (probe.sign_flip_pixels, probe.sign_flip),
    }
    images = []
    (folder / STIMULI).mkdir()
    for role, (pixels, responses) in asked.items():
        path = folder / STIMULI / f"{name_pair(probe)}_{role}.png"
        write_png(path, pixels)
        shift = probe.of_target(responses) - probe.of_target(probe.clean)
        images.append(_SavedImage(role, path, pixels, read_png(path), shift))
    return images


def _describe_files(
    probe: Probe,
    images: list[_SavedImage],
    *,
    making: dict[str, Any],
    rescore: Rescore,
    recipients: Mapping[str, Recipient],
) -> tuple[ManifestRow, ...]:
    """Compute every figure of the manifest from the pixels that were read back."""
    saved = np.stack([image.saved for image in images])
    values = _score(probe, saved, rescore)
    transfers = _transfer(probe, saved, recipients)
    rows = []
    for index, image in enumerate(images):
        l2, linf = _sizes(image.saved - images[0].saved)
        l2_before, linf_before = _sizes(image.asked - images[0].asked)
        figures = measure_image(image.saved, images[0].saved)
        shift = float(values[index] - values[0])
        rows.append(
            ManifestRow(
                **making,
                id=image.path.stem,
                role=image.role,
                file=f"{STIMULI}/{image.path.name}",
                file_sha256=hash_file(image.path),
                l2=l2,
                linf=linf,
                l2_before_saving=l2_before,
                linf_before_saving=linf_before,
                l2_file=l2,
                linf_file=linf,
                resolution=saved.shape[-1],
                clean=float(values[0]),
                predicted=float(values[index]),
                shift=shift,
                shift_sd=_in_sds(shift, probe.target_sd),
                shift_before_saving=image.shift_before_saving,
                clipped=_share_clipped(image.saved, images[0].saved),
                mean_luminance=figures.mean_luminance,
                rms_contrast=figures.rms_contrast,
                ssim=figures.ssim,
                gain=1.0,
                offset=0.0,
                width_px=saved.shape[-1],
                height_px=saved.shape[-2],
                picture_px=saved.shape[-1],
                transfer={where: shifts[index] for where, shifts in transfers.items()},
            )
        )
    return tuple(rows)


def _describe_making(probe: Probe, stimulus: Stimulus, *, degrees: float | None, space: str) -> dict[str, Any]:
    config, attack, target = probe.config, probe.config.attack, probe.config.target
    return {
        "pair_id": name_pair(probe),
        "source_image": stimulus.id,
        "source_key": stimulus.id,
        "source_sha256": stimulus.sha256,
        "licence": "",
        "network": config.network,
        "network_sha256": probe.network_sha256,
        "layer": config.layer,
        "encoder_sha256": probe.encoder_sha256,
        "subject": config.subject,
        "space": space,
        "target": target.label,
        "target_kind": str(target.kind),
        "voxels": target.voxels,
        "weights": target.weights,
        "direction": str(config.direction),
        "norm": str(attack.norm),
        "epsilon": attack.epsilon,
        "n_steps": attack.steps_taken,
        "step_size": attack.step_length,
        "seed": attack.seed,
        "response_unit": probe.response_unit,
        "degrees": degrees,
    }


def _describe_attack(probe: Probe) -> dict[str, object]:
    config = probe.config
    described: dict[str, object] = {"description": config.describe(), "direction": str(config.direction)}
    return described | dataclasses.asdict(config.attack) | _describe_aim(config)


def _describe_aim(config: ProbeConfig) -> dict[str, object]:
    return {
        "ladder": list(config.ladder),
        "objective": config.objective.formula,
        "objective_weight": config.objective.weight,
        "ensemble": list(config.ensemble),
        "wanted_shift_sd": config.wanted_shift_sd,
    }


def _transfer(probe: Probe, saved: FloatArray, recipients: Mapping[str, Recipient]) -> dict[str, list[Transfer]]:
    """What every saved file does to the target in every recipient: name -> one `Transfer` a file."""
    found = {}
    for where, recipient in recipients.items():
        values = _score(probe, saved, recipient.rescore)
        shifts = (values - values[0]).tolist()
        found[where] = [Transfer(shift, _in_sds(shift, recipient.target_sd)) for shift in shifts]
    return found


def _score(probe: Probe, pixels: FloatArray, rescore: Rescore) -> FloatArray:
    """The target's value for every image, (n,) float64."""
    return rescore(pixels).astype(np.float64) @ probe.target_vector.astype(np.float64)


def _sizes(delta: FloatArray) -> tuple[float, float]:
    """L2 and Linf of a perturbation (3, height, width), summed in float64."""
    wide = delta.astype(np.float64)
    return float(np.linalg.norm(wide)), float(np.abs(wide).max())


def _share_clipped(pixels: FloatArray, original: FloatArray) -> float:
    """Share of the colour values that were moved onto 0 or 1."""
    return float((((pixels <= 0) | (pixels >= 1)) & (pixels != original)).mean())


def _in_sds(shift: float, sd: float) -> float | None:
    """The shift in SDs: 0 where the SD is 0, None where it is not known."""
    if math.isnan(sd):
        return None
    return shift / sd if sd > 0 else 0.0


def _manifests_last(name: str) -> tuple[bool, str]:
    return name.startswith("manifest."), name
