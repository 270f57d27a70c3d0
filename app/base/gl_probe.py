"""Prints what draws 3D pictures here when run by itself (`python -m app.base.gl_probe`)."""

from __future__ import annotations

import sys

import pyvista


def main() -> int:
    """Print the OpenGL renderer of an off-screen context; returns 0."""
    plotter = pyvista.Plotter(off_screen=True, window_size=[64, 64])
    try:
        plotter.add_mesh(pyvista.Sphere())
        plotter.show(auto_close=False)
        window = plotter.render_window
        described = "" if window is None else window.ReportCapabilities()
    finally:
        plotter.close()
    lines = [line.partition(":")[2].strip() for line in described.splitlines() if "renderer string" in line.lower()]
    print(lines[0] if lines else "unknown renderer")
    return 0


if __name__ == "__main__":
    sys.exit(main())
