"""What the figures of an answer mark."""

from __future__ import annotations

import numpy as np

from core.reports.answer_plots import describe_frames, plot_transfer
from core.sweeps.config import AttackKind
from core.sweeps.statistics import UNKNOWN
from core.sweeps.transfer import Case, TransferAnswer, TransferTable
from core.types import NormName


def test_fields_of_related_networks_are_framed_where_the_clusters_put_them() -> None:
    ratio, names = np.full((3, 3), 0.5), ("a", "b", "c")
    table = TransferTable("all", names, ratio, ratio, ratio, np.zeros((6, 3, 3)), (UNKNOWN,) * 3, np.zeros(3))
    case = Case(NormName.L2, AttackKind.PGD, (table,), np.zeros((2, 4)), (2, 0, 1), 0.0, np.ones(3))
    related = np.asarray([[True, True, False], [True, True, False], [False, False, True]])
    answer = TransferAnswer(names, (case,), (), (), (False, True, False), related)
    dashed = [one for one in plot_transfer(answer, case, table).series if one.line == "--"]
    centres = {(float(np.mean(one.y[:4])), float(np.mean(one.x[:4]))) for one in dashed}
    assert centres == {(1.0, 2.0), (2.0, 1.0)}, "a and b stand second and third"
    assert describe_frames(answer, case).endswith("dashed: related networks")
    apart = TransferAnswer(names, (case,), (), (), (False,) * 3, np.eye(3, dtype=bool))
    assert "related" not in describe_frames(apart, case)
