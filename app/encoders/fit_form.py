"""The fields of a fit: whose responses, which layers, reducer, readout, scores. Speaks `FitRequest`; never fits."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QGridLayout, QLineEdit, QSpinBox, QWidget

from app.base.catalogue import Catalogue
from app.widgets.basics import make_heading, make_label
from core.checks import describe_refusal
from core.encoders.config import DEFAULT_ALPHAS, POOL_SIDES
from core.encoders.fit_request import DEFAULT_BOOTSTRAP, DEFAULT_OUTER, DEFAULT_PROJECTED, FitOptions, FitRequest
from core.encoders.scoring_config import ScoringConfig
from core.errors import BadInputError, ProbeError

SEARCH = "search"
AUTOMATIC = -1
REDUCERS = (
    ("pca", "Principal components"),
    ("projection", "Sparse random projection"),
    ("both", "Projection, then components"),
    ("none", "None"),
)
READOUTS = (("ridge", "Ridge"), ("lasso", "Lasso"), ("elastic-net", "Elastic net"))
LARGEST_COUNT = 100_000


class FitForm(QWidget):
    """Two columns of fields; `changed` after any of them."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._catalogue: Catalogue | None = None
        self.subject, self.network = _combo("Subject"), _combo("Network")
        self.layer = _combo("Feature layer", tip="The best layer is chosen by cross-validation over the fitted images")
        self.pool = _combo("Pooling", tip="The feature map is averaged over a grid of so many cells a side")
        self.reducer = _combo("Reducer", REDUCERS)
        self.components = _count("Components", 100, zero="all", tip="Principal components kept at most")
        self.projected = _count("Projected features", DEFAULT_PROJECTED, step=4, tip="A multiple of 4")
        self.readout = _combo("Readout", READOUTS)
        self.l1_ratio = _share("Share of l1", 0.5)
        self.alpha = QLineEdit()
        self.alpha.setAccessibleName("Penalty")
        self.alpha.setPlaceholderText("chosen for each voxel")
        self.alpha.setToolTip("One penalty for every voxel, or empty: chosen over the folds")
        self.folds = _count("Folds", 5, least=2, tip="Of the cross-validation that chooses penalties")
        self.nested = QCheckBox("Nested cross-validation")
        self.nested.setToolTip("Also score over outer folds of the fitted images; needed where none is held out")
        self.category = _combo("Held-out category", tip="Fit again without a category and score on it")
        self.second = _combo("Second set", tip="Score on another record with the same voxels or ROIs")
        self.bootstrap = _count(
            "Resamples", DEFAULT_BOOTSTRAP, zero="no interval", step=100, tip="Behind intervals of r"
        )
        self._lay_out()
        self._connect()
        self._follow_choice()

    def offer(self, catalogue: Catalogue, *, subject: str, network: str) -> None:
        """Offer what is there and start with these."""
        self._catalogue = catalogue
        _fill(self.subject, [(info.id, info.title) for info in catalogue.subjects], subject)
        _fill(self.network, [(spec.id, spec.title) for spec in catalogue.networks if spec.installed], network)
        self._take_subject()
        self._take_network()

    def is_ready(self) -> bool:
        """Whether there is a subject and a network."""
        return bool(self.subject.currentData()) and bool(self.network.currentData())

    def value(self) -> FitRequest:
        """What is asked for. Raises BadInputError for a penalty that is no number."""
        reducer = self.reducer.currentData()
        category, second = self.category.currentData(), self.second.currentData()
        pool = self.pool.currentData()
        options = FitOptions(
            pool=None if pool == AUTOMATIC else pool,
            n_components=self.components.value(),
            alphas=self._alphas(),
            n_folds=self.folds.value(),
            reducer="pca" if reducer == "both" else reducer,
            n_projected=self.projected.value() if reducer in ("projection", "both") else 0,
            readout=self.readout.currentData(),
            l1_ratio=self.l1_ratio.value(),
            scoring=ScoringConfig(
                n_bootstrap=self.bootstrap.value(),
                n_outer=DEFAULT_OUTER if self.nested.isChecked() else 0,
                categories=(category,) if category else (),
                second_sets=(second,) if second else (),
            ),
            resume=True,
        )
        return FitRequest(self.subject.currentData(), self.network.currentData(), self._layers(), options)

    def _alphas(self) -> tuple[float, ...]:
        text = self.alpha.text().strip()
        if not text:
            return DEFAULT_ALPHAS
        try:
            return (float(text),)
        except ValueError as problem:
            advice = "Leave it empty to choose one for each voxel."
            raise BadInputError(describe_refusal("penalty", allowed="a number", got=text, advice=advice)) from problem

    def _layers(self) -> tuple[str, ...]:
        chosen = self.layer.currentData()
        if chosen != SEARCH:
            return (chosen,)
        return tuple(self.layer.itemData(index) for index in range(self.layer.count() - 1))

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        left = (
            ("What", None),
            ("Subject", self.subject),
            ("Network", self.network),
            ("Layer", self.layer),
            ("Pooling", self.pool),
            ("Reducer", self.reducer),
            ("Components", self.components),
            ("Projected", self.projected),
        )
        right = (
            ("How", None),
            ("Readout", self.readout),
            ("Share of l1", self.l1_ratio),
            ("Penalty", self.alpha),
            ("Folds", self.folds),
            ("Without", self.category),
            ("Second set", self.second),
            ("Resamples", self.bootstrap),
        )
        for column, fields in ((0, left), (3, right)):
            for row, (name, field) in enumerate(fields):
                if field is None:
                    grid.addWidget(make_heading(name), row, column, 1, 2)
                    continue
                grid.addWidget(make_label(name, "muted"), row, column)
                grid.addWidget(field, row, column + 1)
        grid.addWidget(self.nested, len(right), 4)
        grid.setColumnMinimumWidth(2, 16)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(4, 1)
        grid.setContentsMargins(0, 0, 0, 0)
        self.setLayout(grid)

    def _connect(self) -> None:
        self.subject.currentIndexChanged.connect(self._take_subject)
        self.network.currentIndexChanged.connect(self._take_network)
        combos = (
            self.subject,
            self.network,
            self.layer,
            self.pool,
            self.reducer,
            self.readout,
            self.category,
            self.second,
        )
        for combo in combos:
            combo.currentIndexChanged.connect(self._follow_choice)
        for count in (self.components, self.projected, self.folds, self.bootstrap):
            count.valueChanged.connect(self.changed)
        self.l1_ratio.valueChanged.connect(self.changed)
        self.alpha.textChanged.connect(self.changed)
        self.nested.toggled.connect(self.changed)
        sides = [(AUTOMATIC, "automatic"), (0, "none"), *((side, f"{side} x {side}") for side in POOL_SIDES)]
        _fill(self.pool, sides, AUTOMATIC)

    @Slot()
    def _take_subject(self) -> None:
        """Offer the categories of the subject, and the other records."""
        categories, others = [("", "nothing")], [("", "none")]
        own = self.subject.currentData()
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
            self.nested.setChecked(self.nested.isChecked() or none_held_out)
        _fill(self.category, categories, "")
        _fill(self.second, others, "")

    @Slot()
    def _take_network(self) -> None:
        spec = self._catalogue.spec_of(self.network.currentData()) if self._catalogue is not None else None
        layers = [(name, name) for name in spec.layers] if spec is not None else []
        if len(layers) > 1:
            layers.append((SEARCH, "Best layer for each ROI"))
        _fill(self.layer, layers, spec.default_layer if spec is not None else "")

    @Slot()
    def _follow_choice(self) -> None:
        """Enable what the reducer and the readout use, and say why the rest is not."""
        reducer, readout = self.reducer.currentData(), self.readout.currentData()
        _enable(self.components, reducer in ("pca", "both"), "Only principal components are counted")
        _enable(self.projected, reducer in ("projection", "both"), "Choose a reducer with a projection")
        _enable(self.l1_ratio, readout == "elastic-net", "Choose the elastic net")
        self.changed.emit()


