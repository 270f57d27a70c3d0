"""The plots of a fingerprint: the response to every category, and the contrast with every ROI."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from core.reports.plot import Plot, Series

if TYPE_CHECKING:
    from core.probes.fingerprint import Fingerprint

BAR = partial(Series, bar=0.7)
DIAMOND = partial(Series, ink="text", size=6, marker="D")
PLOT = partial(Plot, "", across=(0.0,), legend=None, empty="The categories of this subject's images are not known.")


def plot_categories(found: Fingerprint, marks: Mapping[str, float]) -> Plot:
    """Means with intervals and the means of held-out images; `marks` are further responses by name, as bars after them.

    In SDs from the mean of the clean reference images where that is known, else in the unit of the response.
    """
    is_known, rows = bool(np.isfinite(found.mean) and np.isfinite(found.sd)), found.categories
    shift, scale = (found.mean, found.sd) if is_known else (0.0, 1.0)
    table = np.asarray([(one.response, one.low, one.high, one.held_out) for one in rows]).reshape(-1, 4)
    means, low, high, fresh = ((table - shift) / scale).T
    own, more = np.arange(len(rows)), len(rows) + np.arange(len(marks))
    further = BAR(more, (np.asarray([*marks.values()]) - shift) / scale, "warm")
    series = (BAR(own, means, "accent", low=low, high=high), DIAMOND(own, fresh), further)
    names = [*(f"{one.category} ({one.n_images})" for one in rows), *marks]
    title = "Predicted by category: mean and 95 % interval; diamonds: held-out images alone"
    y, ticks = f"response ({'SD' if is_known else found.unit})", list(enumerate(names))
    return PLOT(y, series if rows else (), title, x_ticks=ticks)


def plot_contrasts(found: Fingerprint) -> Plot:
    """The contrast with every ROI, with its interval, and r."""
    rows, places = found.rois, np.arange(len(found.rois))
    contrast, low, high, r = np.asarray([(one.contrast, one.low, one.high, one.r) for one in rows]).reshape(-1, 4).T
    series = (BAR(places, contrast, "cool", low=low, high=high), DIAMOND(places, r)) if found.categories else ()
    preferred = found.categories[0].category if found.categories else ""
    title = f"Target less each ROI for images of {preferred}, 95 % interval; diamonds: r over all images"
    return PLOT("target − ROI (z); r", series, title, x_ticks=[(place, one.roi) for place, one in enumerate(rows)])
