"""A standing check: the program's numbers beside the same numbers computed from scratch. See `__main__.py`."""
