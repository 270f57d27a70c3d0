"""Every command of the window in one table, which menus, toolbar, keys and help sheet are drawn from.

A command that cannot be given now says why in its tooltip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.base.jobs import Idle, RunState

if TYPE_CHECKING:
    from app.base.state import AppState


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides whether a command can be given."""

    state: AppState
    run: RunState
    undo: tuple[str, str] = ("", "")
    """What undo and redo would change."""


@dataclass(frozen=True, slots=True)
class Command:
    """One thing the user can ask for.

    Parameters
    ----------
    id : Names its handler.
    title : A verb, in sentence case.
    menu : The menu it stands in.
    help : One sentence for tooltip and help sheet.
    shortcut, also, icon : Its key, a second key and its icon; empty for none.
    ends_group : A separator follows it in its menu.
    """

    id: str
    title: str
    menu: str
    help: str
    shortcut: str = ""
    icon: str = ""
    in_toolbar: bool = False
    ends_group: bool = False
    also: str = ""

    def reason(self, now: Situation | None) -> str:
        """Why it cannot be given now, None before anything is open; "" if it can."""
        needs = (row for row in NEEDS if self.id in row[0].split())
        return next((reason for _, met, reason in needs if now is None or not met(now)), "")


MENUS = ("File", "Edit", "Data", "Encoders", "Probe", "Stimuli", "View", "Help")

