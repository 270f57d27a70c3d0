"""The images an imported subject saw, as items of the gallery. Never reads one before it is painted."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from app.explore.image_list import GalleryItem
from core.datasets.image_store import SEPARATOR, ImageStore, open_image_store
from core.datasets.subject import Subject
from core.types import ByteArray


def list_own_images(subject: Subject | None) -> list[GalleryItem]:
    """One item an image, in the order of the recording; none for a subject whose images are the catalogue's."""
    if subject is None or subject.images is None:
        return []
    source, store = subject.images, open_image_store(subject)
    is_file = source.kind == "files"
    rows = zip(subject.image_ids, source.members, subject.categories, strict=True)
    return [
        GalleryItem(
            f"{subject.id}{SEPARATOR}{identity}",
            identity.replace("_", " "),
            category or subject.title,
            source.path / member if is_file else Path(),
            read=None if is_file else partial(_read, store, identity),
        )
        for identity, member, category in rows
    ]


def _read(store: ImageStore, identity: str, side: int) -> ByteArray:
    return store.load(identity, side).levels
