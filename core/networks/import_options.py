"""The options of importing a network, as one frozen, checked record. Never imports torch, reads no file."""

from __future__ import annotations

from dataclasses import dataclass

from core.checks import check_choice, check_count, refusal
from core.networks.spec import Tokens

OUTPUT_STRIDES = (0, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class NetworkImportOptions:
    """Options of importing a network; what is left out comes from its architecture, or from the ImageNet defaults.

    Parameters
    ----------
    id : Name on the command line (default: the file's).
    title : Name shown in the window (default: made from the file's).
    architecture : For a weights file: the network whose definition it fits. "" guesses from the file's name.
    weights : Which set of a checkpoint's weights: ema, raw, teacher, student, or a word of its name there (default:
        averaged weights, the teacher's, MoCo's query encoder's).
    layers : Layers to offer, early to late; the last one is the default.
    input_size : Side of the stimulus in pixels; 0 for that of the architecture, or 224.
    mean, std : Normalisation of R, G, B (default: the file's, its architecture's or ImageNet's).
    output_stride : 32, 16 or 8 pixels; 16 and 8 for weights that were trained with dilated convolutions in place of
        the last strides, as for segmentation (default: that of the architecture).
    tokens : Of a transformer's features (default: those of the architecture).
    robust : Whether it was trained against perturbations.
    licence : Shown with the network.
    parent : Id of the network it was made from, by fine-tuning or distillation.
    trusted : Open a program (TorchScript, torch.export, function), which runs with your rights.
    """

    id: str = ""
    title: str = ""
    architecture: str = ""
    weights: str = ""
    layers: tuple[str, ...] = ()
    input_size: int = 0
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    output_stride: int = 0
    tokens: Tokens | None = None
    robust: bool = False
    licence: str = ""
    parent: str = ""
    trusted: bool = False

    def __post_init__(self) -> None:
        """Refuse values no network could have."""
        check_count("input_size", self.input_size, least=0, advice="0 takes that of the architecture.")
        check_choice("output_stride", str(self.output_stride), map(str, OUTPUT_STRIDES))
        for name in ("mean", "std"):
            values = getattr(self, name)
            if values is not None and (len(values) != 3 or (name == "std" and min(values) <= 0)):
                raise refusal(name, allowed="three numbers, std above 0", got=values)
