"""The colour maps offered, by the names the field gives them. Imports nothing, so that settings can list them."""

from __future__ import annotations

DIVERGING = (
    ("polar", "Polar"),
    ("coolwarm", "coolwarm"),
    ("RdBu_r", "RdBu_r"),
    ("PuOr_r", "PuOr_r"),
    ("berlin", "berlin, dark in the middle"),
    ("cold_hot", "cold_hot, not safe for colour-blind eyes"),
)
SEQUENTIAL = (
    ("viridis", "viridis"),
    ("magma", "magma"),
    ("inferno", "inferno"),
    ("cividis", "cividis"),
    ("Blues_r", "Blues_r"),
)
"""Name and what the interface writes, the default first."""

OLD_NAMES = {"aurora": "berlin", "heath": "PuOr_r", "ember": "magma", "lagoon": "viridis", "glacier": "Blues_r"}
"""What files and settings of version 0.3 call a map, and the map that now stands for it."""
