"""The plots of a fingerprint: the response to every category, and the contrast with every ROI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from core.reports.plot import Plot, Series

if TYPE_CHECKING:
    from core.probes.fingerprint import Fingerprint

BAR = 0.7


def plot_categories(found: Fingerprint, marks: Mapping[str, float]) -> Plot:
    """Means with intervals and the means of held-out images; `marks` are further responses by name, as bars after them.

    In SDs from the mean of the clean reference images where that is known, else in the unit of the response.
    """
    is_known = bool(np.isfinite(found.mean) and np.isfinite(found.sd))
    shift, scale = (found.mean, found.sd) if is_known else (0.0, 1.0)
    places, more = np.arange(len(found.categories)), len(found.categories) + np.arange(len(marks))
    means, low, high, fresh = (
        (np.asarray(values) - shift) / scale
        for values in (
            [one.response.value for one in found.categories],
            [one.response.low for one in found.categories],
            [one.response.high for one in found.categories],
            [one.held_out for one in found.categories],
        )
    )
    series = [
        Series(places, means, "accent", low=low, high=high, bar=BAR),
        Series(places, fresh, "text", size=6, marker="D"),
    ]
    if marks:
        series.append(Series(more, (np.asarray([*marks.values()]) - shift) / scale, "warm", bar=BAR))
    names = [f"{one.name} ({one.n_images})" for one in found.categories] + list(marks)
    return Plot(
        "",
        f"response ({'SD' if is_known else found.unit})",
        tuple(series),
        title="Predicted by category: mean and 95 % interval; diamonds: held-out images alone",
        legend=None,
        across=(0.0,),
        x_ticks=list(enumerate(names)),
        empty="The categories of this subject's images are not known.",
    )


def plot_contrasts(found: Fingerprint) -> Plot:
    """The contrast with every ROI, with its interval, and r."""
    values = [one.contrast for one in found.rois]
    places = np.arange(len(values))
    r = Series(places, [one.r for one in found.rois], "text", size=6, marker="D")
    bars = Series(
        places,
        [one.value for one in values],
        "cool",
        low=[one.low for one in values],
        high=[one.high for one in values],
        bar=BAR,
    )
    return Plot(
        "",
        "target − ROI (z); r",
        (bars, r) if found.preferred else (),
        title=f"Target less each ROI for images of {found.preferred}, 95 % interval; diamonds: r over all images",
        legend=None,
        across=(0.0,),
        x_ticks=[(place, one.roi) for place, one in enumerate(found.rois)],
        empty="The categories of this subject's images are not known.",
    )
