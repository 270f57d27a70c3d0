"""Makes a robust network out of a standard one, without labels. Never changes the original.

Every step: a batch of random crops; a perturbation of each by PGD in an L2 ball against a folded copy of the network;
one step of Adam that pulls the features of the perturbed photographs to the original's features of the clean ones.
BatchNorm keeps its statistics. After Schlarmann et al. 2024 (arXiv:2402.12336), who do this for CLIP.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.checks import refusal
from core.containers import reading
from core.device import run_smaller
from core.errors import BadInputError, Cancelled
from core.files import replace_file
from core.networks.catalog import find_network
from core.networks.files.torch_pickle import read_torch
from core.networks.load import check_layer
from core.networks.locality import moved_patches
from core.networks.open_body import check_weights, open_body
from core.networks.tokens import Treatment, find_map
from core.networks.truncate import fold_batchnorm
from core.progress import ShouldStop, check_stop, never_stop
from core.robustify.config import RobustifyConfig
from core.robustify.feature_loss import feature_distance, features_at, perturb, pool_last, square_sizes
from core.robustify.photo_crops import draw_batch

RUNNING_SHARE = 0.05
"""Weight of the newest batch in the reported losses."""
SEED_STEP = 1_000_003
"""Keeps the random starts of different steps apart."""


@dataclass(frozen=True, slots=True)
class RobustifyProgress:
    """Progress of a robust fine-tuning.

    Parameters
    ----------
    n_seen, n_images : Photographs done and to do.
    size : Resolution in use, pixels.
    epsilon : L2 budget in use, at that resolution.
    loss, clean_loss : Running means of the relative squared distance to the original's features, perturbed and clean.
    seconds : Since this call began.
    seconds_left : At the speed of this call so far, in pixels a second.
    saved : Whether the checkpoint now holds this state.
    """

    n_seen: int
    n_images: int
    size: int
    epsilon: float
    loss: float
    clean_loss: float
    seconds: float
    seconds_left: float | None
    saved: bool


class Training:
    """The moving parts of one fine-tuning: original, network, optimiser and the count of photographs seen."""

    def __init__(self, config: RobustifyConfig, *, device: str) -> None:
        spec = find_network(config.network)
        self.config = config
        self.device = device
        self.mean = torch.tensor(spec.mean, device=device).view(1, 3, 1, 1)
        self.std = torch.tensor(spec.std, device=device).view(1, 3, 1, 1)
        self.example = torch.zeros(1, 3, config.stages[0].size, config.stages[0].size, device=device)
        self.network = load_cut(config).to(device).to(memory_format=torch.channels_last)
        self.original = fold_copy(self.network, self.example)
        pictures = moved_patches(config.stages[0].size).to(device)
        with torch.no_grad():
            found = features_at(self.original, config.layers, values=pictures)
        self._treatments = [find_map(one) if one.ndim == 4 else Treatment() for one in found]
        self.network.requires_grad_(True)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate)
        self.n_seen, self.at_once = 0, config.batch
        self.loss = self.clean_loss = float("nan")

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels in [0, 1] -> what the bare network takes."""
        return (pixels - self.mean) / self.std

    def features(self, network: nn.Module, pixels: torch.Tensor) -> list[torch.Tensor]:
        """Features of pixels in [0, 1] at every layer compared; maps have their channels first."""
        found = features_at(network, self.config.layers, values=self.normalise(pixels))
        return [treat(one) for treat, one in zip(self._treatments, found, strict=True)]

    def step(self, paths: Sequence[Path]) -> None:
        """See one batch of photographs and move the weights once."""
        config, progress = self.config, self.n_seen / self.config.n_images
        seed = (config.seed, self.n_seen)
        drawn = draw_batch(paths, count=config.batch, size=config.size_at(progress), seed=seed)
        pixels = torch.from_numpy(drawn)
        for group in self.optimiser.param_groups:
            group["lr"] = config.learning_rate_at(progress)
        epsilon = config.epsilon_at(progress)
        loss, clean_loss = run_smaller(lambda chunk: self._find_slope(pixels, epsilon, chunk), chunk=self.at_once)
        nn.utils.clip_grad_norm_(self.network.parameters(), max_norm=1.0)
        self.optimiser.step()
        self.loss, self.clean_loss = _running(self.loss, loss), _running(self.clean_loss, clean_loss)
        self.n_seen += config.batch

    def _find_slope(self, pixels: torch.Tensor, epsilon: float, at_once: int) -> tuple[float, float]:
        """Leave the batch's gradient in the network, `at_once` images at a time; give its losses, perturbed and clean.

        A quarter of the batch is also seen clean: enough to hold the features in place, at a quarter of the cost.
        """
        self.at_once = at_once
        self.optimiser.zero_grad(set_to_none=True)
        n_clean = max(1, len(pixels) // 4)
        split = torch.split(pixels, at_once)
        parts = [part.to(self.device).contiguous(memory_format=torch.channels_last) for part in split]
        with torch.no_grad():
            targets = [pool_last(self.features(self.original, part), self.config.pool) for part in parts]
        sizes = torch.cat([square_sizes(target) for target in targets], dim=1)
        seen = torch.cat([sizes, sizes[:, :n_clean]], dim=1).mean(dim=1)
        adversary, losses = fold_copy(self.network, self.example), torch.zeros(2)
        for number, (part, target) in enumerate(zip(parts, targets, strict=True)):
            first = number * at_once
            moved = self._perturb(adversary, part, target, sizes=sizes.mean(dim=1), epsilon=epsilon, first=first)
            clean = max(0, min(n_clean - first, len(part)))
            found = pool_last(self.features(self.network, torch.cat([moved, part[:clean]])), self.config.pool)
            wanted = [torch.cat([one, one[:clean]]) for one in target]
            distances = feature_distance(found, wanted, sizes=seen)
            loss = torch.stack([distances[: len(part)].sum() / len(pixels), distances[len(part) :].sum() / n_clean])
            (loss[0] + self.config.clean_weight * loss[1]).backward()  # type: ignore[no-untyped-call]
            losses += loss.detach().cpu()
        return float(losses[0]), float(losses[1])

    def _perturb(
        self,
        adversary: nn.Module,
        pixels: torch.Tensor,
        targets: list[torch.Tensor],
        *,
        sizes: torch.Tensor,
        epsilon: float,
        first: int,
    ) -> torch.Tensor:
        seed = self.config.seed * SEED_STEP + self.n_seen

        def distance(candidate: torch.Tensor) -> torch.Tensor:
            found = pool_last(self.features(adversary, candidate), self.config.pool)
            return feature_distance(found, targets, sizes=sizes)

        return perturb(pixels, distance, epsilon=epsilon, n_steps=self.config.n_steps, seed=seed, first=first)

    def save(self, path: Path) -> None:
        """Write everything needed to resume from here."""
        content = {
            "network": self.config.network,
            "n_seen": self.n_seen,
            "state": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        replace_file(path, lambda partial: torch.save(content, partial))

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint. Raises BadInputError if it is of another network."""
        content: dict[str, Any] = read_torch(path)
        with reading(path, "checkpoint of a run", advice="Give another file."):
            if content["network"] != self.config.network:
                raise BadInputError(
                    f"The checkpoint {path.name} is of {content['network']!r}, not of {self.config.network!r}. "
                    "Give another file."
                )
            self.network.load_state_dict(content["state"])
            self.optimiser.load_state_dict(content["optimiser"])
            self.n_seen = int(content["n_seen"])


def iter_robustify(
    config: RobustifyConfig,
    paths: Sequence[Path],
    *,
    checkpoint: Path,
    should_stop: ShouldStop = never_stop,
    device: str = "cpu",
    save_every: float = 180.0,
) -> Iterator[RobustifyProgress]:
    """Fine-tune, yielding one record per batch; the checkpoint is written every `save_every` seconds and at the end.

    Goes on from the checkpoint if it exists. Raises Cancelled after saving once `should_stop()` is true.
    """
    training = Training(config, device=device)
    if checkpoint.exists():
        training.resume(checkpoint)
    already = config.work_until(training.n_seen / config.n_images)
    began = saved_at = time.monotonic()
    try:
        while training.n_seen < config.n_images:
            check_stop(should_stop)
            progress = training.n_seen / config.n_images
            training.step(paths)
            now = time.monotonic()
            work = config.work_until(training.n_seen / config.n_images)
            saved = now - saved_at > save_every or training.n_seen >= config.n_images
            if saved:
                training.save(checkpoint)
                saved_at = now
            yield RobustifyProgress(
                n_seen=training.n_seen,
                n_images=config.n_images,
                size=config.size_at(progress),
                epsilon=config.epsilon_at(progress),
                loss=training.loss,
                clean_loss=training.clean_loss,
                seconds=now - began,
                seconds_left=(now - began) / (work - already) * max(0.0, config.work_until(1.0) - work),
                saved=saved,
            )
    except (Cancelled, GeneratorExit):  # whoever stops iterating can go on as well
        training.save(checkpoint)
        raise


def load_cut(config: RobustifyConfig) -> nn.Module:
    """The network of the config with its weights, cut behind the last layer compared, not folded.

    Raises BadInputError for a file that holds its own definition: its weights cannot be trained and kept apart from it.
    """
    spec = find_network(config.network)
    if spec.is_program:
        advice = "Import its weights with a definition of timm or torchvision."
        raise refusal("network", allowed="a definition with weights", got=spec.id, advice=advice)
    for layer in config.layers:
        check_layer(spec, layer)
    path, _ = check_weights(spec, None)
    return open_body(spec, config.layers[-1], path=path).module


def fold_copy(network: nn.Module, example: torch.Tensor) -> nn.Module:
    """A frozen copy with BatchNorm folded: the same features, a third less work."""
    frozen = copy.deepcopy(network).requires_grad_(False)
    fold_batchnorm(frozen, example=example)
    frozen.to(memory_format=torch.channels_last)
    return frozen


def _running(old: float, new: float) -> float:
    return new if old != old else old + RUNNING_SHARE * (new - old)
