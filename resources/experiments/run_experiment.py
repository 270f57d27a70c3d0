"""Shows one run of stimuli with PsychoPy and writes what was pressed. Settings stand in settings.json beside it.

Usage: python run_experiment.py --participant 1 --run 1 [--windowed]
Without --participant and --run a dialog asks for them. Escape stops the run and keeps its data.
"""

import argparse
import csv
import json
import math
import sys
from pathlib import Path

from PIL import Image
from psychopy import core, event, gui, visual

HERE = Path(__file__).resolve().parent
SETTINGS = json.loads((HERE / "settings.json").read_text(encoding="utf-8"))
ADDED = ["real_onset", "real_duration", "response", "rt", "correct"]
NUMBERS = {"trial", "onset", "duration", "is_catch", "width_ratio", "height_ratio"}
FRAME_SLACK = 0.004
"""A picture is flipped this many seconds before it is due: the flip waits for the next frame."""


def main():
    """Run the experiment once."""
    participant, run, windowed = ask()
    name = f"sub-{participant:02d}_run-{run:02d}"
    trials = read_conditions(HERE / "conditions" / f"{name}.csv")
    window = open_window(windowed)
    try:
        show_run(window, trials, data_path(participant, run))
    finally:
        window.close()


def read_conditions(path):
    """The trials of a run, a dict each; PsychoPy's own importer would run what stands in a cell as a program."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        {name: json.loads(cell) if cell and name in NUMBERS else cell for name, cell in row.items()} for row in rows
    ]


def ask():
    """Participant, run and whether to use a window, from the command line or a dialog."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--participant", type=int)
    parser.add_argument("--run", type=int)
    parser.add_argument("--windowed", action="store_true", help="a window instead of the whole screen")
    args = parser.parse_args()
    if args.participant is None or args.run is None:
        asked = {"participant": 1, "run": 1}
        if not gui.DlgFromDict(asked, title=SETTINGS["name"], sortKeys=False).OK:
            sys.exit("Cancelled.")
        args.participant, args.run = int(asked["participant"]), int(asked["run"])
    for what, value, most in (
        ("participant", args.participant, SETTINGS["participants"]),
        ("run", args.run, SETTINGS["runs"]),
    ):
        if not 1 <= value <= most:
            sys.exit(f"There is no {what} {value}: this package has 1 to {most}.")
    return args.participant, args.run, args.windowed


def data_path(participant, run):
    """A file that does not exist yet."""
    folder = HERE / "data"
    folder.mkdir(exist_ok=True)
    stem = f"sub-{participant:02d}_task-probe_run-{run:02d}"
    path, again = folder / f"{stem}.csv", 2
    while path.exists():
        path, again = folder / f"{stem}_again-{again}.csv", again + 1
    return path


def open_window(windowed):
    """A grey window; PsychoPy's grey runs from -1 to 1."""
    grey = 2 * SETTINGS["grey"] - 1
    return visual.Window(
        size=SETTINGS["screen_px"],
        fullscr=not windowed,
        units="pix",
        color=[grey] * 3,
        colorSpace="rgb",
        allowGUI=windowed,
    )


def show_run(window, trials, path):
    """Wait for the trigger, show every trial at its planned time, write each as soon as it is over."""
    pictures = load_pictures(window, trials)
    for picture in pictures.values():
        picture.draw()  # the graphics card takes each picture at its first drawing, which is slow
    window.clearBuffer()
    cross = visual.ShapeStim(window, vertices="cross", size=32, fillColor="black", lineWidth=0)
    dot = visual.Circle(window, radius=12, fillColor="red", lineColor="red")
    show_text(window, SETTINGS["instructions"] + "\n\nThe run starts with the scanner.")
    wait_for_trigger()
    clock = core.Clock()
    cross.draw()
    window.flip()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=[*trials[0], *ADDED])
        writer.writeheader()
        for trial in trials:
            if not show_trial(window, trial, clock, parts=(pictures, cross, dot), writer=writer):
                print(f"Stopped by Escape; the data so far are in {path}")
                return
            file.flush()
        wait_until(clock, last_end(trials) + SETTINGS["lead_out_seconds"], [])
    print(f"Done; data are in {path}")


