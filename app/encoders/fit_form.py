"""The fields of a fit: whose responses, which layers, reducer, readout, scores. Edits `FitRequest`; never fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal

from app.base.catalogue import Catalogue
from app.widgets.basics import make_column, make_heading, make_row
from app.widgets.form import MOST_SEED, Choice, Count, Flag, Form, Number, Text
from core.checks import refusal
from core.encoders.config import DEFAULT_ALPHAS, MOST_COMPONENTS, POOL_SIDES, ScoringConfig
from core.encoders.fit_request import DEFAULT_BOOTSTRAP, DEFAULT_OUTER, DEFAULT_PROJECTED, FitOptions, FitRequest
from core.errors import ProbeError
from core.networks.spec import LayerInfo, NetworkSpec

SEARCH = "search"
ROOM = 40
"""Pixels beside the longest layer, for the scroll bar."""
POOLS = ((None, "automatic"), (0, "none"), *((side, f"{side} x {side}") for side in POOL_SIDES))
REDUCERS = (
    ("pca", "Principal components"),
    ("projection", "Sparse random projection"),
    ("both", "Projection, then components"),
    ("none", "None"),
)
READOUTS = (("ridge", "Ridge"), ("lasso", "Lasso"), ("elastic-net", "Elastic net"))
WHAT = ("subject", "network", "layer", "pool", "reducer", "n_components", "n_projected")
HOW = ("readout", "l1_ratio", "alpha", "n_folds", "category", "second", "n_bootstrap", "seed", "nested")


class FitForm(Form):
    """Two columns of fields; `changed` after any of them."""

    layers_wanted = Signal(str)
    """Every layer of this network is to be listed (`show_layers`)."""

    subject, network = Choice("Subject"), Choice("Network")
    layer = Choice(
        "Layer", tip="Any layer; the best is chosen by cross-validation over the fitted images", name="Feature layer"
    )
    pool = Choice("Pooling", "The feature map is averaged over a grid with this many cells per side", choices=POOLS)
    reducer = Choice("Reducer", choices=REDUCERS)
    n_components = Count("Components", "Largest number of principal components kept", first=MOST_COMPONENTS, zero="all")
    n_projected = Count("Projected features", "A multiple of 4", first=DEFAULT_PROJECTED, step=4)
    readout = Choice("Readout", choices=READOUTS)
    l1_ratio = Number(
        "Share of l1", "Share of the penalty on absolute weights", first=0.5, least=0.05, most=0.95, step=0.05
    )
    alpha = Text(
        "Penalty", "One penalty for every voxel; empty: chosen by cross-validation", hint="chosen for each voxel"
    )
    n_folds = Count("Folds", "Folds of the cross-validation that chooses penalties", first=5, least=2)
    category = Choice("Hold out", tip="Fit again without a category and score on it", name="Held-out category")
    second = Choice("Second set", tip="Score on another record with the same voxels or ROIs")
    n_bootstrap = Count("Resamples", "For the intervals of r", first=DEFAULT_BOOTSTRAP, zero="no interval", step=100)
    seed = Count("Seed", "Seed of folds, projections and resamples", most=MOST_SEED)
    nested = Flag(
        "Nested cross-validation",
        "Also score over outer folds of the fitted images; needed where none is held out",
        row=" ",
    )

    def __init__(self) -> None:
        super().__init__()
        self._catalogue: Catalogue | None = None
        self._spec: NetworkSpec | None = None
        left = make_column(make_heading("What"), self.make_rows(*WHAT), -1, gap=6)
        right = make_column(make_heading("How"), self.make_rows(*HOW), -1, gap=6)
        self.setLayout(make_row(left, right, gap=24, shares=(1, 1)))
        self.refresh()

    def offer(self, catalogue: Catalogue, *, subject: str, network: str) -> None:
        """List what is there and start with these."""
        self._catalogue = catalogue
        self.subject.set_choices([(info.id, info.title) for info in catalogue.subjects], subject)
        self.network.set_choices([(spec.id, spec.title) for spec in catalogue.networks if spec.installed], network)
        self.take_subject()
        self.take_network()

    def is_ready(self) -> bool:
        """Whether there is a subject and a network."""
        return bool(self.subject.value()) and bool(self.network.value())

    def value(self) -> FitRequest:
        """What is asked for. Raises BadInputError for a penalty that is no number."""
        reducer, category, second = self.reducer.value(), self.category.value(), self.second.value()
        scoring = self.make_config(
            ScoringConfig,
            n_outer=DEFAULT_OUTER if self.nested.value() else 0,
            categories=(category,) if category else (),
            second_sets=(second,) if second else (),
        )
        options = self.make_config(
            FitOptions,
            alphas=self._alphas(),
            reducer="pca" if reducer == "both" else reducer,
            n_projected=self.n_projected.value() if reducer in ("projection", "both") else 0,
            scoring=scoring,
            resume=True,
        )
        layers: tuple[str, ...] = (self.layer.value(),)
        if layers == (SEARCH,) and self._spec is not None:
            layers = self._spec.layers
        return FitRequest(self.subject.value(), self.network.value(), layers, options)

    def _alphas(self) -> tuple[float, ...]:
        text = self.alpha.value()
        if not text:
            return DEFAULT_ALPHAS
        try:
            return (float(text),)
        except ValueError as problem:
            advice = "Leave it empty to choose one for each voxel."
            raise refusal("penalty", allowed="a number", got=text, advice=advice) from problem

    def take_subject(self, *_: object) -> None:
        """List the categories of the subject, and the other records."""
        categories, others = [("", "no category")], [("", "none")]
        own = self.subject.value()
        if self._catalogue is not None and own:
            try:
                loaded = self._catalogue.load_subject(own)
            except ProbeError:  # said when it is opened or fitted
                loaded = None
            named = sorted({name for name in loaded.categories if name}) if loaded is not None else []
            categories += [("all", "each category")] if named else []
            categories += [(name, name) for name in named]
            others += [(info.id, info.title) for info in self._catalogue.subjects if info.id != own]
            none_held_out = loaded is not None and not loaded.test.any()
            self.nested.set_value(self.nested.value() or none_held_out)
        self.category.set_choices(categories)
        self.second.set_choices(others)
        self.take_edit()

    def take_network(self, *_: object) -> None:
        """List its layers: those offered, until all are known."""
        self._spec = self._catalogue.spec_of(self.network.value()) if self._catalogue is not None else None
        self._list_layers(())
        if self._spec is not None:
            self.layers_wanted.emit(self._spec.id)
        self.take_edit()

    def show_layers(self, network: str, layers: Sequence[LayerInfo]) -> None:
        """List every layer of a network, if it is still the chosen one."""
        if self._spec is not None and self._spec.id == network:
            self._list_layers(layers, chosen=self.layer.value())

    def _list_layers(self, layers: Sequence[LayerInfo], *, chosen: str = "") -> None:
        """Those offered stand first, then all in the order in which they are computed, each with its shape."""
        offered = self._spec.layers if self._spec is not None else ()
        known = {one.name: one for one in layers}
        rows = [known.get(name, LayerInfo(name, ())) for name in offered]
        rows += [one for one in layers if one.name not in offered]
        choices = [(one.name, "   ".join(filter(None, (one.name, " × ".join(map(str, one.shape)))))) for one in rows]
        if len(offered) > 1:
            choices.insert(len(offered), (SEARCH, "Best of the layers above for each ROI"))
            choices.insert(len(offered) + 1, ("+".join(offered), "The offered layers together, one after the other"))
        self.layer.set_choices(choices, chosen or (self._spec.default_layer if self._spec is not None else ""))
        self.layer.view().setMinimumWidth(self.layer.view().sizeHintForColumn(0) + ROOM)

    def reasons(self) -> Mapping[str, str]:
        """What the reducer and the readout have no use for."""
        reducer, readout = self.reducer.value(), self.readout.value()
        return {
            "n_components": "" if reducer in ("pca", "both") else "Only principal components are counted",
            "n_projected": "" if reducer in ("projection", "both") else "Choose a reducer with a projection",
            "l1_ratio": "" if readout == "elastic-net" else "Choose the elastic net",
        }
