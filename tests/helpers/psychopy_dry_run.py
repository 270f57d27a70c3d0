"""Runs a PsychoPy script with everything of PsychoPy but the screen and the keyboard. Usage: python THIS SCRIPT ARGS...

Prints one JSON line: what was drawn at every flip. A participant sits in front who presses the trigger and the response
key whenever a dot is shown, or one picture twice in a row.
"""

from __future__ import annotations

import json
import runpy
import sys
import types
from pathlib import Path
from typing import Any

import psychopy
from psychopy import core

FLIPS: list[dict[str, Any]] = []
drawn: list[str] = []
waiting: list[str] = []
pictures: list[str] = []
sizes: dict[str, tuple[int, int]] = {}


class Window:
    def __init__(self, **options: Any) -> None:
        assert options["units"] == "pix" and options["color"] == [0.0, 0.0, 0.0]
        self.size = (1921, 1080)

    def flip(self) -> None:
        FLIPS.append({"shown": list(drawn), "time": core.getTime()})
        images = [name for name in drawn if name.endswith(".png")]
        if "dot" in drawn or (images and pictures[-1:] == images):
            waiting.append("1")
        pictures.extend(images)
        drawn.clear()

    def clearBuffer(self) -> None:
        assert drawn, "pictures are drawn once before the run, and not shown"
        drawn.clear()

    def close(self) -> None:
        pass


class Stimulus:
    def __init__(self, window: Window, *, name: str) -> None:
        assert isinstance(window, Window)
        self.name = name

    def draw(self) -> None:
        drawn.append(self.name)


def make_text(window: Window, *, text: str, **_: Any) -> Stimulus:
    return Stimulus(window, name=text)


def make_cross(window: Window, *, vertices: str, **_: Any) -> Stimulus:
    assert vertices == "cross"
    return Stimulus(window, name="+")


def make_circle(window: Window, **_: Any) -> Stimulus:
    return Stimulus(window, name="dot")


def make_image(window: Window, *, image: str, size: tuple[int, int], pos: list[float], interpolate: bool) -> Stimulus:
    assert Path(image).is_file() and interpolate and pos == [0.5, 0.0], "an even picture on an odd width"
    sizes[Path(image).name] = size
    return Stimulus(window, name=Path(image).name)


def get_keys(keyList: list[str], timeStamped: core.Clock) -> list[tuple[str, float]]:  # noqa: N803 - PsychoPy's own
    pressed = [(key, timeStamped.getTime()) for key in waiting if key in keyList]
    waiting.clear()
    return pressed


def wait_keys(keyList: list[str]) -> list[str]:  # noqa: N803 - PsychoPy's own
    return keyList[:1]


def replace(name: str, **members: Any) -> None:
    module = types.ModuleType(f"psychopy.{name}")
    module.__dict__.update(members)
    sys.modules[module.__name__] = module
    setattr(psychopy, name, module)


replace("visual", Window=Window, TextStim=make_text, ShapeStim=make_cross, Circle=make_circle, ImageStim=make_image)
replace("event", getKeys=get_keys, waitKeys=wait_keys, clearEvents=lambda: None)
replace("gui", DlgFromDict=None)
script, sys.argv = sys.argv[1], sys.argv[1:]
runpy.run_path(script, run_name="__main__")
print(json.dumps({"flips": FLIPS, "sizes": sizes}))