def load_pictures(window, trials):
    """Every picture of the run, loaded before it starts."""
    files = {trial["image_file"]: trial for trial in trials if trial["image_file"]}
    return {name: load_picture(window, HERE / name, trial) for name, trial in files.items()}


def load_picture(window, path, trial):
    """A picture at its size on this screen, on whole pixels; smoothed only where it is scaled."""
    width = picture_width()
    size = (round(width * trial["width_ratio"]), round(width * trial["height_ratio"]))
    with Image.open(path) as file:
        scaled = file.size != size
    aside = [(side + int(whole)) % 2 / 2 for side, whole in zip(size, window.size, strict=True)]  # odd in even
    return visual.ImageStim(window, image=str(path), size=size, pos=aside, interpolate=scaled)


def picture_width():
    """Pixels of the degrees of visual angle on the screen described in settings.json: 2 d tan(a / 2)."""
    centimetres = 2 * SETTINGS["screen_distance_cm"] * math.tan(math.radians(SETTINGS["degrees"]) / 2)
    return centimetres * SETTINGS["screen_px"][0] / SETTINGS["screen_width_cm"]


def show_text(window, text):
    """Text in the middle of the screen."""
    visual.TextStim(window, text=text, height=28, wrapWidth=1000, color="black").draw()
    window.flip()


def wait_for_trigger():
    """Until the scanner's key; Escape leaves the program."""
    keys = event.waitKeys(keyList=[SETTINGS["trigger_key"], "escape"])
    if "escape" in keys:
        sys.exit("Stopped before the trigger.")
    event.clearEvents()


def show_trial(window, trial, clock, parts, writer):
    """One trial: wait, draw, wait, fixation, wait; its line is written at its end. False where Escape was pressed."""
    pictures, cross, dot = parts
    pressed = []
    if not wait_until(clock, trial["onset"] - FRAME_SLACK, []):
        return False
    if trial["image_file"]:
        pictures[trial["image_file"]].draw()
    if trial["is_catch"] and not trial["image_file"]:
        dot.draw()
    else:
        cross.draw()
    window.flip()
    onset = clock.getTime()
    going = wait_until(clock, trial["onset"] + trial["duration"] - FRAME_SLACK, pressed)
    cross.draw()
    window.flip()
    end = clock.getTime()
    trial_end = trial["onset"] + SETTINGS["stimulus_seconds"] + SETTINGS["gap_seconds"]
    going = going and wait_until(clock, trial_end - 2 * FRAME_SLACK, pressed)
    write_trial(writer, trial, onset=onset, end=end, pressed=pressed)
    return going


def write_trial(writer, trial, onset, end, pressed):
    """What was planned, when it came, what was pressed; correct: pressed on catch trials and on no others."""
    key, when = pressed[0] if pressed else (None, None)
    row = {name: "" if value is None else value for name, value in trial.items()}
    row["real_onset"], row["real_duration"] = round(onset, 5), round(end - onset, 5)
    row["response"], row["rt"] = key or "", "" if when is None else round(when - onset, 5)
    row["correct"] = int(bool(pressed) == bool(trial["is_catch"]))
    writer.writerow(row)


def wait_until(clock, when, pressed):
    """Collect response keys with their times until `when` on the clock. False where Escape was pressed."""
    while True:
        for key, time in event.getKeys(keyList=[SETTINGS["response_key"], "escape"], timeStamped=clock):
            if key == "escape":
                return False
            pressed.append((key, time))
        left = when - clock.getTime()
        if left <= 0:
            return True
        core.wait(min(left, 0.002), hogCPUperiod=0.001)


def last_end(trials):
    """When the last trial is over."""
    return trials[-1]["onset"] + SETTINGS["stimulus_seconds"] + SETTINGS["gap_seconds"]


if __name__ == "__main__":
    main()
