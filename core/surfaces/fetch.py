"""Downloads fsaverage for users, through nilearn. Never called by a test with a network and never at start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from core.checks import check_choice
from core.errors import StorageError
from core.paths import cache_folder, is_offline
from core.surfaces.importer import ImportedSurface, read_surface

MESHES = ("fsaverage6", "fsaverage")
KEYS = ("pial", "white", "infl", "sphere", "flat", "curv", "sulc")

Fetch = Callable[..., Mapping[str, Any]]


def fetch_fsaverage(name: str, *, fetch: Fetch | None = None) -> ImportedSurface:
    """Download an fsaverage (some 40 MB for the full one) into the cache and read it.

    Parameters
    ----------
    name : str
        fsaverage6 or fsaverage.
    fetch : callable or None
        Stands in for `nilearn.datasets.fetch_surf_fsaverage`.

    Raises
    ------
    BadInputError
        If there is no such mesh.
    StorageError
        If it cannot be downloaded.
    """
    check_choice("name", name, MESHES)
    if is_offline():
        raise StorageError(f"Downloads are forbidden (PROBESCOPE_OFFLINE is set): {name} cannot be fetched. Unset it.")
    try:
        files = (fetch or _fetch_with_nilearn)(mesh=name, data_dir=str(cache_folder() / "downloads"))
    except Exception as error:
        raise StorageError(
            f"{name} cannot be downloaded ({type(error).__name__}). Check the connection, or import a folder."
        ) from error
    paths = [Path(files[f"{key}_{side}"]) for key in KEYS for side in ("left", "right") if f"{key}_{side}" in files]
    return read_surface(paths, name=name)


def _fetch_with_nilearn(**options: str) -> Mapping[str, Any]:
    from nilearn.datasets import fetch_surf_fsaverage

    with redirect_stdout(StringIO()):  # it prints its steps there and has no option against it
        files: Mapping[str, Any] = fetch_surf_fsaverage(**options)
    return files
