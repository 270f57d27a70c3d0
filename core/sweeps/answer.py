"""From a finished sweep to the answer of its question, with what the answer needs to know of subjects."""

from __future__ import annotations

from core.datasets.subject import load_subject
from core.sweeps.config import Question
from core.sweeps.disagreement import Disagreement, analyse_disagreement
from core.sweeps.discriminability import Discriminability, analyse_discriminability
from core.sweeps.fragility import Fragility, analyse_fragility
from core.sweeps.gather import Sweep
from core.sweeps.meaning import Meaning, analyse_meaning
from core.sweeps.transfer import TransferAnswer, analyse_transfer

Answer = Fragility | Discriminability | TransferAnswer | Meaning | Disagreement


def answer_sweep(sweep: Sweep) -> Answer:
    """The answer to the sweep's own question."""
    config = sweep.config
    table = load_subject(config.subjects[0]).voxels
    rois = tuple(target.roi or table.roi[target.voxel] for target in config.targets)  # of a voxel, of the first subject
    if config.question is Question.FRAGILITY:
        return analyse_fragility(sweep, rois)
    if config.question is Question.DISCRIMINABILITY:
        return analyse_discriminability(sweep)
    if config.question is Question.TRANSFER:
        return analyse_transfer(sweep, rois)
    return analyse_meaning(sweep, rois) if config.question is Question.MEANING else analyse_disagreement(sweep, rois)
