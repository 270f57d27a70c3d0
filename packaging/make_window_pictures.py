"""Makes the pictures of docs/window.md: every work space of the real window at three sizes, in both themes.

    python packaging/make_window_pictures.py [OUT]

The home folder under OUT keeps what was computed, so that a second call only takes the pictures.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PySide6.QtGui import QPixmap

HOME = "PROBESCOPE_HOME"
SIZES = ((1280, 800), (1600, 1000), (2560, 1440))
WIDEST = 1280
"""A larger picture is made smaller for the page."""
COLOURS, MOST_BYTES = 256, 150_000
QUESTIONS = ("fragility", "discriminability", "transfer", "meaning", "disagreement")
ASKED = (
    *("--encoders", "mobilenet_v2,mobilenet_v2_robust,alexnet", "--images", "test:2", "--rois", "FFA,PPA"),
    *("--voxels", "V1:2", "--epsilons", "0.3,1,3", "--steps", "5", "--test-images", "60"),
)
ROOT = Path(__file__).resolve().parent.parent


def main(out: Path) -> None:
    """Run what is missing, open the window, take the pictures."""
    os.environ[HOME] = str(out / "home")
    analyses = out / "home/data/analyses"
    for question in QUESTIONS:
        if not (analyses / f"{question}-demo/result.json").is_file():
            command = [sys.executable, "main.py", question, *ASKED, "--resume", "--out", f"{analyses}/{question}-demo"]
            subprocess.run(command, cwd=ROOT, check=True)
    from app.base.virtual_display import VirtualDisplay

    display = VirtualDisplay(screen="2600x1500x24")
    try:
        take_pictures(out, analyses)
    finally:
        display.stop()


def take_pictures(out: Path, analyses: Path) -> None:
    """Fill every work space, then go through sizes and themes."""
    from app.base.services import open_services
    from app.look.qt_application import make_application
    from app.look.theme import DARK, LIGHT, apply_theme
    from app.shell import demo_run as demo
    from app.shell.application import make_window
    from core.engine import Engine
    from core.stimuli.config import SetConfig
    from core.types import Direction

    make_application()
    session = open_services(engine=Engine(device="cpu", spare_cores=1))
    session.settings.set("network", demo.NETWORK)
    session.settings.set("image", demo.IMAGE)
    session.settings.set("offer_tour", False)
    session.settings.set("default_steps", 10)
    window = make_window(session)
    window.resize(*SIZES[1])
    window.show()

    demo.wait_for("the window", window, lambda: session.state.clean is not None)
    demo._click_a_voxel(window)
    for _ in "12":
        window.actions_table.give("add_to_tray")
        session.controller.set_direction(Direction.LOWER)
        demo.wait_for("the probe", window)
    for question in QUESTIONS:
        window.features.analyses.open_folder(analyses / f"{question}-demo")
        demo.wait_for(question, window)
        page: Any = window.tabs.open(question)
        page.work.say(share=1.0)  # not where the files lie here
    stimuli, tabs = window.features.stimuli, window.tabs
    stimuli.show_page()
    demo.wait_for("the tray", window)
    written = out / "home/set"
    if not written.exists():
        stimuli.write_to(written, SetConfig())
        demo.wait_for("the set", window, (written / "manifest.json").is_file)
    images: Any = tabs.open("images")
    images.form.n_steps.set_value(64)
    images.begin(synthesises=True)
    demo.wait_for("the images from scratch", window, lambda: images.found is not None and images.found.made is not None)
    measured: Any = tabs.open("measured")
    measured.open_paths([written])
    demo.wait_for("the set", window)
    responses = out / "home/measured.csv"
    if not responses.exists():
        from core.experiments.measured.practise import SimulateOptions, simulate_responses

        simulate_responses(measured._opened[0], responses, SimulateOptions())
    measured.open_paths([responses])
    demo.wait_for("the responses", window, lambda: not measured._reason())
    measured.start()
    demo.wait_for("the comparison", window, lambda: measured.comparison is not None)
    measured.show_part("shifts")
    measured.show_probe(0)
    stimuli.page.choose(0)
    for theme in (DARK, LIGHT):
        apply_theme(make_application(), theme)
        for size in SIZES:
            window.resize(*size)
            for key in tabs.keys:
                tabs.open(key)
                window.banner.clear()
                demo._rest(500)
                if key == "explore":
                    window.explore.cortex.view.canvas.settle()
                shrink(window.grab(), out / f"{key}-{size[0]}-{theme.name}.png")
                print(key, size, theme.name, flush=True)
    window.close()


def shrink(picture: QPixmap, path: Path) -> None:
    """Save a picture as a page shows it: no wider than it, in few colours."""
    from PIL import Image

    picture.save(str(path))
    with Image.open(path) as read:
        whole = read.convert("RGB")
    width = min(WIDEST, whole.width)
    while True:
        small = whole.resize((width, round(whole.height * width / whole.width)), Image.Resampling.LANCZOS)
        small.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size <= MOST_BYTES:
            return
        width = round(0.9 * width)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/window").absolute())
