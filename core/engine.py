"""The one door to the engine, for the window and the command line: opens encoders once, runs work. Never touches Qt.

Light until asked to work: torch is imported inside the methods, so that a window can be on screen before it loads.
An engine belongs to one thread at a time; everything it takes and gives is numpy, frozen records and paths.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.cluster.where import HERE, Where
from core.device import THREADS_VARIABLE
from core.encoders.card import EncoderCard
from core.images.stimulus import Stimulus
from core.kept import Kept, measure_module
from core.probes.probe import Preview, Probe, ProbeConfig, ProbeProgress
from core.progress import Progress, ShouldStop, never_stop
from core.types import FloatArray

if TYPE_CHECKING:
    from core.attacks.mask import Mask
    from core.encoders.encoder import Encoder
    from core.encoders.estimate import FitEstimate
    from core.encoders.fit_request import FitRequest, SearchProgress
    from core.encoders.importers.bind import ImportProgress, ImportRequest
    from core.encoders.importers.readout import Readout
    from core.encoders.importers.whole import WholeOptions
    from core.networks.import_options import NetworkImportOptions
    from core.networks.network import Network
    from core.probes.first_order import FirstOrder, FirstOrderProbe
    from core.probes.gradient_atlas import GradientAtlas
    from core.probes.jury import Vote
    from core.sweeps.cells import CellStore, RunProgress
    from core.sweeps.config import SweepConfig

EncoderKey = tuple[str, str, str]
"""(subject, network, layer): what names an encoder."""

NETWORK_BYTES = ENCODER_BYTES = 2 * 2**30
"""Of the networks kept open, and of the encoders with the networks under them, in the memory of the device."""


class Engine:
    """Opens networks and encoders on one device and runs probes, previews and gradient atlases with them.

    Parameters
    ----------
    device : "auto" (CUDA, else MPS, else CPU), "cuda", "mps" or "cpu".
    spare_cores : Cores left to whatever else runs, such as a window.
    n_processes : Of this computer that work on a sweep or study at once, each with an equal part of the cores.

    Raises BadInputError on first use, if the device does not exist here.
    """

    def __init__(self, *, device: str = "auto", spare_cores: int = 0, n_processes: int = 1) -> None:
        self._wanted_device = device
        self._spare_cores, self._n_processes = spare_cores, n_processes
        self._device: str | None = None
        self._networks: Kept[tuple[str, str], Network] = Kept(NETWORK_BYTES, measure=measure_module)
        self._encoders: Kept[EncoderKey, Encoder] = Kept(ENCODER_BYTES, measure=measure_module)
        self._first_order: tuple[object, FirstOrder] | None = None

    @property
    def device(self) -> str:
        """The device in use; chosen on first access, which loads torch."""
        if self._device is None:
            from core.device import choose_device, set_threads

            set_threads(spare=self._spare_cores, n_processes=self._n_processes)
            self._device = choose_device(self._wanted_device)
        return self._device

    def warm_up(self) -> str:
        """Load torch and choose the device, ahead of the first real work. Returns the device."""
        return self.device

    def encoder_card(self, subject: str, network: str, layer: str) -> EncoderCard:
        """The scores of a fitted encoder, without loading torch. Raises BadInputError if none is fitted.

        Examples
        --------
        >>> card = Engine().encoder_card("simulated", "mobilenet_v2", "features.18")
        >>> card.r.shape, card.n_test
        ((1844,), 298)
        """
        from core.encoders.files import load_card

        return load_card(subject, network, layer)

    def open_encoder(self, subject: str, network: str, layer: str, *, side: int | None = None) -> Encoder:
        """Load an encoder and its network, or return the one already open.

        `side`: of images larger than the network takes, which are then resampled (`core.encoders.resampled`).
        """
        from core.encoders.files import load_encoder

        key = (subject, network, layer)
        encoder = self._encoders.find(key, lambda: load_encoder(*key, network_module=self.open_network(*key[1:])))
        if side is None or side == encoder.network.input_size:
            return encoder
        from core.encoders.resampled import show_at

        return show_at(encoder, side)

    def open_network(self, network: str, layer: str, *, weights: Path | None = None) -> Network:
        """Load a network cut at a layer, or return the one already open; `weights` replaces its weights file."""
        from core.networks.load import load_network

        key = (network, layer)
        if weights is not None:
            self._networks.drop(key.__eq__)
        return self._networks.find(key, lambda: load_network(*key, device=self.device, weights=weights))

    def forget_network(self, network: str) -> None:
        """Close a network that was removed or replaced, and every encoder on it."""
        self._networks.drop(lambda key: key[0] == network)
        self._encoders.drop(lambda key: key[1] == network)

    def use_encoder_file(self, path: Path) -> EncoderCard:
        """Let an encoder file outside the library answer; returns its card.

        Raises WeightsError if it is damaged, or was fitted on another network, layer or weights.
        """
        from core.encoders.encoder import Encoder
        from core.encoders.library import read_encoder_file

        data = read_encoder_file(path)
        config = data.card.config
        network = self.open_network(config.network, config.layer)
        self._encoders.put((config.subject, config.network, config.layer), Encoder(network, data))
        return data.card

    def predict(
        self, subject: str, network: str, layer: str, stimulus: Stimulus, *, side: int | None = None
    ) -> FloatArray:
        """The predicted responses to one stimulus, (n_voxels,) float32 in the encoder's unit; `side` as in rescore.

        Examples
        --------
        >>> from core.datasets.photos import load_stimulus
        >>> engine = Engine(device="cpu")
        >>> engine.predict("simulated", "mobilenet_v2", "features.18", load_stimulus("cat_chelsea")).shape
        (1844,)
        """
        responses: FloatArray = self.rescore(subject, network, layer, stimulus.pixels[np.newaxis], side=side)[0]
        return responses

    def rescore(
        self, subject: str, network: str, layer: str, pixels: FloatArray, *, side: int | None = None
    ) -> FloatArray:
        """The predicted responses to pixels (n, 3, height, width) in [0, 1]: (n, n_voxels) float32.

        `side`: of pixels larger than the network takes.

        Examples
        --------
        >>> pixels = np.zeros((2, 3, 224, 224), dtype=np.float32)
        >>> Engine(device="cpu").rescore("simulated", "mobilenet_v2", "features.18", pixels).shape
        (2, 1844)
        """
        from core.probes.respond import respond

        return respond(self.open_encoder(subject, network, layer, side=side), pixels)

    def vote(self, encoder: EncoderKey, target: FloatArray | None, clean: FloatArray, made: FloatArray) -> Vote:
        """The shift that an encoder predicts from one picture (3, side, side) to another, whatever made it.

        `target`: weights (n_voxels,) of what is asked for in SDs; None for the voxels alone.
        """
        from core.probes.jury import vote

        return vote(self.open_encoder(*encoder, side=made.shape[-1]), target, clean, made)

    def iter_probe(
        self, config: ProbeConfig, stimulus: Stimulus, *, should_stop: ShouldStop = never_stop
    ) -> Iterator[ProbeProgress]:
        """Run a probe; the last record holds the `Probe`. Raises Cancelled as soon as `should_stop()` is true.

        If the config wants a shift in SDs, the smallest budget that reaches it is searched for first.

        Examples
        --------
        >>> from core.attacks.config import AttackConfig
        >>> from core.datasets.photos import load_stimulus
        >>> from core.datasets.subject import load_subject
        >>> from core.probes.target import target_roi
        >>> ffa = target_roi(load_subject("simulated").voxels, "FFA")
        >>> config = ProbeConfig("simulated", "mobilenet_v2", "features.18", ffa, attack=AttackConfig(n_steps=2))
        >>> *_, last = Engine(device="cpu").iter_probe(config, load_stimulus("cat_chelsea"))
        >>> probe = last.result
        >>> bool(probe.of_target(probe.shift) > 0), round(probe.l2, 2)
        (True, 3.0)
        """
        from core.probes.levels import iter_wanted
        from core.probes.min_norm import iter_min_norm

        self._first_order = None  # its forward pass may take as much memory as the attack's
        encoder, *others = self.open_probed(config)
        run = iter_min_norm if config.wanted_shift_sd else iter_wanted
        yield from run(encoder, stimulus, config, should_stop=should_stop, others=tuple(others))

    def open_probed(self, config: ProbeConfig) -> tuple[Encoder, ...]:
        """The encoders that a probe attacks, its own first; those of an ensemble each at its network's usual layer."""
        from core.encoders.files import usual_layer
        from core.networks.catalog import find_network

        layers = [(config.network, config.layer)]
        layers += [(name, usual_layer(config.subject, find_network(name))) for name in config.ensemble]
        if config.against is None:
            return tuple(self.open_encoder(config.subject, *one) for one in layers)
        layers.append((config.against.network, config.against.layer))
        return tuple(self.open_encoder(config.subject, *one, side=config.side) for one in layers)

    def preview(self, probe: Probe, epsilon: float) -> Preview:
        """The last probe's perturbation at another budget, re-scored in one forward pass."""
        from core.probes.preview import preview

        encoder, *others = self.open_probed(probe.config)
        return preview(encoder, probe, epsilon, second=others[0] if probe.config.against else None)

    def iter_gradient_atlas(
        self,
        subject: str,
        network: str,
        layer: str,
        stimulus: Stimulus,
        *,
        mask: Mask | None = None,
        side: int | None = None,
        should_stop: ShouldStop = never_stop,
    ) -> Iterator[Progress[GradientAtlas]]:
        """See `iter_gradient_atlas`; the last record holds the `GradientAtlas`."""
        from core.probes.gradient_atlas import iter_gradient_atlas

        encoder = self.open_encoder(subject, network, layer, side=side)
        yield from iter_gradient_atlas(encoder, stimulus, mask=mask, should_stop=should_stop)

    def first_order_probe(self, config: ProbeConfig, stimulus: Stimulus) -> FirstOrderProbe:
        """See `FirstOrder`; the forward pass of the last stimulus is kept, so that a further target is cheap."""
        from core.probes.first_order import FirstOrder

        names, side = (config.subject, config.network, config.layer), int(stimulus.pixels.shape[-1])
        key = self.open_encoder(*names), side, stimulus.sha256
        if self._first_order is None or self._first_order[0] != key:
            self._first_order = None
            self._first_order = key, FirstOrder(self.open_encoder(*names, side=side), stimulus)
        return self._first_order[1].probe(config)

    def iter_import(
        self, readout: Readout, request: ImportRequest, *, files: tuple[tuple[str, str], ...]
    ) -> Iterator[ImportProgress]:
        """Check and keep an encoder of another program; the last record holds its card."""
        from core.encoders.importers.bind import iter_import

        network = self.open_network(request.network, request.layer)
        for record in iter_import(readout, request, network=network, files=files):
            if record.result is not None:  # an encoder of that name may be open
                config = record.result.config
                self._encoders.drop((config.subject, config.network, config.layer).__eq__)
            yield record

    def iter_whole(
        self, source: str, options: NetworkImportOptions, whole: WholeOptions, request: ImportRequest
    ) -> Iterator[ImportProgress]:
        """Check and keep a whole encoder, a module from pixels to responses; the last record holds its card."""
        from core.encoders.importers.whole import iter_whole

        yield from iter_whole(source, options, whole, request, device=self.device)

    def iter_fit(
        self, request: FitRequest, *, where: Where = HERE, should_stop: ShouldStop = never_stop
    ) -> Iterator[SearchProgress]:
        """Run and save the requested fits; the last record holds the card, or the choice of a search over layers.

        The layers of a search may be fitted by others. Raises Cancelled as soon as `should_stop()` is true. Encoders
        opened before are opened anew afterwards.
        """
        from core.encoders.fit_request import SearchProgress, iter_layer, open_sources

        layer, *others = request.layers
        try:
            if others:
                from core.cluster.run import iter_search

                yield from iter_search(request, partial(self.iter_store, where=where, should_stop=should_stop))
                return
            network = self.open_network(request.network, layer)
            sources = open_sources(request, network.input_size, should_stop=should_stop)
            for record in iter_layer(request, network, sources, should_stop=should_stop):
                yield SearchProgress(layer, 1, 1, record)
        finally:
            keys = [(request.subject, request.network, layer) for layer in request.layers]
            self._encoders.drop(keys.__contains__)  # those it replaced may be open

    def estimate_fit(self, request: FitRequest, *, should_stop: ShouldStop = never_stop) -> FitEstimate:
        """What a request would cost: of several layers, all together."""
        from core.datasets.subject import load_subject
        from core.encoders.estimate import add_estimates, estimate_fit

        subject, options = load_subject(request.subject), request.options
        estimates = []
        for layer in request.layers:
            network = self.open_network(request.network, layer)
            config = options.configure(request.subject, request.network, layer, network.feature_shape)
            estimates.append(
                estimate_fit(
                    config,
                    network,
                    n_images=len(subject.image_ids),
                    n_voxels=subject.voxels.n_voxels,
                    scoring=options.scoring,
                    cache=options.places.cache / "features",
                    should_stop=should_stop,
                )
            )
        return add_estimates(estimates)

    def iter_sweep(
        self, config: SweepConfig, folder: Path, *, resume: bool = False, should_stop: ShouldStop = never_stop
    ) -> Iterator[RunProgress]:
        """Run a sweep into a folder; the last record holds its store. Finished cells stay when it is cancelled."""
        from core.sweeps.cells import begin_store
        from core.sweeps.plan import SWEEP

        yield from self.iter_store(begin_store(SWEEP, config, folder, resume=resume), should_stop=should_stop)

    def iter_folder(self, folder: Path, *, should_stop: ShouldStop = never_stop) -> Iterator[RunProgress]:
        """Work on the cells of a folder that any work was begun in, as one of several processes.

        Raises BadInputError if it is none, or a network, encoder or image is missing here or another one.
        """
        from core.cluster.kinds import join_work
        from core.cluster.run import iter_here

        yield from iter_here(self, join_work(folder), should_stop)

    def iter_store(
        self, store: CellStore[Any, Any], *, where: Where = HERE, should_stop: ShouldStop = never_stop
    ) -> Iterator[RunProgress]:
        """Compute what is missing of any work; the last record holds its store.

        What is computed by a scheduler goes on when this is left. Raises as `core.sweeps.workers.iter_cells` and
        `core.cluster.client.iter_cluster`.
        """
        from core.cluster.run import iter_store

        self._encoders.drop(lambda _: True)  # another program may have fitted them anew since they were opened
        yield from iter_store(
            self,
            store,
            where,
            on_folder=work_on_folder,
            on_scheduler=work_elsewhere,
            n_threads=self._share_threads,
            should_stop=should_stop,
        )

    def _share_threads(self, n_workers: int) -> int:
        """Of each of so many processes."""
        import torch

        return max(1, torch.get_num_threads() * self._n_processes // n_workers)


def work_on_folder(folder: str, device: str, threads: str, gpu: str, should_stop: ShouldStop) -> None:
    """What a process of `n_processes` does. Raises as `Engine.iter_folder`."""
    if threads:
        os.environ[THREADS_VARIABLE] = threads
    if gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    for _ in Engine(device=device).iter_folder(Path(folder), should_stop=should_stop):
        pass


def work_elsewhere(folder: str, device: str) -> None:
    """What a worker of a scheduler does. Raises as `core.cluster.task.do_task`."""
    from core.cluster.task import do_task

    do_task(lambda should_stop: work_on_folder(folder, device, "", "", should_stop), folder)
