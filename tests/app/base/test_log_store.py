"""The log: keeps what the program notes, and nothing of other libraries' chatter."""

import logging

from app.base.problems import LogStore


def test_own_notes_are_kept_and_chatter_is_not() -> None:
    store = LogStore()
    store.install()
    try:
        logging.getLogger("app.shell.handlers").info("Wrote %d files", 8)
        logging.getLogger("elsewhere").info("chatter")
    finally:
        store.remove()
    logging.getLogger("app.shell.handlers").info("after the end")
    told = [line.split(maxsplit=3)[3] for line in store.lines]
    assert told == ["Wrote 8 files"]