TABLE = """\
[File]
new_session | New session | Ctrl+Shift+N |  | Start again with this encoder and image
open_session | Open session… | Ctrl+Shift+O | folder | Open everything saved in a session file
recent_sessions | Recent sessions |  |  | Recently saved and autosaved sessions
save_session | Save session | Ctrl+S | save | Save everything that is open in one file
save_session_as | Save session as… | Ctrl+Shift+S |  | Save everything that is open under a new name
-
open_analysis | Open analysis… |  | chart | Show the results in the folder of an earlier analysis
-
export | Export stimuli… | Ctrl+E | export | Save original, perturbed and control images with their manifest
save_probe | Save probe… | Ctrl+Alt+S | save | Save a file that reproduces this probe
save_figure | Save figure… | Ctrl+Shift+F | chart | Save this probe as a figure: PNG, SVG or PDF of the page, images, \
    curve, ROIs, steps or cortex
save_page | Save interactive page… |  | chart | Save this probe as one HTML file to play with: turnable cortex, steps, \
    images and every number
save_movie | Save movie… | Ctrl+M | film | Make a movie of attack steps, epsilon sweep or turning cortex: MP4, \
    GIF or PNG files
window_picture | Save window picture… | Ctrl+Shift+W | camera | Save a PNG of the window
cortex_picture | Save cortex picture… | Ctrl+Shift+C | cortex | Save a PNG of the cortex at twice its size
-
settings | Settings… | Ctrl+, | settings | Theme, device, budgets, folders, notices and keyboard shortcuts
-
quit | Quit | Ctrl+Q | quit | Stop running jobs and close the window
[Edit]
undo | Undo | Ctrl+Z | undo | Undo the last change of the settings of the probe
redo | Redo | Ctrl+Shift+Z | redo | Redo the change undone last
-
copy_cortex | Copy cortex picture | Ctrl+Shift+X | copy | Put the cortex with its names and colour bar on the \
    clipboard, at twice its size
copy_command | Copy as command | | copy | Copy the command that does what this work space would run
copy_python | Copy as Python | | copy | Copy the script that does what this work space would run
[Data]
open_image | Open images… | Ctrl+O | image | Probe images of your own
open_image_folder | Open folder of images… |  |  | List all images of a folder in the gallery, to probe any of them
previous_image | Previous image | [ | previous | Go to the previous image in the gallery
next_image | Next image | ] | next | Go to the next image in the gallery
-
import_recordings | Import recordings… | Ctrl+D | folder | Import your own subject: NSD, Algonauts, BOLD5000, \
    THINGS, NIfTI or arrays
show_recording | Show recording… |  | info | Show what was imported for this subject: images, repeats, voxels, noise \
    ceilings; or remove it
-
import_surface | Import surface… |  | cortex | Add a cortical surface of your own
choose_surface | Surface of the subject… |  |  | Show the subject on another surface
choose_atlas | ROI atlas… |  |  | Outline the ROIs of another atlas of this surface
project_volume | Project volume… |  |  | Save a NIfTI file's values at every vertex shown
remove_surface | Remove surface… |  |  | Remove a surface you imported
[Encoders]
encoder_card | Encoder card… | I | chart | How well the encoder predicts: scores, noise ceiling, penalties, layers
fit_encoders | Fit encoders… | Ctrl+F | add | Fit a subject's responses from a network's features: layers, reducer, \
    readout, scores
import_encoder | Import encoder… | Ctrl+I | add | Take in an encoder of scikit-learn, himalaya, BERG, img2fmri, \
    plain arrays or of this program
add_whole_encoder | Add whole encoder… |  | add | Probe a torch module that gives responses itself: a function, a \
    TorchScript or a torch.export file, with a table of voxels
export_encoder | Export encoder… |  | export | Save the current encoder as a Probescope folder or as NumPy arrays
-
networks | Networks… | Ctrl+N | network | List, download, import, check and remove networks
robustify | Robustify a network… | Ctrl+R | shield | Make a network robust by fine-tuning it on your photographs
-
study | Simulation study… |  |  | Run the analyses on simulated voxels whose true axes are known, and see when the \
    findings hold
[Probe]
probe | Probe | P | probe | Run the probe
cancel | Cancel | Esc | cancel | Stop the probe or whatever else is short; where nothing short runs, the long work. \
    Files are always written
toggle_auto | Probe automatically | A | auto | Probe after every change, or only on request
-
raise | Raise the response | R | up | Probe for a higher response
lower | Lower the response | L | down | Probe for a lower response
-
trade_off | Trade-off… |  | chart | Choose between moving the target and sparing all other voxels
rank_images | Rank images | N | chart | Which images of the library drive the target most and least
synthesise | Synthesise images | Shift+N | brush | Make images from scratch that drive the target
fingerprint | Fingerprint… |  | chart | What the target answers to: predicted response by category and beside every ROI
-
pin_probe | Pin this probe | B | pin | Keep this probe as A: whatever is shown next stands beside it as B
unpin_probe | Unpin the probe | Shift+B | close | Compare with the pinned probe no longer
jury | Network jury | J | network | Show or hide the shift that every fitted network predicts for the picture on screen
-
keep_set | Keep as ROI… | Ctrl+Alt+K | brush | Give the target's voxels a name: they become an ROI of this subject
rename_set | Rename ROI… |  |  | Give an ROI you kept another name
remove_set | Remove ROI… |  |  | Remove an ROI you kept
write_set | Save voxels… |  |  | Save the target's voxels as a table or as FreeSurfer labels
read_set | Load voxels… |  |  | Take voxels from a list, a table or a label as the target
[Stimuli]
add_to_tray | Add to the tray | T | add | Collect this probe for a stimulus set
plan_stimuli | Plan stimuli… |  | add | Add images x targets x directions x budgets x networks to the tray
-
open_set | Open stimulus set… |  | folder | Compare the predictions of an earlier set with what was measured
write_stimuli | Write stimulus set… | Ctrl+Shift+E | export | Write the tray as matched stimuli with their manifest
make_package | Make package… | Ctrl+Shift+K | export | Turn a stimulus set into a BIDS, PsychoPy, jsPsych or \
    Brain-Score package with trial orders
-
compare_measured | Compare measured responses… |  | chart | After the experiment: do the responses move as the \
    stimulus set predicted?
[View]
view_lateral | Lateral view | 1 |  | View from outside
view_medial | Medial view | 2 |  | View from the midline
view_ventral | Ventral view | 3 |  | View from below
view_dorsal | Dorsal view | 4 |  | View from above
view_posterior | Posterior view | 5 |  | View from behind
view_anterior | Anterior view | 6 |  | View from the front
view_flat | Flat map | 7 |  | Show the flattened cortex
camera_poses | Camera poses… | 8 |  | Save this view of the cortex under a name, or go to a saved one
montage | Four views… | 0 | cortex | Both hemispheres from four sides in one picture, to save or copy
frame_data | Frame voxels or whole brain | 9 | fit | Whether views bring the voxels or all of the cortex into sight
-
peak_map | Peak of the map | G |  | Go to the voxel of the largest value, of either sign
peak_view | Peak in view | Shift+G |  | Go to the voxel of the largest value among those in sight
peak_roi | Peak in the ROI | Ctrl+G |  | Go to the voxel of the largest value in the ROI of the target
homologue | Same place, other hemisphere | H |  | Go to the voxel at the matching place of the other hemisphere
hide_left | Hide or show the left side | Shift+L |  | Look at the right cortex alone, or at both
hide_right | Hide or show the right side | Shift+R |  | Look at the left cortex alone, or at both
-
loupe | Probe loupe | M | search | Show the first-order probe of the voxel under the pointer, as Ctrl held down does
colour_range | Colour range… | C |  | Type fmin, fmid and fmax of the map shown; both cortices have it
lock_range | Lock or unlock the colour range | Shift+C | lock | Keep the present colour range for the next probes, or \
    fit it to each map again
-
flicker | Flicker clean and perturbed | F | eye | Swap clean and perturbed image in place
-
toggle_controls | Show or hide controls | Ctrl+1 | sidebar | Hide the left column, or bring it back
toggle_images | Show or hide images | Ctrl+2 |  | Hide the images, or bring them back
toggle_responses | Show or hide responses | Ctrl+3 |  | Hide the responses, or bring them back
full_panel | One panel alone | Ctrl+Space | expand | Let the panel under the pointer fill the window, or show all \
    panels again; Esc goes back
reset_layout | Reset layout |  | layout | Restore the default sizes of all parts of the window
-
toggle_theme | Switch dark and light | Ctrl+T | theme | Change the colours of the window
[Help]
help_first | First experiment… |  | help | From the first click to a package that runs, with pictures
help_pages | Guide… | Shift+F1 |  | Data of your own, the four questions, experiments, Python, command line, \
    formulas, troubleshooting
help_glossary | What do these numbers mean?… |  | info | Shift, SD, epsilon, r, noise ceiling and other words of the \
    window, a sentence and a formula each
start_tour | Tour of the window |  | eye | Seven steps from a click to stimuli for the scanner
-
palette | Command palette… | Ctrl+K Ctrl+Shift+P | search | Find any command, map, view, option, ROI, image, network, \
    subject or setting by a few letters
show_shortcuts | Keyboard shortcuts | F1 | help | Every command and its key
-
show_log | Show log | Ctrl+L | log | Show the program's messages
copy_report | Copy program report |  | copy | Copy versions, device, settings and the last log lines, to paste into \
    a question
about | About Probescope |  | info | Version, sources and licences
"""
"""Under each menu: name | title | keys | icon | what it does. A dash ends a group of the menu."""

