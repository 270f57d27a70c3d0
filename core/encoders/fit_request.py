"""What a user asks to be fitted: options resolved to configs once a layer's features are known, and their run.

The one way from command line and window to `iter_fit` and `iter_layer_search`. Light until it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.encoders.config import DEFAULT_ALPHAS, LARGEST_POOLED, MOST_COMPONENTS, EncoderConfig, RoiRegion, suggest_pool
from core.encoders.files import user_encoders_folder
from core.encoders.fit import FitPlaces, iter_fit, open_source
from core.encoders.layer_search import SearchProgress, iter_layer_search
from core.encoders.scoring_config import ScoringConfig
from core.progress import ShouldStop, never_stop

if TYPE_CHECKING:
    from core.networks.network import Network

DEFAULT_PROJECTED = 2048
DEFAULT_BOOTSTRAP = 1000
DEFAULT_OUTER = 5


@dataclass(frozen=True, slots=True)
class FitOptions:
    """What applies to every encoder of one command; `pool` None means the finest grid of `largest_pooled` features.

    With a projection and no pool given, every position is kept: the projection makes them few.
    """

    pool: int | None = None
    largest_pooled: int = LARGEST_POOLED
    n_components: int = MOST_COMPONENTS
    alphas: tuple[float, ...] = DEFAULT_ALPHAS
    n_folds: int = 5
    out: Path | None = None
    reducer: str = "pca"
    n_projected: int = 0
    readout: str = "ridge"
    l1_ratio: float = 0.5
    seed: int = 0
    regions: tuple[RoiRegion, ...] = ()
    scoring: ScoringConfig = field(default_factory=ScoringConfig)
    resume: bool = False

    @property
    def places(self) -> FitPlaces:
        """Where fits go."""
        return FitPlaces(encoders=self.out or user_encoders_folder(), resume=self.resume)

    def configure(self, subject: str, network: str, layer: str, feature_shape: tuple[int, ...]) -> EncoderConfig:
        """The config of one encoder whose layer has features of that shape."""
        suggested = 0 if self.n_projected else suggest_pool(feature_shape, largest=self.largest_pooled)
        shared = {one.name: getattr(self, one.name) for one in fields(EncoderConfig) if hasattr(self, one.name)}
        pool = suggested if self.pool is None else self.pool
        return EncoderConfig(subject, network, layer, **(shared | {"pool": pool}))


@dataclass(frozen=True, slots=True)
class FitRequest:
    """One network's layers to fit for one subject; of several, the best for each ROI are kept."""

    subject: str
    network: str
    layers: tuple[str, ...]
    options: FitOptions = field(default_factory=FitOptions)


def iter_request(
    request: FitRequest, open_network: Callable[[str], Network], *, should_stop: ShouldStop = never_stop
) -> Iterator[SearchProgress]:
    """Fit one layer, or search several; the last record holds the card or the choice.

    Parameters
    ----------
    open_network : callable
        Gives the network cut at a layer.

    Raises
    ------
    BadInputError, StorageError, Cancelled
        As `core.encoders.fit.iter_fit`.
    """
    options, layers = request.options, request.layers
    first = open_network(layers[0])
    run: dict[str, Any] = {
        "source": open_source(request.subject, size=first.input_size),
        "second": [open_source(name, size=first.input_size) for name in options.scoring.second_sets],
        "scoring": options.scoring,
        "places": options.places,
        "should_stop": should_stop,
    }
    names = (request.subject, request.network)
    configs = [options.configure(*names, layer, open_network(layer).feature_shape) for layer in layers]
    if len(layers) > 1:
        yield from iter_layer_search(configs, open_network, **run)
    else:
        for progress in iter_fit(configs[0], network=first, **run):
            yield SearchProgress(layers[0], 1, 1, progress)
