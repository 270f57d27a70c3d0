"""Every command with the file that runs it and its line of help."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.commands.options import Run

DESCRIPTION = """\
Probescope explores adversarial probes of ANN-based models of the visual brain: the smallest image changes that raise or
lower a voxel's, an ROI's or a pattern's predicted response. Without a sub-command it opens the window, with
FILE.probescope in its place that session.
Exit codes: 0 done, 2 bad input (one clear line), 130 cancelled, 128 + N ended by the signal N."""

COMMANDS = {
    "probe": ("probe", "make one probe and export it as matched stimuli"),
    "synthesise": ("images", "make images from scratch that drive a target, beside the best natural image"),
    "rank": ("images", "rank natural images by a target's predicted or measured response"),
    "fragility": ("sweeps", "how far predicted responses swing under small perturbations, against predictivity"),
    "discriminability": ("sweeps", "which measure separates encoders better, sensitivity or predictivity"),
    "transfer": ("sweeps", "what perturbations made on one encoder do to the others, with controls of equal norm"),
    "meaning": ("sweeps", "which ROIs, places and spatial frequencies the perturbations of each encoder touch"),
    "disagreement": ("sweeps", "which pairs of encoders can be told apart by one image within a budget, by ROI"),
    "report": ("saved", "one HTML page of finished analyses: methods, formulas, figures, tables"),
    "study": ("sweeps", "test the method itself on simulated voxels whose true axes are known"),
    "worker": ("cells", "compute cells of an analysis or study that was begun, beside others, here or elsewhere"),
    "cells": ("cells", "what of an analysis or study is done, running and failed, and on which computer"),
    "cluster check": ("cluster", "whether a SLURM cluster would take the work, and what its nodes lack"),
    "cluster start": ("cluster", "start a scheduler with jobs of SLURM or SSH hosts, for --engine"),
    "cluster stop": ("cluster", "end a scheduler and its workers"),
    "compare": ("compare", "compare measured responses with the shifts a stimulus set predicted"),
    "design": ("design", "how many repeats and images of a stimulus set decide an experiment, by simulation"),
    "fit": ("fit", "fit an encoder of a subject's responses on a network's layer"),
    "import": (
        "imports",
        "import recordings: NSD, Algonauts 2023, BOLD5000, THINGS-fMRI, NIfTI betas, or your own arrays",
    ),
    "encoders": ("encoders", "list, show, import, export or remove encoders"),
    "list": ("listing", "list networks, subjects, rois, images, layers or encoders"),
    "networks": ("networks", "list, add, download, check or remove networks"),
    "surfaces": ("surfaces", "import, list, check and remove cortical surfaces of your own"),
    "stimuli plan": ("stimuli", "resolve a plan of matched stimuli and say what it costs; --out writes it"),
    "stimuli make": ("stimuli", "make the probes and write the set of matched stimuli"),
    "stimuli check": ("stimuli", "compare every file of a set with its manifest"),
    "stimuli strip": ("stimuli", "draw one seed of a level set over all its levels"),
    "package": (
        "package",
        "make a package of a stimulus set: BIDS, PsychoPy, jsPsych or Brain-Score, with seeded trial orders",
    ),
    "reproduce": ("saved", "run a saved probe again and compare every number"),
    "movie": ("movie", "film a saved probe: attack steps, epsilon sweep or turning cortex, as MP4, GIF or PNG files"),
    "figure": ("movie", "a saved probe as PNG, SVG or PDF: one page, or images, curve, ROIs, steps, cortex"),
    "robustify": ("robustify", "make a robust network by label-free adversarial fine-tuning"),
    "sessions": ("sessions", "list the sessions that can be opened again, or check a session file"),
    "desktop": ("desktop", "put Probescope among the programs of a Linux desktop, or take it out"),
    "doctor": ("doctor", "check versions, device, graphics, folders and weights"),
    "subjects": ("imports", "summarise, remove or relink imported subjects"),
    "rebuild": ("saved", "make a written set again from its manifest alone and compare it bit for bit"),
    "demo": ("window", "load, pick, probe raise and lower, and export, through the real window; without a display too"),
}
"""Where each command is, and what it does; the function is called `run_` and the command's last word."""
GROUPS = {"stimuli": ("plan", "make", "check", "strip"), "cluster": ("check", "start", "stop")}


def load_command(name: str) -> Run:
    """The function of a command; "" is the program without one."""
    place, _ = COMMANDS.get(name, ("window", ""))
    module = importlib.import_module(f"{__package__}.{place}")
    run: Run = getattr(module, f"run_{name.split()[-1] if name else 'window'}")
    return run
