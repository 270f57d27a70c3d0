"""The one QApplication of a process, with what must be set before it and before torch."""

from __future__ import annotations

import logging
import os
import sys
from types import ModuleType
from typing import cast

from PySide6.QtWidgets import QApplication

from app.look.icons import application_icon

SWITCH_SECONDS = 0.0005
"""How long a thread may hold the interpreter while another waits: Qt gets its turn ten times as often as by default."""


def make_application() -> QApplication:
    """The one QApplication, named and styled."""
    # Spinning OpenMP threads would starve the GUI thread; must be set before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # The GUI thread's short sums are not worth waking BLAS threads; has an effect if numpy is not loaded yet.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Mesa's software renderer must leave the attack a core; must be set before the first OpenGL context.
    os.environ.setdefault("LP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) - 1)))
    keep_triton_out()
    existing = QApplication.instance()
    application = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    application.setApplicationName("Probescope")
    application.setDesktopFileName("probescope")
    application.setWindowIcon(application_icon())
    sys.setswitchinterval(SWITCH_SECONDS)
    return application


def keep_triton_out() -> None:
    """Let torch find no triton.

    Its compiled LLVM and that of Mesa's renderers share symbols: importing it after the first OpenGL context crashes
    the process. Nothing here compiles kernels, and importing it before the first paint would delay the window.
    """
    if "triton" not in sys.modules:
        sys.modules["triton"] = cast(ModuleType, None)
        logging.getLogger("torch.utils.flop_counter").setLevel(logging.ERROR)  # which warns that it is not there
