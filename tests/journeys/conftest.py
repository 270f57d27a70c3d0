"""Imports what a window reads behind its first paint before any journey begins to wait for it."""

import app.shell.features  # noqa: F401
