"""What analyses and stimulus sets ask of the engine, so that none of them needs to know it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.encoders.encoder import Encoder
    from core.networks.network import Network
    from core.probes.probe import ProbeConfig
    from core.types import FloatArray


class Source(Protocol):
    """What opens networks and encoders and keeps them open: `core.engine.Engine`."""

    @property
    def device(self) -> str:
        """The device in use."""

    def open_network(self, network: str, layer: str) -> Network:
        """A network cut at a layer."""

    def open_encoder(self, subject: str, network: str, layer: str, *, side: int | None = None) -> Encoder:
        """An encoder, ready to run; for images of `side` pixels where that is more than its network takes."""

    def rescore(
        self, subject: str, network: str, layer: str, pixels: FloatArray, *, side: int | None = None
    ) -> FloatArray:
        """The predicted responses (n, n_voxels) to pixels (n, 3, height, width) in [0, 1]."""

    def open_probed(self, config: ProbeConfig) -> tuple[Encoder, ...]:
        """The encoders that a probe attacks, its own first, all for images of one size."""
