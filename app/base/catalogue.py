"""What can be chosen: subjects, networks with a fitted encoder, images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from core.datasets.image_store import find_stimulus
from core.datasets.photos import NETWORK_SIZE
from core.datasets.subject import Subject, load_subject
from core.encoders.config import EncoderConfig
from core.encoders.files import usual_layer
from core.errors import BadInputError
from core.images.stimulus import Stimulus
from core.networks.spec import NetworkSpec
from core.session.reference import Known
from core.surfaces.placing import Placed, place_voxels


@dataclass(frozen=True, slots=True)
class Catalogue(Known):
    """Everything available when it was read; `reread` after something was added or removed."""

    load_subject: Callable[[str], Subject] = load_subject
    load_stimulus: Callable[[str, int], Stimulus] = find_stimulus

    def reread(self) -> Catalogue:
        """What is available now, opened by the same functions."""
        return replace(self.read(), load_subject=self.load_subject, load_stimulus=self.load_stimulus)

    def place_subject(self, subject: str) -> Placed:
        """A subject on its surface; in memory from then on."""
        from core.surfaces.anatomy import is_template

        loaded = self.load_subject(subject)
        placed = place_voxels(loaded.voxels, loaded.surface)
        is_template(placed.surface)  # kept for the pointer, which has no time for it
        return placed

    def encoders_of(self, subject: str) -> tuple[EncoderConfig, ...]:
        """The fitted encoders of one subject, in the order of the networks."""
        order = [spec.id for spec in self.networks]
        fitted = [config for config in self.encoders if config.subject == subject and config.network in order]
        return tuple(sorted(fitted, key=lambda config: order.index(config.network)))

    def spec_of(self, network: str) -> NetworkSpec | None:
        """A network of the catalogue, None if it is not there."""
        return next((spec for spec in self.networks if spec.id == network), None)

    def side_of(self, network: str) -> int:
        """The input size of a network in pixels, the usual one where it is not there."""
        spec = self.spec_of(network)
        return spec.input_size if spec is not None else NETWORK_SIZE

    def choose_subject(self, wanted: str) -> str:
        """The wanted subject if it is there, else the first with an encoder. Raises BadInputError if there is none."""
        known = [info.id for info in self.subjects]
        if wanted in known:
            return wanted
        fitted = {config.subject for config in self.encoders}
        if not known:
            raise BadInputError("No subject found. The folder resources/demo is missing: reinstall the program.")
        return next((name for name in known if name in fitted), known[0])

    def choose_encoder(self, subject: str, network: str, layer: str) -> tuple[str, str]:
        """The wanted network and layer if fitted for the subject, else the nearest that is; ("", "") if none is."""
        fitted = [(config.network, config.layer) for config in self.encoders_of(subject)]
        if (network, layer) in fitted:
            return network, layer
        same = [key for key in fitted if key[0] == network] or [key for key in fitted if key[0] == fitted[0][0]]
        usual = [key for key in same if self.is_usual(subject, *key)]
        return next(iter([*usual, *same]), ("", ""))

    def is_usual(self, subject: str, network: str, layer: str) -> bool:
        """Whether a layer is the one used for a subject where none is named: that of a search, or the network's own."""
        spec = self.spec_of(network)
        return spec is not None and usual_layer(subject, spec) == layer
