"""Every command of the window in one table, which menus, toolbar, keys and help sheet are drawn from. Never does one.

A command that cannot be given now says why in its tooltip.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.base.jobs import Idle, RunState
from app.base.state import AppState


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides whether a command can be given."""

    state: AppState
    run: RunState
    undo: tuple[str, str] = ("", "")
    """What undo and redo would change."""

    @property
    def probing(self) -> bool:
        """Whether a probe is under way."""
        return not isinstance(self.run, Idle) and self.run.kind == "probe"


def always(_situation: Situation) -> str:
    """No reason against it."""
    return ""


def needs_ready(situation: Situation) -> str:
    """A probe needs an encoder, an image and a target."""
    state = situation.state
    if state.card is None:
        return "Choose a network with a fitted encoder first"
    if state.stimulus is None:
        return "Choose an image first"
    return "" if state.target is not None else "Click a voxel on the cortex first"


def needs_encoder(situation: Situation) -> str:
    """The card needs an encoder."""
    return "" if situation.state.card is not None else "Choose a network with a fitted encoder first"


def needs_recording(situation: Situation) -> str:
    """Only imported subjects have a summary."""
    subject = situation.state.subject
    return "" if subject is not None and subject.images is not None else "This subject ships with the program"


def needs_probe(situation: Situation) -> str:
    """Exports need a finished probe."""
    return "" if situation.state.probe is not None else "Make a probe first"


def needs_run(situation: Situation) -> str:
    """Cancelling needs something that runs."""
    return "" if not isinstance(situation.run, Idle) else "Nothing runs"


def needs_past(situation: Situation) -> str:
    """Undo needs a change."""
    return "" if situation.undo[0] else "Nothing was changed yet"


def needs_future(situation: Situation) -> str:
    """Redo needs something undone."""
    return "" if situation.undo[1] else "Nothing was undone"


@dataclass(frozen=True, slots=True)
class Command:
    """One thing the user can ask for.

    Parameters
    ----------
    id : str
        Names its handler.
    title : str
        A verb, in sentence case.
    menu : str
        The menu it stands in.
    help : str
        One sentence for tooltip and help sheet.
    shortcut, also, icon : str
        Its key, a second key and its icon; empty for none.
    reason : function
        Says why it cannot be given now; empty if it can.
    in_toolbar : bool
    ends_group : bool
        A separator follows it in its menu.
    """

    id: str
    title: str
    menu: str
    help: str
    shortcut: str = ""
    icon: str = ""
    reason: Callable[[Situation], str] = always
    in_toolbar: bool = False
    ends_group: bool = False
    also: str = ""


MENUS = ("File", "Edit", "Probe", "Cortex", "View", "Help")

