"""Finds out what draws: a graphics card or the processor."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtGui import QOffscreenSurface, QOpenGLContext

GL_RENDERER = 0x1F01
SOFTWARE_NAMES = ("llvmpipe", "softpipe", "swiftshader", "software", "microsoft basic render")


@lru_cache(maxsize=1)
def gl_renderer() -> str:
    """The name OpenGL gives its renderer, "" where there is no OpenGL. Needs a QGuiApplication."""
    surface, context = QOffscreenSurface(), QOpenGLContext()
    surface.create()
    if not context.create() or not context.makeCurrent(surface):
        return ""
    name = str(context.functions().glGetString(GL_RENDERER) or "")
    context.doneCurrent()
    return name


def is_software_gl() -> bool:
    """Whether pictures are computed on the processor, where multisampling would cost 3 to 5 times the frame."""
    name = gl_renderer().lower()
    return not name or any(part in name for part in SOFTWARE_NAMES)