NEEDS: tuple[tuple[str, Callable[[Situation], bool], str], ...] = (
    ("undo", lambda now: bool(now.undo[0]), "Nothing to undo"),
    ("redo", lambda now: bool(now.undo[1]), "Nothing to redo"),
    ("show_recording", lambda now: _is_imported(now.state), "This subject ships with the program"),
    (
        "probe trade_off fingerprint rank_images synthesise plan_stimuli export_encoder encoder_card",
        lambda now: now.state.card is not None,
        "Choose a network with a fitted encoder first",
    ),
    ("probe trade_off", lambda now: now.state.stimulus is not None, "Choose an image first"),
    (
        "probe trade_off fingerprint rank_images synthesise",
        lambda now: now.state.target is not None,
        "Choose a target first: click a voxel, or choose an ROI",
    ),
    (
        "export save_probe save_figure save_page save_movie add_to_tray",
        lambda now: now.state.probe is not None or not now.state.is_probing,
        "The probe is still running",
    ),
    (
        "export save_probe save_figure save_page save_movie add_to_tray",
        lambda now: now.state.probe is not None,
        "Run a probe first",
    ),
    ("pin_probe", lambda now: now.state.probe is not None, "Run a probe first"),
    ("unpin_probe", lambda now: now.state.pinned is not None, "No probe is pinned"),
    ("keep_set write_set", lambda now: now.state.target is not None, "Draw a set or choose another target first"),
    ("cancel", lambda now: not isinstance(now.run, Idle), "Nothing is running"),
)
"""Commands, what they need, and why they cannot be given without it; of several reasons the first is told."""


def _is_imported(state: AppState) -> bool:
    return state.subject is not None and state.subject.images is not None


TOOLBAR = "open_image export full_panel toggle_theme palette toggle_controls show_shortcuts"


def _read_table() -> Iterator[Command]:
    menu = ""
    lines = TABLE.splitlines()
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("["):
            menu = line.strip("[]")
        elif line != "-":
            name, title, keys, icon, told = (" ".join(part.split()) for part in line.split("|"))
            key, _, also = keys.partition(" ")
            yield Command(name, title, menu, told, key, icon, name in TOOLBAR.split(), after == "-", also)


COMMANDS: tuple[Command, ...] = tuple(_read_table())


def find_command(identity: str) -> Command:
    """A command of the table by its id; a KeyError if there is none."""
    return {command.id: command for command in COMMANDS}[identity]
