"""When and how large things are shown: seconds, keys, degrees and the screen."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.checks import check_count, check_fraction, check_positive, refusal

LONGEST_SECONDS = 3600.0
LARGEST_CM, LARGEST_PX = 10_000.0, 100_000
PUBLISHED_DEGREES = 8.4
"""Width of the published template's stimuli, in degrees of visual angle."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The course of a trial and of a run; the published template is 2 s on, 2 s off.

    Parameters
    ----------
    stimulus_seconds : Seconds a stimulus or a catch target is on.
    gap_seconds : Seconds of fixation after it; 0 for none.
    lead_in_seconds, lead_out_seconds : Seconds of fixation before the first and after the last trial of a run, so that
        the slow response settles.
    trigger_key : Key that starts a run; scanners often send 5.
    response_key : Key of the participant for a catch trial, one character or "space".
    """

    stimulus_seconds: float = 2.0
    gap_seconds: float = 2.0
    lead_in_seconds: float = 8.0
    lead_out_seconds: float = 8.0
    trigger_key: str = "5"
    response_key: str = "1"

    def __post_init__(self) -> None:
        check_positive("stimulus_seconds", self.stimulus_seconds)
        for name in ("stimulus_seconds", "gap_seconds", "lead_in_seconds", "lead_out_seconds"):
            check_fraction(name, getattr(self, name), largest=LONGEST_SECONDS, advice="Give seconds.")
        for name, key in (("trigger_key", self.trigger_key), ("response_key", self.response_key)):
            if key != "space" and not (isinstance(key, str) and len(key) == 1 and key.isascii() and key.isalnum()):
                raise refusal(name, allowed='one lower-case letter, one digit or "space"', got=key)
            if key != key.lower():
                raise refusal(name, allowed="lower-case", got=key, advice=f"Write {key.lower()!r}.")
        if self.trigger_key == self.response_key:
            raise refusal("response_key", allowed="another key than `trigger_key`", got=self.response_key)

    @property
    def trial_seconds(self) -> float:
        """From one onset to the next."""
        return self.stimulus_seconds + self.gap_seconds

    def onset(self, index: int) -> float:
        """Seconds from the start of a run to the onset of its trial `index`, counted from 0."""
        return round(self.lead_in_seconds + index * self.trial_seconds, 6)

    def run_seconds(self, n_trials: int) -> float:
        """How long a run of so many trials lasts, lead-in and lead-out included."""
        return round(self.lead_in_seconds + n_trials * self.trial_seconds + self.lead_out_seconds, 6)

    def describe(self) -> str:
        """One line for README, dry run and window."""
        return (
            f"{self.stimulus_seconds:g} s on, {self.gap_seconds:g} s off, "
            f"{self.lead_in_seconds:g} s of fixation before and {self.lead_out_seconds:g} s after each run"
        )


@dataclass(frozen=True, slots=True)
class Screen:
    """The screen that stimuli are shown on; degrees become pixels by its width, its distance and its resolution.

    Parameters
    ----------
    degrees : Width of a stimulus in degrees of visual angle; None for what the set says, or else the published 8.4.
    width_cm : Width of the picture on the screen, in cm. Measure it.
    distance_cm : From eye to screen, over the mirror if there is one, in cm. Measure it.
    width_px, height_px : Resolution of the screen.
    grey : Background, in [0, 1] of the sRGB range.
    """

    degrees: float | None = None
    width_cm: float = 60.0
    distance_cm: float = 100.0
    width_px: int = 1920
    height_px: int = 1080
    grey: float = 0.5

    def __post_init__(self) -> None:
        if self.degrees is not None:
            check_positive("degrees", self.degrees)
            check_fraction("degrees", self.degrees, largest=120.0, advice="Give degrees of visual angle.")
        for name in ("width_cm", "distance_cm"):
            value = check_positive(name, getattr(self, name))
            check_fraction(name, value, largest=LARGEST_CM, advice="Give centimetres.")
            if value < 1:
                raise refusal(name, allowed="at least 1 cm", got=value)
        for name in ("width_px", "height_px"):
            check_count(name, getattr(self, name), largest=LARGEST_PX, advice="Give the pixels of the screen.")
        check_fraction("grey", self.grey)

    def pixels(self, degrees: float) -> float:
        """Pixels on the screen that so many degrees take, seen straight on: 2 d tan(a / 2)."""
        centimetres = 2 * self.distance_cm * math.tan(math.radians(degrees) / 2)
        return centimetres * self.width_px / self.width_cm

    def degrees_of(self, pixels: float) -> float:
        """Degrees of visual angle that so many pixels of the screen take; the inverse of `pixels`."""
        centimetres = pixels * self.width_cm / self.width_px
        return 2 * math.degrees(math.atan(centimetres / (2 * self.distance_cm)))

    def describe(self, degrees: float) -> str:
        """One line for README, dry run and window."""
        return (
            f"Stimuli {degrees:g} deg wide = {self.pixels(degrees):.0f} px on a screen {self.width_cm:g} cm wide "
            f"({self.width_px} x {self.height_px} px), {self.distance_cm:g} cm from the eye"
        )