def _enable(field: QWidget, used: bool, reason: str) -> None:
    field.setEnabled(used)
    if not used and not field.property("useTip"):
        field.setProperty("useTip", field.toolTip() or " ")
    field.setToolTip(str(field.property("useTip") or field.toolTip()).strip() if used else reason)


def _combo(name: str, items: Sequence[tuple[str, str]] = (), *, tip: str = "") -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(name)
    combo.setToolTip(tip)
    combo.setMinimumContentsLength(12)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    for value, text in items:
        combo.addItem(text, value)
    return combo


def _count(name: str, value: int, *, least: int = 0, step: int = 1, zero: str = "", tip: str = "") -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(least, LARGEST_COUNT)
    spin.setSingleStep(step)
    spin.setValue(value)
    spin.setSpecialValueText(zero)
    spin.setAlignment(Qt.AlignmentFlag.AlignRight)
    spin.setAccessibleName(name)
    spin.setToolTip(tip)
    return spin


def _share(name: str, value: float) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setRange(0.05, 0.95)
    spin.setSingleStep(0.05)
    spin.setValue(value)
    spin.setAlignment(Qt.AlignmentFlag.AlignRight)
    spin.setAccessibleName(name)
    spin.setToolTip("Part of the penalty that is on absolute weights")
    return spin


def _fill(combo: QComboBox, items: Sequence[tuple[object, str]], current: object) -> None:
    with QSignalBlocker(combo):
        combo.clear()
        for value, text in items:
            combo.addItem(text, value)
        combo.setCurrentIndex(max(0, combo.findData(current)) if items else -1)
