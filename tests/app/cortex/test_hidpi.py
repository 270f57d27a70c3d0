"""Picks on dense screens: the scale factor is fixed when a program starts, so each one needs its own process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from app.cortex.view import CortexView
from tests.helpers.cortex import make_cortex, make_table
app = QApplication(sys.argv)
view = CortexView()
view.resize(420, 320)
view.set_surface(make_cortex())
view.set_voxels(make_table(make_cortex()))
view.show()
QTest.qWaitForWindowExposed(view)
view.set_named_view("lateral")
scene, towards = view.canvas.scene, -view.canvas.pose.axes()[2]
picked, wanted = [], []
view.voxel_picked.connect(picked.append)
for side, vertex, voxel in make_table(make_cortex()).paint[::4]:
    mesh = scene.meshes[side]
    if mesh.normals[vertex] @ towards > 0.7:
        place = view.canvas.screen_position(mesh.points[vertex]).toPoint()
        QTest.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=place)
        wanted.append(int(voxel))
print(view.canvas.devicePixelRatioF(), len(wanted), picked == wanted)
view.close()
"""


@pytest.mark.parametrize("factor", ["1.5", "2"])
def test_clicks_hit_their_vertex_at_every_scale_factor(factor) -> None:
    root = Path(__file__).resolve().parents[3]
    environment = os.environ | {"QT_SCALE_FACTOR": factor, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ratio, count, agree = done.stdout.split()[-3:]
    assert float(ratio) == float(factor)
    assert int(count) > 5
    assert agree == "True"