COMMANDS: tuple[Command, ...] = (
    Command("new_session", "New session", "File", "Start afresh with this encoder and image", "Ctrl+Shift+N"),
    Command("open_session", "Open session…", "File", "Open everything a session file holds", "Ctrl+Shift+O", "folder"),
    Command("recent_sessions", "Recent sessions", "File", "Sessions saved last, and what windows saved by themselves"),
    Command("save_session", "Save session", "File", "Save everything that is open in one file", "Ctrl+S", "save"),
    Command(
        "save_session_as",
        "Save session as…",
        "File",
        "Save everything that is open under a new name",
        "Ctrl+Shift+S",
        ends_group=True,
    ),
    Command("undo", "Undo", "Edit", "Go back to what was chosen before", "Ctrl+Z", "undo", needs_past),
    Command("redo", "Redo", "Edit", "Choose again what was undone", "Ctrl+Shift+Z", "redo", needs_future),
    Command("open_image", "Open image…", "File", "Probe an image of your own", "Ctrl+O", "image", in_toolbar=True),
    Command(
        "import_recordings",
        "Import recordings…",
        "File",
        "Bring a subject of your own: NSD, Algonauts, BOLD5000, THINGS, NIfTI or arrays",
        "Ctrl+D",
        "folder",
    ),
    Command(
        "show_recording",
        "Show recording…",
        "File",
        "What was imported of this subject: images, repeats, voxels, noise ceilings; or remove it",
        "",
        "info",
        needs_recording,
    ),
    Command("previous_image", "Previous image", "File", "Go to the image before in the gallery", "[", "previous"),
    Command("next_image", "Next image", "File", "Go to the next image of the gallery", "]", "next", ends_group=True),
    Command(
        "export",
        "Export stimuli…",
        "File",
        "Save original, perturbed and control images with their manifest",
        "Ctrl+E",
        "export",
        needs_probe,
        in_toolbar=True,
    ),
    Command(
        "make_package",
        "Make a package…",
        "File",
        "Turn a stimulus set into a BIDS, PsychoPy, jsPsych or Brain-Score package with trial orders",
        "Ctrl+Shift+K",
        "export",
    ),
    Command(
        "save_probe",
        "Save probe…",
        "File",
        "Save a file that reproduces this probe",
        "Ctrl+Alt+S",
        "save",
        needs_probe,
        ends_group=True,
    ),
    Command(
        "compare_measured",
        "Compare measured responses…",
        "File",
        "After the experiment: do the responses move as the stimulus set predicted?",
        "",
        "chart",
        ends_group=True,
    ),
    Command(
        "plan_stimuli",
        "Plan stimuli…",
        "File",
        "Add images x targets x directions x budgets x networks to the tray",
        "",
        "add",
        needs_encoder,
    ),
    Command(
        "write_stimuli",
        "Write a stimulus set…",
        "File",
        "Write the tray as matched stimuli with their manifest",
        "Ctrl+Shift+E",
        "export",
        ends_group=True,
    ),
    Command("import_surface", "Import surface…", "File", "Add a cortical surface of your own", "", "cortex"),
    Command(
        "import_encoder",
        "Import encoder…",
        "File",
        "Take in an encoder of scikit-learn, himalaya, BERG, img2fmri, plain arrays or of this program",
        "Ctrl+I",
        "add",
    ),
    Command(
        "export_encoder",
        "Export encoder…",
        "File",
        "Save the encoder in use as a folder of this program or as NumPy arrays",
        "",
        "export",
        needs_encoder,
        ends_group=True,
    ),
    Command("networks", "Networks…", "File", "List, download, import, check and remove networks", "Ctrl+N", "network"),
    Command(
        "robustify",
        "Robustify a network…",
        "File",
        "Make a robust network of another one with your photographs",
        "Ctrl+R",
        "shield",
        ends_group=True,
    ),
    Command(
        "fit_encoders",
        "Fit encoders…",
        "File",
        "Fit a subject's responses on a network's features: layers, reducer, readout, scores",
        "Ctrl+F",
        "add",
        ends_group=True,
    ),
    Command(
        "save_figure",
        "Save figure…",
        "File",
        "Draw this probe for print: PNG, SVG or PDF of the page, images, curve, ROIs, steps or cortex",
        "Ctrl+Shift+F",
        "chart",
        needs_probe,
    ),
    Command(
        "save_movie",
        "Save movie…",
        "File",
        "Film the attack's steps, the epsilon sweep or the turning cortex: MP4, GIF or PNG files",
        "Ctrl+M",
        "film",
        needs_probe,
    ),
    Command("window_picture", "Save window picture…", "File", "Save a PNG of the window", "Ctrl+Shift+W", "camera"),
    Command(
        "cortex_picture",
        "Save cortex picture…",
        "File",
        "Save a PNG of the cortex at twice its size",
        "Ctrl+Shift+C",
        "cortex",
        ends_group=True,
    ),
    Command(
        "settings",
        "Settings…",
        "File",
        "Theme, device, budgets, folders, notices and keyboard shortcuts",
        "Ctrl+,",
        "settings",
        ends_group=True,
    ),
    Command("quit", "Quit", "File", "Stop what runs and close the window", "Ctrl+Q", "quit"),
    Command("probe", "Probe", "Probe", "Make the probe", "P", "probe", needs_ready),
    Command(
        "add_to_tray",
        "Add to the tray",
        "Probe",
        "Collect this probe for a stimulus set",
        "T",
        "add",
        needs_probe,
    ),
    Command(
        "cancel",
        "Cancel",
        "Probe",
        "Stop the probe or whatever else is short; where nothing short runs, the long work. Files are always written",
        "Esc",
        "cancel",
        needs_run,
        ends_group=True,
    ),
    Command("raise", "Raise the response", "Probe", "Probe for a higher response", "R", "up"),
    Command("lower", "Lower the response", "Probe", "Probe for a lower response", "L", "down"),
    Command("toggle_auto", "Probe at once", "Probe", "Probe at every change, or only when asked", "A", "auto"),
    Command("view_lateral", "Lateral view", "Cortex", "Look from outside", "1"),
    Command("view_medial", "Medial view", "Cortex", "Look from the midline", "2"),
    Command("view_ventral", "Ventral view", "Cortex", "Look from below", "3"),
    Command("view_dorsal", "Dorsal view", "Cortex", "Look from above", "4"),
    Command("view_posterior", "Posterior view", "Cortex", "Look from behind", "5"),
    Command("view_anterior", "Anterior view", "Cortex", "Look from the front", "6"),
    Command("view_flat", "Flat map", "Cortex", "Look at the flattened cortex", "7"),
    Command(
        "camera_poses", "Camera poses…", "Cortex", "Keep this view of the cortex under a name, or go to a kept one", "8"
    ),
    Command(
        "copy_cortex",
        "Copy cortex picture",
        "Cortex",
        "Put the cortex with its names and colour bar on the clipboard, at twice its size",
        "Ctrl+Shift+X",
        "copy",
        ends_group=True,
    ),
    Command("choose_surface", "Surface of the subject…", "Cortex", "Show the subject on another surface"),
    Command("choose_atlas", "ROI atlas…", "Cortex", "Outline the ROIs of another atlas of this surface"),
    Command("project_volume", "Project volume…", "Cortex", "Write a NIfTI file's values at every vertex shown"),
    Command("remove_surface", "Remove surface…", "Cortex", "Remove a surface you imported"),
    Command(
        "encoder_card",
        "Encoder card…",
        "View",
        "How well the encoder predicts: scores, noise ceiling, penalties, layers",
        "I",
        "chart",
        needs_encoder,
    ),
    Command(
        "study",
        "Test the method…",
        "View",
        "Run the analyses on simulated voxels whose true axes are known, and see when the findings hold",
    ),
    Command("flicker", "Flicker clean and perturbed", "View", "Swap clean and perturbed image in place", "F", "eye"),
    Command(
        "toggle_theme",
        "Switch dark and light",
        "View",
        "Change the colours of the window",
        "Ctrl+T",
        "theme",
        in_toolbar=True,
    ),
    Command(
        "palette",
        "Command palette…",
        "View",
        "Find any command, ROI, image, network, subject or setting by a few letters",
        "Ctrl+K",
        "search",
        in_toolbar=True,
        also="Ctrl+Shift+P",
    ),
    Command(
        "toggle_controls",
        "Show or hide controls",
        "View",
        "Fold the left column away, or bring it back",
        "Ctrl+1",
        "sidebar",
        in_toolbar=True,
    ),
    Command("toggle_images", "Show or hide images", "View", "Fold the images away, or bring them back", "Ctrl+2"),
    Command(
        "toggle_responses", "Show or hide responses", "View", "Fold the responses away, or bring them back", "Ctrl+3"
    ),
    Command("reset_layout", "Reset layout", "View", "Give every part of the window its first size", "", "layout"),
    Command("show_log", "Show log", "View", "What the program noted while it ran", "Ctrl+L", "log"),
    Command("show_shortcuts", "Keyboard shortcuts", "Help", "Every command and its key", "F1", "help", in_toolbar=True),
    Command(
        "start_tour", "Tour of the window", "Help", "Seven steps from a click to stimuli for the scanner", "", "eye"
    ),
    Command(
        "copy_report",
        "Copy program report",
        "Help",
        "Copy versions, device, settings and the last log lines, to paste into a question",
        "",
        "copy",
    ),
    Command("about", "About Probescope", "Help", "Version, sources and licences", "", "info"),
)


def find_command(identity: str) -> Command:
    """A command of the table by its id; a KeyError if there is none."""
    return {command.id: command for command in COMMANDS}[identity]
