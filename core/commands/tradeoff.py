"""The `tradeoff` command: shift of a target against spill-over, by probes at several weights of the penalty."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from core.attacks.config import AttackConfig
from core.commands.options import Device, Given, Json, NewFolder, about, explained, takes
from core.commands.output import answer, finish, format_table
from core.commands.probe import EncoderOptions, resolve_encoder
from core.commands.probe_options import ATTACK, TargetOptions, check_one_target, resolve_attack, resolve_target
from core.datasets.image_store import find_stimulus
from core.datasets.subject import load_subject
from core.engine import Engine
from core.files import check_free
from core.probes.probe import ProbeConfig
from core.probes.trade_off import WEIGHTS, iter_trade_off, plan_trade_off

EXPLANATION = """\
Each penalty W makes one probe that raises the target's change less W times the mean squared change of all other
voxels, each change in SDs (`probe --selective W`). A probe is on the front if no other shifts the target as far with
as little spill-over, the mean |shift| of all other voxels in SDs. The folder holds trade_off.csv, trade_off.svg and
.png, and weight_W.json for each probe, a probe file as any other.
--json prints {"points": [a row of the table each], "folder"}."""


@explained(EXPLANATION)
@takes(
    (EncoderOptions, ""),
    (TargetOptions, "voxel roi weights contrast_roi contrast_weight direction"),
    (AttackConfig, ATTACK),
)
def run_tradeoff(
    *,
    image: Annotated[str, about("id of an embedded image, or a file")],
    out: NewFolder,
    penalties: Annotated[tuple[float, ...], about("weights W of the penalty, ascending; 0 for none")] = WEIGHTS,
    epsilon: Annotated[
        str | None, about("budget in [0, 1] pixel units, 8/255 allowed (default: 3 for l2, 8/255 for linf)")
    ] = None,
    device: Device = "auto",
    json: Json = False,
    given: Given,
) -> int:
    """Make the probes and write them; returns 0."""
    from core.figures.trade_off import tabulate_trade_off, write_trade_off

    wanted = given.make(TargetOptions)
    check_one_target(wanted)
    attack = resolve_attack(given.of(AttackConfig), preset=None, epsilon=epsilon)
    subject, network, layer = resolve_encoder(given.make(EncoderOptions), roi=wanted.roi or "")
    target = resolve_target(wanted, load_subject(subject).voxels)
    config = ProbeConfig(subject, network, layer, target, wanted.direction, attack)
    plan_trade_off(config, penalties)
    stimulus = find_stimulus(image, size=config.side)
    check_free(out)
    engine = Engine(device=device)
    if (file := given.make(EncoderOptions).encoder) is not None:
        engine.use_encoder_file(file)
    trade = finish(
        lambda stop: iter_trade_off(
            partial(engine.iter_probe, stimulus=stimulus, should_stop=stop), config, weights=penalties
        ),
        lambda record: f"probe {min(int(record.done) + 1, record.total)} of {record.total}",
    )
    folder = write_trade_off(trade, out)
    rows = tabulate_trade_off(trade).frame.to_dict("records")
    return answer({"points": rows, "folder": str(folder)}, lambda: f"{format_table(rows)}\n{folder}", as_json=json)
