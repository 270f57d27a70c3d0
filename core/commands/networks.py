"""The `networks` command: list, add, download, remove, check, and the layers of one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from core.commands.listing import All, describe_network, layers
from core.commands.options import Device, Given, Json, about, actions, announce, explained, takes
from core.commands.output import answer, follow, format_table, stop_on_interrupt, time_left
from core.networks.catalog import list_networks
from core.networks.files.download import DownloadProgress
from core.networks.import_options import NetworkImportOptions
from core.networks.manage import check_network, iter_get, remove_network
from core.networks.spec import NetworkSpec

EXPLANATION = """\
list                every network and whether it is on this computer
add SOURCE          keep a network of your own: a state dict or a checkpoint of a training script with --architecture, a
                    torch.export file, a TorchScript file or a function package.module:function (these three are
                    programs: --trust), or a name timm:NAME, torchvision:NAME, entry:NAME. Files may have any ending.
                    Prefixes (module., _orig_mod., net.) are found by the architecture. Where a checkpoint holds
                    several sets of weights, the averaged ones, the teacher's or MoCo's query encoder's are taken, or
                    what --weights names; mean and SD in the file are used. The answer says all this.
download NETWORK    get the weights of a catalogue id, timm:NAME or torchvision:NAME; interrupted downloads go on
check NETWORK       load it and probe it, check by check
layers NETWORK      where it can be cut (--all: everywhere), with shapes; of a layer that is called twice, NAME
                    is the first call, NAME#2 the second
remove NETWORK      take away one of your own, or a download
--json prints one object, or an array for list and layers. A file without published checksum is trusted at its first
download: its SHA-256 is shown, kept, and expected from then on (until remove --forget).
PROBESCOPE_OFFLINE=1 forbids downloads."""
Forget = Annotated[bool, about("also the checksum that was kept at the first download")]
IMPORT = (
    "id title architecture weights layers input_size output_stride mean std tokens robust licence parent trusted=trust"
)


def _list(*, json: Json = False) -> int:
    rows = [describe_status(spec) for spec in list_networks()]
    names = ("id", "title", "family", "robust", "state", "size_mb", "input_size", "default_layer")
    shown = [{name if name != "family" else "kind": row[name] for name in names} for row in rows]
    return answer(rows, lambda: format_table(shown), as_json=json)


@takes((NetworkImportOptions, IMPORT))
def _add(source: str, /, *, json: Json = False, given: Given) -> int:
    from core.networks.importing import import_network

    announce(options := given.make(NetworkImportOptions))
    spec = import_network(source, options)
    text = f"Added {spec.id}: {spec.describe()}; layers {', '.join(spec.layers)}."
    text += f"\n{spec.note}" if spec.note else ""
    if not spec.installed:
        text += f"\nIts weights come with `python main.py networks download {spec.id}`."
    return answer(describe_status(spec), text, as_json=json)


def _download(network: str, /, *, json: Json = False) -> int:
    with stop_on_interrupt() as should_stop:
        last = follow(iter_get(network, should_stop=should_stop), format_progress)
    if last.result is None:
        raise RuntimeError("a download ended without its last record")
    text = f"{last.result} ({last.done / 2**20:.1f} MB); SHA-256 {last.sha256}"
    if last.first:
        text += "\nNo checksum is published for it: this one is kept and expected from now on."
    found = {"network": network, "path": str(last.result), "sha256": last.sha256, "first": last.first}
    return answer(found, text, as_json=json)


def _remove(network: str, /, *, forget: Forget = False, json: Json = False) -> int:
    done = remove_network(network, forget=forget)
    return answer({"network": network, "done": done}, done, as_json=json)


def _check(
    network: str,
    /,
    *,
    layer: Annotated[str | None, about("at this layer instead of the usual one")] = None,
    device: Device = "cpu",
    json: Json = False,
) -> int:
    report = check_network(network, layer, device=device)
    shape = " x ".join(map(str, report.feature_shape))
    lines = [f"{report.network} at {report.layer} ({shape}), weights {report.sha256[:12]}"]
    lines += [f"  {'!' if problem else 'ok':<3}{problem or what}" for what, problem in report.checks]
    lines += ["It can be probed."] * report.passed
    answer(asdict(report) | {"passed": report.passed}, "\n".join(lines), as_json=json)
    return 0 if report.passed else 2


def _layers(network: str, /, *, all: All = False, json: Json = False) -> int:  # noqa: A002
    return layers(network=network, all=all, json=json)


def describe_status(spec: NetworkSpec) -> dict[str, Any]:
    """One row: that of `list networks`, with tokens, state, size_mb, url and path."""
    return describe_network(spec) | {
        "tokens": spec.tokens,
        "state": spec.state,
        "installed": spec.installed,
        "size_mb": round(spec.file_mb, 1) or None,
        "url": spec.url,
        "path": str(spec.weights_path) if spec.weights else "",
    }


def format_progress(progress: DownloadProgress) -> str:
    """One line on a download under way."""
    share = f" of {progress.total / 2**20:.1f}" if progress.total else ""
    return f"{progress.done / 2**20:.1f}{share} MB{time_left(progress.seconds_left)}"


@explained(EXPLANATION)
@actions(_list, _add, _download, _remove, _check, _layers)
def run_networks(
    action: str, source: Annotated[str, about("id, name, file or function", metavar="NETWORK")] = "", /
) -> None:
    """Run the action; returns 0, or 2 if a check fails. Raises ProbeError with one clear sentence."""
